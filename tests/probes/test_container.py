from __future__ import annotations

from typing import Any

import pytest

from llmdoctor.facts.fact import Unknown
from llmdoctor.host.host import Host
from llmdoctor.host.question import Answer, Question
from llmdoctor.probes import container, container_engine
from tests.fakes import Key, error, fake_host

GIB = 1 << 30
STAT = {
    "kind": "file", "size_bytes": 0, "mode": 0o644, "uid": 0, "gid": 0, "modified_s": 0.0, "readable": True, "writable": False,
    "executable": False,
}  # fmt: skip

HOST_MOUNTS = """\
25 1 259:2 / / rw,relatime shared:1 - ext4 /dev/nvme0n1p2 rw
30 25 0:26 / /sys/fs/cgroup rw,nosuid,nodev,noexec,relatime shared:4 - cgroup2 cgroup2 rw,nsdelegate
"""
V1_MOUNTS = """\
25 1 8:1 / / rw,relatime - ext4 /dev/sda1 rw
31 25 0:29 /docker/1a2b /sys/fs/cgroup/memory ro,nosuid - cgroup cgroup rw,memory
32 25 0:30 /docker/1a2b /sys/fs/cgroup/cpu,cpuacct ro,nosuid - cgroup cgroup rw,cpu,cpuacct
"""
NAME_FILE = "90 25 259:2 /var/lib/docker/containers/1a/hosts /etc/hosts rw - ext4 /dev/nvme0n1p2 rw\n"
PODMAN_ROOT = (
    "700 600 0:60 / / rw,relatime - overlay overlay rw,lowerdir=/var/lib/containers/storage/overlay/l/AB,upperdir=/x\n"
)
LXC_MOUNTS = "700 600 8:2 / / rw - ext4 /dev/sda2 rw\n701 700 0:50 /proc/cpuinfo /proc/cpuinfo rw - fuse.lxcfs lxcfs rw\n"


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        ({}, None),
        ({("file", "/proc/1/cgroup"): "0::/init.scope\n", ("file", "/proc/self/mountinfo"): HOST_MOUNTS}, None),
        ({("stat", "/.dockerenv"): STAT}, "docker"),
        ({("stat", "/run/.containerenv"): STAT, ("env", "container"): "podman"}, "podman"),
        ({("env", "container"): "oci"}, "container"),
        ({("env", "container"): "wsl"}, None),
        ({("env", "KUBERNETES_SERVICE_HOST"): "10.0.0.1", ("stat", "/.dockerenv"): STAT}, "kubernetes"),
        ({("file", "/run/systemd/container"): "systemd-nspawn\n"}, "systemd-nspawn"),
        # The live Host takes out the zero bytes between the variables.
        ({("file", "/proc/1/environ"): "TERM=linuxcontainer=lxcHOME=/"}, "lxc"),
        ({("file", "/proc/1/environ"): error("no permission"), ("file", "/proc/self/mountinfo"): LXC_MOUNTS}, "lxc"),
        ({("file", "/proc/self/mountinfo"): PODMAN_ROOT}, "podman"),
        ({("file", "/proc/1/cgroup"): "12:memory:/kubepods/burstable/pod1/2\n"}, "kubernetes"),
        ({("file", "/proc/self/cgroup"): "0::/system.slice/docker-1a2b.scope\n"}, "docker"),
        ({("stat", "/.dockerenv"): error("no permission")}, Unknown("no permission")),
        # A virtual machine whose disk was made from an image keeps the file.
        ({("stat", "/.dockerenv"): STAT, ("file", "/proc/self/mountinfo"): HOST_MOUNTS}, None),
        ({("stat", "/.dockerenv"): STAT, ("file", "/proc/self/mountinfo"): HOST_MOUNTS + NAME_FILE}, "docker"),
    ],
)
def test_kind(answers: dict[Key, Any], expected: object) -> None:
    assert container.kind(fake_host(answers)) == expected


def test_outside_of_a_container_the_slices_limits_count() -> None:
    found = container.probe(
        fake_host(
            {
                ("file", "/proc/self/mountinfo"): HOST_MOUNTS,
                ("file", "/proc/self/cgroup"): "0::/user.slice/user-1000.slice/session-2.scope\n",
                ("file", "/sys/fs/cgroup/user.slice/user-1000.slice/session-2.scope/memory.max"): "max\n",
                ("file", "/sys/fs/cgroup/user.slice/user-1000.slice/memory.max"): f"{8 * GIB}\n",
                ("file", "/sys/fs/cgroup/user.slice/user-1000.slice/memory.current"): f"{3 * GIB}\n",
                ("file", "/sys/fs/cgroup/user.slice/memory.max"): f"{16 * GIB}\n",
                ("file", "/sys/fs/cgroup/user.slice/cpu.max"): "250000 100000\n",
                ("system", "disk_usage", "/dev/shm"): {"total_bytes": 64 << 20, "free_bytes": 1},
                ("list", "/dev"): ["nvidia0", "nvidiactl"],
                ("stat", "/dev/nvidiactl"): STAT,
            }
        )
    )
    assert (found.kind, found.memory_limit_bytes, found.memory_current_bytes) == (None, 8 * GIB, 3 * GIB)
    assert found.cpu_quota == 2.5
    assert found.shm_bytes == 64 << 20
    assert (found.gpu_passed_in, found.systemd_cgroup_lost) == (None, None)


@pytest.mark.parametrize("path", ["/", "/../../system.slice/docker-1a2b.scope", "/docker/1a2b"])
def test_version_1_in_a_container(path: str) -> None:
    found = container.probe(
        fake_host(
            {
                ("stat", "/.dockerenv"): STAT,
                ("file", "/proc/self/mountinfo"): V1_MOUNTS,
                ("file", "/proc/self/cgroup"): f"9:memory:{path}\n8:cpu,cpuacct:{path}\n",
                ("file", "/sys/fs/cgroup/memory/memory.limit_in_bytes"): f"{4 * GIB}\n",
                ("file", "/sys/fs/cgroup/memory/memory.usage_in_bytes"): f"{GIB}\n",
                ("file", "/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us"): "50000\n",
                ("file", "/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us"): "100000\n",
            }
        )
    )
    assert (found.memory_limit_bytes, found.memory_current_bytes, found.cpu_quota) == (4 * GIB, GIB, 0.5)


def test_version_1_without_limits() -> None:
    found = container.probe(
        fake_host(
            {
                ("file", "/proc/self/mountinfo"): V1_MOUNTS,
                ("file", "/proc/self/cgroup"): "9:memory:/\n8:cpu,cpuacct:/\n",
                ("file", "/sys/fs/cgroup/memory/memory.limit_in_bytes"): "9223372036854771712\n",
                ("file", "/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us"): "-1\n",
            }
        )
    )
    assert (found.memory_limit_bytes, found.cpu_quota) == (None, None)


def test_an_unreadable_level_is_unknown_and_not_without_a_limit() -> None:
    answers: dict[Key, Any] = {
        ("file", "/proc/self/mountinfo"): HOST_MOUNTS,
        ("file", "/proc/self/cgroup"): "0::/a/b\n",
        ("file", "/sys/fs/cgroup/a/b/memory.max"): error("no permission"),
    }
    assert container.probe(fake_host(answers)).memory_limit_bytes == Unknown("no permission")
    answers[("file", "/sys/fs/cgroup/a/memory.max")] = str(GIB)
    assert container.probe(fake_host(answers)).memory_limit_bytes == GIB


@pytest.mark.parametrize(
    ("opened", "expected"),
    [(None, False), ("EPERM", True), ("EACCES", False), (error("not recorded"), Unknown("not recorded"))],
)
def test_device_rules_that_were_lost(opened: object, expected: object) -> None:
    answers: dict[Key, Any] = {
        ("stat", "/.dockerenv"): STAT,
        ("stat", "/dev/nvidiactl"): STAT,
        ("list", "/dev"): ["null", "nvidia-uvm", "nvidia0", "nvidiactl"],
        ("env", "NVIDIA_VISIBLE_DEVICES"): "all",
    }
    if opened is not None:
        answers[("system", "open_error", "/dev/nvidiactl")] = opened
    found = container.probe(fake_host(answers))
    assert found.systemd_cgroup_lost == expected
    assert found.gpu_passed_in is True
    assert found.nvidia_visible_devices == "all"


@pytest.mark.parametrize(
    ("names", "expected"),
    [(["null", "nvidia-caps", "shm"], False), (["dri"], True), (["dxg"], True), (["kfd"], True), ([], False)],
)
def test_gpu_nodes_inside(names: list[str], expected: bool) -> None:
    host = fake_host({("stat", "/.dockerenv"): STAT, ("list", "/dev"): names})
    assert container.probe(host).gpu_passed_in is expected


def test_windows_has_no_container_facts() -> None:
    found = container.probe(fake_host({("system", "platform"): "windows"}))
    assert found.kind is None and found.memory_limit_bytes is None


# --- the engine ---------------------------------------------------------------------------------

CDI = """\
---
cdiVersion: 0.5.0
containerEdits:
  deviceNodes:
  - path: /dev/nvidia-modeset
    major: 195
  - path: /dev/nvidia-uvm
    major: 510
  - path: /dev/nvidia-uvm-tools
    major: 511
  mounts:
  - containerPath: /usr/lib/x86_64-linux-gnu/libcuda.so.550.90.07
    hostPath: /usr/lib/x86_64-linux-gnu/libcuda.so.550.90.07
kind: nvidia.com/gpu
"""


@pytest.mark.parametrize(
    ("text", "major"),
    [
        (CDI, 510),
        (CDI.replace("    major: 510\n", ""), None),
        (CDI.replace("  - path: /dev/nvidia-uvm\n    major: 510\n", "  - major: 509\n    path: /dev/nvidia-uvm\n"), 509),
        (CDI.replace("  - path: /dev/nvidia-uvm\n    major: 510\n", ""), None),
        ('{"kind": "nvidia.com/gpu",\n"deviceNodes": [\n{\n"path": "/dev/nvidia-uvm",\n"major": 507\n}]}', 507),
    ],
)
def test_uvm_major_of_a_spec(text: str, major: object) -> None:
    assert container_engine.parse_cdi_uvm_major(text) == major


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", False),
        ("{}", False),
        ('{"runtimes": {"nvidia": {"args": [], "path": "nvidia-container-runtime"}}}', True),
        ('{"default-runtime": "nvidia"}', True),
        ('{"runtimes": {"crun": {"path": "crun"}}}', False),
    ],
)
def test_daemon_json(text: str, expected: bool) -> None:
    assert container_engine.names_nvidia_runtime(text) is expected


@pytest.mark.parametrize("text", ['{"runtimes": {', "[]", "nvidia"])
def test_a_broken_daemon_json_is_unknown(text: str) -> None:
    assert isinstance(container_engine.names_nvidia_runtime(text), Unknown)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[nvidia-container-cli]\n#no-cgroups = false\n", None),
        ("no-cgroups = true\n", True),
        ("  no-cgroups=false # x\n", False),
    ],
)
def test_no_cgroups(text: str, expected: object) -> None:
    assert container_engine.parse_no_cgroups(text) is expected


def test_docker_with_the_toolkit() -> None:
    found = container_engine.probe(
        fake_host(
            {
                ("which", "docker"): ["/usr/bin/docker"],
                ("which", "podman"): [],
                ("which", "nvidia-ctk"): ["/usr/bin/nvidia-ctk"],
                ("realpath", "/usr/bin/docker"): "/usr/bin/docker",
                ("stat", "/usr/bin/docker"): {**STAT, "size_bytes": 40_000_000},
                ("system", "uid"): 1000,
                ("file", "/etc/docker/daemon.json"): '{"runtimes": {"nvidia": {"path": "nvidia-container-runtime"}}}',
                ("file", "/etc/nvidia-container-runtime/config.toml"): "[nvidia-container-cli]\nno-cgroups = true\n",
                ("command", 3000, "nvidia-ctk", "--version"): {
                    "status": 0,
                    "stdout": "NVIDIA Container Toolkit CLI version 1.18.0\ncommit: f8daa5e\n",
                    "stderr": "",
                },
                ("list", "/var/run/cdi"): ["nvidia.yaml"],
                ("file", "/var/run/cdi/nvidia.yaml"): CDI,
            }
        )
    )
    assert (found.docker_installed, found.docker_packaging, found.docker_rootless) == (True, "package", False)
    assert (found.nvidia_runtime_configured, found.nvidia_toolkit_version, found.nvidia_toolkit_no_cgroups) == (
        True,
        "1.18.0",
        True,
    )
    assert (found.cdi_spec_path, found.cdi_driver_version, found.cdi_uvm_major) == (
        "/var/run/cdi/nvidia.yaml",
        "550.90.07",
        510,
    )
    assert found.podman_installed is False


def test_nothing_installed_is_absent_and_runs_nothing() -> None:
    asked: list[str] = []
    known = fake_host({("which", "docker"): [], ("which", "podman"): [], ("which", "nvidia-ctk"): []})

    def backend(question: Question) -> Answer:
        asked.append(question.kind)
        return known.ask(question.kind, *question.key)

    host = Host(backend)
    found = container_engine.probe(host)
    assert found.docker_installed is False
    assert (found.docker_packaging, found.nvidia_runtime_configured, found.nvidia_toolkit_version) == (None, None, None)
    assert "command" not in asked


@pytest.mark.parametrize(
    ("answers", "packaging"),
    [
        ({("which", "docker"): ["/snap/bin/docker"]}, "snap"),
        ({("which", "docker"): [], ("stat", "/snap/bin/docker"): STAT}, "snap"),
        ({("which", "docker"): ["/usr/bin/docker"], ("stat", "/opt/docker-desktop"): STAT}, "desktop"),
        (
            {("which", "docker"): ["/usr/bin/docker"], ("realpath", "/usr/bin/docker"): "/mnt/wsl/docker-desktop/cli/docker"},
            "desktop",
        ),
        ({("which", "docker"): ["C:\\x\\docker.exe"], ("system", "platform"): "windows"}, "desktop"),
    ],
)
def test_packaging(answers: dict[Key, Any], packaging: str) -> None:
    assert container_engine.probe(fake_host(answers)).docker_packaging == packaging


def test_podmans_shim_is_not_docker() -> None:
    found = container_engine.probe(
        fake_host(
            {
                ("which", "docker"): ["/usr/bin/docker"],
                ("stat", "/usr/bin/docker"): {**STAT, "size_bytes": 200},
                ("file", "/usr/bin/docker"): '#!/bin/sh\nexec /usr/bin/podman "$@"\n',
                ("which", "podman"): ["/usr/bin/podman"],
            }
        )
    )
    assert (found.docker_installed, found.podman_installed) == (False, True)


def test_a_toolkit_that_does_not_answer_is_unknown() -> None:
    answers: dict[Key, Any] = {
        ("which", "docker"): [],
        ("which", "nvidia-ctk"): ["/usr/bin/nvidia-ctk"],
        ("command", 3000, "nvidia-ctk", "--version"): {"status": None, "stdout": "", "stderr": "", "timed_out": True},
    }
    assert isinstance(container_engine.probe(fake_host(answers)).nvidia_toolkit_version, Unknown)
