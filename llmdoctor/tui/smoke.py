"""Smoke: whether the GPU computes and infers, level by level."""

from __future__ import annotations

from typing import Callable, NamedTuple, Optional

from textual.app import ComposeResult
from textual.binding import Binding
from textual.content import Content
from textual.widgets import Static

from .pane import Pane

NOT_HERE = "This version has no smoke test yet. Findings (1) tells whether CUDA starts: the driver's own cuInit was asked."


class Level(NamedTuple):
    name: str
    status: str
    """``pass``, ``fail`` or ``skip``; ``runs`` while it is under way."""
    says: str
    """Time and evidence in one line."""


Runner = Callable[[Callable[[Level], None]], None]
"""Runs all levels in the calling thread and tells each when it begins and when it ends."""


def runner() -> Optional[Runner]:
    """The smoke test; None in a version that has none. The one place to join it."""
    return None


_SIGNS = {"pass": ("✔ pass", "$success"), "fail": ("✖ fail", "$error"), "skip": ("– skip", "$secondary"), "runs": ("… runs", "$accent")}  # fmt: skip


class SmokePane(Pane):
    HELP = """\
Runs small computations on the GPU: the driver, its memory, a tiny transformer, and each
runtime's own inference. It uses little memory, cleans up, and leaves loaded models alone.

r             run it"""
    BINDINGS = [Binding("r", "run", "Run")]

    can_focus = True

    def compose(self) -> ComposeResult:
        yield Static("Does the GPU compute and infer?", classes="heading")
        yield Static("", id="levels", markup=False)

    def on_mount(self) -> None:
        self._levels: dict[str, Level] = {}
        says = NOT_HERE if runner() is None else "r runs it; it takes about ten seconds."
        self.query_one("#levels", Static).update(says)

    def focus_first(self) -> None:
        self.focus()

    def action_run(self) -> None:
        run = runner()
        if self.session.source is not None:
            self.app.notify("A saved machine has no GPU to run on.", markup=False)
        elif run is None:
            self.app.notify(NOT_HERE, markup=False)
        else:
            self._levels = {}
            self.background.start("run", lambda: run(lambda level: self._tell(level)), lambda _: None, self._failed)

    def _tell(self, level: Level) -> None:
        """From the thread that runs the levels."""
        self.call_later(self._show, level)

    def _show(self, level: Level) -> None:
        self._levels[level.name] = level
        lines = [
            Content.assemble(_SIGNS.get(one.status, (one.status, "")), f"  {one.name.ljust(18)} {one.says}")
            for one in self._levels.values()
        ]
        self.query_one("#levels", Static).update(Content("\n").join(lines))

    def _failed(self, reason: str) -> None:
        self._show(Level("smoke test", "fail", reason))
