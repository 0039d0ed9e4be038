"""Fact ``cpu`` on macOS, from sysctl(8).

Sources: https://developer.apple.com/documentation/kernel/1387446-sysctlbyname/determining_system_capabilities
(hw.perflevelN, hw.optional) and https://developer.apple.com/documentation/apple-silicon/about-the-rosetta-translation-environment
(sysctl.proc_translated).
"""

from __future__ import annotations

from typing import Optional

from ..facts.fact import Fact, all_unknown
from ..facts.machine import Cpu
from ..host.host import Host
from . import sysctl
from .lift import lift

_X86 = {
    "sse4_2": "SSE4.2", "avx": "AVX1.0", "avx2": "AVX2", "fma": "FMA", "f16c": "F16C", "avx512f": "AVX512F",
    "avx512_vnni": "AVX512VNNI", "avx512_bf16": "AVX512BF16", "amx": "AMXTILE",
}  # fmt: skip
_HZ_PER_MHZ = 1_000_000


def features(values: dict[str, str], arm: bool) -> dict[str, Fact[bool]]:
    """Instruction sets of the processor itself. Every Apple processor has NEON, none has SVE outside of SME's
    streaming mode; Apple's own AMX is another thing than Intel's."""
    if arm:
        return {**dict.fromkeys(_X86), "neon": True, "sve": False}
    listed = set(f"{values.get('machdep.cpu.features', '')} {values.get('machdep.cpu.leaf7_features', '')}".split())
    return {**{field: name in listed for field, name in _X86.items()}, "neon": None, "sve": None}


def efficiency_cores(values: dict[str, str]) -> Optional[int]:
    """All cores below performance level 0, the fastest; None where there is one level alone."""
    levels = sysctl.number(values, "hw.nperflevels") or 1
    counts = [sysctl.number(values, f"hw.perflevel{level}.physicalcpu") or 0 for level in range(1, levels)]
    return sum(counts) or None


def probe(host: Host) -> Cpu:
    values = sysctl.probe(host)
    if not isinstance(values, dict):
        return all_unknown(Cpu, values.unknown if values else "sysctl printed nothing")
    model = values.get("machdep.cpu.brand_string")
    arm = (model or "").startswith("Apple")
    translated = sysctl.number(values, "sysctl.proc_translated") == 1
    machine: Fact[str] = lift(lambda names: names.get("machine"), host.system("uname"))
    hertz = sysctl.number(values, "hw.cpufrequency_max")
    logical = sysctl.number(values, "hw.logicalcpu", "hw.ncpu")
    return Cpu(
        model=model,
        vendor="apple" if arm else "intel",
        physical_cores=sysctl.number(values, "hw.physicalcpu"),
        logical_cores=logical,
        allowed_cores=logical,
        efficiency_cores=efficiency_cores(values),
        numa_nodes=1,
        emulated=translated or (arm and machine == "x86_64"),
        governor=None,
        scaling_driver=None,
        energy_preference=None,
        max_frequency_mhz=hertz // _HZ_PER_MHZ if hertz else None,
        limited_frequency_mhz=None,
        load_1m=lift(lambda loads: float(loads[0]) if loads else None, host.system("loadavg")),
        **features(values, arm),
    )
