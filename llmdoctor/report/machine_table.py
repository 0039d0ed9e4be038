"""The machine as a maintainer asks for it: one row a thing, what could not be read with its reason."""

from __future__ import annotations

from typing import Iterator

from ..facts.fact import Unknown
from ..facts.machine import Gpu, Machine, Runtime
from ..facts.units import show_bytes

MAX_HOLDERS = 4
MAX_DISKS = 4


def rows(machine: Machine) -> Iterator[tuple[str, str]]:
    """(what, value), in the order in which they are asked for. Nothing that is absent or was not recorded."""
    yield from _runtimes(machine)
    gpus = machine.gpus
    if isinstance(gpus, Unknown):
        yield "GPU", f"unknown ({gpus.unknown})"
    elif not gpus:
        yield "GPU", "none found"
    else:
        for number, gpu in enumerate(gpus):
            yield f"GPU {number}", _gpu(gpu)
            holders = _holders(gpu)
            if holders:
                yield "VRAM held by", holders
    driver = [f"{_text(machine.driver.version)}"] if _text(machine.driver.version) else []
    driver += [f"CUDA {machine.driver.cuda_version} at most"] if _text(machine.driver.cuda_version) else []
    if driver:
        yield "Driver", ", ".join(driver)
    yield "OS", _os(machine)
    cpu = machine.cpu
    cores = f", {cpu.logical_cores} threads" if isinstance(cpu.logical_cores, int) else ""
    extensions = [word for word, has in (("AVX2", cpu.avx2), ("AVX-512", cpu.avx512f), ("NEON", cpu.neon)) if has is True]
    yield "CPU", f"{_text(cpu.model) or 'unknown'}{cores}{', ' + ', '.join(extensions) if extensions else ''}"
    yield "RAM", _ram(machine)
    for where, places in list(_disks(machine).items())[:MAX_DISKS]:
        yield "Disk", f"{', '.join(places)}: {where}"
    for env in machine.python_envs if isinstance(machine.python_envs, list) else []:
        if isinstance(env.torch_version, str):
            yield "PyTorch", f"{env.torch_version} in {_text(env.path) or 'an environment'}"


def _text(value: object) -> str:
    return "" if value is None or isinstance(value, Unknown) else str(value)


def _runtimes(machine: Machine) -> Iterator[tuple[str, str]]:
    for name, runtime in machine.runtimes.items():
        if runtime.installed is True:
            yield name, describe_runtime(runtime)


def describe_runtime(runtime: Runtime) -> str:
    """Version, how it was installed, whether it runs, its backends."""
    words = [_text(runtime.version) or "version unknown"]
    words += [f"installed as {runtime.packaging}"] if _text(runtime.packaging) else []
    words += ["running" if runtime.running else "not running"] if isinstance(runtime.running, bool) else []
    if isinstance(runtime.api_version, str) and runtime.api_version != runtime.version:
        words.append(f"the running server says {runtime.api_version}")
    words += [f"backends {', '.join(runtime.backends)}"] if isinstance(runtime.backends, list) and runtime.backends else []
    return ", ".join(words)


def _gpu(gpu: Gpu) -> str:
    words = [_text(gpu.name) or f"{_text(gpu.vendor) or 'unknown'} GPU {_text(gpu.pci_device)}".strip()]
    if isinstance(gpu.vram_total_bytes, int):
        free = f", {show_bytes(gpu.vram_free_bytes)} free" if isinstance(gpu.vram_free_bytes, int) else ""
        words.append(f"{show_bytes(gpu.vram_total_bytes)}{free}")
    if _text(gpu.compute_capability) or _text(gpu.gfx_target):
        words.append(f"compute capability {gpu.compute_capability}" if _text(gpu.compute_capability) else _text(gpu.gfx_target))
    words += [_text(gpu.error)] if _text(gpu.error) else []
    return ", ".join(words)


def _holders(gpu: Gpu) -> str:
    held = [one for one in (gpu.processes if isinstance(gpu.processes, list) else []) if isinstance(one.vram_bytes, int)]
    held.sort(key=lambda one: -one.vram_bytes if isinstance(one.vram_bytes, int) else 0)
    told = [
        f"{_text(one.name) or 'a process'} {show_bytes(one.vram_bytes)}"
        for one in held[:MAX_HOLDERS]
        if isinstance(one.vram_bytes, int)
    ]
    return ", ".join([*told, *([f"{len(held) - MAX_HOLDERS} more"] if len(held) > MAX_HOLDERS else [])])


def _os(machine: Machine) -> str:
    os = machine.os
    words = [_text(os.name) or _text(os.family) or "unknown"]
    words += [f"kernel {os.kernel}"] if _text(os.kernel) and os.family == "linux" else []
    words += [_text(os.architecture)] if _text(os.architecture) else []
    words += [f"WSL{os.wsl_version}"] if isinstance(os.wsl_version, int) else []
    words += [f"in {machine.container.kind}"] if _text(machine.container.kind) else []
    return ", ".join(words)


def _ram(machine: Machine) -> str:
    memory = machine.memory
    if not isinstance(memory.total_bytes, int):
        return "unknown"
    words = [show_bytes(memory.total_bytes)]
    words += [f"{show_bytes(memory.available_bytes)} available"] if isinstance(memory.available_bytes, int) else []
    words += [f"swap {show_bytes(memory.swap_total_bytes)}"] if isinstance(memory.swap_total_bytes, int) else []
    words += [_text(memory.ram_type)] if _text(memory.ram_type) else []
    return ", ".join(words)


def _disks(machine: Machine) -> dict[str, list[str]]:
    """What is free to the places that share it."""
    found: dict[str, list[str]] = {}
    for disk in machine.disks if isinstance(machine.disks, list) else []:
        if isinstance(disk.free_bytes, int):
            kind = ", ".join(part for part in (_text(disk.filesystem), _text(disk.medium)) if part)
            total = f" of {show_bytes(disk.total_bytes)}" if isinstance(disk.total_bytes, int) else ""
            where = f"{show_bytes(disk.free_bytes)} free{total}{f' ({kind})' if kind else ''}"
            found.setdefault(where, []).append(_text(disk.path))
    return found
