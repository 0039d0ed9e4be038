"""Feed-forward layers as llama.cpp builds them: dense, and with experts.

Source: ggml-org/llama.cpp b11434, src/llama-graph.cpp (``build_ffn``, ``build_moe_ffn``).
"""

from __future__ import annotations

from typing import Optional

from .ggml import Tensor, shape_of
from .llama_builder import Builder
from .llama_kinds import EXPERTS_NOT_NORMED, GATING, WEIGHTED_INPUT


def feed_forward(b: Builder, name: str, x: Tensor) -> Optional[Tensor]:
    if b.has(f"{name}.ffn_gate_inp") and b.has(f"{name}.ffn_down_exps"):
        made = experts(b, name, x)
        shared = dense(b, name, x, "_shexp")
        if shared is None:
            return made
        gate = b.linear(f"{name}.ffn_gate_inp_shexp", x)
        if gate is not None:
            shared = b.graph.op("mul", shared, shared, b.graph.op("sigmoid", gate, gate))
        return b.add(made, shared)
    return dense(b, name, x, "")


def dense(b: Builder, name: str, x: Tensor, kind: str) -> Optional[Tensor]:
    g = b.graph
    up = b.linear(f"{name}.ffn_up{kind}", x)
    down = b.weight(f"{name}.ffn_down{kind}.weight")
    if up is None or down is None:
        return None
    gate = b.linear(f"{name}.ffn_gate{kind}", x)
    if gate is not None:
        made = g.op("glu", gate, gate, up)
    elif up.shape[0] == 2 * down.shape[0]:
        made = g.op("glu", (down.shape[0], *up.shape[1:]), up)
    else:
        made = g.op("unary", up, up)
    if b.has(f"{name}.ffn_sub_norm"):
        made = b.norm(made, f"{name}.ffn_sub_norm")
    return b.linear(f"{name}.ffn_down{kind}", made)


def experts(b: Builder, name: str, x: Tensor, scores: Optional[Tensor] = None) -> Tensor:
    g, tokens = b.graph, x.shape[1]
    used = b.info.experts_used if isinstance(b.info.experts_used, int) else 1
    if scores is None:
        scores = b.product(f"{name}.ffn_gate_inp", x)
    count = scores.shape[0]
    gating = b.number("expert_gating_func", GATING.get(b.architecture, 1))
    if gating == 1:
        probabilities = g.op("soft_max", scores, scores)
    elif gating == 2:
        probabilities = g.op("sigmoid", scores, scores)
    else:
        probabilities = scores
    choice = scores if b.architecture in WEIGHTED_INPUT else probabilities
    bias = b.weight(f"{name}.exp_probs_b.bias")
    if bias is not None:
        choice = g.op("add", choice, choice, bias)
    if b.number("expert_group_count") > 1:
        choice = _best_groups(b, choice)
    order = g.op("argsort", choice, choice, kind="I32")
    chosen = g.view(order, shape_of(used, tokens), order.strides)
    weights = g.op("get_rows", (1, used, tokens, 1), g.reshape(probabilities, 1, count, tokens), chosen)
    if gating == 3:
        flat = g.reshape(weights, used, tokens)
        weights = g.reshape(g.op("soft_max", flat, flat), 1, used, tokens)
    if _normalised(b):
        flat = g.reshape(weights, used, tokens)
        total = g.op("sum_rows", shape_of(1, tokens), flat)
        weights = g.reshape(g.op("div", flat, flat, g.op("clamp", total, total)), 1, used, tokens)
    if b.info.metadata.get(f"{b.architecture}.expert_weights_scale") not in (None, 0.0, 1.0):
        weights = g.op("scale", weights, weights)
    g.expand(weights)
    rows = g.reshape(x, x.shape[0], 1, tokens)
    if b.architecture in WEIGHTED_INPUT:
        rows = g.op("repeat", (x.shape[0], used, tokens, 1), rows)
        rows = g.op("mul", rows, rows, weights)

    def each(part: str, of: Tensor) -> Tensor:
        weight = b.need(f"{name}.ffn_{part}_exps.weight")
        made = g.op("mul_mat_id", (weight.shape[1], used, tokens, 1), weight, of, chosen)
        scale = b.weight(f"{name}.ffn_{part}_exps.scale")
        if scale is not None:
            scales = g.op("repeat", (1, count, tokens, 1), g.reshape(scale, 1, count))
            made = g.op("mul", made, made, g.op("get_rows", (1, used, tokens, 1), scales, chosen))
        added = b.weight(f"{name}.ffn_{part}_exps.bias")
        return made if added is None else g.op("add_id", made, made, added, chosen)

    if b.has(f"{name}.ffn_gate_up_exps"):
        both = each("gate_up", rows)
        half = (both.shape[0] // 2, *both.shape[1:])
        gate, up = g.view(both, half, both.strides), g.view(both, half, both.strides, half[0] * 4)
        made = g.op("glu", half, gate, up)
    elif b.has(f"{name}.ffn_gate_exps"):
        up = each("up", rows)
        made = g.op("glu", up, each("gate", rows), up)
    else:
        up = each("up", rows)
        made = g.op("unary", up, up)
    out = each("down", made)
    if b.architecture not in WEIGHTED_INPUT:
        out = g.op("mul", out, out, weights)
    g.expand(out)
    row = out.strides[2]
    strides = (4, row, row * tokens, row * tokens)
    views = [g.view(out, shape_of(out.shape[0], tokens), strides, one * out.strides[1]) for one in range(used)]
    for one in views:
        g.expand(one)
    total = views[0]
    for one in views[1:]:
        total = g.op("add", one, total, one)
        g.expand(total)
    return g.cont(total) if used == 1 else total


def _best_groups(b: Builder, choice: Tensor) -> Tensor:
    """Experts outside the groups whose best two are highest are not chosen."""
    g, (count, tokens, *_) = b.graph, choice.shape
    groups, used = b.number("expert_group_count"), b.number("expert_group_used_count")
    grouped = g.reshape(choice, count // groups, groups, tokens)
    order = g.op("argsort", grouped, grouped, kind="I32")
    best = g.view(order, (2, groups, tokens, 1), order.strides)
    found = g.op("get_rows", (1, 2, groups, tokens), g.reshape(grouped, 1, count // groups, groups, tokens), best)
    sums = g.op("sum_rows", (1, groups, tokens, 1), g.reshape(found, 2, groups, tokens))
    sums = g.reshape(sums, groups, tokens)
    ranking = g.op("argsort", sums, sums, kind="I32")
    chosen = g.view(ranking, shape_of(used, tokens), ranking.strides)
    kept = g.op("get_rows", (count // groups, used, tokens, 1), grouped, chosen)
    masked = g.op("fill", grouped, grouped)
    return g.reshape(g.write("set_rows", masked, kept, chosen, masked), count, tokens)


def _normalised(b: Builder) -> bool:
    told = b.info.metadata.get(f"{b.architecture}.expert_weights_norm")
    if isinstance(told, bool):
        return told
    return b.architecture not in EXPERTS_NOT_NORMED
