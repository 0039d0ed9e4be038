"""The machine as the probes saw it: one document that can be printed, saved and replayed.

Conventions. Sizes are bytes (``_bytes``, int), times say their unit in the name. Every scalar or
list may be absent (``None``) or ``Unknown``; nested structs are always present; of a ``Table`` the
key ``*`` answers for every name that is not listed. Fields are added
and never renamed, unknown keys are ignored on reading: that is the whole evolution of the schema.
A fact that has no meaning here (a Windows fact on Linux) is absent, not unknown.
"""

from __future__ import annotations

from typing import Optional

import msgspec
from msgspec import field

from .fact import NOT_RECORDED, Fact, Table, Unknown

SCHEMA_VERSION = 1


class Struct(msgspec.Struct, kw_only=True, omit_defaults=True):
    """Base of the fact structs: keywords only, defaults left out of recordings."""


# --- operating system -------------------------------------------------------------------------


class Os(Struct):
    family: Fact[str] = NOT_RECORDED
    """``linux``, ``windows`` or ``macos``; WSL is ``linux`` with ``wsl_version`` set."""
    name: Fact[str] = NOT_RECORDED
    """As the system names itself: ``Ubuntu 24.04.1 LTS``, ``Windows 11 Pro``, ``macOS``."""
    distribution: Fact[str] = NOT_RECORDED
    """``ID`` of os-release: ``ubuntu``, ``debian``, ``fedora``, ``arch``, ``nixos``, ``opensuse-leap`` …; absent off Linux."""
    distribution_like: Fact[list[str]] = NOT_RECORDED
    """``ID_LIKE`` of os-release, in order; absent off Linux."""
    package_manager: Fact[str] = NOT_RECORDED
    """``apt``, ``dnf``, ``pacman``, ``zypper``, ``nix``, ``apk``, ``winget`` or ``brew``; it selects which command a remedy shows."""
    version: Fact[str] = NOT_RECORDED
    """``24.04``, ``10.0.22631`` (Windows build), ``15.1`` (macOS)."""
    kernel: Fact[str] = NOT_RECORDED
    """Release as ``uname -r`` prints it."""
    architecture: Fact[str] = NOT_RECORDED
    """Of the kernel: ``x86_64`` or ``aarch64``."""
    glibc_version: Fact[str] = NOT_RECORDED
    """``2.36``; absent on musl, Windows and macOS."""
    wsl_version: Fact[int] = NOT_RECORDED
    """1 or 2 inside WSL, absent elsewhere."""
    virtualization: Fact[str] = NOT_RECORDED
    """Hypervisor that this is a guest of (``kvm``, ``vmware``, ``hyperv``, ``virtualbox``, ``xen``, ``vm`` if unnamed); absent on bare metal. WSL2 is not counted."""
    is_root: Fact[bool] = NOT_RECORDED
    groups: Fact[list[str]] = NOT_RECORDED
    """Names of the groups that this process is a member of (Linux)."""
    locale: Fact[str] = NOT_RECORDED
    """``LC_ALL``/``LC_CTYPE``/``LANG`` in force, as written."""
    filesystem_encoding: Fact[str] = NOT_RECORDED
    """Encoding of the ANSI code page on Windows (``cp1252``, ``utf-8``), of the locale elsewhere."""
    uptime_s: Fact[int] = NOT_RECORDED
    secure_boot: Fact[bool] = NOT_RECORDED
    """True if the firmware enforces Secure Boot (efivars, registry); absent on BIOS machines."""
    kernel_lockdown: Fact[str] = NOT_RECORDED
    """``none``, ``integrity`` or ``confidentiality`` (/sys/kernel/security/lockdown)."""
    reboot_required: Fact[bool] = NOT_RECORDED
    """The package manager waits for a reboot (/run/reboot-required, Windows' pending keys)."""
    reboot_required_packages: Fact[list[str]] = NOT_RECORDED
    running_kernel_is_installed: Fact[bool] = NOT_RECORDED
    """False if /lib/modules/$(uname -r) is gone, as after a kernel update on Arch without reboot."""
    power_plan: Fact[str] = NOT_RECORDED
    """Active power profile: Windows scheme name, power-profiles-daemon or platform_profile on Linux."""
    on_battery: Fact[bool] = NOT_RECORDED
    long_paths_enabled: Fact[bool] = NOT_RECORDED
    """Windows' LongPathsEnabled; absent elsewhere."""
    user_path_is_ascii: Fact[bool] = NOT_RECORDED
    """Whether home, temp and model folders are written in ASCII alone."""
    open_files_limit: Fact[int] = NOT_RECORDED
    """Soft RLIMIT_NOFILE; absent where there is none."""
    clock_is_plausible: Fact[bool] = NOT_RECORDED
    """False if the system clock lies before this program's release date: TLS then fails."""
    tmp_noexec: Fact[bool] = NOT_RECORDED
    """The temporary folder is mounted noexec."""
    selinux: Fact[str] = NOT_RECORDED
    """``enforcing``, ``permissive`` or absent."""


class Container(Struct):
    kind: Fact[str] = NOT_RECORDED
    """``docker``, ``podman``, ``lxc``, ``kubernetes``, ``systemd-nspawn``, ``container`` (some other); absent outside."""
    memory_limit_bytes: Fact[int] = NOT_RECORDED
    """The tightest cgroup memory.max on the path from this process's cgroup to the root, in or out of a container; absent if none."""
    memory_current_bytes: Fact[int] = NOT_RECORDED
    """memory.current of the cgroup that has that limit."""
    cpu_quota: Fact[float] = NOT_RECORDED
    """cpu.max as a number of cores; absent if none."""
    gpu_passed_in: Fact[bool] = NOT_RECORDED
    """Inside a container: whether any GPU device node (/dev/nvidia*, /dev/kfd, /dev/dri, /dev/dxg) is there; absent outside."""
    nvidia_visible_devices: Fact[str] = NOT_RECORDED
    nvidia_driver_capabilities: Fact[str] = NOT_RECORDED
    nvidia_require_cuda: Fact[str] = NOT_RECORDED
    shm_bytes: Fact[int] = NOT_RECORDED
    """Size of /dev/shm."""
    systemd_cgroup_lost: Fact[bool] = NOT_RECORDED
    """Device nodes are there but opening /dev/nvidiactl gives EPERM: the cgroup's device rules were lost."""


class ContainerEngine(Struct):
    """Docker and its kin on this machine, as far as files, sockets and plain queries tell."""

    docker_installed: Fact[bool] = NOT_RECORDED
    docker_packaging: Fact[str] = NOT_RECORDED
    """``package``, ``snap`` or ``desktop``."""
    docker_rootless: Fact[bool] = NOT_RECORDED
    nvidia_runtime_configured: Fact[bool] = NOT_RECORDED
    """daemon.json or containerd's configuration names the nvidia runtime."""
    nvidia_toolkit_version: Fact[str] = NOT_RECORDED
    """Of nvidia-container-toolkit; absent if not installed."""
    nvidia_toolkit_no_cgroups: Fact[bool] = NOT_RECORDED
    """``no-cgroups`` in /etc/nvidia-container-runtime/config.toml."""
    podman_installed: Fact[bool] = NOT_RECORDED
    cdi_spec_path: Fact[str] = NOT_RECORDED
    """First of /etc/cdi and /var/run/cdi that holds an nvidia spec."""
    cdi_driver_version: Fact[str] = NOT_RECORDED
    """Driver version written in that spec's library paths."""
    cdi_uvm_major: Fact[int] = NOT_RECORDED
    """Device major of nvidia-uvm in that spec; absent if it names none."""


# --- processor and memory ---------------------------------------------------------------------


class Cpu(Struct):
    model: Fact[str] = NOT_RECORDED
    vendor: Fact[str] = NOT_RECORDED
    """``intel``, ``amd``, ``apple``, ``arm`` or the raw vendor id."""
    physical_cores: Fact[int] = NOT_RECORDED
    logical_cores: Fact[int] = NOT_RECORDED
    allowed_cores: Fact[int] = NOT_RECORDED
    """Logical cores that affinity allows this process (sched_getaffinity)."""
    efficiency_cores: Fact[int] = NOT_RECORDED
    """E-cores of a hybrid processor; absent if it is not one."""
    numa_nodes: Fact[int] = NOT_RECORDED
    sse4_2: Fact[bool] = NOT_RECORDED
    avx: Fact[bool] = NOT_RECORDED
    avx2: Fact[bool] = NOT_RECORDED
    fma: Fact[bool] = NOT_RECORDED
    f16c: Fact[bool] = NOT_RECORDED
    avx512f: Fact[bool] = NOT_RECORDED
    avx512_vnni: Fact[bool] = NOT_RECORDED
    avx512_bf16: Fact[bool] = NOT_RECORDED
    amx: Fact[bool] = NOT_RECORDED
    neon: Fact[bool] = NOT_RECORDED
    sve: Fact[bool] = NOT_RECORDED
    emulated: Fact[bool] = NOT_RECORDED
    """This process runs translated (Rosetta, QEMU user mode, Windows on Arm)."""
    governor: Fact[str] = NOT_RECORDED
    """cpufreq governor of the first core; absent where there is no cpufreq."""
    scaling_driver: Fact[str] = NOT_RECORDED
    energy_preference: Fact[str] = NOT_RECORDED
    """energy_performance_preference of the first core (``performance`` … ``power``)."""
    max_frequency_mhz: Fact[int] = NOT_RECORDED
    limited_frequency_mhz: Fact[int] = NOT_RECORDED
    """scaling_max_freq of the first core: what policy allows now."""
    load_1m: Fact[float] = NOT_RECORDED


class Memory(Struct):
    total_bytes: Fact[int] = NOT_RECORDED
    available_bytes: Fact[int] = NOT_RECORDED
    swap_total_bytes: Fact[int] = NOT_RECORDED
    swap_free_bytes: Fact[int] = NOT_RECORDED
    commit_limit_bytes: Fact[int] = NOT_RECORDED
    """Windows' commit limit; on Linux only if vm.overcommit_memory is 2."""
    committed_bytes: Fact[int] = NOT_RECORDED
    overcommit_mode: Fact[int] = NOT_RECORDED
    """vm.overcommit_memory (0, 1, 2); absent off Linux."""
    pagefile_bytes: Fact[int] = NOT_RECORDED
    """Windows page file, current size; absent elsewhere."""
    wsl_config_limit_bytes: Fact[int] = NOT_RECORDED
    """``memory=`` of %UserProfile%\\.wslconfig, seen from inside WSL; absent if not set."""
    address_space_limit_bytes: Fact[int] = NOT_RECORDED
    """Soft RLIMIT_AS (``ulimit -v``); absent if unlimited."""
    memlock_limit_bytes: Fact[int] = NOT_RECORDED
    """Soft RLIMIT_MEMLOCK; absent if unlimited."""
    ram_type: Fact[str] = NOT_RECORDED
    """``DDR4``, ``DDR5``, ``LPDDR5`` …"""
    rated_mts: Fact[int] = NOT_RECORDED
    """Speed the modules are rated for, MT/s (SMBIOS type 17 Speed); the lowest of them."""
    configured_mts: Fact[int] = NOT_RECORDED
    """Speed they run at, MT/s (SMBIOS Configured Memory Speed)."""
    modules: Fact[int] = NOT_RECORDED
    """Populated slots."""
    channels: Fact[int] = NOT_RECORDED
    """Distinct memory channels that hold a module, as far as the slot names tell."""
    wired_limit_bytes: Fact[int] = NOT_RECORDED
    """macOS iogpu.wired_limit_mb; absent if default or elsewhere."""
    process_is_32bit: Fact[bool] = NOT_RECORDED


class Disk(Struct):
    """One place that holds models or will."""

    path: Fact[str] = NOT_RECORDED
    used_by: Fact[list[str]] = NOT_RECORDED
    """Names of the runtimes whose models lie here, or ``tmp``, ``home``, ``huggingface``."""
    mount_point: Fact[str] = NOT_RECORDED
    filesystem: Fact[str] = NOT_RECORDED
    """``ext4``, ``btrfs``, ``9p``, ``nfs4``, ``ntfs``, ``vfat``, ``overlay`` …"""
    total_bytes: Fact[int] = NOT_RECORDED
    free_bytes: Fact[int] = NOT_RECORDED
    """Available to this user (f_bavail)."""
    free_inodes: Fact[int] = NOT_RECORDED
    """Absent where the file system has no fixed number."""
    medium: Fact[str] = NOT_RECORDED
    """``nvme``, ``ssd``, ``hdd``, ``usb``, ``network``, ``windows-drive`` (WSL's /mnt/c), ``ram`` or ``virtual``."""
    read_only: Fact[bool] = NOT_RECORDED
    writable: Fact[bool] = NOT_RECORDED
    """Whether this user may write there."""
    exists: Fact[bool] = NOT_RECORDED


# --- GPU --------------------------------------------------------------------------------------


class GpuProcess(Struct):
    pid: Fact[int] = NOT_RECORDED
    name: Fact[str] = NOT_RECORDED
    """Program name without its path; absent if the process cannot be seen from here."""
    vram_bytes: Fact[int] = NOT_RECORDED
    kind: Fact[str] = NOT_RECORDED
    """``compute`` or ``graphics``."""
    runtime: Fact[str] = NOT_RECORDED
    """The runtime it belongs to (``ollama``, ``vllm`` …), absent if none that we know."""


class Gpu(Struct):
    vendor: Fact[str] = NOT_RECORDED
    """``nvidia``, ``amd``, ``intel``, ``apple`` or the PCI vendor id."""
    name: Fact[str] = NOT_RECORDED
    index: Fact[int] = NOT_RECORDED
    """NVML's index; absent for others."""
    uuid: Fact[str] = NOT_RECORDED
    pci_id: Fact[str] = NOT_RECORDED
    """Bus address, ``0000:01:00.0``."""
    pci_device: Fact[str] = NOT_RECORDED
    """Vendor and device id, ``10de:2684``."""
    integrated: Fact[bool] = NOT_RECORDED
    kernel_driver: Fact[str] = NOT_RECORDED
    """Linux driver bound to it: ``nvidia``, ``nouveau``, ``vfio-pci``, ``amdgpu``, ``i915``, ``xe``; absent if none."""
    architecture: Fact[str] = NOT_RECORDED
    """``Maxwell`` … ``Blackwell``, ``RDNA3`` …"""
    compute_capability: Fact[str] = NOT_RECORDED
    """``8.9``; NVIDIA only."""
    gfx_target: Fact[str] = NOT_RECORDED
    """AMD's ``gfx1100``."""
    vram_total_bytes: Fact[int] = NOT_RECORDED
    vram_used_bytes: Fact[int] = NOT_RECORDED
    vram_free_bytes: Fact[int] = NOT_RECORDED
    vram_reserved_bytes: Fact[int] = NOT_RECORDED
    memory_bandwidth_bytes_per_s: Fact[int] = NOT_RECORDED
    """Theoretical peak, from bus width and memory clock or the catalogue."""
    gtt_total_bytes: Fact[int] = NOT_RECORDED
    """AMD: system memory that the GPU may address."""
    driver_model: Fact[str] = NOT_RECORDED
    """``WDDM``, ``TCC`` or ``MCDM`` on Windows; absent elsewhere."""
    display_attached: Fact[bool] = NOT_RECORDED
    mig_enabled: Fact[bool] = NOT_RECORDED
    mig_devices: Fact[int] = NOT_RECORDED
    ecc_uncorrectable: Fact[int] = NOT_RECORDED
    """Volatile double-bit errors since the driver was loaded."""
    remapped_rows_pending: Fact[bool] = NOT_RECORDED
    remapped_rows_failed: Fact[bool] = NOT_RECORDED
    pcie_generation: Fact[int] = NOT_RECORDED
    pcie_generation_max: Fact[int] = NOT_RECORDED
    """Of the link: the lower of card and slot."""
    pcie_width: Fact[int] = NOT_RECORDED
    pcie_width_max: Fact[int] = NOT_RECORDED
    """Of the card itself."""
    power_limit_watts: Fact[float] = NOT_RECORDED
    power_limit_default_watts: Fact[float] = NOT_RECORDED
    power_draw_watts: Fact[float] = NOT_RECORDED
    temperature_celsius: Fact[int] = NOT_RECORDED
    temperature_slowdown_celsius: Fact[int] = NOT_RECORDED
    throttle_reasons: Fact[list[str]] = NOT_RECORDED
    """NVML clock event reasons in force, by name: ``hw_thermal_slowdown``, ``sw_thermal_slowdown``, ``hw_power_brake_slowdown``, ``sw_power_cap``, ``gpu_idle``, ``applications_clocks_setting`` …"""
    sm_clock_mhz: Fact[int] = NOT_RECORDED
    sm_clock_max_mhz: Fact[int] = NOT_RECORDED
    utilization_percent: Fact[int] = NOT_RECORDED
    persistence_mode: Fact[bool] = NOT_RECORDED
    compute_mode: Fact[str] = NOT_RECORDED
    """``default``, ``exclusive_process`` or ``prohibited``."""
    runtime_power_state: Fact[str] = NOT_RECORDED
    """Linux runtime PM: ``active``, ``suspended`` (a laptop's card that sleeps)."""
    bar1_total_bytes: Fact[int] = NOT_RECORDED
    lost: Fact[bool] = NOT_RECORDED
    """NVML says that the GPU is lost or needs a reset, or its PCI config space reads all ones."""
    error: Fact[str] = NOT_RECORDED
    """Why NVML could not open this device: an NVML return code's name; absent if it could."""
    processes: Fact[list[GpuProcess]] = NOT_RECORDED
    vgpu_licensed: Fact[bool] = NOT_RECORDED
    """Absent where the card is no vGPU."""


# --- NVIDIA driver and CUDA -------------------------------------------------------------------


class DeviceNode(Struct):
    path: Fact[str] = NOT_RECORDED
    mode: Fact[str] = NOT_RECORDED
    """Octal rights, ``0666``."""
    major: Fact[int] = NOT_RECORDED
    readable: Fact[bool] = NOT_RECORDED
    writable: Fact[bool] = NOT_RECORDED
    group: Fact[str] = NOT_RECORDED


class Library(Struct):
    """One shared library that the loader would take or could take."""

    path: Fact[str] = NOT_RECORDED
    """Real path, links followed."""
    version: Fact[str] = NOT_RECORDED
    """From the file name (``libcuda.so.580.65.06``) or the ELF strings."""
    origin: Fact[str] = NOT_RECORDED
    """``driver``, ``stub`` (toolkit's link-time stub), ``compat`` (cuda-compat), ``wsl`` or ``unknown place``."""
    found_by: Fact[str] = NOT_RECORDED
    """``LD_LIBRARY_PATH``, ``ld.so.cache``, ``default path`` or ``loaded`` (seen in a process)."""
    bits: Fact[int] = NOT_RECORDED
    """64 or 32."""


class CudaDevice(Struct):
    name: Fact[str] = NOT_RECORDED
    compute_capability: Fact[str] = NOT_RECORDED
    uuid: Fact[str] = NOT_RECORDED
    vram_total_bytes: Fact[int] = NOT_RECORDED


class CudaInit(Struct):
    """What the CUDA driver API said in a child process."""

    ok: Fact[bool] = NOT_RECORDED
    """cuInit returned 0."""
    error_code: Fact[int] = NOT_RECORDED
    """CUresult of the first call that failed; absent if none did, or the library did not load."""
    error_name: Fact[str] = NOT_RECORDED
    """``CUDA_ERROR_NO_DEVICE`` …"""
    crashed_signal: Fact[int] = NOT_RECORDED
    """Signal that ended the child; absent if none."""
    timed_out: Fact[bool] = NOT_RECORDED
    load_error: Fact[str] = NOT_RECORDED
    """Loader's message if libcuda.so.1 (nvcuda.dll) did not load; absent if it did."""
    library_path: Fact[str] = NOT_RECORDED
    """The libcuda that was really loaded, links followed."""
    cuda_version: Fact[str] = NOT_RECORDED
    """cuDriverGetVersion: the highest CUDA runtime version served, ``13.0``."""
    devices: Fact[list[CudaDevice]] = NOT_RECORDED
    device_count: Fact[int] = NOT_RECORDED


class Driver(Struct):
    """NVIDIA's driver. AMD's and Intel's stand in ``rocm`` and ``vulkan``."""

    hardware_present: Fact[bool] = NOT_RECORDED
    """An NVIDIA display or 3D controller is on the PCI bus, or WSL's /dev/dxg is there with NVIDIA's library."""
    version: Fact[str] = NOT_RECORDED
    """The driver version in force: the kernel module's, NVML's where that cannot be read (WSL, Windows)."""
    kernel_module_version: Fact[str] = NOT_RECORDED
    """Loaded module (/sys/module/nvidia/version, /proc/driver/nvidia/version); absent if not loaded."""
    kernel_module_flavor: Fact[str] = NOT_RECORDED
    """``open`` or ``proprietary``."""
    module_on_disk_version: Fact[str] = NOT_RECORDED
    """Version of the module that would be loaded for the running kernel (modinfo's data); absent if there is none."""
    module_built_for_kernel: Fact[bool] = NOT_RECORDED
    """Whether a nvidia module exists for the running kernel under /lib/modules."""
    modules_loaded: Fact[list[str]] = NOT_RECORDED
    """Of nvidia, nvidia_uvm, nvidia_modeset, nvidia_drm, nouveau, nova_core, vfio_pci, amdgpu, i915, xe."""
    nouveau_loaded: Fact[bool] = NOT_RECORDED
    packages: Fact[list[str]] = NOT_RECORDED
    """Installed driver packages as ``name version``; absent if the package manager knows none."""
    package_versions: Fact[list[str]] = NOT_RECORDED
    """Distinct upstream driver versions among those packages, such as ``550.90.07``."""
    dkms_state: Fact[str] = NOT_RECORDED
    """``installed``, ``built``, ``added`` or ``failed`` for the running kernel; absent without DKMS."""
    dkms_version: Fact[str] = NOT_RECORDED
    kernel_compiler: Fact[str] = NOT_RECORDED
    """Compiler of the running kernel as ``gcc 13.2``."""
    gcc_version: Fact[str] = NOT_RECORDED
    """The installed gcc; absent if there is none."""
    device_nodes: Fact[list[DeviceNode]] = NOT_RECORDED
    """/dev/nvidia*, /dev/dxg, /dev/kfd, /dev/dri/render*, as they were before any library was loaded."""
    nvidiactl: Fact[bool] = NOT_RECORDED
    """/dev/nvidiactl exists and this user may read and write it; absent if it does not exist, false if rights lack."""
    nvidia0: Fact[bool] = NOT_RECORDED
    """The same for /dev/nvidiaN of every card that the kernel module lists; absent if one is missing."""
    uvm: Fact[bool] = NOT_RECORDED
    """The same for /dev/nvidia-uvm."""
    uvm_module_loaded: Fact[bool] = NOT_RECORDED
    uvm_major: Fact[int] = NOT_RECORDED
    """Major of nvidia-uvm in /proc/devices."""
    uvm_hmm_disabled: Fact[bool] = NOT_RECORDED
    """uvm_disable_hmm of the loaded module."""
    libcuda: Fact[list[Library]] = NOT_RECORDED
    """Every libcuda.so.1 that the loader could take, in its order; the first is taken."""
    libnvidia_ml: Fact[list[Library]] = NOT_RECORDED
    nvml_error: Fact[str] = NOT_RECORDED
    """Why NVML did not start, by NVML's name: ``NVML_ERROR_LIB_RM_VERSION_MISMATCH``, ``NVML_ERROR_DRIVER_NOT_LOADED``, ``NVML_ERROR_LIBRARY_NOT_FOUND`` …; absent if it did."""
    nvml_version: Fact[str] = NOT_RECORDED
    """Version of the NVML library itself."""
    nvidia_smi_error: Fact[str] = NOT_RECORDED
    """What nvidia-smi printed when it failed, one line; absent if it was not needed or worked."""
    nvidia_smi_timed_out: Fact[bool] = NOT_RECORDED
    cuda_version: Fact[str] = NOT_RECORDED
    """Highest CUDA version that the driver API serves: cuDriverGetVersion, NVML's where cuInit fails."""
    cuda_init: CudaInit = field(default_factory=CudaInit)
    """In the user's own environment."""
    cuda_init_all_devices: CudaInit = field(default_factory=CudaInit)
    """The same with CUDA_VISIBLE_DEVICES unset; its fields are absent if that variable is not set anyway."""
    gsp_firmware: Fact[str] = NOT_RECORDED
    """GSP firmware version of the first card; absent if it is not used."""
    fabric_manager_needed: Fact[bool] = NOT_RECORDED
    """NVSwitches are on the PCI bus."""
    fabric_manager_running: Fact[bool] = NOT_RECORDED
    persistence_daemon_running: Fact[bool] = NOT_RECORDED
    prime_profile: Fact[str] = NOT_RECORDED
    """``prime-select query`` as written in its state file: ``nvidia``, ``on-demand``, ``intel``."""
    blacklisted_modules: Fact[list[str]] = NOT_RECORDED
    """Of nvidia, nvidia_uvm, nouveau: named by a blacklist line under modprobe.d or the kernel's command line."""
    iommu_on: Fact[bool] = NOT_RECORDED


class CudaToolkit(Struct):
    path: Fact[str] = NOT_RECORDED
    version: Fact[str] = NOT_RECORDED


class Cuda(Struct):
    toolkits: Fact[list[CudaToolkit]] = NOT_RECORDED
    nvcc_path: Fact[str] = NOT_RECORDED
    """The nvcc that PATH finds."""
    nvcc_version: Fact[str] = NOT_RECORDED
    cuda_home: Fact[str] = NOT_RECORDED
    """CUDA_HOME or CUDA_PATH."""
    cuda_home_exists: Fact[bool] = NOT_RECORDED
    cudnn_version: Fact[str] = NOT_RECORDED
    """System-wide libcudnn (headers or library name); absent if none."""
    libraries_on_ld_library_path: Fact[list[Library]] = NOT_RECORDED
    """libcuda, libcudart, libcublas, libcudnn that LD_LIBRARY_PATH puts before the system's."""
    host_compiler_max_gcc: Fact[int] = NOT_RECORDED
    """Newest gcc major that nvcc accepts, from the catalogue; absent without nvcc."""


class Rocm(Struct):
    version: Fact[str] = NOT_RECORDED
    """/opt/rocm/.info/version; absent if not installed."""
    kfd: Fact[bool] = NOT_RECORDED
    """/dev/kfd exists and this user may read and write it; absent if it does not exist, false if rights lack."""
    render_nodes_accessible: Fact[bool] = NOT_RECORDED
    amdgpu_loaded: Fact[bool] = NOT_RECORDED
    user_in_render_group: Fact[bool] = NOT_RECORDED
    """Absent where no render or video group owns the nodes."""
    supported_gfx: Fact[list[str]] = NOT_RECORDED
    """gfx targets for which the installed rocBLAS has kernels (its library folder)."""
    hsa_override: Fact[str] = NOT_RECORDED
    """HSA_OVERRIDE_GFX_VERSION."""


class Vulkan(Struct):
    loader: Fact[str] = NOT_RECORDED
    """Path of libvulkan.so.1; absent if not installed."""
    icds: Fact[list[str]] = NOT_RECORDED
    """Names of the installed driver manifests (``nvidia_icd.json``, ``radeon_icd.x86_64.json``, ``lvp_icd.x86_64.json``)."""
    software_only: Fact[bool] = NOT_RECORDED
    """Every manifest is a software renderer's (lvp, swrast)."""


class Intel(Struct):
    level_zero_loader: Fact[str] = NOT_RECORDED
    compute_runtime: Fact[str] = NOT_RECORDED
    """Path of libze_intel_gpu or libigdrcl; absent if not installed."""
    oneapi_root: Fact[str] = NOT_RECORDED
    oneapi_sourced: Fact[bool] = NOT_RECORDED


# --- kernel log, network, changes -------------------------------------------------------------


class Xid(Struct):
    number: int
    pci_id: Fact[str] = NOT_RECORDED
    text: Fact[str] = NOT_RECORDED
    seconds_since_boot: Fact[float] = NOT_RECORDED


class OomKill(Struct):
    process: Fact[str] = NOT_RECORDED
    pid: Fact[int] = NOT_RECORDED
    rss_bytes: Fact[int] = NOT_RECORDED
    cgroup: Fact[bool] = NOT_RECORDED
    """A cgroup's limit was met, not the machine's."""
    runtime: Fact[str] = NOT_RECORDED
    seconds_since_boot: Fact[float] = NOT_RECORDED


class KernelLog(Struct):
    source: Fact[str] = NOT_RECORDED
    """``journal``, ``/dev/kmsg``, ``/var/log/kern.log`` …"""
    xids: Fact[list[Xid]] = NOT_RECORDED
    """Of this boot, oldest first."""
    oom_kills: Fact[list[OomKill]] = NOT_RECORDED
    nvrm_api_mismatch: Fact[str] = NOT_RECORDED
    """NVRM's line that client and kernel module differ; absent if there is none."""
    module_signature_rejected: Fact[bool] = NOT_RECORDED
    """The kernel refused to load an unsigned nvidia module."""
    gpu_unsupported_by_module: Fact[str] = NOT_RECORDED
    """NVRM's line that this card needs another (legacy, open) module; absent if none."""
    gsp_failure: Fact[str] = NOT_RECORDED
    """A line about GSP firmware failing; absent if none."""
    adapter_init_failure: Fact[str] = NOT_RECORDED
    """NVRM's line that a card could not be started (``RmInitAdapter failed!`` with its codes); absent if none."""
    bar_unassigned: Fact[bool] = NOT_RECORDED
    """NVRM or PCI lines: a BAR of the card has no address."""
    fell_off_bus: Fact[bool] = NOT_RECORDED
    amdgpu_errors: Fact[list[str]] = NOT_RECORDED
    hung_tasks: Fact[list[str]] = NOT_RECORDED
    """Lines ``task X blocked for more than`` about GPU processes."""


class Network(Struct):
    http_proxy: Fact[str] = NOT_RECORDED
    """Proxy in force for http (credentials removed)."""
    no_proxy: Fact[str] = NOT_RECORDED
    proxy_bypasses_localhost: Fact[bool] = NOT_RECORDED
    """NO_PROXY covers localhost and 127.0.0.1; absent if there is no proxy."""
    excluded_ports: Fact[list[int]] = NOT_RECORDED
    """Windows: default ports of runtimes that lie in a WinNAT/Hyper-V excluded range; absent elsewhere."""
    hosts_localhost_ok: Fact[bool] = NOT_RECORDED
    """localhost resolves to a loopback address."""


class Change(Struct):
    """One package installed, upgraded or removed lately that matters to GPUs or runtimes."""

    when: Fact[str] = NOT_RECORDED
    """ISO 8601, local time."""
    action: Fact[str] = NOT_RECORDED
    """``install``, ``upgrade``, ``remove`` or ``downgrade``."""
    package: Fact[str] = NOT_RECORDED
    old_version: Fact[str] = NOT_RECORDED
    new_version: Fact[str] = NOT_RECORDED
    since_boot: Fact[bool] = NOT_RECORDED


class Changes(Struct):
    recent: Fact[list[Change]] = NOT_RECORDED
    """Of the last 30 days, newest first, at most 50."""
    driver_changed_since_boot: Fact[bool] = NOT_RECORDED
    """A driver package was installed, upgraded or removed after the running kernel started."""
    kernel_changed_since_boot: Fact[bool] = NOT_RECORDED


# --- Python environments ----------------------------------------------------------------------


class PythonEnv(Struct):
    """One Python environment, read from its files; nothing of it is imported."""

    path: Fact[str] = NOT_RECORDED
    kind: Fact[str] = NOT_RECORDED
    """``venv``, ``conda``, ``system``, ``pipx``, ``uv``, ``user`` or ``embedded`` (inside a runtime)."""
    active: Fact[bool] = NOT_RECORDED
    """One that ``python3`` on PATH, VIRTUAL_ENV or CONDA_PREFIX selects, or that llmdoctor itself runs in."""
    owner: Fact[str] = NOT_RECORDED
    """Runtime that it belongs to (``text-generation-webui``), absent if none."""
    python_version: Fact[str] = NOT_RECORDED
    bits: Fact[int] = NOT_RECORDED
    x86_on_arm_mac: Fact[bool] = NOT_RECORDED
    packages: Table = field(default_factory=dict)
    """Distribution name (normalised, lower case, hyphens) to version, of those that matter."""
    torch_version: Fact[str] = NOT_RECORDED
    """``2.6.0+cu124`` as its version file says; absent if torch is not installed."""
    torch_cuda: Fact[str] = NOT_RECORDED
    """CUDA version that torch was built for, ``12.4``; absent for a CPU, ROCm or Metal build."""
    torch_hip: Fact[str] = NOT_RECORDED
    torch_is_cpu_build: Fact[bool] = NOT_RECORDED
    """True for a build without CUDA, ROCm or XPU; always absent on macOS, whose one build has Metal."""
    torch_architectures: Fact[list[str]] = NOT_RECORDED
    """``sm_75`` … that the build holds, from the catalogue of torch builds; ``compute_90`` for PTX."""
    llama_cpp_python_backend: Fact[str] = NOT_RECORDED
    """``cuda``, ``hip``, ``vulkan``, ``metal``, ``sycl`` or ``cpu`` by the libraries it ships; absent if not installed."""
    torch_copies: Fact[int] = NOT_RECORDED
    """torch folders on this environment's path: more than one shadow each other."""
    user_site_shadows: Fact[list[str]] = NOT_RECORDED
    """Packages that ~/.local puts before this environment's own."""


# --- runtimes ---------------------------------------------------------------------------------


class LoadedModel(Struct):
    name: Fact[str] = NOT_RECORDED
    size_bytes: Fact[int] = NOT_RECORDED
    """Total memory as the runtime reports it."""
    vram_bytes: Fact[int] = NOT_RECORDED
    context_length: Fact[int] = NOT_RECORDED
    gpu_layers: Fact[int] = NOT_RECORDED
    expires_at: Fact[str] = NOT_RECORDED


class RuntimeProcess(Struct):
    pid: Fact[int] = NOT_RECORDED
    executable: Fact[str] = NOT_RECORDED
    executable_deleted: Fact[bool] = NOT_RECORDED
    """The program file was replaced or removed while the process runs: an update left the old one."""
    arguments: Fact[list[str]] = NOT_RECORDED
    """Command line, values of secret-bearing options removed."""
    state: Fact[str] = NOT_RECORDED
    """Scheduler state letter (``R``, ``S``, ``D``, ``Z``)."""
    rss_bytes: Fact[int] = NOT_RECORDED
    uses_gpu_library: Fact[bool] = NOT_RECORDED
    """libcuda, libamdhip64 or libvulkan is mapped (Linux)."""


class LocalModel(Struct):
    name: Fact[str] = NOT_RECORDED
    path: Fact[str] = NOT_RECORDED
    size_bytes: Fact[int] = NOT_RECORDED


class Runtime(Struct):
    installed: Fact[bool] = NOT_RECORDED
    path: Fact[str] = NOT_RECORDED
    """Its program or folder."""
    other_paths: Fact[list[str]] = NOT_RECORDED
    """Further programs of the same name on PATH or known places."""
    version: Fact[str] = NOT_RECORDED
    packaging: Fact[str] = NOT_RECORDED
    """``script`` (the project's installer), ``package``, ``snap``, ``flatpak``, ``appimage``, ``docker``, ``pip``, ``conda``, ``brew``, ``nix``, ``source``, ``app`` (Windows or macOS installer), ``archive``."""
    backends: Fact[list[str]] = NOT_RECORDED
    """GPU and CPU backends whose libraries lie beside it: ``cuda_v12``, ``cuda_v13``, ``rocm``, ``vulkan``, ``metal``, ``cpu``."""
    running: Fact[bool] = NOT_RECORDED
    processes: Fact[list[RuntimeProcess]] = NOT_RECORDED
    port: Fact[int] = NOT_RECORDED
    """TCP port it listens on or is set to listen on."""
    listen_address: Fact[str] = NOT_RECORDED
    """``127.0.0.1``, ``0.0.0.0``, ``::`` as really bound; absent if it does not listen."""
    port_taken_by: Fact[str] = NOT_RECORDED
    """Name of another program that listens on its port; absent if none."""
    api_version: Fact[str] = NOT_RECORDED
    """Version that the running server itself reports."""
    api_error: Fact[str] = NOT_RECORDED
    """Why its local API did not answer though the port listens; absent if it did, or nothing listens."""
    service_unit: Fact[str] = NOT_RECORDED
    """systemd unit or Windows service; absent if none."""
    service_state: Fact[str] = NOT_RECORDED
    """``active``, ``failed``, ``activating``, ``inactive``."""
    service_user: Fact[str] = NOT_RECORDED
    settings: Table = field(default_factory=dict)
    """Settings in force: environment of the running process or unit, configuration files; names as the runtime spells them."""
    shell_only_settings: Table = field(default_factory=dict)
    """Its variables that are set in this shell and not in the service that runs."""
    models_path: Fact[str] = NOT_RECORDED
    models_path_accessible: Fact[bool] = NOT_RECORDED
    """Whether the user that the server runs as may enter and read it (this user, where that is not another); absent if it is not there."""
    models: Fact[list[LocalModel]] = NOT_RECORDED
    incomplete_downloads: Fact[list[str]] = NOT_RECORDED
    log_paths: Fact[list[str]] = NOT_RECORDED
    loaded_models: Fact[list[LoadedModel]] = NOT_RECORDED
    sandbox_gpu_access: Fact[bool] = NOT_RECORDED
    """snap, flatpak or container: whether it may reach the GPU; absent if not sandboxed."""
    selected_engine: Fact[str] = NOT_RECORDED
    """LM Studio's and Jan's chosen backend, as they name it."""
    restarts: Fact[int] = NOT_RECORDED
    """systemd's NRestarts of its unit."""


# --- the smoke test ---------------------------------------------------------------------------


class SmokeLevel(Struct):
    """One level of the smoke test on one GPU, or on the machine as a whole."""

    name: str = ""
    """``driver``, ``memory``, ``vram``, ``inference``, ``cpu`` or ``runtime:<name>``."""
    gpu: Fact[int] = NOT_RECORDED
    """CUDA's index with CUDA_DEVICE_ORDER=PCI_BUS_ID; absent where the level is not about one GPU."""
    status: str = "skip"
    """``pass``, ``fail`` or ``skip``."""
    ms: float = 0.0
    evidence: list[str] = field(default_factory=list)
    """What was seen, in words with numbers; of a level that was skipped, why."""
    step: Fact[str] = NOT_RECORDED
    """What was being done when it failed; absent if it did not fail."""
    failed_function: Fact[str] = NOT_RECORDED
    """The call of the driver API that did not succeed; absent if all did."""
    failed_code: Fact[int] = NOT_RECORDED
    """Its CUresult."""
    failed_name: Fact[str] = NOT_RECORDED
    """Its name, ``CUDA_ERROR_OUT_OF_MEMORY``."""
    crashed_signal: Fact[int] = NOT_RECORDED
    """The signal (or, on Windows, the NTSTATUS) that ended the test's process; absent if it ended by itself."""
    timed_out: Fact[bool] = NOT_RECORDED
    wrong: Fact[str] = NOT_RECORDED
    """Which result is not what it must be; absent if all are right."""


class SmokeGpu(Struct):
    """What the smoke test measured on one GPU. Speeds are the best of several runs by the GPU's own clock."""

    index: Fact[int] = NOT_RECORDED
    name: Fact[str] = NOT_RECORDED
    uuid: Fact[str] = NOT_RECORDED
    compute_capability: Fact[str] = NOT_RECORDED
    copy_bytes_per_s: Fact[int] = NOT_RECORDED
    """Copying within VRAM; each byte counts twice, read and written."""
    read_bytes_per_s: Fact[int] = NOT_RECORDED
    """Reading VRAM, as generating a token does with the weights."""
    to_ram_bytes_per_s: Fact[int] = NOT_RECORDED
    from_ram_bytes_per_s: Fact[int] = NOT_RECORDED
    """Between VRAM and page-locked RAM."""
    float32_operations_per_s: Fact[int] = NOT_RECORDED
    """Of a plain matrix product of our own; a multiplication and an addition are two."""
    float16_operations_per_s: Fact[int] = NOT_RECORDED
    int8_operations_per_s: Fact[int] = NOT_RECORDED
    tensor_operations_per_s: Fact[int] = NOT_RECORDED
    """float16 on tensor cores; absent where the card has none."""
    peak_read_bytes_per_s: Fact[int] = NOT_RECORDED
    """``Gpu.memory_bandwidth_bytes_per_s`` of the same card."""
    peak_link_bytes_per_s: Fact[int] = NOT_RECORDED
    """What the PCIe link carries one way at the width in use and the highest generation of card and slot."""
    busy_percent: Fact[int] = NOT_RECORDED
    """The card's utilisation before the test: speeds on a card that others use mean little."""


class SmokeCpu(Struct):
    read_bytes_per_s: Fact[int] = NOT_RECORDED
    """Reading RAM with as many threads as this process may use, 16 at the most."""


class SmokeRuntime(Struct):
    """Where one installed program computed when the smoke test tried it."""

    name: Fact[str] = NOT_RECORDED
    """``llama.cpp``, ``llama-cpp-python`` or ``torch``."""
    program: Fact[str] = NOT_RECORDED
    """Path of what was run; of a Python package its environment's interpreter."""
    ran_on: Fact[str] = NOT_RECORDED
    """``gpu`` or ``cpu``, by the driver; not recorded where it did not come to an end."""
    own_vram_bytes: Fact[int] = NOT_RECORDED
    """The most that its processes held at once, by NVML."""
    card_growth_bytes: Fact[int] = NOT_RECORDED
    """The most by which a card's use grew meanwhile, by NVML: weaker, since others may have caused it."""
    tokens_per_s: Fact[float] = NOT_RECORDED
    """Of the tiny model; absent where it has none. It says nothing of large models."""
    log: list[str] = field(default_factory=list)
    """The last lines that it printed."""


NOT_RUN = Unknown("the smoke test was not run (llmdoctor check --smoke)")


class Smoke(Struct):
    """What the smoke test found."""

    levels: Fact[list[SmokeLevel]] = NOT_RUN
    gpus: Fact[list[SmokeGpu]] = NOT_RUN
    cpu: SmokeCpu = field(default_factory=SmokeCpu)
    runtimes: Fact[list[SmokeRuntime]] = NOT_RUN


# --- a command that was watched ---------------------------------------------------------------


class Watch(Struct):
    """What ``llmdoctor run`` saw of a command and its children; all absent where none was watched."""

    command: Fact[list[str]] = None
    seconds: Fact[float] = None
    status: Fact[int] = None
    """Exit status; absent where a signal ended it."""
    signal: Fact[int] = None
    """The signal that ended it; absent where it ended by itself."""
    peak_rss_bytes: Fact[int] = None
    peak_vram_bytes: Fact[int] = None
    """Of the command alone, on all cards, by the driver; absent where there is no card."""
    peak_card_bytes: Fact[int] = None
    """In use on all cards by anybody."""
    lowest_free_vram_bytes: Fact[int] = None
    """What was left on all cards at the fullest moment."""
    swap_growth_bytes: Fact[int] = None
    oom_kills: Fact[int] = None
    """Processes that the kernel ended for want of memory in this control group meanwhile (memory.events)."""
    wants_gpu: Fact[bool] = None
    """The command line asks for layers on a GPU, or its program puts them there by itself."""
    predicted_vram_bytes: Fact[int] = None
    """By ``llmdoctor fit`` for this command line; absent where it cannot be reckoned."""


# --- the whole --------------------------------------------------------------------------------


class Machine(Struct):
    schema_version: int = SCHEMA_VERSION
    recorded_at: Optional[str] = None
    """ISO 8601 with offset; when the probes ran."""
    os: Os = field(default_factory=Os)
    container: Container = field(default_factory=Container)
    container_engine: ContainerEngine = field(default_factory=ContainerEngine)
    cpu: Cpu = field(default_factory=Cpu)
    memory: Memory = field(default_factory=Memory)
    disks: Fact[list[Disk]] = NOT_RECORDED
    gpus: Fact[list[Gpu]] = NOT_RECORDED
    """An empty list where no GPU was found; NVIDIA's first, in NVML's order."""
    driver: Driver = field(default_factory=Driver)
    cuda: Cuda = field(default_factory=Cuda)
    rocm: Rocm = field(default_factory=Rocm)
    vulkan: Vulkan = field(default_factory=Vulkan)
    intel: Intel = field(default_factory=Intel)
    env: Table = field(default_factory=dict)
    """Variables that steer GPUs and runtimes (CUDA_*, NVIDIA_*, HIP_*, HSA_*, ROCR_*, GGML_*, OLLAMA_*, PYTORCH_*, LD_LIBRARY_PATH, PATH …); a missing key is absent."""
    kernel_log: KernelLog = field(default_factory=KernelLog)
    network: Network = field(default_factory=Network)
    changes: Changes = field(default_factory=Changes)
    python_envs: Fact[list[PythonEnv]] = NOT_RECORDED
    runtimes: dict[str, Runtime] = field(default_factory=dict)
    """By name, every runtime that we know, installed or not."""
    smoke: Smoke = field(default_factory=Smoke)
    """Of ``llmdoctor smoke`` and ``check --smoke``."""
    watch: Watch = field(default_factory=Watch)
    """Of ``llmdoctor run``."""
