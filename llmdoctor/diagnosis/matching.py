"""Which lines of a log speak for a rule."""

from __future__ import annotations

from typing import NamedTuple, Optional

from ..facts.machine import Machine
from ..facts.run import Run
from ..logs.chapters import Chapter, Place
from ..logs.scanner import Hit
from .evaluate import Evaluator
from .rule import Line, Log, Rule, Tree
from .shortage import shortage_of

NOBODY = Machine()
"""A machine of which nothing is known: what a condition says of it, the log alone says."""
MAX_NEAR_SHOWN = 2
"""Neighbour lines shown as evidence beside the line itself."""


class Match(NamedTuple):
    """One run of a log in which a rule's patterns were found."""

    run: Run
    generic: bool
    """Nothing but generic patterns were found."""
    hits: list[Hit]
    """Evidence, in the order of lines."""
    groups: dict[str, str]
    runtimes: list[str]
    """Who prints the telling line; empty: anyone."""


def matches(rule: Rule, chapter: Chapter) -> list[Match]:
    """One match for each run in which the rule's patterns were found, latest first; those that are not generic before."""
    found: dict[int, list[tuple[Log, list[Hit]]]] = {}
    runs: dict[int, Run] = {}
    for log in rule.log:
        seen: set[int] = set()
        for place in chapter.places(log.pattern):
            key = id(place.run)
            if key in seen:
                continue
            hits = _confirmed(log, place, chapter)
            if hits is not None:
                seen.add(key)
                runs[key] = place.run
                found.setdefault(key, []).append((log, hits))
    result = [_match(runs[key], entries) for key, entries in found.items()]
    result.sort(key=lambda match: (match.generic, -match.hits[0].line))
    return result


def _match(run: Run, entries: list[tuple[Log, list[Hit]]]) -> Match:
    entries = sorted(entries, key=lambda entry: (entry[0].generic, entry[1][0].line))
    groups: dict[str, str] = {}
    hits: dict[int, Hit] = {}
    for _, of_entry in entries:
        for hit in of_entry:
            groups = {**hit.groups, **groups}
            hits.setdefault(hit.line, hit)
    best = entries[0][0]
    first = entries[0][1][0]
    return Match(run, best.generic, [first, *(hit for hit in sorted(hits.values(), key=lambda hit: hit.line) if hit.line != first.line)], groups, best.runtimes)  # fmt: skip


def _confirmed(log: Log, place: Place, chapter: Chapter) -> Optional[list[Hit]]:
    """The line and those that must stand near it; None where one is missing, another or the condition rules it out."""
    for line in log.not_:
        if _beside(line, place, chapter) is not None:
            return None
    hits = [place.hit]
    for line in log.near:
        # The same words again ask for a second line of them.
        other = _beside(line, place, chapter, but_itself=line.pattern.texts == log.pattern.texts)
        if other is None:
            return None
        if other.line != place.hit.line and len(hits) <= MAX_NEAR_SHOWN:
            hits.append(other)
        else:
            hits[0] = hits[0]._replace(groups={**other.groups, **hits[0].groups})
    return hits if log.when is None or _holds(log.when, place.run, hits) else None


def _holds(when: Tree, run: Run, hits: list[Hit]) -> bool:
    groups: dict[str, str] = {}
    for hit in hits:
        groups = {**hit.groups, **groups}
    told = {"run": run, "shortage": shortage_of(run), "log": groups}
    return Evaluator(NOBODY, told=told).evaluate(when).value is True


def _beside(line: Line, place: Place, chapter: Chapter, but_itself: bool = False) -> Optional[Hit]:
    """The nearest line of this pattern: within so many lines, or in the same run or what its server told before it."""
    best: Optional[Hit] = None
    for other in chapter.places(line.pattern):
        distance = abs(other.hit.line - place.hit.line)
        if but_itself and not distance:
            continue
        if line.lines:
            if distance > line.lines:
                continue
        elif other.run is not place.run and other.run.first_line is not None:
            continue
        if best is None or distance < abs(best.line - place.hit.line):
            best = other.hit
    return best
