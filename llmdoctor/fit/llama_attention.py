"""Attention as llama.cpp builds it, from the layer's input to its product with the output's weight.

Source: ggml-org/llama.cpp b11434, src/llama-graph.cpp (``build_qkv``), src/models/*.cpp.
"""

from __future__ import annotations

from typing import Optional

from .ggml import Tensor, shape_of
from .llama_attend import attend, rope
from .llama_builder import Builder
from .llama_kinds import DELTA_NET, NO_ROPE, NORM_AFTER_ROPE, NORMED_VALUES, ROPE_BUT_EVERY_FOURTH, ROPE_WHERE_SLIDING
from .llama_latent import expanded_latent_attention, latent_attention
from .llama_layers import Layer

LLAMA4_PLAIN = 128
"""Of Llama 4, the size with so many experts does not norm queries and keys."""


def attention(b: Builder, name: str, number: int, layer: Layer, x: Tensor) -> Tensor:
    if b.has(f"{name}.attn_kv_a_mqa") and b.has(f"{name}.attn_k_b"):
        return latent_attention(b, name, number, layer, x)
    if b.has(f"{name}.attn_kv_b"):
        return expanded_latent_attention(b, name, number, layer, x)
    g, tokens = b.graph, b.sizes.tokens
    heads = b.info.heads[number] if number < len(b.info.heads) else max(b.info.heads, default=1)
    shared = b.info.kv_heads[number] if number < len(b.info.kv_heads) else heads
    shared = shared or heads
    head_k, head_v = (layer.k // shared, layer.v // shared) if layer.k else b.head(layer.window is not None)
    query, key, value = _query_key_value(b, name, x, heads, shared, head_k, head_v, bool(layer.k))
    gate: Optional[Tensor] = None
    if b.architecture in DELTA_NET:
        # The query's product holds the gate beside the query, head by head.
        gate = query
        query = g.view(query, (head_k, heads, tokens, 1), (4, head_k * 8, query.strides[1], query.strides[1] * tokens))
        gate = g.view(gate, (head_k, heads, tokens, 1), query.strides, head_k * 4)
        gate = g.op("cont", shape_of(head_k * heads, tokens), gate)
    if value is not None and b.architecture in NORMED_VALUES:
        value = g.op("rms_norm", value, value)
    turns = _has_rope(b, number, layer)
    query = _turned(b, number, layer, query, f"{name}.attn_q_norm", head_k, turns)
    if key is not None:
        key = _turned(b, number, layer, key, f"{name}.attn_k_norm", head_k, turns)
    if f"{b.architecture}.attention.temperature_scale" in b.info.metadata or (b.architecture == "llama4" and not turns):
        query = g.op("mul", query, query, b.temperature)
    if b.architecture == "llama4" and turns and key is not None and b.info.experts != LLAMA4_PLAIN:
        query, key = g.op("rms_norm", query, query), g.op("rms_norm", key, key)
    out = attend(b, number, layer, query, key, value, shared, head_k, head_v)
    if gate is not None:
        out = g.op("mul", out, out, g.op("sigmoid", gate, gate))
    if b.has(f"{name}.attn_sub_norm"):
        out = b.norm(out, f"{name}.attn_sub_norm")
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
    bare = key
    key = _whole_norm(b, key, f"{name}.attn_k_norm", head_k)
    key = g.reshape(key, head_k, shared, tokens)
    value = g.reshape(bare, head_k, shared, tokens) if value is None else g.reshape(value, head_v, shared, tokens)
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


def _turned(b: Builder, number: int, layer: Layer, x: Tensor, norm: str, head: int, turns: bool) -> Tensor:
    """Normed and turned by its position."""
    slides, late = layer.window is not None, b.architecture in NORM_AFTER_ROPE
    x = x if late else _head_norm(b, x, norm, head)
    x = rope(b, number, x, slides) if turns else x
    return _head_norm(b, x, norm, head) if late else x


def _head_norm(b: Builder, x: Tensor, name: str, head: int) -> Tensor:
    stored = b.stored.get(f"{name}.weight")
    return b.norm(x, name) if stored is not None and (stored.shape[0] == head or len(stored.shape) > 1) else x
