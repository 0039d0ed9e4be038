"""What a model will take: the settings that decide it, and the parts on each device."""

from __future__ import annotations

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
