"""Runs looks side by side, each after those that it needs, under one deadline."""

from __future__ import annotations

import threading
import time
from typing import Any, Callable, Optional


class Tasks:
    """Named functions on daemon threads. One that fails or does not end yields its fallback, with the reason.

    Daemon threads, because a look that hangs in the kernel must not keep the program from ending.
    """

    def __init__(self, deadline_s: float) -> None:
        self._end = time.monotonic() + deadline_s
        self._deadline_s = deadline_s
        self._values: dict[str, Any] = {}
        self._done: dict[str, threading.Event] = {}
        self._fallbacks: dict[str, Callable[[str], Any]] = {}
        self.timings_ms: dict[str, float] = {}

    def start(
        self, name: str, function: Callable[..., Any], fallback: Callable[[str], Any], after: tuple[str, ...] = ()
    ) -> None:
        """``function`` gets the values of the tasks named in ``after``; ``fallback(reason)`` is the value of a failure."""
        self._done[name] = threading.Event()
        self._fallbacks[name] = fallback
        threading.Thread(target=self._run, args=(name, function, fallback, after), daemon=True).start()

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

    def value(self, name: str) -> Any:
        """The task's value; waits for it until the deadline of all."""
        left: Optional[float] = max(0.0, self._end - time.monotonic())
        if self._done[name].wait(left):
            return self._values[name]
        return self._fallbacks[name](f"timed out after {self._deadline_s:.0f} s")
