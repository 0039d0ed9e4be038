"""NVML and the CUDA driver API, each asked in a child process under a deadline."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from typing import Any, Optional, Union

import msgspec

from .command import end_group, spawn
from .question import ABSENT, Answer
from .text import clean

_HERE = os.path.dirname(os.path.abspath(__file__))

NVML_DEADLINE_S = 10.0
"""NVIDIA documents 1 to 3 s of initialisation per GPU where no process keeps the driver awake
("Driver Persistence", docs.nvidia.com/deploy/driver-persistence): slow is not hung."""

_NOT_THERE = ("NVML_ERROR_NOT_SUPPORTED", "NVML_ERROR_FUNCTION_NOT_FOUND", "NVML_ERROR_NOT_FOUND")


def _python(*arguments: str) -> list[str]:
    # -I and -S: no user code, no site: the child starts in about 10 ms.
    return [sys.executable, "-I", "-S", *arguments]


class Nvml:
    """The one door to NVML: a child that answers queries, started at the first."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: Optional[subprocess.Popen[bytes]] = None
        self._failure: Optional[str] = None
        self._deadline_s = NVML_DEADLINE_S  # read when made: tests shorten it

    def ask(self, function: str, arguments: tuple[Union[str, int], ...]) -> Answer:
        """``value``, or ``error``: ``absent`` for what this card or driver does not have, else NVML's name of the error."""
        with self._lock:
            if self._failure is not None:
                return Answer(error=self._failure)
            if self._process is None:
                self._start()
            if self._failure is not None or function == "nvmlInit":
                return Answer(error=self._failure)
            reply = self._exchange(function, arguments)
        error = reply.get("error")
        if error is None:
            return Answer(value=reply.get("value"))
        return Answer(error=ABSENT if error in _NOT_THERE else str(error))

    def _start(self) -> None:
        from importlib.util import find_spec

        spec = find_spec("pynvml")
        if spec is None or spec.origin is None:
            self._failure = "the Python package nvidia-ml-py is not installed"
            return
        folder = os.path.dirname(spec.origin)
        if os.path.basename(spec.origin) == "__init__.py":
            folder = os.path.dirname(folder)
        try:
            self._process = spawn(
                _python(os.path.join(_HERE, "nvml_child.py"), folder), stdin=subprocess.PIPE, stderr=subprocess.DEVNULL
            )
        except OSError as error:
            self._failure = f"a helper process could not be started: {error.strerror}"
            return
        reply = self._exchange("nvmlInit", ())
        self._failure = reply.get("error")

    def _exchange(self, function: str, arguments: tuple[Union[str, int], ...]) -> dict[str, Any]:
        process = self._process
        assert process is not None and process.stdin is not None and process.stdout is not None
        line: list[bytes] = []
        stdout = process.stdout

        def read() -> None:
            line.append(stdout.readline(1 << 20))

        try:
            process.stdin.write(msgspec.json.encode([function, *arguments]) + b"\n")
            process.stdin.flush()
        except OSError:
            return self._lost(process)
        reader = threading.Thread(target=read, daemon=True)
        reader.start()
        reader.join(self._deadline_s)
        if not line:
            end_group(process)
            self._failure = f"NVML did not answer within {self._deadline_s:.0f} s ({function})"
            return {"error": self._failure}
        try:
            reply = msgspec.json.decode(line[0])
        except msgspec.DecodeError:
            return self._lost(process)
        return reply if isinstance(reply, dict) else self._lost(process)

    def _lost(self, process: subprocess.Popen[bytes]) -> dict[str, Any]:
        try:
            status = process.wait(0.5)
            self._failure = f"NVML crashed (exit status {status})"
        except subprocess.TimeoutExpired:
            end_group(process)
            self._failure = "NVML gave an unreadable answer"
        return {"error": self._failure}

    def close(self) -> None:
        """Ends the child; leaves one that cannot die."""
        with self._lock:
            if self._process is not None:
                end_group(self._process)
                self._process = None
                self._failure = self._failure or "NVML was closed"


def cuda_init(all_devices: bool, deadline_ms: int) -> Answer:
    """The CUDA driver API's account of itself, gathered from the child's lines; see ``Host.cuda_init``."""
    environment = dict(os.environ)
    if all_devices:
        environment.pop("CUDA_VISIBLE_DEVICES", None)
    try:
        process = spawn(_python(os.path.join(_HERE, "cuda_child.py")), environment, stderr=subprocess.DEVNULL)
    except OSError as error:
        return Answer(error=f"a helper process could not be started: {error.strerror}")
    chunks: list[bytes] = []
    stdout = process.stdout
    assert stdout is not None

    def read() -> None:
        for line in stdout:
            chunks.append(line)

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    story: dict[str, Any] = {"calls": [], "devices": [], "signal": None, "timed_out": False}
    try:
        status = process.wait(deadline_ms / 1000)
        story["signal"] = -status if status < 0 else None
        reader.join(0.5)
    except subprocess.TimeoutExpired:
        story["timed_out"] = True
        end_group(process)
    for line in list(chunks):
        try:
            words = msgspec.json.decode(clean(line).encode())
        except msgspec.DecodeError:
            continue
        if "call" in words:
            story["calls"].append(words["call"])
        elif "device" in words:
            story["devices"].append(words["device"])
        else:
            story.update(words)
    return Answer(value=story)
