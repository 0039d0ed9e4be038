"""Report: what to put into a bug report, without private data, seen before it is written."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Optional

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import VerticalScroll
from textual.widgets import Static

from .pane import Pane

if TYPE_CHECKING:
    from ..facts.finding import Diagnosis


class Preview(NamedTuple):
    text: str
    """Markdown, redacted: exactly what is copied."""
    hidden: dict[str, int]
    """How much was hidden, by kind."""


def preview(diagnosis: Diagnosis) -> Optional[Preview]:
    """The report; None in a version that has none. The one place to join it; called in a thread."""
    return None


NOT_HERE = (
    "This version writes no report yet. For an issue, llmdoctor check --save FILE writes the machine without private data."
)


class ReportPane(Pane):
    HELP = """\
The text for a bug report, as it will be shared: names, addresses and keys are replaced.

c             copy it
Up, Down      scroll"""
    BINDINGS = [Binding("c", "copy", "Copy report")]

    def compose(self) -> ComposeResult:
        yield Static("What would be shared", classes="heading")
        yield Static("", id="hidden", classes="padded muted", markup=False)
        with VerticalScroll(can_focus=True):
            yield Static("Waiting for the first look …", id="preview", classes="padded", markup=False)

    def on_mount(self) -> None:
        self._text: Optional[str] = None

    def looked(self) -> None:
        diagnosis = self.session.diagnosis
        if diagnosis is not None:
            self.background.start("preview", lambda: preview(diagnosis), self._show, self._failed)

    def _show(self, made: Optional[Preview]) -> None:
        self._text = made.text if made is not None else None
        self.query_one("#preview", Static).update(made.text if made is not None else NOT_HERE)
        if made is not None:
            told = ", ".join(f"{count} {kind}" for kind, count in made.hidden.items()) or "nothing that is private was found"
            self.query_one("#hidden", Static).update(f"Hidden: {told}")

    def _failed(self, reason: str) -> None:
        self.query_one("#preview", Static).update(f"The report could not be made: {reason}")

    def action_copy(self) -> None:
        if self._text is None:
            self.app.notify("There is no report to copy.", markup=False)
        else:
            self.doctor.copy(self._text, "the report")
