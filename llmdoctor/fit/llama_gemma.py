"""What Gemma 3n and 4 add: embeddings for each layer, several streams mixed by each layer (AltUp), experts beside a dense layer.

Source: ggml-org/llama.cpp b11434, src/models/gemma3n.cpp, src/models/gemma4.cpp.
"""

from __future__ import annotations

from .ggml import Tensor, shape_of
from .llama_attention import attention
from .llama_builder import Builder
from .llama_feed_forward import dense, experts
from .llama_layers import Layer

SPARSE = 10
"""First layers of Gemma 3n that keep only the largest activations (gemma3n.cpp, n_layer_sparsity)."""


def layer_inputs(b: Builder, x: Tensor) -> None:
    """Embeddings of the tokens for all layers, before the first one."""
    table = b.weight("per_layer_token_embd.weight")
    if table is None:
        return
    g, tokens, layers = b.graph, b.sizes.tokens, b.info.layers if isinstance(b.info.layers, int) else 0
    width = table.shape[0] // layers
    rows = g.op("get_rows", shape_of(table.shape[0], tokens), table, g.input("I32", tokens))
    rows = g.reshape(rows, width, layers, tokens)
    rows = g.op("scale", rows, rows)
    g.expand(rows)
    projected = g.mul_mat(b.need("per_layer_model_proj.weight"), x)
    projected = g.op("scale", projected, projected)
    pin, b.pin = b.pin, None
    projected = b.norm(g.reshape(projected, width, layers, tokens), "per_layer_proj_norm")
    b.pin = pin
    both = b.add(projected, rows)
    both = g.op("scale", both, both)
    b.layer_inputs = g.cont(g.permute(both, 0, 2, 1, 3))


def with_layer_input(b: Builder, name: str, number: int, x: Tensor) -> Tensor:
    """The layer's own embeddings, gated by its result and added to it; then its result is scaled."""
    if b.layer_inputs is not None:
        x = b.add(x, _gated_input(b, name, number, x))
    scale = b.weight(f"{name}.layer_output_scale.weight")
    return x if scale is None else b.graph.op("mul", x, x, scale)


def _gated_input(b: Builder, name: str, number: int, x: Tensor) -> Tensor:
    g = b.graph
    assert b.layer_inputs is not None
    gate = b.product(f"{name}.inp_gate", x)
    gate = g.op("unary", gate, gate)
    made = g.op("mul", gate, gate, _stream(b, b.layer_inputs, number))
    return b.norm(b.product(f"{name}.proj", made), f"{name}.post_norm")


def dense_and_experts(b: Builder, name: str, x: Tensor) -> Tensor:
    """Both from the attention's result, each with norms of its own."""
    g = b.graph
    first = dense(b, name, b.norm(x, f"{name}.ffn_norm"), "")
    assert first is not None
    first = b.norm(first, f"{name}.post_ffw_norm_1")
    before = b.norm(x, f"{name}.pre_ffw_norm_2")
    chosen_by = g.op("rms_norm", x, x)
    chosen_by = g.op("scale", chosen_by, chosen_by)
    chosen_by = g.op("mul", chosen_by, chosen_by, b.need(f"{name}.ffn_gate_inp.scale"))
    second = experts(b, name, before, b.product(f"{name}.ffn_gate_inp", chosen_by))
    return b.add(first, b.norm(second, f"{name}.post_ffw_norm_2"))


def _stream(b: Builder, streams: Tensor, number: int) -> Tensor:
    size, tokens = streams.shape[:2]
    return b.graph.view(streams, shape_of(size, tokens), offset=number * size * tokens * 4)


def _others(b: Builder, streams: Tensor) -> Tensor:
    size, tokens, count, _ = streams.shape
    return b.graph.view(streams, shape_of(size, tokens, count - 1), offset=size * tokens * 4)


def _magnitude(b: Builder, x: Tensor) -> Tensor:
    g = b.graph
    squares = g.op("sqr", x, x)
    sums = g.op("sum_rows", (1, *x.shape[1:]), squares)
    return g.op("sqrt", sums, sums)


def _of_magnitude(b: Builder, x: Tensor, magnitude: Tensor) -> Tensor:
    g = b.graph
    scaled = g.op("mul", x, x, magnitude)
    return g.op("div", x, scaled, _magnitude(b, x))


def split_streams(b: Builder, x: Tensor) -> Tensor:
    g = b.graph
    weight = b.need("altup_proj.weight")
    size, tokens, count = x.shape[0], x.shape[1], weight.shape[2]
    repeated = g.op("repeat", (size, tokens, count, 1), x)
    made = _of_magnitude(b, g.mul_mat(weight, repeated), _magnitude(b, x))
    return g.op("concat", (size, tokens, count + 1, 1), x, made)


def joined_streams(b: Builder, streams: Tensor) -> Tensor:
    g = b.graph
    made = g.mul_mat(b.need("altup_unembd_proj.weight"), _others(b, streams))
    made = _of_magnitude(b, made, _magnitude(b, _stream(b, streams, b.number("altup.active_idx"))))
    x = _stream(b, streams, 0)
    for number in range(made.shape[2]):
        x = b.add(x, _stream(b, made, number))
    return b.pick(g.op("scale", x, x))


def _weights_of_streams(b: Builder, name: str, x: Tensor) -> Tensor:
    g = b.graph
    routed = b.norm(x, f"{name}.altup_router_norm")
    routed = g.op("scale", routed, routed)
    made = b.product(f"{name}.altup_router", routed)
    return g.op("unary", made, made)


def altup_layer(b: Builder, name: str, number: int, layer: Layer, streams: Tensor) -> Tensor:
    g, active = b.graph, b.number("altup.active_idx")
    predicted = _predicted(b, name, streams, active)
    x = _stream(b, predicted, active)
    normed = b.norm(x, f"{name}.attn_norm")
    side = b.norm(b.product(f"{name}.laurel_r", b.product(f"{name}.laurel_l", normed)), f"{name}.laurel_post_norm")
    side = b.add(side, normed)
    mixed = b.add(b.norm(attention(b, name, number, layer, normed), f"{name}.post_attention_norm"), x)
    mixed = b.add(mixed, side)
    mixed = g.op("scale", mixed, mixed)
    fed = b.norm(_sparse_dense(b, name, number, b.norm(mixed, f"{name}.ffn_norm")), f"{name}.post_ffw_norm")
    corrected = _corrected(b, name, predicted, b.add(fed, mixed), active)
    first = _stream(b, corrected, active)
    first = g.op("mul", first, first, b.need(f"{name}.altup_correct_scale.weight"))
    rest = _others(b, corrected)
    rest = g.op("add", rest, rest, _gated_input(b, name, number, first))
    return g.op("concat", corrected, _stream(b, corrected, 0), rest)


def _predicted(b: Builder, name: str, streams: Tensor, active: int) -> Tensor:
    g, (_, tokens, count, _) = b.graph, streams.shape
    weights = b.product(f"{name}.altup_predict_coef", _weights_of_streams(b, name, _stream(b, streams, active)))
    turned = g.cont(g.permute(streams, 1, 2, 0, 3))
    made = g.mul_mat(turned, g.reshape(weights, count, count, tokens))
    return b.add(g.cont(g.permute(made, 0, 2, 1, 3)), streams)


def _corrected(b: Builder, name: str, predicted: Tensor, x: Tensor, active: int) -> Tensor:
    g, (_, tokens, count, _) = b.graph, predicted.shape
    weights = _weights_of_streams(b, name, x)
    new = g.op("sub", x, x, _stream(b, predicted, active))
    weights = b.product(f"{name}.altup_correct_coef", weights)
    weights = g.op("scale", weights, weights)
    weights = g.op("cont", (1, tokens, count, 1), g.permute(weights, 1, 0, 2, 3))
    new = g.op("repeat", predicted, new)
    new = g.op("mul", new, new, weights)
    return b.add(new, predicted)


def _sparse_dense(b: Builder, name: str, number: int, x: Tensor) -> Tensor:
    g = b.graph
    up, gate = b.product(f"{name}.ffn_up", x), b.product(f"{name}.ffn_gate", x)
    if number < SPARSE:
        mean = g.op("mean", shape_of(1, x.shape[1]), gate)
        apart = g.op("sub", gate, gate, mean)
        squares = g.op("sqr", gate, apart)
        spread = g.op("sum_rows", shape_of(1, x.shape[1]), squares)
        for one in ("scale", "sqrt", "scale"):
            spread = g.op(one, spread, spread)
        least = g.op("add", mean, mean, spread)
        gate = g.op("sub", gate, gate, least)
        gate = g.op("unary", gate, gate)
    gate = g.op("unary", gate, gate)
    return b.product(f"{name}.ffn_down", g.op("mul", up, up, gate))
