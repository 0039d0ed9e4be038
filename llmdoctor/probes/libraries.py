"""Which file the dynamic loader takes for a library, and which others it could take.

Order of search: ld.so(8) — LD_LIBRARY_PATH, the cache, then /lib and /usr/lib. Stubs: NVIDIA's CUDA
toolkit ships ``stubs/libcuda.so`` for linking only. Compat: "CUDA Compatibility", forward
compatibility packages. WSL: "CUDA on WSL User Guide", /usr/lib/wsl/lib.
"""

from __future__ import annotations

import re
from typing import Optional

from ..facts.fact import Fact, Unknown
from ..facts.machine import Library
from ..host.host import Host

_DEFAULT_FOLDERS = (
    "/lib/x86_64-linux-gnu", "/usr/lib/x86_64-linux-gnu", "/lib/aarch64-linux-gnu", "/usr/lib/aarch64-linux-gnu",
    "/lib64", "/usr/lib64", "/lib", "/usr/lib",
)  # fmt: skip
_VERSION = re.compile(r"\.so\.(\d{2,4}\.\d+(?:\.\d+)?)$")
MAX_STUB_BYTES = 200_000
"""The toolkit's stub of libcuda has some 30 to 80 KB (CUDA 11 to 13), the driver's library over 10 MB."""


def origin_of(path: str, size_bytes: int, soname: str) -> str:
    """``driver``, ``stub``, ``compat``, ``wsl`` or ``unknown place``, by where the real file lies and by its size.

    >>> origin_of("/usr/local/cuda-12.4/lib64/stubs/libcuda.so", 50_000, "libcuda.so.1")
    'stub'
    """
    if "/stubs/" in path or (soname.startswith("libcuda.so") and 0 < size_bytes < MAX_STUB_BYTES and "/wsl/" not in path):
        return "stub"
    if "/compat/" in path or "/cuda-compat" in path:
        return "compat"
    if "/wsl/" in path:
        return "wsl"
    return "driver" if size_bytes > 0 else "unknown place"


def version_of(path: str) -> Optional[str]:
    """The driver version in a real file's name; None if it has none.

    >>> version_of("/usr/lib/x86_64-linux-gnu/libcuda.so.580.65.06"), version_of("/usr/lib/libcuda.so.1")
    ('580.65.06', None)
    """
    match = _VERSION.search(path)
    return match[1] if match else None


def read(host: Host, path: str, soname: str, found_by: str) -> Optional[Library]:
    """The library behind a path; None if nothing is there."""
    real = host.realpath(path)
    if not isinstance(real, str):
        return None
    stat = host.stat(path)
    if stat is None:
        return None  # a dangling link
    header = host.bytes_at(path, 0, 20)
    size = 0 if isinstance(stat, Unknown) else stat.size_bytes
    # ELF identification, System V ABI: bytes 0 to 3 are the magic, byte 4 is 1 for 32 and 2 for 64 bits.
    is_elf = isinstance(header, bytes) and header[:4] == b"\x7fELF"
    origin = origin_of(real, size, soname) if is_elf else "unknown place"
    version: Fact[str] = version_of(real)
    if version is None:
        version = host.system("library_version", real) if is_elf and origin in ("driver", "compat", "wsl") else None
    if not is_elf:
        version = Unknown("the file is no library" if isinstance(header, bytes) else "the file cannot be read")
    bits: Fact[int] = {1: 32, 2: 64}.get(header[4]) if is_elf and isinstance(header, bytes) else Unknown("no ELF file")
    return Library(path=real, version=version, origin=origin, found_by=found_by, bits=bits)


def is_usable(library: Library) -> bool:
    """Whether the loader can load it into a 64-bit program."""
    return library.bits == 64


def candidates(host: Host, soname: str) -> Fact[list[Library]]:
    """Every file of this soname that the loader could take, in its order, each real file once.

    Files of the wrong word size are passed over by the loader, so they stand last. Absent off Linux.
    """
    platform = host.fact("system", "platform")
    if platform != "linux":
        return platform if isinstance(platform, Unknown) else None
    ordered: list[Library] = []
    variable = host.env("LD_LIBRARY_PATH")
    if isinstance(variable, str):
        for folder in re.split("[:;]", variable):  # ld.so(8) takes both
            if folder:
                _add(host, ordered, f"{folder.rstrip('/')}/{soname}", soname, "LD_LIBRARY_PATH")
    cached = host.library_candidates(soname)
    for path in cached if isinstance(cached, list) else ():
        _add(host, ordered, path, soname, "ld.so.cache")
    for folder in _DEFAULT_FOLDERS:
        _add(host, ordered, f"{folder}/{soname}", soname, "default path")
    if not ordered and isinstance(cached, Unknown):
        return cached  # none was seen, and the cache may know one
    return sorted(ordered, key=lambda library: library.bits == 32)


def _add(host: Host, ordered: list[Library], path: str, soname: str, found_by: str) -> None:
    library = read(host, path, soname, found_by)
    if library is not None and library.path not in {one.path for one in ordered}:
        ordered.append(library)
