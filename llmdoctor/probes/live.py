"""What changes by the second: memory, load, heat and processes of the cards, and the RAM.

Few questions, so that it may be called once a second; give it a Host that asks anew. Functions: NVML API Reference Guide,
docs.nvidia.com/deploy/nvml-api; docs.kernel.org/gpu/amdgpu; proc_meminfo(5).
"""

from __future__ import annotations

from typing import NamedTuple, Optional

from ..facts.fact import Fact
from ..facts.machine import Gpu
from ..host.host import Host
from . import amd, memory, nvidia


class CardNow(NamedTuple):
    number: int
    """Its place in ``machine.gpus``."""
    gpu: Gpu
    """Only what changes is filled in."""


class Now(NamedTuple):
    ram_total_bytes: Fact[int]
    ram_available_bytes: Fact[int]
    cards: list[CardNow]
    """Those of which something is told by the second."""


def sample(host: Host, gpus: Fact[list[Gpu]]) -> Now:
    """``gpus`` are those that the machine was found to have. Never raises."""
    ram = memory.probe(host)
    found = [(number, _now(host, gpu)) for number, gpu in enumerate(gpus if isinstance(gpus, list) else [])]
    cards = [CardNow(number, gpu) for number, gpu in found if gpu is not None]
    return Now(ram.total_bytes, ram.available_bytes, cards)


def _now(host: Host, gpu: Gpu) -> Optional[Gpu]:
    if gpu.runtime_power_state == "suspended":
        return None  # a laptop's card that sleeps: asking it once a second would keep it awake
    if gpu.vendor == "nvidia" and isinstance(gpu.index, int):
        return nvidia.now(host, gpu.index)
    if gpu.vendor == "amd" and host.platform() == "linux":
        return next(iter(amd.amd_gpus(host, [gpu])), None)
    return None
