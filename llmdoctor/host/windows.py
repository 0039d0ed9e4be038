"""Windows' own sources, through the registry and ctypes. Importable everywhere, of use on Windows alone.

``answer(function, key)`` gives plain JSON; None means absent. A call that fails raises OSError with Windows' text,
which the live Host makes a reason. Nothing here needs an administrator, starts a program or writes.

Sources: the page of each function under https://learn.microsoft.com/windows/win32/api/.
"""

from __future__ import annotations

import ctypes
import os
import struct
from typing import Any, Callable, Optional, Sequence, Union

from . import windows_registry as registry
from .smbios import memory_devices
from .windows_library import library

Json = Any

_WORD = ctypes.c_uint16
_DWORD = ctypes.c_uint32
_QWORD = ctypes.c_uint64
_HANDLE = ctypes.c_void_p


def _failed(what: str) -> OSError:
    code = getattr(ctypes, "get_last_error")()  # noqa: B009
    text = getattr(ctypes, "FormatError")(code).strip()  # noqa: B009
    # Windows' numbers are no errno: under their own number 2 or 5 would become another exception.
    return OSError(0, f"{what}: {text} ({code})")


# --- memory -------------------------------------------------------------------------------------


class _MemoryStatusEx(ctypes.Structure):
    _fields_ = [
        ("length", _DWORD),
        ("load_percent", _DWORD),
        ("total", _QWORD),
        ("available", _QWORD),
        ("total_page_file", _QWORD),
        ("available_page_file", _QWORD),
        ("total_virtual", _QWORD),
        ("available_virtual", _QWORD),
        ("available_extended_virtual", _QWORD),
    ]


def _global_memory_status() -> Json:
    status = _MemoryStatusEx(length=ctypes.sizeof(_MemoryStatusEx))
    if not library("kernel32").GlobalMemoryStatusEx(ctypes.byref(status)):
        raise _failed("GlobalMemoryStatusEx")
    return {"total_bytes": status.total, "available_bytes": status.available, "load_percent": status.load_percent}


class _PerformanceInformation(ctypes.Structure):
    _fields_ = [
        ("size", _DWORD),
        ("commit_total", ctypes.c_size_t),
        ("commit_limit", ctypes.c_size_t),
        ("commit_peak", ctypes.c_size_t),
        ("physical_total", ctypes.c_size_t),
        ("physical_available", ctypes.c_size_t),
        ("system_cache", ctypes.c_size_t),
        ("kernel_total", ctypes.c_size_t),
        ("kernel_paged", ctypes.c_size_t),
        ("kernel_nonpaged", ctypes.c_size_t),
        ("page_size", ctypes.c_size_t),
        ("handles", _DWORD),
        ("processes", _DWORD),
        ("threads", _DWORD),
    ]


def _performance_info() -> Json:
    info = _PerformanceInformation()
    # psapi.dll forwards to this name since Windows 7.
    if not library("kernel32").K32GetPerformanceInfo(ctypes.byref(info), _DWORD(ctypes.sizeof(info))):
        raise _failed("GetPerformanceInfo")
    page = info.page_size
    return {
        "commit_limit_bytes": info.commit_limit * page,
        "committed_bytes": info.commit_total * page,
        "commit_peak_bytes": info.commit_peak * page,
        "physical_bytes": info.physical_total * page,
    }


def _memory_devices() -> Json:
    """Slots out of the SMBIOS table. Only what we need leaves it: it holds serial numbers too."""
    provider = int.from_bytes(b"RSMB", "big")
    query = library("kernel32").GetSystemFirmwareTable
    query.argtypes = (_DWORD, _DWORD, ctypes.c_void_p, _DWORD)
    query.restype = ctypes.c_uint
    size = query(provider, 0, None, 0)
    if not size:
        raise _failed("GetSystemFirmwareTable")
    buffer = ctypes.create_string_buffer(size)
    if not query(provider, 0, buffer, size):
        raise _failed("GetSystemFirmwareTable")
    return memory_devices(buffer.raw)


# --- system -------------------------------------------------------------------------------------


class _OsVersionInfo(ctypes.Structure):
    _fields_ = [
        ("size", _DWORD),
        ("major", _DWORD),
        ("minor", _DWORD),
        ("build", _DWORD),
        ("platform", _DWORD),
        ("service_pack", ctypes.c_uint16 * 128),
    ]


def _rtl_get_version() -> Json:
    """The real version; GetVersionEx tells what the program's manifest asks for."""
    info = _OsVersionInfo(size=ctypes.sizeof(_OsVersionInfo))
    library("ntdll").RtlGetVersion(ctypes.byref(info))
    return {"major": info.major, "minor": info.minor, "build": info.build}


def _machine() -> Json:
    """IMAGE_FILE_MACHINE numbers: ``native`` of the system, ``process`` 0 unless it runs under WOW64."""
    kernel = library("kernel32")
    process, native = _WORD(), _WORD()
    kernel.GetCurrentProcess.restype = _HANDLE
    kernel.IsWow64Process2.argtypes = (_HANDLE, ctypes.c_void_p, ctypes.c_void_p)
    if not kernel.IsWow64Process2(kernel.GetCurrentProcess(), ctypes.byref(process), ctypes.byref(native)):
        raise _failed("IsWow64Process2")
    return {"process": process.value, "native": native.value}


def _tick_count_ms() -> Json:
    count = library("kernel32").GetTickCount64
    count.restype = _QWORD
    return int(count())


def _ansi_code_page() -> Json:
    return int(library("kernel32").GetACP())


def _is_admin() -> Json:
    return bool(library("shell32").IsUserAnAdmin())


class _PowerStatus(ctypes.Structure):
    _fields_ = [
        ("ac_line", ctypes.c_ubyte),
        ("battery_flag", ctypes.c_ubyte),
        ("battery_percent", ctypes.c_ubyte),
        ("saver", ctypes.c_ubyte),
        ("life_s", _DWORD),
        ("full_life_s", _DWORD),
    ]


def _power_status() -> Json:
    status = _PowerStatus()
    if not library("kernel32").GetSystemPowerStatus(ctypes.byref(status)):
        raise _failed("GetSystemPowerStatus")
    return {"ac_line": status.ac_line, "battery_flag": status.battery_flag, "saver": status.saver}


def format_guid(raw: bytes) -> str:
    """A GUID's 16 bytes in memory as text: the first three fields are little-endian.

    >>> format_guid(bytes.fromhex("22421b3894f6f041968 5ff5bb260df2e".replace(" ", "")))
    '381b4222-f694-41f0-9685-ff5bb260df2e'
    """
    first, second, third = struct.unpack_from("<IHH", raw)
    return f"{first:08x}-{second:04x}-{third:04x}-{raw[8:10].hex()}-{raw[10:16].hex()}"


def _active_power_scheme() -> Json:
    power, kernel = library("powrprof"), library("kernel32")
    scheme = ctypes.c_void_p()
    if power.PowerGetActiveScheme(None, ctypes.byref(scheme)) != 0 or not scheme.value:
        return None
    kernel.LocalFree.argtypes = (ctypes.c_void_p,)
    kernel.LocalFree.restype = ctypes.c_void_p
    try:
        guid = format_guid(ctypes.string_at(scheme.value, 16))
        name = ctypes.create_unicode_buffer(256)
        size = _DWORD(ctypes.sizeof(name))
        read = power.PowerReadFriendlyName(None, scheme, None, None, name, ctypes.byref(size))
        return {"guid": guid, "name": name.value if read == 0 else None}
    finally:
        kernel.LocalFree(scheme)


# --- processor ----------------------------------------------------------------------------------

# PROCESSOR_FEATURE numbers of winnt.h.
_FEATURES = {"neon": 19, "sse4_2": 38, "avx": 39, "avx2": 40, "avx512f": 41, "sve": 46}


def _processor_features() -> Json:
    kernel = library("kernel32")
    found: dict[str, Union[bool, int]] = {
        name: bool(kernel.IsProcessorFeaturePresent(_DWORD(number))) for name, number in _FEATURES.items()
    }
    try:
        query = kernel.GetEnabledXStateFeatures
    except AttributeError:  # not in Windows for Arm before 11
        return found
    query.restype = _QWORD
    found["xstate"] = int(query())
    return found


_RELATION_CORE, _RELATION_NUMA, _RELATION_ALL = 0, 1, 0xFFFF
_EFFICIENCY_OFFSET = 9
"""EfficiencyClass of PROCESSOR_RELATIONSHIP, after the record's two DWORDs and the flags."""
_GROUP_COUNT_OFFSET = 30
_GROUP_MASK_OFFSET = 32


def parse_processor_relations(raw: bytes, pointer_bytes: int = 8) -> dict[str, Optional[int]]:
    """Counts from the records of GetLogicalProcessorInformationEx: ``cores``, ``logical``, ``numa_nodes``, and
    ``efficiency_cores`` (None where all cores are of one class; the highest class is the fastest)."""
    classes: list[int] = []
    logical = nodes = at = 0
    mask_form, group_bytes = ("<Q", 16) if pointer_bytes == 8 else ("<I", 12)
    while at + 8 <= len(raw):
        relation, size = struct.unpack_from("<II", raw, at)
        if size < 8 or at + size > len(raw):
            break
        if relation == _RELATION_CORE and size >= _GROUP_MASK_OFFSET:
            classes.append(raw[at + _EFFICIENCY_OFFSET])
            (groups,) = struct.unpack_from("<H", raw, at + _GROUP_COUNT_OFFSET)
            for group in range(groups):
                offset = at + _GROUP_MASK_OFFSET + group * group_bytes
                if offset + pointer_bytes > at + size:
                    break
                logical += bin(struct.unpack_from(mask_form, raw, offset)[0]).count("1")
        elif relation == _RELATION_NUMA:
            nodes += 1
        at += size
    slower = sum(one < max(classes) for one in classes) if classes else 0
    return {
        "cores": len(classes) or None,
        "logical": logical or None,
        "numa_nodes": nodes or None,
        "efficiency_cores": slower or None,
    }


def _processor_topology() -> Json:
    kernel = library("kernel32")
    query = kernel.GetLogicalProcessorInformationEx
    query.argtypes = (_DWORD, ctypes.c_void_p, ctypes.c_void_p)
    size = _DWORD(0)
    query(_RELATION_ALL, None, ctypes.byref(size))
    buffer = ctypes.create_string_buffer(max(size.value, 1))
    if not query(_RELATION_ALL, buffer, ctypes.byref(size)):
        raise _failed("GetLogicalProcessorInformationEx")
    found = parse_processor_relations(buffer.raw[: size.value], ctypes.sizeof(ctypes.c_void_p))
    if kernel.GetActiveProcessorGroupCount() == 1:  # the affinity mask speaks of one group of up to 64
        process, system = ctypes.c_size_t(), ctypes.c_size_t()
        kernel.GetCurrentProcess.restype = _HANDLE
        kernel.GetProcessAffinityMask.argtypes = (_HANDLE, ctypes.c_void_p, ctypes.c_void_p)
        if kernel.GetProcessAffinityMask(kernel.GetCurrentProcess(), ctypes.byref(process), ctypes.byref(system)):
            found["allowed"] = bin(process.value).count("1") or None
    return found


# --- disks --------------------------------------------------------------------------------------

_READ_ONLY_VOLUME = 0x00080000
_IOCTL_STORAGE_QUERY_PROPERTY = 0x002D1400
_DEVICE_PROPERTY, _SEEK_PENALTY_PROPERTY = 0, 7
_BUS_TYPE_OFFSET = 28
"""BusType in STORAGE_DEVICE_DESCRIPTOR."""
_SHARE_READ_WRITE, _OPEN_EXISTING = 0x3, 3
_NO_DIALOG = 0x0001
"""SEM_FAILCRITICALERRORS: an empty card reader must not open a window."""


def _volume(path: str) -> Json:
    """Root, file system, GetDriveType's number and whether the volume is read-only."""
    kernel = library("kernel32")
    root = ctypes.create_unicode_buffer(1024)
    if not kernel.GetVolumePathNameW(ctypes.c_wchar_p(path), root, _DWORD(len(root))):
        raise _failed("GetVolumePathName")
    found: dict[str, Json] = {"root": root.value, "drive_type": int(kernel.GetDriveTypeW(root))}
    name, flags = ctypes.create_unicode_buffer(64), _DWORD()
    if kernel.GetVolumeInformationW(root, None, _DWORD(0), None, None, ctypes.byref(flags), name, _DWORD(len(name))):
        found["file_system"] = name.value
        found["read_only"] = bool(flags.value & _READ_ONLY_VOLUME)
    return found


def _storage_property(kernel: Any, handle: Any, number: int) -> bytes:
    """The answer to a storage query; empty where the driver has none (USB bridges, RAID controllers)."""
    query = struct.pack("<III", number, 0, 0)  # PropertyId, PropertyStandardQuery, AdditionalParameters padded
    buffer, returned = ctypes.create_string_buffer(1024), _DWORD()
    done = kernel.DeviceIoControl(
        handle, _IOCTL_STORAGE_QUERY_PROPERTY, query, len(query), buffer, len(buffer), ctypes.byref(returned), None
    )
    return buffer.raw[: returned.value] if done else b""


def parse_storage_answers(device: bytes, seek: bytes) -> dict[str, Json]:
    """``bus_type`` (STORAGE_BUS_TYPE) and ``seek_penalty`` from the two descriptors; None for what is not there."""
    bus = struct.unpack_from("<I", device, _BUS_TYPE_OFFSET)[0] if len(device) >= _BUS_TYPE_OFFSET + 4 else None
    return {"bus_type": bus, "seek_penalty": bool(seek[8]) if len(seek) >= 9 else None}


def _disk_seek_penalty(drive: str) -> Json:
    """Of a drive such as ``C:``. It is opened without any access right, which no administrator has to grant."""
    kernel = library("kernel32")
    kernel.CreateFileW.restype = _HANDLE
    kernel.CreateFileW.argtypes = (ctypes.c_wchar_p, _DWORD, _DWORD, ctypes.c_void_p, _DWORD, _DWORD, _HANDLE)
    kernel.DeviceIoControl.argtypes = (
        _HANDLE, _DWORD, ctypes.c_void_p, _DWORD, ctypes.c_void_p, _DWORD, ctypes.c_void_p, ctypes.c_void_p,
    )  # fmt: skip
    kernel.CloseHandle.argtypes = (_HANDLE,)
    kernel.SetThreadErrorMode(_DWORD(_NO_DIALOG), None)
    handle = kernel.CreateFileW(f"\\\\.\\{drive[:2]}", 0, _SHARE_READ_WRITE, None, _OPEN_EXISTING, 0, None)
    if handle is None or handle == ctypes.c_void_p(-1).value:
        raise _failed("CreateFile")
    try:
        return parse_storage_answers(
            _storage_property(kernel, handle, _DEVICE_PROPERTY), _storage_property(kernel, handle, _SEEK_PENALTY_PROPERTY)
        )
    finally:
        kernel.CloseHandle(handle)


# --- the door -----------------------------------------------------------------------------------


def _dxgi_adapters() -> Json:
    from .windows_gpu import dxgi_adapters

    return dxgi_adapters()


def _pdh_gpu_memory() -> Json:
    from .windows_gpu import pdh_process_memory

    return pdh_process_memory()


def _pdh_gpu_adapter_memory() -> Json:
    from .windows_gpu import pdh_adapter_memory

    return pdh_adapter_memory()


_FUNCTIONS: dict[str, Callable[..., Json]] = {
    "registry": registry.value,
    "registry_key": registry.key_exists,
    "registry_subkeys": registry.subkeys,
    "registry_values": registry.values,
    "vulkan_drivers": registry.vulkan_drivers,
    "uninstall_version": registry.uninstall_version,
    "global_memory_status": _global_memory_status,
    "performance_info": _performance_info,
    "memory_devices": _memory_devices,
    "rtl_get_version": _rtl_get_version,
    "machine": _machine,
    "tick_count_ms": _tick_count_ms,
    "ansi_code_page": _ansi_code_page,
    "is_admin": _is_admin,
    "power_status": _power_status,
    "active_power_scheme": _active_power_scheme,
    "processor_features": _processor_features,
    "processor_topology": _processor_topology,
    "volume": _volume,
    "disk_seek_penalty": _disk_seek_penalty,
    "dxgi_adapters": _dxgi_adapters,
    "pdh_gpu_memory": _pdh_gpu_memory,
    "pdh_gpu_adapter_memory": _pdh_gpu_adapter_memory,
}


def answer(function: str, key: Sequence[Union[str, int]]) -> Json:
    """Plain JSON, None for absent. Raises OSError where Windows refuses, ValueError for an unknown function."""
    call = _FUNCTIONS.get(function)
    if call is None:
        raise ValueError(f"no source is called {function}")
    return call(*key) if os.name == "nt" else None
