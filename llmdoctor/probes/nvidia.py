"""NVIDIA cards as NVML sees them, joined with those that the bus shows.

Functions and constants: NVML API Reference Guide, docs.nvidia.com/deploy/nvml-api. What a card or
driver does not have is absent; what NVML refuses is unknown, with NVML's own name of the error.
"""

from __future__ import annotations

import re
from typing import Any, Callable, NamedTuple, Optional

from ..facts.fact import NOT_RECORDED, Fact, Unknown, all_unknown
from ..facts.machine import Driver, Gpu, GpuProcess
from ..host.host import Host

MAX_GPUS = 64

THROTTLE_REASONS = {
    0x1: "gpu_idle",
    0x2: "applications_clocks_setting",
    0x4: "sw_power_cap",
    0x8: "hw_slowdown",
    0x10: "sync_boost",
    0x20: "sw_thermal_slowdown",
    0x40: "hw_thermal_slowdown",
    0x80: "hw_power_brake_slowdown",
    0x100: "display_clock_setting",
}
"""nvmlClocksEventReasons."""
_COMPUTE_MODES = {0: "default", 1: "exclusive_thread", 2: "prohibited", 3: "exclusive_process"}
_DRIVER_MODELS = {0: "WDDM", 1: "TCC", 2: "MCDM"}
_RUNTIME_WORDS = (
    ("ollama", "ollama"), ("llama-server", "llama.cpp"), ("llama-cli", "llama.cpp"), ("lm studio", "lmstudio"),
    ("lm-studio", "lmstudio"), ("koboldcpp", "koboldcpp"), ("vllm", "vllm"), ("gpt4all", "gpt4all"), ("jan", "jan"),
)  # fmt: skip
_LOST = Unknown("NVML_ERROR_GPU_IS_LOST")
_SHARED_MEMORY = re.compile(r"\b(?:GB10|Thor|Orin|Xavier)\b")
"""Processors with NVIDIA graphics, which share the system's memory: DGX Spark User Guide, "Known Issues" (nvidia-smi says
"Memory-Usage: Not Supported"), and Jetson's, by NVML's names of them."""
_VGPU_GUEST = 2
"""NVML_GPU_VIRTUALIZATION_MODE_VGPU: the card of this virtual machine is a share of one."""
_LICENSED = 5
"""NVML_GRID_LICENSE_STATE_LICENSED of nvmlGridLicensableFeature_t.featureState."""


class Nvml(NamedTuple):
    """What NVML said, for the driver's facts too."""

    gpus: list[Gpu]
    error: Fact[str]
    """Name of the error if NVML did not start; absent if it did or nothing of NVIDIA is here."""
    driver_version: Fact[str]
    nvml_version: Fact[str]
    cuda_version: Fact[str]
    smi_error: Fact[str]
    smi_timed_out: Fact[bool]


def failed(reason: str) -> Nvml:
    """Nothing of NVML is known, for this reason."""
    why = Unknown(reason)
    return Nvml([], why, why, why, why, why, why)


def cuda_version(number: int) -> str:
    """12040 → ``12.4``.

    >>> cuda_version(13000)
    '13.0'
    """
    return f"{number // 1000}.{number % 1000 // 10}"


def bus_address(nvml: str) -> str:
    """NVML's bus id as Linux writes it: ``00000000:01:00.0`` → ``0000:01:00.0``, in lower case.

    >>> bus_address("0000000F:01:00.0"), bus_address("00010000:01:00.0")
    ('000f:01:00.0', '10000:01:00.0')
    """
    domain, _, rest = nvml.partition(":")
    return f"{int(domain, 16):04x}:{rest}".lower()


def throttle_names(mask: int) -> list[str]:
    """Names of the bits that are set."""
    return [name for bit, name in THROTTLE_REASONS.items() if mask & bit]


def runtime_of(name: str) -> Optional[str]:
    """The runtime that a program of this name belongs to; None if none that we know."""
    lower = name.lower().removesuffix(".exe")
    return next((runtime for word, runtime in _RUNTIME_WORDS if lower == word or (word in lower and word != "jan")), None)


def _known(fact: Fact[Any], convert: Callable[[Any], Any]) -> Fact[Any]:
    """The converted value; absent and unknown stay. A struct of an unknown shape is a reason, not an error."""
    if fact is None or isinstance(fact, Unknown):
        return fact
    try:
        return convert(fact)
    except (KeyError, TypeError, ValueError, IndexError):
        return Unknown("NVML's answer has an unknown shape")


def _any_licensed(features: dict[str, Any]) -> Optional[bool]:
    """Of nvmlGridLicensableFeatures_t; absent where this vGPU needs no licence."""
    if not features["isGridLicenseSupported"]:
        return None
    listed = features["gridLicensableFeatures"][: features["licensableFeaturesCount"]]
    return any(one["featureState"] == _LICENSED for one in listed)


class _Card:
    """Queries of one card."""

    def __init__(self, host: Host, index: int) -> None:
        self.host, self.index = host, index

    def ask(self, function: str, *arguments: Any, convert: Callable[[Any], Any] = lambda value: value) -> Fact[Any]:
        return _known(self.host.nvml(f"nvmlDeviceGet{function}", self.index, *arguments), convert)

    def processes(self) -> Fact[list[GpuProcess]]:
        """Every process once. Unknown where NVML does not list them, which is not the same as none."""
        found: dict[int, GpuProcess] = {}
        answered = False
        for function, kind in (("ComputeRunningProcesses", "compute"), ("GraphicsRunningProcesses", "graphics")):
            listed = self.ask(function)
            if isinstance(listed, Unknown):
                return listed
            answered |= listed is not None
            for one in listed if isinstance(listed, list) else []:
                pid = one.get("pid") if isinstance(one, dict) else None
                if isinstance(pid, int):
                    self._add(found, pid, kind, one.get("usedGpuMemory"))
        if not found and self.host.exists("/dev/dxg") is True:
            # "CUDA on WSL User Guide", known limitations: active compute processes are not told there.
            return Unknown("NVML lists no processes inside WSL")
        return list(found.values()) if answered else Unknown("NVML does not list processes of this card")

    def _add(self, found: dict[int, GpuProcess], pid: int, kind: str, used: object) -> None:
        known = found.get(pid)
        if known is None:
            name = self.host.process_name(pid)
            found[pid] = GpuProcess(
                pid=pid,
                name=name,
                # Under WDDM and in other PID namespaces NVML gives none.
                vram_bytes=used if isinstance(used, int) else Unknown("NVML does not tell per process here"),
                kind=kind,
                runtime=runtime_of(name) if isinstance(name, str) else None,
            )
        elif known.kind == kind and isinstance(known.vram_bytes, int) and isinstance(used, int):
            known.vram_bytes += used  # on another MIG instance; a process in both lists holds the same memory in both

    def licensed(self) -> Fact[bool]:
        """Whether a vGPU has its licence; absent where the card is none."""
        mode = self.ask("VirtualizationMode")
        if mode != _VGPU_GUEST:
            return mode if isinstance(mode, Unknown) else None
        return self.ask("GridLicensableFeatures", convert=_any_licensed)

    def bandwidth(self, name: Fact[str]) -> Fact[int]:
        width, clock = self.ask("MemoryBusWidth"), self.ask("MaxClockInfo", "NVML_CLOCK_MEM")
        if isinstance(width, int) and isinstance(clock, int) and width and clock:
            # NVML counts the memory clock so that two transfers a cycle give the datasheet's figure for GDDR and HBM alike.
            return width // 8 * clock * 1_000_000 * 2
        from ..catalogs.gpus import find_gpu

        known = find_gpu(name) if isinstance(name, str) else None
        found = known.memory_bandwidth_bytes_per_s if known is not None else None
        return found if found is not None else Unknown("neither NVML nor the catalogue tells")

    def memory(self, gpu: Gpu) -> None:
        memory = self.ask("MemoryInfo", "nvmlMemory_v2")
        if not isinstance(memory, dict):
            memory = self.ask("MemoryInfo")
        for field in ("total", "used", "free", "reserved"):
            value = _known(memory, lambda one, field=field: one.get(field))  # type: ignore[misc]
            setattr(gpu, f"vram_{field}_bytes", value)

    def read(self, windows: bool) -> Gpu:
        ask = self.ask
        identity = ask("PciInfo", convert=lambda one: bus_address(one["busId"]))
        device = ask("PciInfo", convert=lambda one: f"{one['pciDeviceId'] & 0xFFFF:04x}:{one['pciDeviceId'] >> 16:04x}")
        name = ask("Name")
        capability = ask("CudaComputeCapability", convert=lambda pair: f"{pair[0]}.{pair[1]}")
        rows = ask("RemappedRows")
        milliwatts = lambda value: value / 1000  # noqa: E731
        from ..catalogs.gpus import architecture_of

        gpu = Gpu(
            vendor="nvidia",
            index=self.index,
            name=name,
            uuid=ask("UUID"),
            pci_id=identity,
            pci_device=device,
            integrated=isinstance(name, str) and bool(_SHARED_MEMORY.search(name)),
            error=None,
            compute_capability=capability,
            architecture=_known(capability, lambda text: architecture_of(text) or Unknown(f"no name for {text}")),
            memory_bandwidth_bytes_per_s=self.bandwidth(name),
            gfx_target=None,
            gtt_total_bytes=None,
            driver_model=ask("CurrentDriverModel", convert=_DRIVER_MODELS.get) if windows else None,
            display_attached=ask("DisplayActive", convert=bool),
            mig_enabled=ask("MigMode", convert=lambda modes: bool(modes[0])),
            ecc_uncorrectable=ask("TotalEccErrors", "NVML_MEMORY_ERROR_TYPE_UNCORRECTED", "NVML_VOLATILE_ECC"),
            remapped_rows_pending=_known(rows, lambda four: bool(four[2])),
            remapped_rows_failed=_known(rows, lambda four: bool(four[3])),
            pcie_generation=ask("CurrPcieLinkGeneration"),
            pcie_generation_max=ask("MaxPcieLinkGeneration"),
            pcie_width=ask("CurrPcieLinkWidth"),
            pcie_width_max=ask("MaxPcieLinkWidth"),
            power_limit_watts=ask("PowerManagementLimit", convert=milliwatts),
            power_limit_default_watts=ask("PowerManagementDefaultLimit", convert=milliwatts),
            power_draw_watts=ask("PowerUsage", convert=milliwatts),
            temperature_celsius=ask("Temperature", "NVML_TEMPERATURE_GPU"),
            temperature_slowdown_celsius=ask("TemperatureThreshold", "NVML_TEMPERATURE_THRESHOLD_SLOWDOWN"),
            throttle_reasons=ask("CurrentClocksThrottleReasons", convert=throttle_names),
            sm_clock_mhz=ask("ClockInfo", "NVML_CLOCK_SM"),
            sm_clock_max_mhz=ask("MaxClockInfo", "NVML_CLOCK_SM"),
            utilization_percent=ask("UtilizationRates", convert=lambda one: one["gpu"]),
            persistence_mode=ask("PersistenceMode", convert=bool),
            compute_mode=ask("ComputeMode", convert=_COMPUTE_MODES.get),
            bar1_total_bytes=ask("BAR1MemoryInfo", convert=lambda one: one["bar1Total"]),
            processes=self.processes(),
            vgpu_licensed=self.licensed(),
        )
        self.memory(gpu)
        gpu.mig_devices = self._mig_devices() if gpu.mig_enabled is True else None
        # A card may still be opened and then be lost to the first query that reaches it.
        gpu.lost = any(getattr(gpu, field) == _LOST for field in Gpu.__struct_fields__)
        if isinstance(identity, Unknown):
            gpu.error = identity.unknown
        return gpu

    def _mig_devices(self) -> Fact[int]:
        most = self.ask("MaxMigDeviceCount")
        if not isinstance(most, int):
            return most
        found = (self.host.nvml("nvmlDeviceGetMigDeviceHandleByIndex", self.index, number) for number in range(min(most, 16)))
        return sum(1 for one in found if one is not None and not isinstance(one, Unknown))


def _pair(listed: list[Gpu], cards: list[Gpu]) -> list[tuple[Gpu, Optional[Gpu]]]:
    """Each of NVML's cards with the same card as the bus shows it: by address, else by its kind, else by its place."""
    left = list(cards)
    pairs: dict[int, Gpu] = {}

    def take(same: Callable[[Gpu, Gpu], bool]) -> None:
        for place, gpu in enumerate(listed):
            card = next((one for one in left if place not in pairs and same(gpu, one)), None)
            if card is not None:
                pairs[place] = card
                left.remove(card)

    take(lambda gpu, card: isinstance(gpu.pci_id, str) and gpu.pci_id == card.pci_id)
    # Windows' adapters have no address.
    take(lambda gpu, card: not isinstance(card.pci_id, str) and gpu.pci_device == card.pci_device)
    # A card that NVML cannot open has no address. Both lists are in the order of the bus ("nvmlDeviceGetHandleByIndex").
    take(lambda gpu, card: not isinstance(gpu.pci_id, str))
    return [(gpu, pairs.get(place)) for place, gpu in enumerate(listed)]


def _join(listed: list[Gpu], cards: list[Gpu], error: Fact[str], module: Fact[str]) -> list[Gpu]:
    """NVML's cards in its order with what the bus knows of them, then the cards that NVML does not list."""
    pairs = _pair(listed, cards)
    for gpu, card in pairs:
        if card is None:
            # Not on a bus that can be seen from here: Windows' driver serves WSL, and some containers hide sysfs.
            gpu.kernel_driver = "nvidia" if isinstance(module, str) else module
            gpu.runtime_power_state = Unknown("the bus does not show this card") if module is not None else None
            continue
        gpu.kernel_driver, gpu.runtime_power_state = card.kernel_driver, card.runtime_power_state
        gpu.lost = gpu.lost is True or card.lost is True
        for field in ("name", "pci_id", "pci_device"):
            if isinstance(getattr(gpu, field), Unknown):
                setattr(gpu, field, getattr(card, field))
        if isinstance(card.processes, list):
            gpu.processes = card.processes  # Windows counts memory per process, which NVML does not under WDDM
    paired = {id(card) for _, card in pairs}
    return [*listed, *(_unlisted(card, error) for card in cards if id(card) not in paired)]


def _unlisted(card: Gpu, error: Fact[str]) -> Gpu:
    """A card that the bus shows and NVML does not: its identity from the catalogue, the rest unknown with the reason."""
    started = error is None
    reason = error if isinstance(error, Unknown) else Unknown(error or "NVML does not list this card")
    gpu = all_unknown(Gpu, reason.unknown)
    for field in Gpu.__struct_fields__:
        if getattr(card, field) is not NOT_RECORDED:
            setattr(gpu, field, getattr(card, field))
    gpu.gfx_target = gpu.gtt_total_bytes = gpu.vgpu_licensed = None
    gpu.error = "NVML does not list it" if started else None
    from ..catalogs.gpus import architecture_of
    from ..catalogs.pci_ids import nvidia_compute_capability

    device = card.pci_device.partition(":")[2] if isinstance(card.pci_device, str) else ""
    capability = nvidia_compute_capability(int(device, 16)) if device else None
    if capability is not None:
        gpu.compute_capability = capability
        gpu.architecture = architecture_of(capability) or Unknown(f"no name for {capability}")
    return gpu


def _smi(host: Host) -> tuple[Fact[str], Fact[bool]]:
    """What nvidia-smi says where NVML failed: its text is what users and forms know."""
    done = host.run("nvidia-smi")
    if done is None or isinstance(done, Unknown):
        return done, done if isinstance(done, Unknown) else None
    if done.timed_out:
        return None, True
    if done.ok:
        return None, False
    text = " ".join((done.stdout + " " + done.stderr).split())
    return text[:300] or f"exit status {done.status}", False


def now(host: Host, index: int) -> Gpu:
    """Of one card what changes by the second: memory, load, heat, power, clock, processes."""
    card = _Card(host, index)
    gpu = Gpu(
        utilization_percent=card.ask("UtilizationRates", convert=lambda one: one["gpu"]),
        temperature_celsius=card.ask("Temperature", "NVML_TEMPERATURE_GPU"),
        power_draw_watts=card.ask("PowerUsage", convert=lambda milliwatts: milliwatts / 1000),
        sm_clock_mhz=card.ask("ClockInfo", "NVML_CLOCK_SM"),
        processes=card.processes(),
    )
    card.memory(gpu)
    return gpu


def probe(host: Host, cards: Fact[list[Gpu]], files: Driver) -> Nvml:
    """Asks NVML where anything of NVIDIA may be here; on a machine without, all is absent and nothing is run."""
    own = [card for card in cards if card.vendor == "nvidia"] if isinstance(cards, list) else []
    programs = host.which("nvidia-smi")
    has_program = isinstance(programs, list) and bool(programs)
    libraries = files.libnvidia_ml
    has_library = (bool(libraries) and not isinstance(libraries, Unknown)) or host.platform() == "windows"
    hints = (files.hardware_present, files.kernel_module_version, cards if not isinstance(cards, list) else None)
    if (
        not own
        and not has_library
        and not has_program
        and not any(hint is True or isinstance(hint, (str, Unknown)) for hint in hints)
    ):
        return Nvml([], None, None, None, None, None, None)
    error = host.nvml_start()
    if error is not None:
        smi_error, timed_out = _smi(host) if has_program else (None, None)
        why = error if isinstance(error, Unknown) else Unknown(error)
        if not own and host.platform() != "linux" and error == "NVML_ERROR_LIBRARY_NOT_FOUND":
            return Nvml([], None, None, None, None, None, None)
        return Nvml(_join([], own, error, None), error, why, why, why, smi_error, timed_out)
    count = host.nvml("nvmlDeviceGetCount")
    windows = host.platform() == "windows"
    listed = [_Card(host, index).read(windows) for index in range(min(count, MAX_GPUS))] if isinstance(count, int) else []
    if not isinstance(count, int):
        own_error = count if isinstance(count, Unknown) else Unknown("NVML does not count the cards")
        joined = [_unlisted(card, own_error) for card in own]
    else:
        joined = _join(listed, own, None, files.kernel_module_version)
    return Nvml(
        joined,
        None,
        host.nvml("nvmlSystemGetDriverVersion"),
        _known(host.nvml("nvmlSystemGetNVMLVersion"), str),
        _known(host.nvml("nvmlSystemGetCudaDriverVersion_v2"), cuda_version),
        None,
        None,
    )
