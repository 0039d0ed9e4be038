"""Windows Subsystem for Linux: which version, where the Windows drives are, what .wslconfig limits.

Source: https://learn.microsoft.com/windows/wsl/wsl-config
"""

from __future__ import annotations

import re
from typing import Optional

from ..facts.fact import Fact, Unknown
from ..host.host import Host
from .lift import lift, text_or_none

_SIZE = re.compile(r"^(\d+)\s*([KMGT]?)B?$", re.I)
_SCALE = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}
_NOT_USERS = frozenset(("all users", "default", "default user", "public", "desktop.ini", "defaultapppool"))
MAX_USERS = 8
"""Windows user folders that are looked into: each look goes through 9p and costs about a millisecond."""


def version_of_release(release: str) -> Optional[int]:
    """1 or 2 by the kernel's release; None if it is not WSL's.

    WSL 1 imitates Linux 4.4 (``4.4.0-22621-Microsoft``), WSL 2 runs a kernel of Microsoft's
    (``5.15.167.4-microsoft-standard-WSL2``).
    """
    lowered = release.lower()
    if "microsoft" not in lowered and "wsl2" not in lowered:
        return None
    return 1 if lowered.startswith("4.4.") and "standard" not in lowered else 2


def version(host: Host) -> Fact[int]:
    """1 or 2 inside WSL, absent elsewhere; also under a kernel that the user built."""
    found = lift(version_of_release, host.line("/proc/sys/kernel/osrelease"))
    if found is None and (host.exists("/proc/sys/fs/binfmt_misc/WSLInterop") is True or host.exists("/run/WSL") is True):
        return 2
    return found


def section(text: str, name: str) -> dict[str, str]:
    """One section of an INI file as Windows and WSL write them, keys in lower case."""
    values: dict[str, str] = {}
    inside = False
    for line in text.splitlines():
        line = line.strip().lstrip("\ufeff")
        if line.startswith("["):
            inside = line.lower() == f"[{name}]"
        elif inside and "=" in line and not line.startswith(("#", ";")):
            key, _, value = line.partition("=")
            values[key.strip().lower()] = value.partition("#")[0].strip().strip('"')
    return values


def parse_memory_limit(text: str) -> Fact[int]:
    """``memory`` of ``[wsl2]`` in bytes; absent if it is not set.

    >>> parse_memory_limit("[wsl2]\\nmemory=8GB # of 32\\n")
    8589934592
    """
    value = section(text, "wsl2").get("memory")
    if not value:
        return None
    match = _SIZE.match(value)
    if match is None:
        return Unknown(f".wslconfig has an unreadable memory size: {value[:20]}")
    return int(match.group(1)) * _SCALE[match.group(2).upper()]


def drives_root(host: Host) -> str:
    """Where Windows' drives are mounted, with a trailing slash: ``/mnt/`` unless wsl.conf says otherwise."""
    configuration = text_or_none(host.text("/etc/wsl.conf"))
    root = section(configuration, "automount").get("root", "/mnt/") if configuration else "/mnt/"
    return root.rstrip("/") + "/"


def memory_limit(host: Host) -> Fact[int]:
    """The limit in the Windows user's .wslconfig, bytes; unknown where the Windows drive cannot be seen.

    Which Windows user started WSL shows in PATH, to which WSL adds that user's own folders. Without that
    (``appendWindowsPath=false``) all users are looked at, and differing limits are unknown.
    """
    users = f"{drives_root(host)}c/Users"
    path = text_or_none(host.env("PATH")) or ""
    hint = re.search(re.escape(users) + r"/([^/:]+)/", path)
    if hint:
        names = [hint.group(1)]
    else:
        entries = host.entries(users)
        if not isinstance(entries, list):
            return entries if isinstance(entries, Unknown) else Unknown("the Windows drive is not mounted here")
        names = [name for name in entries if name.lower() not in _NOT_USERS][:MAX_USERS]
    limits: list[Fact[int]] = [
        limit for name in names if (limit := lift(parse_memory_limit, host.text(f"{users}/{name}/.wslconfig"))) is not None
    ]
    known = {limit for limit in limits if isinstance(limit, int)}
    if len(known) == 1:
        return known.pop()
    if len(known) > 1:
        return Unknown("several Windows users have a .wslconfig with different limits")
    return limits[0] if limits else None
