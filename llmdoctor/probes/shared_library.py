"""Where a shared library of the system lies, on Linux: the loader's cache first, then the folders that it searches."""

from __future__ import annotations

from ..facts.fact import Fact, Unknown
from ..host.host import Host

FOLDERS = (
    "/usr/lib/x86_64-linux-gnu",
    "/usr/lib/aarch64-linux-gnu",
    "/usr/lib64",
    "/usr/lib",
    "/usr/local/lib",
    "/run/opengl-driver/lib",  # NixOS
    "/run/current-system/sw/lib",
    "/usr/lib/wsl/lib",
)
_32_BIT = ("/i386-linux-gnu/", "/lib32/", "/i686/")


def find(host: Host, soname: str, *folders: str) -> Fact[str]:
    """Path of the library (not of its 32-bit twin). ``folders`` are further places, looked at last.

    None: it is in none of these places. Unknown: it was not found, and one of them could not be looked at.
    """
    cached = host.library_candidates(soname)
    doubt = cached if isinstance(cached, Unknown) else None
    known = cached if isinstance(cached, list) else []
    has_64_bit_folder = any("64" in path for path in known)
    for path in known:
        # Where 64-bit libraries have folders of their own, plain /usr/lib holds the 32-bit ones.
        if not any(sign in path for sign in _32_BIT) and ("64" in path or not has_64_bit_folder):
            return path
    for folder in (*FOLDERS, *folders):
        path = f"{folder}/{soname}"
        there = host.exists(path)
        if isinstance(there, Unknown):
            doubt = there
        elif there:
            return path
    return doubt
