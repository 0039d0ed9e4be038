"""The same lines in colour, through rich. Imported only for a terminal that shows colours."""

from __future__ import annotations

from typing import Iterable

from rich.console import Console
from rich.text import Text

from .document import Line
from .plain import wrap

STYLES = {
    "verdict-ok": "bold green",
    "verdict-warning": "bold yellow",
    "verdict-error": "bold red",
    "verdict-info": "bold",
    "machine": "",
    "error": "bold red",
    "warning": "bold yellow",
    "info": "bold cyan",
    "label": "bold",
    "command": "green",
    "evidence": "",
    "note": "dim",
    "folded": "",
}
"""Colour never carries a meaning alone: every role has its own words."""


def show(lines: Iterable[Line], console: Console) -> None:
    for line in lines:
        for row in wrap(line, console.width):
            console.print(Text(row, style=STYLES.get(line.role, "")), soft_wrap=True)
