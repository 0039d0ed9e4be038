"""A GGUF model, of one file or split over several, as ModelInfo.

Keys and their defaults: ggml-org/llama.cpp, src/llama-arch.cpp (names) and src/llama-model.cpp, ``load_hparams`` (what a
missing one stands for); file types: include/llama.h (``enum llama_ftype``).
"""

from __future__ import annotations

import os
from typing import Any, Optional

from ..facts.fact import Fact
from ..facts.model import NOT_IN_FILE, ModelFile, ModelInfo, Tensor
from .error import ModelError
from .gguf import Header, Length, number_of, parts_of, read_header, text_of

MAX_LAYERS = 4096
_FILE_TYPES = {
    0: "F32", 1: "F16", 2: "Q4_0", 3: "Q4_1", 7: "Q8_0", 8: "Q5_0", 9: "Q5_1", 10: "Q2_K", 11: "Q3_K_S", 12: "Q3_K_M", 13: "Q3_K_L",
    14: "Q4_K_S", 15: "Q4_K_M", 16: "Q5_K_S", 17: "Q5_K_M", 18: "Q6_K", 19: "IQ2_XXS", 20: "IQ2_XS", 21: "Q2_K_S", 22: "IQ3_XS",
    23: "IQ3_XXS", 24: "IQ1_S", 25: "IQ4_NL", 26: "IQ3_S", 27: "IQ3_M", 28: "IQ2_S", 29: "IQ2_M", 30: "IQ4_XS", 31: "IQ1_M", 32: "BF16",
    36: "TQ1_0", 37: "TQ2_0", 38: "MXFP4_MOE", 39: "NVFP4", 40: "Q1_0", 41: "Q2_0",
}  # fmt: skip
_GUESSED = 1024
"""Added to a file type that the converter guessed."""


def read_model(path: str) -> ModelInfo:
    """A model by its file, or by any part of a split one. Parts that are not there are told, parts cut off are errors.

    Raises ModelError for a file that is no GGUF, is damaged, or shorter than its own table says.
    """
    names = parts_of(path)
    present = [name for name in names if os.path.exists(name)] if len(names) > 1 else [path]
    headers = [(name, _whole(name)) for name in present]
    first = headers[0][1].metadata
    metadata: dict[str, Any] = {}
    tensors: list[Tensor] = []
    for _, header in headers:
        metadata = {**header.metadata, **metadata}
        tensors += header.tensors
    _unique(path, tensors)
    declared = number_of(first, "split.count") or len(names)
    info = _info(path, metadata, tensors)
    info.files = [ModelFile(name, header.file_bytes) for name, header in headers]
    info.split = (len(present), max(declared, len(names)))
    info.missing = [os.path.basename(name) for name in names if name not in present]
    return info


def _whole(path: str) -> Header:
    header = read_header(path)
    if header.file_bytes < header.needed_bytes:
        short = header.needed_bytes - header.file_bytes
        raise ModelError(
            f"{path}: is cut off: its tensors need {header.needed_bytes} bytes, the file has {header.file_bytes} ({short} are missing)"
        )
    return header


def _unique(path: str, tensors: list[Tensor]) -> None:
    seen: set[str] = set()
    for one in tensors:
        if one.name in seen:
            raise ModelError(f"{path}: holds the tensor {one.name} twice; it is damaged")
        seen.add(one.name)


def _info(path: str, metadata: dict[str, Any], tensors: list[Tensor]) -> ModelInfo:
    architecture = text_of(metadata, "general.architecture")

    def number(key: str) -> Optional[int]:
        return number_of(metadata, f"{architecture}.{key}")

    layers = number("block_count")
    if layers is not None and layers > MAX_LAYERS:
        raise ModelError(f"{path}: claims {layers} layers; it is damaged")

    def per_layer(key: str, otherwise: list[int]) -> list[int]:
        value = metadata.get(f"{architecture}.{key}")
        if isinstance(value, list) and all(isinstance(one, int) and 0 <= one < 1 << 40 for one in value):
            return [int(one) for one in value]
        single = number(key)
        return [single] * (layers or 0) if single is not None else otherwise

    heads = per_layer("attention.head_count", [])
    embedding = number("embedding_length")
    most = max(heads, default=0)
    head_dim = embedding // most if embedding and most else None
    key_length, value_length = number("attention.key_length"), number("attention.value_length")
    vocabulary = number("vocab_size")
    if vocabulary is None:
        tokens = metadata.get("tokenizer.ggml.tokens")
        vocabulary = int(tokens) if isinstance(tokens, Length) else len(tokens) if isinstance(tokens, list) else None
    elements = 0
    for one in tensors:
        count = 1
        for size in one.shape:
            count *= size
        elements += count
    return ModelInfo(
        path=path, format="gguf", files=[], tensors=tensors,
        name=_fact(text_of(metadata, "general.name")),
        architecture=_fact(architecture),
        quantization=_fact(_quantization(metadata, tensors)),
        parameters=elements if tensors else NOT_IN_FILE,
        layers=_fact(layers), n_ctx_train=_fact(number("context_length")), embedding=_fact(embedding), vocabulary=_fact(vocabulary),
        heads=heads, kv_heads=per_layer("attention.head_count_kv", heads),
        head_dim_k=_fact(key_length if key_length is not None else head_dim),
        head_dim_v=_fact(value_length if value_length is not None else head_dim),
        feed_forward=per_layer("feed_forward_length", []),
        experts=number("expert_count") or None, experts_used=number("expert_used_count") or None,
        sliding_window=number("attention.sliding_window") or None,
        metadata={key: [int(value)] if isinstance(value, Length) else value for key, value in metadata.items()},
    )  # fmt: skip


def _fact(value: Any) -> Fact[Any]:
    return NOT_IN_FILE if value is None else value


def _quantization(metadata: dict[str, Any], tensors: list[Tensor]) -> Optional[str]:
    """By the file's own word, else the type that takes most of its bytes."""
    told = number_of(metadata, "general.file_type")
    if told is not None and told % _GUESSED in _FILE_TYPES:
        return _FILE_TYPES[told % _GUESSED]
    sizes: dict[str, int] = {}
    for one in tensors:
        sizes[one.type] = sizes.get(one.type, 0) + one.bytes
    return max(sizes, key=lambda name: sizes[name]) if sizes else None
