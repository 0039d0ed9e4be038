"""How fast this CPU reads RAM, by the C library's memchr, which looks at every byte of a stretch that does not hold what it seeks."""

from __future__ import annotations

import ctypes
import os
import threading
import time

TOTAL_BYTES = 256 << 20
"""Read in each round; more than the last-level caches of desktop processors hold (96 MiB with AMD's 3D V-Cache)."""
ROUNDS = 5


def read_bytes_per_s(threads: int) -> float:
    """The best of some rounds, all threads together. ctypes lets go of the interpreter's lock during a call."""
    library = ctypes.CDLL("msvcrt" if os.name == "nt" else None)
    memchr = library.memchr
    memchr.argtypes = (ctypes.c_void_p, ctypes.c_int, ctypes.c_size_t)
    memchr.restype = ctypes.c_void_p
    size = TOTAL_BYTES // threads
    barrier = threading.Barrier(threads + 1)

    def reader() -> None:
        memory = ctypes.create_string_buffer(size)
        ctypes.memset(memory, 1, size)  # untouched pages would all be the one page of zeros
        for _ in range(ROUNDS):
            barrier.wait()
            memchr(memory, 2, size)
            barrier.wait()

    for _ in range(threads):
        threading.Thread(target=reader, daemon=True).start()
    found = []
    for _ in range(ROUNDS):
        barrier.wait()
        started = time.perf_counter()
        barrier.wait()
        found.append(time.perf_counter() - started)
    return threads * size / min(found)
