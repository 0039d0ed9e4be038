"""The one scanner of logs: all patterns of all rules and readers in a single pass.

An Aho-Corasick automaton finds the literals; a pattern (RE2 syntax, linear time, so that no log can hang us) is
compiled at its first candidate line and tried on candidate lines only.
"""

from __future__ import annotations

from typing import Any, Iterable, Iterator, NamedTuple, Optional

import msgspec

from ..host.text import clean

MAX_LINE_BYTES = 8 << 10
"""How far before and after a literal its line is looked at; lines of logs are shorter, hostile ones are not."""
MAX_PATTERN_BYTES = 1 << 20
"""Memory that RE2 may take for one pattern."""


class Pattern(msgspec.Struct, array_like=True, frozen=True):
    """A line holds one of the literals ``texts`` and, where given, ``match`` is found in it."""

    texts: tuple[str, ...]
    match: Optional[str] = None


class Hit(NamedTuple):
    """A line in which a pattern was found."""

    pattern: Pattern
    line: int
    """Number from 1."""
    text: str
    groups: dict[str, str]
    """Named groups that took part."""


def compile_match(match: str) -> Any:
    """A compiled RE2 pattern over bytes. Raises ValueError where it is none."""
    import re2

    options = re2.Options()
    options.max_mem = MAX_PATTERN_BYTES
    options.log_errors = False
    options.dot_nl = True
    try:
        return re2.compile(match.encode(), options)
    except re2.error as error:
        reason = error.args[0] if error.args else error
        raise ValueError(reason.decode("utf-8", "replace") if isinstance(reason, bytes) else str(reason)) from None


class Scanner:
    """Finds patterns in blocks of lines. One scanner serves any number of logs."""

    def __init__(self, patterns: Iterable[Pattern]) -> None:
        """Raises ValueError where a pattern has no literal."""
        import ahocorasick_rs

        self._patterns = list(dict.fromkeys(patterns))
        self._compiled: list[Any] = [None] * len(self._patterns)
        by_literal: dict[bytes, list[int]] = {}
        for number, pattern in enumerate(self._patterns):
            for text in pattern.texts:
                if not text:
                    raise ValueError("an empty literal is in every line")
                by_literal.setdefault(text.encode(), []).append(number)
        self._owners = list(by_literal.values())
        self.last_line = 0
        """Lines of the log that was scanned last."""
        self._automaton = ahocorasick_rs.BytesAhoCorasick(list(by_literal))

    def scan(self, blocks: Iterable[bytes]) -> Iterator[Hit]:
        """Hits in the order of lines; within a line each pattern once."""
        self.last_line = before = 0
        block = b""
        for block in blocks:
            yield from self._block(block, before)
            before += block.count(b"\n")
            self.last_line = before
        if block and not block.endswith(b"\n"):
            self.last_line += 1

    def _block(self, block: bytes, before: int) -> Iterator[Hit]:
        owners = self._owners
        end_of_line, counted_to = -1, 0
        waiting: dict[int, int] = {}
        for literal, start, _ in self._automaton.find_matches_as_indexes(block, overlapping=True):
            if start > end_of_line:
                if waiting:
                    yield from self._line(block, waiting, before + 1)
                    waiting = {}
                before += block.count(b"\n", counted_to, start)
                counted_to = start
                end_of_line = block.find(b"\n", start)
                if end_of_line < 0:
                    end_of_line = len(block)
            for number in owners[literal]:
                waiting.setdefault(number, start)
        if waiting:
            yield from self._line(block, waiting, before + 1)

    def _line(self, block: bytes, waiting: dict[int, int], line: int) -> Iterator[Hit]:
        place = -1
        raw, text = b"", ""
        for number, here in waiting.items():
            if here != place:
                place = here
                raw = _around(block, place)
                text = ""
            pattern = self._patterns[number]
            groups: dict[str, str] = {}
            if pattern.match is not None:
                compiled = self._compiled[number]
                if compiled is None:
                    compiled = self._compiled[number] = compile_match(pattern.match)
                found = compiled.search(raw)
                if found is None:
                    continue
                groups = {
                    name if isinstance(name, str) else name.decode(): _text(value)
                    for name, value in found.groupdict().items()
                    if value is not None
                }
            text = text or _text(raw)
            yield Hit(pattern, line, text, groups)


def _around(block: bytes, place: int) -> bytes:
    """The line that holds this place, no more of it than MAX_LINE_BYTES to each side."""
    start = max(block.rfind(b"\n", max(place - MAX_LINE_BYTES, 0), place) + 1, place - MAX_LINE_BYTES, 0)
    end = block.find(b"\n", place, place + MAX_LINE_BYTES)
    return block[start : end if end >= 0 else min(len(block), place + MAX_LINE_BYTES)]


def _text(raw: bytes) -> str:
    return clean(raw).strip()
