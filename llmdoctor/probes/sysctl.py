"""macOS: the kernel's variables, asked for once. Probes share the question, so that the command runs once."""

from __future__ import annotations

from typing import Optional

from ..facts.fact import Fact, Unknown
from ..host.host import Host
from .lift import whole

# Names that this version of macOS does not have are told on stderr and make the exit status 1; the rest is printed.
COMMAND = (
    "/usr/sbin/sysctl",
    "hw",
    "machdep.cpu",
    "kern.osproductversion",
    "kern.boottime",
    "kern.hv_vmm_present",
    "vm.swapusage",
    "vm.loadavg",
    "iogpu",
    "sysctl.proc_translated",
)


def parse_sysctl(text: str) -> dict[str, str]:
    """
    >>> parse_sysctl("hw.memsize: 17179869184\\nmachdep.cpu.brand_string: Apple M3\\n")
    {'hw.memsize': '17179869184', 'machdep.cpu.brand_string': 'Apple M3'}
    """
    values: dict[str, str] = {}
    for line in text.splitlines():
        name, separator, value = line.partition(": ")
        if separator and " " not in name:
            values[name] = value.strip()
    return values


def probe(host: Host) -> Fact[dict[str, str]]:
    done = host.run(*COMMAND)
    if done is None:
        return Unknown("there is no sysctl program")
    if isinstance(done, Unknown):
        return done
    values = parse_sysctl(done.stdout)
    return values or Unknown("sysctl printed nothing")


def number(values: dict[str, str], *names: str) -> Optional[int]:
    """The first of these variables that is there and is an integer."""
    for name in names:
        found = whole(values.get(name, ""))
        if found is not None:
            return found
    return None
