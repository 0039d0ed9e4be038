"""What a model will take: the settings that decide it, and the parts on each device."""

from __future__ import annotations

from typing import Optional

from msgspec import field

from .machine import Struct

ALL_LAYERS = 1 << 30
"""``-ngl all``: every layer and the output."""


class Settings(Struct):
    """What an engine is told, in llama.cpp's names."""

    n_ctx: int = 4096
    """Tokens of all slots together; rounded up as the engine does."""
    n_parallel: int = 1
    n_batch: int = 2048
    n_ubatch: int = 512
    cache_type_k: str = "f16"
    cache_type_v: str = "f16"
    flash_attention: bool = True
    gpu_layers: int = ALL_LAYERS
    kv_offload: bool = True
    kv_unified: bool = False
    """One cache shared by all slots; else each slot has its own share of it."""
    swa_full: bool = False
    cpu_moe_layers: int = 0
    """``--n-cpu-moe``: experts of so many first layers stay in RAM."""
    tensor_split: list[float] = []
    """Shares of the GPUs; by free memory where none is given."""


class TorchSettings(Struct):
    """What Transformers is told."""

    n_ctx: int = 4096
    """Tokens of the prompt and of the answer, of each row of the batch."""
    new_tokens: int = 16
    """Those of the answer."""
    batch: int = 1
    dtype: str = "bfloat16"
    attention: str = "sdpa"


class ServerSettings(Struct):
    """What a server with a pool for its cache is told (vLLM, SGLang), in vLLM's names. 0: the program's own choice."""

    max_model_len: int = 0
    gpu_memory_utilization: float = 0.0
    """SGLang: mem_fraction_static."""
    max_num_batched_tokens: int = 0
    """SGLang: chunked_prefill_size."""
    max_num_seqs: int = 0
    kv_cache_dtype: str = "auto"
    dtype: str = "auto"
    quantization: Optional[str] = None
    """What is quantized as it is loaded: ``fp8`` or ``bitsandbytes``."""
    tensor_parallel_size: int = 1
    pipeline_parallel_size: int = 1
    enforce_eager: bool = False
    block_size: int = 0
    kv_cache_memory_bytes: int = 0
    """The pool itself, whatever the share says."""
    version: str = ""
    """The program's; the newest that is known here if empty."""


class ExllamaSettings(Struct):
    """What ExLlamaV2 and V3 are told, in TabbyAPI's names."""

    max_seq_len: int = 0
    cache_size: int = 0
    """Tokens of all sequences together; max_seq_len if 0."""
    cache_mode: str = "FP16"
    """``FP16``, ``Q8``, ``Q6``, ``Q4``; with V3 bits of keys and values: ``8,4``."""
    chunk_size: int = 2048
    autosplit_reserve_mib: int = 96
    """Left free on the first GPU."""


class Pool(Struct):
    """The cache that a server shares out in blocks."""

    tokens: int = 0
    """As the program prints its size."""
    block_tokens: int = 16
    blocks: int = 0
    concurrency: float = 0.0
    """Requests of the longest allowed length that fit at once."""
    request_bytes: int = 0
    """What one of them takes of each GPU; the program does not start with less."""
    longest: int = 0
    """Tokens of the longest request that would fit."""


class Parts(Struct):
    """What one device holds of one process, in bytes."""

    name: str = ""
    weights_bytes: int = 0
    kv_cache_bytes: int = 0
    """With recurrent state."""
    compute_bytes: int = 0
    """Work buffers of a batch, and the output's."""
    overhead_bytes: int = 0
    """The driver's context, the library's kernels, pools."""

    @property
    def total_bytes(self) -> int:
        return self.weights_bytes + self.kv_cache_bytes + self.compute_bytes + self.overhead_bytes


class Prediction(Struct):
    settings: Settings
    devices: list[Parts] = []
    """The GPUs, in order."""
    ram: Parts = field(default_factory=Parts)
    certain: bool = True
    """Whether the model's kind and settings are among those that were compared with measurements."""
    doubts: list[str] = []
    """Why it is less certain."""
    pool: Optional[Pool] = None
    """Of a server with a pool: ``kv_cache_bytes`` are then what is left for it, not what a request needs."""
