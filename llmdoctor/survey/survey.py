"""From a Host to a Machine. The one place that knows which probe needs what of which other.

Looking must not change what is looked at. NVIDIA's libraries may load modules and make device nodes
when they start, so modules and nodes are written down before; then NVML and cuInit run in their
children while the files are read.
"""

from __future__ import annotations

import threading
import time
from typing import Any, Callable, NamedTuple, Optional

from ..facts.fact import NOT_RECORDED, REST, Unknown, all_unknown
from ..facts.machine import (
    Changes,
    Container,
    ContainerEngine,
    Cpu,
    Cuda,
    Driver,
    Gpu,
    Intel,
    KernelLog,
    Machine,
    Memory,
    Network,
    Os,
    Rocm,
    Runtime,
    Vulkan,
)
from ..host.host import Host
from .sound import sound
from .tasks import Tasks


class Seen(NamedTuple):
    machine: Machine
    timings_ms: dict[str, float]
    """How long each probe took, milliseconds."""


def _struct(kind: Any) -> Callable[[str], Any]:
    return lambda reason: all_unknown(kind, reason)


def look(host: Host, deadline_s: float, heard: Optional[Callable[[str, Any], None]] = None) -> Seen:
    """Everything about the machine behind this Host. Never raises; what did not answer in time is unknown, with that reason.

    ``heard`` is told the name and the value of each probe as it answers, in that probe's thread.
    """
    begin(host)
    from ..probes import (
        amd,
        changes,
        container,
        container_engine,
        cpu,
        cuda,
        disk,
        driver,
        environment,
        intel,
        kernel_log,
        memory,
        network,
        nvidia,
        pci,
        python_envs,
        rocm,
        system,
        vulkan,
    )
    from ..runtimes import all_runtimes
    from ..runtimes.surroundings import Surroundings

    tasks = Tasks(deadline_s, heard)
    run, unknown = tasks.start, Unknown

    # The longest chain first: the cards, the driver's files, NVML, cuInit.
    run("pci", lambda: pci.pci_gpus(host), unknown)
    run("driver_files", lambda cards: driver.driver_files(host, cards), _struct(Driver), ("pci",))
    run("nvidia", lambda files, cards: nvidia.probe(host, cards, files), nvidia.failed, ("driver_files", "pci"))
    run("cuda_init", lambda files, nvml: driver.finish(host, files, nvml), _struct(Driver), ("driver_files", "nvidia"))
    run("processes", host.processes, unknown)
    run("python_envs", lambda: python_envs.probe(host), unknown)
    run("os", lambda: system.probe(host), _struct(Os))
    run("env", lambda: environment.probe(host), lambda why: {REST: unknown(why)})
    run("cpu", lambda: cpu.probe(host), _struct(Cpu))
    run("memory", lambda: memory.probe(host), _struct(Memory))
    run("container", lambda: container.probe(host), _struct(Container))
    run("network", lambda: network.probe(host), _struct(Network))
    run("vulkan", lambda: vulkan.probe(host), _struct(Vulkan))
    run("rocm", lambda: rocm.probe(host), _struct(Rocm))
    run("amd", lambda cards: amd.amd_gpus(host, cards), lambda why: [], ("pci",))
    run("intel", lambda: intel.probe(host), _struct(Intel))
    run("container_engine", lambda: container_engine.probe(host), _struct(ContainerEngine))
    run("cuda", lambda: cuda.probe(host), _struct(Cuda))
    run("changes", lambda os: changes.probe(host, *_boot_and_now(host, os)), _struct(Changes), ("os",))

    # Runtimes, and what depends on them.
    def surroundings(processes: Any, envs: Any, env: Any) -> Surroundings:
        return Surroundings(
            processes=processes, listeners=host.listeners(), python_envs=envs, env=env, platform=host.platform()
        )

    run("surroundings", surroundings, lambda why: None, ("processes", "python_envs", "env"))
    modules = all_runtimes()
    for module in modules:
        run(
            f"runtime {module.NAME}",
            lambda around, module=module: module.probe(host, around),
            _struct(Runtime),
            ("surroundings",),
        )

    names = tuple(f"runtime {module.NAME}" for module in modules)

    def disks(*runtimes: Runtime) -> Any:
        return disk.probe(host, places(host, {module.NAME: one for module, one in zip(modules, runtimes)}))

    run("disks", disks, unknown, names)

    def log(cards: Any, files: Driver, *runtimes: Runtime) -> KernelLog:
        known = cards if isinstance(cards, list) else []
        # Without a GPU and without a runtime there is nothing that the kernel could have done to them.
        matters = bool(known) or files.hardware_present is not False or any(one.installed is not False for one in runtimes)
        return kernel_log.probe(host, matters, [gpu.pci_id for gpu in known if isinstance(gpu.pci_id, str)])

    run("kernel_log", log, _struct(KernelLog), ("pci", "driver_files", *names))

    get = tasks.value
    cards: Any = get("pci")
    machine = Machine(
        recorded_at=time.strftime("%Y-%m-%dT%H:%M:%S%z"),
        os=get("os"),
        container=get("container"),
        container_engine=get("container_engine"),
        cpu=get("cpu"),
        memory=get("memory"),
        disks=get("disks"),
        gpus=_gpus(cards, get("nvidia").gpus, get("amd")),
        driver=get("cuda_init"),
        cuda=get("cuda"),
        rocm=get("rocm"),
        vulkan=get("vulkan"),
        intel=get("intel"),
        env=get("env"),
        kernel_log=get("kernel_log"),
        network=get("network"),
        changes=get("changes"),
        python_envs=get("python_envs"),
        runtimes={module.NAME: get(f"runtime {module.NAME}") for module in modules},
    )
    return Seen(sound(machine), dict(tasks.timings_ms))


def begin(host: Host) -> None:
    """Starts NVML and cuInit, which take the longest, as soon as the state before them is written down. ``look`` does it
    by itself; a caller that has something else to do first may begin earlier.

    The Host asks every question once, so that the probes later get the nodes and modules as they were, and wait for the
    answers that are under way. Nothing is started where no libcuda is known to the loader and no module is loaded.
    """
    from ..probes import driver

    driver.before_libraries(host)
    if not driver.is_worth_asking(host):
        return
    for question in (host.cuda_init, host.nvml_start):
        threading.Thread(target=question, daemon=True).start()


def _boot_and_now(host: Host, os: Os) -> tuple[Any, Any]:
    """Seconds since 1970 of the last boot and of now."""
    now = host.system("now")
    if not isinstance(now, int) or not isinstance(os.uptime_s, int):
        return (os.uptime_s if isinstance(os.uptime_s, Unknown) else Unknown("the time of the last boot is not known")), now
    return now - os.uptime_s, now


def places(host: Host, runtimes: dict[str, Runtime]) -> dict[str, list[str]]:
    """Folders that hold models or will, and who uses them: runtimes by name, ``home``, ``tmp``, ``huggingface``."""
    found: dict[str, list[str]] = {}
    home, tmp = host.home(), host.system("tmp")
    if isinstance(home, str):
        found[home] = ["home"]
    if isinstance(tmp, str):
        found.setdefault(tmp, []).append("tmp")
    # HF_HUB_CACHE, else HF_HOME/hub, else ~/.cache/huggingface/hub: huggingface_hub's documentation, "Environment variables".
    hub, hf_home = host.env("HF_HUB_CACHE"), host.env("HF_HOME")
    cache = hub if isinstance(hub, str) else hf_home if isinstance(hf_home, str) else host.in_home(".cache/huggingface")
    if cache is not None and host.exists(cache) is True:
        found.setdefault(cache, []).append("huggingface")
    for name, runtime in runtimes.items():
        if isinstance(runtime.models_path, str):
            found.setdefault(runtime.models_path, []).append(name)
    return found


def _gpus(cards: Any, nvidia_gpus: list[Gpu], amd_gpus: list[Gpu]) -> Any:
    """NVIDIA's first, in NVML's order, then AMD's, then the others as the bus shows them.

    A card whose own probe gave nothing (it failed, or its time was up) still stands here as the bus shows it.
    """
    found = [*nvidia_gpus, *amd_gpus]
    if not isinstance(cards, list):
        return found or cards
    probed = {gpu.vendor for gpu in found}
    others = [gpu for gpu in cards if gpu.vendor not in probed]
    for gpu in others:
        _fill(gpu, Unknown(f"not read for this card of {gpu.vendor}"))
    return [*found, *others]


def _fill(gpu: Gpu, reason: Unknown) -> None:
    for name in Gpu.__struct_fields__:
        if getattr(gpu, name) is NOT_RECORDED:
            setattr(gpu, name, reason)
