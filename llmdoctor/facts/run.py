"""What one log says of one run of a runtime: its settings, its memory per device, what failed, how it ended.

Every field is what the log itself prints; what it does not print is unknown. Formats differ between versions, so
a reader may fill only some of them. All sizes are bytes; MiB in logs of llama.cpp and Ollama is 1024², GB in
PyTorch's messages GiB.
"""

from __future__ import annotations

from typing import Optional

from msgspec import Struct, field

from .fact import Fact, Unknown

NOT_IN_LOG = Unknown("the log does not tell")


class RunDevice(Struct, kw_only=True):
    """One device of a run and what the run put there."""

    name: str
    """As the log calls it: ``CUDA0``, ``ROCm0``, ``Vulkan1``, ``Metal``, ``CPU``, ``CUDA_Host``, ``cuda:0``."""
    description: Fact[str] = NOT_IN_LOG
    """``NVIDIA GeForce RTX 3060``."""
    backend: Fact[str] = NOT_IN_LOG
    """``cuda``, ``rocm``, ``vulkan``, ``metal``, ``sycl``, ``cpu``."""
    compute_capability: Fact[str] = NOT_IN_LOG
    total_bytes: Fact[int] = NOT_IN_LOG
    free_bytes: Fact[int] = NOT_IN_LOG
    """Free before this run took anything."""
    weights_bytes: Fact[int] = NOT_IN_LOG
    kv_cache_bytes: Fact[int] = NOT_IN_LOG
    """KV cache and recurrent state together."""
    compute_bytes: Fact[int] = NOT_IN_LOG
    """Compute (activation) buffers."""


class Allocation(Struct, kw_only=True):
    """The allocation that failed."""

    requested_bytes: Fact[int] = NOT_IN_LOG
    device: Fact[str] = NOT_IN_LOG
    part: Fact[str] = NOT_IN_LOG
    """``weights``, ``kv-cache``, ``compute``, ``mmproj``, ``draft``, ``output``; what the lines around it say it was for."""
    free_bytes: Fact[int] = NOT_IN_LOG
    """Free on the device at that moment, where the message says so."""
    total_bytes: Fact[int] = NOT_IN_LOG
    line: Optional[int] = None


class TorchMemory(Struct, kw_only=True):
    """The figures of PyTorch's own out-of-memory message."""

    this_process_bytes: Fact[int] = NOT_IN_LOG
    """All that this process holds, other than PyTorch's memory too."""
    allocated_bytes: Fact[int] = NOT_IN_LOG
    """In use by tensors."""
    reserved_unallocated_bytes: Fact[int] = NOT_IN_LOG
    """Kept by PyTorch's allocator and in use by nothing: large means fragmentation."""
    other_processes_bytes: Fact[int] = NOT_IN_LOG
    """Total less free less this process."""


class ExitStatus(Struct, kw_only=True):
    """How a process ended, decoded."""

    spelling: str
    """As printed: ``exit status 0xc0000005``, ``signal: killed``, ``exit code: 137``."""
    names: list[str] = field(default_factory=list)
    """What it may stand for: ``SIGKILL``, ``STATUS_ACCESS_VIOLATION``, … Several where the spelling lost digits."""
    line: Optional[int] = None


class Run(Struct, kw_only=True):
    """One start of a model (or of a server that did not come to it), as its log tells it."""

    log: Optional[str] = None
    """Name of the log."""
    first_line: Optional[int] = None
    last_line: Optional[int] = None
    runtime: Fact[str] = NOT_IN_LOG
    """Key of a runtime: ``ollama``, ``llama.cpp``, ``vllm``, …"""
    engine: Fact[str] = NOT_IN_LOG
    """``llama.cpp``, ``ollama`` (its own engine), ``vllm``, ``exllamav2``, ``exllamav3``, ``transformers``."""
    version: Fact[str] = NOT_IN_LOG
    """Of the runtime; a llama.cpp build as ``b11000``."""
    os: Fact[str] = NOT_IN_LOG
    """``linux``, ``windows``, ``macos``: by paths, programs and messages in the log."""
    command_line: Fact[str] = NOT_IN_LOG
    model: Fact[str] = NOT_IN_LOG
    """Name or path, as printed."""
    architecture: Fact[str] = NOT_IN_LOG
    quantization: Fact[str] = NOT_IN_LOG
    parameters: Fact[int] = NOT_IN_LOG
    model_bytes: Fact[int] = NOT_IN_LOG
    """Size of the model's tensors or file."""
    n_ctx: Fact[int] = NOT_IN_LOG
    """Context length over all slots (llama.cpp ``n_ctx``; Ollama KvSize; vLLM max_model_len)."""
    n_ctx_seq: Fact[int] = NOT_IN_LOG
    """Context of one slot or sequence."""
    n_ctx_train: Fact[int] = NOT_IN_LOG
    n_ctx_source: Fact[str] = NOT_IN_LOG
    """Who chose it, where the log tells: ``user``, ``default``, ``model``, ``fit``."""
    n_parallel: Fact[int] = NOT_IN_LOG
    n_batch: Fact[int] = NOT_IN_LOG
    n_ubatch: Fact[int] = NOT_IN_LOG
    cache_type_k: Fact[str] = NOT_IN_LOG
    cache_type_v: Fact[str] = NOT_IN_LOG
    flash_attention: Fact[bool] = NOT_IN_LOG
    gpu_layers_requested: Fact[int] = NOT_IN_LOG
    """-1 for "all"."""
    gpu_layers_offloaded: Fact[int] = NOT_IN_LOG
    layers_total: Fact[int] = NOT_IN_LOG
    """Layers that could be offloaded, the output layer counted as llama.cpp does."""
    n_threads: Fact[int] = NOT_IN_LOG
    use_mmap: Fact[bool] = NOT_IN_LOG
    use_mlock: Fact[bool] = NOT_IN_LOG
    dtype: Fact[str] = NOT_IN_LOG
    gpu_memory_utilization: Fact[float] = NOT_IN_LOG
    """vLLM's share of the card, 0 to 1."""
    tensor_parallel: Fact[int] = NOT_IN_LOG
    kv_cache_tokens: Fact[int] = NOT_IN_LOG
    """Tokens that fit into vLLM's or ExLlama's pool."""
    devices: list[RunDevice] = field(default_factory=list)
    """GPUs in order, then ``CPU``."""
    gpus_found: Fact[int] = NOT_IN_LOG
    """GPUs that the runtime says it can use; 0 where it says that there are none."""
    ram_total_bytes: Fact[int] = NOT_IN_LOG
    ram_free_bytes: Fact[int] = NOT_IN_LOG
    decode_tokens_per_s: Fact[float] = NOT_IN_LOG
    failed_allocation: Optional[Allocation] = None
    torch: Optional[TorchMemory] = None
    exits: list[ExitStatus] = field(default_factory=list)
    outcome: Fact[str] = NOT_IN_LOG
    """``ready`` (the model was loaded or answered), ``failed``."""
    lines: dict[str, int] = field(default_factory=dict)
    """Line number of what told a field, by the field's name."""


class Shortage(Struct, kw_only=True):
    """The arithmetic of memory over one run that ran out: which part tipped it, by how much, and what would fit."""

    part: Fact[str] = NOT_IN_LOG
    """``weights``, ``kv-cache``, ``compute``, ``other-process``, ``fragmentation``, ``ram``, ``other-model``, ``mmproj``."""
    device: Fact[str] = NOT_IN_LOG
    """The run's name of the device, or ``RAM``."""
    need_bytes: Fact[int] = NOT_IN_LOG
    """What the run wanted on that device in all."""
    free_bytes: Fact[int] = NOT_IN_LOG
    """What was free there before the run."""
    total_bytes: Fact[int] = NOT_IN_LOG
    held_by_others_bytes: Fact[int] = NOT_IN_LOG
    short_by_bytes: Fact[int] = NOT_IN_LOG
    weights_bytes: Fact[int] = NOT_IN_LOG
    kv_cache_bytes: Fact[int] = NOT_IN_LOG
    compute_bytes: Fact[int] = NOT_IN_LOG
    fitting_n_ctx: Fact[int] = NOT_IN_LOG
    """The longest context (over all slots, a multiple of 256) whose KV cache fits with all else as it is."""
    fitting_gpu_layers: Fact[int] = NOT_IN_LOG
    """The most GPU layers that fit, by the measured bytes a layer of this run."""
