"""The narrated form, for pipes, screen readers and plain terminals: no colour, no boxes, any width, any encoding."""

from __future__ import annotations

from typing import Iterable, Iterator

from .document import Line

MIN_WIDTH = 20


def rows(lines: Iterable[Line], width: int) -> Iterator[str]:
    """Text rows of at most ``width`` columns; commands are never broken, so that they can be copied."""
    for line in lines:
        yield from wrap(line, width)


def wrap(line: Line, width: int) -> list[str]:
    """One line as rows, the marker on the first, the rest under the text."""
    import textwrap

    margin = " " * line.indent
    if line.role == "blank":
        return [""]
    if line.role == "command":
        return [margin + line.prefix + line.text]
    hanging = margin + " " * len(line.prefix)
    if len(hanging) + MIN_WIDTH > width:
        margin, hanging = "", ""
    return textwrap.wrap(
        line.text, max(width, MIN_WIDTH), initial_indent=margin + line.prefix, subsequent_indent=hanging,
        break_on_hyphens=False, break_long_words=False,
    ) or [margin + line.prefix]  # fmt: skip
