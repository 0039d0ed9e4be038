"""PyTorch's out-of-memory messages, from 1.x to 2.13, for CUDA, ROCm, XPU, MPS and the processor.

Formats: pytorch/pytorch, c10/cuda/CUDACachingAllocator.cpp (2.1 split the message into sentences and added what other
processes hold; "capacty" was its spelling for a while), c10/xpu/XPUCachingAllocator.cpp,
aten/src/ATen/mps/MPSAllocator.mm, c10/core/impl/alloc_cpu.cpp.
"""

from __future__ import annotations

import re
from typing import Mapping, Optional

from ...facts.run import TorchMemory
from ...logs.reader import Builder, Reader
from .log_tools import guarded, path, size_of

Groups = Mapping[str, str]

_SIZE = r"[\d.]+ (?:[KMGT]iB|bytes)"
_PROCESS = re.compile(r"Process \d+ has ([\d.]+ (?:[KMGT]iB|bytes)) memory in use")
_GPU_WORDS = {"CUDA": ("cuda", "cuda"), "HIP": ("cuda", "rocm"), "XPU": ("xpu", "sycl"), "MUSA": ("musa", "musa")}


def _size(groups: Groups, group: str) -> Optional[int]:
    return size_of(groups[group]) if group in groups else None


def _gpu(b: Builder, groups: Groups, line: int) -> None:
    kind, backend = _GPU_WORDS[groups["kind"]]
    requested, total, free = (_size(groups, group) for group in ("requested", "total", "free"))
    name = f"{kind}:{groups['number']}" if "number" in groups else None
    if name is not None:
        device = b.device(name)
        device.backend = backend
        if total is not None:
            device.total_bytes = total
    b.fail(line, requested_bytes=requested, device=name, free_bytes=free, total_bytes=total)
    if b.run.torch is not None:
        return
    own, allocated, idle = _size(groups, "own"), _size(groups, "allocated"), _size(groups, "idle")
    reserved = _size(groups, "reserved")
    if idle is None and reserved is not None and allocated is not None:
        idle = max(reserved - allocated, 0)
    b.run.torch = memory = TorchMemory()
    if own is not None:
        memory.this_process_bytes = own
    if allocated is not None:
        memory.allocated_bytes = allocated
    if idle is not None:
        memory.reserved_unallocated_bytes = idle
    others = _others(groups.get("others", ""), total, free, own)
    if others is not None:
        memory.other_processes_bytes = others


def _others(processes: str, total: Optional[int], free: Optional[int], own: Optional[int]) -> Optional[int]:
    """What other processes hold. In containers the driver names none, or with figures beyond all sense (2**64)."""
    named = sum(size_of(one) or 0 for one in _PROCESS.findall(processes))
    if named and (total is None or named <= total):
        return named
    if total is None or free is None or own is None:
        return None
    return max(total - free - own, 0)


def _mps(b: Builder, groups: Groups, line: int) -> None:
    device = b.device("mps")
    device.backend = "metal"
    total, other = _size(groups, "limit"), _size(groups, "other")
    allocated = _size(groups, "allocated")
    if total is not None:
        device.total_bytes = total
    free = max(total - (allocated or 0) - (other or 0), 0) if total is not None else None
    b.fail(line, requested_bytes=_size(groups, "requested"), device="mps", free_bytes=free, total_bytes=total)
    b.set("os", "macos", line)
    if b.run.torch is None and allocated is not None:
        b.run.torch = TorchMemory(allocated_bytes=allocated, this_process_bytes=allocated + (other or 0))


def _cpu(b: Builder, groups: Groups, line: int) -> None:
    b.device("CPU").backend = "cpu"
    b.fail(line, requested_bytes=int(groups["bytes"]), device="CPU")


_MATCH_OLD = (
    rf" \(GPU (?P<number>\d+); (?P<total>{_SIZE}) total capacity; (?P<allocated>{_SIZE}) already allocated; "
    rf"(?P<free>{_SIZE}) free; (?:{_SIZE} allowed; )?(?:(?P<reserved>{_SIZE}) (?:reserved in total by PyTorch|cached))?"
)
_MATCH_NEW = (
    r"\. GPU (?P<number>\d+) has a total capac(?:i)?ty of (?P<total>SIZE)(?: of which (?P<free>SIZE) is free)?\.?"
    r"(?: SIZE allowed[;.])?(?P<others>(?: Process \d+ has SIZE memory in use\.)*)"
    r"(?: Including non-PyTorch memory, this process has (?P<own>SIZE) memory in use\.)?"
    r"(?: SIZE allowed[;.])?"
    r"(?: Of the allocated memory (?P<allocated>SIZE) is allocated by PyTorch,(?: with SIZE allocated in private pools \([^)]*\),)? "
    r"and (?P<idle>SIZE) is reserved by PyTorch but unallocated)?"
).replace("SIZE", _SIZE)
_START = rf"(?P<kind>CUDA|HIP|XPU|MUSA) out of memory\. Tried to allocate (?P<requested>{_SIZE})"
_LITERALS = tuple(f"{kind} out of memory. Tried to allocate" for kind in _GPU_WORDS)

READERS: tuple[Reader, ...] = guarded((
    Reader(_LITERALS, _START + _MATCH_NEW, _gpu),
    Reader(_LITERALS, _START + _MATCH_OLD, _gpu),
    Reader(
        ("MPS backend out of memory",),
        rf"MPS allocated: (?P<allocated>{_SIZE}, |[\d.]+ [KMGT]B, )other allocations: (?P<other>[\d.]+ \w+), max allowed: (?P<limit>[\d.]+ \w+)\)\. Tried to allocate (?P<requested>[\d.]+ \w+)",
        _mps,
    ),
    # Where a traceback's files lie.
    Reader(
        ('File "/', 'File "C:\\', 'File "D:\\', 'File "E:\\', 'File "F:\\'), r"File \"(?P<path>[^\"]+)\", line \d+",
        lambda b, groups, line: path(b, groups["path"], line),
    ),
    Reader(("DefaultCPUAllocator: ",), r"DefaultCPUAllocator: .*you tried to allocate (?P<bytes>\d+) bytes", _cpu),
    # The message without its figures: from cuBLAS, NCCL or the driver.
    Reader(
        ("RuntimeError: CUDA error: out of memory", "AcceleratorError: CUDA error: out of memory", "cudaErrorMemoryAllocation"),
        r"CUDA error: out of memory|cudaErrorMemoryAllocation", lambda b, groups, line: b.fail(line),
    ),
))  # fmt: skip
"""For every program that PyTorch is built into."""
