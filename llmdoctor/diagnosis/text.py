"""Fills the texts of a rule that fired with the machine's own values."""

from __future__ import annotations

from typing import Any, Optional

from ..facts.fact import Unknown
from ..facts.machine import Machine
from ..facts.units import show
from .evaluate import Evaluator
from .rule import Template


def render(template: Template, evaluator: Evaluator, strict: bool = False) -> Optional[str]:
    """The text with its values. Where one is not known: None if ``strict`` (the line is then left out), else ``unknown``."""
    parts: list[str] = []
    for piece in template:
        if isinstance(piece, str):
            parts.append(piece)
            continue
        tree, unit_field = piece
        value = evaluator.evaluate(tree).value
        if value is None or isinstance(value, Unknown):
            if strict:
                return None
            parts.append("unknown" if isinstance(value, Unknown) else "none")
        else:
            parts.append(_shown(unit_field, value))
    return "".join(parts).strip()


def _shown(unit_field: str, value: Any) -> str:
    if isinstance(value, tuple):  # a version
        return ".".join(map(str, value))
    return show(unit_field, value)


def command_keys(machine: Machine, packaging: Optional[str]) -> list[str]:
    """Which commands of a step hold on this machine, the most specific first."""
    keys: list[str] = []
    if packaging in ("snap", "flatpak", "docker"):
        keys.append(packaging)
    if isinstance(machine.os.package_manager, str):
        keys.append(machine.os.package_manager)
    if isinstance(machine.os.wsl_version, int):
        keys.append("wsl")
    if isinstance(machine.os.family, str):
        keys.append(machine.os.family)
    return [*keys, "any"]
