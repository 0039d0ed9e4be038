"""Triage: from what happens, through the runtime and its log, to the cause. Asks only what is still needed, and says why."""

from __future__ import annotations

import os
from typing import Callable, Iterable, Optional

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Container, Vertical
from textual.content import Content
from textual.timer import Timer
from textual.widgets import ContentSwitcher, Input, OptionList, Static
from textual.widgets.option_list import Option

from ..facts.finding import Diagnosis, Finding
from ..report.document import log_lines, verdict
from . import inquiry
from .findings import copy, open_source
from .inquiry import Symptom
from .pane import Pane
from .session import Session
from .widgets.finding_detail import FindingDetail, StepCard
from .widgets.finding_list import FindingList
from .widgets.paste_box import PasteBox

WATCH_S = 0.5
"""Between two looks at a file that grows; it is read when it has not grown for as long."""


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
        self._diagnosis: Optional[Diagnosis] = None
        self._watched: Optional[str] = None
        self._timer: Optional[Timer] = None

    def compose(self) -> ComposeResult:
        yield Static("", id="trail", markup=False)
        with ContentSwitcher(initial="ask"):
            with Vertical(id="ask"):
                yield Static("", id="question", classes="heading", markup=False)
                yield Static("", id="reason", classes="padded muted", markup=False)
                yield OptionList(id="answers")
            with Vertical(id="give"):
                yield Static("", id="give-question", classes="heading", markup=False)
                yield Static("", id="give-reason", classes="padded muted", markup=False)
                yield PasteBox()
                yield Input(id="path", placeholder="/path/to/server.log")
                yield Static("", id="state", classes="padded", markup=False)
            with Vertical(id="outcome"):
                yield Static("", id="triage-verdict", markup=False)
                yield Static("", id="triage-logs", classes="padded muted", markup=False)
                with Container(classes="list-and-detail"):
                    yield FindingList(id="causes")
                    yield FindingDetail()

    def on_mount(self) -> None:
        self._ask_what()

    def looked(self) -> None:
        # The scanner of all rules is put together while the first question is being read.
        self.background.start("reader", self.session.make_log_reader, lambda _: None)

    def focus_first(self) -> None:
        current = self.query_one(ContentSwitcher).current
        self.query_one({"ask": "#answers", "outcome": "#causes"}.get(current or "", "#path")).focus()

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
        self._symptom = self._runtime = self._log_came = self._diagnosis = None
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
                ("Paste it", "from another window", lambda: self._go(self._give_paste)),
                ("A file", "by its path; packed ones, too", lambda: self._go(self._give_file)),
                ("Watch a file", "while you make the trouble happen again", lambda: self._go(self._give_watch)),
            ],
        )

    def _give(self, question: str, reason: str, paste: bool) -> None:
        self._stop_watching()
        self._log_came = None
        self.query_one("#give-question", Static).update(question)
        self.query_one("#give-reason", Static).update(reason)
        self.query_one("#state", Static).update("")
        self.query_one(PasteBox).display = paste
        self.query_one("#path").display = not paste
        self._switch("give")
        (self.query_one(PasteBox) if paste else self.query_one("#path")).focus()

    def _give_paste(self) -> None:
        self._give("Paste the log", "It stays here: nothing is sent. Esc goes back.", True)

    def _give_file(self) -> None:
        self._watched = None
        self._give("Which file?", "Plain, gzip, bzip2, xz or zstd. Enter reads it, Esc goes back.", False)

    def _give_watch(self) -> None:
        self._give(
            "Which file shall be watched?", "Only what is written from now on is read. Enter begins, Esc goes back.", False
        )
        self._watched = ""

    def on_paste_box_pasted(self, message: PasteBox.Pasted) -> None:
        self._log_came = "a pasted log"
        runtime, text = self._told_runtime, message.text
        self.background.start("log", lambda: inquiry.from_text(self.session, text, runtime), self._show, self._failed)

    def on_paste(self, event: events.Paste) -> None:
        """A paste at any question is a log, too."""
        self._give_paste()
        self.query_one(PasteBox).on_paste(event)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        path, runtime = event.value.strip(), self._told_runtime
        if not path:
            return
        if self._watched is not None:
            self._watch(path)
            return
        self._log_came = path
        self.query_one("#state", Static).update("Reading …")
        self.background.start("log", lambda: inquiry.from_path(self.session, path, runtime), self._show, self._failed)

    @property
    def _told_runtime(self) -> Optional[str]:
        return self._runtime if self._was_asked else None

    def _failed(self, reason: str) -> None:
        self._log_came = None
        self.query_one("#state", Static).update(Content.styled(f"✖ {reason}", "$error"))

    # -- watching ------------------------------------------------------------------------------

    def _watch(self, path: str) -> None:
        self._watched = path

        def begin(size: int) -> None:
            self._start = self._last = size
            self.query_one("#state", Static).update("Watching. Make the trouble happen again now; Esc ends it.")
            self._timer = self.set_interval(WATCH_S, self._look_at_file)

        self.background.start("watch", lambda: inquiry.size_of(path), begin, self._failed)

    def _look_at_file(self) -> None:
        path, runtime = self._watched, self._told_runtime
        if not path:
            return

        def seen(size: int) -> None:
            if size < self._start:
                self._start = 0  # it was begun anew
            if size == self._last or size == self._start:
                settled = size > self._start and size != self._read_up_to
                if settled:
                    self._read_up_to = size
                    start = self._start
                    self.background.start(
                        "log", lambda: inquiry.from_path(self.session, path, runtime, start), judged, self._failed
                    )
            self._last = size

        def judged(diagnosis: Diagnosis) -> None:
            if inquiry.shows_trouble(diagnosis):
                self._stop_watching()
                self._log_came = path
                self._show(diagnosis)
            elif self._timer is not None:
                lines = sum(log.lines for log in diagnosis.logs)
                self.query_one("#state", Static).update(
                    f"Watching. {lines:,} new lines, no trouble in them so far; Esc ends it."
                )

        self.background.start("watch", lambda: inquiry.size_of(path), seen, self._failed)

    _start = _last = 0
    _read_up_to = -1

    def _stop_watching(self) -> None:
        if self._timer is not None:
            self._timer.stop()
        self._timer = None
        self._watched = None
        self._read_up_to = -1
        self.background.forget("watch")

    # -- the result ----------------------------------------------------------------------------

    def _show(self, diagnosis: Diagnosis) -> None:
        self._diagnosis = diagnosis
        role, sentence = verdict(diagnosis)
        sign = {"verdict-ok": "✔", "verdict-error": "✖", "verdict-warning": "▲"}.get(role, "●")
        line = self.query_one("#triage-verdict", Static)
        line.set_classes(role)
        line.update(Content(f"{sign} {sentence}"))
        self.query_one("#triage-logs", Static).update(Content("\n".join(log_lines(diagnosis))))
        found = self.query_one(FindingList)
        found.fill(diagnosis.findings, {one.id: one for one in diagnosis.explained}, set())
        if not diagnosis.findings:
            self.run_worker(
                self.query_one(FindingDetail).say("n starts over: another log, or a longer part of it, may tell more.")
            )
        self._switch("outcome")

    async def on_option_list_option_highlighted(self, event: OptionList.OptionHighlighted) -> None:
        diagnosis = self._diagnosis
        if event.option_list.id != "causes" or diagnosis is None:
            return
        key = (event.option_id or "").rpartition(">")[2]
        finding = next((one for one in [*diagnosis.findings, *diagnosis.explained] if one.id == key), None)
        if finding is not None:
            await self.query_one(FindingDetail).show(finding, {one.id: one for one in diagnosis.explained})

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        if event.option_list.id == "causes":
            self.action_to_steps()
        elif event.option_id in self._answers:
            self._answers[event.option_id]()

    # -- keys ----------------------------------------------------------------------------------

    def check_action(self, action: str, parameters: tuple[object, ...]) -> Optional[bool]:
        """The footer names only what can be done now."""
        on_result = self.is_mounted and self.query_one(ContentSwitcher).current == "outcome"
        if action == "fit":
            return on_result and inquiry.run_with_model(self._diagnosis) is not None
        return on_result if action in ("copy", "open") else True

    def action_copy(self) -> None:
        copy(self, self.query_one(FindingDetail).command())

    def action_open(self) -> None:
        open_source(self, self.query_one(FindingDetail).source())

    def action_fit(self) -> None:
        found = inquiry.run_with_model(self._diagnosis)
        if found is not None:
            self.doctor.show_fit(*found)

    def action_start_over(self) -> None:
        self._stop_watching()
        self.background.forget("log")
        self._ask_what()

    def action_back(self) -> None:
        """From a result to the question that led there, else to the one before."""
        self._stop_watching()
        self.background.forget("log")
        if self.query_one(ContentSwitcher).current != "outcome" and len(self._asked) > 1:
            self._asked.pop()
        self._asked[-1]()

    def action_to_steps(self) -> None:
        for card in self.query(StepCard):
            card.focus()
            return

    def action_to_list(self) -> None:
        if self.query_one(ContentSwitcher).current == "outcome":
            self.query_one("#causes").focus()
