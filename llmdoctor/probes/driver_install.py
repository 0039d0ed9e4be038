"""How NVIDIA's driver came onto this system: packages, DKMS, modules on disk, blacklists. Linux only.

Sources: dkms(8) (the tree under /var/lib/dkms), depmod(8) (modules.dep), modprobe.d(5), dpkg-query(1), rpm(8), pacman(8),
the Debian package nvidia-kernel-dkms (its module file is nvidia-current.ko), the kernel's Documentation/admin-guide/kernel-parameters.txt (``module_blacklist``), Ubuntu's nvidia-prime
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
_MODULE_NAME = r"nvidia(?:-current(?:-open)?|-open|-tesla(?:-\d+)?|-legacy-\d+xx)?\.ko(?:\.(?:xz|zst|gz))?"
_MODULE = re.compile(rf"^{_MODULE_NAME}$")
_IN_DEPENDENCIES = rf"(?m)^\S*/{_MODULE_NAME}:"
_DKMS_NAME = re.compile(r"^nvidia(?:-(?:open|srv|srv-open|current|current-open|tesla|tesla-\d+|legacy-\d+xx|\d+))?$")
"""Not nvidia-fs or nvidia-peermem, which are no drivers of the card."""
_GCC_NAME = re.compile(r"gcc-(\d+(?:\.\d+)*)$")
_UPSTREAM = re.compile(r"(?<![\d.])(\d{3}\.\d{2,3}(?:\.\d{2})?)(?![\d.])")
_DRIVER_PACKAGE = re.compile(
    r"^(?:lib)?nvidia-(?:driver|compute|kernel|dkms|utils|open|gl|headless|firmware|legacy|\d{3}|alternative|smi|libopencl|ml|cuda)"
    r"|^(?:nvidia|nvidia-open|nvidia-lts|nvidia-utils|nvidia-dkms|nvidia-open-dkms|libcuda1|libnvidia-.*|cuda-drivers.*|cuda-compat.*"
    r"|akmod-nvidia.*|kmod-nvidia.*|xorg-x11-drv-nvidia.*|nvidia-kmod.*|linux-modules-nvidia-.*|nvidia-fabricmanager.*)$"
)
_BLACKLIST_FOLDERS = (
    "/etc/modprobe.d",
    "/run/modprobe.d",
    "/usr/local/lib/modprobe.d",
    "/usr/lib/modprobe.d",
    "/lib/modprobe.d",
)
"""In modprobe.d(5)'s order: a file hides those of its name in later folders."""
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
    """Modules that modprobe.d lines keep from loading: ``blacklist X``, ``alias X off``, ``install X /bin/false`` (or true)."""
    found = []
    for line in text.splitlines():
        match = re.match(
            r"\s*(?:blacklist\s+(\S+)|alias\s+(\S+)\s+off\b|install\s+(\S+)\s+(?:/usr)?/bin/(?:false|true)\b)", line
        )
        if match:
            found.append((match[1] or match[2] or match[3]).replace("-", "_"))
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
    doubt: Optional[Unknown] = None
    for database, command in queries:
        there = host.exists(database)
        doubt = there if isinstance(there, Unknown) else doubt
        if there is not True:
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
    return doubt


def _module_on_disk(host: Host, release: str) -> Fact[str]:
    """Path of nvidia.ko for this kernel; absent if there is none."""
    root = f"/lib/modules/{release}"
    names = host.entries(root)
    if names is None:
        return None
    if isinstance(names, Unknown):
        return names
    # depmod lists every module by the file that modprobe takes.
    listed = host.lines(f"{root}/modules.dep", _IN_DEPENDENCIES)
    for line in listed if isinstance(listed, list) else []:
        if re.match(_IN_DEPENDENCIES, line):
            return f"{root}/{line.partition(':')[0]}"
    doubt: Optional[Unknown] = None
    folders = list(_MODULE_FOLDERS)
    kernel = host.entries(f"{root}/kernel")
    folders += [f"kernel/{name}" for name in kernel or [] if name.startswith("nvidia-")] if isinstance(kernel, list) else []
    for folder in folders:
        inside = host.entries(f"{root}/{folder}")
        doubt = inside if isinstance(inside, Unknown) else doubt
        for name in inside if isinstance(inside, list) else []:
            if _MODULE.match(name):
                return f"{root}/{folder}/{name}"
    return doubt


def _module_version(host: Host, path: str) -> Fact[str]:
    done = host.run("modinfo", "-F", "version", path)
    if isinstance(done, Completed) and done.ok and done.stdout.strip():
        return done.stdout.strip()
    return Unknown("modinfo does not tell")


def _newest_first(versions: list[str]) -> list[str]:
    """Driver versions among a folder's names.

    >>> _newest_first(["550.90.07", "kernel-6.8.0-45-generic-x86_64", "550.120"])
    ['550.120', '550.90.07']
    """
    return sorted(
        (one for one in versions if re.fullmatch(r"\d+(\.\d+)+", one)),
        key=lambda text: [int(part) for part in text.split(".")],
        reverse=True,
    )


def _dkms(host: Host, release: str) -> tuple[Fact[str], Fact[str]]:
    """(state for this kernel, version): ``installed``, ``built``, ``added`` or ``failed``; absent without DKMS."""
    trees = host.entries("/var/lib/dkms")
    if not isinstance(trees, list):
        # Recordings of the first versions hold the folder of one name alone.
        trees = ["nvidia"]
    doubt: Optional[Unknown] = None
    waiting: tuple[Fact[str], Fact[str]] = (None, None)
    for tree in filter(_DKMS_NAME.match, trees):
        names = host.entries(f"/var/lib/dkms/{tree}")
        doubt = names if isinstance(names, Unknown) else doubt
        listed = names if isinstance(names, list) else []
        for version in _newest_first(listed):
            base = f"/var/lib/dkms/{tree}/{version}"
            if host.exists(f"{base}/{release}") is True:
                # dkms links the built tree as kernel-RELEASE-ARCH beside the versions once it is installed.
                linked = any(one.startswith(f"kernel-{release}-") for one in listed)
                return ("installed" if linked else "built"), version
            if waiting[0] is None:
                log = host.text(f"{base}/build/make.log")
                failed = isinstance(log, str) and release in log and re.search(r"\bError \d|error:", log)
                waiting = ("failed" if failed else "added"), version
    return (doubt, doubt) if waiting[0] is None else waiting


def _blacklisted(host: Host) -> Fact[list[str]]:
    found: list[str] = []
    doubt: Optional[Unknown] = None
    seen: set[str] = set()
    for folder in _BLACKLIST_FOLDERS:
        names = host.entries(folder)
        doubt = names if isinstance(names, Unknown) else doubt
        for name in names if isinstance(names, list) else []:
            if name.endswith(".conf") and name not in seen:
                seen.add(name)
                text = host.text(f"{folder}/{name}")
                found += parse_blacklist(text) if isinstance(text, str) else []
    line = host.text("/proc/cmdline")
    if isinstance(line, str):
        found += parse_cmdline_blacklist(line)
    elif isinstance(line, Unknown):
        doubt = line
    watched = [name for name in _WATCHED if name in found]
    return watched if watched or doubt is None else doubt


def _gcc(host: Host, may_run: bool) -> Fact[str]:
    """Version of the gcc on PATH: by the name of the file it links to, else by asking it where that is worth a process."""
    paths = host.which("gcc")
    if not isinstance(paths, list) or not paths:
        return paths if isinstance(paths, Unknown) else None
    real = host.realpath(paths[0])
    match = _GCC_NAME.search(real) if isinstance(real, str) else None
    if match:
        return match[1]
    if not may_run:
        return Unknown("gcc was not asked")
    done = host.run("gcc", "-dumpfullversion")
    if isinstance(done, Completed):
        return done.stdout.strip() if done.ok and done.stdout.strip() else Unknown("gcc does not tell its version")
    return done


def fill(host: Host, driver: Driver) -> None:
    """Writes what is installed into the driver's facts. Runs commands only of package managers and modinfo."""
    uname = host.system("uname")
    release = uname.get("release") if isinstance(uname, dict) else None
    driver.packages = packages = _packages(host)
    driver.package_versions = upstream_versions(packages) if isinstance(packages, list) else packages
    driver.blacklisted_modules = _blacklisted(host)
    prime = host.line("/etc/prime-discrete")
    driver.prime_profile = {"on": "nvidia", "off": "intel"}.get(prime, prime) if isinstance(prime, str) else prime
    driver.gcc_version = _gcc(host, may_run=bool(_nvcc(host)))
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
        driver.gcc_version = _gcc(host, may_run=True)


def _nvcc(host: Host) -> list[str]:
    paths = host.which("nvcc")
    return paths if isinstance(paths, list) else []


def nothing(host: Host, driver: Driver) -> None:
    """No NVIDIA hardware and no library of its driver: nothing of it is installed that could matter. Runs nothing."""
    driver.packages = driver.package_versions = driver.dkms_state = driver.dkms_version = None
    driver.gcc_version = _gcc(host, may_run=False) if _nvcc(host) else None
    driver.module_on_disk_version = driver.prime_profile = driver.blacklisted_modules = None
    driver.module_built_for_kernel = False
