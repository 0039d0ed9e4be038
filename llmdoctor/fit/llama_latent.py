"""Attention over one latent vector for all heads (MLA), kept as it is or expanded to keys and values.

Source: ggml-org/llama.cpp b11434, src/models/deepseek2.cpp, src/models/minicpm3.cpp.
"""

from __future__ import annotations

from .ggml import Tensor, shape_of
from .llama_attend import attend, cache, core, heads_of, index, rope, store
from .llama_builder import Builder
from .llama_layers import Layer


def latent_attention(b: Builder, name: str, number: int, layer: Layer, x: Tensor) -> Tensor:
    """One latent vector serves all heads as key and value (MLA)."""
    g, tokens = b.graph, b.sizes.tokens
    latent, turn = b.number("attention.kv_lora_rank"), b.number("rope.dimension_count")
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
    plain = g.view(query, (whole - turn, heads, tokens, 1), query.strides)
    absorbed = g.permute(g.mul_mat(k_b, g.permute(plain, 0, 2, 1, 3)), 0, 2, 1, 3)
    turned = rope(b, number, g.view(query, (turn, heads, tokens, 1), query.strides, (whole - turn) * 4))
    query = g.op("concat", (latent + turn, heads, tokens, 1), absorbed, turned)
    row = both.strides[1]
    squeezed = b.norm(g.view(both, shape_of(latent, tokens), both.strides), f"{name}.attn_kv_a_norm")
    value = g.reshape(squeezed, latent, 1, tokens)
    position = rope(b, number, g.view(both, (turn, 1, tokens, 1), (4, row, row, row * tokens), latent * 4))
    key = g.op("concat", (latent + turn, 1, tokens, 1), value, position)
    kind, cells = b.settings.cache_type_k.upper(), b.cells[layer.window]
    for one in (query, value, key):
        g.expand(one)
    kept = cache(b, number, kind, latent + turn, cells)
    g.expand(store(b, kept, key, index(b, layer.window, False)))
    k = heads_of(b, kept, latent + turn, 1, cells)
    v = g.view(k, (latent, *k.shape[1:]), k.strides)
    return b.product(f"{name}.attn_output", core(b, number, query, k, v, layer.window, v_b))


def expanded_latent_attention(b: Builder, name: str, number: int, layer: Layer, x: Tensor) -> Tensor:
    """The latent vector is expanded to keys and values of all heads, which the cache holds."""
    g, tokens = b.graph, b.sizes.tokens
    latent, turn, heads = b.number("attention.kv_lora_rank"), b.number("rope.dimension_count"), max(b.info.heads, default=1)
    head_k, head_v = b.head()
    plain = head_k - turn
    if b.has(f"{name}.attn_q_a"):
        query = b.product(f"{name}.attn_q_b", b.norm(b.product(f"{name}.attn_q_a", x), f"{name}.attn_q_a_norm"))
    else:
        query = b.product(f"{name}.attn_q", x)
    query = rope(b, number, g.reshape(query, head_k, heads, tokens))
    both = b.product(f"{name}.attn_kv_a_mqa", x)
    row = both.strides[1]
    squeezed = b.norm(g.view(both, shape_of(latent, tokens), both.strides), f"{name}.attn_kv_a_norm")
    position = rope(b, number, g.view(both, (turn, 1, tokens, 1), (4, row, row, row * tokens), latent * 4))
    wide = b.product(f"{name}.attn_kv_b", squeezed)
    strides = (4, (plain + head_v) * 4, wide.strides[1], wide.strides[1] * tokens)
    value = g.cont(g.view(wide, (head_v, heads, tokens, 1), strides, plain * 4))
    key = g.view(wide, (plain, heads, tokens, 1), strides)
    key = g.op("concat", (head_k, heads, tokens, 1), key, g.op("repeat", (turn, heads, tokens, 1), position))
    return b.product(f"{name}.attn_output", attend(b, number, layer, query, key, value, heads, head_k, head_v))
