"""NVIDIA's driver: kernel module, user-space libraries, device nodes, and what the CUDA driver API says.

Three steps, in this order: ``driver_files`` before any library of NVIDIA is loaded (they may make
device nodes), then NVML (``nvidia.probe``), then ``finish``, which asks cuInit in a child. Sources:
NVIDIA driver README ("Installed components", "Kernel module parameters"), Linux procfs and sysfs,
dkms(8).
"""

from __future__ import annotations

import re
from typing import Any, Optional

from ..facts.fact import Fact, Unknown, all_unknown
from ..facts.machine import CudaDevice, CudaInit, DeviceNode, Driver, Gpu
from ..host.host import Host, Stat
from . import driver_install, libraries
from .nvidia import Nvml, cuda_version
from .pci import nvswitch_present

_MODULES = ("nvidia", "nvidia_uvm", "nvidia_modeset", "nvidia_drm", "nouveau", "nova_core", "vfio_pci", "amdgpu", "i915", "xe")
_NODE = re.compile(r"^(?:nvidia(?:ctl|\d+|-uvm|-uvm-tools|-modeset)|dxg|kfd)$")
_MAX_NODES = 80
_CARD_NODE = re.compile(r"^/dev/nvidia\d+$")
_WSL_FOLDER = "/usr/lib/wsl/lib"
_NVIDIA_MAJOR = 195
"""Of /dev/nvidiactl and /dev/nvidiaN: Documentation/admin-guide/devices.txt of Linux."""


# --- pure parsers -----------------------------------------------------------------------------


def parse_proc_version(text: str) -> tuple[Optional[str], Optional[str]]:
    """(version, flavor) of /proc/driver/nvidia/version.

    >>> parse_proc_version("NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  580.65.06  Release Build")
    ('580.65.06', 'open')
    """
    line = next((row for row in text.splitlines() if row.startswith("NVRM version")), "")
    match = re.search(r"\b(\d{2,4}\.\d+(?:\.\d+)?)\b", line)
    return (match[1] if match else None), ("open" if "Open Kernel Module" in line else "proprietary" if match else None)


def parse_majors(text: str) -> dict[str, int]:
    """Name to major of the character devices in /proc/devices."""
    found: dict[str, int] = {}
    for line in text.partition("Block devices:")[0].splitlines():
        words = line.split()
        if len(words) == 2 and words[0].isdecimal():
            found[words[1]] = int(words[0])
    return found


def parse_compiler(text: str) -> Optional[str]:
    """The compiler in /proc/version, as ``gcc 13.2``; None if it is not written there."""
    match = re.search(r"\b(gcc|clang)\b.*?(\d+\.\d+)", text)
    return f"{match[1]} {match[2]}" if match else None


# --- step 1: files ----------------------------------------------------------------------------


def _nodes(host: Host) -> Fact[list[DeviceNode]]:
    names = host.entries("/dev")
    if not isinstance(names, list):
        return names
    wanted = [f"/dev/{name}" for name in names if _NODE.match(name)]
    if "dri" in names and isinstance(render := host.entries("/dev/dri"), list):
        wanted += [f"/dev/dri/{name}" for name in render if name.startswith("renderD")]
    nodes = []
    for path in wanted[:_MAX_NODES]:
        stat = host.stat(path)
        if isinstance(stat, Stat) and stat.kind == "char":
            nodes.append(
                DeviceNode(
                    path=path,
                    mode=f"{stat.mode:04o}",
                    major=stat.device_major,
                    readable=stat.readable,
                    writable=stat.writable,
                    group=stat.group,
                )
            )
    return nodes


def before_libraries(host: Host) -> None:
    """Asks for nodes and modules, so that the Host has them as they are before a library of NVIDIA's is loaded."""
    _nodes(host)
    _loaded_modules(host)


def is_worth_asking(host: Host) -> bool:
    """Whether NVML and cuInit could have anything to say: the module is loaded, or the loader knows a libcuda."""
    if host.platform() == "windows":
        return True
    loaded = host.exists("/sys/module/nvidia") is True
    return loaded or bool(host.library_candidates("libcuda.so.1") or host.library_candidates("libnvidia-ml.so.1"))


def _usable(nodes: Fact[list[DeviceNode]], path: str, major: Optional[int]) -> Fact[bool]:
    """Absent if there is no such node of this driver, else whether this user may read and write it."""
    if nodes is None or isinstance(nodes, Unknown):
        return nodes
    node = next((one for one in nodes if one.path == path), None)
    # A node of another major is no door to this driver: something lies over it, or the module has a new number.
    if node is None or (major is not None and node.major != major):
        return None
    return node.readable is True and node.writable is True


def _cards(host: Host, nodes: Fact[list[DeviceNode]]) -> Fact[bool]:
    """/dev/nvidiaN of every card that the kernel module drives (/proc/driver/nvidia/gpus/*/information, "Device Minor")."""
    folders = host.entries("/proc/driver/nvidia/gpus")
    minors: list[str] = []
    for folder in folders if isinstance(folders, list) else []:
        text = host.text(f"/proc/driver/nvidia/gpus/{folder}/information")
        match = re.search(r"Device Minor:\s*(\d+)", text) if isinstance(text, str) else None
        if match:
            minors.append(match[1])
    if not minors:
        return _usable(nodes, "/dev/nvidia0", _NVIDIA_MAJOR)
    states = [_usable(nodes, f"/dev/nvidia{minor}", _NVIDIA_MAJOR) for minor in minors]
    return next((state for state in states if state is not True), True)


def _loaded_modules(host: Host) -> Fact[list[str]]:
    text = host.text("/proc/modules")
    if not isinstance(text, str):
        return text
    loaded = {line.split(" ", 1)[0] for line in text.splitlines()}
    # Drivers that are built into the kernel stand in sysfs only.
    loaded |= {name for name in _MODULES if name not in loaded and host.exists(f"/sys/module/{name}") is True}
    return [name for name in _MODULES if name in loaded]


def _hardware(host: Host, cards: Fact[list[Gpu]], driver: Driver) -> Fact[bool]:
    """By the bus; by the loaded module and its nodes where a container hides the bus; by /dev/dxg and its libraries in WSL."""
    if isinstance(cards, list) and any(card.vendor == "nvidia" for card in cards):
        return True
    if isinstance(driver.kernel_module_version, str):
        return True
    nodes = driver.device_nodes if isinstance(driver.device_nodes, list) else []
    if any(_CARD_NODE.match(str(node.path)) and node.major == _NVIDIA_MAJOR for node in nodes):
        return True
    if any(node.path == "/dev/dxg" for node in nodes):
        # Cards of every maker come through /dev/dxg; Windows lends NVIDIA's libraries only where its driver is installed.
        known = [driver.libcuda, driver.libnvidia_ml]
        if any(one.origin == "wsl" for found in known if isinstance(found, list) for one in found):
            return True
        there = [host.exists(f"{_WSL_FOLDER}/{name}") for name in ("libcuda.so.1", "libnvidia-ml.so.1")]
        if True in there:
            return True
        return next((one for one in there if isinstance(one, Unknown)), False)
    return next((one for one in (cards, driver.device_nodes) if isinstance(one, Unknown)), False)


def driver_files(host: Host, cards: Fact[list[Gpu]]) -> Driver:
    """What files tell, before any library is loaded. Off Linux most of it has no meaning and is absent."""
    platform = host.fact("system", "platform")
    if isinstance(platform, Unknown):
        return all_unknown(Driver, platform.unknown)
    if platform != "linux":
        return _elsewhere(host, cards, str(platform))
    driver = Driver()
    driver.device_nodes = nodes = _nodes(host)
    driver.modules_loaded = modules = _loaded_modules(host)
    known = modules if isinstance(modules, list) else []
    driver.nouveau_loaded = "nouveau" in known if isinstance(modules, list) else modules
    driver.uvm_module_loaded = "nvidia_uvm" in known if isinstance(modules, list) else modules
    driver.kernel_module_version = host.line("/sys/module/nvidia/version")
    proc = host.text("/proc/driver/nvidia/version")
    version, flavor = parse_proc_version(proc) if isinstance(proc, str) else (None, None)
    if not isinstance(driver.kernel_module_version, str) and version:
        driver.kernel_module_version = version
    driver.kernel_module_flavor = flavor if isinstance(proc, str) else proc
    devices = host.text("/proc/devices")
    majors = parse_majors(devices) if isinstance(devices, str) else {}
    driver.uvm_major = majors.get("nvidia-uvm") if isinstance(devices, str) else devices
    driver.nvidiactl = _usable(nodes, "/dev/nvidiactl", _NVIDIA_MAJOR)
    driver.nvidia0 = _cards(host, nodes)
    driver.uvm = _usable(nodes, "/dev/nvidia-uvm", majors.get("nvidia-uvm"))
    hmm = host.line("/sys/module/nvidia_uvm/parameters/uvm_disable_hmm")
    driver.uvm_hmm_disabled = hmm in ("Y", "1") if isinstance(hmm, str) else hmm
    driver.libcuda = libraries.candidates(host, "libcuda.so.1")
    driver.libnvidia_ml = libraries.candidates(host, "libnvidia-ml.so.1")
    driver.hardware_present = _hardware(host, cards, driver)
    compiler = host.text("/proc/version")
    driver.kernel_compiler = parse_compiler(compiler) if isinstance(compiler, str) else compiler
    iommu = host.entries("/sys/class/iommu")
    driver.iommu_on = bool(iommu) if not isinstance(iommu, Unknown) else iommu
    driver.gsp_firmware = _gsp(host)
    # A library that nobody could look for is no trace of the driver by itself.
    has_library = any(found and not isinstance(found, Unknown) for found in (driver.libcuda, driver.libnvidia_ml))
    if driver.hardware_present is not False or has_library:
        driver_install.fill(host, driver)
        switches = nvswitch_present(host)
        driver.fabric_manager_needed = switches
        driver.fabric_manager_running = _running(host, "nv-fabricmanager") if switches is True else None
        driver.persistence_daemon_running = _running(host, "nvidia-persistenced")
    else:
        driver_install.nothing(host, driver)
        driver.fabric_manager_needed = False
        driver.fabric_manager_running = driver.persistence_daemon_running = None
    return driver


def _running(host: Host, program: str) -> Fact[bool]:
    processes = host.processes()
    if not isinstance(processes, list):
        return processes
    # The kernel cuts a process's name at 15 letters (TASK_COMM_LEN).
    return any(one.name in (program, program[:15]) for one in processes)


def _gsp(host: Host) -> Fact[str]:
    folders = host.entries("/proc/driver/nvidia/gpus")
    if not isinstance(folders, list) or not folders:
        return folders if isinstance(folders, Unknown) else None
    text = host.text(f"/proc/driver/nvidia/gpus/{folders[0]}/information")
    if not isinstance(text, str):
        return text
    match = re.search(r"GPU Firmware:\s*(\S+)", text)
    return match[1] if match and match[1] != "N/A" else None


def _elsewhere(host: Host, cards: Fact[list[Gpu]], platform: str) -> Driver:
    """Windows and macOS: no modules, nodes or loader's cache."""
    driver = Driver()
    for name in Driver.__struct_fields__:
        if not name.startswith("cuda_init"):
            setattr(driver, name, None)
    if platform == "windows":
        driver.hardware_present = any(card.vendor == "nvidia" for card in cards) if isinstance(cards, list) else cards
    elif platform == "macos":
        # NVIDIA ended its drivers for macOS with 10.13 (High Sierra).
        driver.hardware_present = False
    return driver


# --- step 3: cuInit ---------------------------------------------------------------------------


def story_to_facts(story: Fact[dict[str, Any]]) -> CudaInit:
    """The child's account as facts; see ``Host.cuda_init`` for its keys."""
    if story is None or isinstance(story, Unknown):
        return all_unknown(CudaInit, story.unknown if isinstance(story, Unknown) else "no answer")
    from ..catalogs.cuda_errors import driver_error

    calls = [call for call in story.get("calls", []) if isinstance(call, list) and len(call) == 2]
    failed = next((call for call in calls if call[1] != 0), None)
    crashed, timed_out = story.get("signal"), bool(story.get("timed_out"))
    code = int(failed[1]) if failed else None
    meaning = driver_error(code) if code is not None else None
    load_error = story.get("load_error")
    done = any(call[0] == "cuInit" and call[1] == 0 for call in calls)
    version = story.get("cuda_version")
    why = Unknown("cuInit did not succeed")
    return CudaInit(
        ok=done and failed is None and crashed is None and not timed_out,
        error_code=code,
        error_name=meaning.name if meaning is not None else f"error {code}" if code is not None else None,
        crashed_signal=crashed,
        timed_out=timed_out,
        load_error=load_error,
        library_path=story.get("library_path"),
        cuda_version=cuda_version(version) if isinstance(version, int) else Unknown("cuDriverGetVersion did not answer"),
        devices=[_device(one) for one in story.get("devices", []) if isinstance(one, dict)] if done else why,
        device_count=story.get("device_count", 0) if done else why,
    )


def _device(one: dict[str, Any]) -> CudaDevice:
    return CudaDevice(
        name=one.get("name"),
        compute_capability=f"{one.get('major')}.{one.get('minor')}",
        uuid=one.get("uuid"),
        vram_total_bytes=one.get("total_bytes"),
    )


def _absent() -> CudaInit:
    return CudaInit(**dict.fromkeys(CudaInit.__struct_fields__))


def _missing() -> CudaInit:
    return CudaInit(
        ok=False, error_code=None, error_name=None, crashed_signal=None, timed_out=False, load_error="libcuda.so.1 not found",
        library_path=None, cuda_version=None, devices=None, device_count=None,
    )  # fmt: skip


def _version(host: Host, driver: Driver, nvml: Nvml, windows: bool) -> Fact[str]:
    """The driver in force: the loaded module's version, else NVML's word, else what Windows knows of the adapter."""
    if isinstance(driver.kernel_module_version, str):
        return driver.kernel_module_version
    if isinstance(nvml.driver_version, str):
        return nvml.driver_version
    if windows:
        from .pci_windows import nvidia_driver_version

        return nvidia_driver_version(host)
    if isinstance(driver.kernel_module_version, Unknown):
        return driver.kernel_module_version
    # No module is loaded. That NVML did not start then fits; that it could not even be asked (WSL) leaves it open.
    return nvml.error if isinstance(nvml.error, Unknown) and driver.hardware_present is True else None


def finish(host: Host, driver: Driver, nvml: Nvml) -> Driver:
    """Adds what NVML said, then asks cuInit where a libcuda is there."""
    driver.nvml_error = nvml.error
    driver.nvml_version = nvml.nvml_version
    driver.nvidia_smi_error, driver.nvidia_smi_timed_out = nvml.smi_error, nvml.smi_timed_out
    windows = host.platform() == "windows"
    if any(isinstance(gpu.index, int) for gpu in nvml.gpus):
        driver.hardware_present = True  # on boards without a PCI bus, and in containers, NVML alone sees the card
    driver.version = _version(host, driver, nvml, windows)
    present = (bool(driver.libcuda) and not isinstance(driver.libcuda, Unknown)) or (
        windows and driver.hardware_present is True
    )
    if present:
        driver.cuda_init = story_to_facts(host.cuda_init())
        variable = host.env("CUDA_VISIBLE_DEVICES")
        if isinstance(variable, str):
            driver.cuda_init_all_devices = story_to_facts(host.cuda_init(all_devices=True))
        else:
            driver.cuda_init_all_devices = _absent()
    elif isinstance(driver.libcuda, Unknown):
        driver.cuda_init = all_unknown(CudaInit, driver.libcuda.unknown)
        driver.cuda_init_all_devices = all_unknown(CudaInit, driver.libcuda.unknown)
    else:
        driver.cuda_init = _missing() if driver.hardware_present is True else _absent()
        driver.cuda_init_all_devices = _absent()
    served = driver.cuda_init.cuda_version
    # A stub or compat library answers for itself; the driver's own answer is NVML's then.
    driver.cuda_version = nvml.cuda_version if isinstance(nvml.cuda_version, str) else served
    return driver
