"""Findings: what is wrong on this machine, by root cause, and what to do."""

from __future__ import annotations

from typing import Optional

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Container
from textual.content import Content
from textual.widgets import OptionList, Static

from ..facts.finding import Diagnosis, Finding
from ..report.document import grouped, machine_lines, verdict
from .pane import Pane
from .session import Session
from .taking import copy_command, open_source
from .widgets.finding_detail import FindingDetail
from .widgets.finding_list import FindingList
from .widgets.outcome import SIGNS

NOT_CHECKED = "not-checked"


class FindingsPane(Pane):
    HELP = """\
The list shows root causes first; what a cause explains stands below it. The other part
shows the finding: what to do, how it is known, why, and the sources.

Up, Down      another finding
Enter, Right  into its steps; Left or Esc back to the list
c             copy the command of the step with the focus, else of the first step
o             open the source, or copy its address where no browser can be opened
m             mark as done, or not done
r             look again: tells whether the finding is still there"""
    BINDINGS = [
        Binding("c", "copy", "Copy command"),
        Binding("o", "open", "Open source"),
        Binding("m", "mark", "Mark done"),
        Binding("r", "check_again", "Look again"),
        Binding("right", "to_steps", show=False),
        Binding("left,escape", "to_list", show=False),
    ]

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self._findings: dict[str, Finding] = {}
        self._explained: dict[str, Finding] = {}
        self._gone: dict[str, Finding] = {}
        """Those that an earlier look found and the latest did not."""
        self._checking: Optional[str] = None
        self._answered = 0

    def compose(self) -> ComposeResult:
        yield Static("Looking at this machine …", id="verdict", markup=False)
        yield Static("", id="subject", markup=False)
        with Container(classes="list-and-detail"):
            yield FindingList(id="findings")
            yield FindingDetail()

    def focus_first(self) -> None:
        self.query_one(FindingList).focus()

    # -- what was seen -------------------------------------------------------------------------

    def heard(self, name: str, value: object) -> None:
        self._answered += 1
        if self.session.diagnosis is None:
            self.query_one("#verdict", Static).update(
                f"Looking at this machine … {self._answered} probes have answered, last {name}"
            )

    def looked(self) -> None:
        self._answered = 0
        diagnosis = self.session.diagnosis
        if diagnosis is None:
            self.query_one("#verdict", Static).update("The machine could not be looked at.")
            self.run_worker(self.query_one(FindingDetail).say(f"{self.doctor.look_error}\n\nr tries again."))
            return
        role, sentence = verdict(diagnosis)
        sign = SIGNS.get(role, "●")
        line = self.query_one("#verdict", Static)
        line.set_classes(role)
        line.update(Content(f"{sign} {sentence.partition(' First: ')[0]}"))  # the first stands below, in the list
        self.query_one("#subject", Static).update(Content("\n".join(machine_lines(diagnosis.machine))))
        self._take(diagnosis)

    def _take(self, diagnosis: Diagnosis) -> None:
        before = self._findings
        self._findings = {one.id: one for one in diagnosis.findings}
        self._explained = {one.id: one for one in diagnosis.explained}
        known = {**self._findings, **self._explained}
        self._gone = {key: one for key, one in {**self._gone, **before}.items() if key not in known}
        self._fill()
        if self._checking is not None:
            self._tell(self._checking, self._checking in known)
            self._checking = None

    def _fill(self) -> None:
        diagnosis = self.session.diagnosis
        count = len(diagnosis.not_checked) if diagnosis is not None else 0
        more = [(f"{count} check{'s' * (count > 1)} could not be made, and why", NOT_CHECKED)] if count else []
        found = self.query_one(FindingList)
        found.fill(self._findings.values(), self._explained, self.session.done, self._gone.values(), more)
        if not found.option_count:
            self.run_worker(self.query_one(FindingDetail).say("Nothing was found. Triage (2) goes by what happens instead."))

    # -- the one that is chosen ----------------------------------------------------------------

    async def on_option_list_option_highlighted(self, event: OptionList.OptionHighlighted) -> None:
        detail = self.query_one(FindingDetail)
        if event.option_id == NOT_CHECKED:
            await detail.say(self._not_checked())
            return
        finding = self._by_option(event.option_id)
        if finding is not None:
            mark = "Done" if finding.id in self.session.done else "Gone" if finding.id in self._gone else ""
            await detail.show(finding, self._explained, mark)

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        self.action_to_steps()

    def _by_option(self, option: Optional[str]) -> Optional[Finding]:
        key = (option or "").rpartition(">")[2]
        return self._findings.get(key) or self._explained.get(key) or self._gone.get(key)

    def _not_checked(self) -> str:
        diagnosis = self.session.diagnosis
        assert diagnosis is not None
        groups = grouped(diagnosis.not_checked)
        return "What these checks need could not be read:\n\n" + "\n\n".join(
            f"{reason}\n  {', '.join(ids)}" for reason, ids in groups
        )

    # -- keys ----------------------------------------------------------------------------------

    def action_copy(self) -> None:
        copy_command(self.doctor, self.query_one(FindingDetail).command())

    def action_open(self) -> None:
        open_source(self.doctor, self.query_one(FindingDetail).source())

    def action_mark(self) -> None:
        finding = self.query_one(FindingDetail).finding
        if finding is None:
            return
        self.session.done ^= {finding.id}
        self._fill()

    def action_check_again(self) -> None:
        if self.session.source is not None and self.session.diagnosis is not None:
            self.app.notify("A saved machine does not change. Save it anew there: llmdoctor check --save FILE", markup=False)
            return
        finding = self.query_one(FindingDetail).finding
        self._checking = finding.id if finding is not None else None
        self.query_one("#verdict", Static).update("Looking again …")
        self.doctor.look_again()

    def _tell(self, key: str, still: bool) -> None:
        finding = self._by_option(key)
        title = finding.title if finding is not None else key
        self.app.notify(
            title, title="Still there" if still else "Gone", severity="warning" if still else "information", markup=False
        )

    def action_to_steps(self) -> None:
        self.query_one(FindingDetail).focus_first()

    def action_to_list(self) -> None:
        self.query_one(FindingList).focus()
