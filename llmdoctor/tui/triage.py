"""Triage: from what happens, through the runtime and its log, to the cause. Asks only what is still needed, and says why."""

from __future__ import annotations

import os
from typing import Callable, Iterable, Optional

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import ContentSwitcher, OptionList, Static
from textual.widgets.option_list import Option

from ..facts.finding import Diagnosis, Finding
from . import inquiry
from .inquiry import Symptom
from .pane import Pane
from .session import Session
from .taking import copy_command, open_source
from .widgets.finding_detail import FindingDetail
from .widgets.log_giver import LogGiver
from .widgets.outcome import Outcome


class TriagePane(Pane):
    HELP = """\
Answers what goes wrong by a log. It finds the log of an installed runtime itself; else paste
one, name a file, or let it watch a file while you make the trouble happen again.

Enter         choose
Esc           back to the question before
n             start over
On a result:  c copy the command, o open the source, f try the model's settings in Fit"""
    BINDINGS = [
        Binding("c", "copy", "Copy command"),
        Binding("o", "open", "Open source"),
        Binding("f", "fit", "Try in Fit"),
        Binding("n", "start_over", "Start over"),
        Binding("escape", "back", "Back"),
        Binding("right", "to_steps", show=False),
        Binding("left", "to_list", show=False),
    ]

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self._symptom: Optional[Symptom] = None
        self._runtime: Optional[str] = None
        self._was_asked = False
        """Whether the user named the runtime: what is only assumed is not told to those who read a log."""
        self._log_came: Optional[str] = None
        """How the log came, for the trail."""
        self._asked: list[Callable[[], None]] = []
        """The questions so far, to go back to."""
        self._answers: dict[str, Callable[[], None]] = {}

    def compose(self) -> ComposeResult:
        yield Static("", id="trail", markup=False)
        with ContentSwitcher(initial="ask"):
            with Vertical(id="ask"):
                yield Static("", id="question", classes="heading", markup=False)
                yield Static("", id="reason", classes="padded muted", markup=False)
                yield OptionList(id="answers")
            yield LogGiver(self.session, id="give")
            yield Outcome(id="outcome")

    def on_mount(self) -> None:
        self._ask_what()

    def looked(self) -> None:
        # The scanner of all rules is put together while the first question is being read.
        self.background.start("reader", self.session.make_log_reader, lambda _: None)

    def focus_first(self) -> None:
        current = self.query_one(ContentSwitcher).current
        if current == "give":
            self.query_one(LogGiver).field().focus()
        else:
            self.query_one("#causes" if current == "outcome" else "#answers").focus()

    # -- the questions -------------------------------------------------------------------------

    def _ask(self, question: str, reason: str, answers: Iterable[tuple[str, str, Callable[[], None]]]) -> None:
        """``answers``: name, words beside it, what follows."""
        listed = list(answers)
        width = max((len(name) for name, says, _ in listed if says), default=0)
        self._answers = {name: follows for name, _, follows in listed}
        self.query_one("#question", Static).update(question)
        self.query_one("#reason", Static).update(reason)
        options = self.query_one("#answers", OptionList)
        options.clear_options()
        options.add_options(
            Option(Content.assemble((name.ljust(width), "bold"), (f"   {says}" if says else "", "$secondary")), name)
            for name, says, _ in listed
        )
        options.highlighted = 0
        self._switch("ask")

    def _switch(self, what: str) -> None:
        trail = [self._symptom.key if self._symptom else "", self._runtime or "", os.path.basename(self._log_came or "")]
        self.query_one("#trail", Static).update("  ›  ".join(["Triage", *filter(None, trail)]))
        self.query_one(ContentSwitcher).current = what
        self.refresh_bindings()
        if self.display:
            self.focus_first()

    def _go(self, question: Callable[[], None]) -> None:
        self._asked.append(question)
        question()

    def _ask_what(self) -> None:
        self._asked = [self._ask_what]
        self._symptom = self._runtime = self._log_came = None
        self._ask(
            "What happens?",
            "It decides which log tells most, and what this machine may already show.",
            [(one.key, one.says, lambda one=one: self._chose(one)) for one in inquiry.SYMPTOMS],  # type: ignore[misc]
        )

    def _chose(self, symptom: Symptom) -> None:
        self._symptom = symptom
        if inquiry.shown_by_machine(symptom, self.session.diagnosis):
            self._go(self._ask_machine)
        else:
            self._after_machine()

    def _ask_machine(self) -> None:
        assert self._symptom is not None
        self._runtime = self._log_came = None
        found = inquiry.shown_by_machine(self._symptom, self.session.diagnosis)
        self._ask(
            "This machine already shows what may bring that about",
            "If it is this, no log is needed. The causes stand in Findings, too.",
            [
                *((f"See: {one.title}", "", lambda: self._show_machine(found)) for one in found),
                ("Go on with the log", "if none of these is it", self._after_machine),
            ],
        )

    def _show_machine(self, found: list[Finding]) -> None:
        diagnosis = self.session.diagnosis
        assert diagnosis is not None
        self._log_came = "what the machine shows"
        self._show(
            Diagnosis(
                tool_version=diagnosis.tool_version, machine=diagnosis.machine, findings=found, explained=diagnosis.explained
            )
        )

    def _after_machine(self) -> None:
        here = inquiry.installed(self.session.machine)
        if self._symptom is not None and self._symptom.key == "cannot install":
            self._runtime = None  # what failed to be installed has no log of its own: the installer's output is needed
            self._go(self._ask_log)
        elif len(here) == 1:
            self._runtime, self._was_asked = here[0], False
            self._look_for_log()
        else:
            self._go(self._ask_runtime)

    def _ask_runtime(self) -> None:
        here = inquiry.installed(self.session.machine)
        self._log_came = None

        def chose(name: Optional[str]) -> None:
            self._runtime, self._was_asked = name, True
            self._look_for_log()

        self._ask(
            "Which runtime?",
            "Each writes its log elsewhere and in its own words."
            + ("" if here else " None of those that llmdoctor knows was found here."),
            [
                *((name, "found here", lambda name=name: chose(name)) for name in here),
                *((name, "", lambda name=name: chose(name)) for name in inquiry.others(self.session.machine)),
                ("another, or not known", "the log will tell", lambda: chose(None)),
            ],
        )

    # -- the log -------------------------------------------------------------------------------

    def _look_for_log(self) -> None:
        runtime = self._runtime
        if self.session.source is not None or runtime not in inquiry.installed(self.session.machine):
            self._go(self._ask_log)
            return
        self._ask(f"Looking for the log of {runtime} …", "Its newest log that shows a trouble is read.", [])
        self.background.start("log", lambda: inquiry.from_found(self.session, runtime), self._found, self._not_found)

    def _found(self, diagnosis: Diagnosis) -> None:
        if inquiry.shows_trouble(diagnosis):
            self._log_came = "its own log"
            self._show(diagnosis)
        else:
            names = ", ".join(log.name for log in diagnosis.logs)
            self._not_found(f"Its log was found ({names}) and shows no trouble.")

    def _not_found(self, reason: str) -> None:
        self._go(lambda: self._ask_log(reason))

    def _ask_log(self, reason: str = "") -> None:
        self._log_came = None
        best = self._symptom.log if self._symptom else "the server's log"
        self._ask(
            "Where is the log?",
            f"{reason[:1].upper()}{reason[1:]}{'. ' if reason and not reason.endswith('.') else ' ' if reason else ''}Best is {best}.",
            [
                ("Paste it", "from another window", lambda: self._go(lambda: self._give("paste"))),
                ("A file", "by its path; packed ones, too", lambda: self._go(lambda: self._give("file"))),
                ("Watch a file", "while you make the trouble happen again", lambda: self._go(lambda: self._give("watch"))),
            ],
        )

    def _give(self, way: str) -> None:
        self._log_came = None
        self.query_one(LogGiver).ask(way, self._runtime if self._was_asked else None)
        self._switch("give")

    def on_paste(self, event: events.Paste) -> None:
        """A paste at any question is a log, too."""
        event.stop()
        self._go(lambda: self._give("paste"))
        self.query_one(LogGiver).paste(event)

    def on_log_giver_given(self, message: LogGiver.Given) -> None:
        self._log_came = message.name
        self._show(message.diagnosis)

    # -- the result ----------------------------------------------------------------------------

    def _show(self, diagnosis: Diagnosis) -> None:
        self.query_one(Outcome).show(diagnosis)
        self._switch("outcome")

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        if event.option_id in self._answers:
            self._answers[event.option_id]()

    # -- keys ----------------------------------------------------------------------------------

    def check_action(self, action: str, parameters: tuple[object, ...]) -> Optional[bool]:
        """The footer names only what can be done now."""
        on_result = self.is_mounted and self.query_one(ContentSwitcher).current == "outcome"
        if action == "fit":
            return on_result and inquiry.run_with_model(self.query_one(Outcome).diagnosis) is not None
        return on_result if action in ("copy", "open") else True

    def action_copy(self) -> None:
        copy_command(self.doctor, self.query_one(FindingDetail).command())

    def action_open(self) -> None:
        open_source(self.doctor, self.query_one(FindingDetail).source())

    def action_fit(self) -> None:
        found = inquiry.run_with_model(self.query_one(Outcome).diagnosis)
        if found is not None:
            self.doctor.show_fit(*found)

    def action_start_over(self) -> None:
        self.query_one(LogGiver).stop()
        self.background.forget("log")
        self._ask_what()

    def action_back(self) -> None:
        """From a result to the question that led there, else to the one before."""
        self.query_one(LogGiver).stop()
        self.background.forget("log")
        if self.query_one(ContentSwitcher).current != "outcome" and len(self._asked) > 1:
            self._asked.pop()
        self._asked[-1]()

    def action_to_steps(self) -> None:
        self.query_one(FindingDetail).focus_first()

    def action_to_list(self) -> None:
        if self.query_one(ContentSwitcher).current == "outcome":
            self.query_one("#causes").focus()
