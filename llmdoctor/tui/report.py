"""Report: what to put into a bug report, without private data, seen before it is written."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Optional

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import VerticalScroll
from textual.widgets import Static

from .pane import Pane
from .session import Session

if TYPE_CHECKING:
    from ..facts.finding import Diagnosis

FILE = "llmdoctor-report.md"


class Preview(NamedTuple):
    text: str
    """Markdown, redacted: exactly what is copied or saved."""
    hidden: list[tuple[str, int, int]]
    """What was hidden: in words, how many values, in how many places."""


def preview(session: Session, diagnosis: Diagnosis, form: str) -> Preview:
    """The report by a project's form, or by our own where that is empty. Called in a thread."""
    from ..report.forms import layout_for
    from ..report.issue import render
    from ..report.making import hidden_in, make

    text = render(make(diagnosis, [], session.redactor()), layout_for(form))
    return Preview(text, hidden_in(text))


def forms() -> list[str]:
    from ..report.forms import FORMS

    return ["", *filter(None, FORMS)]


class ReportPane(Pane):
    HELP = """\
The text for a bug report, as it will be shared: names, addresses and keys are replaced.
With a log, llmdoctor report LOG makes it on the command line.

p             the next project's form
c             copy it
s             save it here, for you alone to read
Up, Down      scroll"""
    BINDINGS = [
        Binding("p", "next_form", "Next form"),
        Binding("c", "copy", "Copy report"),
        Binding("s", "save", "Save"),
    ]

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self._text: Optional[str] = None
        self._form = 0

    def compose(self) -> ComposeResult:
        yield Static("What would be shared", id="shared", classes="heading", markup=False)
        yield Static("", id="hidden", classes="padded muted", markup=False)
        with VerticalScroll(can_focus=True):
            yield Static("Waiting for the first look …", id="preview", classes="padded", markup=False)

    def looked(self) -> None:
        diagnosis = self.session.diagnosis
        if diagnosis is None:
            return
        names = forms()
        form = names[self._form % len(names)]
        whose = f"by the form of {form}" if form else "in our own form"
        self.query_one("#shared", Static).update(f"What would be shared, {whose}")
        self.background.start("preview", lambda: preview(self.session, diagnosis, form), self._show, self._failed)

    def _show(self, made: Preview) -> None:
        self._text = made.text
        self.query_one("#preview", Static).update(made.text)
        told = ", ".join(f"{values} {words}{'s' * (values != 1)}" for words, values, _ in made.hidden)
        self.query_one("#hidden", Static).update(
            f"Hidden: {told or 'nothing private was found'}. Please look it over; nothing was sent."
        )

    def _failed(self, reason: str) -> None:
        self.query_one("#preview", Static).update(f"The report could not be made: {reason}")

    def action_next_form(self) -> None:
        self._form += 1
        self.looked()

    def action_copy(self) -> None:
        if self._text is None:
            self.app.notify("There is no report to copy yet.", markup=False)
        else:
            self.doctor.copy(self._text, "the report")

    def action_save(self) -> None:
        text = self._text
        if text is None:
            self.app.notify("There is no report to save yet.", markup=False)
            return
        from ..survey.storage import write_private

        self.background.start(
            "save", lambda: write_private(FILE, text.encode()), lambda _: self._say(f"Saved as {FILE}"), self._say
        )

    def _say(self, text: str) -> None:
        self.app.notify(text, markup=False)
