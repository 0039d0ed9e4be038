"""Which GPUs are on the bus, of all vendors, whether or not a driver knows them.

Linux: sysfs, Documentation/ABI/testing/sysfs-bus-pci; class codes: PCI Code and ID Assignment
Specification (03 display controllers, 1200 processing accelerators). Windows stands in ``pci_windows``.
macOS: ``system_profiler SPDisplaysDataType``.
"""

from __future__ import annotations

import re
from typing import Any, Optional

import msgspec

from ..facts.fact import Fact, Unknown
from ..facts.machine import Gpu
from ..host.host import Host

_DEVICES = "/sys/bus/pci/devices"
VENDORS = {0x10DE: "nvidia", 0x1002: "amd", 0x8086: "intel", 0x106B: "apple", 0x1ED5: "moorethreads", 0x1DA3: "habana"}
"""Makers of GPUs and accelerators that can run models. Screens of virtual machines (QEMU, VMware, Hyper-V, VirtualBox) and of
management controllers (ASPEED, Matrox) are of other makers and are left out."""
_NVSWITCH_CLASS = 0x0680
_ACCELERATOR_CLASS = 0x1200
_ACCELERATOR_VENDORS = ("amd", "habana")
"""AMD's Instinct (MI300 and later) and Intel's Gaudi are of this class. So are the NPUs of Intel's Core Ultra processors
(https://github.com/system76/firmware-open/issues/580), which are no GPUs."""
_SPEEDS = {"2.5": 1, "5.0": 2, "8.0": 3, "16.0": 4, "32.0": 5, "64.0": 6}
"""GT/s of a lane to PCI Express generation."""
_INTEGRATED_BUS = "0000:00:02.0"
"""Where Intel's processor graphics always sit (Intel graphics PRM, "PCI configuration")."""


def parse_speed(text: str) -> Fact[int]:
    """``16.0 GT/s PCIe`` → 4; ``Unknown`` where the link is down.

    >>> parse_speed("8.0 GT/s PCIe")
    3
    """
    found = _SPEEDS.get(text.split(" ", 1)[0])
    return found if found is not None else Unknown(f"the kernel says {text!r}")


def is_gpu(vendor: int, pci_class: int) -> bool:
    """Whether a PCI function is a GPU or accelerator. ``pci_class`` is the 16-bit class and subclass."""
    if pci_class == _ACCELERATOR_CLASS:
        return VENDORS.get(vendor) in _ACCELERATOR_VENDORS
    return vendor in VENDORS and pci_class >> 8 == 0x03


def _link(host: Host, folder: str, gpu: Gpu) -> None:
    for field, name in (("pcie_generation", "current_link_speed"), ("pcie_generation_max", "max_link_speed")):
        text = host.line(f"{folder}/{name}")
        setattr(gpu, field, parse_speed(text) if isinstance(text, str) else text)
    for field, name in (("pcie_width", "current_link_width"), ("pcie_width_max", "max_link_width")):
        width = host.number(f"{folder}/{name}")
        # 0 and 255 stand for a link that is down or has no width (pci_bus_speed and PCI_EXP_LNKSTA in Linux).
        setattr(gpu, field, Unknown("the kernel gives no link width") if width in (0, 255) else width)


_NVIDIA_ALONE = (
    "compute_capability", "mig_enabled", "mig_devices", "remapped_rows_pending", "remapped_rows_failed", "persistence_mode",
    "compute_mode", "vgpu_licensed",
)  # fmt: skip
_AMD_ALONE = ("gfx_target", "gtt_total_bytes")


def without_others_notions(gpu: Gpu) -> Gpu:
    """The card itself; what only another maker's cards have is absent."""
    for names, vendor in ((_NVIDIA_ALONE, "nvidia"), (_AMD_ALONE, "amd")):
        for name in names if gpu.vendor != vendor else ():
            setattr(gpu, name, None)
    return gpu


def catalogue_name(vendor: str, device: int) -> Optional[str]:
    """``NVIDIA RTX 4090`` for a maker and a device id; None if the catalogue does not hold it."""
    from ..catalogs import pci_ids

    known = {"nvidia": pci_ids.nvidia_name, "amd": pci_ids.amd_name}.get(vendor, lambda _: None)(device)
    return f"{vendor.upper()} {known}" if known else None


def _one(host: Host, address: str, vendor: int, device: int) -> Gpu:
    folder = f"{_DEVICES}/{address}"
    driver = host.realpath(f"{folder}/driver")
    name = VENDORS[vendor]
    gpu = Gpu(
        vendor=name,
        pci_id=address,
        pci_device=f"{vendor:04x}:{device:04x}",
        kernel_driver=driver.rsplit("/", 1)[-1] if isinstance(driver, str) else driver,
        runtime_power_state=host.line(f"{folder}/power/runtime_status"),
        index=None,
        error=None,
        driver_model=None,
        integrated={"intel": address == _INTEGRATED_BUS, "nvidia": False}.get(name, Unknown("not read from the bus")),
    )
    known = catalogue_name(name, device)
    gpu.name = known if known is not None else Unknown(f"no driver names it and {gpu.pci_device} is not in the catalogue")
    config = host.bytes_at(f"{folder}/config", 0, 4)
    # A function that has fallen off the bus answers every read with ones (PCI Local Bus Specification, "master abort").
    gpu.lost = config == b"\xff\xff\xff\xff" if isinstance(config, bytes) and config else config if config else None
    _link(host, folder, gpu)
    return without_others_notions(gpu)


def _functions(host: Host) -> Fact[list[tuple[str, int, int, int]]]:
    """(address, vendor, device, class) of every PCI function."""
    addresses = host.entries(_DEVICES)
    if not isinstance(addresses, list):
        return addresses
    found = []
    for address in addresses:
        numbers = [host.number(f"{_DEVICES}/{address}/{name}") for name in ("vendor", "device", "class")]
        if all(isinstance(number, int) for number in numbers):
            vendor, device, pci_class = numbers
            found.append((address, int(vendor), int(device), int(pci_class) >> 8))  # type: ignore[arg-type]
    return found


def pci_gpus(host: Host) -> Fact[list[Gpu]]:
    """All GPUs that the bus shows; an empty list where there is none. Unknown where the bus cannot be seen."""
    platform = host.platform()
    if platform == "windows":
        from .pci_windows import windows_gpus

        return windows_gpus(host)
    if platform == "macos":
        return _macos(host)
    functions = _functions(host)
    if isinstance(functions, Unknown):
        return functions
    # No such folder: a machine without a PCI bus (some Arm boards, WSL1, sandboxes).
    return [
        _one(host, address, vendor, device)
        for address, vendor, device, kind in functions or []
        # A virtual function is a share of a card that stands here itself: its physfn link names it.
        if is_gpu(vendor, kind) and not isinstance(host.realpath(f"{_DEVICES}/{address}/physfn"), str)
    ]


def nvswitch_present(host: Host) -> Fact[bool]:
    """NVSwitch bridges are on the bus: then CUDA needs the Fabric Manager (NVIDIA Fabric Manager User Guide)."""
    functions = _functions(host)
    if not isinstance(functions, list):
        return functions if isinstance(functions, Unknown) else False
    return any(vendor == 0x10DE and kind == _NVSWITCH_CLASS for _, vendor, _, kind in functions)


# --- macOS --------------------------------------------------------------------------------------


def parse_displays(text: str) -> list[dict[str, Any]]:
    """The cards in ``system_profiler SPDisplaysDataType -json``; an empty list where the text is no such JSON."""
    try:
        data = msgspec.json.decode(text)
    except msgspec.DecodeError:
        return []
    cards = data.get("SPDisplaysDataType") if isinstance(data, dict) else None
    return [card for card in cards or [] if isinstance(card, dict)]


def _macos(host: Host) -> Fact[list[Gpu]]:
    done = host.run("/usr/sbin/system_profiler", "SPDisplaysDataType", "-json")
    if done is None or isinstance(done, Unknown) or not done.ok:
        return done if isinstance(done, Unknown) else Unknown("system_profiler does not answer")
    return [_mac(card) for card in parse_displays(done.stdout)]


def parse_vram(text: str) -> Optional[int]:
    """Bytes of ``8 GB`` or ``1536 MB``, as macOS writes a card's own memory; None if it is no such text."""
    match = re.fullmatch(r"(\d+) (MB|GB)", text.strip())
    return int(match[1]) << (30 if match[2] == "GB" else 20) if match else None


def _mac(card: dict[str, Any]) -> Gpu:
    name = str(card.get("sppci_model") or card.get("_name") or "")
    maker = str(card.get("spdisplays_vendor", "")).lower()
    vendor = next((word for word in ("apple", "amd", "nvidia", "intel") if word in maker or word in name.lower()), maker)
    from ..catalogs.gpus import find_gpu

    known = find_gpu(name)
    unlisted = Unknown(f"{name} is not in the catalogue")
    gpu = Gpu(
        vendor=vendor, name=name or Unknown("macOS gives no name"), integrated=vendor in ("apple", "intel"), index=None, error=None,
        driver_model=None, kernel_driver=None, runtime_power_state=None, lost=None, processes=Unknown("macOS does not tell"),
        display_attached=bool(card.get("spdisplays_ndrvs")), architecture=(known.architecture if known else None) or unlisted,
        memory_bandwidth_bytes_per_s=(known.memory_bandwidth_bytes_per_s if known else None) or unlisted,
        vram_total_bytes=parse_vram(str(card.get("spdisplays_vram", ""))) or Unknown("macOS does not tell"),
    )  # fmt: skip
    if vendor == "apple":
        # One memory for processor and graphics, and no bus between them.
        for field in (
            "vram_total_bytes", "vram_used_bytes", "vram_free_bytes", "vram_reserved_bytes", "uuid", "pci_id", "pci_device",
            "pcie_generation", "pcie_generation_max", "pcie_width", "pcie_width_max", "bar1_total_bytes",
        ):  # fmt: skip
            setattr(gpu, field, None)
    return without_others_notions(gpu)
