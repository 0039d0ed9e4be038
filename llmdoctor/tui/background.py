"""Work off the UI thread: daemon threads, so that a probe that hangs never keeps the program from ending."""

from __future__ import annotations

import contextvars
import threading
from typing import Callable, Optional, TypeVar

from textual.message_pump import MessagePump

T = TypeVar("T")


class Background:
    """Tasks of one screen. Of tasks with the same name only the latest tells its result."""

    def __init__(self, node: MessagePump) -> None:
        self._node = node
        self._latest: dict[str, int] = {}

    def start(
        self, name: str, task: Callable[[], T], done: Callable[[T], object], failed: Optional[Callable[[str], None]] = None
    ) -> None:
        """Runs ``task`` in a thread; then, on the UI thread, ``done(result)``, which may be a coroutine, or ``failed(reason)``."""
        number = self._latest[name] = self._latest.get(name, 0) + 1

        def tell(callback: Callable[[], object]) -> object:
            return callback() if self._latest.get(name) == number else None

        def run() -> None:
            try:
                result = task()
            except Exception as error:  # a failing probe or screen never takes the app down
                reason = in_words(error)
                if failed is not None:
                    self._node.call_later(tell, lambda: failed(reason))
            else:
                self._node.call_later(tell, lambda: done(result))

        # The context names the app, which Textual looks up when a message comes from another thread.
        context = contextvars.copy_context()
        threading.Thread(target=context.run, args=(run,), daemon=True, name=f"tui {name}").start()

    def forget(self, name: str) -> None:
        """Whatever is under way under this name is told no more."""
        self._latest[name] = self._latest.get(name, 0) + 1


def in_words(error: BaseException) -> str:
    """An error as one line: our own errors speak for themselves, others say their kind."""
    text = " ".join(str(error).split())
    if isinstance(error, ValueError) and type(error) is not ValueError and text:
        return text
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
