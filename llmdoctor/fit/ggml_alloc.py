"""How much room a graph's tensors take when each gets a place as soon as it is needed and loses it after its last use.

Follows ggml's graph allocator: the best fitting gap, else the end; an operation may take over its parent's place where layouts
agree. Source: ggml-org/llama.cpp b11434, ggml/src/ggml-alloc.c.
"""

from __future__ import annotations

from typing import Callable, NamedTuple, Sequence

from .ggml import Tensor

IN_PLACE = frozenset((
    "scale", "add", "add_id", "sub", "mul", "div", "sqr", "sqrt", "unary", "sigmoid", "rope", "rms_norm", "clamp", "soft_max", "fill",
))  # fmt: skip


class Step(NamedTuple):
    """A tensor to be computed, on which device; ``holds`` marks a step that only keeps its sources alive."""

    tensor: Tensor
    device: int
    holds: bool = False


class _Buffer:
    """Free gaps by address; the last one is endless."""

    def __init__(self, alignment: int) -> None:
        self.alignment = alignment
        self.gaps: list[list[int]] = [[0, 1 << 62]]
        self.most = 0

    def take(self, size: int) -> int:
        best = -1
        for number in range(len(self.gaps) - 1):
            room = self.gaps[number][1]
            if size <= room and (best < 0 or room <= self.gaps[best][1]):
                best = number
        if best < 0:
            best = len(self.gaps) - 1
        gap = self.gaps[best]
        address = gap[0]
        gap[0] += size
        gap[1] -= size
        if not gap[1]:
            del self.gaps[best]
        self.most = max(self.most, address + size)
        return address

    def give(self, address: int, size: int) -> None:
        for number, gap in enumerate(self.gaps):
            if gap[0] + gap[1] == address:
                gap[1] += size
                if number + 1 < len(self.gaps) and gap[0] + gap[1] == self.gaps[number + 1][0]:
                    gap[1] += self.gaps[number + 1][1]
                    del self.gaps[number + 1]
                return
            if address + size == gap[0]:
                gap[0], gap[1] = address, gap[1] + size
                return
            if gap[0] > address:
                self.gaps.insert(number, [address, size])
                return
        self.gaps.append([address, size])


class _Node:
    __slots__ = ("address", "children", "device", "own", "views")

    def __init__(self) -> None:
        self.children = self.views = self.device = self.address = 0
        self.own = False


def room(
    steps: Sequence[Step], leaves: Sequence[Step], alignments: Sequence[int], size_of: Callable[[Tensor, int], int]
) -> list[int]:
    """Bytes for each device. ``leaves`` are there from the beginning; ``size_of`` tells a tensor's bytes on a device."""
    buffers = [_Buffer(alignment) for alignment in alignments]
    known: dict[Tensor, _Node] = {}

    def node_of(tensor: Tensor) -> _Node:
        found = known.get(tensor)
        if found is None:
            found = known[tensor] = _Node()
        return found

    def padded(tensor: Tensor, device: int) -> int:
        step = buffers[device].alignment
        return (size_of(tensor, device) + step - 1) // step * step

    def place(tensor: Tensor, device: int) -> None:
        node = node_of(tensor)
        if node.own or tensor.home is not None or tensor.root is not None:
            return
        node.own = True
        if tensor.op in IN_PLACE:
            for parent in tensor.sources:
                above = node_of(parent)
                if not above.own or above.children != 1 or above.views or parent.lasting:
                    continue  # a view owns nothing, so its place is never taken over
                if (parent.kind, parent.shape, parent.strides) != (tensor.kind, tensor.shape, tensor.strides):
                    continue
                above.own = False
                node.device, node.address = above.device, above.address
                return
        node.device = device
        size = padded(tensor, device)
        if size:
            node.address = buffers[device].take(size)

    def release(tensor: Tensor) -> None:
        if tensor.lasting:
            return
        node = node_of(tensor)
        size = padded(tensor, node.device)
        if size:
            buffers[node.device].give(node.address, size)
        node.own = False

    for tensor, device, _ in leaves:
        place(tensor, device)
    for tensor, device, holds in steps:
        if tensor.root is not None and not holds:
            node_of(tensor.root).views += 1
        if tensor.input:
            place(tensor, device)
        for source in tensor.sources:
            node_of(source).children += 1
            if source.input:
                place(source, device)
    for tensor, device, _ in steps:
        for source in tensor.sources:
            place(source, device)
        place(tensor, device)
        for source in tensor.sources:
            node = node_of(source)
            node.children -= 1
            if node.children or node.views:
                continue
            if source.root is not None:
                owner = node_of(source.root)
                owner.views -= 1
                if not owner.views and not owner.children and owner.own:
                    release(source.root)
            elif node.own:
                release(source)
    return [buffer.most for buffer in buffers]
