"""A stacked bar for each device against what is free there. Each part has a colour, a sign and a word."""

from __future__ import annotations

from typing import Sequence

from rich.text import Text
from textual.widget import Widget

from ...facts.prediction import Parts
from ...facts.target import Target
from ...facts.units import show_bytes
from ...report.fit_bar import FREE, LEGEND, LIMIT, OTHERS, PARTS, bar

_COLOURS = {
    "█": "weights",
    "▓": "kv-cache",
    "▒": "compute",
    "░": "overhead",
    FREE: "secondary",
    OTHERS: "others",
    LIMIT: "foreground",
}


class MemoryBar(Widget):
    def __init__(self) -> None:
        super().__init__()
        self._bars: Sequence[tuple[Parts, Target]] = ()

    def show(self, bars: Sequence[tuple[Parts, Target]]) -> None:
        self._bars = bars
        self.styles.height = max(3 * len(bars) + 1, 1)
        self.refresh()

    def render(self) -> Text:
        if not self._bars:
            return Text("")
        rows = [row for part, target in self._bars for row in (*self._rows(part, target), Text(""))]
        legend = Text.assemble(*((f"{sign} {word.replace('KV cache', 'KV')} ", self._colour(sign)) for sign, word in LEGEND))
        return Text("\n", no_wrap=True, overflow="ellipsis").join([*rows, legend])

    def _rows(self, part: Parts, target: Target) -> list[Text]:
        colours = self.app.theme_variables
        over = part.total_bytes > target.free_bytes
        says = (
            (f"✖ {show_bytes(part.total_bytes - target.free_bytes)} too much", f"bold {colours['error']}")
            if over
            else (f"✔ {show_bytes(target.free_bytes - part.total_bytes)} to spare", colours["success"])
        )
        head = Text.assemble(
            says,
            "  ",
            (target.name, "bold"),
            (f"  {show_bytes(part.total_bytes)} of {show_bytes(target.free_bytes)} free", colours["secondary"]),
        )
        head.truncate(self.size.width, overflow="ellipsis")
        line = Text.assemble(
            *((piece.text, self._colour(piece.sign)) for piece in bar(part, target, max(self.size.width - 2, 10)))
        )
        line.truncate(self.size.width)
        return [head, line]

    def _colour(self, sign: str) -> str:
        return self.app.theme_variables[_COLOURS[sign]]


def parts_in_words(part: Parts) -> str:
    """``weights 4.3 GiB, KV cache 1.0 GiB, …``"""
    return ", ".join(f"{word} {show_bytes(getattr(part, name))}" for name, _, word in PARTS if getattr(part, name))
