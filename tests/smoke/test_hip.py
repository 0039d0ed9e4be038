"""AMD's part against a stand-in for libamdhip64 that keeps its memory in RAM, since no such card is at hand."""

from __future__ import annotations

import ctypes
import json
from typing import Any

import pytest

from llmdoctor.facts.machine import Driver, Gpu, Machine
from llmdoctor.host.host import Host
from llmdoctor.host.recording import Entry, Recording, replay
from llmdoctor.smoke import hip_worker
from llmdoctor.smoke.levels import test as run_test

MIB = 1 << 20


class FakeHip:
    """The functions as the reference has them: out-parameters by pointer, a hipError_t back."""

    def __init__(self, init: int = 0, cards: int = 1, free: int = 24 << 30, flips: bool = False) -> None:
        self.init, self.cards, self.free, self.flips = init, cards, free, flips
        self.buffers: dict[int, Any] = {}

    def hipInit(self, flags: Any) -> int:
        return self.init

    def hipRuntimeGetVersion(self, out: Any) -> int:
        out._obj.value = 60443483
        return 0

    def hipGetDeviceCount(self, out: Any) -> int:
        out._obj.value = self.cards
        return 0

    def hipSetDevice(self, index: Any) -> int:
        return 0 if index.value < self.cards else 101

    def hipDeviceGetName(self, text: Any, size: Any, index: Any) -> int:
        text.value = b"Radeon RX 7900 XTX"
        return 0

    def hipMemGetInfo(self, free: Any, total: Any) -> int:
        free._obj.value, total._obj.value = self.free, 24 << 30
        return 0

    def hipMalloc(self, out: Any, size: Any) -> int:
        if size.value > self.free:
            return 2
        buffer = ctypes.create_string_buffer(size.value)
        out._obj.value = ctypes.addressof(buffer)
        self.buffers[ctypes.addressof(buffer)] = buffer
        return 0

    def hipMemcpy(self, to: Any, source: Any, size: Any, kind: Any) -> int:
        ctypes.memmove(to, source, size.value)
        if self.flips and kind.value == 2:
            to[5000] = bytes([to[5000][0] ^ 4])
        return 0

    def hipDeviceSynchronize(self) -> int:
        return 0

    def hipFree(self, address: Any) -> int:
        del self.buffers[address.value]
        return 0


def says(
    capsys: pytest.CaptureFixture[str], library: Any, level: str, index: int = 0, room: int = 64 * MIB
) -> list[dict[str, Any]]:
    hip_worker.run(library, level, index, room)
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_a_card_that_works(capsys: pytest.CaptureFixture[str]) -> None:
    card = {"index": 0, "name": "Radeon RX 7900 XTX", "free_bytes": 24 << 30, "total_bytes": 24 << 30}
    assert says(capsys, FakeHip(), "driver")[-1] == {"saw": {"gpu": card}}
    library = FakeHip()
    assert says(capsys, library, "memory")[-1] == {"saw": {"tested_bytes": 64 * MIB}}
    assert library.buffers == {}


@pytest.mark.parametrize(
    ("library", "level", "index", "says_last"),
    [
        (FakeHip(init=3), "driver", 0, {"failed": {"function": "hipInit", "code": 3}}),
        (FakeHip(), "memory", 4, {"failed": {"function": "hipSetDevice", "code": 101}}),
        (FakeHip(free=MIB), "memory", 0, {"failed": {"function": "hipMalloc", "code": 2}}),
        (FakeHip(flips=True), "memory", 0, {"wrong": {"what": "copied", "count": 1, "first_byte": 5000, "bits": "0x04"}}),
        (object(), "driver", 0, {"unloadable": "the library lacks a function: 'object' object has no attribute 'hipInit'"}),
    ],
)
def test_faults(capsys: pytest.CaptureFixture[str], library: Any, level: str, index: int, says_last: dict[str, Any]) -> None:
    assert says(capsys, library, level, index)[-1] == says_last


def test_the_levels_of_an_amd_machine(capsys: pytest.CaptureFixture[str]) -> None:
    stories = {
        ("driver", -1, 0): says(capsys, FakeHip(), "driver"),
        ("memory", 0, 192 * MIB): says(capsys, FakeHip(), "memory"),
    }
    entries = [
        Entry(
            kind="worker",
            key=["llmdoctor.smoke.hip_worker", *key, 1],
            value={"words": [*words, {"done": True}], "status": 0, "timed_out": False, "last_line": "", "ms": 5.0},
        )
        for key, words in stories.items()
    ]
    host = Host(replay(Recording(tool_version="0.1.0", answers=entries)))
    machine = Machine(gpus=[Gpu(vendor="amd", name="Radeon RX 7900 XTX")], driver=Driver(hardware_present=False))
    smoke = run_test(host, machine)
    assert isinstance(smoke.levels, list)
    assert [(level.name, level.gpu, level.status) for level in smoke.levels][:3] == [
        ("driver", None, "pass"), ("memory", 0, "pass"), ("inference", None, "skip"),
    ]  # fmt: skip
    assert "no kernels for AMD" in smoke.levels[2].evidence[0]
