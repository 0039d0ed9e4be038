"""What logs led to: the verdict, what was read, the causes and each in full."""

from __future__ import annotations

from typing import Optional

from textual.app import ComposeResult
from textual.containers import Container, Vertical
from textual.content import Content
from textual.widgets import OptionList, Static

from ...facts.finding import Diagnosis
from ...report.document import log_lines, verdict
from .finding_detail import FindingDetail
from .finding_list import FindingList

SIGNS = {"verdict-ok": "✔", "verdict-error": "✖", "verdict-warning": "▲"}


class Outcome(Vertical):
    diagnosis: Optional[Diagnosis] = None

    def compose(self) -> ComposeResult:
        yield Static("", id="triage-verdict", markup=False)
        yield Static("", id="triage-logs", classes="padded muted", markup=False)
        with Container(classes="list-and-detail"):
            yield FindingList(id="causes")
            yield FindingDetail()

    def show(self, diagnosis: Diagnosis) -> None:
        self.diagnosis = diagnosis
        role, sentence = verdict(diagnosis)
        line = self.query_one("#triage-verdict", Static)
        line.set_classes(role)
        line.update(Content(f"{SIGNS.get(role, '●')} {sentence}"))
        self.query_one("#triage-logs", Static).update(Content("\n".join(log_lines(diagnosis))))
        self.query_one(FindingList).fill(diagnosis.findings, {one.id: one for one in diagnosis.explained}, set())
        if not diagnosis.findings:
            says = "n starts over: another log, or a longer part of it, may tell more."
            self.run_worker(self.query_one(FindingDetail).say(says))

    async def on_option_list_option_highlighted(self, event: OptionList.OptionHighlighted) -> None:
        event.stop()
        diagnosis = self.diagnosis
        key = (event.option_id or "").rpartition(">")[2]
        known = {one.id: one for one in (*diagnosis.findings, *diagnosis.explained)} if diagnosis is not None else {}
        if diagnosis is not None and key in known:
            await self.query_one(FindingDetail).show(known[key], {one.id: one for one in diagnosis.explained})

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        self.query_one(FindingDetail).focus_first()
