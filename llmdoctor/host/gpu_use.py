"""What the GPUs' memory holds at this moment, asked anew each time; for those who watch a program run.

NVIDIA's through NVML; AMD's on Linux by what amdgpu writes (https://docs.kernel.org/gpu/amdgpu/driver-misc.html, "mem_info_vram_used").
"""

from __future__ import annotations

import glob
from typing import NamedTuple, Optional

from .gpu_libraries import Nvml


class CardUse(NamedTuple):
    used_bytes: int
    of_process: Optional[dict[int, int]]
    """VRAM by process number; None where the driver tells none (WSL, Windows, MIG)."""


class GpuUse:
    """NVML's answers through its own child, and amdgpu's files."""

    def __init__(self) -> None:
        self._nvml = Nvml()
        count = self._nvml.ask("nvmlDeviceGetCount", ()).value
        self._count = count if isinstance(count, int) else 0
        self._amd = sorted(glob.glob("/sys/class/drm/card*/device/mem_info_vram_used"))

    def sample(self) -> list[CardUse]:
        """One entry a card, NVIDIA's in NVML's order, then AMD's; none where nobody answers."""
        cards = []
        for index in range(self._count):
            memory = self._nvml.ask("nvmlDeviceGetMemoryInfo", (index,)).value
            listed = self._nvml.ask("nvmlDeviceGetComputeRunningProcesses", (index,)).value
            held: Optional[dict[int, int]] = None
            if isinstance(listed, list):
                held = {one["pid"]: one["usedGpuMemory"] for one in listed if isinstance(one.get("usedGpuMemory"), int)}
                if len(held) < len(listed):
                    held = None  # the driver knows the processes and not what they hold
            cards.append(CardUse(memory["used"] if isinstance(memory, dict) else 0, held))
        return cards + [CardUse(_number(path), None) for path in self._amd]

    def close(self) -> None:
        self._nvml.close()


def _number(path: str) -> int:
    try:
        with open(path) as file:
            return int(file.read())
    except (OSError, ValueError):
        return 0
