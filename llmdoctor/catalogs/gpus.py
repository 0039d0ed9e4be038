"""Finds what is known of a GPU by the name that a driver gives it.

The tables with their sources stand in ``nvidia_gpus`` and ``other_gpus``. Architecture names by compute capability: CUDA
C++ Programming Guide, "Compute Capabilities", and https://developer.nvidia.com/cuda-gpus (as of 2026-11).
"""

from __future__ import annotations

import re
from typing import NamedTuple

_GB = 10**9
_GIB = 1 << 30


class GpuData(NamedTuple):
    """What the catalogue knows of one card; None where it does not know or the value depends on the machine."""

    name: str
    vendor: str
    """``nvidia``, ``amd``, ``intel`` or ``apple``."""
    architecture: str | None
    compute_capability: str | None
    """NVIDIA only."""
    gfx_target: str | None
    """AMD only."""
    vram_bytes: int | None
    """As sold, 1 GB taken as 2**30; None where the GPU shares the system's memory."""
    memory_bandwidth_bytes_per_s: int | None
    """Theoretical peak."""


_ARCHITECTURES: tuple[tuple[str, str], ...] = (
    ("2.", "Fermi"), ("3.", "Kepler"), ("5.", "Maxwell"), ("6.", "Pascal"), ("7.0", "Volta"), ("7.2", "Volta"),
    ("7.5", "Turing"), ("8.9", "Ada"), ("8.", "Ampere"), ("9.", "Hopper"), ("10.", "Blackwell"), ("11.", "Blackwell"),
    ("12.", "Blackwell"),
)  # fmt: skip
"""(beginning of the compute capability, architecture), the more exact first."""

_NOISE = re.compile(
    r"\((?:r|tm|c)\)|[™®]|\b(?:nvidia|geforce|amd|ati|intel|corporation|graphics card|gpu|graphics|tesla|quadro|mobile|series)\b",
    re.I,
)
"""Words that drivers add or leave out: one card is "Tesla T4" to one driver and "NVIDIA T4" to the next."""
_MAX_Q = re.compile(r"\bwith max-q(?: design)?\b|\bmax-q\b", re.I)
_LAST_BRACKET = re.compile(r"\s*\([^()]*\)\s*$")
"""Mesa's addition, as in "Radeon RX 7900 XTX (RADV NAVI31)"."""
_MEMORY_SUFFIX = re.compile(r"[ -](\d+) ?gb?\b", re.I)

_index: dict[str, list[GpuData]] = {}


def architecture_of(compute_capability: str) -> str | None:
    """``8.9`` → ``Ada``; None if unknown."""
    for beginning, name in _ARCHITECTURES:
        if compute_capability.startswith(beginning):
            return name
    return None


def amd_architecture(gfx_target: str) -> str | None:
    """``gfx1100`` → ``RDNA3``; None if unknown. Feature suffixes (``gfx90a:xnack-``) do not matter."""
    from .other_gpus import AMD_FAMILIES

    for beginning, name in AMD_FAMILIES:
        if gfx_target.startswith(beginning):
            return name
    return None


def _key(name: str) -> str:
    return " ".join(re.sub(r"[^a-z0-9+()]+", " ", _NOISE.sub(" ", name).lower()).split())


def _bandwidth(gb_per_s: float) -> int | None:
    return round(gb_per_s * _GB) or None


def _memory(gb: float) -> int | None:
    return round(gb * _GIB) or None


def _all() -> dict[str, list[GpuData]]:
    if _index:
        return _index
    from .nvidia_gpus import ROWS
    from .other_gpus import AMD, APPLE, INTEL

    cards = [GpuData(n, "nvidia", architecture_of(c), c, None, _memory(m), _bandwidth(b)) for n, c, m, b in ROWS]
    cards += [GpuData(n, "amd", amd_architecture(t), None, t, _memory(m), _bandwidth(b)) for n, t, m, b in AMD]
    cards += [GpuData(n, "intel", a, None, None, _memory(m), _bandwidth(b)) for n, a, m, b in INTEL]
    cards += [GpuData(n, "apple", n.split()[1], None, None, None, _bandwidth(b)) for n, b in APPLE]
    for card in cards:
        _index.setdefault(_key(card.name), []).append(card)
    return _index


def find_gpu(name: str, vram_bytes: int | None = None) -> GpuData | None:
    """The card of this name, however the driver dresses it up; None if the tables do not hold it.

    ``NVIDIA GeForce RTX 3080 Laptop GPU``, ``GeForce RTX 3080``, ``AMD Radeon(TM) 890M Graphics``,
    ``NVIDIA A100-SXM4-80GB`` and the like. Of cards sold with several memory sizes, ``vram_bytes`` chooses
    the nearest; without it the most common one.
    """
    index = _all()
    size = None if vram_bytes is None else float(vram_bytes)
    plain = _MAX_Q.sub("", _LAST_BRACKET.sub("", name.rpartition("w/")[2]))
    for spelling in (name, plain, _MEMORY_SUFFIX.sub("", plain)):
        found = index.get(_key(spelling))
        if not found:
            continue
        if size is None and spelling != name:
            size = _size_in(name)
        if size is None or len(found) == 1:
            return found[0]
        wanted = size
        return min(found, key=lambda card: abs((card.vram_bytes or 0) - wanted))
    return None


def _size_in(name: str) -> float | None:
    """The memory size that a name ends with (``… 12GB``), bytes."""
    match = _MEMORY_SUFFIX.search(name)
    return float(match[1]) * _GIB if match else None
