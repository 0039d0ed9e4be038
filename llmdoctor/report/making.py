"""From a diagnosis and its logs to a report without private data, and to a summary of what was hidden."""

from __future__ import annotations

import re
from typing import IO, Callable, Iterable, Iterator, NamedTuple, Sequence

from ..facts.finding import Diagnosis
from ..logs.stream import blocks
from ..redact.redactor import Redactor
from .excerpt import Excerpt, excerpt
from .issue import Report
from .private import without_private

LINES_BEFORE = 2500
"""Of a long log only what stands so near before a telling line is redacted: longer than any region of several lines."""
BIG_BYTES = 64 << 20
"""A bundle takes so much of the end of a log."""


class LogSource(NamedTuple):
    name: str
    total: int
    open: Callable[[], IO[bytes]]
    """Raises LogError."""


def make(diagnosis: Diagnosis, sources: Sequence[LogSource], redactor: Redactor) -> Report:
    """Learns the names first, from the machine and all logs, so that they are hidden from the first line on."""
    telling = {source.name: _telling(diagnosis, source.name) or [source.total] for source in sources}
    for source in sources:
        with source.open() as raw:
            for block in _near(blocks(raw, source.name), telling[source.name]):
                redactor.learn(block)
    redactor.learn([source.name for source in sources])
    hidden = without_private(diagnosis, redactor)
    return Report(hidden, [_excerpt(source, telling[source.name], redactor) for source in sources])


def _excerpt(source: LogSource, telling: list[int], redactor: Redactor) -> Excerpt:
    with source.open() as raw:
        return excerpt(
            redactor.text(source.name), redactor.stream(_near(blocks(raw, source.name), telling)), telling, source.total
        )


def _telling(diagnosis: Diagnosis, log: str) -> list[int]:
    findings = [one for one in [*diagnosis.findings, *diagnosis.explained] if one.severity != "info"]
    return sorted({one.line for finding in findings for one in finding.evidence if one.source == log and one.line is not None})


def _near(found: Iterable[bytes], telling: list[int]) -> Iterator[bytes]:
    """Blocks near telling lines; of the others the line feeds alone, so that numbers stay."""
    number = 0
    for block in found:
        lines = block.count(b"\n")
        is_near = any(number - 100 <= line <= number + lines + LINES_BEFORE for line in telling)
        yield block if is_near else b"\n" * lines
        number += lines


def redacted_log(source: LogSource, redactor: Redactor) -> bytes:
    """A log for a bundle: all of it, or the end of a very long one."""
    from collections import deque

    kept: deque[bytes] = deque()
    size = 0
    with source.open() as raw:
        for block in blocks(raw, source.name):
            kept.append(block)
            size += len(block)
            while size > BIG_BYTES:
                size -= len(kept.popleft())
    for block in kept:
        redactor.learn(block)
    return b"".join(redactor.stream(kept))


_PLACEHOLDER = re.compile(
    r"(?:<|&lt;|\\u003c)(?P<kind>[a-z][a-z0-9-]*?)(?:-(?P<number>\d+))?(?:>|&gt;|\\u003e)|(?P<uuid>00000000-0000-4000-8000-(?!0{12})[0-9a-f]{12})"
)
_KINDS = {
    "user": "user name", "host": "host name", "project": "private name in paths", "email": "e-mail address", "ip": "IP address",
    "private-ip": "local IP address", "ipv6": "IPv6 address", "mac": "MAC address", "uuid": "UUID", "serial": "serial number",
    "sid": "account id", "account": "account id", "token": "token or key", "secret": "secret value", "credentials": "credential", "query": "URL parameter",
    "cookie": "cookie", "ssid": "network name", "chat": "chat text", "private-key": "private key", "hidden": "secret variable",
}  # fmt: skip


def hidden_in(text: str) -> list[tuple[str, int, int]]:
    """(kind in words, values, places) of what stands hidden in a text, the commonest first."""
    places: dict[str, int] = {}
    values: dict[str, set[str]] = {}
    for match in _PLACEHOLDER.finditer(text):
        kind = "uuid" if match["uuid"] else match["kind"]
        if kind in _KINDS:
            places[kind] = places.get(kind, 0) + 1
            values.setdefault(kind, set()).add(match[0].lower())
    return sorted(((_KINDS[kind], len(values[kind]), count) for kind, count in places.items()), key=lambda one: -one[2])
