"""The tiny transformer on a GPU, by the kernels of sm_50.cu. Runs in the worker process only."""

from __future__ import annotations

import array
from typing import NamedTuple

from . import tiny_model as tiny
from .cuda_driver import U64, Device, Module

_FLOAT = 4


class GpuReply(NamedTuple):
    tokens: list[int]
    logits: bytes
    """Of the last position, float32."""


class GpuModel:
    """Weights and cache in VRAM: 4 MB."""

    def __init__(self, device: Device, module: Module) -> None:
        self._device = device
        self._launch = module.launch
        self._weights = {matrix.name: self._put(_floats(matrix)) for matrix in tiny.matrices()}
        self._turns = self._put(array.array("f", tiny.turns()))
        room = {
            "x": tiny.WIDTH, "normed": tiny.WIDTH, "q": tiny.WIDTH, "k": tiny.KV_WIDTH, "v": tiny.KV_WIDTH, "mixed": tiny.WIDTH,
            "gate": tiny.HIDDEN, "up": tiny.HIDDEN, "logits": tiny.VOCABULARY, "history": tiny.POSITIONS + 1,
            "keys": tiny.LAYERS * tiny.POSITIONS * tiny.KV_WIDTH, "values": tiny.LAYERS * tiny.POSITIONS * tiny.KV_WIDTH,
        }  # fmt: skip
        self._room = {name: device.allocate(count * _FLOAT) for name, count in room.items()}

    def _put(self, numbers: array.array[float]) -> U64:
        data = numbers.tobytes()
        address = self._device.allocate(len(data))
        self._device.upload(address, data)
        return address

    def run(self) -> GpuReply:
        """Reads the prompt and answers it; every token is chosen on the GPU and read from there."""
        room = self._room
        self._device.upload(room["history"], array.array("i", tiny.PROMPT).tobytes())
        for position in range(tiny.POSITIONS):
            self._step(position)
            if position + 1 >= len(tiny.PROMPT):
                self._launch("choose", 1, 32, room["history"], room["logits"], position, tiny.VOCABULARY)
        history = array.array("i", self._device.download(room["history"], (tiny.POSITIONS + 1) * _FLOAT))
        return GpuReply(history.tolist(), self._device.download(room["logits"], tiny.VOCABULARY * _FLOAT))

    def _step(self, position: int) -> None:
        room, launch = self._room, self._launch
        cache = tiny.POSITIONS * tiny.KV_WIDTH * _FLOAT
        launch("embed", 1, 128, room["x"], self._weights["embeddings"], room["history"], position, tiny.WIDTH)
        for layer in range(tiny.LAYERS):
            keys, values = U64(room["keys"] + layer * cache), U64(room["values"] + layer * cache)
            self._norm()
            self._times(f"q{layer}", "q", "normed", tiny.WIDTH, tiny.WIDTH)
            self._times(f"k{layer}", "k", "normed", tiny.KV_WIDTH, tiny.WIDTH)
            self._times(f"v{layer}", "v", "normed", tiny.KV_WIDTH, tiny.WIDTH)
            launch("rope", tiny.HEADS + tiny.KV_HEADS, 32, room["q"], room["k"], room["v"], keys, values, self._turns,
                   position, tiny.HEADS, tiny.HEAD_SIZE)  # fmt: skip
            launch("attend", tiny.HEADS, 32, room["mixed"], room["q"], keys, values, position, tiny.HEADS // tiny.KV_HEADS,
                   tiny.HEAD_SIZE)  # fmt: skip
            self._times(f"o{layer}", "x", "mixed", tiny.WIDTH, tiny.WIDTH, add=True)
            self._norm()
            self._times(f"gate{layer}", "gate", "normed", tiny.HIDDEN, tiny.WIDTH)
            self._times(f"up{layer}", "up", "normed", tiny.HIDDEN, tiny.WIDTH)
            launch("swiglu", (tiny.HIDDEN + 127) // 128, 128, room["gate"], room["up"], tiny.HIDDEN)
            self._times(f"down{layer}", "x", "gate", tiny.WIDTH, tiny.HIDDEN, add=True)
        self._norm()
        self._times("output", "logits", "normed", tiny.VOCABULARY, tiny.WIDTH)

    def _norm(self) -> None:
        self._launch("rms_norm", 1, 32, self._room["normed"], self._room["x"], tiny.WIDTH, tiny.EPSILON)

    def _times(self, matrix: str, out: str, by: str, rows: int, width: int, add: bool = False) -> None:
        # Four warps a block, a warp a row.
        blocks = (rows + 3) // 4
        self._launch("multiply", blocks, 128, self._room[out], self._weights[matrix], self._room[by], rows, width, int(add))


def _floats(matrix: tiny.Matrix) -> array.array[float]:
    weight = [(number - 256 if number > 127 else number) * matrix.scale for number in range(256)]
    return array.array("f", map(weight.__getitem__, matrix.numbers))
