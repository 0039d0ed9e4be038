"""Fact ``cpu`` on Windows.

Sources: https://learn.microsoft.com/windows/win32/api/processthreadsapi/nf-processthreadsapi-isprocessorfeaturepresent,
https://learn.microsoft.com/windows/win32/api/winbase/nf-winbase-getenabledxstatefeatures (bits as in XCR0: Intel SDM vol. 1, 13.1).
"""

from __future__ import annotations

from typing import Any, Optional

from ..facts.fact import Fact, Unknown
from ..facts.machine import Cpu
from ..host.host import Host
from .lift import lift

_KEY = "HKLM\\HARDWARE\\DESCRIPTION\\System\\CentralProcessor\\0"
_VENDORS = {"GenuineIntel": "intel", "AuthenticAMD": "amd"}
_ARM64 = 0xAA64
_XSTATE_AVX, _XSTATE_AVX512, _XSTATE_AMX = 0x4, 0xE0, 0x60000
_NOT_TOLD = Unknown("Windows has no query for this instruction set")


def features(answer: dict[str, Any], arm: bool, vendor: Optional[str]) -> dict[str, Fact[bool]]:
    """Instruction sets from ``processor_features``: its booleans and ``xstate``, the mask of enabled register states.

    Older versions of Windows answer "no" for sets that they do not know; the register state, known since
    Windows 7, tells those apart. FMA and F16C have no query of their own: every Intel and AMD processor with
    AVX2 has both, and none has them without AVX.
    """
    if arm:
        x86 = ("sse4_2", "avx", "avx2", "fma", "f16c", "avx512f", "avx512_vnni", "avx512_bf16", "amx")
        return {**dict.fromkeys(x86), "neon": answer.get("neon"), "sve": answer.get("sve")}
    xstate = answer.get("xstate")
    mask = xstate if isinstance(xstate, int) else None
    avx: Fact[bool] = bool(answer.get("avx")) or (bool(mask & _XSTATE_AVX) if mask is not None else _NOT_TOLD)
    told = bool(answer.get("avx"))  # this Windows knows the questions about AVX
    avx512 = bool(answer.get("avx512f")) or (mask & _XSTATE_AVX512 == _XSTATE_AVX512 if mask is not None else _NOT_TOLD)
    avx2: Fact[bool] = bool(answer.get("avx2")) or (False if told or avx is False else _NOT_TOLD)
    wide: Fact[bool] = False if avx is False else True if avx2 is True and vendor in ("intel", "amd") else _NOT_TOLD
    beyond: Fact[bool] = False if avx512 is False else _NOT_TOLD
    return {
        "sse4_2": True if answer.get("sse4_2") or avx is True else False if told else _NOT_TOLD,
        "avx": avx,
        "avx2": avx2,
        "fma": wide,
        "f16c": wide,
        "avx512f": avx512,
        "avx512_vnni": beyond,
        "avx512_bf16": beyond,
        "amx": bool(mask & _XSTATE_AMX) if mask is not None else _NOT_TOLD,
        "neon": None,
        "sve": None,
    }


def probe(host: Host) -> Cpu:
    machine = host.winapi("machine")
    arm = isinstance(machine, dict) and machine.get("native") == _ARM64
    process = host.env("PROCESSOR_ARCHITECTURE")
    raw_vendor = host.winapi("registry", _KEY, "VendorIdentifier")
    vendor: Fact[str] = "arm" if arm else lift(lambda text: _VENDORS.get(text, text), raw_vendor)
    answer = host.winapi("processor_features")
    topology = host.winapi("processor_topology")
    known = features(answer, arm, vendor if isinstance(vendor, str) else None) if isinstance(answer, dict) else None
    why = answer if isinstance(answer, Unknown) else _NOT_TOLD
    sets = known or dict.fromkeys(features({}, False, None), why)
    emulated: Fact[bool] = lift(lambda _: arm and process != "ARM64", machine)
    return Cpu(
        model=lift(lambda text: " ".join(text.split()), host.winapi("registry", _KEY, "ProcessorNameString")),
        vendor=vendor,
        physical_cores=lift(lambda it: it.get("cores"), topology),
        logical_cores=lift(lambda it: it.get("logical"), topology),
        allowed_cores=lift(lambda it: it.get("allowed") or it.get("logical"), topology),
        efficiency_cores=lift(lambda it: it.get("efficiency_cores"), topology),
        numa_nodes=lift(lambda it: it.get("numa_nodes"), topology),
        emulated=emulated,
        governor=None,
        scaling_driver=None,
        energy_preference=None,
        max_frequency_mhz=host.winapi("registry", _KEY, "~MHz"),
        limited_frequency_mhz=None,
        load_1m=None,
        **sets,
    )
