"""Smoke: whether the GPU computes and infers, level by level."""

from __future__ import annotations

from typing import Iterable, Iterator, Optional

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Container, VerticalScroll
from textual.content import Content
from textual.widgets import Static

from ..facts.finding import Finding, LevelReport, SmokeReport
from ..report import smoke_text
from .pane import Pane
from .session import Session
from .taking import copy_command, open_source
from .widgets.finding_detail import FindingDetail

_SIGNS = {"pass": ("✔ ok      ", "$success"), "fail": ("✖ failed  ", "bold $error"), "skip": ("– skipped ", "$secondary")}
READY = """\
r runs it. It asks the driver, fills and reads a little of the GPU's memory, and lets a tiny model answer, whose \
every token is checked. It takes some 192 MiB of VRAM for seconds and leaves nothing behind.

a also tries llama.cpp and PyTorch, where they are installed: where they really compute."""
NOT_SAVED = "This saved machine holds no smoke test; llmdoctor smoke --save FILE, run there, makes one that does."


class SmokePane(Pane):
    HELP = """\
Computes with the GPU itself: driver, memory, and a small language model whose every token is
checked. It uses little memory, cleans up, and leaves loaded models alone.

r             run it
a             run it with the installed runtimes, too: where they really compute
c             copy the command of the first step, where a level failed
o             open the source, or copy its address"""
    BINDINGS = [
        Binding("r", "run(False)", "Run"),
        Binding("a", "run(True)", "Run with runtimes"),
        Binding("c", "copy", "Copy command", show=False),
        Binding("o", "open", "Open source", show=False),
    ]

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self._begun: list[str] = []
        self._testing = False

    def compose(self) -> ComposeResult:
        yield Static("Does the GPU compute and infer?", id="smoke-verdict", classes="heading", markup=False)
        with Container(id="smoke-sides"):
            with VerticalScroll(id="levels", can_focus=True):
                yield Static(READY, classes="padded", markup=False)
            yield FindingDetail()

    def on_mount(self) -> None:
        self.query_one(FindingDetail).display = False

    def focus_first(self) -> None:
        self.query_one("#levels").focus()

    def looked(self) -> None:
        if self.session.source is not None:
            self.background.start("smoke", self.session.saved_smoke, self._show, self._failed)

    def action_run(self, with_runtimes: bool) -> None:
        if self.session.source is not None:
            self.app.notify("A saved machine has no GPU to compute with here.", markup=False)
        elif self.session.machine is None or self._testing:
            self.app.notify("One moment: this is still looking or testing.", markup=False)
        else:
            self._testing, self._begun = True, []
            self.query_one("#smoke-verdict", Static).update("Testing …")
            self.run_worker(self._say(""))
            self.background.start(
                "smoke",
                lambda: self.session.smoke(with_runtimes, lambda name, gpu: self._tell(name, gpu)),
                self._show,
                self._failed,
            )

    def _tell(self, name: str, gpu: Optional[int]) -> None:
        """From the thread that tests."""
        self.call_later(self._begin, name if gpu is None else f"{name}, GPU {gpu}")

    def _begin(self, title: str) -> None:
        if self._testing:
            self._begun.append(title)
            rows = [("… runs    " if title == self._begun[-1] else "  done    ") + title for title in self._begun]
            self.run_worker(self._say("\n".join(rows)))

    async def _say(self, text: str) -> None:
        await self._fill([Static(text, classes="padded", markup=False)])

    async def _fill(self, rows: Iterable[Static]) -> None:
        levels = self.query_one("#levels")
        async with levels.batch():
            await levels.remove_children()
            await levels.mount_all(rows)

    async def _show(self, report: Optional[SmokeReport]) -> None:
        self._testing = False
        detail = self.query_one(FindingDetail)
        if report is None:
            detail.display = False
            await self._say(NOT_SAVED)
            return
        self.query_one("#smoke-verdict", Static).update(smoke_text.verdict(report))
        await self._fill(_rows(report))
        finding = next(iter(_findings(report)), None)
        detail.display = finding is not None
        if finding is not None:
            await detail.show(finding, {})

    def _failed(self, reason: str) -> None:
        self._testing = False
        self.query_one("#smoke-verdict", Static).update("The test could not be made")
        self.run_worker(self._say(f"✖ {reason}"))

    def action_copy(self) -> None:
        copy_command(self.doctor, self.query_one(FindingDetail).command())

    def action_open(self) -> None:
        open_source(self.doctor, self.query_one(FindingDetail).source())


def _rows(report: SmokeReport) -> Iterator[Static]:
    for level in report.levels:
        yield Static(_level(level), classes="padded")
        for words in level.evidence:
            yield Static(words, classes="level-evidence", markup=False)
    for gpu in report.gpus:
        times = smoke_text.faster(gpu, report.cpu)
        if times is not None:
            yield Static(f"\n{times}", classes="padded", markup=False)


def _level(level: LevelReport) -> Content:
    took = f"  {level.ms / 1000:.2f} s" if level.ms else ""
    return Content.assemble(_SIGNS[level.status], (f"  {smoke_text.title(level)}", "bold"), (took, "$secondary"))


def _findings(report: SmokeReport) -> Iterator[Finding]:
    yield from (level.finding for level in report.levels if level.finding is not None)
    yield from report.findings
