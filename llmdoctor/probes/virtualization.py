"""Which hypervisor this machine is a guest of, by its firmware's names and the processor's ``hypervisor`` bit.

Source: systemd's list of names in detect-virt's manual page (systemd-detect-virt(1)) and
https://docs.kernel.org/arch/x86/cpuinfo.html (flag ``hypervisor``: CPUID leaf 1, ECX bit 31).
"""

from __future__ import annotations

import re
from typing import Optional

from ..facts.fact import Fact, Unknown
from ..host.host import Host
from .lift import text_or_none

_NAMES = (
    (re.compile(r"qemu|\bkvm\b|firecracker|openstack|digitalocean|\bproxmox\b"), "kvm"),
    (re.compile(r"vmware"), "vmware"),
    (re.compile(r"virtualbox|innotek"), "virtualbox"),
    (re.compile(r"\bxen\b|hvm domu"), "xen"),
    (re.compile(r"microsoft corporation.*virtual machine"), "hyperv"),
    (re.compile(r"parallels|bhyve|apple virtualization|virtual machine"), "vm"),
)
_CLOUDS = re.compile(r"amazon ec2|google compute engine|alibaba cloud|hetzner|vultr|linode|akamai")
"""These also rent out bare metal under the same names: the processor's bit must say that it is a guest."""
_FLAG = re.compile(r"^flags\s*:(.*)$", re.M)


def hypervisor_flag(cpuinfo: str) -> Optional[bool]:
    """The x86 flag; None where the processor has no such line (Arm)."""
    match = _FLAG.search(cpuinfo)
    return " hypervisor " in f"{match.group(1)} " if match else None


def by_names(names: list[str], flag: Optional[bool]) -> Fact[str]:
    """The hypervisor's name by vendor, product and firmware; absent on bare metal, unknown if nothing tells."""
    joined = " ".join(names).lower()
    for pattern, name in _NAMES:
        if pattern.search(joined):
            return name
    if flag:
        return "kvm" if _CLOUDS.search(joined) else "vm"
    if flag is None and not joined.strip():
        return Unknown("neither firmware names nor processor flags tell")
    return None


def linux(host: Host) -> Fact[str]:
    names = [text_or_none(host.line(f"/sys/class/dmi/id/{field}")) for field in ("sys_vendor", "product_name", "bios_vendor")]
    known = [name for name in names if name]
    if not known:
        # Arm boards have a device tree in place of DMI; QEMU's is called linux,dummy-virt.
        tree = text_or_none(host.line("/proc/device-tree/compatible"))
        known = ["qemu" if "dummy-virt" in tree else tree] if tree else []
    cpuinfo = host.text("/proc/cpuinfo")
    return by_names(known, hypervisor_flag(cpuinfo) if isinstance(cpuinfo, str) else None)


def windows(host: Host) -> Fact[str]:
    key = "HKLM\\HARDWARE\\DESCRIPTION\\System\\BIOS"
    names = [host.winapi("registry", key, name) for name in ("SystemManufacturer", "SystemProductName", "BIOSVendor")]
    return by_names([name for name in names if isinstance(name, str)], None)
