"""Fact ``container``: whether this process lives in one, which limits it has, and what was passed in.

Sources: https://systemd.io/CONTAINER_INTERFACE (the variable ``container``, /run/systemd/container), Podman's
/run/.containerenv, Docker's /.dockerenv, https://docs.nvidia.com/datacenter/cloud-native/container-toolkit (NVIDIA_*).
"""

from __future__ import annotations

import re
from typing import Optional

from ..facts.fact import Fact, Unknown, all_unknown
from ..facts.machine import Container
from ..host.host import Host
from . import cgroup, mounts
from .lift import lift, text_or_none
from .mounts import Mount

_NAMES = {
    "docker": "docker",
    "podman": "podman",
    "lxc": "lxc",
    "lxc-libvirt": "lxc",
    "systemd-nspawn": "systemd-nspawn",
    "oci": "container",
    "rkt": "container",
}
"""Values of the variable ``container``; ``wsl`` is one too, and is no container to us."""
_INIT_ENVIRONMENT = re.compile(r"container=(docker|podman|lxc-libvirt|lxc|systemd-nspawn|oci)")
_CGROUP_SIGNS = (
    ("kubepods", "kubernetes"),
    ("/docker/", "docker"),
    ("/docker-", "docker"),
    ("libpod", "podman"),
    ("/lxc/", "lxc"),
    ("/lxc.payload", "lxc"),
    ("machine.slice/systemd-nspawn", "systemd-nspawn"),
    ("cri-containerd", "container"),
    ("/containerd/", "container"),
)
_ROOT_SIGNS = (
    ("/containers/storage/", "podman"),
    ("/docker/overlay2/", "docker"),
    ("/docker/rootfs/", "docker"),
    ("/containerd/", "container"),
)


def kind_by_cgroup(text: str) -> Optional[str]:
    """By the path of a control group, as /proc/1/cgroup shows it where there is no namespace for them."""
    return next((kind for sign, kind in _CGROUP_SIGNS if sign in text), None)


def kind_by_mounts(table: list[Mount]) -> Optional[str]:
    """By where the root's layers lie, and by lxcfs, which LXC mounts over parts of /proc."""
    for mount in table:
        if mount.point == "/" and mount.filesystem in ("overlay", "fuse.fuse-overlayfs"):
            layers = ",".join(mount.super_options)
            found = next((kind for sign, kind in _ROOT_SIGNS if sign in layers), None)
            if found:
                return found
        if mount.filesystem == "fuse.lxcfs" and mount.point.startswith("/proc/"):
            return "lxc"
    return None


def is_own_system(table: list[Mount]) -> bool:
    """Whether a root made from an image runs as a system of its own, such as a virtual machine's: it keeps /.dockerenv,
    but lies on a disk, and nobody mounts name files into it as Docker does for every container (dockerd, "container
    networking": /etc/hosts, /etc/hostname, /etc/resolv.conf)."""
    root = next((mount for mount in reversed(table) if mount.point == "/"), None)
    on_disk = root is not None and not root.device.startswith("0:")
    return on_disk and not any(mount.point in ("/etc/hosts", "/etc/hostname", "/etc/resolv.conf") for mount in table)


def kind(host: Host) -> Fact[str]:
    """The kind of container; absent outside."""
    if text_or_none(host.env("KUBERNETES_SERVICE_HOST")) or host.exists("/run/secrets/kubernetes.io") is True:
        return "kubernetes"
    table = mounts.probe(host)
    own_system = isinstance(table, list) and is_own_system(table)
    # systemd takes its word for Docker from /.dockerenv alone.
    for name in (host.env("container"), host.line("/run/systemd/container")):
        if isinstance(name, str) and name in _NAMES and not (name == "docker" and own_system):
            return _NAMES[name]
    if host.exists("/run/.containerenv") is True:
        return "podman"
    docker = host.exists("/.dockerenv")
    if docker is True and not own_system:
        return "docker"
    init = host.text("/proc/1/environ")  # for root only; the other signs do without it
    match = _INIT_ENVIRONMENT.search(init) if isinstance(init, str) else None
    if match:
        return _NAMES[match.group(1)]
    found = kind_by_mounts(table) if isinstance(table, list) else None
    for path in ("/proc/1/cgroup", "/proc/self/cgroup"):
        text = host.text(path)
        # A desktop's or a server's own containers are in their groups, not in that of init or ours.
        found = found or (kind_by_cgroup(text) if isinstance(text, str) else None)
    if found is None and isinstance(docker, Unknown):
        return docker
    return found


def _gpu_passed_in(host: Host) -> Fact[bool]:
    names = host.entries("/dev")
    if not isinstance(names, list):
        return names if isinstance(names, Unknown) else False
    return any(name in ("kfd", "dri", "dxg", "nvidiactl") or re.fullmatch(r"nvidia\d+", name) for name in names)


def _cgroup_lost(host: Host) -> Fact[bool]:
    """EPERM in spite of the node's rights comes from the control group's device rules: systemd wrote them anew at a
    daemon-reload and knows nothing of devices that were injected behind its back.

    Source: https://github.com/NVIDIA/nvidia-container-toolkit/issues/48
    """
    if host.exists("/dev/nvidiactl") is not True:
        return None
    error = host.system("open_error", "/dev/nvidiactl")
    return error if isinstance(error, Unknown) else error == "EPERM"


def probe(host: Host) -> Container:
    platform = host.platform()
    if platform in ("windows", "macos"):  # we run on the host there; containers are Linux machines of their own
        return _nothing()
    if platform != "linux":
        return all_unknown(Container, "this operating system is not known to llmdoctor")
    found = kind(host)
    inside = found is not None and not isinstance(found, Unknown)
    limits = cgroup.limits(host, mounts.probe(host))
    outside: Fact[bool] = found if isinstance(found, Unknown) else None
    return Container(
        kind=found,
        memory_limit_bytes=limits.memory_limit_bytes,
        memory_current_bytes=limits.memory_current_bytes,
        cpu_quota=limits.cpu_quota,
        gpu_passed_in=_gpu_passed_in(host) if inside else outside,
        nvidia_visible_devices=host.env("NVIDIA_VISIBLE_DEVICES"),
        nvidia_driver_capabilities=host.env("NVIDIA_DRIVER_CAPABILITIES"),
        nvidia_require_cuda=host.env("NVIDIA_REQUIRE_CUDA"),
        shm_bytes=lift(lambda usage: usage.get("total_bytes"), host.disk_usage("/dev/shm")),  # noqa: S108 - looked at, not used
        systemd_cgroup_lost=_cgroup_lost(host) if inside else outside,
    )


def _nothing() -> Container:
    return Container(
        kind=None,
        memory_limit_bytes=None,
        memory_current_bytes=None,
        cpu_quota=None,
        gpu_passed_in=None,
        nvidia_visible_devices=None,
        nvidia_driver_capabilities=None,
        nvidia_require_cuda=None,
        shm_bytes=None,
        systemd_cgroup_lost=None,
    )
