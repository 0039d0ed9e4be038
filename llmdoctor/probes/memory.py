"""Fact ``memory``: RAM, swap, limits and modules.

Sources: proc_meminfo(5), https://docs.kernel.org/mm/overcommit-accounting.html, getrlimit(2),
https://learn.microsoft.com/windows/win32/api/psapi/ns-psapi-performance_information.
"""

from __future__ import annotations

import re
from typing import Any, Optional

import msgspec

from ..facts.fact import Fact, Unknown, all_unknown
from ..facts.machine import Memory
from ..host.host import Host
from . import ram_modules, sysctl, wsl
from .lift import lift, whole
from .ram_modules import Ram

_LINE = re.compile(r"^(\w[\w()]*):\s+(\d+)( kB)?$", re.M)
_SWAP = re.compile(r"(total|free) = ([\d.]+)([KMG])")
_SCALE = {"K": 1 << 10, "M": 1 << 20, "G": 1 << 30}
_NEVER_OVERCOMMIT = 2


def parse_meminfo(text: str) -> dict[str, int]:
    """/proc/meminfo in bytes (its "kB" are KiB).

    >>> parse_meminfo("MemTotal:       16318432 kB\\nHugePages_Total:       0\\n")
    {'MemTotal': 16710074368, 'HugePages_Total': 0}
    """
    return {name: int(number) * (1024 if unit else 1) for name, number, unit in _LINE.findall(text)}


def parse_swap_usage(text: str) -> dict[str, int]:
    """macOS' vm.swapusage in bytes.

    >>> parse_swap_usage("total = 2048.00M  used = 512.50M  free = 1535.50M  (encrypted)")
    {'total': 2147483648, 'free': 1610088448}
    """
    return {name: int(float(number) * _SCALE[unit]) for name, number, unit in _SWAP.findall(text)}


def parse_system_profiler(text: str) -> Fact[str]:
    """The type of memory in ``system_profiler SPMemoryDataType -json``: under the machine itself where it is
    soldered, under each slot elsewhere."""
    try:
        entries: Any = msgspec.json.decode(text)["SPMemoryDataType"]
    except (msgspec.DecodeError, KeyError, TypeError) as error:
        return Unknown(f"unreadable system_profiler output: {type(error).__name__}")
    found: set[str] = set()
    for entry in entries if isinstance(entries, list) else ():
        if isinstance(entry, dict):
            for item in (entry, *(entry.get("_items") or ())):
                type_ = item.get("dimm_type")
                if isinstance(type_, str) and type_ not in ("empty", "Empty"):
                    found.add(type_)
    return found.pop() if len(found) == 1 else Unknown("system_profiler names no single type")


def _is_32bit(bits: int) -> bool:
    return bits == 32


def _linux_ram(host: Host) -> Ram:
    text = host.text("/run/udev/data/+dmi:id")
    if isinstance(text, str):
        return ram_modules.summarise(ram_modules.parse_udev(text))
    return ram_modules.unknown(text or Unknown("udev has no record of the firmware's tables here"))


def _linux(host: Host) -> Memory:
    table = lift(parse_meminfo, host.text("/proc/meminfo"))

    def field(name: str) -> Fact[int]:
        return lift(lambda values: values.get(name), table)

    mode = host.number("/proc/sys/vm/overcommit_memory")
    limited: Fact[int] = mode if isinstance(mode, Unknown) else None
    ram = _linux_ram(host)
    in_wsl = isinstance(wsl.version(host), int)
    return Memory(
        total_bytes=field("MemTotal"),
        available_bytes=field("MemAvailable"),
        swap_total_bytes=field("SwapTotal"),
        swap_free_bytes=field("SwapFree"),
        commit_limit_bytes=field("CommitLimit") if mode == _NEVER_OVERCOMMIT else limited,
        committed_bytes=field("Committed_AS"),
        overcommit_mode=mode,
        pagefile_bytes=None,
        wsl_config_limit_bytes=wsl.memory_limit(host) if in_wsl else None,
        address_space_limit_bytes=host.system("rlimit", "AS"),
        memlock_limit_bytes=host.system("rlimit", "MEMLOCK"),
        ram_type=ram.type,
        rated_mts=ram.rated_mts,
        configured_mts=ram.configured_mts,
        modules=ram.modules,
        channels=ram.channels,
        wired_limit_bytes=None,
        process_is_32bit=lift(_is_32bit, host.system("pointer_bits")),
    )


def _pagefile(commit: dict[str, Any]) -> Fact[int]:
    limit, physical = commit.get("commit_limit_bytes"), commit.get("physical_bytes")
    if not isinstance(limit, int) or not isinstance(physical, int):
        return Unknown("Windows did not tell its commit limit")
    return max(0, limit - physical)


def _windows(host: Host) -> Memory:
    physical = host.winapi("global_memory_status")
    commit = host.winapi("performance_info")
    devices = host.winapi("memory_devices")
    if isinstance(devices, list):
        ram = ram_modules.summarise(ram_modules.from_devices(devices))
    else:
        ram = ram_modules.unknown(devices or Unknown("Windows handed out no SMBIOS table"))
    return Memory(
        total_bytes=lift(lambda it: it.get("total_bytes"), physical),
        available_bytes=lift(lambda it: it.get("available_bytes"), physical),
        swap_total_bytes=None,
        swap_free_bytes=None,
        commit_limit_bytes=lift(lambda it: it.get("commit_limit_bytes"), commit),
        committed_bytes=lift(lambda it: it.get("committed_bytes"), commit),
        overcommit_mode=None,
        # The commit limit is what RAM and page files hold together.
        pagefile_bytes=lift(_pagefile, commit),
        wsl_config_limit_bytes=None,
        address_space_limit_bytes=None,
        memlock_limit_bytes=None,
        ram_type=ram.type,
        rated_mts=ram.rated_mts,
        configured_mts=ram.configured_mts,
        modules=ram.modules,
        channels=ram.channels,
        wired_limit_bytes=None,
        process_is_32bit=lift(_is_32bit, host.system("pointer_bits")),
    )


def _wired_limit(values: dict[str, str]) -> Optional[int]:
    """iogpu.wired_limit_mb in bytes; 0 is the system's own default."""
    mebibytes = sysctl.number(values, "iogpu.wired_limit_mb")
    return mebibytes << 20 if mebibytes else None


def _macos(host: Host) -> Memory:
    values = sysctl.probe(host)
    swap: Fact[dict[str, int]] = lift(lambda it: parse_swap_usage(it.get("vm.swapusage", "")), values)
    profiler = host.run("/usr/sbin/system_profiler", "SPMemoryDataType", "-json")
    not_told = Unknown("macOS does not tell")
    if profiler is None or isinstance(profiler, Unknown):
        ram_type: Fact[str] = profiler or not_told
    else:
        ram_type = parse_system_profiler(profiler.stdout)
    return Memory(
        total_bytes=lift(lambda it: whole(it.get("hw.memsize", "")), values),
        available_bytes=lift(lambda it: it.get("available"), host.psutil("virtual_memory")),
        swap_total_bytes=lift(lambda it: it.get("total"), swap),
        swap_free_bytes=lift(lambda it: it.get("free"), swap),
        commit_limit_bytes=None,
        committed_bytes=None,
        overcommit_mode=None,
        pagefile_bytes=None,
        wsl_config_limit_bytes=None,
        address_space_limit_bytes=host.system("rlimit", "AS"),
        memlock_limit_bytes=host.system("rlimit", "MEMLOCK"),
        ram_type=ram_type,
        rated_mts=not_told,
        configured_mts=not_told,
        modules=not_told,
        channels=not_told,
        wired_limit_bytes=lift(_wired_limit, values),
        process_is_32bit=lift(_is_32bit, host.system("pointer_bits")),
    )


def probe(host: Host) -> Memory:
    platform = host.platform()
    probes = {"linux": _linux, "windows": _windows, "macos": _macos}
    if platform not in probes:
        return all_unknown(Memory, "this operating system is not known to llmdoctor")
    return probes[platform](host)
