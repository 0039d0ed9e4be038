"""What was seen of a machine to the diagnosis that every printer and screen shows."""

from __future__ import annotations

import time
from typing import Iterable

from .. import __version__
from ..facts.finding import Diagnosis
from ..survey.survey import Seen
from .engine import judge
from .rule import Rule


def examine(seen: Seen, rules: Iterable[Rule]) -> Diagnosis:
    """Judges a machine. ``timings_ms`` are those of the probes, and ``rules`` for the judging."""
    started = time.monotonic()
    outcome = judge(seen.machine, rules)
    return Diagnosis(
        tool_version=__version__,
        machine=seen.machine,
        findings=outcome.findings,
        explained=outcome.explained,
        not_checked=outcome.not_checked,
        passed=outcome.passed,
        timings_ms={**seen.timings_ms, "rules": round((time.monotonic() - started) * 1000, 1)},
    )
