"""A rule as its author writes it, and as the index keeps it."""

from __future__ import annotations

from typing import Any, Literal, Optional, Union

import msgspec
from msgspec import field

Tree = Any
"""A compiled condition or expression: nested lists whose first item names the operation; see ``condition``."""

Severity = Literal["error", "warning", "info"]
SEVERITIES: tuple[str, ...] = ("error", "warning", "info")
"""Worst first."""

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


class ExampleSource(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    name: str
    matches: Union[bool, Literal["unknown"]]
    machine: dict[str, Any] = field(default_factory=dict)


class RuleSource(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """One YAML file; docs/rules.md explains each field."""

    title: str
    kind: Literal["cause", "symptom"]
    severity: Severity
    runtimes: list[str] = field(default_factory=list)
    when: str
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


class Rule(msgspec.Struct, array_like=True):
    """A compiled rule: what every check needs, and its texts still packed."""

    id: str
    kind: str
    severity: str
    runtimes: list[str]
    when: Tree
    explains: list[str]
    packed_texts: msgspec.Raw

    def texts(self) -> Texts:
        return msgspec.msgpack.decode(self.packed_texts, type=Texts)
