"""Windows' part of the fact ``os``, through the registry and a few plain calls (host/windows.py)."""

from __future__ import annotations

from typing import Any, Optional

from ..facts.fact import Fact, Unknown
from ..facts.machine import Os
from ..host.host import Host
from . import virtualization
from .lift import lift

_VERSION_KEY = "HKLM\\SOFTWARE\\Microsoft\\Windows NT\\CurrentVersion"
_PENDING_KEYS = (
    "HKLM\\SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\Component Based Servicing\\RebootPending",
    "HKLM\\SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\WindowsUpdate\\Auto Update\\RebootRequired",
)
_FIRST_BUILD_OF_11 = 22000
"""Windows 11 still calls itself 10 in ProductName; its builds start here
(https://learn.microsoft.com/windows/release-health/windows11-release-information)."""
_MACHINES = {0x8664: "x86_64", 0xAA64: "aarch64", 0x014C: "i686"}
"""IMAGE_FILE_MACHINE_* of the PE format."""
_SCHEMES = {
    "381b4222-f694-41f0-9685-ff5bb260df2e": "Balanced",
    "8c5e7fda-e8bf-4a96-9a85-a6e23a8c635c": "High performance",
    "a1841308-3541-4fab-bc81-f71556f20b4a": "Power saver",
    "e9a42b02-d5df-448d-aa00-03f14749eb61": "Ultimate Performance",
}
"""Windows' own schemes (winnt.h, GUID_*_POWER_SAVINGS); their names are translated, these ids are not."""
_UTF8 = 65001


def product_name(name: Optional[str], build: Optional[int]) -> Optional[str]:
    """
    >>> product_name("Windows 10 Pro", 26100)
    'Windows 11 Pro'
    """
    if name and build and build >= _FIRST_BUILD_OF_11:
        return name.replace("Windows 10", "Windows 11", 1)
    return name


def code_page(number: int) -> str:
    """The encoding's name of a code page: ``cp1252``, ``utf-8``."""
    return "utf-8" if number == _UTF8 else f"cp{number}"


def _scheme(answer: dict[str, Any]) -> Optional[str]:
    guid = str(answer.get("guid", "")).lower()
    return _SCHEMES.get(guid) or answer.get("name") or guid or None


def _on_battery(status: dict[str, Any]) -> Fact[bool]:
    # SYSTEM_POWER_STATUS: BatteryFlag 128 is "no system battery", 255 unknown; ACLineStatus 255 unknown.
    if status.get("battery_flag") == 128:
        return None
    return {0: True, 1: False}.get(status.get("ac_line", 255), Unknown("Windows does not know the power state"))


def _reboot_required(host: Host) -> Fact[bool]:
    answers = [host.winapi("registry_key", key) for key in _PENDING_KEYS]
    if any(answer is True for answer in answers):
        return True
    return next((answer for answer in answers if isinstance(answer, Unknown)), False)


def probe(host: Host) -> Os:
    version = host.winapi("rtl_get_version")
    build = version.get("build") if isinstance(version, dict) else None
    number = lift(lambda it: ".".join(str(it.get(part, "?")) for part in ("major", "minor", "build")), version)
    pending = _reboot_required(host)
    return Os(
        family="windows",
        name=lift(lambda name: product_name(name, build), host.winapi("registry", _VERSION_KEY, "ProductName")),
        distribution=None,
        distribution_like=None,
        package_manager="winget",
        version=number,
        kernel=number,
        architecture=lift(lambda it: _MACHINES.get(it.get("native")), host.winapi("machine")),
        glibc_version=None,
        wsl_version=None,
        virtualization=virtualization.windows(host),
        is_root=host.winapi("is_admin"),
        groups=None,
        filesystem_encoding=lift(code_page, host.winapi("ansi_code_page")),
        uptime_s=lift(lambda ms: ms // 1000, host.winapi("tick_count_ms")),
        secure_boot=lift(
            bool,
            host.winapi("registry", "HKLM\\SYSTEM\\CurrentControlSet\\Control\\SecureBoot\\State", "UEFISecureBootEnabled"),
        ),
        kernel_lockdown=None,
        reboot_required=pending,
        reboot_required_packages=None,
        running_kernel_is_installed=None,
        power_plan=lift(_scheme, host.winapi("active_power_scheme")),
        on_battery=lift(_on_battery, host.winapi("power_status")),
        long_paths_enabled=lift(
            bool, host.winapi("registry", "HKLM\\SYSTEM\\CurrentControlSet\\Control\\FileSystem", "LongPathsEnabled")
        ),
        open_files_limit=None,
        tmp_noexec=None,
        selinux=None,
    )
