"""How NVIDIA's driver came onto this system: packages, DKMS, modules on disk, blacklists. Linux only.

Sources: dkms(8) (the tree under /var/lib/dkms), modprobe.d(5), dpkg-query(1), rpm(8), pacman(8), the
kernel's Documentation/admin-guide/kernel-parameters.txt (``module_blacklist``), Ubuntu's nvidia-prime
(/etc/prime-discrete).
"""

from __future__ import annotations

import re
from typing import Optional

from ..facts.fact import Fact, Unknown
from ..facts.machine import Driver
from ..host.host import Completed, Host

_MODULE_FOLDERS = ("updates/dkms", "updates", "extra", "extra/nvidia", "extramodules", "kernel/drivers/video", "weak-updates/nvidia",
                   "kernel/nvidia-open", "kernel/drivers/video/nvidia", "misc")  # fmt: skip
"""Where distributions put nvidia.ko below /lib/modules/RELEASE. Ubuntu's signed modules: kernel/nvidia-VERSION."""
_MODULE = re.compile(r"^nvidia\.ko(?:\.(?:xz|zst|gz))?$")
_UPSTREAM = re.compile(r"(?<![\d.])(\d{3}\.\d{2,3}(?:\.\d{2})?)(?![\d.])")
_DRIVER_PACKAGE = re.compile(
    r"^(?:lib)?nvidia-(?:driver|compute|kernel|dkms|utils|open|gl|headless|firmware|legacy|\d{3}|alternative|smi|libopencl|ml|cuda)"
    r"|^(?:nvidia|nvidia-open|nvidia-lts|nvidia-utils|nvidia-dkms|nvidia-open-dkms|libcuda1|libnvidia-.*|cuda-drivers.*|cuda-compat.*"
    r"|akmod-nvidia.*|kmod-nvidia.*|xorg-x11-drv-nvidia.*|nvidia-kmod.*|linux-modules-nvidia-.*|nvidia-fabricmanager.*)$"
)
_BLACKLIST_FOLDERS = ("/etc/modprobe.d", "/lib/modprobe.d", "/usr/lib/modprobe.d", "/run/modprobe.d")
_WATCHED = ("nvidia", "nvidia_uvm", "nouveau")
_MAX_PACKAGES = 60


def parse_packages(text: str) -> list[str]:
    """Driver packages among lines of ``name version``, each as it stands."""
    found = []
    for line in text.splitlines():
        name, _, version = line.strip().partition(" ")
        if version and _DRIVER_PACKAGE.match(name.split(":")[0]):
            found.append(f"{name} {version.strip()}")
    return found[:_MAX_PACKAGES]


def upstream_versions(packages: list[str]) -> list[str]:
    """Distinct driver versions in the versions of packages that carry driver files, oldest first.

    >>> upstream_versions(["libnvidia-compute-550 550.90.07-0ubuntu0.24.04.1", "nvidia-prime 0.8.17"])
    ['550.90.07']
    """
    found = set()
    for package in packages:
        name, _, version = package.partition(" ")
        # Compat packages carry another driver's user-space on purpose.
        if "compat" not in name and (match := _UPSTREAM.search(version)):
            found.add(match[1])
    return sorted(found, key=lambda text: [int(part) for part in text.split(".")])


def parse_blacklist(text: str) -> list[str]:
    """Modules that modprobe.d lines keep from loading: ``blacklist X``, ``install X /bin/false`` or ``/bin/true``."""
    found = []
    for line in text.splitlines():
        match = re.match(r"\s*(?:blacklist\s+(\S+)|install\s+(\S+)\s+(?:/usr)?/bin/(?:false|true)\b)", line)
        if match:
            found.append((match[1] or match[2]).replace("-", "_"))
    return found


def parse_cmdline_blacklist(text: str) -> list[str]:
    """Modules that the kernel's command line keeps from loading."""
    found: list[str] = []
    for word in text.split():
        name, _, value = word.partition("=")
        if name in ("module_blacklist", "modprobe.blacklist", "rd.driver.blacklist"):
            found += [one.replace("-", "_") for one in value.split(",")]
        elif word == "nouveau.modeset=0":
            found.append("nouveau")
    return found


def _packages(host: Host) -> Fact[list[str]]:
    queries = (
        ("/var/lib/dpkg/status", ("dpkg-query", "-W", "-f", "${db:Status-Abbrev}${Package} ${Version}\n", "*nvidia*", "libcuda1", "cuda-drivers*", "cuda-compat*")),
        ("/var/lib/pacman/local", ("pacman", "-Q")),
        ("/var/lib/rpm", ("rpm", "-qa", "--qf", "%{NAME} %{VERSION}-%{RELEASE}\n", "*nvidia*", "cuda-drivers*", "cuda-compat*")),
        ("/usr/lib/sysimage/rpm", ("rpm", "-qa", "--qf", "%{NAME} %{VERSION}-%{RELEASE}\n", "*nvidia*", "cuda-drivers*", "cuda-compat*")),
    )  # fmt: skip
    for database, command in queries:
        if host.exists(database) is not True:
            continue
        done = host.run(*command)
        if not isinstance(done, Completed):
            return done if isinstance(done, Unknown) else Unknown(f"{command[0]} is not there to ask")
        if done.timed_out:
            return Unknown(f"{command[0]} did not answer in time")
        # dpkg-query marks installed packages with "ii"; it exits 1 where a pattern matches none.
        text = (
            "\n".join(line[3:].lstrip() for line in done.stdout.splitlines() if line.startswith(("ii", "hi")))
            if "dpkg" in command[0]
            else done.stdout
        )
        return parse_packages(text) or None
    return None


def _module_on_disk(host: Host, release: str) -> Fact[str]:
    """Path of nvidia.ko for this kernel; absent if there is none."""
    root = f"/lib/modules/{release}"
    names = host.entries(root)
    if names is None:
        return None
    if isinstance(names, Unknown):
        return names
    folders = list(_MODULE_FOLDERS)
    kernel = host.entries(f"{root}/kernel")
    folders += [f"kernel/{name}" for name in kernel or [] if name.startswith("nvidia-")] if isinstance(kernel, list) else []
    for folder in folders:
        inside = host.entries(f"{root}/{folder}")
        for name in inside if isinstance(inside, list) else []:
            if _MODULE.match(name):
                return f"{root}/{folder}/{name}"
    return None


def _module_version(host: Host, path: str) -> Fact[str]:
    done = host.run("modinfo", "-F", "version", path)
    if isinstance(done, Completed) and done.ok and done.stdout.strip():
        return done.stdout.strip()
    return Unknown("modinfo does not tell")


def _dkms(host: Host, release: str) -> tuple[Optional[str], Optional[str]]:
    """(state for this kernel, version): ``installed``, ``built``, ``added`` or ``failed``; nothing without DKMS."""
    for name in ("nvidia", "nvidia-open", "nvidia-srv", "nvidia-current"):
        versions = host.entries(f"/var/lib/dkms/{name}")
        real = [one for one in versions or [] if one[:1].isdigit()] if isinstance(versions, list) else []
        if not real:
            continue
        version = real[-1]
        base = f"/var/lib/dkms/{name}/{version}"
        if host.exists(f"{base}/{release}") is True:
            # dkms links the built tree as kernel-RELEASE-ARCH beside the versions once it is installed.
            links = (
                [one for one in versions or [] if one.startswith(f"kernel-{release}-")] if isinstance(versions, list) else []
            )
            return ("installed" if links else "built"), version
        log = host.text(f"{base}/build/make.log")
        if isinstance(log, str) and release in log and re.search(r"\bError \d|error:", log):
            return "failed", version
        return "added", version
    return None, None


def _blacklisted(host: Host) -> Fact[list[str]]:
    found: list[str] = []
    for folder in _BLACKLIST_FOLDERS:
        names = host.entries(folder)
        for name in names if isinstance(names, list) else []:
            if name.endswith(".conf"):
                text = host.text(f"{folder}/{name}")
                found += parse_blacklist(text) if isinstance(text, str) else []
    line = host.text("/proc/cmdline")
    if isinstance(line, str):
        found += parse_cmdline_blacklist(line)
    return [name for name in _WATCHED if name in found]


def fill(host: Host, driver: Driver) -> None:
    """Writes what is installed into the driver's facts. Runs commands only of package managers and modinfo."""
    uname = host.system("uname")
    release = uname.get("release") if isinstance(uname, dict) else None
    driver.packages = packages = _packages(host)
    driver.package_versions = upstream_versions(packages) if isinstance(packages, list) else packages
    driver.blacklisted_modules = _blacklisted(host)
    prime = host.line("/etc/prime-discrete")
    driver.prime_profile = {"on": "nvidia", "off": "intel"}.get(prime, prime) if isinstance(prime, str) else prime
    driver.gcc_version = None
    if not isinstance(release, str):
        why = uname if isinstance(uname, Unknown) else Unknown("the kernel's release is not known")
        driver.module_on_disk_version = driver.module_built_for_kernel = driver.dkms_state = driver.dkms_version = why
        return
    path = _module_on_disk(host, release)
    if isinstance(path, str):
        driver.module_built_for_kernel = True
        loaded = isinstance(driver.kernel_module_version, str)
        # A loaded module that is older than the one on disk is the sign of an update without a reboot.
        driver.module_on_disk_version = _module_version(host, path) if loaded or driver.hardware_present is True else None
    else:
        driver.module_built_for_kernel = path if isinstance(path, Unknown) else False
        driver.module_on_disk_version = path
    driver.dkms_state, driver.dkms_version = _dkms(host, release)
    if driver.dkms_state == "failed":
        done = host.run("gcc", "-dumpfullversion")
        driver.gcc_version = done.stdout.strip() or None if isinstance(done, Completed) else done


def nothing(driver: Driver) -> None:
    """No NVIDIA hardware and no library of its driver: nothing of it is installed that could matter."""
    driver.packages = driver.package_versions = driver.dkms_state = driver.dkms_version = driver.gcc_version = None
    driver.module_on_disk_version = driver.prime_profile = driver.blacklisted_modules = None
    driver.module_built_for_kernel = False
