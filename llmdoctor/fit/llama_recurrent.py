"""Layers with a state instead of a cache, as llama.cpp builds them.

Source: ggml-org/llama.cpp b11434, src/models/mamba-base.cpp, src/models/delta-net-base.cpp, src/models/qwen35.cpp,
src/models/lfm2.cpp, src/llama-graph.cpp (``build_rs``).
"""

from __future__ import annotations

from .ggml import Tensor, packed, shape_of
from .llama_builder import Builder


def _state(b: Builder, number: int, size: int) -> Tensor:
    return b.graph.stored("F32", b.cache_home[number], size, b.sizes.slots)


def _load(b: Builder, state: Tensor, gather: bool = True) -> Tensor:
    """A slot's state: one is cleared, the others follow."""
    g, size, slots = b.graph, state.shape[0], state.shape[1]
    states = g.reshape(state, size, slots)
    zero = g.view(states, shape_of(size))
    g.expand(g.write("scale", zero, zero))
    if not gather:
        return states
    rows = g.op("get_rows", shape_of(size, slots), states, b.states)
    out = g.view(rows, shape_of(size, slots), rows.strides)
    g.expand(out)
    _keep_others(b, state, rows)
    return out


def _keep_others(b: Builder, state: Tensor, rows: Tensor) -> None:
    """States of slots that are not in the batch: none in the largest one, yet the empty steps cut the graph."""
    g = b.graph
    none = shape_of(state.shape[0], 0)
    target = g.view(state, none)
    g.expand(g.write("cpy", target, g.view(rows, none), target))


def _keep_state(b: Builder, state: Tensor, newest: Tensor) -> None:
    target = b.graph.view(state, state.shape)
    b.graph.expand(b.graph.write("cpy", target, newest, target))


def _history(b: Builder, number: int, kernel: str, width: int) -> tuple[Tensor, Tensor]:
    """The state of a convolution, and what it tells of the tokens before."""
    length = b.need(f"{kernel}.weight").shape[0] - 1
    state = _state(b, number, length * width)
    return state, b.graph.reshape(_load(b, state), length, width, b.sizes.slots)


def _convolved(b: Builder, name: str, joined: Tensor, width: int, each: int, slots: int) -> Tensor:
    g = b.graph
    made = g.op("ssm_conv", (width, each, slots, 1), joined, b.need(f"{name}.ssm_conv1d.weight"))
    bias = b.weight(f"{name}.ssm_conv1d.bias")
    if bias is not None:
        made = b.add(made, bias)
    return g.op("unary", made, made)


def mamba(b: Builder, name: str, number: int, x: Tensor) -> Tensor:
    g, slots = b.graph, b.sizes.slots
    each = b.sizes.tokens // slots
    inner, state, rank = (b.number(f"ssm.{one}") for one in ("inner_size", "state_size", "time_step_rank"))
    conv, before = _history(b, number, f"{name}.ssm_conv1d", inner)
    both = b.product(f"{name}.ssm_in", g.reshape(x, x.shape[0], each, slots))
    values = g.view(both, (inner, each, slots, 1), both.strides)
    gate = g.view(both, (inner, each, slots, 1), both.strides, inner * 4)
    joined = _join(b, conv, before, values, inner, each, slots)
    values = _convolved(b, name, joined, inner, each, slots)
    parts = b.product(f"{name}.ssm_x", values)
    step = g.view(parts, (rank, each, slots, 1), parts.strides)
    strides = (4, state * 4, parts.strides[1], parts.strides[2])
    enter = g.view(parts, (state, 1, each, slots), strides, rank * 4)
    leave = g.view(parts, (state, 1, each, slots), strides, (rank + state) * 4)
    if b.has(f"{name}.ssm_dt_norm"):
        step = b.norm(step, f"{name}.ssm_dt_norm")
        enter, leave = b.norm(enter, f"{name}.ssm_b_norm"), b.norm(leave, f"{name}.ssm_c_norm")
    else:
        step = g.cont(step)
    step = b.product(f"{name}.ssm_dt", step)
    wide = g.reshape(values, 1, inner, each, slots)
    out = _scan(b, number, state * inner, (state, 1, inner), wide, step, b.need(f"{name}.ssm_a"), enter, leave)
    y = g.view(out, (inner, each, slots, 1), (4, inner * 4, inner * each * 4, inner * each * slots * 4))
    d = b.weight(f"{name}.ssm_d")
    if d is not None:
        y = b.add(y, g.op("mul", values, values, d))
    y = g.op("glu", (inner, each, slots, 1), g.cont(gate), y)
    made = b.product(f"{name}.ssm_out", y)
    return g.reshape(made, made.shape[0], b.sizes.tokens)


def _join(b: Builder, state: Tensor, before: Tensor, x: Tensor, width: int, each: int, slots: int) -> Tensor:
    """The batch behind the last tokens of the one before, of which the newest are kept."""
    g, history = b.graph, before.shape[0]
    joined = g.op("concat", (history + each, width, slots, 1), before, g.permute(x, 1, 0, 2, 3))
    newest = g.view(joined, (history, width, slots, 1), joined.strides, each * 4)
    _keep_state(b, state, newest)
    return joined


def _scan(
    b: Builder, number: int, size: int, shape: tuple[int, int, int], x: Tensor, step: Tensor, decay: Tensor, enter: Tensor, leave: Tensor
) -> Tensor:  # fmt: skip
    """The outputs of all tokens, and behind them each slot's new state."""
    g, slots = b.graph, b.sizes.slots
    outs = shape[1] * shape[2] * b.sizes.tokens
    store = _state(b, number, size)
    states = _load(b, store, gather=False)
    shaped = g.reshape(states, *shape, slots)
    out = g.op("ssm_scan", shape_of(outs + size * slots), shaped, x, step, decay, enter, leave, b.state_rows)
    g.expand(out)
    _keep_others(b, store, g.op("get_rows", shape_of(size, slots - 1), states, b.other_states))
    _keep_state(b, store, g.view(out, shape_of(size, slots), None, outs * 4))
    return out


def mamba2(b: Builder, name: str, number: int, x: Tensor) -> Tensor:
    g, slots = b.graph, b.sizes.slots
    each = b.sizes.tokens // slots
    inner, state, heads, groups = (
        b.number(f"ssm.{one}") for one in ("inner_size", "state_size", "time_step_rank", "group_count")
    )
    head, width = inner // heads, inner + 2 * groups * state
    conv, before = _history(b, number, f"{name}.ssm_conv1d", width)
    all_ = b.product(f"{name}.ssm_in", x)
    all_ = g.reshape(all_, all_.shape[0], each, slots)
    row, slot = all_.strides[1], all_.strides[2]
    gate = g.view(all_, (head, heads, each, slots), (4, head * 4, row, slot))
    joined = _join(b, conv, before, g.view(all_, (width, each, slots, 1), all_.strides, inner * 4), width, each, slots)
    values = _convolved(b, name, joined, width, each, slots)
    row2, slot2 = values.strides[1], values.strides[2]
    wide = g.view(values, (head, heads, each, slots), (4, head * 4, row2, slot2))
    enter = g.view(values, (state, groups, each, slots), (4, state * 4, row2, slot2), inner * 4)
    leave = g.view(values, (state, groups, each, slots), (4, state * 4, row2, slot2), (inner + groups * state) * 4)
    step = g.cont(g.view(all_, (heads, each, slots, 1), all_.strides, (2 * inner + 2 * groups * state) * 4))
    bias, d = b.weight(f"{name}.ssm_dt.bias"), b.weight(f"{name}.ssm_d")
    if bias is not None:
        step = b.add(step, bias)
    out = _scan(b, number, state * inner, (state, head, heads), wide, step, b.need(f"{name}.ssm_a"), enter, leave)
    y = g.view(out, (head, heads, each, slots), packed("F32", (head, heads, each, slots)))
    if d is not None:
        y = g.op("add", (head, heads, each, slots), y, g.op("mul", (head, heads, each, slots), wide, d))
    y = g.op("glu", (head, heads, each, slots), g.cont(gate), y)
    if b.has(f"{name}.ssm_norm"):
        y = b.norm(g.reshape(y, inner // groups, groups, each, slots), f"{name}.ssm_norm")
    made = b.product(f"{name}.ssm_out", g.reshape(y, inner, b.sizes.tokens))
    return made


def delta_net(b: Builder, name: str, number: int, x: Tensor) -> Tensor:
    g, slots = b.graph, b.sizes.slots
    each = b.sizes.tokens // slots
    state, key_heads, heads, inner = (
        b.number(f"ssm.{one}") for one in ("state_size", "group_count", "time_step_rank", "inner_size")
    )
    head_v = inner // heads if heads else 0
    width = inner + 2 * key_heads * state
    conv, before = _history(b, number, f"{name}.ssm_conv1d", width)
    mixed = b.product(f"{name}.attn_qkv", x)
    joined = _join(b, conv, before, g.reshape(mixed, width, each, slots), width, each, slots)
    store = _state(b, number, state * head_v * heads)
    memory = _load(b, store)
    values = _convolved(b, name, joined, width, each, slots)
    row, slot = values.strides[1], values.strides[2]

    def part(size: int, count: int, before_: int) -> Tensor:
        return g.view(values, (size, count, each, slots), (4, size * 4, row, slot), before_ * 4)

    def normed(one: Tensor) -> Tensor:
        made = g.op("rms_norm", one, one)
        return g.op("scale", made, made)

    query, key = normed(part(state, key_heads, 0)), normed(part(state, key_heads, state * key_heads))
    value = part(head_v, heads, 2 * state * key_heads)
    if b.has(f"{name}.ssm_ba"):
        both = b.product(f"{name}.ssm_ba", x)
        each_head = heads // key_heads
        both = g.reshape(both, 2 * each_head, key_heads, each, slots)
        beta, alpha = (
            g.op("cont", (heads, each, slots, 1), g.view(both, (each_head, key_heads, each, slots), both.strides, one * each_head * 4))
            for one in range(2)
        )  # fmt: skip
        query, key = (
            g.reshape(
                g.op("repeat", (state, each_head, key_heads, each * slots), g.reshape(one, state, 1, key_heads, each * slots)),
                state, heads, each, slots,
            )
            for one in (query, key)
        )  # fmt: skip
    else:
        alpha, beta = b.product(f"{name}.ssm_alpha", x), b.product(f"{name}.ssm_beta", x)
    decay = b.add(g.reshape(alpha, heads, each, slots), b.need(f"{name}.ssm_dt.bias"))
    decay = g.op("unary", decay, decay)
    decay = g.reshape(g.op("mul", decay, decay, b.need(f"{name}.ssm_a")), 1, heads, each, slots)
    rate = g.reshape(beta, 1, heads, each, slots)
    rate = g.op("sigmoid", rate, rate)
    for one in (query, key, value, decay, rate):
        g.expand(one)
    out = g.op(
        "gated_delta_net", shape_of(head_v * heads, each * slots + head_v * slots), query, key, value, decay, rate,
        g.reshape(memory, head_v, state, heads, slots),
    )  # fmt: skip
    size = state * head_v * heads
    _keep_state(b, store, g.view(out, shape_of(size, slots), None, inner * each * slots * 4))
    y = g.view(out, (head_v, heads, each, slots), packed("F32", (head_v, heads, each, slots)))
    y = b.norm(y, f"{name}.ssm_norm")
    gate = b.product(f"{name}.attn_gate", x)
    gate = g.reshape(gate, head_v, heads, each, slots)
    y = g.op("mul", y, y, g.op("unary", gate, gate))
    made = b.product(f"{name}.ssm_out", g.reshape(y, inner, b.sizes.tokens))
    return g.reshape(made, made.shape[0], b.sizes.tokens)


def short_convolution(b: Builder, name: str, number: int, x: Tensor) -> Tensor:
    """Of LFM2."""
    g, slots = b.graph, b.sizes.slots
    each = b.sizes.tokens // slots
    width = b.embedding
    all_ = b.product(f"{name}.shortconv.in_proj", g.reshape(x, x.shape[0], each, slots))
    size = (width, each, slots, 1)
    enter, leave, values = (g.view(all_, size, all_.strides, one * width * 4) for one in range(3))
    state, before = _history(b, number, f"{name}.shortconv.conv", width)
    joined = _join(b, state, before, g.op("mul", size, enter, values), width, each, slots)
    made = g.op("ssm_conv", size, joined, b.need(f"{name}.shortconv.conv.weight"))
    made = g.op("mul", size, leave, made)
    out = b.product(f"{name}.shortconv.out_proj", made)
    return g.reshape(out, width, b.sizes.tokens)
