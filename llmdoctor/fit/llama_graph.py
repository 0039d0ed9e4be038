"""The graph that llama.cpp computes for one batch of a prompt, as far as memory depends on it.

Which tensors a layer has tells most of what it does; what they do not tell stands in ``llama_kinds``. Source: ggml-org/llama.cpp
b11434, src/llama-graph.cpp, src/llama-kv-cache.cpp, src/models/*.cpp.
"""

from __future__ import annotations

from typing import Mapping, Optional, Sequence

from ..facts.model import ModelInfo
from ..facts.prediction import Settings
from . import llama_kinds as kinds
from .ggml import HOST, Graph, Tensor, shape_of
from .llama_attention import attention
from .llama_builder import Builder, Sizes
from .llama_feed_forward import feed_forward
from .llama_gemma import altup_layer, dense_and_experts, joined_streams, layer_inputs, split_streams, with_layer_input
from .llama_layers import Layer
from .llama_recurrent import delta_net, mamba, mamba2, short_convolution


def build(
    info: ModelInfo, layers: Mapping[int, Layer], cells: Mapping[Optional[int], int], sizes: Sizes, settings: Settings,
    homes: Mapping[str, int], layer_home: Sequence[int],
) -> Graph:  # fmt: skip
    """``layers`` may leave out some that are like their neighbours. ``cells`` has each window's tokens in one stream's cache;
    ``homes`` tells where each weight lies, ``layer_home`` each layer.

    Raises Unlike where the file lacks a tensor that its kind has.
    """
    caches = layer_home if settings.kv_offload else [HOST] * len(layer_home)
    b = Builder(info, cells, sizes, settings, homes, caches, layer_home, layers.values())
    x = _embeddings(b)
    layer_inputs(b, x)
    altup = b.has("altup_proj")
    if altup:
        x = split_streams(b, x)
    last = max(layers, default=-1)
    whole = HOST not in layer_home
    for number, layer in layers.items():
        b.pin = layer_home[number] if whole else None
        if altup:
            x = altup_layer(b, f"blk.{number}", number, layer, x)
        else:
            x = _with_deep_input(b, number, _layer(b, number, layer, x, number == last))
            x = with_layer_input(b, f"blk.{number}", number, x)
    b.pin = None
    if altup:
        x = joined_streams(b, x)
    elif b.architecture in kinds.LATE_OUTPUTS or not layers:
        x = b.pick(x)
    x = b.norm(x, "output_norm" if b.has("output_norm") else "token_embd_norm")
    if b.architecture in kinds.LATEST_OUTPUTS:
        x = b.pick(x)
    output = b.weight("output.weight") or b.weight("token_embd.weight", kinds.TIED)
    made = x if output is None else b.graph.mul_mat(output, x)
    bias = b.weight("output.bias")
    b.graph.expand(made if bias is None else b.add(made, bias))
    return b.graph


def _embeddings(b: Builder) -> Tensor:
    """Of text, of images, and of both mixed: room for all three is kept."""
    g, tokens = b.graph, b.sizes.tokens
    table = b.weight("token_embd.weight")
    more = b.number("n_deepstack_layers")
    shape = shape_of(b.embedding * (1 + more), tokens)
    if table is None:
        return g.input("F32", *shape)

    def rows_of_text() -> Tensor:
        rows = g.op("get_rows", shape_of(b.embedding, tokens), table, g.input("I32", tokens))
        return g.op("pad", shape, rows) if more else rows

    text = rows_of_text()
    image = g.input("F32", *shape)
    mixed_image = g.input("F32", *shape)
    rows = rows_of_text()
    mixed = g.op("dup", shape, mixed_image)
    for one in (text, image, g.write("set_rows", mixed, rows, g.input("I64", tokens), mixed)):
        g.expand(one)
    made = text
    if more:
        made = b.deep = g.view(text, shape_of(b.embedding, tokens), text.strides)
    if f"{b.architecture}.embedding_scale" in b.info.metadata or b.architecture in kinds.SCALED_INPUT:
        made = g.op("scale", made, made)
    if b.architecture in kinds.SCALED_ROWS:
        made = g.op("mul", made, made, g.input("F32", 1, tokens))
    learned = b.weight("position_embd.weight")
    if learned is not None:
        made = b.add(made, g.op("get_rows", made, learned, b.positions))
    g.expand(made)
    return made


def _with_deep_input(b: Builder, number: int, x: Tensor) -> Tensor:
    """Images bring embeddings for the first layers' results too; in text they are zeros."""
    if b.deep is None or number >= b.number("n_deepstack_layers"):
        return x
    behind = (number + 1) * b.embedding * 4
    return b.add(x, b.graph.view(b.deep, b.deep.shape, b.deep.strides, behind))


def _layer(b: Builder, number: int, layer: Layer, x: Tensor, last: bool) -> Tensor:
    name = f"blk.{number}"
    early = last and b.architecture not in kinds.LATE_OUTPUTS | kinds.LATEST_OUTPUTS
    normed = b.norm(x, f"{name}.attn_norm") if b.has(f"{name}.attn_norm") else x
    mixed = _mix(b, name, number, layer, x, normed)
    if mixed is not None and not _feeds_after(b, name):
        return _parallel(b, name, normed, mixed, x, early)
    if early and mixed is not None:
        mixed, x = b.pick(mixed), b.pick(x)
    if mixed is not None:
        if b.has(f"{name}.post_attention_norm") and _norm_name(b, name) != f"{name}.post_attention_norm":
            mixed = b.norm(mixed, f"{name}.post_attention_norm")
        x = b.add(x, mixed) if b.architecture in kinds.RESIDUAL_FIRST_IN_ATTENTION else b.add(mixed, x)
    before = _norm_name(b, name)
    alone = mixed is None and not before
    if b.has(f"{name}.post_ffw_norm_1"):
        fed: Optional[Tensor] = dense_and_experts(b, name, x)
    else:
        fed = feed_forward(b, name, normed if alone else b.norm(x, before) if before else x)
    if fed is None:
        return x
    if b.has(f"{name}.post_ffw_norm"):
        fed = b.norm(fed, f"{name}.post_ffw_norm")
    if mixed is None and early:
        fed, x = b.pick(fed), b.pick(x)
    return b.add(x, fed) if b.architecture in kinds.RESIDUAL_FIRST else b.add(fed, x)


def _mix(b: Builder, name: str, number: int, layer: Layer, x: Tensor, normed: Tensor) -> Optional[Tensor]:
    """What tokens take from one another: by attention, by a state, or by both side by side."""
    if b.architecture in kinds.DELTA_NET:
        b.graph.expand(normed)
        if b.has(f"{name}.ssm_out"):
            return delta_net(b, name, number, normed)
    if b.has(f"{name}.ssm_in"):
        recurrent = mamba2 if b.architecture in kinds.MAMBA2 else mamba
        if not layer.k:
            return recurrent(b, name, number, normed)
        mixed = attention(b, name, number, layer, normed)
        return b.add(mixed, recurrent(b, name, number, b.norm(x, f"{name}.attn_norm")))
    if b.has(f"{name}.shortconv.conv"):
        return short_convolution(b, name, number, normed)
    if b.has(f"{name}.attn_output") or b.has(f"{name}.attn_q"):
        return attention(b, name, number, layer, normed)
    return None


def _norm_name(b: Builder, name: str) -> str:
    """The norm before the feed-forward: most kinds have one of that name, some use the one behind the attention."""
    for one in (f"{name}.ffn_norm", f"{name}.ffn_pre_norm", f"{name}.post_attention_norm"):
        if b.has(one) or one in b.stored:
            return one
    return ""


def _feeds_after(b: Builder, name: str) -> bool:
    return bool(_norm_name(b, name)) or b.has(f"{name}.post_ffw_norm") or not any(
        b.has(f"{name}.{one}") for one in ("ffn_up", "ffn_up_exps", "ffn_gate_exps")
    )  # fmt: skip


def _parallel(b: Builder, name: str, normed: Tensor, mixed: Tensor, x: Tensor, early: bool) -> Tensor:
    """Attention and feed-forward side by side, from the same norm."""
    if early:
        normed, mixed, x = b.pick(normed), b.pick(mixed), b.pick(x)
    second = f"{name}.attn_norm_2"
    fed = feed_forward(b, name, b.norm(x, second) if b.has(second) else normed)
    if fed is None:
        return b.add(mixed, x)
    if b.architecture in kinds.ATTENTION_LAST:
        return b.add(b.add(fed, x), mixed)
    if b.architecture in kinds.ATTENTION_FIRST:
        return b.add(b.add(mixed, fed), x)
    if b.architecture in kinds.ATTENTION_ADDED_BEFORE:
        return b.add(fed, b.add(mixed, x))
    return b.add(b.add(fed, mixed), x)
