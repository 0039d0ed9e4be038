"""One level of the test on one GPU, in a process of its own (``Host.worker``).

A driver may hang or crash, so it is not loaded into llmdoctor itself. Prints one JSON object a line as it goes: ``{"doing": …}``
before a step, ``{"saw": {…}}`` after it, ``{"failed": …}`` for a call of the driver that did not succeed, ``{"wrong": …}`` for a
result that is not what it should be, and ``{"done": true}`` at the end: what was learnt before a crash is kept.
It ends as soon as its standard input is closed, so that nothing is left behind when llmdoctor is killed.
"""

from __future__ import annotations

import array
import json
import os
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any, Callable, Iterable

from .cuda_driver import U32, U64, CudaError, Device, Driver, Module

KERNELS = Path(__file__).parent / "kernels"
REFERENCE = Path(__file__).parent / "reference.json"

LOGIT_BOUND = 1e-4
"""How far a logit in float32 may be from the double-precision reference. Rounding makes about 1e-6 of it on real GPUs; the
tokens hang on gaps of 0.028 and more."""
WORD = 16
"""Bytes of what the pattern kernels write at once."""
REPEATS = 3
WARM_UP_S = 0.1
NOTHING_WRONG = (1 << 64) - 1
"""The index of the first wrong word while none was found."""

SIZE = 2048
"""Rows and columns of the matrix products."""
DEPTH = 1024


def say(**words: Any) -> None:
    sys.stdout.write(json.dumps(words) + "\n")
    sys.stdout.flush()


def driver_level(_: int, __: int) -> None:
    """Starts the driver and opens each GPU."""
    say(doing="cuInit")
    driver = Driver()
    count = driver.count()
    say(saw={"cuda_version": driver.version(), "count": count})
    for index in range(count):
        say(doing=f"opening GPU {index}")
        try:
            with Device(driver, index) as device:
                free, total = device.free_and_total_bytes()
                say(saw={"gpu": {"index": index, "name": device.name(), "uuid": device.uuid(), "free_bytes": free,
                                 "total_bytes": total, "compute_capability": f"{device.attribute('major')}.{device.attribute('minor')}"}})  # fmt: skip
        except CudaError as error:
            say(failed={**_told(error), "gpu": index})


def memory_level(index: int, room: int) -> None:
    """Patterns and their opposites through ``room`` bytes of VRAM, half of it copied on the GPU; then speeds."""
    with _device(index) as device:
        module = _module(device, "sm_50")
        grid = 16 * device.attribute("multiprocessors")
        half = room // 2 // WORD * WORD
        say(doing=f"allocating {2 * half} bytes")
        memory = device.allocate(2 * half)
        other = U64(memory + half)
        for seed in (1, 0xFFFFFFFE):
            say(doing="writing and reading patterns")
            module.launch("fill", grid, 256, memory, U64(half // WORD), U32(seed))
            device.copy_within(other, memory, half)
            for part, place in (("written", memory), ("copied", other)):
                count, first, bits = _count_wrong(device, module, "check", grid, place, U64(half // WORD), U32(seed))
                if count:
                    return say(wrong={"what": part, "count": count, "first_byte": first * WORD, "bits": f"0x{bits:08x}"})
        say(saw={"tested_bytes": 2 * half})
        say(doing="timing copies on the GPU")
        seconds = _best(device, lambda: device.copy_within(other, memory, half))
        say(saw={"copy_bytes_per_s": round(2 * half / seconds)})  # each byte is read and written
        seen = device.allocate(WORD)
        seconds = _best(device, lambda: module.launch("read_all", grid, 256, memory, U64(2 * half // WORD), seen))
        say(saw={"read_bytes_per_s": round(2 * half / seconds)})
        say(doing="timing copies between RAM and GPU")
        size = min(half, 64 << 20)
        pinned = device.allocate_pinned(size)
        module.launch("fill", grid, 256, memory, U64(size // WORD), U32(7))
        seconds = _best(device, lambda: device.copy_out(pinned, memory, size))
        say(saw={"to_ram_bytes_per_s": round(size / seconds)})
        seconds = _best(device, lambda: device.copy_in(other, pinned, size))
        say(saw={"from_ram_bytes_per_s": round(size / seconds)})
        count, first, bits = _count_wrong(device, module, "check", grid, other, U64(size // WORD), U32(7))
        if count:
            say(wrong={"what": "sent to RAM and back", "count": count, "first_byte": first * WORD, "bits": f"0x{bits:08x}"})


def vram_level(index: int, room: int) -> None:
    """Patterns through all of the free VRAM but ``room`` bytes, in pieces, since it may lie in pieces."""
    with _device(index) as device:
        module = _module(device, "sm_50")
        grid = 16 * device.attribute("multiprocessors")
        pieces: list[tuple[U64, int]] = []
        piece = 1 << 30
        while piece >= 16 << 20:
            if device.free_and_total_bytes()[0] - room < piece:
                piece //= 2
                continue
            try:
                pieces.append((device.allocate(piece), piece))
            except CudaError as error:
                if error.code != 2:  # CUDA_ERROR_OUT_OF_MEMORY: the free memory is scattered
                    raise
                piece //= 2
        for seed in (1, 0xFFFFFFFE):
            say(doing="writing and reading patterns")
            for address, size in pieces:
                module.launch("fill", grid, 256, address, U64(size // WORD), U32(seed ^ (address >> 20 & 0xFFFF)))
            for address, size in pieces:
                count, first, bits = _count_wrong(
                    device, module, "check", grid, address, U64(size // WORD), U32(seed ^ (address >> 20 & 0xFFFF))
                )
                if count:
                    return say(wrong={"what": "written", "count": count, "first_byte": first * WORD, "bits": f"0x{bits:08x}"})
        say(saw={"tested_bytes": sum(size for _, size in pieces)})


def inference_level(index: int, _: int) -> None:
    from .gpu_model import GpuModel

    reference = json.loads(REFERENCE.read_text())
    with _device(index) as device:
        module = _module(device, "sm_50")
        say(doing="generating text")
        model = GpuModel(device, module)
        first = model.run()
        if first.tokens != reference["tokens"]:
            at = next(i for i, (is_, should) in enumerate(zip(first.tokens, reference["tokens"])) if is_ != should)
            return say(wrong={"what": "token", "at": at, "is": first.tokens[at], "should": reference["tokens"][at]})
        logits = array.array("f", first.logits)
        off = max(abs(is_ - should) for is_, should in zip(logits, reference["logits"]))
        if not _near(logits, reference["logits"]):
            return say(wrong={"what": "logit", "off_by": off, "bound": LOGIT_BOUND})
        for _ in range(REPEATS - 1):
            if model.run() != first:
                return say(wrong={"what": "repeat"})
        say(saw={"tokens": len(first.tokens), "logit_error": off, "repeats": REPEATS})
        for name, kernel, file, word, needs in _PRODUCTS:
            capability = device.attribute("major") * 10 + device.attribute("minor")
            if capability < needs:
                say(saw={"lacks": name})
                continue
            product = _module(device, file)
            say(doing=f"the {name} matrix product")
            wrong = _product(device, module, name, kernel, product, word)
            if wrong is not None:
                return say(wrong={"what": f"{name} product", **wrong})


_PRODUCTS = (
    ("float32", "product_f32", "sm_50", 0, 50),
    ("float16", "product_f16", "sm_53", 1, 53),
    ("int8", "product_s8", "sm_61", 2, 61),
    ("float16 tensor core", "product_f16_tensor", "sm_70", 1, 70),
)
"""What is said, the kernel, its file, the kind of its numbers (see ``numbers`` in sm_50.cu), the least compute capability × 10.
Instructions and targets: NVIDIA, "PTX ISA", fma (half precision), dp4a, wmma."""
_BYTES = (4, 2, 1)


def _product(device: Device, common: Module, name: str, kernel: str, module: Module, kind: int) -> dict[str, Any] | None:
    """Multiplies two matrices of small whole numbers and checks the result exactly; None if it is right, and says how fast."""
    size, words = _BYTES[kind], DEPTH * _BYTES[kind] // 4
    a, b, c = device.allocate(SIZE * DEPTH * size), device.allocate(SIZE * DEPTH * size), device.allocate(SIZE * SIZE * 4)
    for place, seed in ((a, 3), (b, 5)):
        common.launch("numbers", 256, 256, place, U64(SIZE * DEPTH), U32(seed), kind)
    device.clear(c, SIZE * SIZE * 4)

    def multiply() -> None:
        module.launch(kernel, (SIZE // 128, SIZE // 128), 256, c, a, b, SIZE, words)

    seconds = _best(device, multiply)
    count, first, _ = _count_wrong(device, common, "check_product", 64, c, SIZE, SIZE, DEPTH, U32(3), U32(5), int(kind == 2))
    for place in (a, b, c):
        device.release(place)
    if count:
        return {"count": count, "row": first // SIZE, "column": first % SIZE}
    say(saw={"product": {"name": name, "operations_per_s": round(2 * SIZE * SIZE * DEPTH / seconds)}})
    return None


def _device(index: int) -> Device:
    say(doing="a context")
    return Device(Driver(), index)


def _module(device: Device, target: str) -> Module:
    say(doing=f"compiling the kernels for {target}")
    # The driver's compiler wants a zero byte at the end.
    return device.module((KERNELS / f"{target}.ptx").read_bytes() + b"\0")


def _near(logits: Iterable[float], reference: list[float]) -> bool:
    # A NaN is greater than no bound: it is found by not being within it.
    return all(abs(is_ - should) <= LOGIT_BOUND for is_, should in zip(logits, reference))


def _told(error: CudaError) -> dict[str, Any]:
    return {"function": error.function, "code": error.code, "detail": error.detail[:500]}


def _count_wrong(device: Device, module: Module, kernel: str, grid: int, *arguments: Any) -> tuple[int, int, int]:
    """How many words are wrong, the first of them, and the bits in which they differ."""
    counter = device.allocate(24)
    device.upload(counter, array.array("Q", (0, NOTHING_WRONG, 0)).tobytes())
    module.launch(kernel, grid, 256, *arguments, counter)
    count, first, bits = array.array("Q", device.download(counter, 24))
    device.release(counter)
    return count, first, bits


def _best(device: Device, action: Callable[[], None]) -> float:
    """Seconds of the quickest run, by the GPU's clock. A card that idled needs a while to raise its clocks."""
    found: list[float] = []
    end = time.monotonic() + WARM_UP_S
    while len(found) < 3 or (time.monotonic() < end and len(found) < 200):
        first = device.event()
        action()
        found.append(device.seconds_between(first, device.event()))
    return min(found)


def cpu_level(_: int, threads: int) -> None:
    """The same model in Python on the CPU, and how fast ``threads`` threads read RAM together."""
    from . import ram, tiny_model

    reference = json.loads(REFERENCE.read_text())
    say(doing="generating text")
    reply = tiny_model.run_on_cpu()
    if reply.tokens != reference["tokens"] or not _near(reply.logits, reference["logits"]):
        return say(wrong={"what": "reply of the CPU"})
    say(saw={"tokens": len(reply.tokens)})
    say(doing="timing reads of RAM")
    say(saw={"read_bytes_per_s": round(ram.read_bytes_per_s(threads)), "threads": threads})


LEVELS = {"cpu": cpu_level, "driver": driver_level, "memory": memory_level, "vram": vram_level, "inference": inference_level}


def end_with_parent() -> None:
    """Ends this process, with its group, as soon as its standard input is closed."""

    def wait() -> None:
        while os.read(0, 4096):  # not sys.stdin: its lock would be held when the interpreter ends
            pass
        if hasattr(os, "killpg") and os.getpgid(0) == os.getpid():
            os.killpg(0, signal.SIGKILL)
        os._exit(0)

    threading.Thread(target=wait, daemon=True).start()


def main(level: str, index: str, room: str) -> None:
    end_with_parent()
    os.environ["CUDA_CACHE_DISABLE"] = "1"  # compiled kernels are not left in the user's cache
    os.environ["CUDA_DEVICE_ORDER"] = "PCI_BUS_ID"  # GPUs are numbered as nvidia-smi does
    os.environ.setdefault("CUDA_MODULE_LOADING", "LAZY")
    try:
        LEVELS[level](int(index), int(room))
    except CudaError as error:
        say(failed=_told(error))
    except OSError as error:
        say(unloadable=str(error))
    say(done=True)
