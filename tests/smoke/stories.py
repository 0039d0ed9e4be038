"""What the workers said on an H100 (driver 580.159, CUDA 13.0), word for word but for the card's UUID; faults are changes of it."""

from __future__ import annotations

from typing import Any, Optional

from llmdoctor.facts.machine import Cpu, Driver, Gpu, Machine
from llmdoctor.host.host import Host
from llmdoctor.host.recording import Entry, Recording, replay
from llmdoctor.smoke.levels import ROOM_BYTES

Words = list[dict[str, Any]]

UUID = "GPU-00000000-1111-2222-3333-444444444444"
DRIVER: Words = [
    {"doing": "cuInit"},
    {"saw": {"cuda_version": 13000, "count": 1}},
    {"doing": "opening GPU 0"},
    {"saw": {"gpu": {"index": 0, "name": "NVIDIA H100 80GB HBM3", "uuid": UUID, "free_bytes": 84465090560,
                     "total_bytes": 85017493504, "compute_capability": "9.0"}}},
    {"done": True},
]  # fmt: skip
MEMORY: Words = [
    {"doing": "a context"},
    {"doing": "allocating 201326592 bytes"},
    {"doing": "writing and reading patterns"},
    {"saw": {"tested_bytes": 201326592}},
    {"doing": "timing copies on the GPU"},
    {"saw": {"copy_bytes_per_s": 2690956249174}},
    {"saw": {"read_bytes_per_s": 2710666117766}},
    {"doing": "timing copies between RAM and GPU"},
    {"saw": {"to_ram_bytes_per_s": 54975543808}},
    {"saw": {"from_ram_bytes_per_s": 54807444566}},
    {"done": True},
]
INFERENCE: Words = [
    {"doing": "a context"},
    {"doing": "compiling the kernels"},
    {"doing": "generating text"},
    {"saw": {"tokens": 24, "logit_error": 5.916915210013585e-07, "repeats": 3}},
    {"doing": "the float32 matrix product"},
    {"saw": {"product": {"name": "float32", "operations_per_s": 19502721916280}}},
    {"doing": "the float16 matrix product"},
    {"saw": {"product": {"name": "float16", "operations_per_s": 32217409064625}}},
    {"doing": "the int8 matrix product"},
    {"saw": {"product": {"name": "int8", "operations_per_s": 50629095268349}}},
    {"doing": "the float16 tensor core matrix product"},
    {"saw": {"product": {"name": "float16 tensor core", "operations_per_s": 148800141944976}}},
    {"done": True},
]
CPU: Words = [{"doing": "generating text"}, {"saw": {"tokens": 24}}, {"saw": {"read_bytes_per_s": 50000000000, "threads": 8}}, {"done": True}]  # fmt: skip


def story(words: Words, status: Optional[int] = 0, timed_out: bool = False, last_line: str = "") -> dict[str, Any]:
    return {"words": words, "status": status, "timed_out": timed_out, "last_line": last_line}


def host(**levels: dict[str, Any]) -> Host:
    """A Host on which these levels say this; the others are healthy."""
    told = {"driver": story(DRIVER), "memory": story(MEMORY), "inference": story(INFERENCE), "cpu": story(CPU), **levels}
    places: dict[str, tuple[int, int]] = {"driver": (-1, 0), "memory": (0, ROOM_BYTES), "inference": (0, 0), "cpu": (-1, 8)}
    entries = [
        Entry(kind="worker", key=["llmdoctor.smoke.worker", name, *places[name], 1], value=value)
        for name, value in told.items()
    ]
    return Host(replay(Recording(tool_version="0.1.0", answers=entries)))


def machine() -> Machine:
    gpu = Gpu(
        vendor="nvidia", name="NVIDIA H100 80GB HBM3", uuid=UUID, memory_bandwidth_bytes_per_s=3352320000000, pcie_generation_max=5,
        pcie_width=16, utilization_percent=0,
    )  # fmt: skip
    return Machine(gpus=[gpu], driver=Driver(hardware_present=True), cpu=Cpu(allowed_cores=8))
