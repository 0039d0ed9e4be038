"""A smoke test as a terminal shows it."""

from __future__ import annotations

import textwrap
from typing import Optional

from ..facts.finding import Finding, LevelReport, SmokeReport
from ..facts.machine import SmokeCpu, SmokeGpu

WORDS = {"pass": "ok", "fail": "FAILED", "skip": "skipped"}


def text(report: SmokeReport, width: int) -> str:
    lines = []
    for level in report.levels:
        lines.append(f"{title(level):<24} {WORDS[level.status]:<8}{f'{level.ms / 1000:6.2f} s' if level.ms else ''}".rstrip())
        for words in level.evidence:
            lines += _wrapped(words, width)
    for gpu in report.gpus:
        times = faster(gpu, report.cpu)
        if times is not None:
            lines += ["", *_wrapped(times, width, "")]
    told: list[str] = []
    for finding in [*(level.finding for level in report.levels), *report.findings]:
        if finding is not None and finding.id not in told:
            told.append(finding.id)
            lines += ["", *_finding(finding, width)]
    lines += ["", verdict(report)]
    return "\n".join(lines) + "\n"


def title(level: LevelReport) -> str:
    return level.name if level.gpu is None else f"{level.name}, GPU {level.gpu}"


def _wrapped(words: str, width: int, indent: str = "    ") -> list[str]:
    return textwrap.wrap(words, max(width, 40), initial_indent=indent, subsequent_indent=indent, break_long_words=False)


def faster(gpu: SmokeGpu, cpu: SmokeCpu) -> Optional[str]:
    if not isinstance(gpu.read_bytes_per_s, int) or not isinstance(cpu.read_bytes_per_s, int):
        return None
    times = gpu.read_bytes_per_s / cpu.read_bytes_per_s
    return (
        f"GPU {gpu.index} reads its memory {times:.0f} times as fast as this CPU reads RAM: about so much faster come the answers "
        "of a model that lies wholly in VRAM."
    )


def _finding(finding: Finding, width: int) -> list[str]:
    lines = [f"{finding.severity}: {finding.title} ({finding.id})", *_wrapped(finding.why, width, "  ")]
    for number, step in enumerate(finding.fix, 1):
        lines += _wrapped(f"{number}) {step.do}", width, "  ")
        if step.run:
            lines.append(f"     {step.run}")
    return lines


def verdict(report: SmokeReport) -> str:
    failed = [title(level) for level in report.levels if level.status == "fail"]
    if failed:
        return f"Failed: {'; '.join(failed)}."
    tested = [level for level in report.levels if level.status == "pass"]
    gpus = sorted({level.gpu for level in tested if level.gpu is not None})
    if any(level.name == "inference" for level in tested):
        return f"GPU {', '.join(map(str, gpus))} {'computes' if len(gpus) == 1 else 'compute'} right."
    if tested:
        return f"Only this was tested, and works: {', '.join(title(level) for level in tested)}."
    return "Nothing could be tested."
