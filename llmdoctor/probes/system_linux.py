"""Linux's part of the fact ``os``.

Sources: os-release(5), https://docs.kernel.org/admin-guide/LSM (lockdown), efivarfs of the UEFI specification,
https://docs.kernel.org/admin-guide/abi.html (power_supply, platform_profile), deb-reboot-required of update-notifier.
"""

from __future__ import annotations

import re
from typing import Optional

from ..facts.fact import Fact, Unknown
from ..facts.machine import Os
from ..host.host import Host
from . import container, mounts, virtualization, wsl
from .lift import lift, text_or_none, whole
from .mounts import mount_of

_SECURE_BOOT = "SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c"
"""The variable under EFI's global GUID (UEFI specification, 3.3)."""
_MANAGERS = (
    ("apt", ("debian", "ubuntu", "linuxmint", "pop", "raspbian", "kali", "elementary", "zorin", "neon", "devuan"), "apt-get"),
    ("dnf", ("fedora", "rhel", "centos", "rocky", "almalinux", "ol", "amzn", "nobara", "bazzite"), "dnf"),
    ("pacman", ("arch", "manjaro", "endeavouros", "cachyos", "garuda", "artix", "steamos"), "pacman"),
    ("zypper", ("suse", "opensuse", "opensuse-leap", "opensuse-tumbleweed", "sles"), "zypper"),
    ("nix", ("nixos",), "nix-env"),
    ("apk", ("alpine", "postmarketos"), "apk"),
)
_REBOOT_MARKERS = ("/usr/share/update-notifier/notify-reboot-required", "/etc/kernel/postinst.d/unattended-upgrades")
"""Who writes /run/reboot-required; without either its absence says nothing."""


def _unquote(value: str) -> str:
    if len(value) >= 2 and value[0] == value[-1] == "'":
        return value[1:-1]
    if len(value) >= 2 and value[0] == value[-1] == '"':
        return re.sub(r'\\(["$`\\])', r"\1", value[1:-1])
    return value


def parse_os_release(text: str) -> dict[str, str]:
    """
    >>> parse_os_release('# c\\nID=fedora\\nPRETTY_NAME="Fedora Linux 41 (\\\\"X\\\\")"\\n')
    {'ID': 'fedora', 'PRETTY_NAME': 'Fedora Linux 41 ("X")'}
    """
    values: dict[str, str] = {}
    for line in text.splitlines():
        name, separator, value = line.strip().partition("=")
        if separator and not name.startswith("#"):
            values[name] = _unquote(value.strip())
    return values


def package_manager(identities: list[str]) -> Optional[str]:
    """By ID and ID_LIKE, the nearest first; None for a distribution that we do not know."""
    for identity in identities:
        for manager, distributions, _ in _MANAGERS:
            if identity in distributions:
                return manager
    return None


def parse_glibc(text: str) -> Optional[str]:
    """``glibc 2.39`` of confstr(3) as ``2.39``."""
    name, _, version = text.partition(" ")
    return version.strip() or None if name == "glibc" else None


def parse_lockdown(text: str) -> Fact[str]:
    """
    >>> parse_lockdown("none [integrity] confidentiality")
    'integrity'
    """
    match = re.search(r"\[(\w+)\]", text)
    return match.group(1) if match else Unknown("/sys/kernel/security/lockdown is unreadable")


def _release(host: Host) -> Fact[dict[str, str]]:
    for path in ("/etc/os-release", "/usr/lib/os-release"):
        text = host.text(path)
        if text is not None:
            return lift(parse_os_release, text)
    return None


def _package_manager(host: Host, release: Fact[dict[str, str]]) -> Fact[str]:
    if isinstance(release, dict):
        found = package_manager([release.get("ID", ""), *release.get("ID_LIKE", "").split()])
        if found:
            return found
    return next((manager for manager, _, program in _MANAGERS if host.which(program)), None)


def _secure_boot(host: Host) -> Fact[bool]:
    firmware = host.entries("/sys/firmware")
    if not firmware:  # container engines hide this folder behind an empty one
        return firmware if isinstance(firmware, Unknown) else Unknown("/sys/firmware is hidden here")
    if isinstance(firmware, list) and "efi" not in firmware:
        return None
    raw = host.bytes_at(f"/sys/firmware/efi/efivars/{_SECURE_BOOT}", 4, 1)  # four bytes of attributes come first
    if isinstance(raw, bytes):
        return raw == b"\x01" if raw else Unknown("the SecureBoot variable is empty")
    if raw is None and not host.entries("/sys/firmware/efi/efivars"):
        return Unknown("the firmware's variables are not mounted")
    return raw


def _lockdown(host: Host) -> Fact[str]:
    text = host.line("/sys/kernel/security/lockdown")
    if text is None and not host.entries("/sys/kernel/security"):
        return Unknown("securityfs is not mounted here")
    return lift(parse_lockdown, text)


def _reboot(host: Host) -> tuple[Fact[bool], Fact[list[str]]]:
    waits = host.exists("/run/reboot-required")
    if waits is True:
        packages = lift(
            lambda text: sorted({line.strip() for line in text.splitlines() if line.strip()}),
            host.text("/run/reboot-required.pkgs"),
        )
        return True, packages
    if isinstance(waits, Unknown):
        return waits, waits
    if any(host.exists(path) is True for path in _REBOOT_MARKERS):
        return False, None
    why = Unknown("nothing on this system marks a pending reboot")
    return why, why


def _running_kernel(host: Host, release: Fact[str], kernel_is_ours: bool) -> Fact[bool]:
    if not kernel_is_ours or not isinstance(release, str):
        return release if isinstance(release, Unknown) else None
    for folder in ("/lib/modules", "/run/booted-system/kernel-modules/lib/modules"):  # the second on NixOS
        names = host.entries(folder)
        if isinstance(names, list) and names:
            return release in names
    return Unknown("there is no /lib/modules: a kernel without modules, or they are hidden here")


def parse_profile_state(text: str) -> Optional[str]:
    """``Profile=`` of power-profiles-daemon's state.ini."""
    match = re.search(r"^Profile=(\S+)$", text, re.M)
    return match.group(1) if match else None


def _power_plan(host: Host) -> Fact[str]:
    profile = host.line("/sys/firmware/acpi/platform_profile")
    if text_or_none(profile):
        return profile
    state = lift(parse_profile_state, host.text("/var/lib/power-profiles-daemon/state.ini"))
    return state if isinstance(state, str) else host.line("/etc/tuned/active_profile") or profile


def _on_battery(host: Host) -> Fact[bool]:
    """Absent on a machine without a battery of its own."""
    folder = "/sys/class/power_supply"
    names = host.entries(folder)
    if not isinstance(names, list):
        return names
    battery: Optional[bool] = None
    for name in names[:16]:
        kind = host.line(f"{folder}/{name}/type")
        if kind in ("Mains", "USB"):
            if host.number(f"{folder}/{name}/online") == 1:
                return False
        elif kind == "Battery" and host.line(f"{folder}/{name}/scope") != "Device":  # not a mouse's
            discharging = host.line(f"{folder}/{name}/status") == "Discharging"
            battery = discharging if battery is None else battery or discharging
    return battery


def _tmp_noexec(host: Host) -> Fact[bool]:
    path = host.system("tmp")
    table = mounts.probe(host)
    if not isinstance(path, str) or not isinstance(table, list):
        return next((fact for fact in (path, table) if isinstance(fact, Unknown)), None)
    real = host.realpath(path)
    mount = mount_of(table, real if isinstance(real, str) else path)
    return "noexec" in mount.options if mount else Unknown(f"no mount is known for {path}")


def _selinux(host: Host) -> Fact[str]:
    return lift(lambda text: {"1": "enforcing", "0": "permissive"}.get(text), host.line("/sys/fs/selinux/enforce"))


def _uptime(text: str) -> Optional[int]:
    return whole(text.partition(".")[0])


def probe(host: Host) -> Os:
    release = _release(host)
    uname = host.system("uname")
    kernel: Fact[str] = lift(lambda names: names.get("release"), uname)
    wsl_version = wsl.version(host)
    inside = container.kind(host)
    reboot, reboot_packages = _reboot(host)
    return Os(
        family="linux",
        name=lift(lambda values: values.get("PRETTY_NAME") or values.get("NAME"), release),
        distribution=lift(lambda values: values.get("ID"), release),
        distribution_like=lift(lambda values: values.get("ID_LIKE", "").split(), release),
        package_manager=_package_manager(host, release),
        version=lift(lambda values: values.get("VERSION_ID"), release),
        kernel=kernel,
        architecture=lift(lambda names: names.get("machine"), uname),
        glibc_version=lift(parse_glibc, host.system("glibc")),
        wsl_version=wsl_version,
        virtualization=None if isinstance(wsl_version, int) else virtualization.linux(host),
        is_root=lift(lambda uid: uid == 0, host.system("uid")),
        groups=host.system("groups"),
        filesystem_encoding=host.system("encoding"),
        uptime_s=lift(_uptime, host.line("/proc/uptime")),
        secure_boot=None if isinstance(wsl_version, int) else _secure_boot(host),
        kernel_lockdown=_lockdown(host),
        reboot_required=reboot,
        reboot_required_packages=reboot_packages,
        # WSL's kernel comes from Windows and a container's from its host: neither lies in this file system.
        running_kernel_is_installed=_running_kernel(host, kernel, wsl_version is None and inside is None),
        power_plan=_power_plan(host),
        on_battery=_on_battery(host),
        long_paths_enabled=None,
        open_files_limit=host.system("rlimit", "NOFILE"),
        tmp_noexec=_tmp_noexec(host),
        selinux=_selinux(host),
    )
