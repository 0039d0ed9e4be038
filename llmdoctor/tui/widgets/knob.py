"""A row that is turned with the arrow keys, the mouse or its wheel: a name, a value in words, and how far along it is."""

from __future__ import annotations

from typing import Any, Sequence

from rich.text import Text
from textual import events
from textual.binding import Binding
from textual.message import Message
from textual.widget import Widget

LABEL = 15
TRACK = 10


class Knob(Widget, can_focus=True):
    BINDINGS = [
        Binding("left,h,minus", "turn(-1)", "Less"),
        Binding("right,l,plus", "turn(1)", "More"),
        Binding("home", "turn(-100000)", show=False),
        Binding("end", "turn(100000)", show=False),
        Binding("down,j", "app.focus_next", show=False),
        Binding("up,k", "app.focus_previous", show=False),
    ]

    class Turned(Message):
        def __init__(self, field: str, value: Any) -> None:
            super().__init__()
            self.field, self.value = field, value

    def __init__(self, field: str, label: str, choices: Sequence[tuple[Any, str]], value: Any) -> None:
        super().__init__()
        self.field = field
        self._label, self._choices = label, list(choices)
        self._place = 0
        self.set(value)

    @property
    def value(self) -> Any:
        return self._choices[self._place][0]

    def set(self, value: Any) -> None:
        """Shows a value; one that is not among the choices takes its place among them."""
        values = [one for one, _ in self._choices]
        if value not in values:
            place = next((number for number, one in enumerate(values) if isinstance(one, int) and one > value), len(values))
            self._choices.insert(place, (value, f"{value:,}" if isinstance(value, int) else str(value)))
            values.insert(place, value)
        self._place = values.index(value)
        self.refresh()

    def action_turn(self, by: int) -> None:
        self._go(self._place + by)

    def _go(self, place: int) -> None:
        place = min(max(place, 0), len(self._choices) - 1)
        if place != self._place:
            self._place = place
            self.refresh()
            self.post_message(self.Turned(self.field, self.value))

    # -- mouse ---------------------------------------------------------------------------------

    def on_click(self, event: events.Click) -> None:
        along = event.x - LABEL - 2
        if along < -1:
            return
        if along < 0:
            self.action_turn(-1)
        elif along < TRACK:
            self._go(round(along / max(TRACK - 1, 1) * (len(self._choices) - 1)))
        else:
            self.action_turn(1)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        if self.has_focus:
            event.stop()
            self.action_turn(1)

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        if self.has_focus:
            event.stop()
            self.action_turn(-1)

    def render(self) -> Text:
        colours = self.app.theme_variables
        last = max(len(self._choices) - 1, 1)
        knob = round(self._place / last * (TRACK - 1))
        accent = colours["accent"]
        return Text.assemble(
            ("▌" if self.has_focus else " ", accent),
            (self._label.ljust(LABEL - 1), "bold" if self.has_focus else ""), ("◂", accent), " ",
            ("━" * knob, accent), ("●", f"bold {accent}"), ("─" * (TRACK - 1 - knob), colours["secondary"]), " ", ("▸", accent), "  ",
            (self._choices[self._place][1], "bold"),
            no_wrap=True, overflow="ellipsis",
        )  # fmt: skip
