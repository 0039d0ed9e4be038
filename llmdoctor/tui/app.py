"""The app: the bar, the screens behind it, and what holds on all of them.

Nothing of the doctor is imported before the first paint: Textual alone takes most of the 300 ms that a person takes for
instant. Then the machine is looked at in threads, and screens are made when they are first shown.
"""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import sys
from importlib import import_module
from typing import Any, Iterable, NamedTuple, Optional

from textual.app import App, ComposeResult, SystemCommand
from textual.binding import Binding
from textual.containers import Container
from textual.screen import Screen
from textual.widgets import Footer, Static

from . import themes
from .background import Background, in_words
from .pane import Pane
from .session import Session
from .widgets.tab_bar import TabBar


class _Entry(NamedTuple):
    title: str
    module: str
    name: str
    says: str


SCREENS = (
    _Entry("Findings", "findings", "FindingsPane", "what is wrong, why, and what to do"),
    _Entry("Triage", "triage", "TriagePane", "from what happens, through the log, to the cause"),
    _Entry("Machine", "machine", "MachinePane", "every fact, and what is unknown and why"),
    _Entry("Fit", "fit", "FitPane", "whether a model fits, and which settings make it fit"),
    _Entry("Smoke", "smoke", "SmokePane", "whether the GPU computes and infers"),
    _Entry("Report", "report", "ReportPane", "what to put into a bug report"),
)
"""Each is a module here with a pane; imported when it is first shown."""


class DoctorApp(App[None]):
    CSS_PATH = "style.tcss"
    TITLE = "llmdoctor"
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (100, "-wide"), (160, "-very-wide")]
    BINDINGS = [
        *(Binding(str(number), f"show({number - 1})", entry.title, show=False) for number, entry in enumerate(SCREENS, 1)),
        Binding("question_mark", "help_here", "Help", key_display="?"),
        Binding("t", "next_theme", "Theme", show=False),
        Binding("q", "quit", "Quit"),
    ]

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.session = session
        self.background = Background(self)
        self._panes: dict[int, Pane] = {}
        self._current = -1
        self.look_error: Optional[str] = None

    # -- first paint, then the rest ------------------------------------------------------------

    def compose(self) -> ComposeResult:
        yield TabBar([entry.title for entry in SCREENS])
        with Container(id="body"):
            yield Static("Looking at this machine …" if self.session.source is None else "Reading …", id="first")
        yield Footer(show_command_palette=False)

    def on_mount(self) -> None:
        for theme in themes.ALL:
            self.register_theme(theme)
        self.theme = _first_theme(os.environ)
        self._restore_the_terminal_when_ended()
        self.call_after_refresh(self._begin)

    def _begin(self) -> None:
        gc.enable()  # what starts the app may have put it off
        self.tab_bar.say(_short(self.session.source) if self.session.source else "this machine")
        self.look_again()
        # The rest of what the first screen needs is imported in a thread, too: imports take the time of many frames.
        self.background.start("import", lambda: import_module(".findings", __package__), lambda _: self.action_show(0))

    @property
    def tab_bar(self) -> TabBar:
        return self.query_one(TabBar)

    def look_again(self) -> None:
        self.look_error = None

        def heard(name: str, value: object) -> None:
            self.call_later(self._heard, name, value)

        self.background.start("look", lambda: self.session.look(heard), self._looked, self._not_looked)

    def _heard(self, name: str, value: object) -> None:
        for pane in self._panes.values():
            pane.heard(name, value)

    def _looked(self, diagnosis: Any) -> None:
        self.session.diagnosis = diagnosis
        self.background.start("imports", _import_screens, lambda _: None)
        for pane in self._panes.values():
            pane.looked()

    def _not_looked(self, reason: str) -> None:
        self.look_error = reason
        for pane in self._panes.values():
            pane.looked()

    # -- screens -------------------------------------------------------------------------------

    def on_tab_bar_chosen(self, message: TabBar.Chosen) -> None:
        self.action_show(message.number)

    def action_show(self, number: int) -> None:
        self.run_worker(self._show(number), exclusive=True, group="show")

    async def _show(self, number: int) -> None:
        """Shows a screen and keeps the others as they are."""
        if number == self._current:
            return
        self._current = number
        self.tab_bar.show(number)
        for pane in self._panes.values():
            pane.display = False
        for first in self.query("#first"):
            await first.remove()
        pane = self._panes.get(number) or await self._make(number)
        pane.display = True
        self.set_focus(None)
        pane.focus_first()

    async def _make(self, number: int) -> Pane:
        entry = SCREENS[number]
        try:
            made = asyncio.get_running_loop().run_in_executor(None, import_module, f".{entry.module}", __package__)
            pane: Pane = getattr(await made, entry.name)(self.session)
            pane.id = f"pane-{entry.module}"
        except Exception as error:
            pane = _Broken(self.session, entry.title, in_words(error))
        self._panes[number] = pane
        await self.query_one("#body").mount(pane)
        if self.session.diagnosis is not None or self.look_error is not None:
            pane.looked()
        return pane

    def show_fit(self, model: str, run: Any) -> None:
        """The fit screen with a model that a log names, as the log's run was started."""

        async def go() -> None:
            await self._show(3)
            open_model = getattr(self.pane(), "open_model", None)  # a screen that failed has none
            if open_model is not None:
                open_model(model, run)

        self.run_worker(go(), exclusive=True, group="show")

    def pane(self) -> Optional[Pane]:
        """The one that is shown."""
        return self._panes.get(self._current)

    def _handle_exception(self, error: Exception) -> None:
        """Textual's way to end the app at any error: here it ends the screen where it happened, and the others go on."""
        pane = self.pane()
        if pane is None or isinstance(pane, _Broken) or os.environ.get("LLMDOCTOR_DEBUG"):
            super()._handle_exception(error)
            return
        self.call_later(self._replace, self._current, in_words(error))

    async def _replace(self, number: int, reason: str) -> None:
        pane = self._panes[number]
        if isinstance(pane, _Broken):
            return  # its other parts failed, too
        broken = self._panes[number] = _Broken(self.session, SCREENS[number].title, reason)
        pane.display = False
        await self.query_one("#body").mount(broken)
        broken.display = number == self._current
        pane.remove()

    # -- keys that hold everywhere -------------------------------------------------------------

    def action_help_here(self) -> None:
        from .help import Help

        pane = self.pane()
        if pane is not None:
            self.push_screen(Help(f"{SCREENS[self._current].title}: {SCREENS[self._current].says}", pane.HELP))

    def action_next_theme(self) -> None:
        names = [theme.name for theme in themes.ALL]
        self.theme = names[(names.index(self.theme) + 1) % len(names)]

    def action_help_quit(self) -> None:
        """Ctrl+C: whoever presses it wants to leave."""
        self.exit()

    def copy(self, text: str, what: str) -> None:
        """To the terminal's clipboard (OSC 52), which works through SSH, too."""
        self.copy_to_clipboard(text)
        self.notify(text if len(text) < 300 else f"{len(text)} characters", title=f"Copied: {what}", timeout=4, markup=False)

    def get_system_commands(self, screen: Screen[Any]) -> Iterable[SystemCommand]:
        for number, entry in enumerate(SCREENS):
            yield SystemCommand(entry.title, entry.says, lambda number=number: self.action_show(number))
        yield SystemCommand("Look again", "ask the machine anew", self.look_again)
        for theme in themes.ALL:
            yield SystemCommand(
                f"Theme: {theme.name}", "change the colours", lambda name=theme.name: setattr(self, "theme", name)
            )
        yield SystemCommand("Help", "the keys of this screen", self.action_help_here)
        yield SystemCommand("Quit", "leave llmdoctor", self.exit)

    # -- the end -------------------------------------------------------------------------------

    def _restore_the_terminal_when_ended(self) -> None:
        """``kill`` and a closed terminal end the app as ``q`` does; Textual itself does not listen to them."""
        if sys.platform == "win32" or self.is_headless:
            return
        loop = asyncio.get_running_loop()
        for name in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
            loop.add_signal_handler(name, self.exit)

    def on_unmount(self) -> None:
        self.session.close()


class _Broken(Pane):
    """In the place of a screen that failed."""

    HELP = "This screen failed; the others work."

    def __init__(self, session: Session, title: str, reason: str) -> None:
        super().__init__(session)
        self._title, self._reason = title, reason

    def compose(self) -> ComposeResult:
        yield Static(f"{self._title} failed", classes="heading", markup=False)
        yield Static(
            f"{self._reason}\n\nThe other screens work. LLMDOCTOR_DEBUG=1 shows where; please report it.",
            classes="padded",
            markup=False,
        )


def _import_screens() -> None:
    """So that the first look at a screen need not wait for its modules."""
    for entry in SCREENS:
        try:
            import_module(f".{entry.module}", __package__)
        except Exception:
            pass  # told where it is shown


def _first_theme(environment: Any) -> str:
    """Dark, or light where the terminal says that its ground is light (COLORFGBG, set by rxvt, Konsole and others)."""
    ground = environment.get("COLORFGBG", "").rpartition(";")[2]
    return themes.LIGHT.name if ground in ("7", "15") else themes.DARK.name


def _short(path: str) -> str:
    return f"saved machine {os.path.basename(path)}"
