"""From a machine whose smoke test was run to the report: each level that failed with the finding that explains it."""

from __future__ import annotations

from typing import Iterable, Optional

from .. import __version__
from ..facts.finding import Finding, LevelReport, SmokeReport
from ..facts.machine import Machine
from .engine import Outcome, judge
from .rule import Rule

FAILS = "gpu.test-fails"
"""The rule that says only that a level failed; every cause of it explains it."""


def report(machine: Machine, rules: Iterable[Rule]) -> SmokeReport:
    """``machine.smoke`` with its reasons. Only findings that read what the test saw stand in it: the rest is ``check``'s."""
    outcome = judge(machine, rules)
    reason = _root(outcome)
    levels = machine.smoke.levels if isinstance(machine.smoke.levels, list) else []
    reports = [
        LevelReport(
            name=level.name,
            gpu=level.gpu if isinstance(level.gpu, int) else None,
            status=level.status,
            ms=level.ms,
            evidence=level.evidence,
            finding=reason if level.status == "fail" else None,
        )
        for level in levels
    ]
    beside = [finding for finding in outcome.findings if finding is not reason and _reads_smoke(finding)]
    gpus = machine.smoke.gpus if isinstance(machine.smoke.gpus, list) else []
    return SmokeReport(tool_version=__version__, levels=reports, gpus=gpus, cpu=machine.smoke.cpu, findings=beside)


def _root(outcome: Outcome) -> Optional[Finding]:
    return next((finding for finding in outcome.findings if finding.id == FAILS or FAILS in finding.explains), None)


def _reads_smoke(finding: Finding) -> bool:
    return any((one.source or "").startswith("smoke") for one in finding.evidence)
