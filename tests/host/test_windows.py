"""What can be proved of Windows' sources elsewhere: the readers of its binary answers, on bytes made by hand."""

from __future__ import annotations

import ctypes
import struct

import pytest

from llmdoctor.host import windows, windows_gpu, windows_registry
from llmdoctor.host.smbios import memory_devices

GIB = 1 << 30

# --- SMBIOS -----------------------------------------------------------------------------------------


def slot(
    size: int, kind: int, speed: int, configured: int, texts: list[bytes], extended: tuple[int, int, int] = (0, 0, 0)
) -> bytes:
    """A type 17 structure of SMBIOS 3.3, laid out as DSP0134 7.18 says."""
    data = bytearray(0x5C)
    data[0], data[1] = 17, len(data)
    struct.pack_into("<H", data, 0x0C, size)
    data[0x10], data[0x11], data[0x12] = 1, 2, kind
    struct.pack_into("<H", data, 0x15, speed)
    struct.pack_into("<I", data, 0x1C, extended[0])
    struct.pack_into("<H", data, 0x20, configured)
    struct.pack_into("<II", data, 0x54, extended[1], extended[2])
    return bytes(data) + b"\0".join(texts) + b"\0\0"


def table(*structures: bytes) -> bytes:
    body = b"".join(structures) + bytes([127, 4, 0, 0]) + b"\0\0"
    return struct.pack("<4BI", 0, 3, 3, 0, len(body)) + body


BIOS = bytes([0, 4, 0, 0]) + b"American Maker\0" + b"\0"


@pytest.mark.parametrize(
    ("structure", "expected"),
    [
        (
            slot(16384, 0x1A, 3200, 2133, [b"DIMM_A1", b"BANK 0"]),
            {
                "size_bytes": 16 * GIB,
                "type": "DDR4",
                "rated_mts": 3200,
                "configured_mts": 2133,
                "locator": "DIMM_A1",
                "bank": "BANK 0",
            },
        ),
        (
            slot(0x7FFF, 0x22, 0xFFFF, 0xFFFF, [b"DIMM 1", b"P0 CHANNEL A "], (48 * 1024, 70000, 65600)),
            {
                "size_bytes": 48 * GIB,
                "type": "DDR5",
                "rated_mts": 70000,
                "configured_mts": 65600,
                "locator": "DIMM 1",
                "bank": "P0 CHANNEL A",
            },
        ),
        (
            slot(0, 0x02, 0, 0, [b"DIMM_B1", b"BANK 1"]),
            {"size_bytes": 0, "type": None, "rated_mts": None, "configured_mts": None, "locator": "DIMM_B1", "bank": "BANK 1"},
        ),
        (
            slot(0xFFFF, 0x07, 0, 0, [b"M0001"]),
            {"size_bytes": None, "type": None, "rated_mts": None, "configured_mts": None, "locator": "M0001", "bank": None},
        ),
        (
            slot(0x8000 | 512, 0x18, 1333, 0, [b"A", b"B"]),
            {"size_bytes": 512 << 10, "type": "DDR3", "rated_mts": 1333, "configured_mts": None, "locator": "A", "bank": "B"},
        ),
    ],
)
def test_memory_devices(structure: bytes, expected: dict[str, object]) -> None:
    assert memory_devices(table(BIOS, structure)) == [expected]


def test_an_old_structure_that_ends_early() -> None:
    old = bytearray(slot(2048, 0x13, 800, 0, [b"DIMM0", b"B0"]))
    short = bytes(old[:0x1B])  # SMBIOS 2.3: 27 bytes
    short = short[:1] + bytes([0x1B]) + short[2:] + b"DIMM0\0B0\0\0"
    (found,) = memory_devices(table(short))
    assert (found["size_bytes"], found["type"], found["configured_mts"]) == (2 * GIB, "DDR2", None)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\0" * 8,
        struct.pack("<4BI", 0, 3, 3, 0, 0xFFFFFFFF) + b"\x11",
        table(slot(1024, 0x1A, 1, 1, [b"x"]))[:40],
        struct.pack("<4BI", 0, 3, 3, 0, 8) + bytes([17, 0, 0, 0, 0, 0, 0, 0]),
        struct.pack("<4BI", 0, 3, 3, 0, 8) + bytes([17, 200, 0, 0, 0, 0, 0, 0]),
    ],
)
def test_a_table_that_is_none_gives_nothing(raw: bytes) -> None:
    assert memory_devices(raw) == []


# --- processor --------------------------------------------------------------------------------------


def core(mask: int, efficiency: int) -> bytes:
    return struct.pack("<IIBB20xHQH6x", 0, 48, 1, efficiency, 1, mask, 0)


NODE = struct.pack("<III20xHQH6x", 1, 48, 0, 1, 0xFF, 0)
CACHE = struct.pack("<II", 2, 56) + bytes(48)


def test_processor_relations_of_a_hybrid() -> None:
    raw = core(0b11, 1) + CACHE + core(0b1100, 1) + core(0b10000, 0) + core(0b100000, 0) + NODE
    assert windows.parse_processor_relations(raw) == {"cores": 4, "logical": 6, "numa_nodes": 1, "efficiency_cores": 2}


def test_processor_relations_of_equal_cores_and_of_a_cut_answer() -> None:
    raw = core(0b11, 0) * 8
    assert windows.parse_processor_relations(raw)["efficiency_cores"] is None
    assert windows.parse_processor_relations(raw[:-1])["cores"] == 7
    assert windows.parse_processor_relations(b"")["cores"] is None
    assert windows.parse_processor_relations(bytes(64))["cores"] is None


# --- disks, power ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("device", "seek", "expected"),
    [
        (struct.pack("<7II", *([0] * 7), 17), struct.pack("<IIB3x", 12, 12, 0), {"bus_type": 17, "seek_penalty": False}),
        (struct.pack("<7II", *([0] * 7), 11), struct.pack("<IIB", 12, 12, 1), {"bus_type": 11, "seek_penalty": True}),
        (struct.pack("<7II", *([0] * 7), 7), b"", {"bus_type": 7, "seek_penalty": None}),
        (b"", b"", {"bus_type": None, "seek_penalty": None}),
    ],
)
def test_storage_answers(device: bytes, seek: bytes, expected: dict[str, object]) -> None:
    assert windows.parse_storage_answers(device, seek) == expected


def test_the_structures_have_windows_sizes() -> None:
    assert ctypes.sizeof(windows._MemoryStatusEx) == 64
    assert ctypes.sizeof(windows._OsVersionInfo) == 276
    assert ctypes.sizeof(windows._PowerStatus) == 12
    assert ctypes.sizeof(windows._PerformanceInformation) == 104
    assert ctypes.sizeof(windows_gpu._Item) == 24


# --- DXGI and counters ----------------------------------------------------------------------------------


def test_adapter_description() -> None:
    name = "NVIDIA GeForce RTX 4090".encode("utf-16-le").ljust(256, b"\0")
    raw = name + struct.pack("<4I3QIiI", 0x10DE, 0x2684, 0x889D1043, 0xA1, 24 * GIB, 0, 16 * GIB, 0xC2F1, 0, 0) + bytes(4)
    assert windows_gpu.parse_adapter_desc1(raw) == {
        "description": "NVIDIA GeForce RTX 4090",
        "vendor": 0x10DE,
        "device": 0x2684,
        "subsystem": 0x889D1043,
        "revision": 0xA1,
        "dedicated_bytes": 24 * GIB,
        "dedicated_system_bytes": 0,
        "shared_bytes": 16 * GIB,
        "luid": "0x00000000_0x0000c2f1",
        "flags": 0,
    }


def test_adapter_description_of_a_32_bit_process() -> None:
    raw = bytes(256) + struct.pack("<4I3IIiI", 0x1414, 0x8C, 0, 0, 1, 2, 3, 7, -1, 2)
    found = windows_gpu.parse_adapter_desc1(raw, 4)
    assert (found["vendor"], found["shared_bytes"], found["luid"], found["flags"]) == (0x1414, 3, "0xffffffff_0x00000007", 2)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("pid_4711_luid_0x00000000_0x0000C2F1_phys_0", (4711, "0x00000000_0x0000c2f1")),
        ("_Total", None),
        ("pid_x_luid_0x0_0x0_phys_0", None),
    ],
)
def test_instance_names(name: str, expected: object) -> None:
    assert windows_gpu.parse_process_instance(name) == expected


def test_sums_by_process() -> None:
    first, second = "pid_10_luid_0x00000000_0x0000c2f1_phys_0", "pid_20_luid_0x00000000_0x0000c2f1_phys_0"
    found = windows_gpu.sum_by_process([(first, 100), (second, 900), ("_Total", 5)], [(first, 7), (second, 0), ("junk", 3)])
    assert [(one["pid"], one["dedicated_bytes"], one["shared_bytes"]) for one in found] == [(20, 900, 0), (10, 100, 7)]


# --- registry and door --------------------------------------------------------------------------------


def test_vulkan_manifests() -> None:
    found = windows_registry.manifests(
        ["C:\\d\\nv-vk64.json", ["C:\\d\\amd.json"], None, "C:\\d\\driver.dll"],
        [{"C:\\d\\nv-vk64.json": 0, "C:\\d\\off.json": 1, "C:\\d\\old.json": 0}],
    )
    assert found == ["C:\\d\\nv-vk64.json", "C:\\d\\amd.json", "C:\\d\\old.json"]


@pytest.mark.parametrize(("value", "expected"), [(b"\x01\xff", "01ff"), ("x", "x"), (3, 3), (["a"], ["a"]), (None, None)])
def test_registry_values_are_json(value: object, expected: object) -> None:
    assert windows_registry.plain(value) == expected


def test_guid() -> None:
    assert windows.format_guid(
        struct.pack("<IHH", 0x381B4222, 0xF694, 0x41F0) + bytes.fromhex("96855ff5bb260df2")[:8].ljust(8, b"\x2e")
    ) == ("381b4222-f694-41f0-9685-5ff5bb260df2")


def test_unknown_sources_are_refused() -> None:
    with pytest.raises(ValueError, match="no_such_source"):
        windows.answer("no_such_source", ())
