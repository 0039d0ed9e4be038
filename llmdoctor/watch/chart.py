"""A curve in the terminal: time to the right, memory upward, its limit on top."""

from __future__ import annotations

from typing import Optional, Sequence

from ..facts.units import show_bytes

HEIGHT = 5
_BLOCKS = " ▁▂▃▄▅▆▇█"
_ASCII = " .:-=+*##"


def curve(
    title: str,
    points: Sequence[tuple[float, int]],
    limit_bytes: Optional[int],
    width: int,
    failed: bool,
    ascii_only: bool = False,
) -> list[str]:
    """``points`` are seconds and bytes. The top of the chart is the limit where there is one, else the peak."""
    if not points or not any(size for _, size in points):
        return []
    columns = max(min(width - 14, 60), 10)
    seconds = points[-1][0] or 1.0
    slots = [0] * columns
    for at, size in points:
        place = min(int(at / seconds * columns), columns - 1)
        slots[place] = max(slots[place], size)
    for place in range(1, columns):
        slots[place] = slots[place] or slots[place - 1]  # no sample fell into it
    peak = max(size for _, size in points)
    top = max(limit_bytes or peak, peak)
    signs = _ASCII if ascii_only else _BLOCKS
    rows = []
    for row in range(HEIGHT, 0, -1):
        line = "".join(signs[min(max(round((size / top * HEIGHT - row + 1) * 8), 0), 8)] for size in slots)
        label = show_bytes(top) if row == HEIGHT else "0" if row == 1 else ""
        rows.append(f"{label:>10} {'|' if ascii_only else '│'}{line}{' x' if failed and row == HEIGHT else ''}".rstrip())
    of = f" of {show_bytes(limit_bytes)}" if limit_bytes else ""
    return [f"{title}: {show_bytes(peak)} at most{of}", *rows, f"{'':>11}{'0 s':<{columns - 8}}{seconds:>8.1f} s"]
