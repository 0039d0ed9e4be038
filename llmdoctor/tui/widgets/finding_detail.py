"""A finding in full: what to do first, since that is what its reader came for, then how it is known and why."""

from __future__ import annotations

from typing import Iterator, Mapping, Optional

from textual.binding import Binding
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from ...facts.finding import Finding, Step
from ...report.document import evidence_lines

IN_WORDS = {
    "confirmed": "confirmed by what was seen here", "likely": "likely: the log says so", "possible": "possible: the signs are general",
}  # fmt: skip


class StepCard(Static, can_focus=True):
    """One step; with the focus on it ``c`` copies its command."""

    BINDINGS = [
        Binding("down,j", "app.focus_next", show=False),
        Binding("up,k", "app.focus_previous", show=False),
    ]

    def __init__(self, number: int, step: Step) -> None:
        cost = f" (costs: {step.cost})" if step.cost and step.cost != "nothing" else ""
        text = Content.assemble((f"{number}  ", "bold $accent"), step.do, (cost, "$secondary"))
        if step.run:
            text = Content("\n").join([text, *(Content.assemble("   $ ", (row, "$success")) for row in step.run.splitlines())])
        super().__init__(text, classes="step")
        self.command = step.run


class FindingDetail(VerticalScroll, can_focus=False):
    def __init__(self) -> None:
        super().__init__()
        self.finding: Optional[Finding] = None

    async def show(self, finding: Finding, explained: Mapping[str, Finding], mark: str = "") -> None:
        """``mark``: a word before the title, such as "Done"."""
        self.finding = finding
        async with self.batch():
            await self.remove_children()
            await self.mount_all(_parts(finding, explained, mark))
        self.scroll_home(animate=False)

    async def say(self, text: str) -> None:
        """In place of a finding."""
        self.finding = None
        async with self.batch():
            await self.remove_children()
            await self.mount(Static(text, classes="padded", markup=False))

    def focus_first(self) -> None:
        """Into the steps, where there are any."""
        for card in self.query(StepCard):
            card.focus()
            return

    def command(self) -> Optional[str]:
        """Of the step with the focus, else the first that there is."""
        cards = list(self.query(StepCard))
        return next((card.command for card in cards if card.has_focus), None) or next(
            (card.command for card in cards if card.command), None
        )

    def source(self) -> Optional[str]:
        return self.finding.refs[0] if self.finding is not None and self.finding.refs else None


def _parts(finding: Finding, explained: Mapping[str, Finding], mark: str) -> Iterator[Widget]:
    where = f" ({finding.runtime})" if finding.runtime else ""
    yield Static(
        Content.assemble((f"{mark}: " if mark else "", "bold $success"), (finding.title + where, "bold")), classes="title"
    )
    yield Static(
        f"{finding.severity.upper()}, {IN_WORDS.get(finding.confidence, finding.confidence)}", classes=f"tag {finding.severity}"
    )
    if finding.fix:
        yield _heading("What to do")
        for number, step in enumerate(finding.fix, 1):
            yield StepCard(number, step)
    evidence = evidence_lines(finding)
    if evidence:
        yield _heading("How it is known")
        for text in evidence:
            yield Static(text, classes="evidence", markup=False)
    if finding.why:
        yield _heading("Why")
        yield Static(finding.why.strip(), classes="padded", markup=False)
    if finding.verify:
        yield _heading("Then check")
        yield Static(finding.verify.strip(), classes="padded", markup=False)
    if finding.explains:
        yield _heading("This also explains")
        for other in finding.explains:
            title = explained[other].title if other in explained else other
            yield Static(title, classes="evidence", markup=False)
    if finding.refs:
        yield _heading("Sources")
        for ref in finding.refs:
            yield Static(ref, classes="source", markup=False)
    yield Static(finding.id, classes="padded muted", markup=False)


def _heading(text: str) -> Static:
    return Static(text, classes="heading", markup=False)
