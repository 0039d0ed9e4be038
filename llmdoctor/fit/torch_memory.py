"""PyTorch's caching allocator for CUDA: what it holds of the card when blocks are taken and given back.

Small blocks come from segments of 2 MiB, those up to 10 MiB from segments of 20 MiB, larger ones have their own; a free block is cut if
enough is left, and joined with free neighbours when it comes back. Segments are kept. Source: pytorch/pytorch v2.11,
c10/cuda/CUDACachingAllocator.cpp (``round_size``, ``get_allocation_size``, ``should_split``).
"""

from __future__ import annotations

from bisect import bisect_left, insort
from typing import Optional

MIB = 1 << 20
_ROUND = 512
_SMALL = 1 * MIB
_SMALL_SEGMENT = 2 * MIB
_MIDDLE = 10 * MIB
_MIDDLE_SEGMENT = 20 * MIB


class Block:
    __slots__ = ("address", "after", "before", "free", "size", "small")

    def __init__(self, address: int, size: int, small: bool) -> None:
        self.address, self.size, self.small = address, size, small
        self.free = True
        self.before: Optional[Block] = None
        self.after: Optional[Block] = None
        """Neighbours in the same segment."""


class TorchMemory:
    def __init__(self) -> None:
        self.allocated = self.reserved = self.most_allocated = 0
        self._free: tuple[list[tuple[int, int]], list[tuple[int, int]]] = ([], [])
        """Size and address of free blocks: of small ones, of others; the best fit comes first."""
        self._blocks: dict[int, Block] = {}
        self._next = 0

    def take(self, size: int) -> Block:
        size = max((size + _ROUND - 1) // _ROUND * _ROUND, _ROUND)
        small = size <= _SMALL
        free = self._free[not small]
        place = bisect_left(free, (size, -1))
        if place < len(free):
            block = self._blocks[free.pop(place)[1]]
        else:
            block = self._segment(size, small)
        left = block.size - size
        if left >= _ROUND if small else left > _SMALL:
            rest = Block(block.address + size, left, small)
            rest.before, rest.after = block, block.after
            if block.after is not None:
                block.after.before = rest
            block.after, block.size = rest, size
            self._put(rest)
        block.free = False
        self.allocated += block.size
        self.most_allocated = max(self.most_allocated, self.allocated)
        return block

    def give(self, *blocks: Block) -> None:
        for block in blocks:
            self.allocated -= block.size
            for near in (block.before, block.after):
                if near is not None and near.free:
                    self._drop(near)
            if block.before is not None and block.before.free:
                block = self._join(block.before, block)
            if block.after is not None and block.after.free:
                block = self._join(block, block.after)
            self._put(block)

    def _segment(self, size: int, small: bool) -> Block:
        whole = _SMALL_SEGMENT if small else _MIDDLE_SEGMENT if size < _MIDDLE else (size + _SMALL_SEGMENT - 1) // _SMALL_SEGMENT * _SMALL_SEGMENT  # fmt: skip
        block = Block(self._next, whole, small)
        self._next += whole
        self._blocks[block.address] = block
        self.reserved += whole
        return block

    def _put(self, block: Block) -> None:
        block.free = True
        self._blocks[block.address] = block
        insort(self._free[not block.small], (block.size, block.address))

    def _drop(self, block: Block) -> None:
        free = self._free[not block.small]
        del free[bisect_left(free, (block.size, block.address))]

    def _join(self, first: Block, second: Block) -> Block:
        first.size += second.size
        first.after = second.after
        if second.after is not None:
            second.after.before = first
        del self._blocks[second.address]
        return first
