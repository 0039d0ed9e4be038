"""What a process and its children take, over time: RAM, VRAM, swap. Bounded memory for any duration."""

from __future__ import annotations

import threading
import time
from typing import NamedTuple, Optional

import psutil

from ..host.gpu_use import CardUse, GpuUse

FIRST_INTERVAL_S = 0.05
MAX_SAMPLES = 1200
"""A minute at 20 Hz; then neighbours are merged and the interval doubles: 10 Hz up to two minutes, and so on."""


class Sample(NamedTuple):
    at_s: float
    rss_bytes: int
    """Resident memory of the process and its children together; pages that they share count for each."""
    vram_bytes: Optional[int]
    """Theirs, by the driver; None where it does not tell processes apart."""
    card_bytes: int
    """In use on all cards together, by anybody."""
    swap_bytes: int
    """In use on the whole machine."""


class Sampler:
    """Watches from ``start`` to ``stop`` in a thread of its own."""

    def __init__(self) -> None:
        self._use = GpuUse()
        self._before = self._use.sample()
        self._stop = threading.Event()
        self._thread: Optional[threading.Thread] = None
        self._interval = FIRST_INTERVAL_S
        self.samples: list[Sample] = []
        self.cards = len(self._before)

    @property
    def card_bytes_before(self) -> int:
        return sum(card.used_bytes for card in self._before)

    def start(self, pid: int) -> None:
        self._started = time.monotonic()
        self._thread = threading.Thread(target=self._watch, args=(pid,), daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        if self._thread is not None:
            self._thread.join(2)
        self._use.close()

    def _watch(self, pid: int) -> None:
        try:
            root = psutil.Process(pid)
        except psutil.Error:
            return
        while True:
            began = time.monotonic()
            self._take(root)
            if self._stop.wait(max(self._interval - (time.monotonic() - began), 0.01)):
                return

    def _take(self, root: psutil.Process) -> None:
        try:
            family = [root, *root.children(recursive=True)]
        except psutil.Error:
            family = []
        rss = 0
        for one in family:
            try:
                rss += one.memory_info().rss
            except psutil.Error:
                continue
        cards = self._use.sample()
        own = _own(cards, {one.pid for one in family})
        used = sum(card.used_bytes for card in cards)
        self.samples.append(Sample(time.monotonic() - self._started, rss, own, used, psutil.swap_memory().used))
        if len(self.samples) >= MAX_SAMPLES:
            self.samples = [_both(*self.samples[at : at + 2]) for at in range(0, len(self.samples) - 1, 2)]
            self._interval *= 2


def _own(cards: list[CardUse], family: set[int]) -> Optional[int]:
    if any(card.of_process is None for card in cards):
        return None
    return sum(size for card in cards for pid, size in (card.of_process or {}).items() if pid in family)


def _both(a: Sample, b: Sample) -> Sample:
    """The greater of each: a peak stays a peak."""
    own = None if a.vram_bytes is None or b.vram_bytes is None else max(a.vram_bytes, b.vram_bytes)
    return Sample(b.at_s, max(a.rss_bytes, b.rss_bytes), own, max(a.card_bytes, b.card_bytes), max(a.swap_bytes, b.swap_bytes))
