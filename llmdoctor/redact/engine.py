"""Which lines of a block which finders must look at: one pass for all literals, one for each shape."""

from __future__ import annotations

import re

from . import chat, credentials, identifiers, people, tokens
from .finder import Finder

FINDERS: tuple[Finder, ...] = (
    *chat.FINDERS, tokens.TOKENS, tokens.DISCORD, *credentials.FINDERS, *identifiers.FINDERS, *people.FINDERS,
)  # fmt: skip
MAX_PREFIX = 64
"""Bytes before a shape that a pattern may need."""
_EVERYWHERE = ((b"127.0.0.1", b"127_0_0_1"), (b"0.0.0.0", b"0_0_0_0"), (b"172.17.0.1 ", b"172_17_0_1 "))
"""Addresses that logs are full of and that nobody hides: not even looked at."""


class Engine:
    """Which lines of a block which finders must look at."""

    def __init__(self) -> None:
        import ahocorasick_rs
        import re2

        owners: dict[str, list[int]] = {}
        for number, finder in enumerate(FINDERS):
            for literal in finder.literals:
                owners.setdefault(literal, []).append(number)
        for literal in people.PROJECTS[0]:
            owners.setdefault(literal, []).append(len(FINDERS))
        self._owners = list(owners.values())
        self._automaton = ahocorasick_rs.BytesAhoCorasick([literal.encode() for literal in owners])
        shapes: dict[str, list[int]] = {}
        for number, finder in enumerate(FINDERS):
            if finder.shape:
                shapes.setdefault(finder.shape, []).append(number)
        columns = [("host", people.SYSLOG), *(("user", re.compile(one.encode(), re.M)) for one in people.COLUMNS)]
        self._columns = [(kind, column, re2.compile(b"(?m)" + column.pattern)) for kind, column in columns]
        self._any_column = re2.compile(b"(?m)" + b"|".join(b"(?:%s)" % column.pattern for _, column in columns))
        self._shapes = [(re2.compile(shape.encode()), numbers) for shape, numbers in shapes.items()]

    def columns_of(self, block: bytes) -> list[tuple[str, re.Pattern[bytes]]]:
        """The patterns of listings, where there is a line of one."""
        if not self._any_column.search(block):
            return []
        return [(kind, column) for kind, column, quick in self._columns if quick.search(block)]

    def candidates(self, low: bytes) -> dict[int, list[tuple[int, int]]]:
        """Finder to the places (start, end) that may hold what it finds; of a block in lower case."""
        for address, same_length in _EVERYWHERE:
            low = low.replace(address, same_length)
        found: dict[int, list[tuple[int, int]]] = {}
        line = (0, -1)
        seen: set[int] = set()
        for literal, start, _ in self._automaton.find_matches_as_indexes(low, overlapping=True):
            if start > line[1]:
                line = _line(low, start)
                seen = set()
            if literal in seen:
                continue
            seen.add(literal)
            for number in self._owners[literal]:
                places = found.setdefault(number, [])
                if not places or places[-1] != line:
                    places.append(line)
        for shape, numbers in self._shapes:
            line = (0, -1)
            for match in shape.finditer(low):
                if match.start() >= line[1]:
                    line = _line(low, match.start())
                    # A shape may be the tail of what is looked for, such as a long name's last word.
                    start = max(line[0], match.start() - MAX_PREFIX)
                    for number in numbers:
                        found.setdefault(number, []).append((start, line[1]))
        return found


def _line(block: bytes, place: int) -> tuple[int, int]:
    end = block.find(b"\n", place)
    return block.rfind(b"\n", 0, place) + 1, end if end >= 0 else len(block)


_built: list[Engine] = []


def engine() -> Engine:
    """The one that all redactors share, built when it is first needed."""
    if not _built:
        _built.append(Engine())
    return _built[0]
