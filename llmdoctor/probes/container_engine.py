"""Fact ``container_engine``: Docker, Podman and NVIDIA's container toolkit, as far as files and sockets tell.

Sources: https://docs.docker.com/engine/daemon (daemon.json, rootless socket), https://github.com/cncf-tags/container-device-interface
(folders and form of CDI specs), https://docs.nvidia.com/datacenter/cloud-native/container-toolkit (config.toml, nvidia-ctk).
No daemon is asked: a client's query may start one.
"""

from __future__ import annotations

import re
from typing import Any, Optional, Union

import msgspec

from ..facts.fact import Fact, Unknown, all_unknown
from ..facts.machine import ContainerEngine
from ..host.host import Host
from . import wsl
from .lift import lift, text_or_none

_CDI_FOLDERS = ("/etc/cdi", "/var/run/cdi")
_DRIVER_LIBRARY = re.compile(r"/lib(?:cuda|nvidia-ml)\.so\.(\d{3,}(?:\.\d+){1,2})\b")
_NO_CGROUPS = re.compile(r"^\s*no-cgroups\s*=\s*(true|false)\b", re.M)
_CONTAINERD_RUNTIME = re.compile(r"^\s*\[.*runtimes\.\"?nvidia\"?[\].]", re.M)
_VERSION = re.compile(r"version:?\s+v?(\d+\.\d+\.\d+)")
_KIND = re.compile(r"""^\s*["']?kind["']?\s*:\s*["']?nvidia\.com/""", re.M)
_ITEM = re.compile(r"^\s*- |[{}]", re.M)
_UVM = re.compile(r"""["']?path["']?\s*:\s*["']?/dev/nvidia-uvm["']?\s*[,}]?\s*$""", re.M)
_MAJOR = re.compile(r"""["']?major["']?\s*:\s*(\d+)""")
MAX_SHIM_BYTES = 4096
"""The podman-docker package puts a short script in docker's place."""


def names_nvidia_runtime(text: str) -> Fact[bool]:
    """Whether a daemon.json defines a runtime called nvidia, or makes it the default.

    >>> names_nvidia_runtime('{"runtimes": {"nvidia": {"path": "nvidia-container-runtime"}}}')
    True
    """
    try:
        settings: Any = msgspec.json.decode(text or "{}")
    except msgspec.DecodeError as error:
        return Unknown(f"daemon.json is not valid JSON: {error}")
    if not isinstance(settings, dict):
        return Unknown("daemon.json is not an object")
    runtimes = settings.get("runtimes")
    return (isinstance(runtimes, dict) and "nvidia" in runtimes) or settings.get("default-runtime") == "nvidia"


def parse_no_cgroups(text: str) -> Optional[bool]:
    """``no-cgroups`` of config.toml; None where the line is missing or commented out."""
    match = _NO_CGROUPS.search(text)
    return match.group(1) == "true" if match else None


def parse_toolkit_version(text: str) -> Optional[str]:
    """
    >>> parse_toolkit_version("NVIDIA Container Toolkit CLI version 1.17.8\\ncommit: f202b80a9b9d0db00d9b1d73c0128c8962c55f4d")
    '1.17.8'
    """
    match = _VERSION.search(text)
    return match.group(1) if match else None


def is_nvidia_spec(text: str) -> bool:
    return bool(_KIND.search(text))


def parse_cdi_driver_version(text: str) -> Optional[str]:
    match = _DRIVER_LIBRARY.search(text)
    return match.group(1) if match else None


def parse_cdi_uvm_major(text: str) -> Optional[int]:
    """The major number written beside /dev/nvidia-uvm, in YAML or JSON; None if none is."""
    uvm = _UVM.search(text)
    if uvm is None:
        return None
    # An item of the list of nodes ends where the next begins; within it the order of the keys is free.
    starts = [match.start() for match in _ITEM.finditer(text, 0, uvm.start() + 1)]
    following = _ITEM.search(text, uvm.end())
    item = text[starts[-1] if starts else 0 : following.start() if following else len(text)]
    major = _MAJOR.search(item)
    return int(major.group(1)) if major else None


def _is_podman_shim(host: Host, path: str) -> bool:
    stat = host.stat(path)
    if stat is None or isinstance(stat, Unknown) or stat.size_bytes > MAX_SHIM_BYTES:
        return False
    text = host.text(path)
    return isinstance(text, str) and "podman" in text


def _packaging(host: Host, path: str, platform: str) -> str:
    real = host.realpath(path)
    lowered = f"{path} {real if isinstance(real, str) else ''}".lower()
    if "/snap/" in lowered:
        return "snap"
    if platform != "linux" or "docker-desktop" in lowered or "docker desktop" in lowered:
        return "desktop"
    if host.exists("/opt/docker-desktop") is True or host.exists("/mnt/wsl/docker-desktop") is True:
        return "desktop"
    return "package"


def _rootless(host: Host) -> Fact[bool]:
    runtime_folder = text_or_none(host.env("XDG_RUNTIME_DIR"))
    uid = host.system("uid")
    if runtime_folder is None and isinstance(uid, int):
        runtime_folder = f"/run/user/{uid}"
    return host.exists(f"{runtime_folder}/docker.sock") if runtime_folder else Unknown("no runtime folder is known")


def _runtime_configured(host: Host, docker: bool, packaging: Optional[str]) -> Fact[bool]:
    answers: list[Union[bool, Unknown]] = []
    paths = ["/etc/docker/daemon.json", host.in_home(".config/docker/daemon.json")]
    if packaging == "snap":
        paths.append("/var/snap/docker/current/config/daemon.json")
    for path in paths:
        found = lift(names_nvidia_runtime, host.text(path)) if path else None
        if found is not None:
            answers.append(found)
    found_containerd = False
    for folder, names in (
        ("/etc/containerd", ["config.toml"]),
        ("/etc/containerd/conf.d", host.entries("/etc/containerd/conf.d")),
    ):
        for name in names if isinstance(names, list) else []:
            text = host.text(f"{folder}/{name}") if name.endswith(".toml") else None
            if isinstance(text, str):
                found_containerd = True
                answers.append(bool(_CONTAINERD_RUNTIME.search(text)))
            elif isinstance(text, Unknown):
                answers.append(text)
    if True in answers:
        return True
    unknown = next((answer for answer in answers if isinstance(answer, Unknown)), None)
    if unknown is not None:
        return unknown
    return False if docker or found_containerd else None


def _toolkit_version(host: Host) -> Fact[str]:
    for name in ("nvidia-ctk", "nvidia-container-cli"):
        if host.which(name):
            done = host.run(name, "--version")
            if done is None or isinstance(done, Unknown):
                return done
            version = parse_toolkit_version(done.stdout)
            return version or Unknown(f"{name} --version gave no version")
    return None


def _cdi(host: Host) -> tuple[Fact[str], Fact[str], Fact[int]]:
    """Path, driver version and uvm major of the first nvidia spec."""
    why: Optional[Unknown] = None
    for folder in _CDI_FOLDERS:
        names = host.entries(folder)
        if isinstance(names, Unknown):
            why = why or names
        for name in names if isinstance(names, list) else []:
            if not name.endswith((".yaml", ".yml", ".json")):
                continue
            text = host.text(f"{folder}/{name}")
            if isinstance(text, str) and is_nvidia_spec(text):
                return f"{folder}/{name}", parse_cdi_driver_version(text), parse_cdi_uvm_major(text)
            if isinstance(text, Unknown):
                why = why or text
    return why, why, why


def probe(host: Host) -> ContainerEngine:
    platform = host.platform()
    if platform not in ("linux", "windows", "macos"):
        return all_unknown(ContainerEngine, "this operating system is not known to llmdoctor")
    programs = host.which("docker")
    if platform == "linux" and not programs and host.exists("/snap/bin/docker") is True:
        programs = ["/snap/bin/docker"]
    docker = next((path for path in programs if not _is_podman_shim(host, path)), None) if isinstance(programs, list) else None
    installed: Fact[bool] = programs if isinstance(programs, Unknown) else docker is not None
    packaging = _packaging(host, docker, platform) if docker else None
    podman = lift(bool, host.which("podman"))
    if platform != "linux":  # there the engine and the toolkit live in a Linux machine that is not ours to look into
        return ContainerEngine(
            docker_installed=installed,
            docker_packaging=packaging,
            docker_rootless=None,
            nvidia_runtime_configured=None,
            nvidia_toolkit_version=None,
            nvidia_toolkit_no_cgroups=None,
            podman_installed=podman,
            cdi_spec_path=None,
            cdi_driver_version=None,
            cdi_uvm_major=None,
        )
    if packaging == "desktop" and wsl.version(host) is not None:
        configured: Fact[bool] = None  # Docker Desktop brings the toolkit in its own distribution
    else:
        configured = _runtime_configured(host, docker is not None, packaging)
    cdi_path, cdi_driver, cdi_major = _cdi(host)
    return ContainerEngine(
        docker_installed=installed,
        docker_packaging=packaging,
        docker_rootless=_rootless(host) if docker else None,
        nvidia_runtime_configured=configured,
        nvidia_toolkit_version=_toolkit_version(host),
        nvidia_toolkit_no_cgroups=lift(parse_no_cgroups, host.text("/etc/nvidia-container-runtime/config.toml")),
        podman_installed=podman,
        cdi_spec_path=cdi_path,
        cdi_driver_version=cdi_driver,
        cdi_uvm_major=cdi_major,
    )
