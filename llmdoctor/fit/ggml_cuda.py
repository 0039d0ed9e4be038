"""What ggml's CUDA backend adds: room for converted keys and values, tensors kept for fused operations, operations that it lacks.

Source: ggml-org/llama.cpp b11434, ggml/src/ggml-cuda/ggml-cuda.cu (``supports_op``, ``get_alloc_size``, ``graph_optimize``)
and fattn.cu (``ggml_cuda_get_best_fattn_kernel``, for cards with tensor cores).
"""

from __future__ import annotations

from ..catalogs.ggml_types import BY_NAME
from .ggml import Tensor

ROW_PADDING = 512
"""Elements to which ggml-cuda fills up a quantised tensor's last row (MATRIX_ROW_PADDING)."""
ALIGNMENT = 128
"""Of tensors in a CUDA buffer (ggml_backend_cuda_buffer_type_get_alignment)."""
MOST_EXPERTS = 15
"""More than these are not summed up by one operation (MOE_WEIGHTED_REDUCTION_MAX_EXPERTS)."""

_EQUAL_HEADS = frozenset((40, 64, 72, 80, 96, 112, 128, 256))
_OTHER_HEADS = {192: (128, 8), 320: (256, 32), 512: (512, 2), 576: (512, 2)}
"""Key size: value size, and how many query heads must share a key at least (as a divisor, for the first two)."""


def flash_attention(head_k: int, head_v: int, shared: int) -> bool:
    """Whether there is a kernel for heads of these sizes, ``shared`` of them using the same keys."""
    if head_k in _EQUAL_HEADS:
        return head_v == head_k
    values, share = _OTHER_HEADS.get(head_k, (0, 1))
    return values == head_v and shared >= 2 and (head_k > 500 or shared % share == 0)


def size_of(tensor: Tensor) -> int:
    """Bytes that a tensor takes on a CUDA device."""
    size = tensor.bytes
    if tensor.op == "flash_attn":
        for part in tensor.sources[1:3]:
            same = tensor.sources[2].root is not None and tensor.sources[2].root is tensor.sources[1].root
            if part.kind != "F16" and not (part is tensor.sources[2] and same):
                size = (size + 127) // 128 * 128 + part.shape[0] * part.rows * 2
    return size + row_padding(tensor.kind, tensor.shape[0])


def row_padding(kind: str, row: int) -> int:
    one = BY_NAME[kind]
    if one.block > 1 and row % ROW_PADDING:
        return (ROW_PADDING - row % ROW_PADDING) // one.block * one.block_bytes
    return 0


def supports(node: Tensor, gpu: int) -> bool:
    for source in node.sources:
        where = source.home  # of a view it is not known yet at this time
        if where is not None and where >= 0 and where != gpu:
            return False
    if node.op == "flash_attn":
        query, keys, values = node.sources[:3]
        return flash_attention(keys.shape[0], values.shape[0], query.shape[2] // keys.shape[2])
    if node.op == "ssm_scan":
        state = node.sources[0].shape
        if node.sources[3].shape[0] == 1:
            return state[0] in (96, 128, 256) and state[1] % 16 == 0
        return state[0] == 16 and state[1] == 1 and state[2] % 128 == 0 and node.sources[4].shape[1] == 1
    if node.op == "ssm_conv":
        return node.sources[0].shape[1] % 128 == 0
    return True


def keeps(nodes: list[Tensor]) -> dict[Tensor, list[Tensor]]:
    """Tensors that must outlive the node behind which they stand, since one kernel does the work of several nodes.

    Reorders ``nodes``: a shared expert of the same size is computed together with the others.
    """
    kept: dict[Tensor, list[Tensor]] = {}
    _shared_expert(nodes, kept)
    for number, node in enumerate(nodes):
        if node.op == "mul":
            _weighted_sum(nodes, number, kept)
        elif node.op in ("soft_max", "sigmoid"):
            _choice(nodes, number, kept)
    return kept


def _keep(kept: dict[Tensor, list[Tensor]], until: Tensor, *tensors: Tensor) -> None:
    found = kept.setdefault(until, [])
    found += [one for one in tensors if one not in found]


def _weighted_sum(nodes: list[Tensor], at: int, kept: dict[Tensor, list[Tensor]]) -> None:
    """experts × weights, a view of each, and their sum."""
    node = nodes[at]
    experts, weights = node.sources
    used = node.shape[1]
    if not (2 <= used <= MOST_EXPERTS and experts.shape == node.shape and weights.shape == (1, *node.shape[1:])):
        return
    end = at + 2 * used - 1
    between = nodes[at + 1 : end + 1]
    if len(between) != 2 * used - 1 or any(one.op not in ("view", "add") for one in between):
        return
    if sum(one.op == "view" and one.root is node for one in between) == used:
        _keep(kept, nodes[end], experts, weights)


_CHOICE = ("reshape", "argsort", "view", "get_rows")
_NORM = ("reshape", "sum_rows", "clamp", "div", "reshape")


def _choice(nodes: list[Tensor], at: int, kept: dict[Tensor, list[Tensor]]) -> None:
    """The choice of experts, from their scores to their weights."""
    names = [one.op for one in nodes[at : at + 14]]
    place = 1
    chain = list(_CHOICE)
    if names[2:3] == ["add"]:
        chain.insert(1, "add")
    if names[place : place + len(chain)] != chain:
        return
    place += len(chain)
    if tuple(names[place : place + 5]) == _NORM:
        place += 5
    if names[place : place + 1] == ["scale"]:
        place += 1
    experts = nodes[at].shape[0]
    if (experts & (experts - 1) or experts > 512) and experts not in (288, 576):
        return
    if at + place >= len(nodes):
        return
    until = nodes[at + place]
    for one in nodes[at : at + place]:
        _keep(kept, until, one, *one.sources)


def _shared_expert(nodes: list[Tensor], kept: dict[Tensor, list[Tensor]]) -> None:
    at = 0
    while at + 5 < len(nodes):
        gate, up, routed = nodes[at : at + 3]
        if (gate.op, up.op, routed.op) == ("mul_mat_id", "mul_mat_id", "glu"):
            for other in range(at + 3, len(nodes) - 2):
                one, two, three = nodes[other : other + 3]
                if (one.op, two.op) == ("mul_mat_id", "mul_mat_id"):
                    break
                if (one.op, two.op, three.op) != ("mul_mat", "mul_mat", "glu"):
                    continue
                weight, shared = up.sources[0], two.sources[0]
                if (
                    BY_NAME[weight.kind].block == 1
                    or (weight.kind, weight.shape[:2]) != (shared.kind, shared.shape[:2])
                    or up.sources[1].sources[:1] != [two.sources[1]]
                ):
                    continue
                nodes[at + 3 : other + 3] = [one, two, three, *nodes[at + 3 : other]]
                _keep(kept, three, up.sources[1], up.sources[2])
                at += 5
                break
        at += 1
