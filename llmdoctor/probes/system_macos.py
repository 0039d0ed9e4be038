"""macOS' part of the fact ``os``."""

from __future__ import annotations

import re
from typing import Optional

from ..facts.fact import Fact, Unknown
from ..facts.machine import Os
from ..host.host import Host
from . import sysctl
from .lift import lift

_BOOT_TIME = re.compile(r"sec = (\d+)")


def parse_boot_time(text: str) -> Optional[int]:
    """
    >>> parse_boot_time("{ sec = 1760000000, usec = 123456 } Thu Oct  9 08:53:20 2025")
    1760000000
    """
    match = _BOOT_TIME.search(text)
    return int(match.group(1)) if match else None


def parse_power_source(text: str) -> Optional[bool]:
    """``pmset -g batt``: True on battery, None on a Mac without one.

    >>> parse_power_source("Now drawing from 'Battery Power'\\n -InternalBattery-0 (id=1)\\t87%; discharging; 4:10 remaining")
    True
    """
    if "InternalBattery" not in text:
        return None
    return "'Battery Power'" in text


def _pmset(host: Host) -> Fact[bool]:
    done = host.run("/usr/bin/pmset", "-g", "batt")
    return done if isinstance(done, Unknown) else parse_power_source(done.stdout) if done else Unknown("no pmset")


def probe(host: Host) -> Os:
    values = sysctl.probe(host)
    uname = host.system("uname")
    booted: Fact[int] = lift(lambda it: parse_boot_time(it.get("kern.boottime", "")), values)
    now = host.system("now")
    translated = isinstance(values, dict) and sysctl.number(values, "sysctl.proc_translated") == 1
    return Os(
        family="macos",
        name="macOS",
        distribution=None,
        distribution_like=None,
        package_manager="brew",
        version=lift(lambda it: it.get("kern.osproductversion"), values),
        kernel=lift(lambda names: names.get("release"), uname),
        # uname of a translated process says x86_64; the kernel is Arm's.
        architecture="aarch64" if translated else lift(lambda names: names.get("machine"), uname),
        glibc_version=None,
        wsl_version=None,
        virtualization=lift(lambda it: "vm" if sysctl.number(it, "kern.hv_vmm_present") == 1 else None, values),
        is_root=lift(lambda uid: uid == 0, host.system("uid")),
        groups=host.system("groups"),
        filesystem_encoding=host.system("encoding"),
        uptime_s=int(now) - booted if isinstance(now, (int, float)) and isinstance(booted, int) else Unknown("no boot time"),
        secure_boot=None,
        kernel_lockdown=None,
        reboot_required=None,
        reboot_required_packages=None,
        running_kernel_is_installed=None,
        power_plan=None,
        on_battery=_pmset(host),
        long_paths_enabled=None,
        open_files_limit=host.system("rlimit", "NOFILE"),
        tmp_noexec=None,
        selinux=None,
    )
