"""Attention as llama.cpp builds it: over a cache of keys and values, or of one latent vector for all heads.

Source: ggml-org/llama.cpp b11434, src/llama-graph.cpp (``build_attn*``, ``build_qkv``), src/llama-kv-cache.cpp.
"""

from __future__ import annotations

from typing import Optional

from ..catalogs.ggml_types import BY_NAME
from .ggml import HOST, Tensor, packed, shape_of
from .llama_builder import Builder
from .llama_kinds import DELTA_NET, NO_ROPE, ROPE_BUT_EVERY_FOURTH, ROPE_WHERE_SLIDING
from .llama_layers import Layer

ROTATED_HEADS = 64
"""Heads of such multiples are rotated before they are kept in fewer bits (src/llama-kv-cache.cpp, attn_rot_k)."""


def attention(b: Builder, name: str, number: int, layer: Layer, x: Tensor) -> Tensor:
    if b.has(f"{name}.attn_kv_a_mqa") and b.has(f"{name}.attn_k_b"):
        return _latent_attention(b, name, number, layer, x)
    g, tokens = b.graph, b.sizes.tokens
    heads = b.info.heads[number] if number < len(b.info.heads) else max(b.info.heads, default=1)
    shared = b.info.kv_heads[number] if number < len(b.info.kv_heads) else heads
    shared = shared or heads
    head_k, head_v = (layer.k // shared, layer.v // shared) if layer.k else b.head()
    query, key, value = _query_key_value(b, name, x, heads, shared, head_k, head_v, bool(layer.k))
    gate: Optional[Tensor] = None
    if b.architecture in DELTA_NET:
        # The query's product holds the gate beside the query, head by head.
        gate = query
        query = g.view(query, (head_k, heads, tokens, 1), (4, head_k * 8, query.strides[1], query.strides[1] * tokens))
        gate = g.view(gate, (head_k, heads, tokens, 1), query.strides, head_k * 4)
        gate = g.op("cont", shape_of(head_k * heads, tokens), gate)
    rope = _has_rope(b, number, layer)
    query = _head_norm(b, query, f"{name}.attn_q_norm", head_k)
    query = _rope(b, query) if rope else query
    if key is not None:
        key = _head_norm(b, key, f"{name}.attn_k_norm", head_k)
        key = _rope(b, key) if rope else key
    if f"{b.architecture}.attention.temperature_scale" in b.info.metadata:
        query = g.op("mul", query, query, b.temperature)
    out = _attend(b, number, layer, query, key, value, shared, head_k, head_v)
    if gate is not None:
        out = g.op("mul", out, out, g.op("sigmoid", gate, gate))
    return b.product(f"{name}.attn_output", out)


def _query_key_value(
    b: Builder, name: str, x: Tensor, heads: int, shared: int, head_k: int, head_v: int, caches: bool
) -> tuple[Tensor, Optional[Tensor], Optional[Tensor]]:
    g, tokens = b.graph, b.sizes.tokens
    if b.has(f"{name}.attn_qkv"):
        all_ = b.product(f"{name}.attn_qkv", x)

        def part(count: int, size: int, before: int) -> Tensor:
            strides = (4, size * 4, all_.strides[1], all_.strides[1] * tokens)
            return g.view(all_, (size, count, tokens, 1), strides, before * 4)

        return (
            part(heads, head_k, 0), part(shared, head_k, heads * head_k),
            part(shared, head_v, (heads + shared) * head_k),
        )  # fmt: skip
    query = b.product(f"{name}.attn_q", x)
    if b.architecture not in DELTA_NET:
        query = _whole_norm(b, query, f"{name}.attn_q_norm", head_k)
        query = g.reshape(query, head_k, heads, tokens)
    if not caches:
        return query, None, None
    key, value = b.product(f"{name}.attn_k", x), b.linear(f"{name}.attn_v", x)
    key = _whole_norm(b, key, f"{name}.attn_k_norm", head_k)
    key = g.reshape(key, head_k, shared, tokens)
    value = key if value is None else g.reshape(value, head_v, shared, tokens)
    return query, key, value


def _whole_norm(b: Builder, x: Tensor, name: str, head: int) -> Tensor:
    """Some kinds norm all heads together."""
    stored = b.stored.get(f"{name}.weight")
    return b.norm(x, name) if stored is not None and stored.shape[0] != head and len(stored.shape) == 1 else x


def _has_rope(b: Builder, number: int, layer: Layer) -> bool:
    if b.architecture in NO_ROPE or (b.architecture == "baichuan" and b.info.layers == 40):
        return False
    if b.architecture in ROPE_WHERE_SLIDING and len(b.cells) > 1:
        return layer.window is not None
    return b.architecture not in ROPE_BUT_EVERY_FOURTH or (number + 1) % 4 != 0


def _head_norm(b: Builder, x: Tensor, name: str, head: int) -> Tensor:
    stored = b.stored.get(f"{name}.weight")
    return b.norm(x, name) if stored is not None and (stored.shape[0] == head or len(stored.shape) > 1) else x


def _rope(b: Builder, x: Tensor) -> Tensor:
    return b.graph.op("rope", x, x, b.positions)


def _cache(b: Builder, number: int, kind: str, width: int, cells: int) -> Tensor:
    return b.graph.stored(kind.upper(), b.cache_home[number], width, cells, b.sizes.streams)


def _mask(b: Builder, window: Optional[int]) -> Tensor:
    if window not in b.masks:
        kind = "F16" if b.sizes.flash else "F32"
        streams = b.sizes.streams
        b.masks[window] = b.graph.input(kind, b.cells[window], b.sizes.tokens // streams, 1, streams)
    return b.masks[window]


def _index(b: Builder, window: Optional[int], of_values: bool) -> Tensor:
    key = (window, of_values)
    if key not in b.indices:
        # Written element by element where the cache is transposed.
        wide = max((heads * b.head()[1] for heads in b.info.kv_heads), default=1) if of_values and b.transposed else 1
        b.indices[key] = b.graph.input("I64", b.sizes.tokens * wide)
    return b.indices[key]


def _rotate(b: Builder, x: Tensor, window: Optional[int], of_values: bool) -> Tensor:
    """Heads kept in fewer bits are rotated first, which spreads outliers; keys by the largest matrix that divides all heads."""
    kind = b.settings.cache_type_v if of_values else b.settings.cache_type_k
    head = b.head()[of_values]
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


def _attend(
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
    keys = _cache(b, number, kind_k, shared * head_k, cells)
    values = _cache(b, number, kind_v, shared * head_v, cells)
    if key is not None and value is not None:
        g.expand(_store(b, keys, key, _index(b, window, False)))
        if not b.transposed:
            g.expand(_store(b, values, value, _index(b, window, True)))
        else:
            whole = g.reshape(values, 1, values.shape[0] * values.rows)
            flat = value if value.strides == packed("F32", value.shape) else g.cont(value)
            flat = g.reshape(g.reshape(flat, shared * head_v, sizes.tokens), 1, shared * head_v * sizes.tokens)
            g.expand(g.write("set_rows", whole, flat, _index(b, window, True), whole))
    k = _heads_of(b, keys, head_k, shared, cells)
    if not b.transposed:
        v = _heads_of(b, values, head_v, shared, cells)
    else:
        row = packed(kind_v, shape_of(cells))[1]
        v = g.view(values, (cells, shared, head_v, streams), (row // cells, row * head_v, row, row * head_v * shared))
    return _rotate(b, _attention_core(b, number, query, k, v, window, None), window, True)


def _store(b: Builder, cache: Tensor, x: Tensor, index: Tensor) -> Tensor:
    g = b.graph
    rows = g.view(x, shape_of(x.shape[0] * x.shape[1], x.shape[2]), (4, x.strides[2], x.strides[3], x.strides[3]))
    if b.sizes.streams > 1:
        cache = g.reshape(cache, cache.shape[0], cache.shape[1] * cache.shape[2])
    return g.write("set_rows", cache, rows, index, cache)


def _heads_of(b: Builder, cache: Tensor, head: int, shared: int, cells: int) -> Tensor:
    row = packed(cache.kind, shape_of(head))[1]
    return b.graph.view(
        cache, (head, shared, cells, b.sizes.streams), (cache.strides[0], row, row * shared, row * shared * cells)
    )


def _attention_core(
    b: Builder, number: int, query: Tensor, k: Tensor, v: Tensor, window: Optional[int], up: Optional[Tensor]
) -> Tensor:
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


def _latent_attention(b: Builder, name: str, number: int, layer: Layer, x: Tensor) -> Tensor:
    """One latent vector serves all heads as key and value (MLA)."""
    g, tokens = b.graph, b.sizes.tokens
    latent, rope = b.number("attention.kv_lora_rank"), b.number("rope.dimension_count")
    whole = b.number("attention.key_length_mla")
    heads = max(b.info.heads, default=1)
    if b.has(f"{name}.attn_q_a"):
        low = b.norm(b.product(f"{name}.attn_q_a", x), f"{name}.attn_q_a_norm")
        query = b.product(f"{name}.attn_q_b", low)
    else:
        query = b.product(f"{name}.attn_q", x)
    both = b.product(f"{name}.attn_kv_a_mqa", x)
    k_b, v_b = b.need(f"{name}.attn_k_b.weight"), b.need(f"{name}.attn_v_b.weight")
    query = g.reshape(query, whole, heads, tokens)
    plain = g.view(query, (whole - rope, heads, tokens, 1), query.strides)
    absorbed = g.permute(g.mul_mat(k_b, g.permute(plain, 0, 2, 1, 3)), 0, 2, 1, 3)
    turned = _rope(b, g.view(query, (rope, heads, tokens, 1), query.strides, (whole - rope) * 4))
    query = g.op("concat", (latent + rope, heads, tokens, 1), absorbed, turned)
    row = both.strides[1]
    squeezed = b.norm(g.view(both, shape_of(latent, tokens), both.strides), f"{name}.attn_kv_a_norm")
    value = g.reshape(squeezed, latent, 1, tokens)
    position = _rope(b, g.view(both, (rope, 1, tokens, 1), (4, row, row, row * tokens), latent * 4))
    key = g.op("concat", (latent + rope, 1, tokens, 1), value, position)
    kind, cells = b.settings.cache_type_k.upper(), b.cells[layer.window]
    for one in (query, value, key):
        g.expand(one)
    cache = _cache(b, number, kind, latent + rope, cells)
    g.expand(_store(b, cache, key, _index(b, layer.window, False)))
    k = _heads_of(b, cache, latent + rope, 1, cells)
    v = g.view(k, (latent, *k.shape[1:]), k.strides)
    return b.product(f"{name}.attn_output", _attention_core(b, number, query, k, v, layer.window, v_b))
