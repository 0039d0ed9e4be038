"""llama.cpp's memory, by device: weights, KV cache, recurrent state, work buffers, and what the driver takes beside them.

Weights, caches and output buffers are what the program itself computes (ggml-org/llama.cpp b11434: src/llama-model.cpp
``load_tensors``, src/llama-kv-cache*.cpp, src/llama-memory-recurrent.cpp, ggml/src/ggml-cuda ``get_alloc_size``). The work buffer
follows what its allocator keeps alive at the widest point of a layer; it was compared with measurements, see ``benchmarks/``.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from typing import NamedTuple, Optional, Sequence

from ..catalogs.ggml_types import BY_NAME, GgmlType
from ..facts.model import ModelInfo, Tensor
from ..facts.prediction import Parts, Prediction, Settings
from .llama_layers import Layer, layers_of

PAD_CONTEXT = 256
"""n_ctx, each slot's share and the cells of sliding layers are multiples of this (src/llama-context.cpp, -kv-cache-iswa.cpp)."""
ROW_PADDING = 512
"""Elements to which ggml-cuda fills up a quantised tensor's last row (MATRIX_ROW_PADDING)."""
ALIGNMENT = 128
"""Of tensors in a CUDA buffer (ggml_backend_cuda_buffer_type_get_alignment)."""
MIB = 1 << 20

_LAYER = re.compile(r"^blk\.(\d+)\.")
_EXPERTS = re.compile(r"\.ffn_(?:up|down|gate|gate_up)_(?:ch|)exps")
"""Weights that --cpu-moe and --n-cpu-moe keep in RAM (common/arg.cpp)."""
_OUTPUT = ("output", "cls", "norm_out")
"""Beginnings of names that belong to the output layer."""

# Measured on one card (H100, CUDA 13.0, build 11434): used memory beside the program's own buffers.
CONTEXT_BYTES = 597 * MIB
"""CUDA context and kernels after the load: 596 to 601 MiB in 46 runs."""
POOL_BYTES = 14 * MIB
"""Pool of temporary buffers while it answers: 10 to 22 MiB with a ubatch of 512."""
CUBLAS_BYTES = 96 * MIB
"""cuBLAS' handle and kernels, loaded by the first product of matrices that are not quantised."""
USUAL_PROMPT = 8192
"""Without flash attention the pool grows with the tokens in use; so many are reckoned with, if the context has them."""


def predict(info: ModelInfo, settings: Settings, free_bytes: Sequence[int] = (0,)) -> Prediction:
    """What each GPU and RAM will hold. ``free_bytes`` has one item for each GPU, in order; empty without any."""
    layers = layers_of(info)
    gpus = [Parts(name=f"GPU{number}") for number in range(len(free_bytes))]
    ram = Parts(name="RAM")
    place = _places(len(layers), settings, free_bytes)
    _weights(info, settings, place, len(layers), gpus, ram)
    cells, streams = _cells(settings)
    for number, layer in enumerate(layers):
        on = place[number] if settings.kv_offload else None
        target = ram if on is None else gpus[on]
        target.kv_cache_bytes += _cache(layer, settings, cells, streams)
    _compute(info, settings, layers, place, gpus, ram, cells, streams)
    for gpu in gpus:
        gpu.overhead_bytes = _overhead(info, settings, layers, cells)
    doubts = _doubts(info, settings, layers, place)
    return Prediction(settings=settings, devices=gpus, ram=ram, certain=not doubts, doubts=doubts)


MEASURED = frozenset(("llama", "qwen2", "gemma2", "gpt-oss", "mamba"))
"""Architectures whose work buffers were compared with measurements."""


def _doubts(info: ModelInfo, settings: Settings, layers: list[Layer], place: list[Optional[int]]) -> list[str]:
    found = []
    if not layers:
        found.append("the file does not tell its layers")
    elif info.architecture not in MEASURED:
        found.append(f"work buffers of {info.architecture} were not measured")
    if None in place and any(on is not None for on in place):
        found.append("with a part of the layers in RAM the work buffer varies by some ten MiB")
    if not settings.flash_attention:
        found.append(f"without flash attention the pool is reckoned for {USUAL_PROMPT} tokens in use and grows beyond")
    return found


def _overhead(info: ModelInfo, settings: Settings, layers: list[Layer], cells: int) -> int:
    plain = any(one.type in ("F32", "F16", "BF16") and len(one.shape) > 1 and _LAYER.match(one.name) for one in info.tensors)
    size = CONTEXT_BYTES + POOL_BYTES
    attends = any(layer.k for layer in layers)
    if plain or (attends and not settings.flash_attention):
        size += CUBLAS_BYTES
    if attends and not settings.flash_attention:
        # cuBLAS works on scores of 16 bits, of which it keeps a copy.
        size += max(info.heads, default=0) * min(cells, USUAL_PROMPT) * min(settings.n_ubatch, cells) * 2
    return size


def _pad(value: int, step: int) -> int:
    return (value + step - 1) // step * step


# --- where layers lie ----------------------------------------------------------------------------------------------------


def _places(count: int, settings: Settings, free_bytes: Sequence[int]) -> list[Optional[int]]:
    """For each layer, then the output: the GPU's number, None for RAM. The last layers go first; the output is the very last."""
    asked = settings.gpu_layers if free_bytes else 0
    start, on_gpus = max(count + 1 - asked, 0), min(asked, count + 1)
    shares = [float(one) for one in (settings.tensor_split or free_bytes)][: len(free_bytes)]
    shares += [0.0] * (len(free_bytes) - len(shares))
    total = sum(shares)
    bounds: list[float] = []
    before = 0.0
    for share in shares:
        before += share / total if total else 1.0 / len(shares)
        bounds.append(before)
    places: list[Optional[int]] = []
    for number in range(count + 1):
        if number < start or not on_gpus:
            places.append(None)
        else:
            places.append(min(bisect_right(bounds, (number - start) / on_gpus), len(bounds) - 1))
    return places


def _weights(
    info: ModelInfo, settings: Settings, place: list[Optional[int]], count: int, gpus: list[Parts], ram: Parts
) -> None:
    has_output = any(one.name == "output.weight" for one in info.tensors)
    for tensor in info.tensors:
        found = _LAYER.match(tensor.name)
        if found:
            number = int(found[1])
            on = place[number] if number < count else None
            if on is not None and number < settings.cpu_moe_layers and _EXPERTS.search(tensor.name):
                on = None
        elif tensor.name.startswith(_OUTPUT):
            on = place[count]
        elif tensor.name.startswith("rope_") and place:
            on = place[0]
        else:
            on = None  # the input layer always stays in RAM
            if tensor.name == "token_embd.weight" and not has_output and place[count] is not None:
                # Tied embeddings: the output needs them on its own device too.
                gpus[place[count] or 0].weights_bytes += _on_gpu(tensor)
        if on is None:
            ram.weights_bytes += tensor.bytes
        else:
            gpus[on].weights_bytes += _on_gpu(tensor)


def _on_gpu(tensor: Tensor) -> int:
    kind = BY_NAME[tensor.type]
    size = tensor.bytes
    row = tensor.shape[0] if tensor.shape else 1
    if kind.block > 1 and row % ROW_PADDING:
        size += (ROW_PADDING - row % ROW_PADDING) // kind.block * kind.block_bytes
    return _pad(size, ALIGNMENT)


# --- the cache -----------------------------------------------------------------------------------------------------------


def _cells(settings: Settings) -> tuple[int, int]:
    """Tokens of one stream, and the number of streams."""
    n_ctx = _pad(settings.n_ctx, PAD_CONTEXT)
    if settings.kv_unified or settings.n_parallel <= 1:
        return n_ctx, 1
    return _pad(n_ctx // settings.n_parallel, PAD_CONTEXT), settings.n_parallel


def _window_cells(layer: Layer, settings: Settings, cells: int) -> int:
    if layer.window is None or settings.swa_full:
        return cells
    slots = settings.n_parallel if settings.kv_unified else 1
    return _pad(min(cells, layer.window * slots + settings.n_ubatch), PAD_CONTEXT)


def _cache(layer: Layer, settings: Settings, cells: int, streams: int) -> int:
    tokens = _window_cells(layer, settings, cells) * streams
    k, v = _type(settings.cache_type_k), _type(settings.cache_type_v)
    size = tokens * (layer.k // k.block * k.block_bytes + layer.v // v.block * v.block_bytes)
    return size + layer.state * 4 * max(settings.n_parallel, 1)


def _type(name: str) -> GgmlType:
    return BY_NAME[name.upper()]


# --- work buffers --------------------------------------------------------------------------------------------------------


class _Widths(NamedTuple):
    """Bytes that the batch takes in one tensor of each kind."""

    hidden: int
    """A hidden state."""
    feed: int
    """A feed-forward vector, of all experts that work on a token."""
    keys: int
    """A layer's whole key cache in 16 bits, as attention reads it."""
    values: int
    masks: int
    scores: int
    """Attention scores of all heads."""
    state: int
    """A recurrent layer's inner vector."""


def _compute(
    info: ModelInfo, settings: Settings, layers: list[Layer], place: list[Optional[int]], gpus: list[Parts], ram: Parts, cells: int, streams: int
) -> None:  # fmt: skip
    """The widest point of the graph decides: the feed-forward (four hidden states; gate, up and their product), or attention.
    Masks last through the whole graph. What a layer in RAM needs of its weights or cache is copied to the first GPU."""
    vocabulary = info.vocabulary if isinstance(info.vocabulary, int) else 0
    one = _widths(info, settings, layers, cells, streams)
    size = 3 * one.feed + 4 * one.hidden
    if one.state:
        size = max(size, 6 * one.state + 4 * min(settings.n_ubatch, cells) * 512)
    if any(layer.k for layer in layers):
        quantised = settings.cache_type_k not in _PLAIN_CACHE or settings.cache_type_v not in _PLAIN_CACHE
        if settings.flash_attention:
            size = max(size, 5 * one.hidden + (one.keys + one.values if quantised else 0))
        else:
            size = max(size, 5 * one.hidden + 2 * _keys_of_batch(settings, layers) + one.scores)
    size += one.masks
    used = sorted({on for on in place if on is not None}) or ([0] if gpus else [])
    for number in used:
        gpus[number].compute_bytes = size
    in_ram = [number for number, on in enumerate(place[:-1]) if on is None]
    if used and (in_ram or settings.cpu_moe_layers or not settings.kv_offload):
        gpus[used[0]].compute_bytes = max(size, _copies(info, settings, layers, in_ram, one))
    output = vocabulary * 4 * max(settings.n_parallel, 1)
    ram.compute_bytes = output + (one.masks + 4 * one.hidden if used else size)


_PLAIN_CACHE = ("f16", "bf16", "f32")


def _keys_of_batch(settings: Settings, layers: list[Layer]) -> int:
    return max((layer.k for layer in layers), default=0) * 4 * min(settings.n_ubatch, _pad(settings.n_ctx, PAD_CONTEXT))


def _widths(info: ModelInfo, settings: Settings, layers: list[Layer], cells: int, streams: int) -> _Widths:
    embedding = info.embedding if isinstance(info.embedding, int) else 0
    head = info.head_dim_k if isinstance(info.head_dim_k, int) else 0
    heads = max(info.heads, default=0)
    tokens = min(settings.n_ubatch, _pad(settings.n_ctx, PAD_CONTEXT))
    architecture = info.architecture if isinstance(info.architecture, str) else ""
    inner = info.metadata.get(f"{architecture}.ssm.inner_size")
    windows = {layer.window: layer for layer in layers if layer.k}
    masks = (
        sum(_window_cells(layer, settings, cells) for layer in windows.values())
        * tokens
        * (2 if settings.flash_attention else 4)
    )
    widest = max(layers, key=lambda layer: layer.k * _window_cells(layer, settings, cells), default=Layer(0, 0))
    read = _window_cells(widest, settings, cells) * streams * 2
    hidden = embedding if settings.flash_attention else max(embedding, heads * head)
    return _Widths(
        hidden * 4 * tokens, _feed_forward(info) * 4 * tokens, widest.k * read, widest.v * read, masks, heads * cells * tokens * 4,
        inner * 4 * tokens if isinstance(inner, int) else 0,
    )  # fmt: skip


def _copies(info: ModelInfo, settings: Settings, layers: list[Layer], in_ram: list[int], one: _Widths) -> int:
    """The GPU helps with batches of layers that lie in RAM: one weight at a time is copied, or a layer's cache."""
    weight = attention = 0
    for tensor in info.tensors:
        found = _LAYER.match(tensor.name)
        number = int(found[1]) if found else -1
        if number in in_ram or (0 <= number < settings.cpu_moe_layers and _EXPERTS.search(tensor.name)):
            if ".ffn_gate" in tensor.name or ".ffn_up" in tensor.name:
                weight = max(weight, tensor.bytes)
            elif ".attn_q." in tensor.name:
                attention = max(attention, tensor.bytes)
    feed = weight + attention + 2 * one.feed + 4 * one.hidden + one.masks if weight else 0
    cache = 0
    if any(layers[number].k for number in in_ram if number < len(layers)) or not settings.kv_offload:
        cache = one.keys + one.values + one.masks + 5 * one.hidden
        if not settings.flash_attention:
            cache = one.scores + one.masks + one.keys + 7 * one.hidden
        if not settings.kv_offload and not in_ram:
            cache = max(cache, one.keys + one.values + 3 * one.feed + 4 * one.hidden)
    return max(feed, cache)


def _feed_forward(info: ModelInfo) -> int:
    """Elements of a token's widest feed-forward layer, over all experts that work on it."""
    dense = max(info.feed_forward, default=0)
    if not info.experts or not info.experts_used:
        return dense
    architecture = info.architecture if isinstance(info.architecture, str) else ""
    each = info.metadata.get(f"{architecture}.expert_feed_forward_length")
    each = each if isinstance(each, int) and each > 0 else dense
    return each * info.experts_used
