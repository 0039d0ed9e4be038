"""Report: what to put into a bug issue, without private data, seen before it is written."""

from __future__ import annotations

import os
from typing import NamedTuple

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import VerticalScroll
from textual.widgets import Static

from .pane import Pane
from .session import Session

FILE = "llmdoctor-report.md"
"""Written into the current folder."""


class Preview(NamedTuple):
    text: str
    """Markdown, redacted: exactly what is copied and saved."""
    hidden: list[tuple[str, int, int]]
    """Kind in words, values, places."""


def projects() -> list[str]:
    """Names of the projects whose forms are known, the free form first."""
    from ..report.forms import FORMS

    return ["", *(name for name in FORMS if name)]


def preview(session: Session, project: str) -> Preview:
    """Called in a thread."""
    from ..report.forms import layout_for
    from ..report.issue import render
    from ..report.making import hidden_in, make

    assert session.diagnosis is not None
    text = render(make(session.diagnosis, [], session.redactor()), layout_for(project))
    return Preview(text, hidden_in(text))


class ReportPane(Pane):
    HELP = f"""\
The text for a bug issue, as it will be shared: names, addresses and keys are replaced.

c             copy it
s             save it as {FILE}, for your eyes alone
f             the form of the next project
Up, Down      scroll

A log goes with it on the command line: llmdoctor report LOG"""
    BINDINGS = [
        Binding("c", "copy", "Copy report"),
        Binding("s", "save", "Save"),
        Binding("f", "next_form", "Project's form"),
    ]

    def compose(self) -> ComposeResult:
        yield Static("What would be shared", id="report-title", classes="heading", markup=False)
        yield Static("", id="hidden", classes="padded muted", markup=False)
        with VerticalScroll(can_focus=True):
            yield Static("Waiting for the first look …", id="preview", classes="padded", markup=False)

    def on_mount(self) -> None:
        self._text = ""
        self._project = ""

    def looked(self) -> None:
        if self.session.diagnosis is not None:
            project = self._project
            self.background.start("preview", lambda: preview(self.session, project), self._show, self._failed)

    def _show(self, made: Preview) -> None:
        self._text = made.text
        form = f"the form of {self._project}" if self._project else "a free form"
        self.query_one("#report-title", Static).update(f"What would be shared, in {form}")
        self.query_one("#preview", Static).update(made.text)
        told = ", ".join(f"{count} {kind}{'s' * (count != 1)}" for kind, count, _ in made.hidden) or "nothing private was found"
        self.query_one("#hidden", Static).update(f"Hidden: {told}. Nothing is sent.")

    def _failed(self, reason: str) -> None:
        self.query_one("#preview", Static).update(f"The report could not be made: {reason}")

    def action_next_form(self) -> None:
        names = projects()
        self._project = names[(names.index(self._project) + 1) % len(names)]
        self.looked()

    def action_copy(self) -> None:
        if self._text:
            self.doctor.copy(self._text, "the report")
        else:
            self.app.notify("There is no report to copy.", markup=False)

    def action_save(self) -> None:
        from ..survey.storage import StorageError, write_private

        if not self._text:
            self.app.notify("There is no report to save.", markup=False)
            return
        path = os.path.abspath(FILE)
        try:
            write_private(path, self._text.encode())
        except StorageError as error:
            self.app.notify(str(error), severity="error", markup=False)
        else:
            self.app.notify(f"Saved: {path}", markup=False)
