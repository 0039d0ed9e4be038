from __future__ import annotations

from typing import Any

import pytest

from llmdoctor.facts.fact import Unknown
from llmdoctor.probes import cpu, cpu_windows
from llmdoctor.probes.sysctl import COMMAND
from tests.fakes import Key, error, fake_host


def x86(
    processors: int, threads: int, flags: str, vendor: str = "GenuineIntel", model: str = "12th Gen Intel(R) Core(TM) i7-12700K"
) -> str:
    return "\n".join(
        f"processor\t: {number}\nvendor_id\t: {vendor}\nmodel name\t: {model}\nphysical id\t: 0\n"
        f"core id\t\t: {number // threads}\nflags\t\t: {flags}\nbugs\t\t: spectre_v1\n"
        for number in range(processors)
    )


def arm(parts: list[str], implementer: str = "0x41", features: str = "fp asimd sve", tail: str = "") -> str:
    return (
        "\n".join(
            f"processor\t: {number}\nFeatures\t: {features}\nCPU implementer\t: {implementer}\nCPU part\t: {part}\n"
            for number, part in enumerate(parts)
        )
        + tail
    )


HASWELL = "fpu sse4_2 avx avx2 fma f16c"


def linux(cpuinfo: object, online: str, machine: str = "x86_64", **more: Any) -> dict[Key, Any]:
    return {
        ("file", "/proc/cpuinfo"): cpuinfo,
        ("file", "/sys/devices/system/cpu/online"): online,
        ("system", "uname"): {"machine": machine, "release": "6.8.0"},
        ("system", "affinity"): 4,
        ("system", "loadavg"): [1.5, 1.0, 0.5],
        ("file", "/sys/devices/system/node/has_cpu"): "0\n",
    }


def test_an_x86_desktop() -> None:
    frequency = "/sys/devices/system/cpu/cpu0/cpufreq"
    found = cpu.probe(
        fake_host(
            {
                **linux(x86(8, 2, HASWELL + " avx512f amx_tile"), "0-7\n"),
                ("file", f"{frequency}/scaling_governor"): "powersave\n",
                ("file", f"{frequency}/scaling_driver"): "intel_pstate\n",
                ("file", f"{frequency}/energy_performance_preference"): "balance_performance\n",
                ("file", f"{frequency}/cpuinfo_max_freq"): "4900000\n",
                ("file", f"{frequency}/scaling_max_freq"): "2000000\n",
            }
        )
    )
    assert (found.model, found.vendor) == ("12th Gen Intel(R) Core(TM) i7-12700K", "intel")
    assert (found.physical_cores, found.logical_cores, found.allowed_cores, found.efficiency_cores) == (4, 8, 4, None)
    assert (found.avx2, found.fma, found.f16c, found.avx512f, found.avx512_vnni, found.amx) == (
        True,
        True,
        True,
        True,
        False,
        True,
    )
    assert (found.neon, found.sve, found.emulated, found.numa_nodes, found.load_1m) == (None, None, False, 1, 1.5)
    assert (found.governor, found.scaling_driver, found.energy_preference) == (
        "powersave",
        "intel_pstate",
        "balance_performance",
    )
    assert (found.max_frequency_mhz, found.limited_frequency_mhz) == (4900, 2000)


def test_old_processor_without_avx() -> None:
    found = cpu.probe(fake_host(linux(x86(4, 1, "fpu sse4_2"), "0-3")))
    assert (found.avx, found.avx2, found.sse4_2) == (False, False, True)
    assert found.governor is None  # a virtual machine has no cpufreq


def test_intels_hybrid() -> None:
    answers = {**linux(x86(20, 1, HASWELL), "0-19"), ("file", "/sys/devices/cpu_atom/cpus"): "16-19\n"}
    assert cpu.probe(fake_host(answers)).efficiency_cores == 4


@pytest.mark.parametrize(
    ("text", "model", "vendor", "little"),
    [
        (arm(["0xd4f"] * 4), "Neoverse-V2", "arm", None),
        (arm(["0xd05"] * 4 + ["0xd41"] * 4), "Cortex-A55", "arm", 4),
        (arm(["0xd03"] * 4, features="fp asimd", tail="\nModel\t\t: Raspberry Pi 3 Model B\n"), "Cortex-A53", "arm", None),
        (arm(["0xfff"] * 4, tail="\n\nModel\t\t: Some Board\n"), "Some Board", "arm", None),
        (arm(["0x022", "0x022", "0x023", "0x023"], "0x61"), None, "apple", 2),
        (arm(["0x001"], "0x99"), None, "0x99", None),
    ],
)
def test_arm(text: str, model: object, vendor: str, little: object) -> None:
    answers = linux(text, f"0-{text.count('processor') - 1}", "aarch64")
    for number in range(8):
        answers[("file", f"/sys/devices/system/cpu/cpu{number}/topology/thread_siblings_list")] = f"{number}\n"
    found = cpu.probe(fake_host(answers))
    assert (found.model, found.vendor, found.efficiency_cores) == (model, vendor, little)
    assert (found.neon, found.avx2, found.emulated) == (True, None, False)
    assert found.physical_cores == text.count("processor")


def test_a_cpuinfo_that_was_cut_off_asks_sysfs() -> None:
    answers = linux(x86(4, 2, HASWELL), "0-7")
    for number in range(8):
        first = number // 2 * 2
        answers[("file", f"/sys/devices/system/cpu/cpu{number}/topology/thread_siblings_list")] = f"{first}-{first + 1}"
    assert cpu.probe(fake_host(answers)).physical_cores == 4


@pytest.mark.parametrize(
    ("text", "machine", "expected"),
    [
        (arm(["0xd0c"]), "x86_64", True),  # QEMU's user mode leaves the host's file as it is
        (x86(1, 1, HASWELL), "aarch64", True),
        (x86(1, 1, HASWELL, "VirtualApple", "VirtualApple @ 2.50GHz processor"), "x86_64", True),
        (x86(1, 1, HASWELL), "x86_64", False),
    ],
)
def test_emulation(text: str, machine: str, expected: bool) -> None:
    assert cpu.probe(fake_host(linux(text, "0", machine))).emulated is expected


def test_what_cannot_be_read_is_unknown() -> None:
    found = cpu.probe(fake_host(linux(error("no permission"), "0-3")))
    assert (found.avx, found.model, found.emulated) == (Unknown("no permission"),) * 3
    assert found.logical_cores == 4
    assert isinstance(cpu.probe(fake_host(linux("", "0-3"))).avx2, Unknown)


@pytest.mark.parametrize(
    ("text", "expected"), [("", 0), ("0", 1), ("0-3", 4), ("0,2-3,8", 4), ("x", Unknown("an unreadable list of processors"))]
)
def test_lists_of_the_kernel(text: str, expected: object) -> None:
    assert cpu.count_of_list(text) == expected


# --- Windows --------------------------------------------------------------------------------------

KEY = "HKLM\\HARDWARE\\DESCRIPTION\\System\\CentralProcessor\\0"


def windows(features: dict[str, Any], native: int = 0x8664, process: str = "AMD64") -> dict[Key, Any]:
    return {
        ("system", "platform"): "windows",
        ("env", "PROCESSOR_ARCHITECTURE"): process,
        ("winapi", "machine"): {"native": native, "process": 0},
        ("winapi", "processor_features"): features,
        ("winapi", "processor_topology"): {"cores": 16, "logical": 24, "efficiency_cores": 8, "numa_nodes": 1, "allowed": 24},
        ("winapi", "registry", KEY, "ProcessorNameString"): "AMD Ryzen 9 7950X 16-Core Processor            ",
        ("winapi", "registry", KEY, "VendorIdentifier"): "AuthenticAMD",
        ("winapi", "registry", KEY, "~MHz"): 4491,
    }


def test_windows() -> None:
    found = cpu.probe(fake_host(windows({"sse4_2": True, "avx": True, "avx2": True, "avx512f": True, "xstate": 0xE7})))
    assert (found.model, found.vendor, found.max_frequency_mhz) == ("AMD Ryzen 9 7950X 16-Core Processor", "amd", 4491)
    assert (found.physical_cores, found.logical_cores, found.allowed_cores, found.efficiency_cores) == (16, 24, 24, 8)
    assert (found.avx, found.avx2, found.fma, found.f16c, found.avx512f, found.amx) == (True, True, True, True, True, False)
    assert isinstance(found.avx512_vnni, Unknown)
    assert (found.emulated, found.neon) == (False, None)


@pytest.mark.parametrize(
    ("answer", "avx", "avx2_known", "avx512"),
    [
        ({"sse4_2": True, "avx": False, "avx2": False, "avx512f": False, "xstate": 0x3}, False, True, False),
        ({"sse4_2": False, "avx": False, "avx2": False, "avx512f": False, "xstate": 0x7}, True, False, False),  # older Windows
        ({"sse4_2": True, "avx": True, "avx2": False, "avx512f": False, "xstate": 0x7}, True, True, False),
    ],
)
def test_windows_that_knows_no_avx_question(answer: dict[str, Any], avx: bool, avx2_known: bool, avx512: bool) -> None:
    sets = cpu_windows.features(answer, False, "intel")
    assert (sets["avx"], sets["avx512f"]) == (avx, avx512)
    assert isinstance(sets["avx2"], Unknown) is not avx2_known
    if not avx:
        assert (sets["fma"], sets["f16c"], sets["avx2"]) == (False, False, False)


def test_windows_on_arm() -> None:
    found = cpu.probe(fake_host(windows({"neon": True, "sve": False, "sse4_2": True, "avx": False}, 0xAA64)))
    assert (found.vendor, found.emulated, found.neon, found.sve, found.avx) == ("arm", True, True, False, None)
    assert cpu.probe(fake_host(windows({"neon": True}, 0xAA64, "ARM64"))).emulated is False


def test_windows_without_answers_is_unknown() -> None:
    found = cpu.probe(fake_host({("system", "platform"): "windows"}, "not recorded"))
    assert isinstance(found.avx2, Unknown) and isinstance(found.physical_cores, Unknown)


# --- macOS ----------------------------------------------------------------------------------------

APPLE = """\
hw.physicalcpu: 12
hw.logicalcpu: 12
hw.nperflevels: 2
hw.perflevel0.physicalcpu: 8
hw.perflevel1.physicalcpu: 4
hw.memsize: 34359738368
machdep.cpu.brand_string: Apple M3 Pro
sysctl.proc_translated: {translated}
"""
INTEL = """\
hw.physicalcpu: 6
hw.logicalcpu: 12
hw.cpufrequency_max: 2600000000
machdep.cpu.brand_string: Intel(R) Core(TM) i7-9750H CPU @ 2.60GHz
machdep.cpu.features: FPU VME SSE4.1 SSE4.2 FMA AVX1.0 F16C
machdep.cpu.leaf7_features: RDWRFSGS BMI1 AVX2
"""


def mac(text: str, machine: str) -> dict[Key, Any]:
    return {
        ("system", "platform"): "macos",
        ("system", "uname"): {"machine": machine},
        ("command", 3000, *COMMAND): {"status": 0, "stdout": text, "stderr": ""},
    }


@pytest.mark.parametrize(("translated", "machine", "emulated"), [(0, "arm64", False), (1, "x86_64", True), (0, "x86_64", True)])
def test_apple_processor(translated: int, machine: str, emulated: bool) -> None:
    found = cpu.probe(fake_host(mac(APPLE.format(translated=translated), machine)))
    assert (found.model, found.vendor, found.physical_cores, found.efficiency_cores) == ("Apple M3 Pro", "apple", 12, 4)
    assert (found.neon, found.avx2, found.emulated) == (True, None, emulated)


def test_intel_mac() -> None:
    found = cpu.probe(fake_host(mac(INTEL, "x86_64")))
    assert (found.vendor, found.avx, found.avx2, found.avx512f, found.max_frequency_mhz) == ("intel", True, True, False, 2600)
    assert (found.efficiency_cores, found.emulated) == (None, False)
