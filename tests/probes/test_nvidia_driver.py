"""From what the bus, the kernel, NVML and cuInit say to the facts of cards and driver: one healthy machine, and each way it breaks."""

from __future__ import annotations

from typing import Any

import pytest

from llmdoctor.facts.fact import Unknown
from llmdoctor.facts.machine import Driver, Gpu
from llmdoctor.probes import cuda, driver, driver_install, libraries, nvidia, pci
from tests.fakes import Key, error, fake_host

VERSION = "580.65.06"
CARD = "/sys/bus/pci/devices/0000:01:00.0"
LIB = "/usr/lib/x86_64-linux-gnu"
ELF64 = "7f454c4602010100000000000000000003003e00"
ELF32 = "7f454c4601010100000000000000000003000300"
UUID = "GPU-11111111-2222-3333-4444-555555555555"


def stat(kind: str = "file", size: int = 1 << 24, major: int = 0, writable: bool = True) -> dict[str, Any]:
    return {
        "kind": kind, "size_bytes": size, "mode": 0o666, "uid": 0, "gid": 0, "modified_s": 0.0, "readable": writable,
        "writable": writable, "executable": False, "device_major": major, "device_minor": 0, "group": "root",
    }  # fmt: skip


def library(path: str, real: str, size: int = 1 << 24, head: str = ELF64) -> dict[Key, Any]:
    return {("realpath", path): real, ("stat", path): stat(size=size), ("bytes", path, 0, 20): head}


def device(function: str, *arguments: Any) -> Key:
    return ("nvml", f"nvmlDeviceGet{function}", 0, *arguments)


def story(**fields: Any) -> dict[str, Any]:
    one = {"name": "NVIDIA GeForce RTX 4090", "major": 8, "minor": 9, "total_bytes": 24 << 30, "uuid": UUID}
    calls = [["cuDriverGetVersion", 0], ["cuInit", 0], ["cuDeviceGetCount", 0]]
    whole = {"calls": calls, "devices": [one], "device_count": 1, "cuda_version": 13000, "signal": None, "timed_out": False,
             "library_path": f"{LIB}/libcuda.so.{VERSION}"}  # fmt: skip
    return {**whole, **fields}


HEALTHY: dict[Key, Any] = {
    ("list", "/sys/bus/pci/devices"): ["0000:00:02.0", "0000:01:00.0", "0000:02:00.0"],
    **{("file", f"/sys/bus/pci/devices/0000:00:02.0/{name}"): text for name, text in
       (("vendor", "0x8086\n"), ("device", "0xa780\n"), ("class", "0x030000\n"))},
    **{("file", f"/sys/bus/pci/devices/0000:02:00.0/{name}"): text for name, text in
       (("vendor", "0x1a03\n"), ("device", "0x2000\n"), ("class", "0x030000\n"))},
    **{("file", f"{CARD}/{name}"): text for name, text in
       (("vendor", "0x10de\n"), ("device", "0x2684\n"), ("class", "0x030000\n"), ("power/runtime_status", "active\n"),
        ("current_link_speed", "2.5 GT/s PCIe\n"), ("max_link_speed", "16.0 GT/s PCIe\n"), ("current_link_width", "16\n"), ("max_link_width", "16\n"))},
    ("bytes", f"{CARD}/config", 0, 4): "de108426",
    ("realpath", f"{CARD}/driver"): "/sys/bus/pci/drivers/nvidia",
    ("realpath", "/sys/bus/pci/devices/0000:00:02.0/driver"): "/sys/bus/pci/drivers/i915",
    ("list", "/dev"): ["null", "nvidia-uvm", "nvidia-uvm-tools", "nvidia0", "nvidiactl"],
    ("stat", "/dev/nvidiactl"): stat("char", 0, 195), ("stat", "/dev/nvidia0"): stat("char", 0, 195),
    ("stat", "/dev/nvidia-uvm"): stat("char", 0, 508), ("stat", "/dev/nvidia-uvm-tools"): stat("char", 0, 508),
    ("file", "/proc/modules"): "nvidia_uvm 1 0 - Live 0x0\nnvidia 1 1 - Live 0x0\n",
    ("file", "/sys/module/nvidia/version"): f"{VERSION}\n",
    ("file", "/proc/driver/nvidia/version"): f"NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  {VERSION}  Release Build\n",
    ("list", "/proc/driver/nvidia/gpus"): ["0000:01:00.0"],
    ("file", "/proc/driver/nvidia/gpus/0000:01:00.0/information"): f"Model: \t NVIDIA\nDevice Minor: \t 0\nGPU Firmware: \t {VERSION}\n",
    ("file", "/proc/devices"): "Character devices:\n195 nvidia\n508 nvidia-uvm\n\nBlock devices:\n  8 sd\n",
    ("file", "/proc/version"): "Linux version 6.8.0 (buildd@x) (x86_64-linux-gnu-gcc-13 (Ubuntu 13.2.0-4) 13.2.0, GNU ld 2.42)\n",
    ("system", "uname"): {"system": "Linux", "release": "6.8.0-45-generic", "version": "#45", "machine": "x86_64"},
    ("ld_cache", "libcuda.so.1"): [f"{LIB}/libcuda.so.1", "/usr/lib/i386-linux-gnu/libcuda.so.1"],
    ("ld_cache", "libnvidia-ml.so.1"): [f"{LIB}/libnvidia-ml.so.1"],
    **library(f"{LIB}/libcuda.so.1", f"{LIB}/libcuda.so.{VERSION}"),
    **library("/usr/lib/i386-linux-gnu/libcuda.so.1", f"/usr/lib/i386-linux-gnu/libcuda.so.{VERSION}", head=ELF32),
    **library(f"{LIB}/libnvidia-ml.so.1", f"{LIB}/libnvidia-ml.so.{VERSION}"),
    ("nvml", "nvmlInit"): None,
    ("nvml", "nvmlDeviceGetCount"): 1,
    ("nvml", "nvmlSystemGetDriverVersion"): VERSION,
    ("nvml", "nvmlSystemGetNVMLVersion"): f"13.{VERSION}",
    ("nvml", "nvmlSystemGetCudaDriverVersion_v2"): 13000,
    device("PciInfo"): {"busId": "00000000:01:00.0", "pciDeviceId": 0x268410DE},
    device("Name"): "NVIDIA GeForce RTX 4090", device("UUID"): UUID, device("CudaComputeCapability"): [8, 9],
    device("MemoryInfo", "nvmlMemory_v2"): {"total": 24 << 30, "free": 23 << 30, "used": 1 << 29, "reserved": 1 << 29},
    device("MemoryBusWidth"): 384, device("MaxClockInfo", "NVML_CLOCK_MEM"): 10501,
    device("CurrentClocksThrottleReasons"): 0x1 | 0x40, device("PowerManagementLimit"): 450000, device("ComputeMode"): 0,
    device("ComputeRunningProcesses"): [{"pid": 7, "usedGpuMemory": 5 << 30, "gpuInstanceId": None}],
    device("GraphicsRunningProcesses"): [{"pid": 7, "usedGpuMemory": 1}, {"pid": 8, "usedGpuMemory": None}],
    ("processes",): [], ("processes", "name", 7): "ollama", ("processes", "name", 8): "Xorg",
    ("cuda.init", 0, 10_000): story(),
}  # fmt: skip


def look(answers: dict[Key, Any]) -> tuple[list[Gpu], Driver]:
    host = fake_host(answers)
    cards = pci.pci_gpus(host)
    files = driver.driver_files(host, cards)
    nvml = nvidia.probe(host, cards, files)
    return nvml.gpus, driver.finish(host, files, nvml)


def without(*keys: Key, **changes: Any) -> dict[Key, Any]:
    return {key: value for key, value in HEALTHY.items() if key not in keys}


def test_healthy() -> None:
    gpus, found = look(HEALTHY)
    (gpu,) = gpus
    assert (gpu.vendor, gpu.name, gpu.uuid, gpu.pci_id, gpu.pci_device) == (
        "nvidia", "NVIDIA GeForce RTX 4090", UUID, "0000:01:00.0", "10de:2684",
    )  # fmt: skip
    assert (gpu.architecture, gpu.compute_capability, gpu.kernel_driver, gpu.error, gpu.lost) == (
        "Ada",
        "8.9",
        "nvidia",
        None,
        False,
    )
    assert (gpu.vram_total_bytes, gpu.vram_free_bytes) == (24 << 30, 23 << 30)
    # 384 bits at 10501 MHz, two transfers a cycle: the datasheet's 1008 GB/s.
    assert gpu.memory_bandwidth_bytes_per_s == 1_008_096_000_000
    assert gpu.throttle_reasons == ["gpu_idle", "hw_thermal_slowdown"]
    assert gpu.ecc_uncorrectable is None and gpu.driver_model is None
    assert [(one.name, one.kind, one.runtime) for one in gpu.processes or []] == [
        ("ollama", "compute", "ollama"),
        ("Xorg", "graphics", None),
    ]  # type: ignore[union-attr]
    assert (found.version, found.kernel_module_flavor, found.cuda_version, found.nvml_error) == (VERSION, "open", "13.0", None)
    assert (found.nvidiactl, found.nvidia0, found.uvm, found.uvm_major) == (True, True, True, 508)
    assert next((one.version, one.origin, one.found_by) for one in found.libcuda or []) == (VERSION, "driver", "ld.so.cache")  # type: ignore[union-attr]
    assert (found.cuda_init.ok, found.cuda_init.device_count, found.cuda_init.error_code) == (True, 1, None)
    assert found.cuda_init_all_devices.ok is None
    assert found.kernel_compiler == "gcc 13.2"


def test_every_gpu_stands_once_and_screens_of_servers_do_not_count() -> None:
    cards = pci.pci_gpus(fake_host(HEALTHY))
    assert isinstance(cards, list)
    assert [(one.vendor, one.integrated, one.kernel_driver) for one in cards] == [
        ("intel", True, "i915"),
        ("nvidia", False, "nvidia"),
    ]


def test_nothing_of_nvidia_here_is_absent_and_quick() -> None:
    asked: list[str] = []

    def count(question: Any) -> Any:
        asked.append(question.kind)
        from llmdoctor.host.question import Answer

        return Answer(value="linux") if question.key == ("platform",) else Answer(error="absent")

    from llmdoctor.host.host import Host

    host = Host(count)
    cards = pci.pci_gpus(host)
    files = driver.driver_files(host, cards)
    found = driver.finish(host, files, nvidia.probe(host, cards, files))
    assert cards == [] and found.hardware_present is False
    assert (found.nvml_error, found.version, found.cuda_version, found.cuda_init.ok, found.cuda_init.load_error) == (None,) * 5
    assert not {"command", "nvml", "cuda.init"} & set(asked)
    unknown = [name for name in Driver.__struct_fields__ if isinstance(getattr(found, name), Unknown)]
    assert unknown == []


@pytest.mark.parametrize("path", ["/dev/nvidia-uvm", "/dev/nvidiactl", "/dev/nvidia0"])
@pytest.mark.parametrize(
    ("cover", "expected"),
    [("gone", None), (stat("file", 0), None), (stat("char", 0, 1), None), (stat("char", 0, 0, writable=False), False)],
)
def test_a_node_that_is_gone_or_covered_is_absent_and_one_without_rights_is_false(path: str, cover: Any, expected: Any) -> None:
    field = {"/dev/nvidia-uvm": "uvm", "/dev/nvidiactl": "nvidiactl", "/dev/nvidia0": "nvidia0"}[path]
    answers = dict(HEALTHY)
    if cover == "gone":
        del answers["stat", path]
        answers["list", "/dev"] = [name for name in HEALTHY["list", "/dev"] if not path.endswith("/" + name)]
    else:
        major = HEALTHY["stat", path]["device_major"]
        answers["stat", path] = {**cover, "device_major": cover["device_major"] or (major if cover["kind"] == "char" else 0)}
    _, found = look(answers)
    assert getattr(found, field) is expected
    others = {"uvm", "nvidiactl", "nvidia0"} - {field}
    assert all(getattr(found, other) is True for other in others)


def test_nvml_of_another_version() -> None:
    answers = {
        **HEALTHY,
        ("nvml", "nvmlInit"): error("NVML_ERROR_LIB_RM_VERSION_MISMATCH"),
        ("realpath", f"{LIB}/libnvidia-ml.so.1"): f"{LIB}/libnvidia-ml.so.580.82.07",
        ("which", "nvidia-smi"): ["/usr/bin/nvidia-smi"],
        ("command", 3000, "nvidia-smi"): {
            "status": 18,
            "stdout": "Failed to initialize NVML: Driver/library version mismatch\n",
            "stderr": "",
        },
    }
    gpus, found = look(answers)
    assert found.nvml_error == "NVML_ERROR_LIB_RM_VERSION_MISMATCH"
    assert (found.version, found.libnvidia_ml[0].version) == (VERSION, "580.82.07")  # type: ignore[index, union-attr]
    assert found.nvidia_smi_error == "Failed to initialize NVML: Driver/library version mismatch"
    # The card is still known by the bus; what NVML would tell is unknown, with NVML's reason.
    assert (gpus[0].name, gpus[0].compute_capability) == ("NVIDIA RTX 4090", "8.9")
    assert gpus[0].vram_free_bytes == Unknown("NVML_ERROR_LIB_RM_VERSION_MISMATCH")


def test_hanging_nvidia_smi_is_evidence() -> None:
    answers = {
        **HEALTHY,
        ("nvml", "nvmlInit"): error("NVML did not answer within 10 s (nvmlInit)"),
        ("which", "nvidia-smi"): ["/usr/bin/nvidia-smi"],
        ("command", 3000, "nvidia-smi"): {"status": None, "stdout": "", "stderr": "", "timed_out": True},
    }
    _, found = look(answers)
    assert found.nvidia_smi_timed_out is True
    assert found.nvml_error == Unknown("NVML did not answer within 10 s (nvmlInit)")


@pytest.mark.parametrize(
    ("told", "facts"),
    [
        (
            {"load_error": "libcuda.so.1: file too short", "calls": [], "devices": []},
            {"ok": False, "load_error": "libcuda.so.1: file too short", "error_code": None},
        ),
        (
            story(calls=[["cuDriverGetVersion", 0], ["cuInit", 34]], devices=[]),
            {"ok": False, "error_code": 34, "error_name": "CUDA_ERROR_STUB_LIBRARY"},
        ),
        (story(calls=[["cuInit", 999]], devices=[]), {"ok": False, "error_code": 999, "error_name": "CUDA_ERROR_UNKNOWN"}),
        (story(calls=[], devices=[], signal=11), {"ok": False, "crashed_signal": 11}),
        (story(calls=[], devices=[], timed_out=True), {"ok": False, "timed_out": True}),
    ],
)
def test_cuinit(told: dict[str, Any], facts: dict[str, Any]) -> None:
    _, found = look({**HEALTHY, ("cuda.init", 0, 10_000): told})
    assert {name: getattr(found.cuda_init, name) for name in facts} == facts


def test_visible_devices_asks_twice() -> None:
    answers = {
        **HEALTHY,
        ("env", "CUDA_VISIBLE_DEVICES"): "-1",
        ("cuda.init", 0, 10_000): story(calls=[["cuDriverGetVersion", 0], ["cuInit", 100]], devices=[], device_count=0),
        ("cuda.init", 1, 10_000): story(),
    }
    _, found = look(answers)
    assert (found.cuda_init.error_name, found.cuda_init_all_devices.ok) == ("CUDA_ERROR_NO_DEVICE", True)


@pytest.mark.parametrize(
    ("path", "real", "size", "origin", "version"),
    [
        ("/opt/s/libcuda.so.1", "/usr/local/cuda-12.4/lib64/stubs/libcuda.so", 60_000, "stub", None),
        ("/opt/s/libcuda.so.1", "/opt/s/libcuda.so.1", 60_000, "stub", None),
        ("/opt/s/libcuda.so.1", "/usr/local/cuda-13.0/compat/libcuda.so.580.95.05", 1 << 24, "compat", "580.95.05"),
        ("/opt/s/libcuda.so.1", "/usr/lib/wsl/lib/libcuda.so.1.1", 150_000, "wsl", None),
        ("/opt/s/libcuda.so.1", "/opt/s/libcuda.so.550.1.2", 0, "driver", "550.1.2"),
    ],
)
def test_library_that_comes_first(path: str, real: str, size: int, origin: str, version: Any) -> None:
    answers = {
        **HEALTHY,
        ("env", "LD_LIBRARY_PATH"): "/opt/s",
        **library(path, real, size or 1 << 24),
        ("system", "library_version", real): error("no text"),
    }
    found = libraries.candidates(fake_host(answers), "libcuda.so.1")
    assert isinstance(found, list)
    first = found[0]
    assert (first.path, first.origin, first.found_by) == (real, origin, "LD_LIBRARY_PATH")
    assert (first.version if isinstance(first.version, str) else None) == version
    assert [one.bits for one in found] == [64, 64, 32]


def test_a_file_that_is_no_library() -> None:
    answers = {**HEALTHY, ("bytes", f"{LIB}/libcuda.so.1", 0, 20): "", ("stat", f"{LIB}/libcuda.so.1"): stat(size=0)}
    found = libraries.candidates(fake_host(answers), "libcuda.so.1")
    assert isinstance(found, list) and not libraries.is_usable(found[0])
    assert (found[0].origin, found[0].version) == ("unknown place", Unknown("the file is no library"))


def test_wsl() -> None:
    lib = "/usr/lib/wsl/lib"
    answers = {
        ("list", "/dev"): ["dxg", "null"], ("stat", "/dev/dxg"): stat("char", 0, 10), ("list", "/sys/bus/pci/devices"): [],
        ("ld_cache", "libcuda.so.1"): [f"{lib}/libcuda.so.1"], **library(f"{lib}/libcuda.so.1", f"{lib}/libcuda.so.1", 160_000),
        **{key: value for key, value in HEALTHY.items() if key[0] in ("nvml", "cuda.init")}, ("processes",): [],
    }  # fmt: skip
    gpus, found = look(answers)
    assert (found.hardware_present, found.kernel_module_version, found.version) == (True, None, VERSION)
    assert (len(gpus), gpus[0].kernel_driver, found.cuda_init.ok, found.libcuda[0].origin) == (1, None, True, "wsl")  # type: ignore[index, union-attr]


def test_packages_modules_and_dkms() -> None:
    release = "6.8.0-45-generic"
    answers = {
        **HEALTHY,
        ("stat", "/var/lib/dpkg/status"): stat(),
        ("command", 3000, "dpkg-query", "-W", "-f", "${db:Status-Abbrev}${Package} ${Version}\n", "*nvidia*", "libcuda1", "cuda-drivers*", "cuda-compat*"): {
            "status": 1, "stderr": "no packages found matching x\n",
            "stdout": "ii nvidia-driver-580 580.82.07-0ubuntu1\nii libnvidia-compute-580:amd64 580.82.07-0ubuntu1\nrc nvidia-driver-550 550.1\nii nvidia-settings 510.47\n",
        },
        ("list", f"/lib/modules/{release}"): ["kernel", "updates"], ("list", f"/lib/modules/{release}/updates/dkms"): ["nvidia.ko.zst"],
        ("command", 3000, "modinfo", "-F", "version", f"/lib/modules/{release}/updates/dkms/nvidia.ko.zst"): {"status": 0, "stdout": "580.82.07\n", "stderr": ""},
        ("list", "/var/lib/dkms/nvidia"): ["580.82.07", f"kernel-{release}-x86_64"], ("stat", f"/var/lib/dkms/nvidia/580.82.07/{release}"): stat("dir"),
        ("list", "/etc/modprobe.d"): ["a.conf", "b.txt"], ("file", "/etc/modprobe.d/a.conf"): "# blacklist nvidia\nblacklist nouveau\ninstall nvidia-uvm /bin/false\n",
    }  # fmt: skip
    _, found = look(answers)
    assert found.packages == ["nvidia-driver-580 580.82.07-0ubuntu1", "libnvidia-compute-580:amd64 580.82.07-0ubuntu1"]
    assert found.package_versions == ["580.82.07"]
    assert (found.module_built_for_kernel, found.module_on_disk_version) == (True, "580.82.07")
    assert (found.dkms_state, found.dkms_version) == ("installed", "580.82.07")
    assert found.blacklisted_modules == ["nvidia_uvm", "nouveau"]


@pytest.mark.parametrize(
    ("line", "names"),
    [
        ("quiet module_blacklist=nvidia,nouveau", ["nvidia", "nouveau"]),
        ("nouveau.modeset=0", ["nouveau"]),
        ("nvidia-drm.modeset=1 quiet", []),
    ],
)
def test_command_line_blacklist(line: str, names: list[str]) -> None:
    assert driver_install.parse_cmdline_blacklist(line) == names


def test_cuda_toolkits() -> None:
    answers = {
        ("list", "/usr/local"): ["bin", "cuda", "cuda-12.4"], ("stat", "/usr/local/cuda/bin/nvcc"): stat(), ("stat", "/usr/local/cuda-12.4/bin/nvcc"): stat(),
        ("realpath", "/usr/local/cuda"): "/usr/local/cuda-12.4", ("realpath", "/usr/local/cuda-12.4"): "/usr/local/cuda-12.4",
        ("file", "/usr/local/cuda-12.4/version.json"): '{"cuda": {"version": "12.4.1"}}',
        ("which", "nvcc"): ["/usr/local/cuda/bin/nvcc"], ("realpath", "/usr/local/cuda/bin/nvcc"): "/usr/local/cuda-12.4/bin/nvcc",
    }  # fmt: skip
    found = cuda.probe(fake_host(answers))
    assert [(one.path, one.version) for one in found.toolkits or []] == [("/usr/local/cuda-12.4", "12.4")]  # type: ignore[union-attr]
    assert (found.nvcc_version, found.host_compiler_max_gcc) == ("12.4", 13)
    assert (found.cuda_home, found.cudnn_version) == (None, None)
