"""What a program prints, kept within bounds: the beginning, where it says what it found, and the end, where it says why."""

from __future__ import annotations

from collections import deque

HEAD_BYTES = 4 << 20
TAIL_BYTES = 4 << 20


class Capture:
    def __init__(self) -> None:
        self._head = bytearray()
        self._tail: deque[bytes] = deque()
        self._tail_bytes = 0
        self.dropped_bytes = 0

    def add(self, data: bytes) -> None:
        room = HEAD_BYTES - len(self._head)
        if room > 0:
            self._head += data[:room]
            data = data[room:]
        if not data:
            return
        self._tail.append(data)
        self._tail_bytes += len(data)
        while self._tail_bytes - len(self._tail[0]) >= TAIL_BYTES:
            gone = self._tail.popleft()
            self._tail_bytes -= len(gone)
            self.dropped_bytes += len(gone)

    def content(self) -> bytes:
        """All that was kept. Where something is missing a line says so."""
        middle = f"\n[{self.dropped_bytes} bytes are left out here]\n".encode() if self.dropped_bytes else b""
        return bytes(self._head) + middle + b"".join(self._tail)
