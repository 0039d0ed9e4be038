"""A rule as its author writes it, and as the index keeps it."""

from __future__ import annotations

from typing import Any, Iterator, Literal, Optional, Union

import msgspec
from msgspec import field

from ..logs.scanner import Pattern

Tree = Any
"""A compiled condition or expression: nested lists whose first item names the operation; see ``condition``."""

LOG_NAMES = frozenset(("log", "run", "shortage"))
"""Names in conditions that only a log gives a meaning."""

Severity = Literal["error", "warning", "info"]
SEVERITIES: tuple[str, ...] = ("error", "warning", "info")
"""Worst first."""

NEAR_LINES = 50
"""How far away a line of ``near`` may stand where the rule does not say."""

RUN_KEYS = (
    "snap", "flatpak", "docker", "apt", "dnf", "pacman", "zypper", "nix", "apk", "brew", "winget", "wsl", "linux", "windows",
    "macos", "any",
)  # fmt: skip
"""For whom a command is, the most specific first: packaging, package manager, system."""

Template = list[Union[str, list[Any]]]
"""Text pieces, and ``[tree, name of the field that tells the unit]`` for ``{{ … }}``."""


class StepSource(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    do: str
    run: dict[str, str] = field(default_factory=dict)
    cost: Optional[str] = None
    when: Optional[str] = None


class LineSource(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A line of a log: it holds one of the literals ``text`` and, where given, ``match`` is found in it."""

    text: Union[str, list[str]]
    match: Optional[str] = None
    """RE2 syntax, searched anywhere in the line; named groups can be used in the rule's texts and condition."""
    lines: Optional[int] = None
    """Of ``near`` and ``not``: how many lines away at most."""


class LogSource(LineSource, kw_only=True, forbid_unknown_fields=True):
    """A line that speaks for the cause."""

    runtimes: list[str] = field(default_factory=list)
    """Who prints it; empty: anyone."""
    generic: bool = False
    """Other causes print it too: alone it makes the cause only possible."""
    near: list[LineSource] = field(default_factory=list)
    """All of these must stand near it."""
    not_: list[LineSource] = field(default_factory=list, name="not")
    """None of these may stand in the same run (within ``lines``, where given)."""
    when: Optional[str] = None
    """A condition over ``log``, ``run`` and ``shortage`` without which the line does not speak for the cause."""


class ExampleSource(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    name: str
    matches: Union[bool, Literal["unknown"]]
    machine: dict[str, Any] = field(default_factory=dict)
    log: Optional[str] = None


class RuleSource(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """One YAML file; docs/rules.md explains each field."""

    title: str
    kind: Literal["cause", "symptom"]
    severity: Severity
    runtimes: list[str] = field(default_factory=list)
    when: Optional[str] = None
    log: list[LogSource] = field(default_factory=list)
    when_alone: bool = False
    """With both: ``when`` alone is enough, as where nobody has a log."""
    explains: list[str] = field(default_factory=list)
    evidence: list[str] = field(default_factory=list)
    why: str
    fix: list[StepSource]
    verify: str = ""
    refs: list[str] = field(default_factory=list)
    since: str
    examples: list[ExampleSource] = field(default_factory=list)


class Step(msgspec.Struct, array_like=True):
    do: Template
    run: dict[str, Template]
    cost: Optional[str] = None
    when: Optional[Tree] = None


class Texts(msgspec.Struct, array_like=True):
    """What is read only of a rule that fired."""

    title: Template
    evidence: list[Template]
    why: Template
    fix: list[Step]
    verify: Template
    refs: list[str]


class Line(msgspec.Struct, array_like=True):
    """A compiled LineSource."""

    pattern: Pattern
    lines: int = 0
    """How far away at most; 0: anywhere in the run."""


class Log(msgspec.Struct, array_like=True):
    pattern: Pattern
    runtimes: list[str]
    generic: bool
    near: list[Line]
    not_: list[Line]
    when: Optional[Tree] = None


class Rule(msgspec.Struct, array_like=True):
    """A compiled rule: what every check needs, and its texts still packed."""

    id: str
    kind: str
    severity: str
    runtimes: list[str]
    when: Optional[Tree]
    log: list[Log]
    needs_log: bool
    """Facts of the machine alone can never decide it."""
    explains: list[str]
    packed_texts: msgspec.Raw

    def patterns(self) -> Iterator[Pattern]:
        """All that a scanner must look for on behalf of this rule."""
        for log in self.log:
            yield log.pattern
            for line in (*log.near, *log.not_):
                yield line.pattern

    def texts(self) -> Texts:
        return msgspec.msgpack.decode(self.packed_texts, type=Texts)
