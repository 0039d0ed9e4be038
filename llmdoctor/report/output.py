"""Where reports go: standard output as it is, a terminal or not, of any encoding and width, closed or open."""

from __future__ import annotations

import os
import sys
from typing import Mapping, Optional, TextIO

import msgspec

from ..facts.finding import Diagnosis

DEFAULT_WIDTH = 80
ASCII = str.maketrans(
    {"…": "...", "°": " deg ", "→": "->", "–": "-", "—": "-", "×": "x", "≥": ">=", "≤": "<=", "’": "'", "“": '"', "”": '"'}
)
"""What an ASCII terminal shows in place of the few other characters that our texts use."""


def wants_colour(stream: TextIO, environment: Mapping[str, str]) -> bool:
    """A colour terminal: a tty, TERM not dumb, NO_COLOR (no-color.org) not set."""
    if environment.get("NO_COLOR") or (environment.get("TERM", "") in ("dumb", "") and os.name != "nt"):
        return False
    return stream.isatty()


def width_of(stream: TextIO, environment: Mapping[str, str]) -> int:
    """Columns of the terminal, 80 where it is none."""
    if environment.get("COLUMNS", "").isdigit():
        return int(environment["COLUMNS"]) or DEFAULT_WIDTH
    try:
        return os.get_terminal_size(stream.fileno()).columns or DEFAULT_WIDTH
    except (OSError, ValueError):
        return DEFAULT_WIDTH


def write(text: str, stream: Optional[TextIO] = None) -> None:
    """Writes text whatever the stream's encoding is. Raises BrokenPipeError as the stream does."""
    stream = stream or sys.stdout
    encoding = stream.encoding or "ascii"
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        text = text.translate(ASCII).encode(encoding, "replace").decode(encoding)
    stream.write(text)


def show(diagnosis: Diagnosis, form: str, duration_ms: Optional[float] = None) -> None:
    """Prints a diagnosis as ``terminal``, ``json`` or ``markdown`` on standard output."""
    if form == "json":
        sys.stdout.write(
            msgspec.json.format(msgspec.json.encode(diagnosis), indent=2).decode().translate(_escape_table()) + "\n"
        )
    elif form == "markdown":
        from .markdown import render

        write(render(diagnosis))
    else:
        _terminal(diagnosis, duration_ms)
    sys.stdout.flush()


def _escape_table() -> Mapping[int, str]:
    """JSON that an ASCII stream can carry: other characters as ``\\u`` escapes."""
    return _Escapes() if (sys.stdout.encoding or "ascii").lower() not in ("utf-8", "utf8") else {}


class _Escapes(dict[int, str]):
    def __missing__(self, code: int) -> str:
        if code < 128:
            return chr(code)
        return "".join(f"\\u{unit:04x}" for unit in _utf16(code))


def _utf16(code: int) -> list[int]:
    if code < 0x10000:
        return [code]
    return [0xD800 + ((code - 0x10000) >> 10), 0xDC00 + ((code - 0x10000) & 0x3FF)]


def _terminal(diagnosis: Diagnosis, duration_ms: Optional[float]) -> None:
    from .document import lines

    width = width_of(sys.stdout, os.environ)
    if wants_colour(sys.stdout, os.environ):
        from rich.console import Console

        from .terminal import show as show_colours

        show_colours(lines(diagnosis, duration_ms), Console(width=width, highlight=False, soft_wrap=True))
        return
    from .plain import rows

    for row in rows(lines(diagnosis, duration_ms), width):
        write(row + "\n")
