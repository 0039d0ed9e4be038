"""Fact ``cpu`` on Linux, and the way to the other systems' probes.

Sources: https://docs.kernel.org/arch/x86/cpuinfo.html, https://docs.kernel.org/arch/arm64/elf_hwcaps.html (feature names),
https://docs.kernel.org/admin-guide/pm/cpufreq.html, Linux' arch/arm64/include/asm/cputype.h (Arm part numbers).
"""

from __future__ import annotations

from typing import NamedTuple, Optional

from ..facts.fact import Fact, Unknown, all_unknown
from ..facts.machine import Cpu
from ..host.host import Host
from .lift import lift, whole

_CPUS = "/sys/devices/system/cpu"
_VENDORS = {"GenuineIntel": "intel", "AuthenticAMD": "amd", "0x41": "arm", "0x61": "apple"}
_ARM_PARTS = {
    ("0x41", "0xd03"): "Cortex-A53", ("0x41", "0xd05"): "Cortex-A55", ("0x41", "0xd07"): "Cortex-A57",
    ("0x41", "0xd08"): "Cortex-A72", ("0x41", "0xd0b"): "Cortex-A76", ("0x41", "0xd0c"): "Neoverse-N1",
    ("0x41", "0xd40"): "Neoverse-V1", ("0x41", "0xd41"): "Cortex-A78", ("0x41", "0xd42"): "Cortex-A78AE",
    ("0x41", "0xd44"): "Cortex-X1", ("0x41", "0xd46"): "Cortex-A510", ("0x41", "0xd49"): "Neoverse-N2",
    ("0x41", "0xd4f"): "Neoverse-V2", ("0x41", "0xd80"): "Cortex-A520", ("0x41", "0xd85"): "Cortex-X925",
    ("0x41", "0xd87"): "Cortex-A725",
}  # fmt: skip
_LITTLE_PARTS = {
    "0x41": {"0xd03", "0xd04", "0xd05", "0xd46", "0xd80"},  # Cortex-A53, A35, A55, A510, A520
    "0x61": {"0x022", "0x024", "0x028", "0x032", "0x034", "0x038"},  # Apple's Icestorm and Blizzard
}
X86_FLAGS = {
    "sse4_2": "sse4_2", "avx": "avx", "avx2": "avx2", "fma": "fma", "f16c": "f16c", "avx512f": "avx512f",
    "avx512_vnni": "avx512_vnni", "avx512_bf16": "avx512_bf16", "amx": "amx_tile",
}  # fmt: skip
ARM_FLAGS = {"neon": "asimd", "sve": "sve"}
_X86 = ("x86_64", "i686", "i586", "i386")
_ARM = ("aarch64", "arm64", "armv8l", "armv7l")


class CpuInfo(NamedTuple):
    """What /proc/cpuinfo says, x86 and Arm alike."""

    model: Optional[str]
    vendor: Optional[str]
    flags: Optional[frozenset[str]]
    """None if there is no such line."""
    is_x86: bool
    processors: int
    cores: Optional[int]
    """Distinct pairs of package and core; None where the file does not tell (Arm)."""
    little: int
    """Processors whose part number is that of an Arm efficiency core."""


def _block(text: str) -> dict[str, str]:
    values: dict[str, str] = {}
    for line in text.splitlines():
        name, separator, value = line.partition(":")
        if separator:
            values[name.strip()] = value.strip()
    return values


def parse_cpuinfo(text: str) -> CpuInfo:
    blocks = [_block(part) for part in text.split("\n\n") if "processor" in part]
    first = blocks[0] if blocks else {}
    flags = first.get("flags", first.get("Features"))
    implementer, part = first.get("CPU implementer"), first.get("CPU part")
    vendor = first.get("vendor_id", implementer)
    pairs = {(block.get("physical id"), block.get("core id")) for block in blocks}
    model = first.get("model name") or _ARM_PARTS.get((implementer or "", part or ""))
    return CpuInfo(
        model=model or _block(text).get("Model"),  # a Raspberry Pi names the board below all processors
        vendor=_VENDORS.get(vendor, vendor) if vendor else None,
        flags=frozenset(flags.split()) if flags is not None else None,
        is_x86="flags" in first or "vendor_id" in first,
        processors=len(blocks),
        cores=len(pairs) if pairs and all(core is not None for _, core in pairs) else None,
        little=sum(block.get("CPU part", "") in _LITTLE_PARTS.get(block.get("CPU implementer", ""), ()) for block in blocks),
    )


def count_of_list(text: str) -> Fact[int]:
    """How many numbers a kernel's list holds.

    >>> count_of_list("0-3,8,10-11")
    7
    """
    total = 0
    for part in text.split(",") if text.strip() else ():
        low, _, high = part.partition("-")
        first, last = whole(low), whole(high or low)
        if first is None or last is None:
            return Unknown("an unreadable list of processors")
        total += last - first + 1
    return total


def _sysfs_cores(host: Host, logical: int) -> Optional[int]:
    """Distinct groups of sibling threads; for Arm, and for machines whose cpuinfo is longer than an answer may be."""
    groups: set[str] = set()
    for number in range(logical):
        siblings = host.line(f"{_CPUS}/cpu{number}/topology/thread_siblings_list")
        if not isinstance(siblings, str):
            return None
        groups.add(siblings)
    return len(groups)


def _efficiency_cores(host: Host, info: Optional[CpuInfo]) -> Fact[int]:
    # The kernel has a performance unit for each kind of core of Intel's hybrids; cpu_lowpower since Linux 6.13.
    total = 0
    for unit in ("cpu_atom", "cpu_lowpower"):
        found = lift(count_of_list, host.line(f"/sys/devices/{unit}/cpus"))
        if isinstance(found, Unknown):
            return found
        total += found or 0
    if total:
        return total
    return info.little if info and 0 < info.little < info.processors else None


def _numa_nodes(host: Host) -> Fact[int]:
    # Nodes with processors: a GPU's memory may be a node as well (Grace Hopper).
    return lift(count_of_list, host.line("/sys/devices/system/node/has_cpu"))


def _emulated(info: CpuInfo, machine: Fact[str]) -> Fact[bool]:
    """Whether uname's architecture is another than the processor's: QEMU's user mode shows the host's cpuinfo, and
    Rosetta for Linux calls its processor VirtualApple."""
    if (info.vendor or "").startswith("VirtualApple") or (info.model or "").startswith("VirtualApple"):
        return True
    if not isinstance(machine, str):
        return machine
    if machine in _X86:
        return not info.is_x86
    if machine in _ARM:
        return info.is_x86
    return Unknown("no sign is known for this architecture")


def _mhz(khz: int) -> int:
    return round(khz / 1000)


def _first(loads: object) -> Optional[float]:
    return float(loads[0]) if isinstance(loads, list) and loads else None


def _linux(host: Host) -> Cpu:
    info = lift(parse_cpuinfo, host.text("/proc/cpuinfo"))
    if isinstance(info, CpuInfo) and not info.processors:
        info = Unknown("/proc/cpuinfo lists no processor")
    online = lift(count_of_list, host.line(f"{_CPUS}/online"))
    known = info if isinstance(info, CpuInfo) else None
    why: Unknown = info if isinstance(info, Unknown) else Unknown("there is no /proc/cpuinfo")
    logical: Fact[int] = online if isinstance(online, int) else known.processors if known else online
    cores: Fact[int] = Unknown("neither cpuinfo nor sysfs tells")
    if known and known.cores and not (isinstance(logical, int) and known.processors < logical):
        cores = known.cores
    elif isinstance(logical, int):
        cores = _sysfs_cores(host, logical) or cores
    features: dict[str, Fact[bool]] = {}
    for names, here in ((X86_FLAGS, known is not None and known.is_x86), (ARM_FLAGS, known is not None and not known.is_x86)):
        for field, flag in names.items():
            if known is None:
                features[field] = why
            elif not here:
                features[field] = None
            else:
                features[field] = flag in known.flags if known.flags is not None else Unknown("cpuinfo lists no features")
    frequency = f"{_CPUS}/cpu0/cpufreq"
    machine = lift(lambda names: names.get("machine"), host.system("uname"))
    return Cpu(
        model=known.model if known else why,
        vendor=known.vendor if known else why,
        physical_cores=cores,
        logical_cores=logical,
        allowed_cores=host.system("affinity"),
        efficiency_cores=_efficiency_cores(host, known),
        numa_nodes=_numa_nodes(host),
        emulated=_emulated(known, machine) if known else why,
        governor=host.line(f"{frequency}/scaling_governor"),
        scaling_driver=host.line(f"{frequency}/scaling_driver"),
        energy_preference=host.line(f"{frequency}/energy_performance_preference"),
        max_frequency_mhz=lift(_mhz, host.number(f"{frequency}/cpuinfo_max_freq")),
        limited_frequency_mhz=lift(_mhz, host.number(f"{frequency}/scaling_max_freq")),
        load_1m=lift(_first, host.system("loadavg")),
        **features,
    )


def probe(host: Host) -> Cpu:
    platform = host.platform()
    if platform == "linux":
        return _linux(host)
    if platform == "windows":
        from . import cpu_windows

        return cpu_windows.probe(host)
    if platform == "macos":
        from . import cpu_macos

        return cpu_macos.probe(host)
    return all_unknown(Cpu, "this operating system is not known to llmdoctor")
