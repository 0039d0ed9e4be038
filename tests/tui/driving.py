"""Drives the app as a user would: keys, mouse and pastes, and reads what stands on the screen."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any, Awaitable, Callable, Optional

from textual.pilot import Pilot

from llmdoctor.tui.app import DoctorApp
from llmdoctor.tui.session import Session

FIXTURES = Path(__file__).resolve().parent.parent.parent / "fixtures"
MACHINES = FIXTURES / "machines"
MISMATCH = MACHINES / "faults" / "h100-nvml-mismatch.json"
HEALTHY = MACHINES / "healthy" / "h100-as-root.json"
LAPTOP = MACHINES / "by-hand" / "laptop-two-gpus.json"
PATIENCE_S = 30.0

Steps = Callable[["Pilot[None]", DoctorApp], Awaitable[None]]


def drive(
    steps: Steps, source: Optional[Path] = MISMATCH, size: tuple[int, int] = (120, 36), session: Optional[Session] = None
) -> None:
    """Runs the steps on an app of its own, after the first look at the machine."""

    async def main() -> None:
        app = DoctorApp(session or Session(str(source) if source else None))
        async with app.run_test(size=size) as pilot:
            await until(pilot, lambda: app.pane() is not None and (app.session.diagnosis or app.look_error))
            await pilot.pause()
            await steps(pilot, app)

    asyncio.run(main())


async def until(pilot: Pilot[None], holds: Callable[[], Any]) -> None:
    """Waits for what comes from a thread."""
    for _ in range(int(PATIENCE_S / 0.02)):
        if holds():
            return
        await pilot.pause(0.02)
    raise AssertionError("did not come to be:\n" + screen(pilot.app))


def screen(app: Any) -> str:
    """All that stands on the screen, as text."""
    return "\n".join(strip.text.rstrip() for strip in app.screen._compositor.render_strips())


async def shows(pilot: Pilot[None], *texts: str) -> None:
    """Waits until all of them stand on the screen, however their lines are broken."""
    for text in texts:
        await until(pilot, lambda: text in " ".join(screen(pilot.app).replace("▌", " ").split()))  # noqa: B023


async def write(pilot: Pilot[None], text: str) -> None:
    """Types into the field that has the focus."""
    names = {"/": "slash", ".": "full_stop", "-": "minus", "_": "underscore", " ": "space", ":": "colon"}
    await pilot.press(*(names.get(one, one) for one in text))
