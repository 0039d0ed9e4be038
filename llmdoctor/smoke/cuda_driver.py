"""The part of the CUDA driver API that the smoke test needs, by ctypes.

Functions, types and numbers: NVIDIA, "CUDA Driver API Reference". Runs in the worker process only: a driver may hang or crash.
docs/decisions/06-driver-api.md says why no binding package is used.
"""

from __future__ import annotations

import ctypes
import os
from typing import Any, Optional, Sequence, Union

LIBRARY = "nvcuda.dll" if os.name == "nt" else "libcuda.so.1"

_JIT_ERROR_LOG, _JIT_ERROR_LOG_BYTES = 5, 6
"""CU_JIT_ERROR_LOG_BUFFER and CU_JIT_ERROR_LOG_BUFFER_SIZE_BYTES of CUjit_option."""

ATTRIBUTES = {
    "multiprocessors": 16, "l2_bytes": 38, "major": 75, "minor": 76, "memory_clock_khz": 36, "memory_bus_bits": 37,
    "integrated": 18,
}  # fmt: skip
"""CUdevice_attribute."""


class CudaError(Exception):
    """A call that did not succeed."""

    def __init__(self, function: str, code: int, detail: str = "") -> None:
        super().__init__(f"{function}: {code} {detail}")
        self.function = function
        self.code = code
        """CUresult."""
        self.detail = detail
        """What the driver's compiler said of a module."""


Pointer = int
Argument = Union[int, float, "U32", "U64"]


class U32(int):
    """An unsigned 32-bit argument of a kernel."""


class U64(int):
    """A pointer or another 64-bit argument of a kernel."""


def _c(argument: Argument) -> Any:
    if isinstance(argument, U64):
        return ctypes.c_uint64(argument)
    if isinstance(argument, U32):
        return ctypes.c_uint32(argument)
    return ctypes.c_float(argument) if isinstance(argument, float) else ctypes.c_int32(argument)


class Driver:
    """The loaded library. Raises OSError if it cannot be loaded, CudaError if it cannot start."""

    def __init__(self) -> None:
        self._library = (ctypes.WinDLL if os.name == "nt" else ctypes.CDLL)(LIBRARY)  # type: ignore[attr-defined, unused-ignore]
        self.call("cuInit", 0)

    def call(self, function: str, *arguments: Any) -> None:
        """Raises CudaError with the code; 500 (CUDA_ERROR_NOT_FOUND) if the library has no such function."""
        entry = getattr(self._library, function, None)
        code = 500 if entry is None else entry(*arguments)
        if code:
            raise CudaError(function, code)

    def version(self) -> int:
        """The CUDA version that the driver serves: 1000 × major + 10 × minor."""
        number = ctypes.c_int()
        self.call("cuDriverGetVersion", ctypes.byref(number))
        return number.value

    def count(self) -> int:
        number = ctypes.c_int()
        self.call("cuDeviceGetCount", ctypes.byref(number))
        return number.value


class Device:
    """One GPU with its primary context as the current one; frees all of its own at the end of ``with``."""

    def __init__(self, driver: Driver, index: int) -> None:
        self._call = driver.call
        device = ctypes.c_int()
        self._call("cuDeviceGet", ctypes.byref(device), index)
        self._device = device
        self._memory: list[int] = []
        self._pinned: list[int] = []
        self._events: list[ctypes.c_void_p] = []

    def __enter__(self) -> Device:
        context = ctypes.c_void_p()
        self._call("cuDevicePrimaryCtxRetain", ctypes.byref(context), self._device)
        self._call("cuCtxSetCurrent", context)
        return self

    def __exit__(self, *_: object) -> None:
        # Errors are of no interest here: after a fault every call fails, and the end of the process frees all.
        try:
            for address in self._memory:
                self._call("cuMemFree_v2", ctypes.c_uint64(address))
            for address in self._pinned:
                self._call("cuMemFreeHost", ctypes.c_void_p(address))
            self._call("cuDevicePrimaryCtxRelease_v2", self._device)
        except CudaError:
            pass

    def name(self) -> str:
        text = ctypes.create_string_buffer(256)
        self._call("cuDeviceGetName", text, 256, self._device)
        return text.value.decode("utf-8", "replace")

    def uuid(self) -> str:
        """As NVML and nvidia-smi write it: ``GPU-`` and five groups of hexadecimal digits."""
        raw = (ctypes.c_ubyte * 16)()
        self._call("cuDeviceGetUuid", raw, self._device)
        digits = bytes(raw).hex()
        return "GPU-" + "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))

    def attribute(self, name: str) -> int:
        number = ctypes.c_int()
        self._call("cuDeviceGetAttribute", ctypes.byref(number), ATTRIBUTES[name], self._device)
        return number.value

    def free_and_total_bytes(self) -> tuple[int, int]:
        free, total = ctypes.c_size_t(), ctypes.c_size_t()
        self._call("cuMemGetInfo_v2", ctypes.byref(free), ctypes.byref(total))
        return free.value, total.value

    def allocate(self, count: int) -> U64:
        """``count`` bytes of VRAM."""
        address = ctypes.c_uint64()
        self._call("cuMemAlloc_v2", ctypes.byref(address), ctypes.c_size_t(count))
        self._memory.append(address.value)
        return U64(address.value)

    def release(self, address: U64) -> None:
        self._memory.remove(address)
        self._call("cuMemFree_v2", ctypes.c_uint64(address))

    def allocate_pinned(self, count: int) -> int:
        """``count`` bytes of page-locked RAM, from and to which the GPU copies by itself."""
        address = ctypes.c_void_p()
        self._call("cuMemAllocHost_v2", ctypes.byref(address), ctypes.c_size_t(count))
        assert address.value is not None
        self._pinned.append(address.value)
        return address.value

    def upload(self, to: U64, data: Union[bytes, bytearray]) -> None:
        self._call("cuMemcpyHtoD_v2", ctypes.c_uint64(to), bytes(data), ctypes.c_size_t(len(data)))

    def download(self, source: U64, count: int) -> bytes:
        buffer = ctypes.create_string_buffer(count)
        self._call("cuMemcpyDtoH_v2", buffer, ctypes.c_uint64(source), ctypes.c_size_t(count))
        return buffer.raw

    def clear(self, to: U64, count: int) -> None:
        self._call("cuMemsetD8_v2", ctypes.c_uint64(to), ctypes.c_ubyte(0), ctypes.c_size_t(count))

    def copy_within(self, to: U64, source: U64, count: int) -> None:
        self._call("cuMemcpyDtoDAsync_v2", ctypes.c_uint64(to), ctypes.c_uint64(source), ctypes.c_size_t(count), None)

    def copy_in(self, to: U64, pinned: int, count: int) -> None:
        self._call("cuMemcpyHtoDAsync_v2", ctypes.c_uint64(to), ctypes.c_void_p(pinned), ctypes.c_size_t(count), None)

    def copy_out(self, pinned: int, source: U64, count: int) -> None:
        self._call("cuMemcpyDtoHAsync_v2", ctypes.c_void_p(pinned), ctypes.c_uint64(source), ctypes.c_size_t(count), None)

    def wait(self) -> None:
        self._call("cuCtxSynchronize")

    def event(self) -> ctypes.c_void_p:
        """A mark in the stream, put there now."""
        event = ctypes.c_void_p()
        self._call("cuEventCreate", ctypes.byref(event), 0)
        self._call("cuEventRecord", event, None)
        return event

    def seconds_between(self, first: ctypes.c_void_p, second: ctypes.c_void_p) -> float:
        """By the GPU's own clock; waits for the second mark and forgets both."""
        self._call("cuEventSynchronize", second)
        milliseconds = ctypes.c_float()
        self._call("cuEventElapsedTime", ctypes.byref(milliseconds), first, second)
        for event in (first, second):
            self._call("cuEventDestroy_v2", event)
        return milliseconds.value / 1000

    def module(self, ptx: bytes) -> Module:
        """Compiles PTX for this GPU. CudaError carries what the driver's compiler said."""
        log = ctypes.create_string_buffer(4096)
        options = (ctypes.c_int * 2)(_JIT_ERROR_LOG, _JIT_ERROR_LOG_BYTES)
        values = (ctypes.c_void_p * 2)(ctypes.addressof(log), len(log))
        handle = ctypes.c_void_p()
        try:
            self._call("cuModuleLoadDataEx", ctypes.byref(handle), ptx, 2, options, values)
        except CudaError as error:
            raise CudaError(error.function, error.code, log.value.decode("utf-8", "replace").strip()) from None
        return Module(self._call, handle)


class Module:
    """Kernels of one PTX file."""

    def __init__(self, call: Any, handle: ctypes.c_void_p) -> None:
        self._call = call
        self._handle = handle
        self._functions: dict[str, ctypes.c_void_p] = {}

    def launch(self, name: str, blocks: Union[int, Sequence[int]], threads: int, *arguments: Argument) -> None:
        """Starts a kernel; errors of its run show at the next call that waits."""
        function = self._functions.get(name)
        if function is None:
            function = ctypes.c_void_p()
            self._call("cuModuleGetFunction", ctypes.byref(function), self._handle, name.encode())
            self._functions[name] = function
        wide, high = (blocks, 1) if isinstance(blocks, int) else (blocks[0], blocks[1])
        values = [_c(argument) for argument in arguments]
        pointers = (ctypes.c_void_p * len(values))(*(ctypes.addressof(value) for value in values))
        nothing: Optional[ctypes.c_void_p] = None
        self._call("cuLaunchKernel", function, wide, high, 1, threads, 1, 1, 0, nothing, pointers, nothing)
