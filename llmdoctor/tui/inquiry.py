"""What triage asks, why, and how it gets from an answer to a log and to a diagnosis. Nothing of Textual."""

from __future__ import annotations

import io
import os
from typing import TYPE_CHECKING, NamedTuple, Optional

from ..diagnosis import from_logs
from ..facts.finding import Diagnosis, Finding
from ..facts.machine import Machine
from ..facts.run import Run
from ..logs.stream import LogError, open_file
from ..report.private import hide_in_log_lines

if TYPE_CHECKING:
    from .session import Session

PASTED = "the pasted text"


class Symptom(NamedTuple):
    key: str
    says: str
    areas: frozenset[str]
    """Of the rules: findings of the machine itself that may bring this about."""
    log: str
    """Which log tells most."""


def _symptom(key: str, says: str, areas: str, log: str) -> Symptom:
    return Symptom(key, says, frozenset(areas.split()), log)


SYMPTOMS = (
    _symptom("crashes at load", "the model does not load, or the program ends", "driver cuda cpu file dll gpu env rocm vulkan metal wsl disk",
             "the server's log, from its start to the crash"),
    _symptom("slow", "answers come, but slowly", "perf gpu cpu driver cuda env disk wsl docker runtime", "the server's log of a load and one answer"),
    _symptom("out of memory", "an allocation fails, or the system kills the program", "oom config env", "the server's log around the failed load"),
    _symptom("not on the GPU", "it runs, but on the CPU", "driver cuda gpu env docker rocm vulkan intel wsl runtime", "the server's log from its start"),
    _symptom("wrong output", "nonsense, repetition, or nothing", "output config file", "the server's log of the load and of one answer"),
    _symptom("cannot connect", "a client does not reach the server", "net runtime docker config", "the client's message, or the server's log"),
    _symptom("cannot install", "pip, cmake or an installer fails", "build deps os cuda disk net env", "all that the installer printed"),
)  # fmt: skip


def shown_by_machine(symptom: Symptom, diagnosis: Optional[Diagnosis]) -> list[Finding]:
    """What the machine itself already shows that may bring the symptom about."""
    found = diagnosis.findings if diagnosis is not None else []
    return [one for one in found if one.severity != "info" and one.id.partition(".")[0] in symptom.areas]


def installed(machine: Optional[Machine]) -> list[str]:
    runtimes = machine.runtimes if machine is not None else {}
    return [name for name, one in runtimes.items() if one.installed is True]


def others(machine: Optional[Machine]) -> list[str]:
    """Runtimes that were not found here; those whose log may still be pasted."""
    from ..runtimes import runtime_names

    here = set(installed(machine))
    return sorted(name for name in runtime_names() if name not in here)


def from_found(session: Session, runtime: Optional[str]) -> Diagnosis:
    """Of the logs that lie on this machine. Raises LogError where none is found."""
    machine = session.machine
    if session.source is not None or machine is None:
        raise LogError("a saved machine brings no logs along")
    with session.log_reader() as reader:
        logs = from_logs.of_runtimes(session.host(), machine, reader, runtime)
    return _without_private(session, from_logs.diagnose(machine, session.rules(), logs))


def from_text(session: Session, text: str, runtime: Optional[str]) -> Diagnosis:
    """Of a log that was pasted. Raises LogError for what is no log."""
    with session.log_reader() as reader:
        log = from_logs.read(reader, PASTED, io.BytesIO(text.encode("utf-8", "replace")), runtime)
    return _diagnosed(session, log)


def from_path(session: Session, path: str, runtime: Optional[str], offset: int = 0) -> Diagnosis:
    """Of a file, from this byte on. Raises LogError for what cannot be read."""
    name = os.path.expanduser(path)
    with session.log_reader() as reader, open_file(name) as raw:
        if offset:
            raw.seek(offset)
        log = from_logs.read(reader, name, raw, runtime)
    return _diagnosed(session, log)


def _diagnosed(session: Session, log: from_logs.Log) -> Diagnosis:
    return _without_private(session, from_logs.diagnose(session.machine, session.rules(), [log]))


def _without_private(session: Session, diagnosis: Diagnosis) -> Diagnosis:
    """The lines of logs that are shown may be copied from the screen."""
    hide_in_log_lines(diagnosis, session.redactor())
    return diagnosis


def size_of(path: str) -> int:
    """Bytes; 0 where there is no file yet. Raises LogError for what is no file."""
    name = os.path.expanduser(path)
    if os.path.isdir(name):
        raise LogError(f"{name}: is a folder; name a log file in it")
    return os.path.getsize(name) if os.path.exists(name) else 0


def shows_trouble(diagnosis: Diagnosis) -> bool:
    failed = any(run.outcome == "failed" for run in diagnosis.runs)
    return failed or any(one.severity != "info" for one in diagnosis.findings)


def run_with_model(diagnosis: Optional[Diagnosis]) -> Optional[tuple[str, Run]]:
    """The model that a judged run names, and the run: what the fit screen can begin with."""
    for run in diagnosis.runs if diagnosis is not None else []:
        if isinstance(run.model, str):
            return run.model, run
    return None
