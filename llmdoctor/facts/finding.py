"""What the doctor says: findings, what could not be checked, and the diagnosis that holds both."""

from __future__ import annotations

from typing import Optional

import msgspec
from msgspec import field

from .machine import SCHEMA_VERSION, Machine, SmokeCpu, SmokeGpu
from .run import Run


class Evidence(msgspec.Struct, kw_only=True):
    """One fact or log line that speaks for a finding."""

    text: str
    source: Optional[str] = None
    """Path of the fact (``driver.version``) or name of the log."""
    line: Optional[int] = None
    """Line number in the log, from 1; None for facts."""


class Step(msgspec.Struct, kw_only=True):
    """One thing that the user can do."""

    do: str
    run: Optional[str] = None
    """A command for this machine; shown, never executed by llmdoctor."""
    cost: Optional[str] = None
    """What it costs: a reboot, quality, speed, money."""


class Finding(msgspec.Struct, kw_only=True):
    id: str
    title: str
    kind: str
    """``cause`` or ``symptom``."""
    severity: str
    """``error``, ``warning`` or ``info``."""
    confidence: str
    """``confirmed``, ``likely`` or ``possible``."""
    runtime: Optional[str] = None
    """The runtime affected; None if the machine as a whole is."""
    evidence: list[Evidence] = field(default_factory=list)
    why: str = ""
    fix: list[Step] = field(default_factory=list)
    verify: str = ""
    refs: list[str] = field(default_factory=list)
    explains: list[str] = field(default_factory=list)
    """Ids of the findings that were found too and that this one brings about."""


class NotChecked(msgspec.Struct, kw_only=True):
    """A rule whose condition hangs on a fact that nobody could read."""

    id: str
    reason: str


class LogSummary(msgspec.Struct, kw_only=True):
    """A log that was read."""

    name: str
    """Path, ``-`` for standard input, or the command whose output it is."""
    lines: int
    machine: str
    """Whether this machine's facts took part: ``here`` (the log is from here), ``maybe`` (nothing says so or otherwise: facts
    confirm, and rule nothing out), ``elsewhere`` (facts took no part)."""


class Diagnosis(msgspec.Struct, kw_only=True):
    """The result of ``check`` and ``diagnose``; this is the JSON contract."""

    schema_version: int = SCHEMA_VERSION
    tool_version: str
    machine: Machine
    logs: list[LogSummary] = field(default_factory=list)
    """Of ``diagnose`` alone."""
    runs: list[Run] = field(default_factory=list)
    """What the logs tell of the run that was judged, one a log."""
    findings: list[Finding] = field(default_factory=list)
    """Best first; those that another one explains stand in ``explained``."""
    explained: list[Finding] = field(default_factory=list)
    """Findings that a root cause above brings about."""
    not_checked: list[NotChecked] = field(default_factory=list)
    passed: int = 0
    """Rules that could be checked and found nothing."""
    timings_ms: dict[str, float] = field(default_factory=dict)


class LevelReport(msgspec.Struct, kw_only=True):
    """One level of the smoke test and, where it failed, the reason."""

    name: str
    """``driver``, ``memory``, ``vram``, ``inference``, ``cpu`` or ``runtime:<name>``."""
    gpu: Optional[int] = None
    """As nvidia-smi numbers them; None where the level is not about one GPU."""
    status: str
    """``pass``, ``fail`` or ``skip``."""
    ms: float
    evidence: list[str] = field(default_factory=list)
    finding: Optional[Finding] = None


class SmokeReport(msgspec.Struct, kw_only=True):
    """The result of ``smoke``; this is the JSON contract."""

    schema_version: int = SCHEMA_VERSION
    tool_version: str
    levels: list[LevelReport]
    gpus: list[SmokeGpu] = field(default_factory=list)
    """What was measured on each GPU."""
    cpu: SmokeCpu
    findings: list[Finding] = field(default_factory=list)
    """What the test itself shows beside the levels that failed, such as a slow link."""
