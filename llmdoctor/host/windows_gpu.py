"""GPUs as Windows itself sees them: DXGI's adapters, and the performance counters of GPU memory.

Sources: https://learn.microsoft.com/windows/win32/api/dxgi/ns-dxgi-dxgi_adapter_desc1,
https://learn.microsoft.com/windows/win32/api/pdh/nf-pdh-pdhgetformattedcounterarrayw,
https://devblogs.microsoft.com/directx/gpus-in-the-task-manager (which counters Task Manager shows).
"""

from __future__ import annotations

import ctypes
import re
import struct
from typing import Any, Optional

from .windows_library import library

# --- DXGI ---------------------------------------------------------------------------------------

_DESCRIPTION_BYTES = 256
"""128 UTF-16 units."""
MAX_ADAPTERS = 32

# IID_IDXGIFactory1 and IID_IDXGIDevice (dxgi.h), as they lie in memory.
_IID_FACTORY1 = struct.pack("<IHH8B", 0x770AAE78, 0xF26F, 0x4DBA, 0xA8, 0x29, 0x25, 0x3C, 0x83, 0xD1, 0xB3, 0x87)
_IID_DEVICE = struct.pack("<IHH8B", 0x54EC77FA, 0x1377, 0x44E6, 0x8C, 0x32, 0x88, 0xFD, 0x5F, 0x44, 0xC8, 0x4C)

# Places in the tables of methods: IUnknown has 3, IDXGIObject 4, then each interface's own in dxgi.h's order.
_RELEASE = 2
_ENUM_OUTPUTS = 7
_CHECK_INTERFACE_SUPPORT = 9
_GET_DESC1 = 10
_ENUM_ADAPTERS1 = 12


def format_luid(low: int, high: int) -> str:
    """As the performance counters write it, in lower case: ``0x00000000_0x0000c2f1``."""
    return f"0x{high & 0xFFFFFFFF:08x}_0x{low & 0xFFFFFFFF:08x}"


def parse_adapter_desc1(raw: bytes, pointer_bytes: int = 8) -> dict[str, Any]:
    """DXGI_ADAPTER_DESC1: name, ids, bytes of memory, LUID and flags (2: a software renderer)."""
    name = raw[:_DESCRIPTION_BYTES].decode("utf-16-le", "replace").partition("\0")[0]
    form = "<4I3QIiI" if pointer_bytes == 8 else "<4I3IIiI"
    vendor, device, subsystem, revision, dedicated, reserved, shared, low, high, flags = struct.unpack_from(
        form, raw, _DESCRIPTION_BYTES
    )
    return {
        "description": name,
        "vendor": vendor,
        "device": device,
        "subsystem": subsystem,
        "revision": revision,
        "dedicated_bytes": dedicated,
        "dedicated_system_bytes": reserved,
        "shared_bytes": shared,
        "luid": format_luid(low, high),
        "flags": flags,
    }


def format_driver_version(packed: int) -> str:
    """A version in four words of 16 bits.

    >>> format_driver_version(0x0020_0000_000F_17CE)
    '32.0.15.6094'
    """
    return ".".join(str(packed >> shift & 0xFFFF) for shift in (48, 32, 16, 0))


def _method(pointer: Any, number: int, *types: Any) -> Any:
    """A COM object's method as a function that takes the object first and gives an HRESULT."""
    table = ctypes.cast(pointer, ctypes.POINTER(ctypes.POINTER(ctypes.c_void_p)))[0]
    prototype = getattr(ctypes, "WINFUNCTYPE")(ctypes.c_int32, ctypes.c_void_p, *types)  # noqa: B009 - Windows only
    return prototype(table[number])


def _release(pointer: Any) -> None:
    if pointer.value:
        _method(pointer, _RELEASE)(pointer)


def _outputs(adapter: Any) -> int:
    """Displays attached to an adapter."""
    enumerate_outputs = _method(adapter, _ENUM_OUTPUTS, ctypes.c_uint32, ctypes.c_void_p)
    count = 0
    while count < MAX_ADAPTERS:
        output = ctypes.c_void_p()
        if enumerate_outputs(adapter, count, ctypes.byref(output)) != 0:
            break
        _release(output)
        count += 1
    return count


def _driver_version(adapter: Any) -> Optional[str]:
    version = ctypes.c_int64()
    check = _method(adapter, _CHECK_INTERFACE_SUPPORT, ctypes.c_void_p, ctypes.c_void_p)
    interface = ctypes.create_string_buffer(_IID_DEVICE, 16)
    if check(adapter, interface, ctypes.byref(version)) != 0:
        return None
    return format_driver_version(version.value & 0xFFFFFFFFFFFFFFFF)


def dxgi_adapters() -> list[dict[str, Any]]:
    """Every adapter in DXGI's order, with ``outputs`` and ``driver_version``."""
    create = library("dxgi").CreateDXGIFactory1
    create.argtypes = (ctypes.c_void_p, ctypes.c_void_p)
    create.restype = ctypes.c_int32
    factory = ctypes.c_void_p()
    result = create(ctypes.create_string_buffer(_IID_FACTORY1, 16), ctypes.byref(factory))
    if result != 0:
        raise OSError(0, f"CreateDXGIFactory1 failed (0x{result & 0xFFFFFFFF:08X})")
    found: list[dict[str, Any]] = []
    try:
        enumerate_adapters = _method(factory, _ENUM_ADAPTERS1, ctypes.c_uint32, ctypes.c_void_p)
        for number in range(MAX_ADAPTERS):
            adapter = ctypes.c_void_p()
            if enumerate_adapters(factory, number, ctypes.byref(adapter)) != 0:  # DXGI_ERROR_NOT_FOUND ends the list
                break
            try:
                description = ctypes.create_string_buffer(512)
                if _method(adapter, _GET_DESC1, ctypes.c_void_p)(adapter, description) == 0:
                    entry = parse_adapter_desc1(description.raw, ctypes.sizeof(ctypes.c_void_p))
                    entry["outputs"] = _outputs(adapter)
                    entry["driver_version"] = _driver_version(adapter)
                    found.append(entry)
            finally:
                _release(adapter)
    finally:
        _release(factory)
    return found


# --- performance counters -----------------------------------------------------------------------

_FORMAT_LARGE = 0x00000400
_MORE_DATA = 0x800007D2
_VALID = (0, 1)
"""PDH_CSTATUS_VALID_DATA and PDH_CSTATUS_NEW_DATA."""
_NO_OBJECT = (0xC0000BB8, 0xC0000BB9)
"""PDH_CSTATUS_NO_OBJECT and _NO_COUNTER: a Windows before 10 1709, or no WDDM 2 driver."""
_PROCESS = re.compile(r"^pid_(\d+)_luid_(0x[0-9a-f]+_0x[0-9a-f]+)_phys_\d+", re.I)
_ADAPTER = re.compile(r"^luid_(0x[0-9a-f]+_0x[0-9a-f]+)_phys_\d+", re.I)


class _Item(ctypes.Structure):
    """PDH_FMT_COUNTERVALUE_ITEM_W with its union's 64-bit member."""

    _fields_ = [("name", ctypes.c_wchar_p), ("status", ctypes.c_uint32), ("value", ctypes.c_int64)]


def parse_process_instance(name: str) -> Optional[tuple[int, str]]:
    """Process id and LUID of an instance's name.

    >>> parse_process_instance("pid_4711_luid_0x00000000_0x0000C2F1_phys_0")
    (4711, '0x00000000_0x0000c2f1')
    """
    match = _PROCESS.match(name)
    return (int(match.group(1)), match.group(2).lower()) if match else None


def parse_adapter_instance(name: str) -> Optional[str]:
    match = _ADAPTER.match(name)
    return match.group(1).lower() if match else None


def _values(pdh: Any, counter: Any) -> list[tuple[str, int]]:
    size, count = ctypes.c_uint32(0), ctypes.c_uint32(0)
    query = pdh.PdhGetFormattedCounterArrayW
    query.argtypes = (ctypes.c_void_p, ctypes.c_uint32, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p)
    status = query(counter, _FORMAT_LARGE, ctypes.byref(size), ctypes.byref(count), None) & 0xFFFFFFFF
    if status != _MORE_DATA:
        return []
    buffer = ctypes.create_string_buffer(size.value)
    if query(counter, _FORMAT_LARGE, ctypes.byref(size), ctypes.byref(count), buffer) != 0:
        return []
    items = ctypes.cast(buffer, ctypes.POINTER(_Item))
    return [(items[number].name or "", items[number].value) for number in range(count.value) if items[number].status in _VALID]


def _collect(counters: tuple[str, str]) -> Optional[list[list[tuple[str, int]]]]:
    """The values of two counters of one moment; None where this Windows does not have them. They are levels, not
    rates: one sample is enough."""
    pdh = library("pdh")
    pdh.PdhOpenQueryW.argtypes = (ctypes.c_wchar_p, ctypes.c_void_p, ctypes.c_void_p)
    pdh.PdhAddEnglishCounterW.argtypes = (ctypes.c_void_p, ctypes.c_wchar_p, ctypes.c_void_p, ctypes.c_void_p)
    pdh.PdhCollectQueryData.argtypes = (ctypes.c_void_p,)
    pdh.PdhCloseQuery.argtypes = (ctypes.c_void_p,)
    query = ctypes.c_void_p()
    status = pdh.PdhOpenQueryW(None, None, ctypes.byref(query)) & 0xFFFFFFFF
    if status != 0:
        raise OSError(0, f"PdhOpenQuery failed (0x{status:08X})")
    try:
        handles = []
        for path in counters:
            handle = ctypes.c_void_p()
            status = pdh.PdhAddEnglishCounterW(query, path, None, ctypes.byref(handle)) & 0xFFFFFFFF
            if status in _NO_OBJECT:
                return None
            if status != 0:
                raise OSError(0, f"PdhAddEnglishCounter failed (0x{status:08X})")
            handles.append(handle)
        status = pdh.PdhCollectQueryData(query) & 0xFFFFFFFF
        if status != 0:
            raise OSError(0, f"PdhCollectQueryData failed (0x{status:08X})")
        return [_values(pdh, handle) for handle in handles]
    finally:
        pdh.PdhCloseQuery(query)


def sum_by_process(dedicated: list[tuple[str, int]], shared: list[tuple[str, int]]) -> list[dict[str, Any]]:
    """One entry a process and adapter, the largest first; those that hold nothing are left out."""
    found: dict[tuple[int, str], dict[str, Any]] = {}
    for field, values in (("dedicated_bytes", dedicated), ("shared_bytes", shared)):
        for name, value in values:
            key = parse_process_instance(name)
            if key is not None and value > 0:
                entry = found.setdefault(key, {"pid": key[0], "luid": key[1], "dedicated_bytes": 0, "shared_bytes": 0})
                entry[field] += value
    return sorted(found.values(), key=lambda entry: (-entry["dedicated_bytes"], entry["pid"]))


def pdh_process_memory() -> Optional[list[dict[str, Any]]]:
    """``pid``, ``luid``, ``dedicated_bytes``, ``shared_bytes`` of each process that holds GPU memory."""
    values = _collect(("\\GPU Process Memory(*)\\Dedicated Usage", "\\GPU Process Memory(*)\\Shared Usage"))
    return None if values is None else sum_by_process(*values)


def pdh_adapter_memory() -> Optional[list[dict[str, Any]]]:
    """``luid``, ``dedicated_bytes``, ``shared_bytes`` in use of each adapter."""
    values = _collect(("\\GPU Adapter Memory(*)\\Dedicated Usage", "\\GPU Adapter Memory(*)\\Shared Usage"))
    if values is None:
        return None
    found: dict[str, dict[str, Any]] = {}
    for field, counted in zip(("dedicated_bytes", "shared_bytes"), values):
        for name, value in counted:
            luid = parse_adapter_instance(name)
            if luid is not None:
                entry = found.setdefault(luid, {"luid": luid, "dedicated_bytes": 0, "shared_bytes": 0})
                entry[field] += value
    return list(found.values())
