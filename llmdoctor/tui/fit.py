"""Fit: a model of this machine, what may be turned on it, and whether the memory is there."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Optional

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Container, Vertical, VerticalScroll
from textual.content import Content
from textual.timer import Timer
from textual.widgets import ContentSwitcher, Input, OptionList, Static
from textual.widgets.option_list import Option

from ..facts.target import Target
from ..facts.units import show_bytes
from ..fit.targets import targets_of
from . import planning
from .pane import Pane
from .planning import Chosen
from .session import Session
from .widgets.knob import Knob
from .widgets.memory_bar import MemoryBar, parts_in_words

if TYPE_CHECKING:
    from ..facts.model import ModelInfo
    from ..facts.run import Run
    from ..fit.plan import Plan, Remedy
    from ..survey.model_folders import FoundModel

DEBOUNCE_S = 0.15
"""The search for what would make it fit waits until nothing is turned for so long; the bar itself does not wait."""


class FitPane(Pane):
    HELP = """\
Choose a model that was found here, or give a path. Then turn what decides its memory and
watch the bar. What would make it fit stands below; Enter takes it over.

/             type part of a name, or a path
Up, Down      from one row to the next
Left, Right   less, more; Home and End the least and the most; or drag with the mouse
Enter         on a remedy: take it over
c             copy the command line
b, Esc        another model"""
    BINDINGS = [
        Binding("c", "copy", "Copy command"),
        Binding("slash", "name", "Name or path", key_display="/"),
        Binding("b,escape", "other_model", "Another model"),
    ]

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self._models: list[FoundModel] = []
        self._chosen: Optional[Chosen] = None
        self._plan: Optional[Plan] = None
        self._run: Optional[Run] = None
        self._waiting: Optional[Timer] = None

    def compose(self) -> ComposeResult:
        with ContentSwitcher(initial="choose"):
            with Vertical(id="choose"):
                yield Static("Which model?", classes="heading")
                yield Input(placeholder="/ and then part of a name, or a path such as /models/llama-8b.gguf", id="name")
                yield OptionList(id="models")
                yield Static("Looking for models …", id="about", classes="padded muted", markup=False)
            with Vertical(id="plan"):
                yield Static("", id="model", markup=False)
                with Container(id="sides"):
                    yield Vertical(id="knobs")
                    with VerticalScroll(id="result", can_focus=False):
                        yield MemoryBar()
                        yield Static("", id="numbers", markup=False)
                        yield Static("", id="line", markup=False)
                        yield Static("What would make it fit", id="remedies-title", classes="heading")
                        yield OptionList(id="remedies")

    def focus_first(self) -> None:
        if self._chosen is None:
            self.query_one("#models").focus()  # not the text field: there number keys are text
        else:
            self.query(Knob).first().focus()

    # -- which model ---------------------------------------------------------------------------

    def looked(self) -> None:
        machine = self.session.machine
        if machine is None:
            return
        from ..survey import found_models

        self.background.start("models", lambda: found_models.all_models(self.session.host(), machine), self._found, self._none)
        if self._chosen is not None:
            self._reckon()

    def _found(self, models: list[FoundModel]) -> None:
        self._models = models
        self._list("")
        where = "" if self.session.source is None else " They are this computer's, planned for the saved machine's GPUs."
        count = (
            f"{len(models)} found here."
            if models
            else "No models were found here; give the path of a GGUF file or of a folder."
        )
        self.query_one("#about", Static).update(count + where)

    def _none(self, reason: str) -> None:
        self.query_one("#about", Static).update(f"Models could not be looked for: {reason}. Give a path.")

    def _list(self, needle: str) -> None:
        shown = [(number, one) for number, one in enumerate(self._models) if needle.lower() in one.name.lower()]
        width = max((len(one.name) for _, one in shown[:200]), default=0)
        found = self.query_one("#models", OptionList)
        found.clear_options()
        found.add_options(
            Option(
                Content.assemble(
                    one.name.ljust(width), (f"  {show_bytes(one.bytes).rjust(9)}  {one.runtime or one.path}", "$secondary")
                ),
                str(number),
            )
            for number, one in shown
        )
        found.highlighted = 0 if shown else None

    def on_input_changed(self, event: Input.Changed) -> None:
        self._list("" if os.sep in event.value else event.value.strip())

    def on_input_submitted(self, event: Input.Submitted) -> None:
        text = event.value.strip()
        listed = self.query_one("#models", OptionList)
        if os.sep in text or not listed.option_count:
            self.open_model(text)
        elif listed.highlighted is not None:
            self._open_number(listed.get_option_at_index(listed.highlighted).id)

    def on_key(self, event: Any) -> None:
        if event.key == "down" and self.query_one("#name").has_focus:
            event.stop()
            self.query_one("#models").focus()

    def _open_number(self, option: Optional[str]) -> None:
        if option is not None:
            self.open_model(self._models[int(option)].path)

    def open_model(self, name: str, run: Optional[Run] = None) -> None:
        """By path or name; ``run``: with the settings that a log tells."""
        self._run = run
        machine = self.session.machine
        self.query_one("#about", Static).update(f"Reading {name} …")
        self.background.start("open", lambda: _read(self.session, name, machine), self._opened, self._not_opened)

    def _not_opened(self, reason: str) -> None:
        self.query_one("#about", Static).update(Content.styled(f"✖ {reason}", "$error"))
        self.action_other_model()

    async def _opened(self, info: ModelInfo) -> None:
        self._chosen = planning.begin_as(info, self._run) if self._run is not None else planning.begin(info)
        chosen = self._chosen
        parameters = f", {info.parameters / 1e9:.1f}B parameters" if isinstance(info.parameters, int) else ""
        about = f"{info.architecture} {info.quantization}{parameters}, {info.layers} layers, trained for {info.n_ctx_train:,} tokens"
        self.query_one("#model", Static).update(
            Content.assemble((os.path.basename(info.path.rstrip("/\\")), "bold"), "  ", (about, "$secondary"))
        )
        knobs = self.query_one("#knobs")
        await knobs.remove_children()
        await knobs.mount_all(
            Knob(one.field, one.label, one.choices, planning.value_of(chosen, one.field)) for one in planning.turns(info)
        )
        self.query_one(ContentSwitcher).current = "plan"
        self.refresh_bindings()
        if self.display:
            self.focus_first()
        self._reckon()

    # -- what was turned -----------------------------------------------------------------------

    def on_knob_turned(self, message: Knob.Turned) -> None:
        if self._chosen is not None:
            self._chosen = planning.turn(self._chosen, message.field, message.value)
            self._reckon()

    def _reckon(self) -> None:
        """The bar at once; what would make it fit when nothing is turned for a moment."""
        chosen, targets = self._chosen, targets_of(self.session.machine)
        assert chosen is not None
        self.background.forget("search")
        self.background.start("bar", lambda: planning.plan_for(chosen, targets, False), self._show, self._failed)
        if self._waiting is not None:
            self._waiting.stop()
        self._waiting = self.set_timer(DEBOUNCE_S, lambda: self._search(chosen, targets))

    def _search(self, chosen: Chosen, targets: list[Target]) -> None:
        self.background.start("search", lambda: planning.plan_for(chosen, targets, True), self._show_remedies, self._failed)

    def _failed(self, reason: str) -> None:
        self._plan = None
        self.query_one(MemoryBar).show([])
        self.query_one("#numbers", Static).update(Content.styled(f"✖ {reason}", "$error"))
        self.query_one("#line", Static).update("")

    def _show(self, made: Plan) -> None:
        self._plan = made
        bars = planning.bars(made, self.session.machine)
        self.query_one(MemoryBar).show(bars)
        self.query_one("#numbers", Static).update(Content("\n").join(_numbers(made, self._chosen)))
        self.query_one("#line", Static).update(Content.assemble(("$ ", "$secondary"), (made.command, "$success")))

    def _show_remedies(self, made: Plan) -> None:
        self._show(made)
        listed = self.query_one("#remedies", OptionList)
        listed.clear_options()
        listed.add_options(_remedy(one, number) for number, one in enumerate(made.remedies))
        listed.highlighted = 0 if made.remedies else None
        title = self.query_one("#remedies-title", Static)
        settings = made.prediction.settings
        if made.remedies:
            title.update("What would make it fit (Enter takes one over)")
        elif made.targets and not made.fits:
            title.update("Nothing that is known makes it fit here: take a smaller model or quantisation")
        elif made.longest is not None and made.longest > settings.n_ctx:
            title.update(f"Up to {made.longest:,} tokens of context would fit")
        else:
            title.update("")

    # -- choosing ------------------------------------------------------------------------------

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        if event.option_list.id == "models":
            self._open_number(event.option_id)
        elif self._plan is not None and event.option_index < len(self._plan.remedies):
            self._take_over(self._plan.remedies[event.option_index])

    def _take_over(self, remedy: Remedy) -> None:
        chosen = self._chosen
        if chosen is None:
            return
        self._chosen = chosen._replace(settings=remedy.prediction.settings)
        for knob in self.query(Knob):
            knob.set(planning.value_of(self._chosen, knob.field))
        self._reckon()

    def action_other_model(self) -> None:
        self.query_one(ContentSwitcher).current = "choose"
        self.query_one("#models").focus()

    def action_name(self) -> None:
        self.query_one(ContentSwitcher).current = "choose"
        self.query_one("#name").focus()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> Optional[bool]:
        """The footer names only what can be done now."""
        planning_now = self.query_one(ContentSwitcher).current == "plan" if self.is_mounted else False
        return planning_now if action in ("copy",) else True

    def action_copy(self) -> None:
        if self._plan is not None:
            self.doctor.copy(self._plan.command, "the command line")


def _read(session: Session, name: str, machine: Any) -> ModelInfo:
    from ..facts.machine import Machine
    from ..models.any_model import read_any
    from ..survey import found_models

    return read_any(found_models.find(session.host(), machine or Machine(), name).path)


def _numbers(made: Plan, chosen: Optional[Chosen]) -> list[Content]:
    lines = [
        Content.assemble((f"{device.name}: " if len(made.prediction.devices) > 1 else "", ""), parts_in_words(device))
        for device in made.prediction.devices
    ]
    if not made.targets:
        lines.append(Content.styled("No GPU with known free memory is here: all of it goes to RAM.", "$warning"))
    if made.speed is not None:
        lines.append(
            Content.assemble(
                ("Speed    ", "bold"), f"{made.speed.slowest:.0f} to {made.speed.fastest:.0f} tokens per second (an estimate)"
            )
        )
    if chosen is not None and chosen.info.format == "gguf":
        lines.append(Content.assemble(("Quality  ", "bold"), planning.quality(chosen)))
        if chosen.quantization is not None:
            lines.append(
                Content.styled(f"This is for a {chosen.quantization} of the model; the file here is another.", "$warning")
            )
    lines += [Content.styled(f"An estimate: {doubt}.", "$secondary") for doubt in made.prediction.doubts]
    return lines


def _remedy(one: Remedy, number: int) -> Option:
    return Option(Content.assemble((f"{number + 1}  ", "bold $accent"), one.says, (f" (costs: {one.cost})", "$secondary")))
