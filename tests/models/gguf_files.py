"""Writes small GGUF files: true headers, no data."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any, Union

TYPES = {
    "F32": 0, "F16": 1, "Q4_0": 2, "Q4_1": 3, "Q5_0": 6, "Q5_1": 7, "Q8_0": 8, "Q4_K": 12, "Q5_K": 13, "Q6_K": 14, "IQ4_NL": 20, "IQ4_XS": 23,
    "BF16": 30, "MXFP4": 39,
}  # fmt: skip
SIZES = {
    "F32": (1, 4), "F16": (1, 2), "BF16": (1, 2), "Q4_0": (32, 18), "Q4_1": (32, 20), "Q5_0": (32, 22), "Q5_1": (32, 24), "Q8_0": (32, 34),
    "Q4_K": (256, 144), "Q5_K": (256, 176), "Q6_K": (256, 210), "IQ4_NL": (32, 18), "IQ4_XS": (256, 136), "MXFP4": (32, 17),
}  # fmt: skip


class Floats(list):  # type: ignore[type-arg]
    """An array of 32-bit floats."""


def text(value: Union[str, bytes], wide: bool = True) -> bytes:
    raw = value.encode() if isinstance(value, str) else value
    return struct.pack("<Q" if wide else "<I", len(raw)) + raw


def value(item: Any, wide: bool = True) -> bytes:
    """Type number and value."""
    count = "<Q" if wide else "<I"
    if isinstance(item, bool):
        return struct.pack("<I?", 7, item)
    if isinstance(item, int):
        return struct.pack("<II", 4, item)
    if isinstance(item, float):
        return struct.pack("<If", 6, item)
    if isinstance(item, (str, bytes)):
        return struct.pack("<I", 8) + text(item, wide)
    kind = 6 if isinstance(item, Floats) else 8 if item and isinstance(item[0], str) else 4
    head = struct.pack("<II", 9, kind) + struct.pack(count, len(item))
    if kind == 8:
        return head + b"".join(text(one, wide) for one in item)
    return head + struct.pack(f"<{len(item)}{'f' if kind == 6 else 'I'}", *item)


def gguf(
    pairs: dict[str, Any], tensors: dict[str, tuple[str, tuple[int, ...]]], version: int = 3, alignment: int = 32
) -> bytes:
    start, size = header(pairs, tensors, version, alignment)
    return start + b"\0" * (size - len(start))


def header(
    pairs: dict[str, Any], tensors: dict[str, tuple[str, tuple[int, ...]]], version: int = 3, alignment: int = 32
) -> tuple[bytes, int]:
    """The header, padded, and how long the whole file would be."""
    wide = version > 1
    count = "<Q" if wide else "<I"
    out = b"GGUF" + struct.pack("<I", version) + struct.pack(count, len(tensors)) + struct.pack(count, len(pairs))
    for key, item in pairs.items():
        out += text(key, wide) + value(item, wide)
    offset = 0
    for name, (kind, shape) in tensors.items():
        elements = 1
        for one in shape:
            elements *= one
        out += text(name, wide) + struct.pack("<I", len(shape))
        out += b"".join(struct.pack(count, one) for one in shape) + struct.pack("<IQ", TYPES[kind], offset)
        block, size = SIZES[kind]
        offset += (elements // block * size + alignment - 1) // alignment * alignment
    out += b"\0" * (-len(out) % alignment)
    return out, len(out) + offset


LLAMA = {
    "general.architecture": "llama", "general.name": "Tiny", "general.file_type": 15, "llama.block_count": 2, "llama.context_length": 4096,
    "llama.embedding_length": 512, "llama.feed_forward_length": 1024, "llama.attention.head_count": 8, "llama.attention.head_count_kv": 2,
    "tokenizer.ggml.tokens": ["<s>", "</s>", "a"],
}  # fmt: skip
TENSORS = {
    "token_embd.weight": ("Q4_K", (512, 3)),
    "blk.0.attn_q.weight": ("Q6_K", (512, 512)),
    "output_norm.weight": ("F32", (512,)),
}


def write(
    path: Path, pairs: dict[str, Any] = LLAMA, tensors: dict[str, tuple[str, tuple[int, ...]]] = TENSORS, **how: Any
) -> Path:
    path.write_bytes(gguf(pairs, tensors, **how))
    return path
