"""What a model's files tell of it: its shape, its tensors, its format."""

from __future__ import annotations

from typing import NamedTuple, Optional

from .fact import Fact, Unknown
from .machine import Struct

NOT_IN_FILE = Unknown("the file does not say")


class Tensor(NamedTuple):
    """One tensor of a model, as its file's table names it."""

    name: str
    type: str
    """ggml's name (``Q4_K``, ``F16``) or that of safetensors (``BF16``, ``I32``)."""
    shape: tuple[int, ...]
    """As the format writes it: GGUF with the row's length first, safetensors last."""
    bytes: int
    """What it takes in the file."""


class ModelFile(NamedTuple):
    path: str
    bytes: int


class ModelInfo(Struct):
    """A model as its header tells it. Per-layer lists have one item a layer."""

    path: str
    """The file, or the folder, that was named."""
    format: str
    """``gguf`` or ``safetensors``."""
    files: list[ModelFile]
    """All parts that are there."""
    tensors: list[Tensor]
    name: Fact[str] = NOT_IN_FILE
    architecture: Fact[str] = NOT_IN_FILE
    """``general.architecture`` of GGUF (``llama``, ``qwen3moe``), ``model_type`` of config.json."""
    quantization: Fact[str] = NOT_IN_FILE
    """``Q4_K_M`` by ``general.file_type``; ``gptq``, ``awq`` and the like of config.json."""
    parameters: Fact[int] = NOT_IN_FILE
    """Elements of all tensors."""
    layers: Fact[int] = NOT_IN_FILE
    n_ctx_train: Fact[int] = NOT_IN_FILE
    embedding: Fact[int] = NOT_IN_FILE
    """Length of a hidden state."""
    vocabulary: Fact[int] = NOT_IN_FILE
    heads: list[int] = []
    kv_heads: list[int] = []
    """0 in a layer without attention of its own."""
    head_dim_k: Fact[int] = NOT_IN_FILE
    head_dim_v: Fact[int] = NOT_IN_FILE
    feed_forward: list[int] = []
    experts: Optional[int] = None
    """Absent in a dense model."""
    experts_used: Optional[int] = None
    sliding_window: Optional[int] = None
    """Tokens that a layer with a sliding window looks back; absent where none has one."""
    split: tuple[int, int] = (1, 1)
    """Parts that are there, parts that there should be."""
    missing: list[str] = []
    """Names of parts that are not there."""
    metadata: dict[str, object] = {}
    """GGUF's keys with their values; of long arrays only the length, as ``[152064]``."""
