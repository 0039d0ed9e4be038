"""Steps that the commands over logs share: open what the user named or what is found here, and read it."""

from __future__ import annotations

import io
import sys
from typing import IO, TYPE_CHECKING, Callable, Iterable, Iterator, NamedTuple, Optional, cast

from ..facts.machine import Machine
from .app import BadInput

if TYPE_CHECKING:
    from ..host.host import Host
    from ..logs.chapters import Chapter, LogReader
    from ..survey.found_logs import FoundLog
    from ..survey.saved import SavedLog


class Log(NamedTuple):
    name: str
    chapters: list[Chapter]
    origin: str
    """``LogSummary.machine``."""
    lines: int
    open: Callable[[], IO[bytes]]
    """Opens it once more. Raises LogError."""


MAX_STDIN_BYTES = 256 << 20
"""Standard input comes once; where it is needed again it is kept up to here."""


def named(reader: LogReader, name: str, runtime: Optional[str], again: bool = False, shown: Optional[str] = None) -> Log:
    """One log that the user named; ``again``: its ``open`` must serve once more. Raises BadInput for what is no readable log."""
    from ..logs import stream

    try:
        if name != "-":
            return _read(reader, shown or name, lambda: stream.open_file(name), runtime)
        if sys.stdin is None or sys.stdin.isatty():
            raise BadInput("-: nothing comes in on standard input; pipe the log into llmdoctor diagnose -")
        if again:
            content = sys.stdin.buffer.read(MAX_STDIN_BYTES)
            return _read(reader, "standard input", lambda: io.BytesIO(content), runtime)
        return _read(reader, "standard input", lambda: cast(IO[bytes], sys.stdin.buffer), runtime)
    except stream.LogError as error:
        raise BadInput(str(error)) from None


def saved(reader: LogReader, log: SavedLog, runtime: Optional[str], is_here: bool) -> Log:
    """A log out of a bundle or an issue. Raises BadInput where it holds nothing."""
    from ..logs.stream import LogError

    try:
        found = _read(reader, log.name, lambda: io.BytesIO(log.content), runtime or log.runtime)
    except LogError as error:
        raise BadInput(str(error)) from None
    return found._replace(origin="here") if is_here else found


def of_runtimes(host: Host, machine: Machine, reader: LogReader, runtime: Optional[str]) -> list[Log]:
    """Of each installed runtime the newest log that shows a trouble; where none does, the newest. Raises BadInput where
    there is no log."""
    from ..survey.found_logs import found_logs

    logs: list[Log] = []
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


def with_origin(log: Log, machine: Optional[Machine], is_known: bool) -> Log:
    """Says whether a log is from this machine: by the cards and the system that it names."""
    from ..diagnosis.origin import origin_of

    if machine is None:
        return log._replace(origin="elsewhere")
    if log.origin == "here" or is_known:
        return log._replace(origin="here")
    return log._replace(origin=origin_of(log.chapters, machine))


def check_runtime(runtime: Optional[str], known: Iterable[str]) -> None:
    """Raises BadInput for a name that is no runtime's."""
    if runtime is not None and runtime not in known:
        import difflib

        near = difflib.get_close_matches(runtime, list(known), 1)
        raise BadInput(f"--runtime: there is no runtime {runtime!r}" + (f"; did you mean {near[0]}?" if near else ""))


def _read(reader: LogReader, name: str, opener: Callable[[], IO[bytes]], runtime: Optional[str]) -> Log:
    from ..logs.stream import blocks

    with opener() as raw:
        chapters = reader.read(name, blocks(raw, name), runtime)
    if reader.lines == 0 and reader.bytes == 0:
        raise BadInput(f"{name}: holds nothing")
    return Log(name, chapters, "maybe", reader.lines, opener)


def _readable(found: Iterable[FoundLog], reader: LogReader, runtime: str, tried: list[str]) -> Iterator[Log]:
    from ..logs.stream import LogError

    for log in found:
        try:
            yield _read(reader, log.name, log.open, runtime)._replace(origin="here")
        except (LogError, BadInput) as error:
            tried.append(str(error))
