"""A GGUF file of 4 MB that llama.cpp and all that builds on it load: Llama's architecture with a vocabulary of its own.

The format: ggml-org/ggml, docs/gguf.md. Names of keys and tensors: llama.cpp, gguf-py/gguf/constants.py. Q8_0 is a block of 32
numbers: a float16 scale and 32 signed bytes (ggml-common.h). Head size and widths are those that the kernels for large models take
(heads of 64, rows of whole blocks of 256). The weights are random: the model says nonsense.
"""

from __future__ import annotations

import random
import struct
from typing import BinaryIO, Union

VOCABULARY, WIDTH, LAYERS, HEADS, KV_HEADS, HIDDEN, CONTEXT = 512, 256, 4, 4, 2, 768, 2048
_F32, _Q8_0 = 0, 8
_U32, _I32, _FLOAT, _STRING, _ARRAY, _BOOL = 4, 5, 6, 8, 9, 7
_NORMAL, _UNKNOWN, _CONTROL, _BYTE = 1, 2, 3, 6
"""Kinds of token of a SentencePiece model (sentencepiece_model.proto)."""
_ALIGNMENT = 32

Value = Union[str, int, float, bool, list[str], list[float], list[int]]


def write(file: BinaryIO) -> None:
    """Writes the model; the same bytes every time."""
    random_bytes = random.Random(1)  # noqa: S311 - the same numbers everywhere are the point
    tensors: list[tuple[str, tuple[int, ...]]] = [("token_embd.weight", (WIDTH, VOCABULARY))]
    for layer in range(LAYERS):
        kv = WIDTH // HEADS * KV_HEADS
        tensors += [
            (f"blk.{layer}.{name}.weight", shape)
            for name, shape in (
                ("attn_norm", (WIDTH,)), ("attn_q", (WIDTH, WIDTH)), ("attn_k", (WIDTH, kv)), ("attn_v", (WIDTH, kv)),
                ("attn_output", (WIDTH, WIDTH)), ("ffn_norm", (WIDTH,)), ("ffn_gate", (WIDTH, HIDDEN)), ("ffn_up", (WIDTH, HIDDEN)),
                ("ffn_down", (HIDDEN, WIDTH)),
            )
        ]  # fmt: skip
    tensors += [("output_norm.weight", (WIDTH,)), ("output.weight", (WIDTH, VOCABULARY))]
    data = [_data(shape, random_bytes) for _, shape in tensors]
    head = struct.pack("<4sIQQ", b"GGUF", 3, len(tensors), len(_METADATA))
    head += b"".join(_string(name) + _value(value) for name, value in _METADATA.items())
    offset = 0
    for (name, shape), content in zip(tensors, data):
        head += _string(name) + struct.pack(f"<I{len(shape)}Q", len(shape), *shape)
        head += struct.pack("<IQ", _F32 if len(shape) == 1 else _Q8_0, offset)
        offset += _padded(len(content))
    file.write(head.ljust(_padded(len(head)), b"\0"))
    for content in data:
        file.write(content.ljust(_padded(len(content)), b"\0"))


def _padded(size: int) -> int:
    return -(-size // _ALIGNMENT) * _ALIGNMENT


def _data(shape: tuple[int, ...], source: random.Random) -> bytes:
    if len(shape) == 1:
        return struct.pack("<f", 1.0) * shape[0]
    # A uniform byte deviates by 74: this scale keeps the values of a row's product near 1.
    scale = struct.pack("<e", 1 / (74 * shape[0] ** 0.5))
    blocks = shape[0] * shape[1] // 32
    numbers = source.randbytes(blocks * 32)
    return b"".join(scale + numbers[at : at + 32] for at in range(0, len(numbers), 32))


def _tokens() -> tuple[list[str], list[int]]:
    """Three that steer, all bytes, and single letters: whatever a prompt holds has its tokens."""
    letters = [chr(code) for code in (*range(0x21, 0x7F), *range(0xA1, 0x250)) if code != 0xAD]
    pieces = ["<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256)), "\u2581", *letters][:VOCABULARY]
    kinds = [_UNKNOWN, _CONTROL, _CONTROL, *[_BYTE] * 256, *[_NORMAL] * (VOCABULARY - 259)]
    return pieces, kinds


_PIECES, _KINDS = _tokens()
_METADATA: dict[str, Value] = {
    "general.architecture": "llama",
    "general.name": "llmdoctor smoke test",
    "general.file_type": 7,  # mostly Q8_0
    "llama.block_count": LAYERS,
    "llama.context_length": CONTEXT,
    "llama.embedding_length": WIDTH,
    "llama.feed_forward_length": HIDDEN,
    "llama.attention.head_count": HEADS,
    "llama.attention.head_count_kv": KV_HEADS,
    "llama.attention.layer_norm_rms_epsilon": 1e-5,
    "llama.rope.dimension_count": WIDTH // HEADS,
    "llama.rope.freq_base": 10000.0,
    "llama.vocab_size": VOCABULARY,
    "tokenizer.ggml.model": "llama",
    "tokenizer.ggml.pre": "default",
    "tokenizer.ggml.tokens": _PIECES,
    "tokenizer.ggml.scores": [-float(place) for place in range(VOCABULARY)],
    "tokenizer.ggml.token_type": _KINDS,
    "tokenizer.ggml.bos_token_id": 1,
    "tokenizer.ggml.eos_token_id": 2,
    "tokenizer.ggml.unknown_token_id": 0,
    "tokenizer.ggml.add_bos_token": True,
    "tokenizer.ggml.add_eos_token": False,
}


def _string(text: str) -> bytes:
    raw = text.encode()
    return struct.pack("<Q", len(raw)) + raw


def _value(value: Value) -> bytes:
    if isinstance(value, list):
        kind = _STRING if isinstance(value[0], str) else _FLOAT if isinstance(value[0], float) else _I32
        return struct.pack("<IIQ", _ARRAY, kind, len(value)) + b"".join(_bare(kind, one) for one in value)
    kind = (
        _BOOL
        if isinstance(value, bool)
        else _U32
        if isinstance(value, int)
        else _FLOAT
        if isinstance(value, float)
        else _STRING
    )
    return struct.pack("<I", kind) + _bare(kind, value)


def _bare(kind: int, value: Value) -> bytes:
    if kind == _STRING:
        assert isinstance(value, str)
        return _string(value)
    return struct.pack({_U32: "<I", _I32: "<i", _FLOAT: "<f", _BOOL: "<?"}[kind], value)
