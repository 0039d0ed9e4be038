"""Steps that the commands over logs share: what the user named, or what is in a bundle or an issue."""

from __future__ import annotations

import io
import sys
from typing import IO, TYPE_CHECKING, Callable, Iterable, Optional, cast

from ..facts.machine import Machine
from .app import BadInput

if TYPE_CHECKING:
    from ..diagnosis.from_logs import Log
    from ..host.host import Host
    from ..logs.chapters import LogReader
    from ..survey.saved import SavedLog

MAX_STDIN_BYTES = 256 << 20
"""Standard input comes once; where it is needed again it is kept up to here."""


def named(reader: LogReader, name: str, runtime: Optional[str], again: bool = False, shown: Optional[str] = None) -> Log:
    """One log that the user named; ``again``: its ``open`` must serve once more. Raises BadInput for what is no readable log."""
    from ..logs import stream

    if name != "-":
        return _read(reader, shown or name, lambda: stream.open_file(name), runtime)
    if sys.stdin is None or sys.stdin.isatty():
        raise BadInput("-: nothing comes in on standard input; pipe the log into llmdoctor diagnose -")
    if again:
        content = sys.stdin.buffer.read(MAX_STDIN_BYTES)
        return _read(reader, "standard input", lambda: io.BytesIO(content), runtime)
    return _read(reader, "standard input", lambda: cast(IO[bytes], sys.stdin.buffer), runtime)


def saved(reader: LogReader, log: SavedLog, runtime: Optional[str], is_here: bool) -> Log:
    """A log out of a bundle or an issue. Raises BadInput where it holds nothing."""
    found = _read(reader, log.name, lambda: io.BytesIO(log.content), runtime or log.runtime)
    return found._replace(origin="here") if is_here else found


def of_runtimes(host: Host, machine: Machine, reader: LogReader, runtime: Optional[str]) -> list[Log]:
    """Those that are found here. Raises BadInput where there is none."""
    from ..diagnosis import from_logs
    from ..logs.stream import LogError

    try:
        return from_logs.of_runtimes(host, machine, reader, runtime)
    except LogError as error:
        raise BadInput(f"{error}; name a FILE, or pipe one in with -") from None


def check_runtime(runtime: Optional[str], known: Iterable[str]) -> None:
    """Raises BadInput for a name that is no runtime's."""
    if runtime is not None and runtime not in known:
        import difflib

        near = difflib.get_close_matches(runtime, list(known), 1)
        raise BadInput(f"--runtime: there is no runtime {runtime!r}" + (f"; did you mean {near[0]}?" if near else ""))


def _read(reader: LogReader, name: str, opener: Callable[[], IO[bytes]], runtime: Optional[str]) -> Log:
    from ..diagnosis import from_logs
    from ..logs.stream import LogError

    try:
        with opener() as raw:
            return from_logs.read(reader, name, raw, runtime)._replace(open=opener)
    except LogError as error:
        raise BadInput(str(error)) from None
