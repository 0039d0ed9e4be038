"""Reads whole logs: hits of the rules' patterns and Runs, chapter by chapter, in constant memory."""

from __future__ import annotations

from collections import deque
from typing import Iterable, Iterator, Optional, Sequence

from ..facts.run import Run
from .reader import Builder, Reader
from .scanner import Hit, Pattern, Scanner

MAX_FIRST, MAX_LAST = 12, 20
"""Hits kept of one pattern in one chapter: the first and the last ones."""
MAX_CHAPTERS = 8
"""The latest ones are kept: a server that restarts in a circle fills days of logs with the same."""
MAX_RUNS = 16
"""Kept of one chapter: the latest, and of the earlier ones those that failed."""


class Place:
    """A hit's place: which run of the chapter it stands in."""

    __slots__ = ("hit", "run")

    def __init__(self, hit: Hit, run: Run) -> None:
        self.hit, self.run = hit, run


class Chapter:
    """One server process, from its start to the next one's, or a whole log without such marks."""

    def __init__(self, log: str, first_line: int) -> None:
        self.log, self.first_line = log, first_line
        self._first: dict[Pattern, list[Place]] = {}
        self._last: dict[Pattern, deque[Place]] = {}
        self.runs: list[Run] = []

    def add(self, hit: Hit, run: Run) -> None:
        first = self._first.setdefault(hit.pattern, [])
        if len(first) < MAX_FIRST:
            first.append(Place(hit, run))
        else:
            self._last.setdefault(hit.pattern, deque(maxlen=MAX_LAST)).append(Place(hit, run))

    def places(self, pattern: Pattern) -> Iterator[Place]:
        """Where a pattern was found, in the order of lines."""
        yield from self._first.get(pattern, ())
        yield from self._last.get(pattern, ())

    def found(self, pattern: Pattern) -> bool:
        return pattern in self._first

    def keep(self, run: Run) -> None:
        self.runs.append(run)
        if len(self.runs) > MAX_RUNS:
            healthy = next((one for one in self.runs[:-1] if one.outcome != "failed"), self.runs[0])
            self.runs.remove(healthy)


class LogReader:
    """Reads any number of logs with one scanner of all rules' patterns and all readers."""

    def __init__(self, patterns: Iterable[Pattern], readers: Sequence[Reader]) -> None:
        self._wanted = set(patterns)
        self._readers: dict[Pattern, list[Reader]] = {}
        for reader in readers:
            self._readers.setdefault(Pattern(tuple(reader.text), reader.match), []).append(reader)
        self._scanner = Scanner([*self._readers, *(one for one in self._wanted if one not in self._readers)])
        self.bytes = 0

    def read(self, log: str, blocks: Iterable[bytes], runtime: Optional[str] = None) -> list[Chapter]:
        """The chapters of one log, oldest first; the latest ones where there are many. Never empty.

        ``runtime`` is whose log it is, where that is known. ``lines`` and ``bytes`` tell afterwards how long it is.
        """
        chapters = deque([Chapter(log, 1)], maxlen=MAX_CHAPTERS)
        known = Run() if runtime is None else Run(runtime=runtime)
        builder = Builder(log, known)
        self.bytes = 0
        for hit in self._scanner.scan(self._counted(blocks)):
            for reader in self._readers.get(hit.pattern, ()):
                if reader.begins == "boot":
                    if builder.run.last_line is not None:
                        chapters[-1].keep(builder.run)
                        chapters.append(Chapter(log, hit.line))
                    builder = Builder(log, known)
                elif reader.begins == "load" and (builder.run.first_line is not None or builder.run.exits):
                    chapters[-1].keep(builder.run)
                builder.apply(reader, hit.groups, hit.line)
            if hit.pattern in self._wanted:
                chapters[-1].add(hit, builder.run)
        chapters[-1].keep(builder.run)
        return list(chapters)

    @property
    def lines(self) -> int:
        """Lines of the log that was read last."""
        return self._scanner.last_line

    def _counted(self, blocks: Iterable[bytes]) -> Iterator[bytes]:
        for block in blocks:
            self.bytes += len(block)
            yield block


def latest_run(chapter: Chapter) -> Optional[Run]:
    """The latest run that failed, else the latest."""
    failed = [run for run in chapter.runs if run.outcome == "failed"]
    runs = failed or chapter.runs
    return runs[-1] if runs else None
