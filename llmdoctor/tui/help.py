"""``?``: the keys of the screen that is shown, and those that hold everywhere."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Static

EVERYWHERE = """\
1 to 6        the screens: Findings, Triage, Machine, Fit, Smoke, Report
Tab           to the next part of a screen; Shift+Tab back
t             the next theme: dark, light, high contrast
Ctrl+P        the command palette: everything by name
?             this help
q, Ctrl+C     leave; the terminal is as it was

llmdoctor only looks: nothing is changed on this machine, nothing is sent. Commands are
copied for you to run, never run. With a mouse everything can be clicked and scrolled."""


class Help(ModalScreen[None]):
    BINDINGS = [("escape,q,question_mark", "dismiss", "Close")]

    def __init__(self, title: str, text: str) -> None:
        super().__init__()
        self._title, self._text = title, text

    def compose(self) -> ComposeResult:
        with VerticalScroll(id="help"):
            yield Static(self._title, classes="heading", markup=False)
            yield Static(self._text, markup=False)
            yield Static("Everywhere", classes="heading")
            yield Static(EVERYWHERE, markup=False)
            yield Static("Esc closes this", classes="muted")
