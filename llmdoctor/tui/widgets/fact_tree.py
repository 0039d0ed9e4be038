"""Facts by area, folded and searched. Only the rows that are seen are drawn: ten thousand cost as much as forty."""

from __future__ import annotations

from typing import Iterable, Optional, Sequence

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from ..facts_view import Row

LABEL_WIDTH = 34


class FactTree(ScrollView, can_focus=True):
    BINDINGS = [
        Binding("up,k", "move(-1)", show=False),
        Binding("down,j", "move(1)", show=False),
        Binding("pageup", "move(-20)", show=False),
        Binding("pagedown", "move(20)", show=False),
        Binding("home", "move(-1000000)", show=False),
        Binding("end", "move(1000000)", show=False),
        Binding("enter,space", "fold", "Fold"),
        Binding("left", "fold_up", show=False),
        Binding("right", "unfold", show=False),
    ]

    class Highlighted(Message):
        def __init__(self, row: Row) -> None:
            super().__init__()
            self.row = row

    def __init__(self) -> None:
        super().__init__()
        self._rows: Sequence[Row] = ()
        self._shown: list[Row] = []
        self._folded: set[str] = set()
        self._needle = ""
        self._only_unknown = False
        self.cursor = 0

    # -- what is shown -------------------------------------------------------------------------

    def fill(self, rows: Sequence[Row], folded: Optional[Iterable[str]] = None) -> None:
        """``folded``: areas that are closed at first."""
        self._rows = rows
        if folded is not None:
            self._folded = set(folded)
        self._filter()

    def search(self, needle: str) -> int:
        """Shows rows whose path, name or value holds the text; says how many."""
        self._needle = needle.strip().lower()
        self._filter()
        return sum(row.state not in ("area", "group") for row in self._shown)

    def only_unknown(self, yes: bool) -> None:
        self._only_unknown = yes
        self._filter()

    @property
    def row(self) -> Optional[Row]:
        return self._shown[self.cursor] if self.cursor < len(self._shown) else None

    def _filter(self) -> None:
        narrowed = bool(self._needle) or self._only_unknown
        before = self.row
        shown: list[Row] = []
        above: list[Row] = []  # what a match stands in and is not shown yet: its area, the card, the process
        for row in self._rows:
            if narrowed:
                above = [one for one in above if one.depth < row.depth]
                if row.state in ("area", "group"):
                    above.append(row)
                elif self._matches(row):
                    shown += [*above, row]
                    above = []
            elif row.state == "area" or row.area not in self._folded:
                shown.append(row)
        self._shown = shown
        self.cursor = next(
            (number for number, row in enumerate(shown) if row is before), min(self.cursor, max(len(shown) - 1, 0))
        )
        self.virtual_size = Size(self.size.width, len(shown))
        self.refresh()
        self._tell()

    def _matches(self, row: Row) -> bool:
        if self._only_unknown and row.state != "unknown":
            return False
        return self._needle in row.path.lower() or self._needle in row.value.lower()

    # -- keys and mouse ------------------------------------------------------------------------

    def action_move(self, by: int) -> None:
        self._go(self.cursor + by)

    def _go(self, to: int) -> None:
        if not self._shown:
            return
        self.cursor = min(max(to, 0), len(self._shown) - 1)
        self.scroll_to_region(Region(0, self.cursor, 1, 1), animate=False)
        self.refresh()
        self._tell()

    def _tell(self) -> None:
        if self.row is not None:
            self.post_message(self.Highlighted(self.row))

    def action_fold(self) -> None:
        row = self.row
        if row is not None:
            self._fold(row.area, row.area not in self._folded)

    def action_fold_up(self) -> None:
        if self.row is not None:
            self._fold(self.row.area, True)

    def action_unfold(self) -> None:
        if self.row is not None:
            self._fold(self.row.area, False)

    def _fold(self, area: str, closed: bool) -> None:
        if self._needle or self._only_unknown:
            return
        (self._folded.add if closed else self._folded.discard)(area)
        self._filter()
        if closed:
            self._go(next((number for number, row in enumerate(self._shown) if row.area == area), self.cursor))

    def on_click(self, event: events.Click) -> None:
        number = int(event.y + self.scroll_offset.y)
        if number < len(self._shown):
            self._go(number)
            if self._shown[number].state == "area":
                self.action_fold()

    # -- drawing -------------------------------------------------------------------------------

    def render_line(self, y: int) -> Strip:
        width = self.size.width
        number = y + self.scroll_offset.y
        ground = self.rich_style
        if number >= len(self._shown):
            return Strip.blank(width, ground)
        if number == self.cursor:
            ground += Style(bgcolor=self.app.theme_variables["panel"], bold=self.has_focus or None)
        return Strip(self._segments(self._shown[number], width, ground)).adjust_cell_length(width, ground)

    def _segments(self, row: Row, width: int, ground: Style) -> list[Segment]:
        colours = self.app.theme_variables
        muted = ground + Style(color=colours["secondary"])
        if row.state == "area":
            mark = "▸" if row.area in self._folded and not self._needle and not self._only_unknown else "▾"
            return [
                Segment(f" {mark} {row.label}", ground + Style(bold=True, color=colours["accent"])),
                Segment(f"  {row.value}", muted),
            ]
        label = "  " + "  " * row.depth + row.label
        label_width = min(LABEL_WIDTH, max(width // 2 - 2, 12))
        if len(label) > label_width:
            label = label[: label_width - 1] + "…"
        value = row.value.replace("\n", " ")
        style = {"value": ground, "group": ground + Style(bold=True)}.get(row.state, muted)
        if row.state == "unknown":
            style = ground + Style(color=colours["warning"])
        return [Segment(label.ljust(label_width + 1), muted if row.state != "group" else ground), Segment(value, style)]
