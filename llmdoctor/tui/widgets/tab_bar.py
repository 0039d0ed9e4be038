"""The bar that names the screens; the one that is shown stands in brackets of colour and weight."""

from __future__ import annotations

from typing import Sequence

from rich.style import Style as RichStyle
from rich.text import Text
from textual.message import Message
from textual.widget import Widget

ROOMY, NARROW = 72, 56
"""Columns from which there is space between the screens' names, and below which only the one that is shown is named."""


class TabBar(Widget):
    """One row: name of the program, the screens with their number keys, and at the right what is being looked at."""

    class Chosen(Message):
        def __init__(self, number: int) -> None:
            super().__init__()
            self.number = number
            """From 0."""

    def __init__(self, titles: Sequence[str]) -> None:
        super().__init__()
        self._titles = list(titles)
        self.current = 0
        self.note = ""

    def show(self, number: int) -> None:
        self.current = number
        self.refresh()

    def say(self, note: str) -> None:
        """At the right end, where there is room."""
        self.note = note
        self.refresh()

    def render(self) -> Text:
        accent = self.app.theme_variables["accent"]
        muted = self.app.theme_variables["secondary"]
        text = Text(no_wrap=True, overflow="ellipsis")
        room = self.size.width
        for number, title in enumerate(self._titles):
            meta = RichStyle(meta={"tab": number})
            named = number == self.current or room >= NARROW
            label = f" {number + 1} {title} " if named else f" {number + 1} "
            style = f"bold reverse {accent}" if number == self.current else ""
            text.append(label, RichStyle.parse(style) + meta)
            text.append(" " if room >= ROOMY else "")
        room -= text.cell_len
        note = self.note
        if len(note) + 1 <= room:
            text.append(note.rjust(room - 1), RichStyle(color=muted))
        elif room > 12:
            text.append(("…" + note[-(room - 3) :]).rjust(room - 1), RichStyle(color=muted))
        return text

    def on_click(self, event: object) -> None:
        number = getattr(event, "style").meta.get("tab")  # noqa: B009 - rich's style of the clicked cell
        if isinstance(number, int):
            self.post_message(self.Chosen(number))
