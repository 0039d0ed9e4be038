"""What each CUDA toolkit's nvcc can build for, and with which host compilers.

As of 2026-11, by: nvcc documentation of each release, "GPU Feature List"
(https://docs.nvidia.com/cuda/archive/); "Linux installation guide", table of host compilers; and the version checks in
crt/host_config.h of the toolkits (13.5: gcc up to 16, _MSC_VER below 1960). ``_MSC_VER``: 1900 is Visual Studio
2015, 1910 2017, 1920 2019, 1930 2022, 1940 2022 17.10, 1950 2026.
"""

from __future__ import annotations

from typing import NamedTuple

from .cuda_driver import version_tuple


class Toolkit(NamedTuple):
    """One CUDA toolkit."""

    cuda: str
    min_compute_capability: str
    max_compute_capability: str
    max_gcc: int | None
    """Highest gcc major version that nvcc accepts; None if we do not know it."""
    msc_ver_below: int | None
    """Microsoft compilers with _MSC_VER below this are accepted; None if we do not know it."""


TOOLKITS: tuple[Toolkit, ...] = (
    Toolkit("8.0", "2.0", "6.2", 5, 1910),
    Toolkit("9.0", "3.0", "7.0", 6, 1911),
    Toolkit("9.1", "3.0", "7.2", 6, 1920),
    Toolkit("9.2", "3.0", "7.2", 7, 1920),
    Toolkit("10.0", "3.0", "7.5", 7, 1920),
    Toolkit("10.1", "3.0", "7.5", 8, 1930),
    Toolkit("10.2", "3.0", "7.5", 8, 1930),
    Toolkit("11.0", "3.5", "8.0", 9, 1930),
    Toolkit("11.1", "3.5", "8.6", 10, 1930),
    Toolkit("11.2", "3.5", "8.6", 10, 1930),
    Toolkit("11.3", "3.5", "8.6", 10, 1930),
    Toolkit("11.4", "3.5", "8.7", 11, 1930),
    Toolkit("11.5", "3.5", "8.7", 11, 1930),
    Toolkit("11.6", "3.5", "8.7", 11, 1940),
    Toolkit("11.7", "3.5", "8.7", 11, 1940),
    Toolkit("11.8", "3.5", "9.0", 11, 1940),
    Toolkit("12.0", "5.0", "9.0", 12, 1940),
    Toolkit("12.1", "5.0", "9.0", 12, 1940),
    Toolkit("12.2", "5.0", "9.0", 12, 1940),
    Toolkit("12.3", "5.0", "9.0", 12, 1940),
    Toolkit("12.4", "5.0", "9.0", 13, 1950),
    Toolkit("12.5", "5.0", "9.0", 13, 1950),
    Toolkit("12.6", "5.0", "9.0", 13, 1950),
    Toolkit("12.8", "5.0", "12.0", 14, 1950),
    Toolkit("12.9", "5.0", "12.1", 14, 1950),
    Toolkit("13.0", "7.5", "12.1", 15, None),
    Toolkit("13.1", "7.5", "12.1", 15, None),
    Toolkit("13.2", "7.5", "12.1", 15, None),
    Toolkit("13.3", "7.5", "12.1", None, None),
    Toolkit("13.4", "7.5", "12.1", None, None),
    Toolkit("13.5", "7.5", "12.1", 16, 1960),
)
"""Oldest first."""


def toolkit(cuda_version: str) -> Toolkit | None:
    """The toolkit of this version (patch numbers are ignored); None if not in the table."""
    wanted = version_tuple(cuda_version)[:2]
    for entry in TOOLKITS:
        if version_tuple(entry.cuda) == wanted:
            return entry
    return None


def can_target(cuda_version: str, compute_capability: str) -> bool | None:
    """Whether this nvcc can build machine code for a card; None for an unknown toolkit or card."""
    entry, card = toolkit(cuda_version), version_tuple(compute_capability)
    if entry is None or not card:
        return None
    return version_tuple(entry.min_compute_capability) <= card <= version_tuple(entry.max_compute_capability)


def first_toolkit(compute_capability: str) -> str | None:
    """The first CUDA version whose nvcc can build for this card; None if none is known."""
    for entry in TOOLKITS:
        if can_target(entry.cuda, compute_capability):
            return entry.cuda
    return None
