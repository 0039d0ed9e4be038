"""From a machine whose smoke test was run to the report: each level that failed with the finding that explains it."""

from __future__ import annotations

from typing import Iterable, Iterator, Optional, Sequence

from .. import __version__
from ..facts.finding import Finding, LevelReport, SmokeReport
from ..facts.machine import Machine, SmokeLevel, SmokeRuntime
from ..logs.chapters import LogReader
from ..runtimes import all_readers
from .engine import judge
from .log_engine import FALLBACK, brought_about, judge_logs
from .rule import Rule

FAILS = "gpu.test-fails"
"""The rule that says only that a level failed; every cause of it explains it."""
ON_CPU = "runtime.computes-on-cpu"
"""The rule that says only that a program that was tried did not use the GPU."""


def report(machine: Machine, rules: Sequence[Rule]) -> SmokeReport:
    """``machine.smoke`` with its reasons. Only findings that read what the test saw stand in it: the rest is ``check``'s."""
    findings = judge(machine, rules).findings
    fails = next((finding for finding in findings if finding.id == FAILS or FAILS in finding.explains), None)
    levels = machine.smoke.levels if isinstance(machine.smoke.levels, list) else []
    reports = []
    for level, runtime in _with_runtimes(levels, machine):
        reason = None
        if level.status == "fail":
            reason = fails if runtime is None else _reason_of(runtime, machine, rules, findings)
        gpu = level.gpu if isinstance(level.gpu, int) else None
        reports.append(
            LevelReport(name=level.name, gpu=gpu, status=level.status, ms=level.ms, evidence=level.evidence, finding=reason)
        )
    told = {one.finding.id for one in reports if one.finding is not None}
    beside = [one for one in findings if one.id not in told and one.id != ON_CPU and _reads_smoke(one)]
    gpus = machine.smoke.gpus if isinstance(machine.smoke.gpus, list) else []
    return SmokeReport(tool_version=__version__, levels=reports, gpus=gpus, cpu=machine.smoke.cpu, findings=beside)


def _with_runtimes(levels: Iterable[SmokeLevel], machine: Machine) -> Iterator[tuple[SmokeLevel, Optional[SmokeRuntime]]]:
    """Levels that tried a program, in order, are the entries of ``smoke.runtimes``."""
    tried = iter(machine.smoke.runtimes if isinstance(machine.smoke.runtimes, list) else [])
    for level in levels:
        is_trial = level.name.startswith("runtime") and level.status != "skip"
        yield level, next(tried, None) if is_trial else None


def _reason_of(
    runtime: SmokeRuntime, machine: Machine, rules: Sequence[Rule], findings: Sequence[Finding]
) -> Optional[Finding]:
    """By what the program printed, else by what this machine's facts say of programs that do not use the GPU."""
    reader = LogReader((pattern for rule in rules for pattern in rule.patterns()), all_readers())
    log = "".join(f"{line}\n" for line in runtime.log).encode()
    told = judge_logs(machine, rules, [(reader.read(str(runtime.name), [log]), "here")]).findings
    serious = [finding for finding in told if finding.severity != "info"]
    if serious or runtime.ran_on != "cpu":
        return serious[0] if serious else None
    by_id = {rule.id: rule for rule in rules}
    return next((one for one in findings if one.id in (ON_CPU, FALLBACK) or FALLBACK in brought_about(one.id, by_id)), None)


def _reads_smoke(finding: Finding) -> bool:
    return any((one.source or "").startswith("smoke") for one in finding.evidence)
