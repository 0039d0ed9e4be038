"""The telling lines of a log with their surroundings; short logs whole."""

from __future__ import annotations

from typing import Iterable, Iterator, NamedTuple

WHOLE_LINES = 200
"""A log of up to so many lines stands whole in a report."""
BEFORE, AFTER = 12, 6
"""Lines around a telling one: what led to it stands before."""
TAIL = 25
"""Of a log without telling lines the last ones."""
MAX_LINE = 1000
"""Characters of a line; longer ones are dumps."""


class Part(NamedTuple):
    first: int
    """Line number, from 1."""
    lines: list[str]


class Excerpt(NamedTuple):
    name: str
    total: int
    """Lines of the log."""
    parts: list[Part]

    @property
    def is_whole(self) -> bool:
        return sum(len(part.lines) for part in self.parts) >= self.total


def excerpt(name: str, blocks: Iterable[bytes], telling: Iterable[int], total: int, around: float = 1.0) -> Excerpt:
    """Reads a log once more and keeps what is worth showing; ``around`` scales the surroundings down where space is short."""
    if total <= WHOLE_LINES and around >= 1:
        wanted = [range(1, total + 1)]
    else:
        before, after = int(BEFORE * around), int(AFTER * around)
        wanted = [range(max(line - before, 1), line + after + 1) for line in sorted(set(telling))]
        wanted = wanted or [range(max(total - int(TAIL * around), 0) + 1, total + 1)]
    merged: list[range] = []
    for one in wanted:
        if merged and one.start <= merged[-1].stop + 1:
            merged[-1] = range(merged[-1].start, max(one.stop, merged[-1].stop))
        else:
            merged.append(one)
    parts = [Part(one.start, []) for one in merged]
    at = 0
    for number, line in _numbered(blocks):
        while at < len(merged) and number >= merged[at].stop:
            at += 1
        if at == len(merged):
            break
        if number >= merged[at].start:
            parts[at].lines.append(line if len(line) <= MAX_LINE else line[: MAX_LINE - 1] + "…")
    return Excerpt(name, total, [part for part in parts if part.lines])


def _numbered(blocks: Iterable[bytes]) -> Iterator[tuple[int, str]]:
    from ..host.text import clean

    number = 0
    for block in blocks:
        for raw in block.splitlines() if b"\r" not in block else block.replace(b"\r\n", b"\n").split(b"\n"):
            number += 1
            yield number, clean(raw)
