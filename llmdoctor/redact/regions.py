"""Private text over several lines, and how a stream is cut so that no secret is torn apart."""

from __future__ import annotations

import re
from typing import Iterable, Iterator, NamedTuple, Optional

from .finder import Span, pattern

MAX_LINE_BYTES = 1 << 20
"""A longer line (an image in a request, a dump) is cut off there: what cannot be judged whole is not shown."""


class Region(NamedTuple):
    """Private text over several lines: from ``begin`` to ``end``, or to where it cannot be so long."""

    kind: str
    literal: str
    """How ``begin`` starts, lower case."""
    begin: re.Pattern[bytes]
    """What follows its first group is hidden; without a group, what it finds too."""
    end: re.Pattern[bytes]
    with_end: bool
    """Whether what ``end`` finds is hidden too."""
    max_lines: int


REGIONS = (
    # RFC 7468; OpenSSH's and PGP's keys have the same frame. 16384 bits of RSA are 200 lines.
    Region(
        "private-key", "-----begin", pattern(r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY[A-Z ]*-----"),
        pattern(r"-----END [A-Z0-9 ]*PRIVATE KEY[A-Z ]*-----"), True, 250,
    ),
    Region(
        "chat", "output: ", pattern(r"^(Output: )", re.M),
        pattern(r"^(?=\[?\d\d:\d\d|\[\d|CtxLimit|ContextLimit|Input: |Processing Prompt|Generating \(|Time Taken|INFO|WARN|ERROR|Traceback|\d{4}-\d\d)", re.M), False, 500,
    ),
    Region(
        "chat", "prompt=", pattern(r"^(PROMPT=)", re.M),
        pattern(r"^(?=\d\d:\d\d:\d\d|Output generated|INFO|WARN|ERROR|Traceback|llama_|\d{4}-\d\d)", re.M), False, 2000,
    ),
)  # fmt: skip


class Regions:
    """The regions of one stream, which may go on over blocks."""

    def __init__(self) -> None:
        self._open: Optional[Region] = None
        self._lines_left = 0

    def spans(self, block: bytes, low: bytes) -> list[Span]:
        """Of this block; ``low`` is the block in lower case."""
        spans: list[Span] = []
        at = 0
        if self._open is not None:
            at = self._finish(self._open, block, 0, 0, spans)
        while self._open is None and (found := _first(block, low, at)) is not None:
            match, region = found
            self._lines_left = region.max_lines
            at = self._finish(region, block, match.end() if match.lastindex else match.start(), match.end(), spans)
        return spans

    def _finish(self, region: Region, block: bytes, start: int, search_from: int, spans: list[Span]) -> int:
        """Adds the region's span in this block; where it ends. The region stays open where its end is not here."""
        match = region.end.search(block, search_from)
        end = len(block) if match is None else match.end() if region.with_end else match.start()
        longest = _after_lines(block, search_from, self._lines_left)
        if longest < end:
            match, end = None, longest
        self._lines_left -= block.count(b"\n", search_from, end)
        self._open = region if match is None and self._lines_left > 0 and end == len(block) else None
        # The last line feed stays outside: what follows is another line.
        inside = end - 1 if end > start and block[end - 1 : end] == b"\n" else end
        if block[start:inside].strip():
            spans.append(Span(start, inside, region.kind))
        return end


def _first(block: bytes, low: bytes, at: int) -> Optional[tuple[re.Match[bytes], Region]]:
    """The region that begins first from here on."""
    found = []
    for region in REGIONS:
        literal = region.literal.encode()
        place = low.find(literal, at)
        while place >= 0 and (match := region.begin.match(block, place)) is None:
            place = low.find(literal, place + 1)
        if place >= 0 and match is not None:
            found.append((match, region))
    return min(found, key=lambda pair: pair[0].start(), default=None)


def _after_lines(block: bytes, start: int, lines: int) -> int:
    for _ in range(lines):
        start = block.find(b"\n", start) + 1
        if start == 0:
            return len(block)
    return start


def whole_lines(blocks: Iterable[bytes]) -> Iterator[bytes]:
    """The same bytes in blocks that end with a line; of a line of more than ``MAX_LINE_BYTES`` the start."""
    rest, skipping = b"", False
    for block in blocks:
        if skipping:
            end = block.find(b"\n")
            if end < 0:
                continue
            block, skipping = block[end:], False
        rest += block
        end = rest.rfind(b"\n") + 1
        if end:
            yield rest[:end]
            rest = rest[end:]
        if len(rest) > MAX_LINE_BYTES:
            cut = max(rest.rfind(mark, 0, MAX_LINE_BYTES) for mark in (b" ", b",", b'"')) + 1
            yield rest[:cut] + b"<cut>"
            rest, skipping = b"", True
    if rest:
        yield rest
