"""From logs, named or found, to a diagnosis: what the command ``diagnose`` and the screens share."""

from __future__ import annotations

from typing import IO, Callable, Iterable, Iterator, NamedTuple, Optional, Sequence

from .. import __version__
from ..facts.finding import Diagnosis, LogSummary
from ..facts.machine import Machine
from ..host.host import Host
from ..logs.chapters import Chapter, LogReader
from ..logs.stream import LogError, blocks
from ..runtimes import all_readers
from ..survey.found_logs import FoundLog, found_logs
from .log_engine import judge_logs
from .origin import origin_of
from .rule import Rule


class Log(NamedTuple):
    name: str
    chapters: list[Chapter]
    origin: str
    """As ``LogSummary.machine``; ``maybe`` until it is asked."""
    lines: int
    open: Optional[Callable[[], IO[bytes]]] = None
    """Opens it once more, where that can be done. Raises LogError."""


def reader_of(rules: Iterable[Rule]) -> LogReader:
    """One scanner of all rules' patterns and all runtimes' readers, for any number of logs."""
    return LogReader((pattern for rule in rules for pattern in rule.patterns()), all_readers())


def read(reader: LogReader, name: str, raw: IO[bytes], runtime: Optional[str] = None) -> Log:
    """``runtime`` is whose log it is, where that is known. Raises LogError for what is no readable log."""
    chapters = reader.read(name, blocks(raw, name), runtime)
    if reader.lines == 0 and reader.bytes == 0:
        raise LogError(f"{name}: holds nothing")
    return Log(name, chapters, "maybe", reader.lines)


def of_runtimes(host: Host, machine: Machine, reader: LogReader, runtime: Optional[str] = None) -> list[Log]:
    """Of each installed runtime, or of this one, the newest log that shows a trouble; where none does, the newest.

    Raises LogError where there is none, and says what was tried.
    """
    logs: list[Log] = []
    tried: list[str] = []
    by_runtime: dict[str, list[FoundLog]] = {}
    for found in found_logs(host, machine):
        if runtime is None or found.runtime == runtime:
            by_runtime.setdefault(found.runtime, []).append(found)
    for name, of_runtime in by_runtime.items():
        each = list(_readable(of_runtime, reader, name, tried))
        failed = (log for log in each if any(run.outcome == "failed" for one in log.chapters for run in one.runs))
        logs += [next(failed, each[0])] if each else []
    if not logs:
        installed = [name for name, one in machine.runtimes.items() if one.installed is True and runtime in (None, name)]
        where = f"of {', '.join(installed)}" if installed else "(no runtime that we know is installed here)"
        more = f"; tried: {'; '.join(tried)}" if tried else ""
        raise LogError(f"no log {where} was found{more}")
    return logs


def _readable(found: Iterable[FoundLog], reader: LogReader, runtime: str, tried: list[str]) -> Iterator[Log]:
    for log in found:
        try:
            with log.open() as raw:
                yield read(reader, log.name, raw, runtime)._replace(origin="here", open=log.open)
        except LogError as error:
            tried.append(str(error))


def diagnose(machine: Optional[Machine], rules: Sequence[Rule], logs: Iterable[Log], from_this: bool = False) -> Diagnosis:
    """``from_this``: the user says that all logs are of this machine. Without a machine its facts take no part."""
    of_where = [placed(log, machine, from_this) for log in logs]
    outcome = judge_logs(machine, rules, [(log.chapters, log.origin) for log in of_where])
    return Diagnosis(
        tool_version=__version__,
        machine=machine or Machine(),
        logs=[LogSummary(name=log.name, lines=log.lines, machine=log.origin) for log in of_where],
        runs=outcome.runs,
        findings=outcome.findings,
        explained=outcome.explained,
        passed=outcome.passed if of_where else 0,  # no log, no cause that could have left a trace
    )


def placed(log: Log, machine: Optional[Machine], from_this: bool) -> Log:
    """The log with its origin: whether it is from this machine, by the cards and the system that it names."""
    if machine is None:
        return log._replace(origin="elsewhere")
    return log._replace(origin="here" if log.origin == "here" or from_this else origin_of(log.chapters, machine))
