"""PyTorch's allocator: sizes of segments, cutting, joining (c10/cuda/CUDACachingAllocator.cpp)."""

from __future__ import annotations

import pytest

from llmdoctor.fit.torch_memory import MIB, TorchMemory


@pytest.mark.parametrize(
    ("size", "allocated", "reserved"),
    [
        (1, 512, 2 * MIB),
        (MIB, MIB, 2 * MIB),
        (MIB + 1, MIB + 512, 20 * MIB),
        (10 * MIB, 10 * MIB, 10 * MIB),
        (11 * MIB + 1, 12 * MIB, 12 * MIB),  # less than 1 MiB would be left: the block stays whole
        (19 * MIB + 512, 20 * MIB, 20 * MIB),
    ],
)
def test_one_block(size: int, allocated: int, reserved: int) -> None:
    memory = TorchMemory()
    memory.take(size)
    assert (memory.allocated, memory.reserved) == (allocated, reserved)


def test_what_comes_back_is_joined_and_used_again() -> None:
    memory = TorchMemory()
    blocks = [memory.take(5 * MIB) for _ in range(4)]
    assert memory.reserved == 20 * MIB
    memory.give(blocks[1], blocks[2])
    memory.take(10 * MIB - 512)
    assert memory.reserved == 20 * MIB and memory.most_allocated == 20 * MIB
    memory.give(blocks[0])
    memory.take(6 * MIB)
    assert memory.reserved == 40 * MIB


def test_the_best_fit_comes_first() -> None:
    memory = TorchMemory()
    large, small = memory.take(40 * MIB), memory.take(30 * MIB)
    memory.give(large, small)
    memory.take(30 * MIB)
    memory.take(40 * MIB)
    assert memory.reserved == 70 * MIB
