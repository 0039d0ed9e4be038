"""What readers of several runtimes need: sizes as printed, names of devices, loads that two programs tell together."""

from __future__ import annotations

import re
from contextlib import suppress
from typing import Any, Callable, Mapping, Optional

from ...facts.fact import Unknown
from ...facts.run import NOT_IN_LOG, Run, RunDevice
from ...logs.reader import Builder, Reader, value_of

MIB = 1 << 20
GIB = 1 << 30

MAX_FIGURE = 18
"""Digits of a number that a program may print of a machine: 64 bits hold them."""

_UNITS = {
    "b": 1, "bytes": 1, "kib": 1 << 10, "mib": MIB, "gib": GIB, "tib": 1 << 40,
    "kb": 10**3, "mb": 10**6, "gb": 10**9, "tb": 10**12,
}  # fmt: skip
_SIZE = re.compile(r"([\d.]+)\s*([A-Za-z]+)")
_BACKENDS = (
    ("cuda", "cuda"), ("rocm", "rocm"), ("hip", "rocm"), ("vulkan", "vulkan"), ("metal", "metal"), ("mtl", "metal"),
    ("sycl", "sycl"), ("opencl", "opencl"), ("musa", "musa"), ("cann", "cann"), ("rpc", "rpc"), ("gpuopencl", "opencl"),
)  # fmt: skip
_NAMES = {
    "cuda": "CUDA",
    "rocm": "ROCm",
    "vulkan": "Vulkan",
    "metal": "Metal",
    "sycl": "SYCL",
    "musa": "MUSA",
    "oneapi": "SYCL",
}


def size_of(text: str) -> Optional[int]:
    """Bytes of a printed size; None where it is none.

    >>> size_of("24.0 GiB"), size_of("288 MiB"), size_of("0 B"), size_of("lots")
    (25769803776, 301989888, 0, None)
    """
    found = _SIZE.search(text)
    unit = _UNITS.get(found.group(2).lower()) if found else None
    try:
        return round(float(found.group(1)) * unit) if found and unit else None
    except (ValueError, OverflowError):
        return None


def mebibytes(text: str) -> int:
    """Bytes of a printed number of MiB; 0 for what is no number."""
    try:
        return round(float(text) * MIB)
    except (ValueError, OverflowError):
        return 0


def backend_of(device: str) -> Optional[str]:
    """The backend that a device's name tells; ``cpu`` for all that lies in the host's memory.

    >>> backend_of("CUDA0"), backend_of("CUDA_Host"), backend_of("CPU_Mapped"), backend_of("MTL0"), backend_of("cuda:1")
    ('cuda', 'cpu', 'cpu', 'metal', 'cuda')
    """
    name = device.lower()
    if name.startswith(("cpu", "blas", "amx")) or name.endswith("_host"):
        return "cpu"
    return next((backend for start, backend in _BACKENDS if name.startswith(start)), None)


def device_name(buffer: str) -> str:
    """The device that a buffer's name tells: memory of a GPU that a file is mapped into is that GPU's.

    >>> device_name("Metal_Mapped"), device_name("CPU_Mapped"), device_name("CUDA0_Split"), device_name("CUDA_Host")
    ('Metal', 'CPU_Mapped', 'CUDA0', 'CUDA_Host')
    """
    if backend_of(buffer) == "cpu":
        return buffer
    buffer = buffer.partition("[")[0]  # RPC0[192.0.2.1:50052]
    for ending in ("_Mapped", "_Private", "_Split", "_Shared"):
        buffer = buffer.removesuffix(ending)
    return buffer


def named(library: str, number: int) -> str:
    """A device's name in ggml's manner, of a library that counts its devices.

    >>> named("cuda", 1), named("Metal", 0)
    ('CUDA1', 'Metal')
    """
    name = _NAMES.get(library.lower(), library)
    return name if name == "Metal" else f"{name}{number}"


def device(b: Builder, name: str) -> RunDevice:
    """The run's device of this name, with its backend."""
    if name.startswith("MTL"):
        for one in b.run.devices:
            if one.name == "Metal":
                one.name = name
    elif name == "Metal":
        name = next((one.name for one in b.run.devices if one.name.startswith("MTL")), name)
    found = b.device(name)
    backend = backend_of(name)
    if backend is not None:
        found.backend = backend
    return found


def gpus(b: Builder) -> list[RunDevice]:
    """The run's devices that are not the host's memory."""
    return [one for one in b.run.devices if one.backend != "cpu"]


def gpu_number(b: Builder, number: str) -> str:
    """Name of the GPU of this number, where a message tells the number alone: ``CUDA0``, or ``ROCm0`` where such are here."""
    ending = re.compile(rf"[A-Za-z]+{re.escape(number)}\Z")
    known = [one.name for one in gpus(b) if ending.match(one.name) and one.backend in ("cuda", "rocm", "musa")]
    return known[0] if known else f"CUDA{number}"


def unknown(value: object) -> bool:
    return isinstance(value, Unknown)


def runtime(b: Builder, name: str, line: int, engine: Optional[str] = None, sure: bool = True) -> None:
    """Whose log it is. What only hints at it (lines of an engine that others embed) never overrules what is sure."""
    state = _state(b)
    if sure and b.run.runtime != name and state.hint is not None and state.hint == b.run.runtime:
        b.run.version = NOT_IN_LOG
        b.set("runtime", name, line, again=True)
    elif unknown(b.run.runtime):
        b.set("runtime", name, line)
        if not sure:
            state.hint = name
    if engine is not None:
        b.set("engine", engine, line)


def is_runtime(name: str, engine: Optional[str] = None) -> Callable[[Builder, Mapping[str, str], int], None]:
    """An ``apply`` that tells the runtime and, of groups, whatever they name."""

    def apply(b: Builder, groups: Mapping[str, str], line: int) -> None:
        runtime(b, name, line, engine)
        plain(b, groups, line)

    return apply


def plain(b: Builder, groups: Mapping[str, str], line: int, again: bool = False) -> None:
    """Sets the fields that groups name, as a reader without ``apply`` does."""
    for group, text in groups.items():
        known = value_of(group, text)
        if known is not None:
            b.set(known[0], known[1], line, again=again)


def system_of_path(path: str) -> Optional[str]:
    """The operating system that a path tells.

    >>> system_of_path(r"C:\\\\Users\\\\a"), system_of_path("/home/a"), system_of_path("/Users/a"), system_of_path("a.gguf")
    ('windows', 'linux', 'macos', None)
    """
    if re.match(r"[A-Za-z]:[\\/]", path):
        return "windows"
    if path.startswith(("/Users/", "/opt/homebrew/", "/Volumes/", "/Applications/", "/private/")):
        return "macos"
    if path.startswith(("/home/", "/root/", "/usr/", "/mnt/", "/opt/", "/var/", "/srv/", "/data/", "/models/", "/media/")):
        return "linux"
    return None


def path(b: Builder, text: str, line: int) -> None:
    """Notes the operating system that a path tells."""
    system = system_of_path(text)
    if system is not None:
        b.set("os", system, line)


def ready(b: Builder, line: int) -> None:
    """The model is loaded: what failed on the way there was made up for."""
    b.run.failed_allocation = None
    b.set("outcome", "ready", line, again=True)


def failed(b: Builder, line: int) -> None:
    b.set("outcome", "failed", line, again=True)


def guarded(readers: tuple[Reader, ...]) -> tuple[Reader, ...]:
    """The same readers, which pass over a line whose figures are no numbers or beyond all sense."""
    return tuple(one if one.apply is None else one._replace(apply=_guarded(one.apply)) for one in readers)


def _guarded(apply: Callable[[Builder, Mapping[str, str], int], None]) -> Callable[[Builder, Mapping[str, str], int], None]:
    def careful(b: Builder, groups: Mapping[str, str], line: int) -> None:
        if all(len(text) < MAX_FIGURE or not text.strip("-.").isdigit() for text in groups.values()):
            with suppress(ValueError, OverflowError):
                apply(b, groups, line)

    return careful


class _Open:
    """What goes from one run of a log to the next."""

    def __init__(self) -> None:
        self.run: Optional[Run] = None
        self.note: dict[str, Any] = {}
        self.later: list[Callable[[], None]] = []
        self.gpus: dict[str, str] = {}
        self.hint: Optional[str] = None


def _state(b: Builder) -> _Open:
    state: _Open = b.log_note.setdefault("open", _Open())
    return state


def gpu_ids(b: Builder) -> dict[str, str]:
    """Ids of GPUs (``GPU-2f3c…``) to their names in this log, known from the server's start."""
    return _state(b).gpus


def at_next_load(b: Builder, what: Callable[[], None]) -> None:
    """Does this when the next load begins: some lines about a load stand before the line that begins its run."""
    later = _state(b).later
    if len(later) < 64:
        later.append(what)


def opened(b: Builder) -> None:
    """A launcher has begun a load: what the engine prints of its own beginning is the same load."""
    state = _state(b)
    _flush(state)
    state.run, state.note = b.run, b.note


def joined(b: Builder) -> bool:
    """At the engine's own first line of a load: whether it belongs to a load that a launcher has begun."""
    state = _state(b)
    if state.run is None:
        _flush(state)
        return False
    b.run, b.note, state.run = state.run, state.note, None
    return True


def _flush(state: _Open) -> None:
    for what in state.later:
        what()
    state.later.clear()
