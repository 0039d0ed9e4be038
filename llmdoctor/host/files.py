"""Files as the Host sees them: read, never written, bounded, and never anything that would block."""

from __future__ import annotations

import os
import re
import stat as stat_
import struct
from typing import Any, Optional

from .host import MAX_ANSWER_BYTES
from .question import Unknowable
from .text import clean

MAX_ENTRIES = 4096
"""Names listed of one folder."""


def regular(path: str) -> os.stat_result:
    # A pipe or device would block or be changed by reading: only regular files are opened.
    status = os.stat(path)
    if not stat_.S_ISREG(status.st_mode):
        raise Unknowable(f"{path} is not a regular file")
    return status


def read_text(path: str) -> str:
    regular(path)
    with open(path, "rb", buffering=0) as file:
        parts: list[bytes] = []
        left = MAX_ANSWER_BYTES
        while left > 0:
            part = file.read(left)  # procfs and sysfs give less than asked for
            if not part:
                break
            parts.append(part)
            left -= len(part)
    return clean(b"".join(parts))


def read_bytes(path: str, offset: int, count: int) -> str:
    regular(path)
    with open(path, "rb") as file:
        file.seek(offset)
        return file.read(min(count, MAX_ANSWER_BYTES)).hex()


def list_names(path: str) -> list[str]:
    with os.scandir(path) as entries:
        names = []
        for entry in entries:
            names.append(entry.name)
            if len(names) >= MAX_ENTRIES:
                break
    return sorted(names)


MAX_LINES = 5000


def grep(path: str, pattern: str) -> list[str]:
    """The first line of a text file and those that the pattern matches, of its last MiB."""
    size = regular(path).st_size
    with open(path, "rb") as file:
        file.seek(max(0, size - MAX_ANSWER_BYTES))
        lines = clean(file.read(MAX_ANSWER_BYTES)).splitlines()
    if size > MAX_ANSWER_BYTES:
        del lines[:1]  # it was cut
    matches = re.compile(pattern).search
    return lines[:1] + [line for line in lines[1:] if matches(line)][-MAX_LINES:]


_KINDS = (
    (stat_.S_ISREG, "file"),
    (stat_.S_ISDIR, "dir"),
    (stat_.S_ISCHR, "char"),
    (stat_.S_ISBLK, "block"),
    (stat_.S_ISSOCK, "socket"),
)


def group_name(gid: int) -> Optional[str]:
    if os.name != "posix":
        return None
    import grp

    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return None


def status(path: str) -> dict[str, Any]:
    status = os.stat(path)
    device = status.st_rdev if hasattr(status, "st_rdev") else 0
    is_device = stat_.S_ISCHR(status.st_mode) or stat_.S_ISBLK(status.st_mode)
    return {
        "kind": next((kind for test, kind in _KINDS if test(status.st_mode)), "other"),
        "size_bytes": status.st_size,
        "mode": stat_.S_IMODE(status.st_mode),
        "uid": status.st_uid,
        "gid": status.st_gid,
        "modified_s": status.st_mtime,
        "readable": os.access(path, os.R_OK),
        "writable": os.access(path, os.W_OK),
        "executable": os.access(path, os.X_OK),
        "device_major": os.major(device) if is_device else 0,
        "device_minor": os.minor(device) if is_device else 0,
        "group": group_name(status.st_gid) if is_device else None,
    }


def real_path(path: str) -> str:
    os.lstat(path)
    return os.path.realpath(path)


def programs(name: str) -> list[str]:
    endings = os.environ.get("PATHEXT", ".EXE").split(";") if os.name == "nt" else [""]
    found: list[str] = []
    for folder in os.environ.get("PATH", os.defpath).split(os.pathsep):
        for ending in endings:
            path = os.path.join(folder or ".", name + ending.lower())
            if path not in found and os.path.isfile(path) and os.access(path, os.X_OK):
                found.append(path)
    return found


# The loader's cache, by glibc's sysdeps/generic/dl-cache.h: a header of 48 bytes, entries of 24.
_CACHE_MAGIC = b"glibc-ld.so.cache1.1"
_ld_cache_entries: Optional[list[tuple[str, str]]] = None


def parse_ld_cache(data: bytes) -> list[tuple[str, str]]:
    start = data.find(_CACHE_MAGIC)
    if start < 0:
        raise Unknowable("/etc/ld.so.cache is of an unknown format")
    (count,) = struct.unpack_from("<I", data, start + 20)
    entries: list[tuple[str, str]] = []
    for number in range(min(count, (len(data) - start - 48) // 24)):
        _, key, value = struct.unpack_from("<iII", data, start + 48 + 24 * number)
        names = []
        for offset in (start + key, start + value):
            end = data.find(b"\0", offset)
            names.append(data[offset:end].decode("utf-8", "replace") if 0 <= offset < end else "")
        entries.append((names[0], names[1]))
    return entries


def loader_cache(soname: str) -> list[str]:
    global _ld_cache_entries
    if _ld_cache_entries is None:
        regular("/etc/ld.so.cache")
        with open("/etc/ld.so.cache", "rb") as file:
            _ld_cache_entries = parse_ld_cache(file.read(16 << 20))
    return [path for name, path in _ld_cache_entries if name == soname]


_DRIVER_VERSION = re.compile(rb"\x00(\d{3}\.\d{2,3}(?:\.\d{2})?)\x00")
_MAX_LIBRARY_BYTES = 256 << 20


def library_version(path: str) -> str:
    """The driver version that a library of NVIDIA's driver holds as a text of its own; the commonest, if several."""
    import mmap
    from collections import Counter

    if regular(path).st_size > _MAX_LIBRARY_BYTES:
        raise Unknowable(f"{path} is too large to be searched")
    with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        found = Counter(match[1] for match in _DRIVER_VERSION.finditer(content))
    if not found:
        raise Unknowable("neither the file's name nor its text tells")
    return found.most_common(1)[0][0].decode()
