"""From samples and an end to facts, and to the line that a shell would have printed."""

from __future__ import annotations

from typing import Optional, Sequence

from ..facts.machine import Machine, Watch
from ..fit.targets import targets_of
from .sampler import Sampler

# As bash prints a command that a signal ended: strsignal(3) of glibc. People paste these lines, and rules know them.
_SHELL_WORDS = {4: "Illegal instruction", 6: "Aborted", 7: "Bus error", 8: "Floating point exception", 9: "Killed", 11: "Segmentation fault", 15: "Terminated"}  # fmt: skip
_WITH_CORE = (4, 6, 7, 8, 11)


def last_words(returncode: int) -> str:
    """What stands under the output of a command that did not end well; empty where it did."""
    if returncode == 0:
        return ""
    if returncode > 0:
        return f"exit status {returncode}\n"
    words = _SHELL_WORDS.get(-returncode, f"signal {-returncode}")
    return f"{words}{' (core dumped)' if -returncode in _WITH_CORE else ''}\n"


def facts(
    words: Sequence[str], returncode: Optional[int], seconds: float, sampler: Sampler, machine: Machine, oom_kills: Optional[int],
    wants_gpu: bool, predicted_vram_bytes: Optional[int],
) -> Watch:  # fmt: skip
    """``machine`` tells how large the cards are; ``returncode`` is None for a process that was only watched."""
    samples = sampler.samples
    own = [one.vram_bytes for one in samples if one.vram_bytes is not None]
    total = sum(target.total_bytes or 0 for target in targets_of(machine))
    card = max((one.card_bytes for one in samples), default=0)
    return Watch(
        command=list(words),
        seconds=round(seconds, 2),
        status=returncode if returncode is not None and returncode >= 0 else None,
        signal=-returncode if returncode is not None and returncode < 0 else None,
        peak_rss_bytes=max((one.rss_bytes for one in samples), default=0),
        peak_vram_bytes=(max(own) if own else max(card - sampler.card_bytes_before, 0)) if sampler.cards else None,
        peak_card_bytes=card if sampler.cards else None,
        lowest_free_vram_bytes=max(total - card, 0) if sampler.cards and total else None,
        swap_growth_bytes=max((one.swap_bytes for one in samples), default=0) - (samples[0].swap_bytes if samples else 0),
        oom_kills=oom_kills,
        wants_gpu=wants_gpu,
        predicted_vram_bytes=predicted_vram_bytes,
    )


def oom_kills_here() -> Optional[int]:
    """How many processes the kernel has ended in this process's own control group; None where it cannot be read.

    docs.kernel.org: cgroup-v2, memory.events, and cgroup-v1/memory, memory.oom_control; both have a line ``oom_kill N``.
    """
    try:
        with open("/proc/self/cgroup") as file:
            groups = [line.rstrip("\n").split(":", 2) for line in file]
    except OSError:
        return None
    for _, controllers, path in groups:
        if "memory" in controllers.split(","):
            found = _oom_kills(f"/sys/fs/cgroup/memory{path}/memory.oom_control")
        elif not controllers:
            found = _oom_kills(f"/sys/fs/cgroup{path}/memory.events")
        else:
            continue
        if found is not None:
            return found
    return None


def _oom_kills(path: str) -> Optional[int]:
    try:
        with open(path) as file:
            return next((int(line.split()[1]) for line in file if line.startswith("oom_kill ")), None)
    except (OSError, ValueError, IndexError):
        return None
