"""GPU architectures inside PyTorch's own wheels, by version, CUDA version and system.

Sources, read 2026-11:
- 1.13 to 2.5, Linux: https://github.com/pytorch/builder, manywheel/build_cuda.sh of branches release/1.13 to release/2.5;
  Windows: windows/cuda*.bat of the same branches.
- 2.6 to 2.8, Linux: https://github.com/pytorch/pytorch, .ci/manywheel/build_cuda.sh; Windows: .ci/pytorch/windows/cuda*.bat.
  2.7.1 and 2.10 on both systems as printed by ``torch.cuda.get_arch_list()``:
  https://github.com/nikopueringer/CorridorKey/pull/141; Windows' sm_61 in cu128 until 2.9:
  https://github.com/pytorch/pytorch/pull/164470; sm_70 back in cu128 and cu129 with 2.8:
  https://github.com/pytorch/pytorch/issues/157517.
- 2.9 to 2.14: "PyTorch CUDA Support Matrix" in https://github.com/pytorch/pytorch/blob/main/RELEASE.md;
  2.10 and 2.11 also https://github.com/pytorch/pytorch/issues/182250.

``sm_NN`` is machine code: it runs on cards of the same major version with the same or a higher minor version.
``compute_NN`` is PTX, which the driver compiles for that card or any newer one.
"""

from __future__ import annotations

from .cuda_driver import version_tuple

_Table = tuple[tuple[str, str, str, str], ...]

_LINUX: _Table = (
    ("1.13", "1.13", "10.2", "37 50 60 70"),
    ("1.13", "1.13", "11.6", "37 50 60 70 75 80 86"),
    ("1.13", "2.0", "11.7", "37 50 60 70 75 80 86"),
    ("2.0", "2.7", "11.8", "37 50 60 70 75 80 86 90"),
    ("2.1", "2.5", "12.1", "50 60 70 75 80 86 90"),
    ("2.4", "2.6", "12.4", "50 60 70 75 80 86 90"),
    ("2.6", "2.14", "12.6", "50 60 70 75 80 86 90"),
    ("2.7", "2.7", "12.8", "75 80 86 90 100 120 +120"),
    ("2.8", "2.10", "12.8", "70 75 80 86 90 100 120"),
    ("2.11", "2.11", "12.8", "75 80 86 90 100 120"),
    ("2.8", "2.8", "12.9", "70 75 80 86 90 100 120 +120"),
    ("2.9", "2.14", "13.0", "75 80 86 90 100 120 +120"),
    ("2.12", "2.14", "13.2", "75 80 86 90 100 120 +120"),
)
"""(first version, last version, CUDA, targets; ``+NN`` is PTX) of the x86-64 wheels."""

_WINDOWS: _Table = (
    ("1.13", "2.0", "11.6", "37 50 60 61 70 75 80 86 +37"),
    ("1.13", "2.0", "11.7", "37 50 60 61 70 75 80 86 +37"),
    ("2.0", "2.7", "11.8", "37 50 60 61 70 75 80 86 90 +37"),
    ("2.1", "2.5", "12.1", "50 60 61 70 75 80 86 90"),
    ("2.4", "2.6", "12.4", "50 60 61 70 75 80 86 90"),
    ("2.6", "2.10", "12.6", "50 60 61 70 75 80 86 90"),
    ("2.11", "2.14", "12.6", "50 60 70 75 80 86 90"),
    ("2.7", "2.7", "12.8", "50 60 61 70 75 80 86 90 100 120"),
    ("2.8", "2.9", "12.8", "61 70 75 80 86 90 100 120"),
    ("2.10", "2.10", "12.8", "70 75 80 86 90 100 120"),
    ("2.11", "2.11", "12.8", "75 80 86 90 100 120"),
    ("2.8", "2.8", "12.9", "70 75 80 86 90 100 120"),
    ("2.9", "2.14", "13.0", "75 80 86 90 100 120"),
    ("2.12", "2.14", "13.2", "75 80 86 90 100 120"),
)

_LINUX_ARM: _Table = (
    ("2.4", "2.6", "12.4", "90"),
    ("2.9", "2.14", "12.6", "80 90"),
    ("2.9", "2.11", "12.8", "80 90 100 120"),
    ("2.9", "2.14", "13.0", "80 90 100 110 120 +120"),
    ("2.12", "2.14", "13.2", "80 90 100 110 120 +120"),
)
"""The aarch64 wheels (Grace, DGX Spark, Jetson Thor)."""


def torch_architectures(torch_version: str, cuda_version: str, os_family: str, machine: str = "x86_64") -> list[str] | None:
    """``["sm_50", …, "compute_120"]`` of PyTorch's own wheel, oldest first and PTX last; None if it is not in the tables.

    ``torch_version`` may carry its local part (``2.7.1+cu128``) or be a pre-release. ``machine`` is ``x86_64`` or
    ``aarch64``. Builds of conda-forge, distributions and NVIDIA's containers are others: this says nothing about them.
    """
    version = version_tuple(torch_version.partition("+")[0])[:2]
    cuda = version_tuple(cuda_version)[:2]
    if os_family == "windows":
        table = _WINDOWS
    elif os_family == "linux":
        table = _LINUX_ARM if machine == "aarch64" else _LINUX
    else:
        return None
    for first, last, built_with, targets in table:
        if version_tuple(first) <= version <= version_tuple(last) and cuda == version_tuple(built_with):
            return [f"compute_{word[1:]}" if word.startswith("+") else f"sm_{word}" for word in targets.split()]
    return None


def runs_on(architectures: list[str], compute_capability: str) -> bool | None:
    """Whether code for these targets runs on a card: by its own machine code or by compiling its PTX.

    None if the compute capability is no version. CUDA programming guide, "Binary Compatibility" and "PTX Compatibility";
    targets with a suffix (``sm_90a``) run on exactly that compute capability.
    """
    card = version_tuple(compute_capability)
    if len(card) != 2:
        return None
    for target in architectures:
        kind, _, number = target.partition("_")
        exact = number[-1:] in ("a", "f")
        number = number.rstrip("af")
        if not number.isdigit():
            continue
        major, minor = divmod(int(number), 10)
        if exact:
            if card == (major, minor):
                return True
        elif kind == "compute":
            if card >= (major, minor):
                return True
        elif card[0] == major and card[1] >= minor:
            return True
    return False
