"""On which device each operation of a graph runs, where the graph is cut, and what is copied over the cuts.

Follows ggml's scheduler with CUDA devices before the CPU. Source: ggml-org/llama.cpp b11434, ggml/src/ggml-backend.cpp
(``ggml_backend_sched_split_graph``) and ggml/src/ggml-cuda/ggml-cuda.cu (``offload_op``, ``graph_optimize``).
"""

from __future__ import annotations

from typing import Optional

from .ggml import HOST, VIEWS, Graph, Tensor
from .ggml_alloc import Step
from .ggml_cuda import keeps, supports

OFFLOAD_ROWS = 32
"""Batches from this size on are worth copying a weight to the GPU (GGML_OP_OFFLOAD_MIN_BATCH)."""
COPIES = 4
"""Of inputs, where several GPUs work on several batches at once (GGML_SCHED_MAX_COPIES)."""


def schedule(graph: Graph, gpus: int, pipeline: bool = False) -> tuple[list[Step], list[Step]]:
    """Steps in order, with the copies between devices, and the leaves. The CPU is device number ``gpus``."""
    places = _assign(graph, gpus)
    steps: list[Step] = []
    first: list[Step] = []

    def copies(of: Tensor, device: int, count: int) -> list[Step]:
        found = [Step(Tensor("none", of.kind, of.shape, strides=of.strides), device) for _ in range(count)]
        for step in found:
            step.tensor.lasting = pipeline
        return found

    if pipeline:
        for leaf in graph.leaves:
            if leaf.input:
                leaf.lasting = True
                first += copies(leaf, places[leaf], COPIES - 1)
    brought: dict[tuple[Tensor, int], Tensor] = {}
    for device, nodes in _splits(graph, places, gpus):
        for node in nodes:
            for number, source in enumerate(node.sources):
                if node.op in VIEWS or places[source] == device:
                    continue
                if (source, device) not in brought:
                    made = copies(source, device, COPIES if pipeline else 1)
                    brought[source, device] = made[0].tensor
                    first += made if pipeline else []
                    # The source must outlive its copying; the copy is there from the piece's beginning.
                    holder = Tensor("none", source.kind, source.shape, (source,), root=source.owner)
                    steps += [Step(holder, places[source], True), made[0]]
                node.sources[number] = brought[source, device]
        held = keeps(nodes) if device < gpus else {}
        for node in nodes:
            steps.append(Step(node, places[node]))
            if node in held:
                holder = Tensor("none", node.kind, node.shape, held[node], root=held[node][0].owner)
                steps.append(Step(holder, device, True))
    return steps, first + [Step(leaf, places[leaf]) for leaf in graph.leaves]


def _assign(graph: Graph, gpus: int) -> dict[Tensor, int]:
    cpu = gpus
    places: dict[Tensor, int] = {}

    def home(tensor: Tensor) -> Optional[int]:
        where = tensor.owner.home
        return cpu if where == HOST else where

    def at_first(node: Tensor) -> Optional[int]:
        where = home(node)
        if where is not None:
            return where if where == cpu or supports(node, where) else cpu
        if node.input:
            return cpu
        if node.op in ("rope", "flash_attn"):
            return None
        for source in node.sources:
            if source.weight:
                where = home(source)
                if where == cpu and _batch(node) >= OFFLOAD_ROWS:
                    for gpu in range(gpus):
                        if supports(node, gpu):
                            return gpu
                return where if where is not None and (where == cpu or supports(node, where)) else cpu
        return None

    for tensor in (*graph.leaves, *graph.nodes):
        where = graph.pinned.get(tensor)
        if where is None:
            where = at_first(tensor)
        elif where == HOST:
            where = cpu
        if where is not None:
            places[tensor] = where
    real = [node for node in graph.nodes if node.op not in VIEWS]
    for order, only_gpus in ((real, True), (real[::-1], True), (real, False), (real[::-1], False)):
        current: Optional[int] = None
        for node in order:
            where = places.get(node)
            if where is not None:
                current = None if only_gpus and where == cpu else where
            elif current is not None and (current == cpu or supports(node, current)):
                places[node] = current
    for node in real:
        if node not in places:
            places[node] = _most_inputs(node, places, gpus, home)
    for node in graph.nodes:
        if node.root is not None and node not in places and node.root in places:
            places[node] = places[node.root]
        for source in node.sources:
            if source not in places:
                places[source] = places[source.root] if source.root is not None else places[node]
        places.setdefault(node, cpu)
    return places


def _most_inputs(node: Tensor, places: dict[Tensor, int], gpus: int, home: object) -> int:
    best, most = gpus, -1
    for device in range(gpus + 1):
        if device < gpus and not supports(node, device):
            continue
        near = sum(places.get(source, places.get(source.owner, -1)) == device for source in node.sources)
        if near > most:
            best, most = device, near
    return best


def _batch(node: Tensor) -> int:
    """Rows that an operation works on (``get_op_batch_size``)."""
    if node.op == "get_rows":
        return 0
    if node.op == "mul_mat":
        return node.shape[1]
    if node.op in ("mul_mat_id", "rope"):
        return node.shape[2]
    return node.rows


def _splits(graph: Graph, places: dict[Tensor, int], gpus: int) -> list[tuple[int, list[Tensor]]]:
    """Pieces that run on one device; a new one too for each weight that is copied, so that its room is used again."""
    real = [node for node in graph.nodes if node.op not in VIEWS]
    current = places[real[0]] if real else gpus
    pieces: list[tuple[int, list[Tensor]]] = [(current, [])]
    copied = False
    brought: set[tuple[Tensor, int]] = set()
    for node in graph.nodes:
        if node.op not in VIEWS:
            where = places[node]
            fresh = copied and any(source.weight and places[source] != current for source in node.sources)
            if where != current or fresh:
                current, copied = where, False
                pieces.append((where, []))
            for source in node.sources:
                if places[source] != current and (source, current) not in brought:
                    brought.add((source, current))
                    copied = True
        pieces[-1][1].append(node)
    return pieces
