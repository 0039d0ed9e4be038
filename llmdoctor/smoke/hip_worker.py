"""AMD's part of the test through libamdhip64, in a process of its own (``Host.worker``): start, cards, memory. No kernels.

Functions and types: https://rocm.docs.amd.com/projects/HIP/en/latest/reference/hip_runtime_api_reference.html. It says what worker.py
says. It was never run on a card: the calls are tested against a stand-in for the library.
"""

from __future__ import annotations

import ctypes
import os
import random
from typing import Any

from .worker import end_with_parent, say

LIBRARIES = (
    ("amdhip64_7.dll", "amdhip64_6.dll", "amdhip64.dll")
    if os.name == "nt"
    else ("libamdhip64.so", "libamdhip64.so.7", "libamdhip64.so.6", "libamdhip64.so.5", "/opt/rocm/lib/libamdhip64.so")
)
"""The names by which ROCm 5 to 7 installs it."""
_TO_CARD, _FROM_CARD, _WITHIN = 1, 2, 3
"""hipMemcpyKind."""
PIECE_BYTES = 16 << 20


class HipError(Exception):
    def __init__(self, function: str, code: int) -> None:
        super().__init__(f"{function}: {code}")
        self.function = function
        self.code = code


class Hip:
    """The calls that are needed. Raises HipError."""

    def __init__(self, library: Any) -> None:
        self._library = library
        self.call("hipInit", ctypes.c_uint(0))

    def call(self, function: str, *arguments: Any) -> None:
        code = getattr(self._library, function)(*arguments)
        if code:
            raise HipError(function, code)

    def number(self, function: str) -> int:
        value = ctypes.c_int()
        self.call(function, ctypes.byref(value))
        return value.value

    def name(self, index: int) -> str:
        text = ctypes.create_string_buffer(256)
        self.call("hipDeviceGetName", text, ctypes.c_int(256), ctypes.c_int(index))
        return text.value.decode("utf-8", "replace")

    def free_and_total_bytes(self) -> tuple[int, int]:
        free, total = ctypes.c_size_t(), ctypes.c_size_t()
        self.call("hipMemGetInfo", ctypes.byref(free), ctypes.byref(total))
        return free.value, total.value

    def allocate(self, count: int) -> ctypes.c_void_p:
        address = ctypes.c_void_p()
        self.call("hipMalloc", ctypes.byref(address), ctypes.c_size_t(count))
        return address

    def copy(self, to: Any, source: Any, count: int, kind: int) -> None:
        self.call("hipMemcpy", to, source, ctypes.c_size_t(count), ctypes.c_int(kind))


def driver_level(hip: Hip) -> None:
    version, count = hip.number("hipRuntimeGetVersion"), hip.number("hipGetDeviceCount")
    say(saw={"hip_version": version, "count": count})
    for index in range(count):
        say(doing=f"opening GPU {index}")
        hip.call("hipSetDevice", ctypes.c_int(index))
        free, total = hip.free_and_total_bytes()
        say(saw={"gpu": {"index": index, "name": hip.name(index), "free_bytes": free, "total_bytes": total}})


def memory_level(hip: Hip, index: int, room: int) -> None:
    """Random bytes and their opposites to the card, from one place to another on it, and back."""
    say(doing=f"opening GPU {index}")
    hip.call("hipSetDevice", ctypes.c_int(index))
    half = room // 2 // PIECE_BYTES * PIECE_BYTES
    say(doing=f"allocating {2 * half} bytes")
    first, second = hip.allocate(half), hip.allocate(half)
    assert first.value is not None and second.value is not None
    say(doing="writing and reading patterns")
    pattern = random.Random(2309).randbytes(PIECE_BYTES)  # noqa: S311 - the same numbers everywhere are the point
    back = ctypes.create_string_buffer(PIECE_BYTES)
    for data in (pattern, bytes(byte ^ 0xFF for byte in pattern[:4096]) * (PIECE_BYTES // 4096)):
        for at in range(0, half, PIECE_BYTES):
            hip.copy(ctypes.c_void_p(first.value + at), data, PIECE_BYTES, _TO_CARD)
        hip.copy(second, first, half, _WITHIN)
        hip.call("hipDeviceSynchronize")
        for at in range(0, half, PIECE_BYTES):
            hip.copy(back, ctypes.c_void_p(second.value + at), PIECE_BYTES, _FROM_CARD)
            if back.raw != data:
                wrong = next(place for place, (is_, should) in enumerate(zip(back.raw, data)) if is_ != should)
                return say(
                    wrong={
                        "what": "copied",
                        "count": 1,
                        "first_byte": at + wrong,
                        "bits": f"0x{back.raw[wrong] ^ data[wrong]:02x}",
                    }
                )
    for address in (first, second):
        hip.call("hipFree", address)
    say(saw={"tested_bytes": 2 * half})


def load() -> Any:
    """Raises OSError with the reason of the first name that was tried."""
    reason = None
    for name in LIBRARIES:
        try:
            return (ctypes.WinDLL if os.name == "nt" else ctypes.CDLL)(name)  # type: ignore[attr-defined, unused-ignore]
        except OSError as error:
            reason = reason or error
    raise reason or OSError("no name to try")


def run(library: Any, level: str, index: int, room: int) -> None:
    try:
        say(doing="hipInit")
        hip = Hip(library)
        if level == "driver":
            driver_level(hip)
        else:
            memory_level(hip, index, room)
    except HipError as error:
        say(failed={"function": error.function, "code": error.code})
    except AttributeError as error:
        say(unloadable=f"the library lacks a function: {error}")


def main(level: str, index: str, room: str) -> None:
    end_with_parent()
    try:
        run(load(), level, int(index), int(room))
    except OSError as error:
        say(unloadable=str(error))
    say(done=True)
