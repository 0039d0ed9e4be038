"""llama.cpp's memory, by device: weights, KV cache, recurrent state, work buffers, and what the driver takes beside them.

All that the program computes is computed here too (ggml-org/llama.cpp b11434: src/llama-model.cpp ``load_tensors``,
src/llama-kv-cache*.cpp, src/llama-memory-recurrent.cpp; for the work buffers see ``llama_work``). What the driver takes beside that
is a fit to measurements, see ``benchmarks/``.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from typing import Sequence

import msgspec

from ..catalogs.ggml_types import BY_NAME, GgmlType
from ..facts.model import ModelInfo, Tensor
from ..facts.prediction import Parts, Prediction, Settings
from . import ggml_cuda
from . import llama_kinds as kinds
from .ggml import HOST
from .ggml_sched import OFFLOAD_ROWS
from .llama_builder import Unlike
from .llama_layers import Layer, drafts_of, layers_of
from .llama_work import HOST_ALIGNMENT, work_bytes

PAD_CONTEXT = 256
"""n_ctx, each slot's share and the cells of sliding layers are multiples of this (src/llama-context.cpp, -kv-cache-iswa.cpp)."""
MIB = 1 << 20
EMBEDDINGS = "token_embd.weight"

FACTORS = "rope_"
_LAYER = re.compile(r"^blk\.(\d+)\.")
_EXPERTS = re.compile(r"\.ffn_(?:up|down|gate|gate_up)_(?:ch|)exps")
"""Weights that --cpu-moe and --n-cpu-moe keep in RAM (common/arg.cpp)."""
_OUTPUT = ("output", "cls", "norm_out", "altup_")
"""Beginnings of names that belong to the output layer."""

# Measured on one card (H100, CUDA 13.0, build 11434) in 94 runs: used memory beside the program's own buffers.
CONTEXT_BYTES = 598 * MIB
"""CUDA context and kernels after the load: 595 to 604 MiB."""
POOL_BYTES = 6 * MIB
"""Pool of temporary buffers while it answers, beside the batch's activations in 8 bits."""
CUBLAS_BYTES = 96 * MIB
"""cuBLAS' handle and kernels, loaded by the first product of matrices that are not quantised."""
SPLIT_BYTES = 1 * MIB
"""For each layer in RAM, of which the GPU computes a part: 0 to 1.2 MiB."""
USUAL_PROMPT = 6144
"""Without flash attention the pool grows with the tokens in use; so many are reckoned with, if the context has them."""


def predict(info: ModelInfo, settings: Settings, free_bytes: Sequence[int] = (0,)) -> Prediction:
    """What each GPU and RAM will hold. ``free_bytes`` has one item for each GPU, in order; empty without any."""
    layers = layers_of(info)
    layers_run = layers[: len(layers) - drafts_of(info)]
    info = _as_loaded(info, len(layers_run))
    gpus = [Parts(name=f"GPU{number}") for number in range(len(free_bytes))]
    ram = Parts(name="RAM")
    devices = [*gpus, ram]
    place = _places(len(layers), settings, free_bytes)
    homes = _homes(info, settings, place)
    for tensor in info.tensors:
        # Factors of the positions lie once on each device that has layers.
        for home in set(place[:-1]) if tensor.name.startswith(FACTORS) else {homes[tensor.name]}:
            devices[home].weights_bytes += _in_ram(tensor) if home == HOST else _on_gpu(tensor)
        if tensor.name == EMBEDDINGS and homes.get(kinds.TIED, HOST) != HOST:
            devices[homes[kinds.TIED]].weights_bytes += _on_gpu(tensor)
        elif tensor.name == EMBEDDINGS and kinds.TIED in homes and info.architecture in kinds.OUTPUT_LOADED_FIRST:
            ram.weights_bytes += _in_ram(tensor)
    # Values kept in fewer bits need flash attention, on the CPU if there is no other way.
    flash = settings.flash_attention and (_type(settings.cache_type_v).block > 1 or _has_kernels(info, layers, place, settings))
    cells, streams = _cells(settings)
    widest = max((layer.v for layer in layers), default=0)
    for number, layer in enumerate(layers):
        home = place[number] if settings.kv_offload else HOST
        devices[home].kv_cache_bytes += _cache(layer, settings, cells, streams, home != HOST, widest)
    windows = {layer.window: _window_cells(layer, settings, cells) for layer in layers if layer.k}
    doubts = _doubts(info, settings, layers, flash)
    try:
        work = work_bytes(info, settings, layers_run, homes, place, len(gpus), windows, streams, flash) if layers else []
    except Unlike as error:
        doubts.append(f"{error}: the work buffers are left out")
        work = []
    for device, size in zip(devices, work):
        device.compute_bytes = size
    vocabulary = info.vocabulary if isinstance(info.vocabulary, int) else 0
    ram.compute_bytes += vocabulary * 4 * max(settings.n_parallel, 1)
    for gpu in gpus:
        gpu.overhead_bytes = _overhead(info, layers, flash, settings, cells, place[:-1].count(HOST))
    return Prediction(settings=settings, devices=gpus, ram=ram, certain=not doubts, doubts=doubts)


def _doubts(info: ModelInfo, settings: Settings, layers: list[Layer], flash: bool) -> list[str]:
    found = []
    if not layers:
        found.append("the file does not tell its layers")
    elif info.architecture not in kinds.MEASURED:
        found.append(f"work buffers of {info.architecture} were not measured")
    if not settings.kv_offload and any(layer.k for layer in layers) and any(layer.state for layer in layers):
        found.append("with states in RAM the program may drop flash attention")
    if not flash and any(layer.k for layer in layers):
        found.append(f"without flash attention the pool is reckoned for {USUAL_PROMPT} tokens in use and grows beyond")
    return found


def _has_kernels(info: ModelInfo, layers: list[Layer], place: list[int], settings: Settings) -> bool:
    """llama.cpp does without flash attention where the GPU has no kernel for a layer's heads, and where the scheduler draws the
    attention of a layer in RAM to the GPU: of the last one, if the graph turns to states there before it is done with that layer,
    and of those without a cache of their own, if the norm of the queries is worth moving."""
    for number, layer in enumerate(layers):
        if place[number] == HOST:
            after = layers[number + 1] if number + 1 < len(layers) and place[number + 1] != HOST else layer
            turns = layer.k and after.state and not layer.state and info.architecture not in kinds.DELTA_NET
            if turns or (layer.source is not None and info.heads[number] * settings.n_parallel >= OFFLOAD_ROWS):
                return False
            continue
        if layer.k and not layer.v:
            latent = info.metadata.get(f"{info.architecture}.attention.kv_lora_rank")
            shape = (layer.k, latent if isinstance(latent, int) else 0, max(info.heads, default=1))
        elif layer.k:
            shared = info.kv_heads[number]
            shape = (layer.k // shared, layer.v // shared, info.heads[number] // shared)
        else:
            continue
        if not ggml_cuda.flash_attention(*shape):
            return False
    return True


def _overhead(info: ModelInfo, layers: list[Layer], flash: bool, settings: Settings, cells: int, in_ram: int) -> int:
    tokens = min(settings.n_ubatch, cells)
    widest = max(info.feed_forward, default=0)
    size = CONTEXT_BYTES + POOL_BYTES + widest * tokens * 9 // 8 + in_ram * SPLIT_BYTES
    scores = not flash and any(layer.k for layer in layers)
    if scores or info.architecture in kinds.MAMBA2 or any(_plain_product(one) for one in info.tensors):
        size += CUBLAS_BYTES
    if scores:
        # cuBLAS works on scores of 16 bits, of which it keeps a copy.
        size += max(info.heads, default=0) * min(cells, USUAL_PROMPT) * tokens * 2
    return size


def _plain_product(tensor: Tensor) -> bool:
    """Whether a weight is multiplied as it is; convolutions have kernels of their own."""
    plain = tensor.type in ("F32", "F16", "BF16") and len(tensor.shape) > 1
    return (
        plain and bool(_LAYER.match(tensor.name)) and "conv" not in tensor.name and not tensor.name.endswith(("ssm_a", "ssm_d"))
    )


def _as_loaded(info: ModelInfo, layers: int) -> ModelInfo:
    """Without the weights of layers that are there for drafts alone."""
    found = ((tensor, _LAYER.match(tensor.name)) for tensor in info.tensors)
    return msgspec.structs.replace(info, tensors=[tensor for tensor, layer in found if not layer or int(layer[1]) < layers])


def _pad(value: int, step: int) -> int:
    return (value + step - 1) // step * step


# --- where layers and weights lie ----------------------------------------------------------------------------------------


def _places(count: int, settings: Settings, free_bytes: Sequence[int]) -> list[int]:
    """For each layer, then the output: the GPU's number, HOST for RAM. The last layers go first; the output is the very last."""
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
    places: list[int] = []
    for number in range(count + 1):
        if number < start or not on_gpus:
            places.append(HOST)
        else:
            places.append(min(bisect_right(bounds, (number - start) / on_gpus), len(bounds) - 1))
    return places


def _homes(info: ModelInfo, settings: Settings, place: list[int]) -> dict[str, int]:
    """The device of each weight by its name. Embeddings that serve as output too have a second home as kinds.TIED."""
    homes: dict[str, int] = {}
    for tensor in info.tensors:
        found = _LAYER.match(tensor.name)
        if found:
            number = int(found[1])
            on = place[number] if number < len(place) - 1 else HOST
            if number < settings.cpu_moe_layers and _EXPERTS.search(tensor.name):
                on = HOST
        elif tensor.name.startswith(_OUTPUT) or (
            tensor.name.startswith("token_embd_norm") and info.architecture in kinds.NORMED_LAST
        ):
            on = place[-1]
        elif tensor.name.startswith((FACTORS, "per_layer_model_proj", "per_layer_proj_norm")):
            on = place[0]
        else:
            on = HOST  # the input layer always stays in RAM
        homes[tensor.name] = on
    if EMBEDDINGS in homes and "output.weight" not in homes and info.architecture not in kinds.NO_COPY_OF_EMBEDDINGS:
        homes[kinds.TIED] = place[-1]
    return homes


def _in_ram(tensor: Tensor) -> int:
    return _pad(tensor.bytes, HOST_ALIGNMENT)


def _on_gpu(tensor: Tensor) -> int:
    row = tensor.shape[0] if tensor.shape else 1
    return _pad(tensor.bytes + ggml_cuda.row_padding(tensor.type, row), ggml_cuda.ALIGNMENT)


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


def _cache(layer: Layer, settings: Settings, cells: int, streams: int, on_gpu: bool, widest: int) -> int:
    tokens = _window_cells(layer, settings, cells) * streams
    size = layer.state * 4 * max(settings.n_parallel, 1)
    # Values that lie transposed have rows of one width for all layers.
    values = layer.v if settings.flash_attention or not layer.v else widest
    for name, row in ((settings.cache_type_k, layer.k), (settings.cache_type_v, values)):
        kind = _type(name)
        size += tokens * (row // kind.block * kind.block_bytes)
        if row and on_gpu:
            size += _pad(ggml_cuda.row_padding(kind.name, row), ggml_cuda.ALIGNMENT)
    return size


def _type(name: str) -> GgmlType:
    return BY_NAME[name.upper()]
