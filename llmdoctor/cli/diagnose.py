"""``llmdoctor diagnose``: from logs to causes."""

from __future__ import annotations

import sys
import time
from typing import IO, TYPE_CHECKING, Iterable, Iterator, NamedTuple, Optional, cast

import click

from .. import __version__
from ..facts.finding import Diagnosis, LogSummary
from ..facts.machine import Machine
from . import common
from .app import BadInput

if TYPE_CHECKING:
    from ..host.host import Host
    from ..logs.chapters import Chapter, LogReader
    from ..survey.found_logs import FoundLog


class _Log(NamedTuple):
    name: str
    chapters: list[Chapter]
    origin: str
    lines: int


@click.command(short_help="Read logs and say what went wrong.")
@click.argument("files", nargs=-1, metavar="[FILE...|-]")
@click.option("--runtime", metavar="NAME", help="Whose log it is, or whose logs to look for, where no FILE is given.")
@click.option("--no-machine", is_flag=True, help="The log is from another machine: leave this one's facts out.")
@click.option("--from", "source", metavar="FILE", help="The log is from this saved machine.")
@common.FORMAT
@common.RULES
@common.ONLY
@common.FAIL_ON
@common.DEADLINE
def diagnose(
    files: tuple[str, ...],
    runtime: Optional[str],
    no_machine: bool,
    source: Optional[str],
    form: str,
    folder: Optional[str],
    only: tuple[str, ...],
    fail_on: str,
    deadline: float,
) -> int:
    """Read logs and say what went wrong, how it is known, and what to do.

    FILE may be packed (gzip, bzip2, xz, zstd) and - is standard input. Without FILE the logs of the installed runtimes are
    found and the latest run that failed is judged. Exit status: 0 nothing found at or above --fail-on, 1 findings, 2 bad input.
    """
    started = time.monotonic()
    from ..diagnosis.log_engine import judge_logs
    from ..logs.chapters import LogReader
    from ..report.output import show
    from ..runtimes import all_readers, runtime_names

    _check(files, runtime, no_machine, source, runtime_names())
    rules = common.load_rules(folder, only)
    reader = LogReader((pattern for rule in rules for pattern in rule.patterns()), all_readers())
    # The logs first: a fault in their names is told at once, and the machine is looked at only where it matters.
    logs = [_read(reader, name, runtime) for name in files]
    machine, host = _machine(no_machine, source, deadline)
    looked = time.monotonic()
    if not files:
        assert machine is not None and host is not None
        logs = _of_runtimes(host, machine, reader, runtime)
    logs = [log._replace(origin=_origin(log, machine, source is not None)) for log in logs]
    outcome = judge_logs(machine, rules, [(log.chapters, log.origin) for log in logs])
    done = time.monotonic()
    diagnosis = Diagnosis(
        tool_version=__version__,
        machine=machine or Machine(),
        logs=[LogSummary(name=log.name, lines=log.lines, machine=log.origin) for log in logs],
        runs=outcome.runs,
        findings=outcome.findings,
        explained=outcome.explained,
        passed=outcome.passed,
        timings_ms={"looking": common.milliseconds(looked - started), "judging": common.milliseconds(done - looked)},
    )
    show(diagnosis, form, common.milliseconds(done - started))
    return common.exit_status(diagnosis.findings, fail_on)


def _check(
    files: tuple[str, ...], runtime: Optional[str], no_machine: bool, source: Optional[str], known: Iterable[str]
) -> None:
    if runtime is not None and runtime not in known:
        import difflib

        near = difflib.get_close_matches(runtime, list(known), 1)
        raise BadInput(f"--runtime: there is no runtime {runtime!r}" + (f"; did you mean {near[0]}?" if near else ""))
    if not files and (no_machine or source):
        raise BadInput(f"{'--no-machine' if no_machine else '--from'} needs a log: name its FILE, or - for standard input")
    if no_machine and source:
        raise BadInput("--no-machine and --from contradict each other")


def _machine(no_machine: bool, source: Optional[str], deadline: float) -> tuple[Optional[Machine], Optional[Host]]:
    from ..survey import storage, survey

    if no_machine:
        return None, None
    try:
        if source is not None:
            return storage.open_saved(source, deadline).machine, None
        recorder = storage.Recorder.live()
        try:
            return survey.look(recorder.host, deadline).machine, recorder.host
        finally:
            recorder.close()
    except storage.StorageError as error:
        raise BadInput(str(error)) from None


def _read(reader: LogReader, name: str, runtime: Optional[str]) -> _Log:
    """One log that the user named. Raises BadInput for what is no readable log."""
    from ..logs import stream

    try:
        if name == "-":
            if sys.stdin is None or sys.stdin.isatty():
                raise BadInput("-: nothing comes in on standard input; pipe the log into llmdoctor diagnose -")
            return _chapters(reader, name, cast(IO[bytes], sys.stdin.buffer), runtime)
        with stream.open_file(name) as raw:
            return _chapters(reader, name, raw, runtime)
    except stream.LogError as error:
        raise BadInput(str(error)) from None


def _chapters(reader: LogReader, name: str, raw: IO[bytes], runtime: Optional[str]) -> _Log:
    from ..logs.stream import blocks

    shown = "standard input" if name == "-" else name
    chapters = reader.read(shown, blocks(raw, shown), runtime)
    if reader.lines == 0 and reader.bytes == 0:
        raise BadInput(f"{shown}: holds nothing")
    return _Log(shown, chapters, "maybe", reader.lines)


def _of_runtimes(host: Host, machine: Machine, reader: LogReader, runtime: Optional[str]) -> list[_Log]:
    """Of each installed runtime the newest log that shows a trouble; where none does, the newest."""
    from ..survey.found_logs import found_logs

    logs: list[_Log] = []
    tried: list[str] = []
    by_runtime: dict[str, list[FoundLog]] = {}
    for found in found_logs(host, machine):
        if runtime is None or found.runtime == runtime:
            by_runtime.setdefault(found.runtime, []).append(found)
    for name, of_runtime in by_runtime.items():
        read = list(_readable(of_runtime, reader, name, tried))
        failed = (log for log in read if any(run.outcome == "failed" for one in log.chapters for run in one.runs))
        logs += [next(failed, read[0])] if read else []
    if not logs:
        installed = [name for name, one in machine.runtimes.items() if one.installed is True and runtime in (None, name)]
        where = f"of {', '.join(installed)}" if installed else "(no runtime that we know is installed here)"
        more = f"; tried: {'; '.join(tried)}" if tried else ""
        raise BadInput(f"no log {where} was found; name a FILE, or pipe one in with -{more}")
    return logs


def _readable(found: Iterable[FoundLog], reader: LogReader, runtime: str, tried: list[str]) -> Iterator[_Log]:
    from ..logs.stream import LogError

    for log in found:
        try:
            with log.open() as raw:
                yield _chapters(reader, log.name, raw, runtime)._replace(origin="here")
        except (LogError, BadInput) as error:
            tried.append(str(error))


def _origin(log: _Log, machine: Optional[Machine], is_known: bool) -> str:
    """Whether a log is from this machine: by the cards and the system that it names."""
    from ..diagnosis.origin import origin_of

    if machine is None:
        return "elsewhere"
    if log.origin == "here" or is_known:
        return "here"
    return origin_of(log.chapters, machine)
