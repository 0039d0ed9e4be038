from __future__ import annotations

from typing import Any

import pytest

from llmdoctor.facts.fact import Unknown
from llmdoctor.facts.machine import Disk
from llmdoctor.probes import disk, mounts
from tests.fakes import Key, error, fake_host

GIB = 1 << 30
STAT = {
    "kind": "dir", "size_bytes": 4096, "mode": 0o755, "uid": 1000, "gid": 1000, "modified_s": 0.0, "readable": True,
    "writable": True, "executable": True,
}  # fmt: skip
MOUNTS = """\
24 1 259:2 / / rw,relatime shared:1 - ext4 /dev/nvme0n1p2 rw,errors=remount-ro
30 24 8:17 / /mnt/my\\040models ro,nosuid shared:9 - ext4 /dev/sdb1 rw
31 24 0:44 / /mnt/nas rw - nfs4 nas.example:/export rw,vers=4.2
32 24 0:45 /@home /home rw - btrfs /dev/mapper/luks-1234 rw,subvol=/@home
33 24 0:46 / /tmp rw,nosuid,nodev - tmpfs tmpfs rw
34 24 253:0 / /data rw - xfs /dev/mapper/vg-data rw
35 24 0:50 / /mnt/c rw,noatime - 9p C:\\134 rw,aname=drvfs;path=C:\\;uid=1000
not a mount
"""
PCI = "/sys/devices/pci0000:00"
NVME = f"{PCI}/0000:00:06.0/0000:02:00.0/nvme/nvme0/nvme0n1"
SATA = f"{PCI}/0000:00:17.0/ata1/host0/target0:0:0/0:0:0:0/block/sda"
USB = f"{PCI}/0000:00:14.0/usb2/2-3/2-3:1.0/host6/target6:0:0/6:0:0:0/block/sdb"
VIRTUAL = "/sys/devices/virtual/block"

LINUX: dict[Key, Any] = {
    ("file", "/proc/self/mountinfo"): MOUNTS,
    ("file", "/proc/sys/kernel/osrelease"): "6.8.0-45-generic\n",
    ("realpath", "/sys/dev/block/259:2"): f"{NVME}/nvme0n1p2",
    ("stat", f"{NVME}/nvme0n1p2/partition"): STAT,
    ("realpath", "/sys/dev/block/8:17"): f"{USB}/sdb1",
    ("stat", f"{USB}/sdb1/partition"): STAT,
    ("realpath", "/dev/mapper/luks-1234"): "/dev/dm-1",
    ("realpath", "/sys/class/block/dm-1"): f"{VIRTUAL}/dm-1",
    ("list", f"{VIRTUAL}/dm-1/slaves"): ["sda2"],
    ("realpath", "/sys/class/block/sda2"): f"{SATA}/sda2",
    ("stat", f"{SATA}/sda2/partition"): STAT,
    ("file", f"{SATA}/queue/rotational"): "0\n",
    ("realpath", "/sys/dev/block/253:0"): f"{VIRTUAL}/dm-0",
    ("list", f"{VIRTUAL}/dm-0/slaves"): ["nvme0n1p3", "sdc"],
    ("realpath", "/sys/class/block/nvme0n1p3"): f"{NVME}/nvme0n1p3",
    ("stat", f"{NVME}/nvme0n1p3/partition"): STAT,
    ("realpath", "/sys/class/block/sdc"): f"{PCI}/x/sdc",
    ("file", f"{PCI}/x/sdc/queue/rotational"): "1\n",
}


def at(path: str, answers: dict[Key, Any], real: str = "") -> Disk:
    known = {("stat", path): STAT, ("realpath", path): real or path, **answers}
    found = disk.probe(fake_host(known), {path: ["ollama"]})
    assert isinstance(found, list) and len(found) == 1
    return found[0]


@pytest.mark.parametrize(
    ("path", "point", "filesystem", "medium"),
    [
        ("/usr/share/ollama", "/", "ext4", "nvme"),
        ("/mnt/my models/gguf", "/mnt/my models", "ext4", "usb"),
        ("/mnt/nas/x", "/mnt/nas", "nfs4", "network"),
        ("/home/ada", "/home", "btrfs", "ssd"),
        ("/homework", "/", "ext4", "nvme"),
        ("/tmp", "/tmp", "tmpfs", "ram"),
        ("/data/models", "/data", "xfs", "hdd"),
    ],
)
def test_media(path: str, point: str, filesystem: str, medium: str) -> None:
    found = at(path, LINUX)
    assert (found.mount_point, found.filesystem, found.medium) == (point, filesystem, medium)
    assert found.used_by == ["ollama"]
    assert found.read_only is (point == "/mnt/my models")


def test_links_are_followed_to_where_the_files_lie() -> None:
    assert at("/var/models", LINUX, real="/data/models").medium == "hdd"


def test_windows_drive_in_wsl() -> None:
    answers = {**LINUX, ("file", "/proc/sys/kernel/osrelease"): "5.15.167.4-microsoft-standard-WSL2"}
    found = at("/mnt/c/Users/ada/models", answers)
    assert (found.filesystem, found.medium) == ("9p", "windows-drive")
    assert at("/mnt/c/Users/ada/models", LINUX).medium == "virtual"  # 9p of some other hypervisor


def block(name: str, folder: str = "", **files: str) -> dict[Key, Any]:
    folder = folder or f"{PCI}/x/{name}"
    answers: dict[Key, Any] = {
        ("file", "/proc/self/mountinfo"): f"24 1 8:0 / / rw - ext4 /dev/{name} rw\n",
        ("realpath", "/sys/dev/block/8:0"): folder,
    }
    for path, text in files.items():
        answers[("file", f"{folder}/{path.replace('__', '/')}")] = text
    return answers


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        (block("vda", queue__rotational="1"), "virtual"),
        (block("sda", queue__rotational="1", device__model="QEMU HARDDISK"), "virtual"),
        (block("sda", queue__rotational="1", device__model="Virtual Disk"), "virtual"),
        (block("sda", queue__rotational="1", device__model="WDC WD40EZRZ"), "hdd"),
        (block("mmcblk0", queue__rotational="0"), "ssd"),
        (block("loop3"), "virtual"),
        (block("zram0", f"{VIRTUAL}/zram0"), "ram"),
        (block("nbd0"), "network"),
        (block("sda"), Unknown("sda does not tell")),
        ({("file", "/proc/self/mountinfo"): "24 1 0:60 / / rw - overlay overlay rw,lowerdir=/a\n"}, "virtual"),
        (
            {("file", "/proc/self/mountinfo"): "24 1 0:60 / / rw - zfs tank/root rw\n"},
            Unknown("no block device is known for zfs"),
        ),
        ({("file", "/proc/self/mountinfo"): "24 1 0:60 / / rw - cifs //nas/x rw\n"}, "network"),
        ({("file", "/proc/self/mountinfo"): error("no permission")}, Unknown("no permission")),
    ],
)
def test_devices(answers: dict[Key, Any], expected: object) -> None:
    assert at("/models", answers).medium == expected


def test_a_place_that_is_not_there_yet_speaks_for_its_parent() -> None:
    host = fake_host(
        {
            **LINUX,
            ("stat", "/home/ada"): {**STAT, "writable": False},
            ("realpath", "/home/ada"): "/home/ada",
            ("system", "disk_usage", "/home/ada"): {
                "total_bytes": 100 * GIB,
                "free_bytes": 5 * GIB,
                "free_inodes": 0,
                "total_inodes": 0,
                "read_only": 0,
            },
        }
    )
    found = disk.probe(host, {"/home/ada/.cache/huggingface": ["huggingface"]})
    assert isinstance(found, list)
    one = found[0]
    assert (one.exists, one.writable, one.mount_point, one.medium) == (False, False, "/home", "ssd")
    assert (one.total_bytes, one.free_bytes, one.free_inodes) == (100 * GIB, 5 * GIB, None)


def test_a_place_that_may_not_be_seen_is_unknown() -> None:
    found = disk.probe(
        fake_host({**LINUX, ("stat", "/usr/share/ollama"): error("no permission")}), {"/usr/share/ollama": ["ollama"]}
    )
    assert isinstance(found, list)
    assert (found[0].exists, found[0].writable) == (Unknown("no permission"), Unknown("no permission"))
    assert found[0].mount_point == "/"


def test_the_latest_of_two_mounts_on_one_point_counts() -> None:
    table = mounts.parse_mountinfo(
        "1 0 8:1 / / rw - ext4 /dev/sda1 rw\n2 1 8:2 / /d rw - ext4 /dev/sda2 rw\n3 1 8:3 / /d rw - xfs /dev/sda3 rw\n"
    )
    found = mounts.mount_of(table, "/d/x")
    assert found is not None and found.filesystem == "xfs"
    assert mounts.mount_of([], "/d") is None


@pytest.mark.parametrize(
    ("drive_type", "device", "expected"),
    [
        (3, {"bus_type": 17, "seek_penalty": False}, "nvme"),
        (3, {"bus_type": 11, "seek_penalty": False}, "ssd"),
        (3, {"bus_type": 11, "seek_penalty": True}, "hdd"),
        (3, {"bus_type": 7, "seek_penalty": None}, "usb"),
        (3, {"bus_type": 8, "seek_penalty": None}, Unknown("the drive does not tell")),
        (3, {"bus_type": 15, "seek_penalty": False}, "virtual"),
        (4, None, "network"),
        (3, Unknown("no permission"), Unknown("no permission")),
    ],
)
def test_windows_media(drive_type: int, device: Any, expected: object) -> None:
    assert disk.windows_medium({"drive_type": drive_type}, device) == expected


def test_windows() -> None:
    path = "D:\\models\\hub"
    found = disk.probe(
        fake_host(
            {
                ("system", "platform"): "windows",
                ("stat", "D:\\models"): STAT,
                ("winapi", "volume", "D:\\models"): {
                    "root": "D:\\",
                    "drive_type": 3,
                    "file_system": "NTFS",
                    "read_only": False,
                },
                ("winapi", "disk_seek_penalty", "D:"): {"bus_type": 11, "seek_penalty": True},
                ("system", "disk_usage", "D:\\models"): {"total_bytes": 10 * GIB, "free_bytes": GIB},
            }
        ),
        {path: ["lmstudio"]},
    )
    assert found == [
        Disk(
            path=path,
            used_by=["lmstudio"],
            mount_point="D:\\",
            filesystem="ntfs",
            total_bytes=10 * GIB,
            free_bytes=GIB,
            free_inodes=None,
            medium="hdd",
            read_only=False,
            writable=True,
            exists=False,
        )
    ]


@pytest.mark.parametrize(
    ("path", "machine", "medium"),
    [
        ("/Users/ada", "arm64", "nvme"),
        ("/Users/ada", "x86_64", Unknown("macOS tells only through a slow command")),
        ("/Volumes/nas/x", "arm64", "network"),
        ("/Volumes/stick/x", "arm64", Unknown("macOS tells only through a slow command")),
    ],
)
def test_macos(path: str, machine: str, medium: object) -> None:
    found = at(
        path,
        {
            ("system", "platform"): "macos",
            ("system", "uname"): {"machine": machine, "version": "Darwin Kernel Version 24.1.0"},
            ("psutil", "disk_partitions"): [
                {"device": "/dev/disk3s1", "mountpoint": "/", "fstype": "apfs", "opts": "ro"},
                {"device": "//nas/x", "mountpoint": "/Volumes/nas", "fstype": "smbfs", "opts": "rw"},
                {"device": "/dev/disk4s1", "mountpoint": "/Volumes/stick", "fstype": "exfat", "opts": "rw"},
            ],
        },
    )
    assert found.medium == medium
    assert found.exists is True
