"""Fact ``disks``: for each place of models its file system, its free space and what kind of medium it lies on.

Sources: https://docs.kernel.org/admin-guide/abi-testing.html (/sys/dev/block, queue/rotational, slaves), statvfs(3),
https://learn.microsoft.com/windows/win32/api/winioctl/ne-winioctl-storage_bus_type.
"""

from __future__ import annotations

import posixpath
import re
from typing import Any, Optional

from ..facts.fact import Fact, Unknown
from ..facts.machine import Disk
from ..host.host import Host, Stat
from . import mounts, wsl
from .lift import lift
from .mounts import Mount, mount_of

_NETWORK = frozenset(
    (
        "nfs", "nfs4", "cifs", "smb3", "smbfs", "afpfs", "webdav", "ceph", "glusterfs", "lustre", "beegfs", "afs", "gpfs",
        "fuse.sshfs", "fuse.ceph", "fuse.glusterfs", "fuse.rclone", "fuse.s3fs", "fuse.gcsfuse", "fuse.mount-s3", "fuse.juicefs",
        "davfs",
    )
)  # fmt: skip
_SHARED_BY_HYPERVISOR = frozenset(("9p", "virtiofs", "vboxsf", "prl_fs", "fuse.vmhgfs-fuse", "fuse.grpcfuse", "fakeowner"))
_RAM = frozenset(("tmpfs", "ramfs", "rootfs"))
_SLOWNESS = ("nvme", "ssd", "virtual", "usb", "hdd", "network")
"""Of several disks below one volume the slowest counts."""
_VIRTUAL_MODEL = re.compile(r"virtual|qemu|vbox", re.I)
MAX_LAYERS = 6
"""Of device mapper, RAID and encryption on top of each other."""
MAX_PARENTS = 64

_BUS_USB, _BUS_SD, _BUS_MMC, _BUS_ISCSI, _BUS_NVME = 7, 12, 13, 9, 17
_BUS_VIRTUAL = (14, 15)
_DRIVE_REMOTE, _DRIVE_RAM = 4, 6


def _device_folder(host: Host, mount: Mount) -> Fact[str]:
    """The device's folder in sysfs. File systems with devices of their own (btrfs) have major 0; there the source's
    name leads to it."""
    if not mount.device.startswith("0:"):
        return host.realpath(f"/sys/dev/block/{mount.device}")
    if not mount.source.startswith("/dev/"):
        return None
    real = host.realpath(mount.source)
    return host.realpath(f"/sys/class/block/{posixpath.basename(real if isinstance(real, str) else mount.source)}")


def _block_medium(host: Host, folder: str, layers: int = MAX_LAYERS) -> Fact[str]:
    """The medium of a block device by its folder below /sys/devices."""
    name = posixpath.basename(folder)
    if host.exists(f"{folder}/partition") is True:
        folder = posixpath.dirname(folder)
        name = posixpath.basename(folder)
    if name.startswith("zram") or name.startswith("ram"):
        return "ram"
    below = host.entries(f"{folder}/slaves")
    if isinstance(below, list) and below:
        if layers == 0:
            return Unknown("too many layers of devices")
        media = [
            lift(lambda path: _block_medium(host, path, layers - 1), host.realpath(f"/sys/class/block/{it}")) for it in below
        ]
        known = [medium for medium in media if isinstance(medium, str)]
        return max(known, key=_rank) if len(known) == len(media) else Unknown("a disk below this volume cannot be seen")
    if "/usb" in folder:
        return "usb"
    if name.startswith(("nbd", "rbd", "drbd")):
        return "network"
    if name.startswith(("vd", "xvd", "loop")):
        return "virtual"
    model = host.line(f"{folder}/device/model")
    if isinstance(model, str) and _VIRTUAL_MODEL.search(model):
        return "virtual"
    if name.startswith("nvme"):
        return "nvme"
    rotational = host.line(f"{folder}/queue/rotational")
    if rotational in ("0", "1"):
        return "hdd" if rotational == "1" else "ssd"
    return rotational if isinstance(rotational, Unknown) else Unknown(f"{name} does not tell")


def _rank(medium: str) -> int:
    return _SLOWNESS.index(medium) if medium in _SLOWNESS else 0


def linux_medium(host: Host, mount: Mount, in_wsl: bool) -> Fact[str]:
    kind = mount.filesystem
    if in_wsl and kind in ("9p", "drvfs", "virtiofs"):
        return "windows-drive"
    if kind in _NETWORK:
        return "network"
    if kind in _RAM:
        return "ram"
    if kind in _SHARED_BY_HYPERVISOR or kind in ("overlay", "fuse.fuse-overlayfs"):
        return "virtual"
    folder = _device_folder(host, mount)
    if isinstance(folder, str):
        return _block_medium(host, folder)
    return folder if isinstance(folder, Unknown) else Unknown(f"no block device is known for {kind}")


def _nearest(host: Host, path: str, windows: bool = False) -> tuple[str, Fact[Stat], bool]:
    """The path or the nearest folder above it that is there: that path, its stat, whether it is the path itself."""
    current = path
    for _ in range(MAX_PARENTS):
        stat = host.stat(current)
        if stat is not None:
            return current, stat, current == path
        parent = current.rpartition("\\")[0] if windows else posixpath.dirname(current)
        if parent.endswith(":"):
            parent += "\\"
        if parent in (current, ""):
            break
        current = parent
    return path, None, False


def _writable(stat: Fact[Stat]) -> Fact[bool]:
    return lift(lambda it: it.writable, stat)


def _space(usage: Fact[dict[str, int]]) -> dict[str, Any]:
    inodes: Fact[int] = lift(lambda it: it.get("free_inodes") if it.get("total_inodes") else None, usage)
    return {
        "total_bytes": lift(lambda it: it.get("total_bytes"), usage),
        "free_bytes": lift(lambda it: it.get("free_bytes"), usage),
        "free_inodes": inodes,
    }


def _linux_disk(host: Host, path: str, table: Fact[list[Mount]], in_wsl: bool) -> Disk:
    there, stat, exists = _nearest(host, path)
    real = host.realpath(there)
    mount = mount_of(table, real if isinstance(real, str) else there) if isinstance(table, list) else None
    why = table if isinstance(table, Unknown) else Unknown("no mount is known for this path")
    usage = host.disk_usage(there)
    read_only: Fact[bool] = mount.read_only if mount else lift(lambda it: bool(it.get("read_only")), usage)
    return Disk(
        path=path,
        mount_point=mount.point if mount else why,
        filesystem=mount.filesystem if mount else why,
        medium=linux_medium(host, mount, in_wsl) if mount else why,
        read_only=read_only,
        writable=_writable(stat),
        exists=stat if isinstance(stat, Unknown) else exists,
        **_space(usage),
    )


def windows_medium(volume: dict[str, Any], device: Fact[dict[str, Any]]) -> Fact[str]:
    """By the kind of drive, the bus it is on, and whether seeking costs time."""
    if volume.get("drive_type") == _DRIVE_REMOTE:
        return "network"
    if volume.get("drive_type") == _DRIVE_RAM:
        return "ram"
    if not isinstance(device, dict):
        return device or Unknown("the drive does not tell")
    bus = device.get("bus_type")
    by_bus = {_BUS_USB: "usb", _BUS_SD: "usb", _BUS_MMC: "ssd", _BUS_ISCSI: "network", _BUS_NVME: "nvme"}
    if bus in by_bus:
        return by_bus[bus]
    if bus in _BUS_VIRTUAL:
        return "virtual"
    seek = device.get("seek_penalty")
    return Unknown("the drive does not tell") if seek is None else "hdd" if seek else "ssd"


def _windows_disk(host: Host, path: str) -> Disk:
    there, stat, exists = _nearest(host, path, windows=True)
    volume = host.winapi("volume", there)
    root = volume.get("root") if isinstance(volume, dict) else None
    device = host.winapi("disk_seek_penalty", root[:2]) if isinstance(root, str) and root[1:2] == ":" else None
    return Disk(
        path=path,
        mount_point=lift(lambda it: it.get("root"), volume),
        filesystem=lift(lambda it: (it.get("file_system") or "").lower() or None, volume),
        medium=lift(lambda it: windows_medium(it, device), volume),
        read_only=lift(lambda it: bool(it.get("read_only")), volume),
        writable=_writable(stat),
        exists=stat if isinstance(stat, Unknown) else exists,
        **_space(host.disk_usage(there)),
    )


def macos_partition(partitions: list[dict[str, Any]], path: str) -> Optional[dict[str, Any]]:
    """The partition with the longest mount point above the path."""
    best: Optional[dict[str, Any]] = None
    for partition in partitions:
        point = str(partition.get("mountpoint", "")).rstrip("/")
        if (path == point or path.startswith(point + "/")) and (
            best is None or len(point) > len(best["mountpoint"].rstrip("/"))
        ):
            best = partition
    return best


def _macos_disk(host: Host, path: str, apple: bool) -> Disk:
    there, stat, exists = _nearest(host, path)
    real = host.realpath(there)
    partitions = host.psutil("disk_partitions")
    found = macos_partition(partitions, real if isinstance(real, str) else there) if isinstance(partitions, list) else None
    why = partitions if isinstance(partitions, Unknown) else Unknown("no mount is known for this path")
    usage = host.disk_usage(there)
    medium: Fact[str] = Unknown("macOS tells only through a slow command")
    filesystem = str(found.get("fstype", "")) if found else ""
    if filesystem in _NETWORK:
        medium = "network"
    elif found and apple and (found["mountpoint"] == "/" or str(found["mountpoint"]).startswith("/System/Volumes/")):
        medium = "nvme"  # every Mac with Apple's own processor starts from soldered flash on an NVMe controller
    return Disk(
        path=path,
        mount_point=str(found["mountpoint"]) if found else why,
        filesystem=filesystem or why,
        medium=medium,
        read_only=lift(lambda it: bool(it.get("read_only")), usage),
        writable=_writable(stat),
        exists=stat if isinstance(stat, Unknown) else exists,
        **_space(usage),
    )


def probe(host: Host, places: dict[str, list[str]]) -> Fact[list[Disk]]:
    """One entry a place, in the order given; ``places`` maps a path to the names of those who use it."""
    platform = host.platform()
    if platform == "linux":
        table = mounts.probe(host)
        in_wsl = isinstance(wsl.version(host), int)
        disks = [_linux_disk(host, path, table, in_wsl) for path in places]
    elif platform == "windows":
        disks = [_windows_disk(host, path) for path in places]
    elif platform == "macos":
        uname = host.system("uname")
        # A translated process sees x86_64; its kernel's version text names the real machine (RELEASE_ARM64).
        apple = isinstance(uname, dict) and "ARM64" in f"{uname.get('machine')} {uname.get('version')}".upper()
        disks = [_macos_disk(host, path, apple) for path in places]
    else:
        return Unknown("this operating system is not known to llmdoctor")
    for disk, users in zip(disks, places.values()):
        disk.used_by = list(users)
    return disks
