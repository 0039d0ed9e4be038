"""A graph of tensors as ggml builds it: shapes, strides, what is a view of what, and the order of computation.

Only what memory depends on; nothing is computed. Source: ggml-org/llama.cpp b11434, ggml/src/ggml.c.
"""

from __future__ import annotations

from typing import Optional, Sequence, Union

from ..catalogs.ggml_types import BY_NAME

Shape = tuple[int, int, int, int]
HOST = -1
"""The place of data that lies in RAM; GPUs are numbered from 0."""
VIEWS = frozenset(("view", "reshape", "permute", "transpose"))
"""Operations that move nothing: their result is another look at the same data."""


class Tensor:
    """``shape`` in elements, ``strides`` in bytes, both innermost first; ``root`` is the tensor of which it is a view."""

    __slots__ = ("home", "input", "kind", "lasting", "offset", "op", "root", "shape", "sources", "strides", "weight")

    def __init__(
        self, op: str, kind: str, shape: Shape, sources: Sequence[Tensor] = (), *, strides: Optional[Shape] = None,
        root: Optional[Tensor] = None, offset: int = 0, home: Optional[int] = None, weight: bool = False, input: bool = False,
    ) -> None:  # fmt: skip
        self.op, self.kind, self.shape = op, kind, shape
        self.strides = strides or packed(kind, shape)
        self.sources = list(sources)
        self.root, self.offset = root, offset
        self.home = home
        """Where its data lies before the graph runs (weights, caches); None if the scheduler is to find a place."""
        self.weight, self.input = weight, input
        self.lasting = False
        """Never gives its room back."""

    @property
    def owner(self) -> Tensor:
        return self.root or self

    @property
    def rows(self) -> int:
        return self.shape[1] * self.shape[2] * self.shape[3]

    @property
    def bytes(self) -> int:
        """From the first element to behind the last: of a view, gaps between its rows count."""
        if not min(self.shape):
            return 0
        one = BY_NAME[self.kind]
        row = (
            self.shape[0] // one.block * one.block_bytes
            if one.block > 1
            else one.block_bytes + (self.shape[0] - 1) * self.strides[0]
        )
        return row + sum((size - 1) * stride for size, stride in zip(self.shape[1:], self.strides[1:]))


def packed(kind: str, shape: Shape) -> Shape:
    """Strides of a tensor without gaps."""
    one = BY_NAME[kind]
    row = shape[0] // one.block * one.block_bytes
    return one.block_bytes, row, row * shape[1], row * shape[1] * shape[2]


def shape_of(*sizes: int) -> Shape:
    a, b, c, d = (*sizes, 1, 1, 1)[:4]
    return a, b, c, d


class Graph:
    """Tensors are only described until ``expand`` puts them, and before each what it needs, into the order of computation."""

    def __init__(self) -> None:
        self.nodes: list[Tensor] = []
        self.leaves: list[Tensor] = []
        self._seen: set[Tensor] = set()
        self.pinned: dict[Tensor, int] = {}
        """Nodes whose place the program decides itself."""

    def expand(self, tensor: Tensor) -> None:
        if tensor in self._seen:
            return
        self._seen.add(tensor)
        for source in tensor.sources:
            self.expand(source)
        (self.leaves if tensor.op == "none" else self.nodes).append(tensor)

    def input(self, kind: str, *shape: int) -> Tensor:
        return Tensor("none", kind, shape_of(*shape), input=True)

    def stored(self, kind: str, home: int, *shape: int, weight: bool = False) -> Tensor:
        return Tensor("none", kind, shape_of(*shape), home=home, weight=weight)

    def op(self, name: str, shape: Union[Shape, Tensor], *sources: Tensor, kind: str = "F32") -> Tensor:
        return Tensor(name, kind, shape.shape if isinstance(shape, Tensor) else shape, sources)

    def mul_mat(self, weight: Tensor, x: Tensor) -> Tensor:
        return Tensor("mul_mat", "F32", (weight.shape[1], *x.shape[1:]), (weight, x))

    def view(self, of: Tensor, shape: Shape, strides: Optional[Shape] = None, offset: int = 0) -> Tensor:
        return Tensor("view", of.kind, shape, (of,), strides=strides, root=of.owner, offset=of.offset + offset)

    def reshape(self, of: Tensor, *shape: int) -> Tensor:
        return Tensor("reshape", of.kind, shape_of(*shape), (of,), root=of.owner, offset=of.offset)

    def permute(self, of: Tensor, *axes: int) -> Tensor:
        """Axis i of the source becomes axis ``axes[i]``."""
        shape, strides = [0] * 4, [0] * 4
        for source, target in enumerate(axes):
            shape[target], strides[target] = of.shape[source], of.strides[source]
        return Tensor("permute", of.kind, shape_of(*shape), (of,), strides=shape_of(*strides), root=of.owner, offset=of.offset)

    def cont(self, of: Tensor) -> Tensor:
        return Tensor("cont", of.kind, of.shape, (of,))

    def write(self, name: str, into: Tensor, *sources: Tensor) -> Tensor:
        """An operation that writes into a tensor that is there already."""
        return Tensor(name, into.kind, into.shape, sources, strides=into.strides, root=into.owner, offset=into.offset)
