"""Answers questions from the machine that this runs on. Only looks, and never raises."""

from __future__ import annotations

import errno
import os
import threading
import time
from typing import Any, Callable, Union

from . import files, system
from .question import ABSENT, Absent, Answer, Question, Unknowable


def _reason(error: OSError) -> str:
    if error.errno in (errno.EACCES, errno.EPERM):
        return f"no permission to read {error.filename}" if error.filename else "no permission"
    return (error.strerror or type(error).__name__).lower()


def _processes(*key: Union[str, int]) -> Any:
    from . import processes

    if key:
        name = processes.name_of(int(key[1]))
        if name is None:
            raise Absent
        return name
    return processes.relevant()


def _listeners() -> Any:
    from . import sockets

    return sockets.listeners()


def _http(port: int, path: str, deadline_ms: int) -> Any:
    from . import sockets

    reply = sockets.http_get(port, path, deadline_ms / 1000)
    if reply is None:
        raise Absent
    return reply


def _psutil(function: str) -> Any:
    import psutil

    allowed = ("virtual_memory", "swap_memory", "cpu_count", "boot_time", "disk_partitions")
    if function not in allowed:
        raise Unknowable("not a query")
    value = getattr(psutil, function)()
    if isinstance(value, list):
        return [item._asdict() for item in value]
    return value._asdict() if hasattr(value, "_asdict") else value


def _winapi(function: str, *key: Union[str, int]) -> Any:
    if os.name != "nt":
        raise Absent
    from . import windows

    return windows.answer(function, key)


_DIRECT: dict[str, Callable[..., Any]] = {
    "file": files.read_text,
    "grep": files.grep,
    "bytes": files.read_bytes,
    "list": files.list_names,
    "stat": files.status,
    "realpath": files.real_path,
    "which": files.programs,
    "ld_cache": files.loader_cache,
    "env": system.variable,
    "system": system.call,
    "processes": _processes,
    "listeners": _listeners,
    "http": _http,
    "psutil": _psutil,
    "winapi": _winapi,
}


class Live:
    """The live backend. ``close`` ends the child that holds NVML."""

    def __init__(self) -> None:
        self._nvml: Any = None
        self._lock = threading.Lock()
        self._answers: dict[Question, tuple[threading.Event, list[Answer]]] = {}

    def __call__(self, question: Question) -> Answer:
        if question.kind == "worker":  # a test is made anew each time
            return self._answer(question)
        # Every question is asked once, also by several probes at a time: what was seen before NVIDIA's libraries were
        # loaded stays as it was seen, and a recording tells one story.
        with self._lock:
            known = self._answers.get(question)
            mine = known is None
            if known is None:
                known = self._answers[question] = threading.Event(), []
        ready, answers = known
        if mine:
            started = time.monotonic()
            answer = self._answer(question)
            answer.ms = answer.ms or (time.monotonic() - started) * 1000
            answers.append(answer)
            ready.set()
        else:
            ready.wait()
        return answers[0]

    def now(self, question: Question) -> Answer:
        """Asks anew, whatever was answered before: for what changes by the second."""
        return self._answer(question)

    def _answer(self, question: Question) -> Answer:
        kind, key = question
        try:
            if kind == "command":
                from . import command

                return command.run([str(word) for word in key[1:]], int(key[0]) / 1000)
            if kind == "nvml":
                answer: Answer = self._open_nvml().ask(str(key[0]), key[1:])
                return answer
            if kind == "cuda.init":
                from .gpu_libraries import cuda_init

                return cuda_init(bool(key[0]), int(key[1]))
            if kind == "worker":
                from . import worker

                return worker.run(str(key[0]), key[1:-1], int(key[-1]))
            return Answer(value=_DIRECT[kind](*key))
        except (Absent, FileNotFoundError, NotADirectoryError, ModuleNotFoundError):
            return Answer(error=ABSENT)
        except Unknowable as why:
            return Answer(error=str(why))
        except OSError as error:
            return Answer(error=_reason(error))
        except Exception as error:  # a defect of ours must not take the doctor down: it is a reason like others
            return Answer(error=f"{type(error).__name__}: {error}")

    def _open_nvml(self) -> Any:
        from .gpu_libraries import Nvml

        with self._lock:
            if self._nvml is None:
                self._nvml = Nvml()
            return self._nvml

    def close(self) -> None:
        if self._nvml is not None:
            self._nvml.close()


def live() -> Live:
    """A backend on this machine."""
    return Live()
