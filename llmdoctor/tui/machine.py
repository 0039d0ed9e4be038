"""Machine: every fact with where it comes from, what is unknown and why, and what changes by the second."""

from __future__ import annotations

from typing import Optional

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal
from textual.content import Content
from textual.widgets import Input, Static

from . import facts_view
from .facts_view import Row
from .pane import Pane
from .session import Session
from .widgets.fact_tree import FactTree
from .widgets.live_panel import LivePanel

OPEN_AT_FIRST = ("os", "cpu", "memory", "gpus")
INTERVAL_S = 1.0


class MachinePane(Pane):
    HELP = """\
Every fact that llmdoctor reads, by area. The line below tells its meaning and where it was
read. What could not be read says why. The top rows change by the second.

/             search; Esc ends it
u             only what is unknown
Enter, Space  open or close an area; Left closes, Right opens
Up, Down, Page Up, Page Down, Home, End
c             copy the fact and its value
r             look again"""
    BINDINGS = [
        Binding("slash", "search", "Search", key_display="/"),
        Binding("u", "unknown", "Unknown only"),
        Binding("c", "copy", "Copy fact"),
        Binding("r", "look_again", "Look again"),
        Binding("escape", "end_search", show=False),
    ]

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self._areas: dict[str, list[Row]] = {}
        self._unknown_only = False
        self._sampling = False

    def compose(self) -> ComposeResult:
        yield LivePanel()
        with Horizontal(id="search-row"):
            yield Input(placeholder="Search facts: driver, vram, cuda, unknown …", id="search")
            yield Static("", id="count", markup=False)
        yield FactTree()
        yield Static("", id="meaning", markup=False)

    def on_mount(self) -> None:
        self.query_one("#search-row").display = False
        if self.session.source is not None:
            self.query_one(LivePanel).say("A saved machine: nothing changes here.")
        else:
            self.query_one(LivePanel).say("Waiting for the first look …")
            self.set_interval(INTERVAL_S, self._sample)

    def focus_first(self) -> None:
        self.query_one(FactTree).focus()

    # -- facts ---------------------------------------------------------------------------------

    def heard(self, name: str, value: object) -> None:
        """Areas fill in as their probes answer."""
        if self.session.diagnosis is None and name in facts_view.TITLES:
            self.background.start(f"area {name}", lambda: facts_view.area_rows(name, value), lambda rows: self._add(name, rows))

    def _add(self, name: str, rows: list[Row]) -> None:
        if self.session.diagnosis is None:
            self._areas[name] = rows
            self._fill([row for area in facts_view.TITLES for row in self._areas.get(area, [])])

    def looked(self) -> None:
        machine = self.session.machine
        if machine is not None:
            self.background.start("rows", lambda: facts_view.rows(machine), self._fill)
            if self.session.source is None:
                self._sample()

    def _fill(self, rows: list[Row]) -> None:
        tree = self.query_one(FactTree)
        first = tree.row is None
        closed = {row.area for row in rows if row.area not in OPEN_AT_FIRST}
        tree.fill(rows, closed if first or self._areas else None)
        if self.session.diagnosis is not None:
            self._areas = {}

    def on_fact_tree_highlighted(self, message: FactTree.Highlighted) -> None:
        row = message.row
        self.background.start("meaning", lambda: _meaning(row), self.query_one("#meaning", Static).update)

    # -- by the second -------------------------------------------------------------------------

    def _sample(self) -> None:
        machine = self.session.machine
        if machine is None or self._sampling or not self.display:
            return
        from ..probes.live import Now, sample

        gpus = machine.gpus

        def show(now: Now) -> None:
            self._sampling = False
            self.query_one(LivePanel).show(now, gpus if isinstance(gpus, list) else [])

        def failed(reason: str) -> None:
            self._sampling = False
            self.query_one(LivePanel).say(f"Not told: {reason}")

        self._sampling = True
        self.background.start("sample", lambda: sample(self.session.host_now(), gpus), show, failed)

    # -- keys ----------------------------------------------------------------------------------

    def action_search(self) -> None:
        self.query_one("#search-row").display = True
        self.query_one("#search").focus()

    def on_input_changed(self, event: Input.Changed) -> None:
        count = self.query_one(FactTree).search(event.value)
        says = f"{count} fact{'s' * (count != 1)} match{'es' * (count == 1)}" if event.value.strip() else ""
        self.query_one("#count", Static).update(says)

    def on_input_submitted(self) -> None:
        self.focus_first()

    def action_end_search(self) -> None:
        self.query_one("#search", Input).value = ""
        self.query_one("#search-row").display = False
        self.focus_first()

    def action_unknown(self) -> None:
        self._unknown_only = not self._unknown_only
        self.query_one(FactTree).only_unknown(self._unknown_only)

    def action_copy(self) -> None:
        row = self.query_one(FactTree).row
        if row is not None and row.path:
            self.doctor.copy(f"{row.path} = {row.value}", "the fact")

    def action_look_again(self) -> None:
        if self.session.source is None:
            self.doctor.look_again()


def _meaning(row: Row) -> Content:
    """Three lines: the path and value, what it means, who read it from what."""
    source = facts_view.source_of(row.area)
    means: Optional[str] = facts_view.meanings().get(row.meaning)
    if row.state == "area":
        return Content.assemble((f"{row.label}: {row.value}\n", "bold"), (f"Read from: {source}", "$secondary"))
    return Content.assemble(
        (row.path, "bold"), f" = {row.value}\n", (f"{means}\n" if means else "", ""), (f"Read from: {source}", "$secondary")
    )
