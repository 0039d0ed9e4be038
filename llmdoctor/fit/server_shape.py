"""What a server that splits a model over GPUs keeps of it on each: tensors joined, cut and packed as it loads them.

vLLM and SGLang share this: query, key and value are one matrix, so are gate and up; the experts of a layer are two. Columns or rows are
cut by tensor parallelism, heads are doubled where there are fewer than GPUs, norms and routers stay whole. The order is that of the
model's code, since PyTorch's allocator rounds each block (``torch_memory``). Sources: vllm-project/vllm v0.11 and v0.33,
vllm/model_executor/models/llama.py, layers/linear.py, layers/vocab_parallel_embedding.py (rows in multiples of 64), distributed/utils.py
(``get_pp_indices``), layers/rotary_embedding/ (a table of cosines and sines for every position), layers/quantization/ (what each packs).
"""

from __future__ import annotations

import math
import re
from typing import NamedTuple, Optional

from ..facts.model import ModelInfo, Tensor
from .torch_memory import TorchMemory

VOCABULARY_ROWS = 64
_FLOATS = frozenset(("F64", "F32", "F16", "BF16"))
_LAYER = re.compile(r"^(.*?\.)?(?:layers|h|blocks|block)\.(\d+)\.(.+)$")
_EXPERT = re.compile(r"^(.*\bexperts)\.\d+\.(\w+)\.(.+)$")
_FUSED_EXPERTS = re.compile(r"\bexperts\.(gate_up_proj|down_proj)(\w*)$")
_JOINED = {
    "q_proj": "qkv_proj", "k_proj": "qkv_proj", "v_proj": "qkv_proj", "gate_proj": "gate_up_proj", "up_proj": "gate_up_proj",
    "w1": "w13", "w3": "w13", "q_a_proj": "fused_qkv_a_proj", "kv_a_proj_with_mqa": "fused_qkv_a_proj",
}  # fmt: skip
_EXPERTS_JOINED = {"gate_proj": "w13", "up_proj": "w13", "w1": "w13", "w3": "w13", "down_proj": "w2", "w2": "w2"}
_COLUMNS = frozenset((
    "q_proj", "k_proj", "v_proj", "qkv_proj", "gate_proj", "up_proj", "gate_up_proj", "w1", "w3", "w13", "q_b_proj", "kv_b_proj",
    "in_proj_qkvz", "in_proj_ba", "in_proj_qkv", "in_proj_z", "in_proj_a", "in_proj_b", "conv1d", "in_proj", "A_log", "D", "dt_bias",
    "sinks", "fc1", "c_fc", "c_attn", "query_key_value", "dense_h_to_4h",
))  # fmt: skip
_ROWS = frozenset(("o_proj", "down_proj", "w2", "out_proj", "dense", "fc2", "c_proj", "dense_4h_to_h"))
_LEFT_OUT = re.compile(
    r"rotary_emb\.inv_freq$|\.g_idx$|\.weight_shape$|\.weight_g_idx$|kv_cache_scales|\.[kv]_scale$|\.input_scale$"
)
_EMBEDDED = re.compile(r"(?:^|\.)(?:embed_tokens|wte|word_embeddings|embeddings)\.weight$")
_HEAD = re.compile(r"(?:^|\.)(?:lm_head|embed_out)\.(\w+)$")
_NEXT_TOKEN = re.compile(r"(?:^|\.)mtp\.|\.(?:eh_proj|enorm|hnorm|shared_head\.\w+)(?:\.|$)")
"""Layers for guessing ahead, which are loaded with speculative decoding alone."""
_AFTER = 1 << 20
_AROUND = {"embed_tokens": -1}
"""Before the layers; all else after them."""


class Piece(NamedTuple):
    """Something that is allocated as one."""

    layer: int
    """-1 before the layers, a large number after them."""
    name: str
    bytes: int


def layers_of(count: int, rank: int, ranks: int) -> range:
    """Those of one rank of a pipeline: what is left over goes to the ranks before the last."""
    sizes = [count // ranks] * ranks
    for number in range(2, count % ranks + 2):
        sizes[-number] += 1
    first = sum(sizes[:rank])
    return range(first, first + sizes[rank])


class Loading(NamedTuple):
    """What decides how tensors are kept."""

    dtype_bytes: int
    split: int
    """GPUs that share each layer."""
    quantized: Optional[str] = None
    """What is quantized as it is loaded: ``fp8``, ``bitsandbytes``."""
    marlin: bool = True
    """Whether Marlin's kernel takes MXFP4, and not Triton's."""


def weights_bytes(info: ModelInfo, how: Loading, layers: range) -> int:
    """What PyTorch gave out for the model of one GPU, with its table of positions."""
    memory = TorchMemory()
    for piece in pieces(info, how, layers):
        if piece.bytes:
            memory.take(piece.bytes)
    return memory.allocated


Known = dict[tuple[range, Loading], int]
"""Weights of stages that were reckoned already: the same for all changes that leave them alone."""


def known_weights_bytes(info: ModelInfo, how: Loading, layers: range, known: Known) -> int:
    if (layers, how) not in known:
        known[(layers, how)] = weights_bytes(info, how, layers)
    return known[(layers, how)]


def pieces(info: ModelInfo, how: Loading, layers: range) -> list[Piece]:
    """In the order of the model's code."""
    joined: dict[tuple[int, str], float] = {}
    # A model of experts has 100,000 tensors of some twenty kinds.
    known: dict[tuple[str, str, tuple[int, ...]], list[tuple[str, float]]] = {}
    count = info.layers if isinstance(info.layers, int) else 0
    ends = (0 in layers or not count, count - 1 in layers or not count)
    for tensor in info.tensors:
        number, rest = _place(tensor.name)
        if number is not None and number not in layers:
            continue
        kind = (rest, tensor.type, tensor.shape)
        if kind not in known:
            known[kind] = _of_layer(info, rest, tensor, how) if number is not None else _of_ends(info, tensor, how, ends)
        for name, size in known[kind]:
            place = (number if number is not None else _AROUND.get(name, _AFTER), name)
            joined[place] = joined.get(place, 0) + size
    made = [Piece(number, name, round(size)) for (number, name), size in joined.items()]
    made += [Piece(-1, f"positions {number}", size) for number, size in enumerate(_positions(info, how.dtype_bytes))]
    return sorted(made, key=lambda one: (one.layer, _order(one.name)))


def _place(name: str) -> tuple[Optional[int], str]:
    """A layer's number and the name within it, where all experts are called 0; None for what is in no layer of the language model."""
    found = _LAYER.match(name)
    # Towers for pictures or sound are not cut into stages, and mostly not split either.
    if found is None or any(part in (found[1] or "") for part in ("visual", "vision", "audio", "encoder.")):
        return None, name
    rest = found[3]
    before, experts, after = rest.partition("experts.")
    number, _, part = after.partition(".")
    return int(found[2]), f"{before}{experts}0.{part}" if number.isdigit() else rest


def _of_ends(info: ModelInfo, tensor: Tensor, how: Loading, ends: tuple[bool, bool]) -> list[tuple[str, float]]:
    """Embeddings and head, and all that stands around the layers."""
    first, last = ends
    tied = info.metadata.get("tie_word_embeddings") is True
    if _LEFT_OUT.search(tensor.name) or _NEXT_TOKEN.search(tensor.name):
        return []
    if _HEAD.search(tensor.name):
        return [("lm_head", _vocabulary(tensor, how.dtype_bytes) / how.split)] if last and not tied else []
    if _EMBEDDED.search(tensor.name):
        return [("embed_tokens", _vocabulary(tensor, how.dtype_bytes) / how.split)] if first or (last and tied) else []
    return [(tensor.name, _width(tensor, how.dtype_bytes))]


def _of_layer(info: ModelInfo, rest: str, tensor: Tensor, how: Loading) -> list[tuple[str, float]]:
    """What it is joined to, and its bytes on one GPU."""
    if _LEFT_OUT.search(rest) or _NEXT_TOKEN.search(f".{rest}"):
        return []
    size: float = _width(tensor, how.dtype_bytes)
    expert, fused = _EXPERT.match(rest), _FUSED_EXPERTS.search(rest)
    if expert:
        module, part = _EXPERTS_JOINED.get(expert[2], expert[2]), expert[3]
        size = _as_loaded(tensor, part, size, how.quantized)
        # One scale for a whole matrix is not cut.
        return [(f"{expert[1]}.{module}.{part}", size if math.prod(tensor.shape) <= 1 else size / how.split)]
    if fused:
        return [(rest, _padded_fp4(info, fused[2], size, how) if tensor.type == "U8" else size / how.split)]
    module, _, part = rest.rpartition(".")
    parent, _, leaf = module.rpartition(".")
    if part in ("A_log", "D", "dt_bias", "sinks"):
        return [(rest, size / how.split)]
    size = _as_loaded(tensor, part, size, how.quantized)
    if leaf in ("k_proj", "v_proj") and info.kv_heads:
        heads = max(info.kv_heads)
        size *= max(heads, how.split) / max(heads, 1)
    if (leaf in _COLUMNS or (leaf in _ROWS and part != "bias")) and math.prod(tensor.shape) > 1:
        size /= how.split
    found = [(f"{parent}.{_JOINED[leaf]}.{part}" if leaf in _JOINED else rest, size)]
    if (leaf, part) == ("kv_b_proj", "weight"):
        # MLA keeps it a second time, unpacked, to be multiplied with queries and answers.
        found.append((f"{module}.absorbed", math.prod(tensor.shape) * how.dtype_bytes / how.split))
    return found


def _as_loaded(tensor: Tensor, part: str, size: float, quantized: Optional[str]) -> float:
    """In fewer bits, where vLLM itself quantizes what is stored in 16."""
    if quantized is None or part != "weight" or tensor.type not in _FLOATS or len(tensor.shape) < 2:
        return size
    elements = math.prod(tensor.shape)
    # bitsandbytes: 4 bits, and a scale of 8 bits for 64 weights; fp8: one scale a matrix.
    return elements * (0.5 + 1 / 64) if quantized == "bitsandbytes" else elements


def _padded_fp4(info: ModelInfo, part: str, size: float, how: Loading) -> float:
    """Experts in MXFP4: Marlin's kernel wants the feed-forward width in multiples of 128 and the hidden one of 256, scales and all;
    Triton's on Hopper the summed one of 256, the weights alone (13.47 and 64.38 GiB of gpt-oss on an H100)."""
    hidden = info.embedding if isinstance(info.embedding, int) else 0
    told = info.metadata.get("intermediate_size")
    feed = told if isinstance(told, int) else 0
    if not hidden or not feed:
        return size / how.split
    wide = _up(hidden, 256) / hidden
    if not how.marlin:
        return size / how.split * (1 if "scale" in part else wide)
    return size * wide * _up(-(-feed // how.split), 128) / feed


def _vocabulary(tensor: Tensor, dtype_bytes: int) -> int:
    rows = tensor.shape[0] if tensor.shape else 1
    size = _width(tensor, dtype_bytes)
    return size // max(rows, 1) * _up(rows, VOCABULARY_ROWS) if len(tensor.shape) == 2 and tensor.type in _FLOATS else size


def _width(tensor: Tensor, dtype_bytes: int) -> int:
    """Plain weights take the type that the model runs in; scales and routers' biases of 32 bits keep theirs."""
    if tensor.type not in _FLOATS or "scale" in tensor.name.rpartition(".")[2] or tensor.name.endswith("correction_bias"):
        return tensor.bytes
    return math.prod(tensor.shape) * dtype_bytes


def _positions(info: ModelInfo, dtype_bytes: int) -> list[int]:
    """Tables of cosines and sines: one for each way of turning that the layers have."""
    data = info.metadata
    told = data.get("rope_scaling") or data.get("rope_parameters")
    scaling = told if isinstance(told, dict) else {}
    length = info.n_ctx_train if isinstance(info.n_ctx_train, int) else 0
    turned = data.get("qk_rope_head_dim")
    share = data.get("partial_rotary_factor", scaling.get("partial_rotary_factor", 1.0))
    width = turned if isinstance(turned, int) else int((info.head_dim_k if isinstance(info.head_dim_k, int) else 0) * (share if isinstance(share, (int, float)) else 1))  # fmt: skip
    kind = scaling.get("rope_type", scaling.get("type"))
    original = scaling.get("original_max_position_embeddings", data.get("original_max_position_embeddings"))
    if kind in ("yarn", "deepseek_yarn") and isinstance(original, int) and isinstance(scaling.get("factor"), (int, float)):
        length = int(original * scaling["factor"])
    elif kind in ("longrope", "su") and isinstance(original, int):
        length += original
    tables = 2 if "rope_local_base_freq" in data else 1
    return [length * width * dtype_bytes] * tables if length and width else []


def _order(name: str) -> int:
    return next((number for number, part in enumerate(("attn", "mlp", "experts", "norm")) if part in name), 9)


def _up(number: int, step: int) -> int:
    return (number + step - 1) // step * step
