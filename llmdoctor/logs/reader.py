"""How a log becomes Runs: readers name the lines that tell something, a builder puts it together.

A runtime brings its readers; they share the scanner with the rules, so that a log is read once. A log falls into
*chapters* (a server process from its start to the next start), a chapter into *runs* (one start of a model each).
"""

from __future__ import annotations

import contextlib
import copy
import typing
from typing import Any, Callable, Mapping, NamedTuple, Optional, Union

from ..catalogs import ntstatus, signals
from ..facts.fact import Unknown
from ..facts.run import Allocation, ExitStatus, Run, RunDevice

MAX_DEVICES = 64
MAX_EXITS = 16
_UNITS = {"kib": 1 << 10, "mib": 1 << 20, "gib": 1 << 30, "kb": 10**3, "mb": 10**6, "gb": 10**9}
_LIKELY_ENDS = frozenset(
    (0xC0000005, 0xC000001D, 0xC000007B, 0xC00000FD, 0xC0000135, 0xC0000139, 0xC0000142, 0xC0000374, 0xC0000409)
)
"""What programs end with, of the codes that a number with lost digits may stand for: crashes and libraries that do not load."""
_YES = ("1", "true", "on", "yes", "enabled")

Value = Union[str, int, float, bool]


class Reader(NamedTuple):
    """A line that tells something of a run.

    Without ``apply`` each named group is the Run field of its name, turned into that field's type; the endings ``_kib``,
    ``_mib``, ``_gib``, ``_kb``, ``_mb`` and ``_gb`` in place of ``_bytes`` give the unit (the first three 1024-based).
    """

    text: tuple[str, ...]
    """Literals, one of which the line holds."""
    match: str
    """RE2 pattern searched in the line."""
    apply: Optional[Callable[[Builder, Mapping[str, str], int], None]] = None
    begins: Optional[str] = None
    """``boot``: a server process starts, a new chapter; ``load``: a model is being loaded, a new run."""


class _Field(NamedTuple):
    name: str
    type: type
    factor: int


def _fields() -> dict[str, _Field]:
    """Group name to the Run field that it fills."""
    found: dict[str, _Field] = {}
    for name, hint in typing.get_type_hints(Run).items():
        plain = [one for one in typing.get_args(hint) if one in (str, int, float, bool)]
        if len(plain) != 1:
            continue
        found[name] = _Field(name, plain[0], 1)
        if name.endswith("_bytes"):
            for unit, factor in _UNITS.items():
                found[f"{name[:-6]}_{unit}"] = _Field(name, int, factor)
    return found


_FIELDS = _fields()


def value_of(group: str, text: str) -> Optional[tuple[str, Value]]:
    """The Run field and its value that a group's text gives; None where the text is no such value.

    >>> value_of("model_mib", "4403.5"), value_of("flash_attention", "on"), value_of("n_ctx", "4k")
    (('model_bytes', 4617404416), ('flash_attention', True), None)
    """
    field = _FIELDS.get(group)
    if field is None:
        return None
    try:
        if field.type is bool:
            return field.name, text.strip().lower() in _YES
        if field.type is int:
            return field.name, int(text) if field.factor == 1 else round(float(text) * field.factor)
        return field.name, field.type(text)
    except (ValueError, OverflowError):
        return None


class Builder:
    """The run that a log is telling just now."""

    def __init__(self, log: Optional[str] = None, base: Optional[Run] = None) -> None:
        self.base = base or Run()
        self.run = copy.deepcopy(self.base)
        self.run.log = log
        self.note: dict[str, Any] = {}
        """Scratch memory of the current run for formats that go over several lines."""
        self.log_note: dict[str, Any] = {}
        """Scratch memory that goes from one run of the log to the next."""

    def begin_load(self, line: int) -> None:
        """A new run, which knows what the server told before its first load."""
        log = self.run.log
        if self.run.first_line is None and not self.note.get("loads"):
            self.base = copy.deepcopy(self.run)
        self.run = copy.deepcopy(self.base)
        self.run.log, self.run.first_line = log, line
        self.note = {"loads": True}

    def set(self, field: str, value: Value, line: int, again: bool = False) -> None:
        """Sets a field of the run and notes its line. What the run told first stays, unless ``again``."""
        if again or isinstance(getattr(self.run, field), Unknown) or (field in self.run.lines and self._inherited(field)):
            setattr(self.run, field, value)
            self.run.lines[field] = line

    def _inherited(self, field: str) -> bool:
        return self.run.first_line is not None and self.run.lines[field] < self.run.first_line

    def device(self, name: str) -> RunDevice:
        """The device of this name in the run, made if new."""
        for device in self.run.devices:
            if device.name == name:
                return device
        device = RunDevice(name=name)
        if len(self.run.devices) < MAX_DEVICES:
            self.run.devices.append(device)
        return device

    def fail(
        self,
        line: int,
        requested_bytes: Optional[int] = None,
        device: Optional[str] = None,
        part: Optional[str] = None,
        free_bytes: Optional[int] = None,
        total_bytes: Optional[int] = None,
    ) -> None:
        """The allocation that failed. The first of a run stays; later messages fill in what it did not say."""
        failed = self.run.failed_allocation
        if failed is None:
            failed = self.run.failed_allocation = Allocation(line=line)
        told: dict[str, Union[str, int, None]] = {
            "requested_bytes": requested_bytes, "device": device, "part": part, "free_bytes": free_bytes,
            "total_bytes": total_bytes,
        }  # fmt: skip
        for name, value in told.items():
            if value is not None and isinstance(getattr(failed, name), Unknown):
                setattr(failed, name, value)
        self.set("outcome", "failed", line, again=True)

    def exit(self, spelling: str, line: int) -> None:
        """An exit status as printed, decoded: a signal, an NTSTATUS or a number that says no more."""
        if len(self.run.exits) < MAX_EXITS:
            self.run.exits.append(ExitStatus(spelling=spelling, names=exit_names(spelling), line=line))

    def apply(self, reader: Reader, groups: Mapping[str, str], line: int) -> None:
        """Hands a line that a reader's pattern found to it."""
        if reader.begins == "load":
            self.begin_load(line)
        self.run.last_line = line
        if reader.apply is not None:
            # A hostile line may hold numbers that are none; it then tells nothing.
            with contextlib.suppress(ValueError, ArithmeticError, LookupError):
                reader.apply(self, groups, line)
            return
        for group, text in groups.items():
            known = value_of(group, text)
            if known is not None:
                self.set(known[0], known[1], line)


def exit_names(spelling: str) -> list[str]:
    """Names of what a printed exit status may stand for; empty for a plain number that says no more.

    >>> exit_names("137"), exit_names("0xc0000135"), exit_names("-11"), exit_names("SIGILL"), exit_names("1")
    (['SIGKILL'], ['STATUS_DLL_NOT_FOUND'], ['SIGSEGV'], ['SIGILL'], [])
    """
    word = spelling.strip().strip("()[],.;:\"'")
    named = [name for name, _ in signals.SIGNALS.values() if name in (word.upper(), f"SIG{word.upper()}")]
    if named:
        return named
    by_word = signals.WORDS.get(spelling.strip().lower().removesuffix(" (core dumped)"))
    if by_word is not None:
        return [signals.SIGNALS[by_word][0]]
    try:
        number: Optional[int] = int(word, 0)
    except ValueError:
        number = None
    if number is not None and -64 <= number <= 255:
        found = signals.of_exit_status(number)
        return [found.name] if found else []
    decoded = ntstatus.decode(word)
    if len(decoded) > 1:
        decoded = [code for code in decoded if code in _LIKELY_ENDS]
    codes = [ntstatus.ntstatus(code) for code in decoded]
    return [code.name for code in codes if code is not None]
