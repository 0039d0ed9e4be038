"""Memory modules: their type, speeds and channels, by SMBIOS type 17 as udev or Windows hands it out.

Sources: DMTF DSP0134 (SMBIOS), 7.18; udev's MEMORY_DEVICE_* properties: https://github.com/systemd/systemd/pull/17837.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple, Optional

from ..facts.fact import Fact, Unknown
from .lift import whole

_PROPERTY = re.compile(
    r"^E:MEMORY_DEVICE_(\d+)_(PRESENT|SIZE|TYPE|SPEED_MTS|CONFIGURED_SPEED_MTS|LOCATOR|BANK_LOCATOR)=(.*)$", re.M
)
_NO_TYPE = ("", "Other", "Unknown", "RAM", "DRAM", "<OUT OF SPEC>")
"""``<OUT OF SPEC>``: systemd before 256 does not know DDR5 (https://github.com/systemd/systemd/issues/30699)."""
_CHANNEL = re.compile(r"CHANNEL[ _-]?([A-Z](?![A-Z])|\d+|[A-Z](?=DIMM))")
_SLOT = re.compile(r"DIMM[ _-]?([A-P])[ _-]?\d?\b|^([A-L])[ _-]?\d$")
_CONTROLLER = re.compile(r"(?:CONTROLLER|\bMC|CPU|PROC|NODE|\bP)[ _-]?(\d+)")


class Module(NamedTuple):
    """One populated slot; None for what the firmware leaves out."""

    type: Optional[str]
    rated_mts: Optional[int]
    configured_mts: Optional[int]
    locator: str
    bank: str


class Ram(NamedTuple):
    """The facts of all modules together."""

    type: Fact[str]
    rated_mts: Fact[int]
    configured_mts: Fact[int]
    modules: Fact[int]
    channels: Fact[int]


def parse_udev(text: str) -> list[Module]:
    """Populated slots from udev's record of the DMI table, /run/udev/data/+dmi:id."""
    slots: dict[str, dict[str, str]] = {}
    for number, name, value in _PROPERTY.findall(text):
        slots.setdefault(number, {})[name] = value.strip()
    return [
        Module(
            type=slot.get("TYPE"),
            rated_mts=whole(slot.get("SPEED_MTS", "")),
            configured_mts=whole(slot.get("CONFIGURED_SPEED_MTS", "")),
            locator=slot.get("LOCATOR", ""),
            bank=slot.get("BANK_LOCATOR", ""),
        )
        for slot in slots.values()
        if slot.get("PRESENT") != "0" and slot.get("SIZE", "0") != "0"
    ]


def from_devices(devices: list[dict[str, Any]]) -> list[Module]:
    """Populated slots of ``winapi("memory_devices")``."""
    return [
        Module(
            device.get("type"),
            device.get("rated_mts"),
            device.get("configured_mts"),
            device.get("locator") or "",
            device.get("bank") or "",
        )
        for device in devices
        if device.get("size_bytes") != 0
    ]


def channel_of(locator: str, bank: str) -> Optional[str]:
    """A name for the channel by the slot's names; None if they do not tell.

    >>> channel_of("DIMM 1", "P0 CHANNEL B"), channel_of("Controller1-ChannelA-DIMM0", "BANK 0"), channel_of("DIMM_A2", "BANK 1")
    ('0B', '1A', 'A')
    """
    for text in (bank.upper(), locator.upper()):
        match = _CHANNEL.search(text)
        if match:
            controller = _CONTROLLER.search(text)
            return (controller.group(1) if controller else "") + match.group(1)
    text = locator.upper()
    match = _SLOT.search(text)
    if match is None:
        return None
    controller = _CONTROLLER.search(text)
    return (controller.group(1) if controller else "") + (match.group(1) or match.group(2))


def _lowest(speeds: list[Optional[int]]) -> Fact[int]:
    known = [speed for speed in speeds if speed]
    return min(known) if known else Unknown("the firmware does not tell")


def summarise(modules: list[Module]) -> Ram:
    """All modules as one; a virtual machine's firmware often tells nothing but a size."""
    if not modules:
        why = Unknown("the firmware lists no memory module")
        return Ram(why, why, why, why, why)
    types = {module.type for module in modules if module.type and module.type not in _NO_TYPE}
    type_: Fact[str] = Unknown("the firmware does not tell")
    if types:
        type_ = types.pop() if len(types) == 1 else Unknown("the firmware tells several types")
    names = [channel_of(module.locator, module.bank) for module in modules]
    channels: Fact[int] = Unknown("the slots' names do not tell")
    if all(name is not None for name in names):
        channels = len(set(names))
    elif len(modules) == 1 and isinstance(type_, str) and not type_.startswith("LPDDR"):
        channels = 1  # one module in a slot; soldered memory may hide several channels behind one entry
    return Ram(
        type=type_,
        rated_mts=_lowest([module.rated_mts for module in modules]),
        configured_mts=_lowest([module.configured_mts for module in modules]),
        modules=len(modules),
        channels=channels,
    )


def unknown(why: Unknown) -> Ram:
    return Ram(why, why, why, why, why)
