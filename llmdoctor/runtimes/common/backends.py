"""Compute backends by the names of library files.

ggml's libraries are named by backend (``libggml-cuda.so``, ``ggml-vulkan.dll``), CUDA's own carry the
major version (``libcudart.so.12``, ``cudart64_12.dll``). Source: ggml's build files, CUDA's release notes.
"""

from __future__ import annotations

import re
from typing import Iterable

_GGML = re.compile(r"(?:lib)?ggml-(cuda|hip|vulkan|metal|sycl|opencl|musa|cpu)(?:[-.]|$)", re.I)
_CUDA_MAJOR = re.compile(r"(?:libcudart\.so\.|libcublas\.so\.|cudart64_|cublas64_)(\d{2})", re.I)
_NAMES = {"hip": "rocm"}


def by_libraries(names: Iterable[str]) -> list[str]:
    """Backends whose ggml libraries are among the file names, sorted; ``cuda_v12`` where CUDA's own lie beside.

    >>> by_libraries(["libggml-cpu-haswell.so", "libggml-cuda.so", "libcudart.so.12.8.90"])
    ['cpu', 'cuda_v12']
    """
    names = list(names)
    found = {match[1].lower() for match in map(_GGML.match, names) if match}
    majors = sorted({match[1] for match in map(_CUDA_MAJOR.match, names) if match})
    if "cuda" in found and len(majors) == 1:
        found = found - {"cuda"} | {f"cuda_v{majors[0]}"}
    return sorted(_NAMES.get(name, name) for name in found)


def by_name(name: str) -> str:
    """The backend that an engine's or package's name tells: ``cuda_v12`` of ``…-nvidia-cuda12-avx2``.

    >>> [by_name(n) for n in ("linux-cuda-12-common_cpus-x64", "win-vulkan-x64", "macos-arm64", "linux-avx2-x64")]
    ['cuda_v12', 'vulkan', 'metal', 'cpu']
    """
    lower = name.lower()
    cuda = re.search(r"cuda[-_]?(?:cu)?(1[0-9])?", lower)
    if cuda:
        return f"cuda_v{cuda[1]}" if cuda[1] else "cuda"
    for sign, backend in (
        ("rocm", "rocm"),
        ("hip", "rocm"),
        ("vulkan", "vulkan"),
        ("sycl", "sycl"),
        ("metal", "metal"),
        ("mlx", "metal"),
        ("macos-arm64", "metal"),
        ("opencl", "opencl"),
        ("adreno", "opencl"),
    ):
        if sign in lower:
            return backend
    return "cpu"
