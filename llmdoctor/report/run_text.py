"""A command that was watched, as a terminal shows it: how it ended, the curves, and why."""

from __future__ import annotations

from typing import Sequence

from ..facts.finding import Diagnosis
from ..facts.machine import Machine, Watch
from ..facts.units import show_bytes
from ..fit.targets import targets_of
from ..watch.chart import curve
from ..watch.sampler import Sampler
from .document import Line, finding_lines
from .plain import rows

MOST_FINDINGS = 3


def text(diagnosis: Diagnosis, sampler: Sampler, would_fit: Sequence[str], width: int, ascii_only: bool) -> str:
    """One line for a command that ended well. ``would_fit``: changes of its command line that are predicted to fit."""
    watch = diagnosis.machine.watch
    failed = bool(watch.signal) or bool(watch.status)
    serious = [finding for finding in diagnosis.findings if finding.severity != "info"]
    if not failed and not serious:
        return _end(watch)
    lines = [_end(watch), *curves(sampler, diagnosis.machine, failed, width, ascii_only)]
    explained = {finding.id: finding for finding in diagnosis.explained}
    for number, finding in enumerate(serious[:MOST_FINDINGS], 1):
        lines += rows((Line("blank", ""), *finding_lines(finding, explained, number)), width)
    if not serious:
        lines.append("Nothing that llmdoctor knows explains it; its own last lines stand above.")
    if failed and would_fit:
        lines += ["", "Each of these alone is predicted to fit:"]
        lines += [f"  {number}) {one}" for number, one in enumerate(would_fit, 1)]
    return "\n".join(lines)


def _end(watch: Watch) -> str:
    if watch.signal:
        ended = f"was ended by signal {watch.signal}"
    else:
        ended = "was watched" if watch.status is None else f"ended with status {watch.status}"
    said = f"llmdoctor: the command {ended} after {watch.seconds} s."
    if isinstance(watch.peak_vram_bytes, int):
        said += f" It held {show_bytes(watch.peak_vram_bytes)} of VRAM at most"
        if isinstance(watch.predicted_vram_bytes, int):
            said += f"; {show_bytes(watch.predicted_vram_bytes)} were predicted"
        said += "."
    return said


def curves(sampler: Sampler, machine: Machine, failed: bool, width: int, ascii_only: bool) -> list[str]:
    """Of the cards all that is in use counts against the limit, whoever holds it; of RAM what the command holds."""
    total = sum(target.total_bytes or 0 for target in targets_of(machine)) or None
    limits = [one for one in (machine.memory.total_bytes, machine.container.memory_limit_bytes) if isinstance(one, int)]
    cards = [(one.at_s, one.card_bytes) for one in sampler.samples] if sampler.cards else []
    held = [(one.at_s, one.rss_bytes) for one in sampler.samples]
    return [
        *curve("VRAM in use", cards, total, width, failed, ascii_only),
        *curve("RAM of the command", held, min(limits, default=None), width, failed, ascii_only),
    ]
