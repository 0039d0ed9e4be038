"""AMD cards: the fields of ``gpus`` that amdgpu's sysfs tells. What ROCm needs besides stands in ``rocm.py``.

Sources: https://docs.kernel.org/gpu/amdgpu (mem_info_*, hwmon, pp_dpm_*), Linux drivers/gpu/drm/amd/amdkfd/kfd_topology.c
(gfx_target_version, location_id, domain), https://llvm.org/docs/AMDGPUUsage.html (which target is an APU), libdrm's amdgpu.ids (names).
"""

from __future__ import annotations

import re
from typing import Optional

import msgspec

from ..facts.fact import Fact, Unknown
from ..facts.machine import Gpu
from ..host.host import Host
from .lift import lift, text_or_none
from .rocm import probe as rocm

__all__ = ["amd_gpus", "rocm"]

_NODES = "/sys/class/kfd/kfd/topology/nodes"
_NAME_TABLES = ("/usr/share/libdrm/amdgpu.ids", "/opt/amdgpu/share/libdrm/amdgpu.ids")
_NOT_READ = Unknown("not read for AMD cards")
_NO_TARGET = Unknown("neither the kernel's KFD nor the catalogue tells this card's target")

# Targets that AMD ships as a processor with graphics: Kaveri, Carrizo, Raven to Renoir, BC-250, Van Gogh, Rembrandt,
# Raphael, Mendocino, Phoenix, Strix Point, Strix Halo, Krackan.
_APU = frozenset(
    ("gfx700", "gfx801", "gfx810", "gfx902", "gfx909", "gfx90c", "gfx1013", "gfx1033", "gfx1035", "gfx1036", "gfx1037",
     "gfx1103", "gfx1150", "gfx1151", "gfx1152", "gfx1153")
)  # fmt: skip
_MIXED = frozenset(("gfx942",))
"""MI300X, a card, and MI300A, a processor, share it."""

_GENERATIONS = {"2.5": 1, "5": 2, "5.0": 2, "8": 3, "8.0": 3, "16": 4, "16.0": 4, "32": 5, "32.0": 5, "64": 6, "64.0": 6}
"""Transfers per second and lane, in GT/s, to PCI Express generation."""


# --- pure parsers -------------------------------------------------------------------------------


def parse_properties(text: str) -> dict[str, int]:
    """A KFD node's ``properties``: a name and a number a line."""
    found: dict[str, int] = {}
    for line in text.splitlines():
        name, _, value = line.partition(" ")
        if value.strip().isdecimal():
            found[name] = int(value)
    return found


def gfx_target(version: int) -> Optional[str]:
    """110000 is ``gfx1100``, 90010 is ``gfx90a``; None for 0, which is a processor's node."""
    if version <= 0:
        return None
    return f"gfx{version // 10000}{version // 100 % 100:x}{version % 100:x}"


def bus_address(location_id: int, domain: int) -> str:
    """KFD's packed bus, device and function as ``0000:03:00.0``."""
    return f"{domain:04x}:{location_id >> 8 & 0xFF:02x}:{location_id >> 3 & 0x1F:02x}.{location_id & 7}"


def is_integrated(target: str) -> Fact[bool]:
    return Unknown(f"{target} is both a card and a processor") if target in _MIXED else target in _APU


def parse_names(text: str, device: str, revision: str) -> Optional[str]:
    """The name in amdgpu.ids: ``744C, C8, AMD Radeon RX 7900 XTX``."""
    for line in text.splitlines():
        fields = [field.strip() for field in line.split(",", 2)]
        if len(fields) == 3 and fields[0].lower() == device and fields[1].lower() == revision:
            return fields[2]
    return None


def parse_speed(text: str) -> Fact[int]:
    """PCI Express generation of ``16.0 GT/s PCIe``."""
    return _GENERATIONS.get(text.split(" ")[0]) or Unknown(f"unknown link speed {text}")


def parse_clocks(text: str) -> tuple[Optional[int], Optional[int]]:
    """Current and highest MHz of a pp_dpm file: ``1: 2526Mhz *``."""
    levels = [(int(mhz), bool(star)) for mhz, star in re.findall(r"^\S+: (\d+)Mhz ?(\*?)", text, re.M | re.I)]
    return next((mhz for mhz, current in levels if current), None), max((mhz for mhz, _ in levels), default=None)


# --- cards --------------------------------------------------------------------------------------


def _targets(host: Host) -> Fact[dict[str, str]]:
    """gfx target by bus address."""
    nodes = host.entries(_NODES)
    if not isinstance(nodes, list):
        return nodes
    found: dict[str, str] = {}
    for node in nodes:
        text = host.text(f"{_NODES}/{node}/properties")
        properties = parse_properties(text) if isinstance(text, str) else {}
        target = gfx_target(properties.get("gfx_target_version", 0))
        if target is not None:
            found[bus_address(properties.get("location_id", 0), properties.get("domain", 0))] = target
    return found


def _device(gpu: Gpu) -> str:
    """Device id in four hexadecimal digits; empty if not known."""
    return gpu.pci_device.partition(":")[2].lower() if isinstance(gpu.pci_device, str) else ""


def _identify(gpu: Gpu, target: Optional[str]) -> None:
    """Target, family, bandwidth: by the kernel's KFD, by the device id where that does not list the card."""
    from ..catalogs.gpus import amd_architecture, find_gpu
    from ..catalogs.pci_ids import amd_target

    device = _device(gpu)
    if target is None and re.fullmatch("[0-9a-f]{4}", device):
        target = amd_target(int(device, 16))
    gpu.gfx_target = target or _NO_TARGET
    gpu.architecture = (amd_architecture(target) or Unknown(f"{target} is not in the catalogue")) if target else _NO_TARGET
    if not isinstance(gpu.integrated, bool):
        gpu.integrated = is_integrated(target) if target else _NO_TARGET
    size = gpu.vram_total_bytes if isinstance(gpu.vram_total_bytes, int) else None
    known = find_gpu(gpu.name, size) if isinstance(gpu.name, str) else None
    gpu.memory_bandwidth_bytes_per_s = (known.memory_bandwidth_bytes_per_s if known else None) or Unknown(
        "not in the catalogue"
    )


def _name(host: Host, folder: str, gpu: Gpu) -> Fact[str]:
    product = text_or_none(host.line(f"{folder}/product_name"))
    if product is not None:
        return product
    device = _device(gpu)
    revision = host.line(f"{folder}/revision")
    if isinstance(revision, str):
        for table in _NAME_TABLES:
            text = host.text(table)
            name = parse_names(text, device, revision.removeprefix("0x").lower()) if isinstance(text, str) else None
            if name is not None:
                return name
    if isinstance(gpu.name, str):
        return gpu.name
    from ..catalogs.pci_ids import amd_name

    known = amd_name(int(device, 16)) if re.fullmatch("[0-9a-f]{4}", device) else None
    return known or Unknown("no table here names this device")


def _display(host: Host, folder: str) -> Fact[bool]:
    nodes = host.entries(f"{folder}/drm")
    if not isinstance(nodes, list):
        return nodes
    for card in nodes:
        connectors = host.entries(f"{folder}/drm/{card}") if card.startswith("card") else None
        for connector in connectors if isinstance(connectors, list) else []:
            if connector.startswith(card + "-") and host.line(f"{folder}/drm/{card}/{connector}/status") == "connected":
                return True
    return False


def _watts(microwatts: int) -> float:
    return microwatts / 1e6


def _degrees(millidegrees: int) -> int:
    return round(millidegrees / 1000)


def _sensors(host: Host, folder: str, gpu: Gpu) -> None:
    """Sensors and clocks. Reading them wakes a card that sleeps, so only of one that is awake."""
    chips = host.entries(f"{folder}/hwmon")
    chip = f"{folder}/hwmon/{chips[0]}" if isinstance(chips, list) and chips else None
    if chip is None:
        gpu.power_draw_watts = gpu.power_limit_watts = gpu.power_limit_default_watts = None
        gpu.temperature_celsius = gpu.temperature_slowdown_celsius = None
    else:
        draw = host.number(f"{chip}/power1_average")
        gpu.power_draw_watts = lift(_watts, draw if isinstance(draw, int) else host.number(f"{chip}/power1_input"))
        gpu.power_limit_watts = lift(_watts, host.number(f"{chip}/power1_cap"))
        gpu.power_limit_default_watts = lift(_watts, host.number(f"{chip}/power1_cap_default"))
        gpu.temperature_celsius = lift(_degrees, host.number(f"{chip}/temp1_input"))
        gpu.temperature_slowdown_celsius = lift(_degrees, host.number(f"{chip}/temp1_crit"))
    gpu.utilization_percent = host.number(f"{folder}/gpu_busy_percent")
    clocks = host.text(f"{folder}/pp_dpm_sclk")
    gpu.sm_clock_mhz = lift(lambda text: parse_clocks(text)[0], clocks)
    gpu.sm_clock_max_mhz = lift(lambda text: parse_clocks(text)[1], clocks)


_SENSOR_FIELDS = (
    "power_draw_watts", "power_limit_watts", "power_limit_default_watts", "temperature_celsius", "temperature_slowdown_celsius",
    "utilization_percent", "sm_clock_mhz", "sm_clock_max_mhz",
)  # fmt: skip
_OTHERS_ALONE = (
    "index", "uuid", "compute_capability", "driver_model", "mig_enabled", "mig_devices", "remapped_rows_pending",
    "remapped_rows_failed", "persistence_mode", "compute_mode", "error", "vgpu_licensed", "bar1_total_bytes",
    "vram_reserved_bytes",
)  # fmt: skip
"""Notions of NVIDIA's or Windows' drivers: absent here."""
_MEMORY = {
    "vram_total_bytes": "mem_info_vram_total",
    "vram_used_bytes": "mem_info_vram_used",
    "gtt_total_bytes": "mem_info_gtt_total",
}


def _fill(host: Host, gpu: Gpu, targets: Fact[dict[str, str]]) -> Gpu:
    gpu = msgspec.structs.replace(gpu)
    folder = f"/sys/bus/pci/devices/{gpu.pci_id}"
    for field in _OTHERS_ALONE:
        setattr(gpu, field, None)
    for field in ("ecc_uncorrectable", "throttle_reasons", "processes"):
        setattr(gpu, field, _NOT_READ)
    gpu.name = _name(host, folder, gpu)
    target = targets.get(str(gpu.pci_id)) if isinstance(targets, dict) else None
    gpu.runtime_power_state = host.line(f"{folder}/power/runtime_status")
    gpu.lost = lift(lambda vendor: vendor.lower() == "0xffff", host.line(f"{folder}/vendor"))
    gpu.display_attached = _display(host, folder)
    gpu.pcie_generation = lift(parse_speed, host.line(f"{folder}/current_link_speed"))
    gpu.pcie_generation_max = lift(parse_speed, host.line(f"{folder}/max_link_speed"))
    gpu.pcie_width = host.number(f"{folder}/current_link_width")
    gpu.pcie_width_max = host.number(f"{folder}/max_link_width")
    if gpu.kernel_driver != "amdgpu":
        driver = gpu.kernel_driver if isinstance(gpu.kernel_driver, str) else "no driver"
        reason = Unknown(f"bound to {driver}, not to amdgpu")
        for field in (*_MEMORY, "vram_free_bytes", *_SENSOR_FIELDS):
            setattr(gpu, field, reason)
        _identify(gpu, target)
        return gpu
    for field, file in _MEMORY.items():
        setattr(gpu, field, host.number(f"{folder}/{file}"))
    _identify(gpu, target)
    total, used = gpu.vram_total_bytes, gpu.vram_used_bytes
    if isinstance(total, int) and isinstance(used, int):
        gpu.vram_free_bytes = max(0, total - used)
    else:
        gpu.vram_free_bytes = Unknown("the driver does not tell the memory in use")
    if gpu.runtime_power_state in ("suspended", "suspending"):
        for field in _SENSOR_FIELDS:
            setattr(gpu, field, Unknown("the card sleeps, and reading would wake it"))
    else:
        _sensors(host, folder, gpu)
    return gpu


def amd_gpus(host: Host, pci: list[Gpu]) -> list[Gpu]:
    """The AMD cards among those found on the PCI bus, with all that the kernel tells; in the same order."""
    cards = [gpu for gpu in pci if gpu.vendor == "amd"]
    if not cards or host.platform() != "linux":
        return cards
    targets = _targets(host)
    return [_fill(host, gpu, targets) for gpu in cards]
