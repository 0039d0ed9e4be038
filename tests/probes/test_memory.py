from __future__ import annotations

import json
from typing import Any

import pytest

from llmdoctor.facts.fact import Unknown
from llmdoctor.probes import memory, ram_modules
from llmdoctor.probes.sysctl import COMMAND
from tests.fakes import Key, error, fake_host

GIB = 1 << 30
MEMINFO = """\
MemTotal:       32768000 kB
MemFree:         1024000 kB
MemAvailable:   20480000 kB
SwapTotal:       2097152 kB
SwapFree:        1048576 kB
Active(anon):     100000 kB
CommitLimit:    18481152 kB
Committed_AS:    9000000 kB
HugePages_Total:       0
"""
UDEV = """\
I:1234567
E:ID_VENDOR=Example
E:MEMORY_ARRAY_LOCATION=System Board Or Motherboard
E:MEMORY_ARRAY_NUM_DEVICES=4
E:MEMORY_DEVICE_0_PRESENT=0
E:MEMORY_DEVICE_0_LOCATOR=DIMM 0
E:MEMORY_DEVICE_0_BANK_LOCATOR=P0 CHANNEL A
E:MEMORY_DEVICE_0_TYPE=Unknown
E:MEMORY_DEVICE_1_TOTAL_WIDTH=64
E:MEMORY_DEVICE_1_SIZE=17179869184
E:MEMORY_DEVICE_1_LOCATOR=DIMM 1
E:MEMORY_DEVICE_1_BANK_LOCATOR=P0 CHANNEL A
E:MEMORY_DEVICE_1_TYPE=DDR5
E:MEMORY_DEVICE_1_TYPE_DETAIL=Synchronous Unbuffered (Unregistered)
E:MEMORY_DEVICE_1_SPEED_MTS=6000
E:MEMORY_DEVICE_1_CONFIGURED_SPEED_MTS=4800
E:MEMORY_DEVICE_3_SIZE=17179869184
E:MEMORY_DEVICE_3_LOCATOR=DIMM 1
E:MEMORY_DEVICE_3_BANK_LOCATOR=P0 CHANNEL B
E:MEMORY_DEVICE_3_TYPE=DDR5
E:MEMORY_DEVICE_3_SPEED_MTS=5600
E:MEMORY_DEVICE_3_CONFIGURED_SPEED_MTS=4800
"""
LINUX: dict[Key, Any] = {
    ("file", "/proc/meminfo"): MEMINFO,
    ("file", "/proc/sys/vm/overcommit_memory"): "0\n",
    ("file", "/proc/sys/kernel/osrelease"): "6.8.0-45-generic\n",
    ("file", "/run/udev/data/+dmi:id"): UDEV,
    ("system", "rlimit", "MEMLOCK"): 8388608,
    ("system", "pointer_bits"): 64,
}


def test_linux() -> None:
    found = memory.probe(fake_host(LINUX))
    assert (found.total_bytes, found.available_bytes) == (32768000 << 10, 20480000 << 10)
    assert (found.swap_total_bytes, found.swap_free_bytes) == (2 * GIB, GIB)
    assert (found.commit_limit_bytes, found.committed_bytes, found.overcommit_mode) == (None, 9000000 << 10, 0)
    assert (found.address_space_limit_bytes, found.memlock_limit_bytes) == (None, 8388608)
    assert (found.ram_type, found.rated_mts, found.configured_mts, found.modules, found.channels) == ("DDR5", 5600, 4800, 2, 2)
    assert (found.process_is_32bit, found.pagefile_bytes, found.wsl_config_limit_bytes) == (False, None, None)


@pytest.mark.parametrize(
    ("changes", "field", "expected"),
    [
        ({("file", "/proc/sys/vm/overcommit_memory"): "2\n"}, "commit_limit_bytes", 18481152 << 10),
        ({("file", "/proc/sys/vm/overcommit_memory"): error("no permission")}, "commit_limit_bytes", Unknown("no permission")),
        ({("file", "/proc/meminfo"): error("no permission")}, "total_bytes", Unknown("no permission")),
        (
            {("file", "/run/udev/data/+dmi:id"): error("absent")},
            "channels",
            Unknown("udev has no record of the firmware's tables here"),
        ),
        (
            {("file", "/run/udev/data/+dmi:id"): "I:1\nE:ID_VENDOR=x\n"},
            "modules",
            Unknown("the firmware lists no memory module"),
        ),
        (
            {
                ("file", "/proc/sys/kernel/osrelease"): "5.15.167.4-microsoft-standard-WSL2",
                ("list", "/mnt/c/Users"): ["Ada"],
                ("file", "/mnt/c/Users/Ada/.wslconfig"): "[wsl2]\nmemory=8GB\n",
            },
            "wsl_config_limit_bytes",
            8 * GIB,
        ),
        ({("system", "pointer_bits"): 32}, "process_is_32bit", True),
        ({("system", "rlimit", "AS"): 4 * GIB}, "address_space_limit_bytes", 4 * GIB),
    ],
)
def test_single_facts(changes: dict[Key, Any], field: str, expected: object) -> None:
    assert getattr(memory.probe(fake_host({**LINUX, **changes})), field) == expected


def test_no_swap_is_zero_and_an_old_kernel_has_no_estimate() -> None:
    found = memory.probe(
        fake_host({**LINUX, ("file", "/proc/meminfo"): "MemTotal: 1024 kB\nSwapTotal: 0 kB\nSwapFree: 0 kB\n"})
    )
    assert (found.swap_total_bytes, found.available_bytes) == (0, None)


@pytest.mark.parametrize(
    ("locator", "bank", "expected"),
    [
        ("DIMM_A1", "BANK 0", "A"),
        ("DIMM_B2", "BANK 3", "B"),
        ("DIMMA1", "", "A"),
        ("A1", "Not Specified", "A"),
        ("ChannelA-DIMM0", "BANK 0", "A"),
        ("ChannelB-DIMM0", "BANK 2", "B"),
        ("Controller0-ChannelA-DIMM0", "BANK 0", "0A"),
        ("Controller1-ChannelA-DIMM0", "BANK 0", "1A"),
        ("DIMM 0", "P0 CHANNEL C", "0C"),
        ("P1-DIMMC1", "P1_Node0_Channel2_Dimm0", "12"),
        ("CPU1_DIMM_A1", "NODE 1", "1A"),
        ("CPU2_DIMM_A1", "NODE 2", "2A"),
        ("DIMM 0", "BANK 0", None),
        ("PROC 1 DIMM 12", "Not Specified", None),
        ("Motherboard", "", None),
        ("", "", None),
    ],
)
def test_channels_by_slot_name(locator: str, bank: str, expected: object) -> None:
    assert ram_modules.channel_of(locator, bank) == expected


def module(type_: Any = "DDR4", locator: str = "DIMM 0", bank: str = "") -> ram_modules.Module:
    return ram_modules.Module(type_, 3200, 3200, locator, bank)


@pytest.mark.parametrize(
    ("modules", "type_", "channels"),
    [
        ([module()], "DDR4", 1),
        ([module(), module(locator="DIMM 1")], "DDR4", Unknown("the slots' names do not tell")),
        ([module(locator="A1"), module(locator="A2")], "DDR4", 1),
        ([module("LPDDR5", "Motherboard")], "LPDDR5", Unknown("the slots' names do not tell")),
        ([module("<OUT OF SPEC>", "A1"), module("<OUT OF SPEC>", "B1")], Unknown("the firmware does not tell"), 2),
        ([module("RAM")], Unknown("the firmware does not tell"), Unknown("the slots' names do not tell")),
    ],
)
def test_modules_together(modules: list[ram_modules.Module], type_: object, channels: object) -> None:
    found = ram_modules.summarise(modules)
    assert (found.type, found.channels, found.modules) == (type_, channels, len(modules))


def test_windows() -> None:
    slot = {"size_bytes": 16 * GIB, "type": "DDR4", "rated_mts": 3600, "configured_mts": 2133, "bank": "BANK 0"}
    found = memory.probe(
        fake_host(
            {
                ("system", "platform"): "windows",
                ("system", "pointer_bits"): 64,
                ("winapi", "global_memory_status"): {"total_bytes": 32 * GIB, "available_bytes": 10 * GIB, "load_percent": 68},
                ("winapi", "performance_info"): {
                    "commit_limit_bytes": 34 * GIB,
                    "committed_bytes": 30 * GIB,
                    "physical_bytes": 32 * GIB,
                },
                ("winapi", "memory_devices"): [
                    {**slot, "locator": "ChannelA-DIMM1"},
                    {**slot, "locator": "ChannelB-DIMM1"},
                    {**slot, "size_bytes": 0, "locator": "ChannelB-DIMM0"},
                ],
            }
        )
    )
    assert (found.total_bytes, found.available_bytes) == (32 * GIB, 10 * GIB)
    assert (found.commit_limit_bytes, found.committed_bytes, found.pagefile_bytes) == (34 * GIB, 30 * GIB, 2 * GIB)
    assert (found.ram_type, found.rated_mts, found.configured_mts, found.modules, found.channels) == ("DDR4", 3600, 2133, 2, 2)
    assert (found.swap_total_bytes, found.overcommit_mode) == (None, None)


def profiler(entry: dict[str, Any]) -> str:
    return json.dumps({"SPMemoryDataType": [entry]})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (profiler({"SPMemoryDataType": "32 GB", "dimm_type": "LPDDR5"}), "LPDDR5"),
        (profiler({"_items": [{"dimm_type": "DDR4"}, {"dimm_type": "DDR4"}, {"dimm_type": "empty"}]}), "DDR4"),
        (profiler({"_items": []}), Unknown("system_profiler names no single type")),
        ("", Unknown("unreadable system_profiler output: DecodeError")),
    ],
)
def test_system_profiler(text: str, expected: object) -> None:
    assert memory.parse_system_profiler(text) == expected


@pytest.mark.parametrize(("wired", "expected"), [("0", None), ("28672", 28672 << 20)])
def test_macos(wired: str, expected: object) -> None:
    text = (
        "hw.memsize: 34359738368\nvm.swapusage: total = 1024.00M  used = 512.00M  free = 512.00M  (encrypted)\n"
        f"iogpu.wired_limit_mb: {wired}\n"
    )
    found = memory.probe(
        fake_host(
            {
                ("system", "platform"): "macos",
                ("system", "pointer_bits"): 64,
                ("psutil", "virtual_memory"): {"total": 32 * GIB, "available": 12 * GIB},
                ("command", 3000, *COMMAND): {"status": 0, "stdout": text, "stderr": ""},
                ("command", 3000, "/usr/sbin/system_profiler", "SPMemoryDataType", "-json"): {
                    "status": 0,
                    "stdout": profiler({"dimm_type": "LPDDR5"}),
                    "stderr": "",
                },
            }
        )
    )
    assert (found.total_bytes, found.available_bytes, found.ram_type) == (32 * GIB, 12 * GIB, "LPDDR5")
    assert (found.swap_total_bytes, found.swap_free_bytes, found.wired_limit_bytes) == (GIB, 512 << 20, expected)


@pytest.mark.parametrize("platform", ["linux", "windows", "macos", "other"])
def test_a_machine_that_answers_nothing_is_unknown(platform: str) -> None:
    assert isinstance(memory.probe(fake_host({("system", "platform"): platform}, "no permission")).total_bytes, Unknown)
