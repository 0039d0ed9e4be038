"""Which NVIDIA driver a CUDA version needs, and which drivers serve which card.

As of 2026-11, by:
- CUDA 13.2 Update 2 release notes, https://docs.nvidia.com/cuda/cuda-toolkit-release-notes/index.html, table 2 (minimum
  driver for minor-version compatibility) and table 3 (driver that belongs to each toolkit); 13.3 from
  https://docs.nvidia.com/cuda/archive/13.3.0/cuda-toolkit-release-notes/index.html.
- https://docs.nvidia.com/deploy/cuda-compatibility/minor-version-compatibility.html and …/forward-compatibility.html.
- Last branch per architecture: https://www.nvidia.com/en-us/drivers/unix/legacy-gpu/ and the "UNIX graphics feature
  deprecation schedule", https://forums.developer.nvidia.com/t/60588; 580 for Maxwell, Pascal and Volta.
- First branch per compute capability: the driver of the first toolkit that can build for it (table 3 with the nvcc
  documentation's target lists), and https://github.com/NVIDIA/open-gpu-kernel-modules (README of each release tag).
"""

from __future__ import annotations

TOOLKIT_DRIVERS: tuple[tuple[str, str, str | None], ...] = (
    ("7.0", "346.46", "347.62"),
    ("7.5", "352.31", "353.66"),
    ("8.0", "367.48", "369.30"),
    ("9.0", "384.81", "385.54"),
    ("9.1", "390.46", "391.29"),
    ("9.2", "396.26", "397.44"),
    ("10.0", "410.48", "411.31"),
    ("10.1", "418.39", "418.96"),
    ("10.2", "440.33", "441.22"),
    ("11.0", "450.36.06", "451.22"),
    ("11.1", "455.23", "456.38"),
    ("11.2", "460.27.03", "460.82"),
    ("11.3", "465.19.01", "465.89"),
    ("11.4", "470.42.01", "471.11"),
    ("11.5", "495.29.05", "496.04"),
    ("11.6", "510.39.01", "511.23"),
    ("11.7", "515.43.04", "516.01"),
    ("11.8", "520.61.05", "520.06"),
    ("12.0", "525.60.13", "527.41"),
    ("12.1", "530.30.02", "531.14"),
    ("12.2", "535.54.03", "536.25"),
    ("12.3", "545.23.06", "545.84"),
    ("12.4", "550.54.14", "551.61"),
    ("12.5", "555.42.02", "555.85"),
    ("12.6", "560.28.03", "560.76"),
    ("12.8", "570.26", "570.65"),
    ("12.9", "575.51.03", "576.02"),
    ("13.0", "580.65.06", None),
    ("13.1", "590.44.01", None),
    ("13.2", "595.45.04", None),
    ("13.3", "610.43.02", None),
)
"""(CUDA version, driver released with its first release on Linux, on Windows), oldest first. Windows has none from 13.0 on,
since the driver no longer comes with the toolkit."""

_MINOR_COMPATIBLE: dict[int, tuple[str, str]] = {
    11: ("450.80.02", "452.39"),
    12: ("525.60.13", "528.33"),
    13: ("580.65.06", "580"),
}
"""CUDA major to the lowest driver that runs any of its minor versions: Linux, Windows."""

_WINDOWS_BRANCH_CUDA: tuple[tuple[int, str], ...] = ((580, "13.0"), (590, "13.1"), (595, "13.2"), (610, "13.3"))
"""Windows driver branch to the CUDA version that it serves, where table 3 has no Windows column: one branch is one CUDA
version on both systems."""

FORWARD_COMPATIBILITY = (
    "NVIDIA data-centre GPUs, select NGC-Ready RTX server cards and Jetson boards, on Linux; other cards answer error 804"
)
"""Where a cuda-compat package (a newer libcuda on an older kernel module) works."""

_LAST_BRANCH: tuple[tuple[tuple[int, int], int | None], ...] = (
    ((2, 0), 340),
    ((3, 0), 390),
    ((5, 0), 470),
    ((7, 1), 580),
)
"""(first compute capability that lived on, last branch of all below it): Tesla 340, Fermi 390, Kepler 470, and Maxwell,
Pascal and Volta 580."""

_FIRST_BRANCH: dict[str, int] = {
    "5.0": 334, "5.2": 343, "6.0": 367, "6.1": 367, "7.0": 384, "7.5": 410, "8.0": 450, "8.6": 455,
    "8.9": 520, "9.0": 515, "10.0": 570, "10.3": 575, "12.0": 570, "12.1": 580,
}  # fmt: skip
"""Compute capability to the first driver branch that knows a card of it."""

OPEN_MODULES_SINCE = (7, 5)
"""The open kernel modules drive Turing and later (README of open-gpu-kernel-modules)."""
OPEN_MODULES_ONLY_SINCE = (10, 0)
"""Blackwell, and Grace Hopper boards, are driven by the open kernel modules alone: NVIDIA, "NVIDIA Transitions Fully Towards
Open-Source GPU Kernel Modules", https://developer.nvidia.com/blog/nvidia-transitions-fully-towards-open-source-gpu-kernel-modules/."""


def version_tuple(version: str) -> tuple[int, ...]:
    """``550.90.07`` as (550, 90, 7), for comparing; parts that are no numbers end it."""
    parts: list[int] = []
    for part in version.strip().split("."):
        if not part.isdigit():
            break
        parts.append(int(part))
    return tuple(parts)


def _cuda_pair(cuda_version: str) -> tuple[int, int] | None:
    parts = version_tuple(cuda_version)
    if not parts:
        return None
    return parts[0], parts[1] if len(parts) > 1 else 0


def toolkit_driver(cuda_version: str, os_family: str) -> str | None:
    """The driver released together with this toolkit, which has all its features; None if not in the tables."""
    wanted = _cuda_pair(cuda_version)
    for version, linux, windows in TOOLKIT_DRIVERS:
        if _cuda_pair(version) == wanted:
            return windows if os_family == "windows" else linux
    return None


def min_driver(cuda_version: str, os_family: str) -> str | None:
    """The lowest driver that runs programs built with this CUDA version, by minor-version compatibility.

    ``os_family`` is ``linux`` or ``windows`` (inside WSL the Windows driver counts, whose numbers satisfy the
    Linux column too). None for an unknown CUDA version and on macOS. Minor-version compatibility runs the
    program's own kernels; PTX that the driver must compile still needs the driver of its toolkit.
    """
    pair = _cuda_pair(cuda_version)
    if pair is None or os_family not in ("linux", "windows"):
        return None
    family = _MINOR_COMPATIBLE.get(pair[0])
    if family is not None:
        floor = family[1] if os_family == "windows" else family[0]
        own = toolkit_driver(cuda_version, os_family)
        if own is not None and version_tuple(own) < version_tuple(floor):
            return own
        return floor
    return toolkit_driver(cuda_version, os_family)


def driver_max_cuda(driver_version: str, os_family: str) -> str | None:
    """The newest CUDA version whose own driver is not newer than this one; None below all known ones.

    A lower bound for drivers newer than these tables: ask the driver itself where that is possible.
    """
    driver = version_tuple(driver_version)
    if not driver:
        return None
    best: str | None = None
    for version, linux, windows in TOOLKIT_DRIVERS:
        needed = windows if os_family == "windows" else linux
        if needed is not None and version_tuple(needed) <= driver:
            best = version
    if os_family == "windows":
        for branch, version in _WINDOWS_BRANCH_CUDA:
            if driver[0] >= branch:
                best = version
    return best


def last_driver_branch(compute_capability: str) -> int | None:
    """The last driver branch that drives cards of this compute capability; None if newer branches still do."""
    capability = version_tuple(compute_capability)
    if not capability:
        return None
    for limit, branch in _LAST_BRANCH:
        if capability < limit:
            return branch
    return None


def first_driver_branch(compute_capability: str) -> int | None:
    """The first driver branch that knows cards of this compute capability; None if not known (Jetson and others)."""
    return _FIRST_BRANCH.get(compute_capability)


def open_modules(compute_capability: str) -> str | None:
    """``required``, ``possible`` or ``impossible``: NVIDIA's open kernel modules for this card; None if unknown."""
    capability = version_tuple(compute_capability)
    if not capability:
        return None
    if capability >= OPEN_MODULES_ONLY_SINCE:
        return "required"
    return "possible" if capability >= OPEN_MODULES_SINCE else "impossible"
