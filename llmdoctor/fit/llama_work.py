"""The work buffers of llama.cpp: its graph for the largest batch, placed and laid out as the program does at the start."""

from __future__ import annotations

from typing import Mapping, Optional, Sequence

from ..facts.model import ModelInfo
from ..facts.prediction import Settings
from . import ggml_alloc, ggml_cuda
from .ggml import HOST, Tensor
from .ggml_sched import schedule
from .llama_builder import Sizes
from .llama_graph import build
from .llama_layers import Layer

HOST_ALIGNMENT = 32
"""Of tensors in RAM (ggml-backend.cpp, TENSOR_ALIGNMENT)."""
ALIKE = 2
"""So many times a sequence of three like layers is looked at; more of them find the buffer as the ones before left it."""


def work_bytes(
    info: ModelInfo, settings: Settings, layers: Sequence[Layer], homes: Mapping[str, int], layer_home: Sequence[int], gpus: int,
    cells: Mapping[Optional[int], int], streams: int, flash: bool,
) -> list[int]:  # fmt: skip
    """Bytes for each GPU, then for RAM."""
    tokens = min(settings.n_ubatch, settings.n_ctx)
    slots = max(settings.n_parallel, 1)
    tokens = (tokens + slots - 1) // slots * slots
    cache_home = list(layer_home) if settings.kv_offload else [HOST] * len(layers)
    kept = _unlike(info, layers, homes, cache_home)
    sizes = Sizes(tokens, slots, streams, slots, flash)
    graph = build(info, {number: layers[number] for number in kept}, cells, sizes, settings, homes, layer_home)
    whole = bool(layer_home) and HOST not in layer_home
    steps, leaves = schedule(graph, gpus, pipeline=gpus > 1 and whole and settings.kv_offload and not settings.cpu_moe_layers)

    def size_of(tensor: Tensor, device: int) -> int:
        return ggml_cuda.size_of(tensor) if device < gpus else tensor.bytes

    return ggml_alloc.room(steps, leaves, [ggml_cuda.ALIGNMENT] * gpus + [HOST_ALIGNMENT], size_of)


def _unlike(info: ModelInfo, layers: Sequence[Layer], homes: Mapping[str, int], cache_home: Sequence[int]) -> list[int]:
    """Layers that may use more than those before them. A sequence that came before need not be looked at again."""
    if _each_counts(info, layers, cache_home):
        return list(range(len(layers)))
    parts: dict[int, list[object]] = {number: [] for number in range(len(layers))}
    for one in info.tensors:
        pieces = one.name.split(".", 2)
        if len(pieces) == 3 and pieces[0] == "blk" and pieces[1].isdigit() and int(pieces[1]) in parts:
            home = homes.get(one.name, HOST)
            parts[int(pieces[1])].append((pieces[2], home, one.bytes if home == HOST else 0, one.shape))
    keys = [(layers[number], cache_home[number], tuple(parts[number])) for number in range(len(layers))]
    seen: dict[object, int] = {}
    kept = []
    for number in range(len(keys)):
        sequence = tuple(map(hash, keys[max(number - 2, 0) : number + 1]))
        seen[sequence] = seen.get(sequence, 0) + 1
        if seen[sequence] <= ALIKE or number >= len(keys) - 2:
            kept.append(number)
    return kept


def _each_counts(info: ModelInfo, layers: Sequence[Layer], cache_home: Sequence[int]) -> bool:
    """Whether even a layer like those before may need more room."""
    if any(one.name == "per_layer_token_embd.weight" for one in info.tensors):
        return True  # each layer has an input of its own
    states = [number for number, layer in enumerate(layers) if layer.state]
    # With attention among states gaps grow from one layer to the next; states in RAM cut the graph in each.
    return bool(states) and (any(layer.k for layer in layers) or any(cache_home[number] == HOST for number in states))
