"""Replaces what is private by placeholders, the same value by the same placeholder everywhere.

One engine for every output. A block of lines is looked over once with an automaton of all finders' literals and once for what
has none; a finder's pattern is tried only on lines that hold its literal. Names that were found are then searched everywhere as
whole words. Masking twice changes nothing. Source of the method: docs/decisions/05-redaction.md.
"""

from __future__ import annotations

import re
from typing import Any, Iterable, Iterator, Optional

from ..catalogs.public_names import AMBIGUOUS, NOBODY
from . import identifiers, people
from .engine import FINDERS, engine
from .finder import Span, secret_of
from .regions import Regions, whole_lines

NAMES = ("user", "host", "project", "ssid")
"""Kinds that are learnt and searched everywhere."""
UNNUMBERED = ("chat", "private-key")
"""Kinds of which it explains nothing that two are the same."""
MAX_VALUES = 50_000
"""Values whose placeholder is remembered; a log with more gives the rest one placeholder, so that memory has a bound."""
MAX_NAMES = 4_000
MIN_NAME = 3
_PLACEHOLDER = re.compile(rb"<(?P<kind>[a-z][a-z0-9-]{1,15}?)-(?P<number>\d{1,6})>|<chat>|<private-key>|<hidden>")
_WORD = frozenset(code for code in range(256) if code >= 128 or chr(code).isalnum() or chr(code) == "_")
"""Bytes that a name must not stand beside."""


class Redactor:
    """Learns names as it goes; ``counts`` says what was hidden, by kind, and ``hidden`` what that was."""

    def __init__(self, users: Iterable[str] = (), hosts: Iterable[str] = ()) -> None:
        self.counts: dict[str, int] = {}
        self.hidden: dict[str, str] = {}
        """Placeholder to what it stands for."""
        self._known: dict[tuple[str, bytes], str] = {}
        self._numbers: dict[str, int] = {}
        self._names: dict[bytes, str] = {}
        self._names_automaton: Any = None
        for kind, names in (("user", users), ("host", hosts)):
            for name in names:
                self._learn(kind, name.encode("utf-8", "surrogateescape"))

    # -- what it takes --------------------------------------------------------------------------

    def text(self, text: str) -> str:
        """The text without what is private."""
        return self.block(text.encode("utf-8", "surrogateescape")).decode("utf-8", "surrogateescape")

    def value(self, value: Any) -> Any:
        """A JSON value with every text in it, keys too, redacted. A key counts as the name of its value."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            return {self.text(str(key)): self.named(str(key), item) for key, item in value.items()}
        if isinstance(value, (list, tuple)):
            return [self.value(item) for item in value]
        return value

    def named(self, name: str, value: Any) -> Any:
        """A JSON value that stands under this name: what a text is may hang on it (a password, a serial number, a version)."""
        if not isinstance(value, str) or "\n" in value.strip():
            return self.value(value)
        whole = self.text(f"{name}: {value}")
        return whole[len(name) + 2 :] if whole.startswith(f"{name}: ") else self.text(value)

    def learn(self, value: Any) -> None:
        """Finds the names in a text or JSON value, so that they are replaced where nothing else tells that they are names."""
        if isinstance(value, (str, bytes)):
            block = value if isinstance(value, bytes) else value.encode("utf-8", "surrogateescape")
            self._note_placeholders(block)
            self._learn_from(block, self._typed(block, block.lower()))
        elif isinstance(value, dict):
            for key, item in value.items():
                self.learn(f"{key}: {item}" if isinstance(item, str) else key)
                self.learn(item)
        elif isinstance(value, (list, tuple)):
            for item in value:
                self.learn(item)

    def stream(self, blocks: Iterable[bytes]) -> Iterator[bytes]:
        """A log without what is private, as many lines as before, in constant memory. Blocks may end anywhere."""
        regions = Regions()
        for lines in whole_lines(blocks):
            yield self.block(lines, regions)

    def block(self, block: bytes, regions: Optional[Regions] = None) -> bytes:
        """Whole lines without what is private; as many lines as before."""
        if len(block) < MIN_NAME:
            return block
        self._note_placeholders(block)
        low = block.lower()
        typed = self._typed(block, low)
        self._learn_from(block, typed)
        spans = _united(
            [*(regions or Regions()).spans(block, low), *typed, *self._of_names(block, low)],
            [match.span() for match in _PLACEHOLDER.finditer(block)],
        )
        if not spans:
            return block
        parts, at = [], 0
        for span in spans:
            value = block[span.start : span.end]
            parts += [block[at : span.start], self._replacement(span.kind, value)]
            at = span.end
        return b"".join([*parts, block[at:]])

    # -- finding --------------------------------------------------------------------------------

    def _typed(self, block: bytes, low: bytes) -> list[Span]:
        candidates = engine().candidates(low)
        spans: list[Span] = []
        for number, places in candidates.items():
            if number == len(FINDERS):
                for start, end in places:
                    for match in people.PROJECTS[1].finditer(block, start, end):
                        spans += [Span(left, right, "project") for left, right in people.project_names(match)]
                continue
            finder = FINDERS[number]
            for start, end in places:
                for match in finder.pattern.finditer(block, start, end):
                    if not finder.keep(match):
                        spans.append(Span(*secret_of(match), finder.kind))
        for kind, column in engine().columns_of(block):
            for name in set(column.findall(block)):
                if name.lower().decode("utf-8", "replace") in NOBODY:
                    continue
                if self._learn(kind, name) is None:
                    spans += [Span(*match.span(1), kind) for match in column.finditer(block) if match[1] == name]
        return spans

    def _of_names(self, block: bytes, low: bytes) -> Iterator[Span]:
        if not self._names:
            return
        if self._names_automaton is None:
            import ahocorasick_rs

            self._names_automaton = ahocorasick_rs.BytesAhoCorasick(list(self._names))
        kinds = list(self._names.values())
        for number, start, end in self._names_automaton.find_matches_as_indexes(low, overlapping=True):
            if (start and block[start - 1] in _WORD) or (end < len(block) and block[end] in _WORD):
                continue
            yield Span(start, end, kinds[number])

    # -- remembering ----------------------------------------------------------------------------

    def _learn_from(self, block: bytes, spans: Iterable[Span]) -> None:
        for span in spans:
            if span.kind in NAMES:
                self._learn(span.kind, block[span.start : span.end])

    def _learn(self, kind: str, name: bytes) -> Optional[str]:
        """The placeholder under which the name is searched everywhere; None where it is not."""
        lower = name.lower()
        if lower in self._names:
            return self._names[lower]
        text = lower.decode("utf-8", "replace")
        if len(text) < MIN_NAME or text in AMBIGUOUS or text in NOBODY or _PLACEHOLDER.search(name) or text.isdigit():
            return None
        if len(self._names) >= MAX_NAMES:
            return None
        self._names[lower] = kind
        self._names_automaton = None
        from urllib.parse import quote, unquote

        for other in (
            quote(name).encode(),
            unquote(name.decode("utf-8", "replace")).encode(),
            name.split(b".")[0] if kind == "host" else name,
        ):
            if (
                other.lower() not in self._names
                and len(other) >= MIN_NAME
                and other.decode("utf-8", "replace").lower() not in AMBIGUOUS | NOBODY
            ):
                self._names[other.lower()] = kind
        return kind

    def _note_placeholders(self, block: bytes) -> None:
        """Numbers that a text brings along are taken: what was hidden before must not look like what is hidden now."""
        if b"<" in block:
            for match in _PLACEHOLDER.finditer(block):
                if match["kind"]:
                    kind = match["kind"].decode()
                    self._numbers[kind] = max(self._numbers.get(kind, 0), int(match["number"]))

    def _replacement(self, kind: str, value: bytes) -> bytes:
        self.counts[kind] = self.counts.get(kind, 0) + 1
        if kind in UNNUMBERED:
            return f"<{kind}>".encode() + b"\n" * value.count(b"\n")
        key = (kind, value.lower())
        known = self._known.get(key)
        if known is None:
            if len(self._known) >= MAX_VALUES:
                return f"<{kind}-0>".encode()
            number = self._numbers[kind] = self._numbers.get(kind, 0) + 1
            known = f"{identifiers.UUID_PLACEHOLDER.decode()}{number:012x}" if kind == "uuid" else f"<{kind}-{number}>"
            self._known[key] = known
            self.hidden[known] = value.decode("utf-8", "replace")
        return known.encode()


def _united(spans: list[Span], taken: list[tuple[int, int]]) -> list[Span]:
    """Spans in order; those that overlap become one of the longest's kind, and those inside a placeholder fall out."""
    found: list[Span] = []
    for span in sorted(spans, key=lambda span: (span.start, -span.end)):
        if span.start >= span.end or any(start <= span.start and span.end <= end for start, end in taken):
            continue
        last = found[-1] if found else None
        if last is not None and span.start < last.end:
            if span.end > last.end:
                longer = span if span.end - span.start > last.end - last.start else last
                found[-1] = Span(last.start, span.end, longer.kind)
        else:
            found.append(span)
    return found
