"""Memory and processor limits of this process's control groups, version 2 and 1.

Sources: https://docs.kernel.org/admin-guide/cgroup-v2.html (memory.max, cpu.max),
https://docs.kernel.org/admin-guide/cgroup-v1/memory.html, cgroups(7) for /proc/self/cgroup.
"""

from __future__ import annotations

from typing import NamedTuple, Optional

from ..facts.fact import Fact, Unknown
from ..host.host import Host
from .lift import whole
from .mounts import Mount

UNLIMITED_V1 = 1 << 60
"""Version 1 writes "no limit" as the greatest multiple of a page below 2**63; nothing real is near it."""
MAX_DEPTH = 32
"""Levels that are walked up; systemd's slices are below ten."""


class Group(NamedTuple):
    """A control group in which a limit may be set."""

    folder: str
    version: int


class Limits(NamedTuple):
    memory_limit_bytes: Fact[int] = None
    memory_current_bytes: Fact[int] = None
    cpu_quota: Fact[float] = None


def parse_membership(text: str) -> dict[str, str]:
    """/proc/self/cgroup: controller to path; the unified hierarchy of version 2 under ``""``.

    >>> parse_membership("4:memory:/a\\n3:cpu,cpuacct:/b\\n0::/c\\n")
    {'memory': '/a', 'cpu': '/b', 'cpuacct': '/b', '': '/c'}
    """
    paths: dict[str, str] = {}
    for line in text.splitlines():
        parts = line.split(":", 2)
        if len(parts) == 3:
            for controller in parts[1].split(","):
                paths[controller] = parts[2]
    return paths


def _lineage(mount: Mount, path: str, version: int) -> list[Group]:
    """The group and those above it, innermost first, as folders below the mount point."""
    # In a container the mount may show only a part of the tree (its root is then that part), and a process
    # outside of the namespace's root has a path that begins with "/..".
    if mount.root != "/" and (path == mount.root or path.startswith(mount.root + "/")):
        path = path[len(mount.root) :]
    names = [name for name in path.split("/") if name and name != ".."][:MAX_DEPTH]
    point = mount.point.rstrip("/")
    return [Group("/".join([point, *names[:count]]), version) for count in range(len(names), -1, -1)]


def groups(mounts: list[Mount], membership: dict[str, str], controller: str) -> list[Group]:
    """The control groups on this process's way to the root that may limit ``memory`` or ``cpu``."""
    found: list[Group] = []
    for mount in mounts:
        if mount.filesystem == "cgroup2" and "" in membership:
            found += _lineage(mount, membership[""], 2)
        elif mount.filesystem == "cgroup" and controller in mount.super_options and controller in membership:
            found += _lineage(mount, membership[controller], 1)
    return found


def parse_cpu_max(text: str) -> Optional[float]:
    """``cpu.max`` as a number of cores, None without a limit.

    >>> parse_cpu_max("150000 100000")
    1.5
    """
    words = text.split()
    quota, period = (whole(words[0]), whole(words[1])) if len(words) == 2 else (None, None)
    return quota / period if quota is not None and period else None


def _memory_limit(host: Host, group: Group) -> Fact[int]:
    if group.version == 2:
        text = host.line(f"{group.folder}/memory.max")
        return whole(text) if isinstance(text, str) else text
    limit = host.number(f"{group.folder}/memory.limit_in_bytes")
    return None if isinstance(limit, int) and limit >= UNLIMITED_V1 else limit


def _quota(host: Host, group: Group) -> Fact[float]:
    if group.version == 2:
        text = host.line(f"{group.folder}/cpu.max")
        return parse_cpu_max(text) if isinstance(text, str) else text
    quota = host.number(f"{group.folder}/cpu.cfs_quota_us")
    if not isinstance(quota, int) or quota <= 0:
        return quota if isinstance(quota, Unknown) else None
    period = host.number(f"{group.folder}/cpu.cfs_period_us")
    return quota / period if isinstance(period, int) and period > 0 else Unknown("no cpu.cfs_period_us")


def limits(host: Host, mounts: Fact[list[Mount]]) -> Limits:
    """The tightest limits between this process and the root. A level that cannot be read makes the answer
    unknown only where no other level has a limit."""
    text = host.text("/proc/self/cgroup")
    if isinstance(text, Unknown) or isinstance(mounts, Unknown):
        why = text if isinstance(text, Unknown) else mounts
        assert isinstance(why, Unknown)
        return Limits(why, why, why)
    if text is None or mounts is None:  # a kernel without control groups
        return Limits()
    membership = parse_membership(text)
    memory: Fact[int] = None
    current: Fact[int] = None
    for group in groups(mounts, membership, "memory"):
        limit = _memory_limit(host, group)
        if isinstance(limit, int) and (not isinstance(memory, int) or limit < memory):
            memory = limit
            name = "memory.current" if group.version == 2 else "memory.usage_in_bytes"
            current = host.number(f"{group.folder}/{name}")
        elif isinstance(limit, Unknown) and memory is None:
            memory = current = limit
    cpu: Fact[float] = None
    for group in groups(mounts, membership, "cpu"):
        quota = _quota(host, group)
        tighter = isinstance(quota, float) and (not isinstance(cpu, float) or quota < cpu)
        if tighter or (isinstance(quota, Unknown) and cpu is None):
            cpu = quota
    return Limits(memory, current, cpu)
