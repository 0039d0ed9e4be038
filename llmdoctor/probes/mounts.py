"""Mounts of this process, from /proc/self/mountinfo (proc_pid_mountinfo(5))."""

from __future__ import annotations

import re
from typing import NamedTuple, Optional

from ..facts.fact import Fact
from ..host.host import Host
from .lift import lift

_OCTAL = re.compile(r"\\([0-7]{3})")


class Mount(NamedTuple):
    device: str
    """``major:minor`` of the file system's device; major 0 for those without a block device of their own."""
    root: str
    """The folder of the file system that is mounted here."""
    point: str
    filesystem: str
    source: str
    options: frozenset[str]
    """Of this mount: ``ro``, ``noexec`` …"""
    super_options: tuple[str, ...]
    """Of the file system, in their order."""

    @property
    def read_only(self) -> bool:
        return "ro" in self.options or "ro" in self.super_options


def _unescape(text: str) -> str:
    # Space, tab, line feed and backslash stand as octal numbers.
    return _OCTAL.sub(lambda match: chr(int(match.group(1), 8)), text) if "\\" in text else text


def parse_mountinfo(text: str) -> list[Mount]:
    """Mounts in the order of the kernel, later ones over earlier ones; lines that cannot be read are left out."""
    mounts: list[Mount] = []
    for line in text.splitlines():
        left, separator, right = line.partition(" - ")
        head, tail = left.split(" "), right.split(" ")
        if not separator or len(head) < 6 or len(tail) < 2:
            continue
        mounts.append(
            Mount(
                device=head[2],
                root=_unescape(head[3]),
                point=_unescape(head[4]),
                filesystem=tail[0],
                source=_unescape(tail[1]),
                options=frozenset(head[5].split(",")),
                super_options=tuple(tail[2].split(",")) if len(tail) > 2 else (),
            )
        )
    return mounts


def mount_of(mounts: list[Mount], path: str) -> Optional[Mount]:
    """The mount that a path (without links) lies on: the longest mount point above it, the latest among equals."""
    best: Optional[Mount] = None
    for mount in mounts:
        point = mount.point.rstrip("/")
        if (path == point or path.startswith(point + "/")) and (best is None or len(mount.point) >= len(best.point)):
            best = mount
    return best


def probe(host: Host) -> Fact[list[Mount]]:
    return lift(parse_mountinfo, host.text("/proc/self/mountinfo"))
