"""The GPUs of a machine as a plan sees them."""

from __future__ import annotations

from typing import Optional

from ..catalogs.gpus import find_gpu
from ..facts.machine import Machine
from ..facts.target import Target
from .speed import peak_of


def targets_of(machine: Optional[Machine]) -> list[Target]:
    """Cards of their own whose free memory is known; their memory's speed as the smoke test measured it, where it did."""
    tested = machine.smoke.gpus if machine is not None and isinstance(machine.smoke.gpus, list) else []
    reads = {one.uuid: one.read_bytes_per_s for one in tested if isinstance(one.read_bytes_per_s, int)}
    cards = machine.gpus if machine is not None and isinstance(machine.gpus, list) else []
    targets = []
    for card in cards:
        free, total = card.vram_free_bytes, card.vram_total_bytes
        if card.integrated is True or not isinstance(free, int):
            continue
        name = card.name if isinstance(card.name, str) else "GPU"
        whole = total if isinstance(total, int) else None
        known = find_gpu(name, whole)
        peak = known.memory_bandwidth_bytes_per_s if known else None
        targets.append(Target(name, free, whole, peak_of(reads[card.uuid]) if card.uuid in reads else peak))
    return targets
