"""Windows' registry, read-only and in its 64-bit view.

Sources: https://docs.python.org/3/library/winreg.html,
https://github.com/KhronosGroup/Vulkan-Loader/blob/main/docs/LoaderDriverInterface.md (where drivers register),
https://learn.microsoft.com/windows/win32/msi/uninstall-registry-key.
"""

from __future__ import annotations

import importlib
from typing import Any, Iterable, Optional, Union

Value = Union[str, int, list[str], None]

_HIVES = {"HKLM": "HKEY_LOCAL_MACHINE", "HKCU": "HKEY_CURRENT_USER", "HKCR": "HKEY_CLASSES_ROOT"}
MAX_NAMES = 1024
"""Subkeys or values that are listed of one key."""

_DEVICE_CLASSES = (
    "HKLM\\SYSTEM\\CurrentControlSet\\Control\\Class\\{4d36e968-e325-11ce-bfc1-08002be10318}",  # display adapters
    "HKLM\\SYSTEM\\CurrentControlSet\\Control\\Class\\{5c4c3332-344d-483c-8739-259e934c9cc8}",  # software components
)
_VULKAN_KEYS = ("HKLM\\SOFTWARE\\Khronos\\Vulkan\\Drivers", "HKCU\\SOFTWARE\\Khronos\\Vulkan\\Drivers")
_UNINSTALL_KEYS = (
    "HKCU\\SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\Uninstall",
    "HKLM\\SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\Uninstall",
    "HKLM\\SOFTWARE\\WOW6432Node\\Microsoft\\Windows\\CurrentVersion\\Uninstall",
)


def _winreg() -> Any:
    return importlib.import_module("winreg")  # not importable elsewhere


def _open(path: str) -> Any:
    """The key, or FileNotFoundError."""
    winreg = _winreg()
    hive, _, rest = path.partition("\\")
    return winreg.OpenKey(getattr(winreg, _HIVES[hive]), rest, 0, winreg.KEY_READ | winreg.KEY_WOW64_64KEY)


def plain(found: object) -> Value:
    """A value as JSON: text, number, list of texts, or binary data in hex."""
    if isinstance(found, bytes):
        return found.hex()
    return found if isinstance(found, (str, int, list)) else None


def value(path: str, name: str) -> Value:
    """One value by ``HIVE\\path`` and name, an empty one for the key's default; None if it is not there."""
    try:
        with _open(path) as key:
            return plain(_winreg().QueryValueEx(key, name)[0])
    except FileNotFoundError:
        return None


def key_exists(path: str) -> Optional[bool]:
    """True, or None if there is no such key."""
    try:
        with _open(path):
            return True
    except FileNotFoundError:
        return None


def subkeys(path: str) -> Optional[list[str]]:
    """Names of the keys below; None if there is no such key."""
    winreg = _winreg()
    try:
        with _open(path) as key:
            return [winreg.EnumKey(key, number) for number in range(min(winreg.QueryInfoKey(key)[0], MAX_NAMES))]
    except FileNotFoundError:
        return None


def values(path: str) -> Optional[dict[str, Value]]:
    """All values of a key by name; None if there is no such key."""
    winreg = _winreg()
    try:
        with _open(path) as key:
            count = min(winreg.QueryInfoKey(key)[1], MAX_NAMES)
            return {name: plain(found) for name, found, _ in (winreg.EnumValue(key, number) for number in range(count))}
    except FileNotFoundError:
        return None


def manifests(device_values: Iterable[Value], listed: Iterable[dict[str, Value]]) -> list[str]:
    """Paths of Vulkan's driver manifests: the devices' own values first, then the names under the plain keys, where
    0 means enabled."""
    found: list[str] = []
    for one in device_values:
        found += one if isinstance(one, list) else [one] if isinstance(one, str) else []
    for names in listed:
        found += [name for name, disabled in names.items() if disabled == 0]
    return list(dict.fromkeys(path for path in found if path.lower().endswith(".json")))


def vulkan_drivers() -> list[str]:
    """Manifests of the installed Vulkan drivers, as the loader finds them; an empty list if there are none."""
    of_devices: list[Value] = []
    for folder in _DEVICE_CLASSES:
        for name in subkeys(folder) or ():
            if name.isdecimal():  # beside the devices there is a key that administrators alone may open
                of_devices.append(value(f"{folder}\\{name}", "VulkanDriverName"))
    return manifests(of_devices, [found for found in map(values, _VULKAN_KEYS) if found])


def uninstall_version(title: str) -> Value:
    """``DisplayVersion`` of the first installed program whose ``DisplayName`` starts with this title; this user's
    programs come before the machine's."""
    for folder in _UNINSTALL_KEYS:
        for name in subkeys(folder) or ():
            display = value(f"{folder}\\{name}", "DisplayName")
            if isinstance(display, str) and display.lower().startswith(title.lower()):
                return value(f"{folder}\\{name}", "DisplayVersion")
    return None
