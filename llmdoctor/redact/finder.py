"""What a finder is: literals that say where it is worth looking, and a pattern that says what to hide there.

All of them work on bytes: a log is bytes, and offsets stay the same when it is lowered. Names that are not ASCII are UTF-8,
so that every byte from 0x80 counts as a letter (``W``).
"""

from __future__ import annotations

import re
from typing import Callable, NamedTuple

W = r"\w\x80-\xff"
"""Inside a character class: letters, digits, underscore, and the bytes of other scripts."""

Keep = Callable[["re.Match[bytes]"], bool]


class Span(NamedTuple):
    """Where something private lies in a block."""

    start: int
    end: int
    kind: str


class Finder(NamedTuple):
    """Finds one kind of private text on a line."""

    kind: str
    """Stands in the placeholder: ``<user-1>``."""
    literals: tuple[str, ...]
    """Lower case; a line without any of them is not looked at."""
    pattern: re.Pattern[bytes]
    """The last group that took part is what is hidden; the whole match where there is no group."""
    keep: Keep = lambda match: False
    """True where what was found is harmless."""
    shape: str = ""
    """In RE2's syntax, over lowered text, in place of literals: a line without it is not looked at."""


def pattern(text: str, flags: int = re.I) -> re.Pattern[bytes]:
    return re.compile(text.encode("latin-1"), flags)


def secret_of(match: re.Match[bytes]) -> tuple[int, int]:
    """Where the private part of a match lies."""
    return match.span(match.lastindex or 0)


def one_of(words: frozenset[str]) -> Keep:
    """Keeps what stands among these words, in whatever case."""
    return lambda match: match[match.lastindex or 0].lower().decode("utf-8", "replace") in words
