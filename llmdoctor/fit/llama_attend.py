"""What all kinds of attention share: the cache of keys and values, and the product over it.

Source: ggml-org/llama.cpp b11434, src/llama-graph.cpp (``build_attn*``), src/llama-kv-cache.cpp.
"""

from __future__ import annotations

from typing import Optional

from ..catalogs.ggml_types import BY_NAME
from .ggml import HOST, Tensor, packed, shape_of
from .llama_builder import Builder
from .llama_kinds import FACTORS_WHERE_NOT_SLIDING
from .llama_layers import Layer

ROTATED_HEADS = 64
"""Heads of such multiples are rotated before they are kept in fewer bits (src/llama-kv-cache.cpp, attn_rot_k)."""


def rope(b: Builder, number: int, x: Tensor, slides: bool = False) -> Tensor:
    factors = None if slides and b.architecture in FACTORS_WHERE_NOT_SLIDING else b.factors(number)
    return b.graph.op("rope", x, x, b.positions) if factors is None else b.graph.op("rope", x, x, b.positions, factors)


def cache(b: Builder, number: int, kind: str, width: int, cells: int) -> Tensor:
    return b.graph.stored(kind.upper(), b.cache_home[number], width, cells, b.sizes.streams)


def _mask(b: Builder, window: Optional[int]) -> Tensor:
    if window not in b.masks:
        kind = "F16" if b.sizes.flash else "F32"
        streams = b.sizes.streams
        b.masks[window] = b.graph.input(kind, b.cells[window], b.sizes.tokens // streams, 1, streams)
    return b.masks[window]


def index(b: Builder, window: Optional[int], of_values: bool) -> Tensor:
    key = (window, of_values)
    if key not in b.indices:
        # Written element by element where the cache is transposed.
        wide = b.widest_values if of_values and b.transposed else 1
        b.indices[key] = b.graph.input("I64", b.sizes.tokens * wide)
    return b.indices[key]


def _rotate(b: Builder, x: Tensor, window: Optional[int], of_values: bool) -> Tensor:
    """Heads kept in fewer bits are rotated first, which spreads outliers; keys by the largest matrix that divides all heads."""
    kind = b.settings.cache_type_v if of_values else b.settings.cache_type_k
    head = b.head(window is not None)[of_values]
    if BY_NAME[kind.upper()].block == 1 or head % ROTATED_HEADS:
        return x
    size = ROTATED_HEADS
    while not of_values and head % (size * 2) == 0:
        size *= 2
    turn = b.rotations.get((window, of_values))
    if turn is None:
        turn = b.rotations[window, of_values] = b.graph.input("F32", size, size)
    if x.strides != packed(x.kind, x.shape):
        x = b.graph.cont(x)
    flat = b.graph.reshape(x, size, x.shape[0] * x.rows // size)
    return b.graph.reshape(b.graph.mul_mat(turn, flat), *x.shape)


def attend(
    b: Builder, number: int, layer: Layer, query: Tensor, key: Optional[Tensor], value: Optional[Tensor], shared: int,
    head_k: int, head_v: int,
) -> Tensor:  # fmt: skip
    g, sizes, window = b.graph, b.sizes, layer.window
    kind_k, kind_v = b.settings.cache_type_k.upper(), b.settings.cache_type_v.upper()
    cells, streams = b.cells[window], sizes.streams
    query = _rotate(b, query, window, False)
    if key is not None and value is not None:
        key, value = _rotate(b, key, window, False), _rotate(b, value, window, True)
    order = (query, key, value) if len(b.cells) > 1 else (query, value, key)
    for one in order:
        if one is not None:
            g.expand(one)
    number_of_cache = number if layer.source is None else layer.source
    keys = cache(b, number_of_cache, kind_k, shared * head_k, cells)
    values = cache(b, number_of_cache, kind_v, shared * head_v, cells)
    if key is not None and value is not None:
        g.expand(store(b, keys, key, index(b, window, False)))
        if not b.transposed:
            g.expand(store(b, values, value, index(b, window, True)))
        else:
            whole = g.reshape(values, 1, values.shape[0] * values.rows)
            flat = value if value.strides == packed("F32", value.shape) else g.cont(value)
            flat = g.reshape(g.reshape(flat, shared * head_v, sizes.tokens), 1, shared * head_v * sizes.tokens)
            g.expand(g.write("set_rows", whole, flat, index(b, window, True), whole))
    k = heads_of(b, keys, head_k, shared, cells)
    if not b.transposed:
        v = heads_of(b, values, head_v, shared, cells)
    else:
        row = packed(kind_v, shape_of(cells))[1]
        v = g.view(values, (cells, shared, head_v, streams), (row // cells, row * head_v, row, row * head_v * shared))
    return _rotate(b, core(b, number, query, k, v, window, None), window, True)


def store(b: Builder, cache: Tensor, x: Tensor, index: Tensor) -> Tensor:
    g = b.graph
    rows = g.view(x, shape_of(x.shape[0] * x.shape[1], x.shape[2]), (4, x.strides[2], x.strides[3], x.strides[3]))
    if b.sizes.streams > 1:
        cache = g.reshape(cache, cache.shape[0], cache.shape[1] * cache.shape[2])
    return g.write("set_rows", cache, rows, index, cache)


def heads_of(b: Builder, cache: Tensor, head: int, shared: int, cells: int) -> Tensor:
    row = packed(cache.kind, shape_of(head))[1]
    return b.graph.view(
        cache, (head, shared, cells, b.sizes.streams), (cache.strides[0], row, row * shared, row * shared * cells)
    )


def core(b: Builder, number: int, query: Tensor, k: Tensor, v: Tensor, window: Optional[int], up: Optional[Tensor]) -> Tensor:
    g, streams = b.graph, b.sizes.streams
    size, heads, tokens, _ = query.shape
    each = tokens // streams
    query = g.view(query, (size, heads, each, streams), (*query.strides[:3], query.strides[2] * each))
    query, k, v = g.permute(query, 0, 2, 1, 3), g.permute(k, 0, 2, 1, 3), g.permute(v, 0, 2, 1, 3)
    mask = _mask(b, window)
    sinks = b.weight(f"blk.{number}.attn_sinks.weight")
    more = () if sinks is None else (sinks,)
    if b.sizes.flash:
        k, v = (g.op("cpy", one, one, kind="F16") if one.kind == "F32" else one for one in (k, v))
        out = g.op("flash_attn", (v.shape[0], query.shape[2], query.shape[1], query.shape[3]), query, k, v, mask, *more)
        if up is not None:
            out = g.mul_mat(up, g.permute(out, 0, 2, 1, 3))
            out = g.cont(g.permute(out, 0, 2, 1, 3))
        made = g.reshape(out, out.shape[0] * out.shape[1], out.shape[2] * out.shape[3])
    else:
        scores = g.mul_mat(k, query)
        if f"{b.architecture}.attn_logit_softcapping" in b.info.metadata:
            scores = g.op("scale", scores, scores)
            scores = g.op("unary", scores, scores)
            scores = g.op("scale", scores, scores)
        scores = g.op("soft_max", scores, scores, mask, *more)
        if up is not None or not b.transposed:
            v = g.cont(g.permute(v, 1, 0, 2, 3))
        out = g.mul_mat(v, scores)
        if up is not None:
            out = g.mul_mat(up, out)
        out = g.permute(out, 0, 2, 1, 3)
        made = g.op("cont", shape_of(out.shape[0] * out.shape[1], out.shape[2] * out.shape[3]), out)
        if not b.settings.kv_offload:
            g.pinned[made] = HOST
    g.expand(made)
    return made
