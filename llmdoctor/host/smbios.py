"""Memory devices out of a raw SMBIOS table, without the serial numbers that stand beside them.

Source: DMTF DSP0134 3.7, 6.1.2 (structure header), 6.1.3 (strings), 7.18 (type 17);
https://learn.microsoft.com/windows/win32/api/sysinfoapi/nf-sysinfoapi-getsystemfirmwaretable (RawSMBIOSData).
"""

from __future__ import annotations

import struct
from typing import Iterator, Optional, Union

MemoryDevice = dict[str, Union[str, int, None]]

_HEADER_BYTES = 8
"""RawSMBIOSData: calling method, major, minor, DMI revision (a byte each), length of the table (DWORD)."""
_MEMORY_DEVICE = 17
_END = 127
_UNKNOWN_SIZE = 0xFFFF
_EXTENDED_SIZE = 0x7FFF
_EXTENDED_SPEED = 0xFFFF
# Table 78, "Memory Device: Type"; those that a machine for language models can have.
_TYPES = {
    0x0F: "SDRAM", 0x12: "DDR", 0x13: "DDR2", 0x18: "DDR3", 0x1A: "DDR4", 0x1B: "LPDDR", 0x1C: "LPDDR2", 0x1D: "LPDDR3",
    0x1E: "LPDDR4", 0x20: "HBM", 0x21: "HBM2", 0x22: "DDR5", 0x23: "LPDDR5", 0x24: "HBM3",
}  # fmt: skip


def _structures(table: bytes) -> Iterator[tuple[int, bytes, list[str]]]:
    """Type, formatted part and strings of each structure; stops where the table is not well formed."""
    at = 0
    while at + 4 <= len(table):
        kind, length = table[at], table[at + 1]
        if length < 4 or at + length > len(table):
            return
        end = table.find(b"\0\0", at + length)
        if end < 0:
            return
        texts = [text.decode("latin-1").strip() for text in table[at + length : end].split(b"\0")]
        yield kind, table[at : at + length], texts
        if kind == _END:
            return
        at = end + 2


def _number(data: bytes, offset: int, form: str) -> int:
    """A field, 0 where the structure is of an older version and ends before it."""
    size = struct.calcsize(form)
    return int(struct.unpack_from(form, data, offset)[0]) if offset + size <= len(data) else 0


def _text(data: bytes, offset: int, texts: list[str]) -> Optional[str]:
    number = _number(data, offset, "<B")
    return texts[number - 1] or None if 0 < number <= len(texts) else None


def _size_bytes(data: bytes) -> Optional[int]:
    size = _number(data, 0x0C, "<H")
    if size == _UNKNOWN_SIZE:
        return None
    if size == _EXTENDED_SIZE:
        return (_number(data, 0x1C, "<I") & 0x7FFFFFFF) << 20
    # Bit 15 selects the unit: KiB if set, else MiB.
    return (size & 0x7FFF) << 10 if size & 0x8000 else size << 20


def _speed(data: bytes, offset: int, extended: int) -> Optional[int]:
    speed = _number(data, offset, "<H")
    if speed == _EXTENDED_SPEED:
        speed = _number(data, extended, "<I") & 0x7FFFFFFF
    return speed or None


def memory_devices(raw: bytes) -> list[MemoryDevice]:
    """Every slot of RawSMBIOSData: ``size_bytes`` (0: empty, None: unknown), ``type``, ``rated_mts``,
    ``configured_mts``, ``locator``, ``bank``. An empty list for bytes that are no such table."""
    if len(raw) < _HEADER_BYTES:
        return []
    (length,) = struct.unpack_from("<I", raw, 4)
    devices: list[MemoryDevice] = []
    for kind, data, texts in _structures(raw[_HEADER_BYTES : _HEADER_BYTES + length]):
        if kind == _MEMORY_DEVICE:
            devices.append(
                {
                    "size_bytes": _size_bytes(data),
                    "type": _TYPES.get(_number(data, 0x12, "<B")),
                    "rated_mts": _speed(data, 0x15, 0x54),
                    "configured_mts": _speed(data, 0x20, 0x58),
                    "locator": _text(data, 0x10, texts),
                    "bank": _text(data, 0x11, texts),
                }
            )
    return devices
