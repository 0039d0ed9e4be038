"""The longest that the screens do not hear keys, with 200 findings and 10,000 facts, while everything is moved through.

    python benchmarks/tui_freeze.py

Beside it stands how long the same loop is held up on the empty help screen, which is the machine's own share. Exit status 1 if the
third longest wait is over 50 ms more than that: the two longest may fall to a collector or a neighbour on the machine.
"""

from __future__ import annotations

import asyncio
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from textual.pilot import Pilot

from llmdoctor.tui.app import DoctorApp
from tests.tui.driving import drive, shows
from tests.tui.test_app import Large

LIMIT_S = 0.05
KEYS = ("down", "end", "home", "3", "end", "u", "u", "slash", "m", "o", "escape")


async def waits(pilot: Pilot[None], *keys: str) -> list[float]:
    """How much later than asked the loop came back, longest last."""
    found: list[float] = []

    async def watch() -> None:
        last = time.perf_counter()
        while True:
            await asyncio.sleep(0.004)
            now = time.perf_counter()
            found.append(now - last - 0.004)
            last = now

    watching = asyncio.create_task(watch())
    await pilot.press(*keys)
    await pilot.pause(0.1)
    watching.cancel()
    return sorted(found)


def main() -> int:
    over = False

    async def steps(pilot: Pilot[None], app: DoctorApp) -> None:
        nonlocal over
        await pilot.press("3")
        await shows(pilot, "Operating system")
        await pilot.press("1", "question_mark")
        idle = await waits(pilot, "a", "a", "a", "a")
        await pilot.press("escape")
        busy = await waits(pilot, *KEYS)
        over = busy[-3] - idle[-3] > LIMIT_S
        print(f"idle: {idle[-3] * 1000:.0f} ms, longest {idle[-1] * 1000:.0f}")
        print(
            f"{'OVER' if over else 'ok  '} moving: {busy[-3] * 1000:.0f} ms, longest {busy[-1] * 1000:.0f}; limit {LIMIT_S * 1000:.0f} more than idle"
        )

    drive(steps, session=Large())
    return int(over)


if __name__ == "__main__":
    sys.exit(main())
