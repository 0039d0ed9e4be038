"""AMD's GPU targets: what ROCm and the runtimes are built for, and what HSA_OVERRIDE_GFX_VERSION can stand in.

As of 2026-11, by: https://rocm.docs.amd.com/projects/install-on-linux/en/latest/reference/system-requirements.html and
ROCm's compatibility matrix (docs/compatibility of https://github.com/ROCm/ROCm, releases 6.0 to 6.4) for Linux;
"ROCm on Radeon and Ryzen" for 7.x; https://github.com/ollama/ollama CMakePresets.json (v0.9.6, v0.12.6) and
llama/server/CMakePresets.json (v0.33), docs/gpu.mdx; https://github.com/ggml-org/llama.cpp .github/workflows/release.yml.
Overrides: https://github.com/ROCm/ROCm/issues/2353, ollama's docs/gpu.mdx and LLVM's AMDGPUUsage (generic targets). An override
makes the runtime load another target's kernels; it works only within a family that shares instructions.
"""

from __future__ import annotations

from .cuda_driver import version_tuple

ROCM_TARGETS: tuple[tuple[str, frozenset[str]], ...] = (
    ("5.0", frozenset(("gfx900", "gfx906", "gfx908", "gfx90a", "gfx1030"))),
    ("5.7", frozenset(("gfx906", "gfx908", "gfx90a", "gfx1030", "gfx1100"))),
    ("6.0", frozenset(("gfx906", "gfx908", "gfx90a", "gfx942", "gfx1030", "gfx1100"))),
    ("6.3", frozenset(("gfx908", "gfx90a", "gfx942", "gfx1030", "gfx1100"))),
    ("6.4", frozenset(("gfx908", "gfx90a", "gfx942", "gfx1030", "gfx1100", "gfx1101", "gfx1200", "gfx1201"))),
    ("7.0", frozenset(("gfx908", "gfx90a", "gfx942", "gfx950", "gfx1030", "gfx1100", "gfx1101", "gfx1102", "gfx1200", "gfx1201"))),
    ("7.2", frozenset((
        "gfx908", "gfx90a", "gfx942", "gfx950", "gfx1030", "gfx1100", "gfx1101", "gfx1102", "gfx1150", "gfx1151",
        "gfx1200", "gfx1201",
    ))),
)  # fmt: skip
"""(first ROCm version, targets officially supported from then on, on Linux), oldest first."""

RUNTIME_TARGETS: tuple[tuple[str, str, str, frozenset[str]], ...] = (
    ("ollama", "0.7", "linux", frozenset((
        "gfx900", "gfx906", "gfx908", "gfx90a", "gfx940", "gfx941", "gfx942", "gfx1010", "gfx1012", "gfx1030",
        "gfx1100", "gfx1101", "gfx1102", "gfx1151", "gfx1200", "gfx1201",
    ))),
    ("ollama", "0.12.6", "linux", frozenset((
        "gfx908", "gfx90a", "gfx940", "gfx941", "gfx942", "gfx1010", "gfx1012", "gfx1030", "gfx1100", "gfx1101", "gfx1102",
        "gfx1151", "gfx1200", "gfx1201",
    ))),
    ("ollama", "0.33", "linux", frozenset((
        "gfx908", "gfx90a", "gfx942", "gfx950", "gfx1030", "gfx1100", "gfx1101", "gfx1102", "gfx1150", "gfx1151",
        "gfx1200", "gfx1201",
    ))),
    ("ollama", "0.33", "windows", frozenset((
        "gfx1030", "gfx1100", "gfx1101", "gfx1102", "gfx1150", "gfx1151", "gfx1200", "gfx1201",
    ))),
    ("llama.cpp", "9000", "linux", frozenset((
        "gfx908", "gfx90a", "gfx942", "gfx1030", "gfx1100", "gfx1101", "gfx1102", "gfx1150", "gfx1151", "gfx1200", "gfx1201",
    ))),
)  # fmt: skip
"""(runtime, first version that we looked at, system, targets of its own ROCm build)."""

OVERRIDES: dict[str, str] = {
    "gfx1031": "10.3.0",
    "gfx1032": "10.3.0",
    "gfx1033": "10.3.0",
    "gfx1034": "10.3.0",
    "gfx1035": "10.3.0",
    "gfx1036": "10.3.0",
    "gfx1101": "11.0.0",
    "gfx1102": "11.0.0",
    "gfx1103": "11.0.0",
}
"""Target to the HSA_OVERRIDE_GFX_VERSION that users run it with where its own kernels are missing."""


def rocm_targets(rocm_version: str) -> frozenset[str] | None:
    """Targets that this ROCm version officially supports on Linux; None below the table."""
    version = version_tuple(rocm_version)
    found: frozenset[str] | None = None
    for first, targets in ROCM_TARGETS:
        if version >= version_tuple(first):
            found = targets
    return found


def runtime_targets(runtime: str, version: str, os_family: str) -> frozenset[str] | None:
    """Targets in a runtime's own ROCm build; None if not known for this version and system."""
    wanted = version_tuple(version.lstrip("vb"))
    found: frozenset[str] | None = None
    for name, first, system, targets in RUNTIME_TARGETS:
        if name == runtime and system == os_family and wanted >= version_tuple(first):
            found = targets
    return found


def override_of(gfx_target: str) -> str | None:
    """The usual HSA_OVERRIDE_GFX_VERSION for this target; None if it needs none or none is known to work."""
    return OVERRIDES.get(gfx_target)


def override_target(version: str) -> str | None:
    """The target that an override selects: ``10.3.0`` is ``gfx1030``; None if it is no such version.

    The three parts are decimal major, minor and stepping; the target's last two digits are hexadecimal.
    """
    parts = version_tuple(version)
    if len(parts) != 3 or parts[1] > 15 or parts[2] > 15:
        return None
    return f"gfx{parts[0]}{parts[1]:x}{parts[2]:x}"
