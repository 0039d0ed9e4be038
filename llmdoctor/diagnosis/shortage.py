"""The arithmetic of memory over one run that ran out: which part tipped it, by how many bytes, and what would fit."""

from __future__ import annotations

from typing import Any, Optional

from ..facts.fact import Fact, Unknown
from ..facts.run import Allocation, Run, RunDevice, Shortage, TorchMemory

FIT_MARGIN_BYTES = 1 << 30
"""Left free beside what is predicted: llama.cpp's own default of --fit-target (common/arg.cpp, 1024 MiB a device)."""
CONTEXT_STEP = 256
"""llama.cpp rounds n_ctx up to a multiple of this (src/llama-context.cpp, GGML_PAD)."""
OTHERS_SHARE = 0.15
"""A card's own reserve, its desktop and the CUDA context stay below this share of it; what goes beyond is another program's."""

IDLE_SHARE = 0.05
"""What PyTorch holds and does not use is fragmentation only from this share of the card on: some per cent are idle in any
full card, and a tidier pool would not have saved it (PyTorch docs, CUDA semantics, memory management)."""


def shortage_of(run: Run) -> Shortage:
    """All unknown for a run that did not run out of memory."""
    failed = run.failed_allocation
    if failed is None:
        return Shortage()
    if run.torch is not None:
        return _of_torch(run, failed, run.torch)
    device = _device(run, failed)
    if device is None:
        return Shortage(
            part=failed.part, device=failed.device, free_bytes=failed.free_bytes, total_bytes=failed.total_bytes,
            short_by_bytes=_less(failed.requested_bytes, failed.free_bytes),
        )  # fmt: skip
    if device.backend == "cpu" or device.name.startswith("CPU"):
        return _of_ram(run, failed, device)
    return _of_device(run, failed, device)


def _known(value: Fact[int]) -> Optional[int]:
    return value if isinstance(value, int) else None


def _less(a: Fact[int], b: Fact[int]) -> Fact[int]:
    if isinstance(a, int) and isinstance(b, int):
        return max(a - b, 0)
    return a if isinstance(a, Unknown) else b


def _device(run: Run, failed: Allocation) -> Optional[RunDevice]:
    gpus = [one for one in run.devices if one.backend != "cpu" and not one.name.startswith("CPU")]
    if isinstance(failed.device, str):
        named = [one for one in run.devices if one.name.lower() == failed.device.lower()]
        return named[0] if named else None
    return gpus[0] if len(gpus) == 1 else None


def _of_device(run: Run, failed: Allocation, device: RunDevice) -> Shortage:
    sizes = {name: _known(getattr(device, f"{name}_bytes")) for name in ("weights", "kv_cache", "compute")}
    requested = _known(failed.requested_bytes)
    part: Fact[str] = failed.part
    if isinstance(part, Unknown) and (isinstance(run.architecture, str) or any(sizes.values())):
        part = _by_order(sizes)
    field = part.replace("-", "_") if isinstance(part, str) else ""
    if requested is not None and field in sizes:
        # Parts are allocated whole or, of weights and caches, in a few pieces: the failed piece is at least its part's size.
        sizes[field] = max(sizes[field] or 0, requested)
    extra = requested if requested is not None and field not in sizes else 0
    need = sum(size or 0 for size in sizes.values()) + (extra or 0)
    free = failed.free_bytes if isinstance(failed.free_bytes, int) else device.free_bytes
    total = failed.total_bytes if isinstance(failed.total_bytes, int) else device.total_bytes
    held: Fact[int] = _less(total, free)
    if isinstance(held, int) and isinstance(total, int) and held > OTHERS_SHARE * total and need <= total * (1 - OTHERS_SHARE):
        part = "other-process"
    result = Shortage(
        part=part, device=device.name, need_bytes=need, free_bytes=free, total_bytes=total, held_by_others_bytes=held,
        short_by_bytes=_less(need, free),
    )  # fmt: skip
    for name, size in sizes.items():
        if size is not None:
            setattr(result, f"{name}_bytes", size)
    if isinstance(free, int):
        result.fitting_n_ctx = _context(run, free, sizes)
        result.fitting_gpu_layers = _layers(run, free, sizes)
    return result


def _by_order(sizes: dict[str, Optional[int]]) -> str:
    """llama.cpp allocates weights, then the KV cache, then compute buffers: the first that the log does not tell is what failed."""
    if sizes["weights"] is None:
        return "weights"
    return "kv-cache" if sizes["kv_cache"] is None else "compute"


def _context(run: Run, free: int, sizes: dict[str, Optional[int]]) -> Fact[int]:
    n_ctx, cache, weights = _known(run.n_ctx), sizes["kv_cache"], sizes["weights"]
    if not n_ctx or not cache or weights is None:
        return Shortage().fitting_n_ctx
    room = free - weights - (sizes["compute"] or 0) - FIT_MARGIN_BYTES
    return max(int(room * n_ctx / cache) // CONTEXT_STEP * CONTEXT_STEP, 0)


def _layers(run: Run, free: int, sizes: dict[str, Optional[int]]) -> Fact[int]:
    layers, weights = _known(run.gpu_layers_offloaded), sizes["weights"]
    gpus = [one for one in run.devices if one.backend != "cpu" and not one.name.startswith("CPU")]
    if not layers or not weights or len(gpus) != 1:
        return Shortage().fitting_gpu_layers
    per_layer = (weights + (sizes["kv_cache"] or 0)) / layers
    room = free - (sizes["compute"] or 0) - FIT_MARGIN_BYTES
    return min(max(int(room / per_layer), 0), layers)


def _of_ram(run: Run, failed: Allocation, device: RunDevice) -> Shortage:
    free = failed.free_bytes if isinstance(failed.free_bytes, int) else run.ram_free_bytes
    return Shortage(
        part="ram", device="RAM", need_bytes=failed.requested_bytes, free_bytes=free, total_bytes=run.ram_total_bytes,
        short_by_bytes=_less(failed.requested_bytes, free), weights_bytes=device.weights_bytes,
        kv_cache_bytes=device.kv_cache_bytes, compute_bytes=device.compute_bytes,
    )  # fmt: skip


def _of_torch(run: Run, failed: Allocation, torch: TorchMemory) -> Shortage:
    requested, free, total = _known(failed.requested_bytes), _known(failed.free_bytes), _known(failed.total_bytes)
    own = _known(torch.this_process_bytes)
    if own is None and isinstance(torch.allocated_bytes, int):
        own = torch.allocated_bytes + (_known(torch.reserved_unallocated_bytes) or 0)
    others: Optional[int] = _known(torch.other_processes_bytes)
    if others is None and total is not None and free is not None and own is not None:
        others = max(total - free - own, 0)
    part: Fact[str] = failed.part
    idle = _known(torch.reserved_unallocated_bytes)
    if requested is not None and idle is not None and idle >= max(requested, IDLE_SHARE * (total or 0)):
        part = "fragmentation"
    elif requested is not None and total is not None and others is not None and others > max(OTHERS_SHARE * total, requested):
        part = "other-process"
    result: dict[str, Any] = {"part": part, "device": failed.device}
    for name, value in (
        ("free_bytes", free), ("total_bytes", total), ("held_by_others_bytes", others),
        ("need_bytes", own + requested if own is not None and requested is not None else None),
        ("short_by_bytes", max(requested - free, 0) if requested is not None and free is not None else None),
    ):  # fmt: skip
        if value is not None:
            result[name] = value
    return Shortage(**result)
