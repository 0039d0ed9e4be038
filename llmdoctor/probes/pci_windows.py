"""GPUs as Windows sees them: DXGI's adapters, their memory in use, and cards that no maker's driver runs.

Sources: learn.microsoft.com "DXGI_ADAPTER_DESC1"; the counters ``GPU Process Memory`` and ``GPU Adapter Memory``
(https://devblogs.microsoft.com/directx/gpus-in-the-task-manager), since NVML tells no memory per process under WDDM.
``Services\\BasicDisplay\\Enum`` is the Plug and Play manager's list of the devices that this service drives now: a card
there has only Windows' own display driver, and DXGI does not show it under its maker's name.
"""

from __future__ import annotations

import re
from typing import Any, Optional

from ..facts.fact import Fact, Unknown
from ..facts.machine import Gpu, GpuProcess
from ..host.host import Host
from .pci import VENDORS, catalogue_name, without_others_notions

_NVIDIA = 0x10DE
_SOFTWARE_ADAPTER = 2
"""DXGI_ADAPTER_FLAG_SOFTWARE."""
_BASIC_DISPLAY = "HKLM\\SYSTEM\\CurrentControlSet\\Services\\BasicDisplay\\Enum"
_INSTANCE = re.compile(r"^PCI\\VEN_([0-9A-F]{4})&DEV_([0-9A-F]{4})", re.I)
_MAX_PROCESSES = 32
"""The largest; a desktop has dozens that hold a few MiB each."""
_LARGEST_CARVE_OUT = 1 << 30
"""Intel's processor graphics have 128 MiB of RAM as their own, its cards from 4 GiB on (ark.intel.com, Arc A310)."""


def parse_instance(text: str) -> Optional[tuple[int, int]]:
    """Vendor and device of a device instance's path; None if it is no PCI device.

    >>> parse_instance("PCI\\\\VEN_10DE&DEV_2786&SUBSYS_88E11043&REV_A1\\\\4&1a2b3c4d&0&0008") == (0x10DE, 0x2786)
    True
    """
    match = _INSTANCE.match(text)
    return (int(match[1], 16), int(match[2], 16)) if match else None


def parse_driver_version(text: str) -> Optional[str]:
    """NVIDIA's own version in the version that Windows gives its driver: the last five digits.

    >>> parse_driver_version("32.0.15.6094")
    '560.94'
    """
    match = re.fullmatch(r"\d+\.\d+\.\d*(\d)\.(\d{4})", text)
    return f"{match[1]}{match[2][:2]}.{match[2][2:]}" if match else None


def nvidia_driver_version(host: Host) -> Fact[str]:
    """Of the driver that DXGI's first NVIDIA adapter has; absent if there is no such adapter."""
    adapters = host.winapi("dxgi_adapters")
    for adapter in adapters if isinstance(adapters, list) else []:
        if isinstance(adapter, dict) and adapter.get("vendor") == _NVIDIA:
            version = adapter.get("driver_version")
            return parse_driver_version(version) if isinstance(version, str) else Unknown("DXGI gives no driver version")
    return adapters if isinstance(adapters, Unknown) else None


def _integrated(vendor: str, device: int, dedicated: object) -> Fact[bool]:
    if vendor == "nvidia":
        return False
    if vendor == "intel" and isinstance(dedicated, int):
        return dedicated < _LARGEST_CARVE_OUT
    if vendor == "amd":
        from ..catalogs.pci_ids import amd_target
        from .amd import is_integrated

        target = amd_target(device)
        if target is not None:
            return is_integrated(target)
    return Unknown("Windows does not tell")


def _processes(host: Host, luid: object) -> Fact[list[GpuProcess]]:
    from .nvidia import runtime_of

    counted = host.winapi("pdh_gpu_memory")
    if not isinstance(counted, list):
        return counted if isinstance(counted, Unknown) else Unknown("this Windows has no counters of GPU memory")
    found: list[GpuProcess] = []
    for one in counted:
        if (
            isinstance(one, dict)
            and one.get("luid") == luid
            and isinstance(one.get("pid"), int)
            and len(found) < _MAX_PROCESSES
        ):
            name = host.process_name(one["pid"])
            found.append(
                GpuProcess(
                    pid=one["pid"],
                    name=name,
                    vram_bytes=one.get("dedicated_bytes"),
                    kind=Unknown("Windows does not tell"),
                    runtime=runtime_of(name) if isinstance(name, str) else None,
                )
            )
    return found


def _used(host: Host, luid: object) -> Fact[int]:
    counted = host.winapi("pdh_gpu_adapter_memory")
    for one in counted if isinstance(counted, list) else []:
        if isinstance(one, dict) and one.get("luid") == luid and isinstance(one.get("dedicated_bytes"), int):
            return int(one["dedicated_bytes"])
    return counted if isinstance(counted, Unknown) else Unknown("Windows does not count this card's memory")


def _adapter(host: Host, adapter: dict[str, Any]) -> Gpu:
    vendor, device = VENDORS[adapter["vendor"]], adapter["device"]
    dedicated = adapter.get("dedicated_bytes")
    outputs = adapter.get("outputs")
    used = _used(host, adapter.get("luid"))
    return without_others_notions(
        Gpu(
            vendor=vendor,
            name=str(adapter.get("description", "")) or Unknown("DXGI gives no name"),
            pci_device=f"{adapter['vendor']:04x}:{device:04x}",
            vram_total_bytes=dedicated if isinstance(dedicated, int) else Unknown("DXGI gives no size"),
            vram_used_bytes=used,
            vram_free_bytes=max(0, dedicated - used) if isinstance(dedicated, int) and isinstance(used, int) else used,
            display_attached=outputs > 0 if isinstance(outputs, int) else Unknown("DXGI does not tell"),
            integrated=_integrated(vendor, device, dedicated),
            processes=_processes(host, adapter.get("luid")),
            index=None,
            error=None,
            kernel_driver=None,
            runtime_power_state=None,
        )
    )


def _without_driver(host: Host) -> list[Gpu]:
    """Cards of makers that we know which run on Windows' own basic display driver."""
    instances = host.winapi("registry_values", _BASIC_DISPLAY)
    found = []
    for value in instances.values() if isinstance(instances, dict) else []:
        ids = parse_instance(value) if isinstance(value, str) else None
        if ids is None or ids[0] not in VENDORS:
            continue
        vendor, nothing = VENDORS[ids[0]], Unknown("the card runs on Windows' basic display driver")
        gpu = Gpu(
            vendor=vendor,
            name=catalogue_name(vendor, ids[1]) or nothing,
            pci_device=f"{ids[0]:04x}:{ids[1]:04x}",
            integrated=_integrated(vendor, ids[1], None),
            index=None,
            error=None,
            kernel_driver=None,
            runtime_power_state=None,
            processes=nothing,
        )
        found.append(without_others_notions(gpu))
    return found


def windows_gpus(host: Host) -> Fact[list[Gpu]]:
    """Every card once: those that DXGI lists in its order, then those without a driver of their maker."""
    adapters = host.winapi("dxgi_adapters")
    if not isinstance(adapters, list):
        return adapters if isinstance(adapters, Unknown) else Unknown("DXGI does not answer")
    found: list[Gpu] = []
    seen: set[str] = set()
    for adapter in adapters:
        if not isinstance(adapter, dict) or not all(
            isinstance(adapter.get(name), int) for name in ("vendor", "device", "flags")
        ):
            continue
        # One card is listed once a driver that shows it, such as a remote desktop's.
        identity = f"{adapter['vendor']} {adapter['device']} {adapter.get('luid')}"
        if adapter["vendor"] in VENDORS and not adapter["flags"] & _SOFTWARE_ADAPTER and identity not in seen:
            seen.add(identity)
            found.append(_adapter(host, adapter))
    return found + _without_driver(host)
