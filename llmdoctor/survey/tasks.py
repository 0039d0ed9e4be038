"""Runs looks side by side, each after those that it needs, under one deadline."""

from __future__ import annotations

import queue
import threading
import time
from typing import Any, Callable, Optional

WORKERS = 6
"""Looks that wait (a command, a library, a server) overlap; more threads would only wait for Python's lock."""


class Tasks:
    """Named functions, begun in the order in which they are given. One that fails or does not end yields its fallback, with the reason.

    The threads are daemons, because a look that hangs in the kernel must not keep the program from ending. A task may
    need only what was given before it, so that a worker never waits for what no worker has begun. ``heard`` is told each
    name and value as it comes, in the worker's thread.
    """

    def __init__(self, deadline_s: float, heard: Optional[Callable[[str, Any], None]] = None) -> None:
        self._end = time.monotonic() + deadline_s
        self._deadline_s = deadline_s
        self._heard = heard
        self._values: dict[str, Any] = {}
        self._done: dict[str, threading.Event] = {}
        self._fallbacks: dict[str, Callable[[str], Any]] = {}
        self._waiting: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._workers = 0
        self.timings_ms: dict[str, float] = {}

    def start(
        self, name: str, function: Callable[..., Any], fallback: Callable[[str], Any], after: tuple[str, ...] = ()
    ) -> None:
        """``function`` gets the values of the tasks named in ``after``; ``fallback(reason)`` is the value of a failure."""
        assert all(other in self._done for other in after), after
        self._done[name] = threading.Event()
        self._fallbacks[name] = fallback
        self._waiting.put(lambda: self._run(name, function, fallback, after))
        if self._workers < WORKERS:
            self._workers += 1
            threading.Thread(target=self._work, daemon=True).start()

    def _work(self) -> None:
        while True:
            self._waiting.get()()

    def _run(self, name: str, function: Callable[..., Any], fallback: Callable[[str], Any], after: tuple[str, ...]) -> None:
        needed = [self.value(other) for other in after]
        started = time.monotonic()
        try:
            value = function(*needed)
        except Exception as error:  # a defect in one probe must not take the others down
            value = fallback(f"the probe failed ({type(error).__name__}: {error})")
        self._values[name] = value
        self.timings_ms[name] = round((time.monotonic() - started) * 1000, 1)
        self._done[name].set()
        if self._heard is not None:
            self._heard(name, value)

    def value(self, name: str) -> Any:
        """The task's value; waits for it until the deadline of all."""
        if self._done[name].wait(max(0.0, self._end - time.monotonic())):
            return self._values[name]
        return self._fallbacks[name](f"timed out after {self._deadline_s:.0f} s")
