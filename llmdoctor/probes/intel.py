"""Fact ``intel``: what Intel GPUs need for SYCL and oneAPI programs.

Sources: https://oneapi-src.github.io/level-zero-spec (loader and driver names), https://github.com/intel/compute-runtime,
Intel oneAPI's setvars.sh (ONEAPI_ROOT, SETVARS_COMPLETED).
"""

from __future__ import annotations

from ..facts.fact import Fact, Unknown
from ..facts.machine import Intel
from ..host.host import Host
from . import shared_library

_OPENCL_FOLDERS = (
    "/usr/lib/x86_64-linux-gnu/intel-opencl",
    "/usr/lib64/intel-opencl",
    "/usr/lib/intel-opencl",
    "/usr/local/lib/intel-opencl",
)
_ROOTS = {
    "linux": ("/opt/intel/oneapi",),
    "windows": (r"C:\Program Files (x86)\Intel\oneAPI", r"C:\Program Files\Intel\oneAPI"),
}


def _first_existing(host: Host, paths: list[str]) -> Fact[str]:
    doubt = None
    for path in paths:
        there = host.exists(path)
        if isinstance(there, Unknown):
            doubt = there
        elif there:
            return path
    return doubt


def _oneapi(host: Host, platform: str) -> tuple[Fact[str], Fact[bool]]:
    """Its folder, and whether this shell has read its setvars script; both absent if it is not installed."""
    set_root = host.env("ONEAPI_ROOT")
    if isinstance(set_root, str) and set_root:
        return set_root.rstrip("/\\"), True
    own = host.in_home("intel/oneapi")
    root = _first_existing(host, [*_ROOTS[platform], *([own] if own else [])])
    if not isinstance(root, str):
        return root, root if isinstance(root, Unknown) else None
    return root, host.env("SETVARS_COMPLETED") == "1"


def probe(host: Host) -> Intel:
    platform = host.platform()
    if platform not in _ROOTS:
        return Intel(level_zero_loader=None, compute_runtime=None, oneapi_root=None, oneapi_sourced=None)
    root, sourced = _oneapi(host, platform)
    if platform == "windows":
        return Intel(
            level_zero_loader=_first_existing(host, [r"C:\Windows\System32\ze_loader.dll"]),
            compute_runtime=Unknown("it lies in Windows' driver store, whose folders are not searched"),
            oneapi_root=root,
            oneapi_sourced=sourced,
        )
    runtime = shared_library.find(host, "libze_intel_gpu.so.1")
    if not isinstance(runtime, str):
        runtime = _first_existing(host, [f"{folder}/libigdrcl.so" for folder in _OPENCL_FOLDERS]) or runtime
    return Intel(
        level_zero_loader=shared_library.find(host, "libze_loader.so.1"),
        compute_runtime=runtime,
        oneapi_root=root,
        oneapi_sourced=sourced,
    )
