"""Takes a log from the user: a paste, a file, or a file that is watched while the trouble is made to happen again."""

from __future__ import annotations

from typing import Optional

from textual import events
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.message import Message
from textual.timer import Timer
from textual.widget import Widget
from textual.widgets import Input, Static

from ...facts.finding import Diagnosis
from .. import inquiry
from ..background import Background
from ..session import Session
from .paste_box import PasteBox

WATCH_S = 0.5
"""Between two looks at a file that grows; it is read when it has not grown for as long."""
_ASKS = {
    "paste": ("Paste the log", "It stays here: nothing is sent. Esc goes back."),
    "file": ("Which file?", "Plain, gzip, bzip2, xz or zstd. Enter reads it, Esc goes back."),
    "watch": ("Which file shall be watched?", "Only what is written from now on is read. Enter begins, Esc goes back."),
}


class LogGiver(Vertical):
    class Given(Message):
        """A log was read and judged."""

        def __init__(self, name: str, diagnosis: Diagnosis) -> None:
            super().__init__()
            self.name, self.diagnosis = name, diagnosis

    def __init__(self, session: Session, id: Optional[str] = None) -> None:
        super().__init__(id=id)
        self._session = session
        self._background = Background(self)
        self._way = "paste"
        self._whose: Optional[str] = None
        self._timer: Optional[Timer] = None
        self._begin_at = self._last_size = self._read_up_to = 0

    def compose(self) -> ComposeResult:
        yield Static("", id="give-question", classes="heading", markup=False)
        yield Static("", id="give-reason", classes="padded muted", markup=False)
        yield PasteBox()
        yield Input(id="path", placeholder="/path/to/server.log")
        yield Static("", id="state", classes="padded", markup=False)

    def ask(self, way: str, runtime: Optional[str]) -> None:
        """``way``: ``paste``, ``file`` or ``watch``; ``runtime`` is whose log it is, where the user said so."""
        self.stop()
        self._way, self._whose = way, runtime
        question, reason = _ASKS[way]
        self.query_one("#give-question", Static).update(question)
        self.query_one("#give-reason", Static).update(reason)
        self._say("")
        self.query_one(PasteBox).display = way == "paste"
        self.query_one("#path").display = way != "paste"

    def field(self) -> Widget:
        """What takes the focus."""
        return self.query_one(PasteBox) if self._way == "paste" else self.query_one("#path")

    def stop(self) -> None:
        """Nothing that is under way is told any more."""
        if self._timer is not None:
            self._timer.stop()
        self._timer = None
        for name in ("log", "watch"):
            self._background.forget(name)

    def paste(self, event: events.Paste) -> None:
        self.query_one(PasteBox).on_paste(event)

    def on_paste_box_pasted(self, message: PasteBox.Pasted) -> None:
        message.stop()
        text, whose = message.text, self._whose
        self._background.start(
            "log",
            lambda: inquiry.from_text(self._session, text, whose),
            lambda diagnosis: self.post_message(self.Given("a pasted log", diagnosis)),
            self._failed,
        )

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        path, whose = event.value.strip(), self._whose
        if path and self._way == "watch":
            self._background.start("watch", lambda: inquiry.size_of(path), lambda size: self._watch(path, size), self._failed)
        elif path:
            self._say("Reading …")
            self._background.start(
                "log",
                lambda: inquiry.from_path(self._session, path, whose),
                lambda diagnosis: self.post_message(self.Given(path, diagnosis)),
                self._failed,
            )

    # -- watching ------------------------------------------------------------------------------

    def _watch(self, path: str, size: int) -> None:
        self.stop()
        self._begin_at = self._last_size = self._read_up_to = size
        self._say("Watching. Make the trouble happen again now; Esc ends it.")
        look = lambda: self._background.start(  # noqa: E731
            "watch", lambda: inquiry.size_of(path), lambda now: self._seen(path, now), self._failed
        )
        self._timer = self.set_interval(WATCH_S, look)

    def _seen(self, path: str, size: int) -> None:
        if size < self._begin_at:
            self._begin_at = 0  # the file was begun anew
        if size == self._last_size and size not in (self._begin_at, self._read_up_to):
            self._read_up_to = size
            begin, whose = self._begin_at, self._whose
            self._background.start(
                "log",
                lambda: inquiry.from_path(self._session, path, whose, begin),
                lambda diagnosis: self._judged(path, diagnosis),
                self._failed,
            )
        self._last_size = size

    def _judged(self, path: str, diagnosis: Diagnosis) -> None:
        if inquiry.shows_trouble(diagnosis):
            self.stop()
            self.post_message(self.Given(path, diagnosis))
        elif self._timer is not None:
            lines = sum(log.lines for log in diagnosis.logs)
            self._say(f"Watching. {lines:,} new lines, no trouble in them so far; Esc ends it.")

    def _failed(self, reason: str) -> None:
        self.query_one("#state", Static).update(Content.styled(f"✖ {reason}", "$error"))

    def _say(self, text: str) -> None:
        self.query_one("#state", Static).update(text)
