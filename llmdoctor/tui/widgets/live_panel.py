"""Memory, load and heat as they are now, with the last minute as a line of small bars."""

from __future__ import annotations

from collections import deque
from typing import Optional, Sequence

from rich.text import Text
from textual.widgets import Static

from ...facts.fact import Unknown
from ...facts.machine import Gpu, GpuProcess
from ...facts.units import show, show_bytes
from ...probes.live import Now

SECONDS = 60
_BARS = "▁▂▃▄▅▆▇█"
_LABEL, _BAR = 8, 20
MAX_PROCESSES = 3


class LivePanel(Static):
    def __init__(self) -> None:
        super().__init__("", id="live", markup=False)
        self._loads: dict[str, deque[float]] = {}

    def show(self, now: Now, gpus: Sequence[Gpu]) -> None:
        lines = [self._ram(now)]
        for card in now.cards:
            lines += self._card(card.number, card.gpu, gpus[card.number])
        self.update(Text("\n").join(lines))

    def say(self, text: str) -> None:
        self.update(Text(text, style=self.app.theme_variables["secondary"]))

    def _ram(self, now: Now) -> Text:
        total, available = now.ram_total_bytes, now.ram_available_bytes
        if not isinstance(total, int) or not isinstance(available, int):
            return Text("RAM     unknown")
        used = total - available
        return self._row("RAM", used, total, self._history("ram", 100 * used / max(total, 1)), "")

    def _card(self, number: int, now: Gpu, gpu: Gpu) -> list[Text]:
        rest = [show(name, value) for name, value in _beside(now) if value is not None and not isinstance(value, Unknown)]
        load = now.utilization_percent
        line = self._history(f"gpu{number}", float(load)) if isinstance(load, int) else ""
        used, total = now.vram_used_bytes, now.vram_total_bytes
        name = f"GPU {number}"
        if not isinstance(used, int) or not isinstance(total, int):
            why = next((one.unknown for one in (used, total) if isinstance(one, Unknown)), "not told")
            return [Text(f"{name.ljust(_LABEL)}{why}  {'  '.join(rest)}")]
        rows = [self._row(name, used, total, line, "  ".join(rest))]
        who = _who(now.processes)
        if who:
            rows.append(Text(" " * _LABEL + who, style=self.app.theme_variables["secondary"]))
        return rows

    def _row(self, name: str, used: int, total: int, line: str, rest: str) -> Text:
        colours = self.app.theme_variables
        filled = round(_BAR * min(used / max(total, 1), 1))
        return Text.assemble(
            (name.ljust(_LABEL), "bold"),
            ("█" * filled, colours["accent"]), ("░" * (_BAR - filled), colours["secondary"]),
            f" {show_bytes(used)} of {show_bytes(total)}  ",
            (line, colours["accent"]), f"  {rest}" if rest else "",
            no_wrap=True, overflow="ellipsis",
        )  # fmt: skip

    def _history(self, name: str, percent: float) -> str:
        values = self._loads.setdefault(name, deque(maxlen=SECONDS))
        values.append(percent)
        room = 10 if self.size.width < 100 else 24
        return "".join(_BARS[min(int(one / 100 * len(_BARS)), len(_BARS) - 1)] for one in list(values)[-room:]).ljust(room)


def _beside(now: Gpu) -> list[tuple[str, object]]:
    fields = ("utilization_percent", "temperature_celsius", "power_draw_watts", "sm_clock_mhz")
    return [(name, round(value) if isinstance(value := getattr(now, name), float) else value) for name in fields]


def _who(processes: object) -> Optional[str]:
    if not isinstance(processes, list) or not processes:
        return None

    def size(one: GpuProcess) -> int:
        return one.vram_bytes if isinstance(one.vram_bytes, int) else 0

    told = [
        f"{one.name if isinstance(one.name, str) else f'process {one.pid}'} {show_bytes(size(one)) if size(one) else ''}".strip()
        for one in sorted(processes, key=size, reverse=True)
    ]
    return ", ".join(told[:MAX_PROCESSES]) + (f" and {len(told) - MAX_PROCESSES} more" if len(told) > MAX_PROCESSES else "")
