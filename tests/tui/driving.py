"""Drives the app as a user would: keys, mouse and pastes, and reads what stands on the screen."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any, Awaitable, Callable, Optional

from textual.pilot import Pilot

from llmdoctor.tui.app import DoctorApp
from llmdoctor.tui.session import Session

MACHINES = Path(__file__).resolve().parent.parent.parent / "fixtures" / "machines"
MISMATCH = MACHINES / "faults" / "h100-nvml-mismatch.json"
LAPTOP = MACHINES / "by-hand" / "laptop-two-gpus.json"
PATIENCE_S = 20.0

Steps = Callable[["Pilot[None]", "DoctorApp"], Awaitable[None]]


def drive(
    steps: Steps, source: Optional[Path] = MISMATCH, size: tuple[int, int] = (120, 36), rules: Optional[str] = None
) -> None:
    """Runs the steps on an app of its own, after the first look at the machine."""

    async def main() -> None:
        app = DoctorApp(Session(str(source) if source else None, rules))
        async with app.run_test(size=size) as pilot:
            await until(pilot, lambda: app.session.diagnosis is not None or app.look_error is not None)
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
    lines = app.screen._compositor.render_strips()
    return "\n".join(strip.text.rstrip() for strip in lines)


async def shows(pilot: Pilot[None], text: str) -> None:
    await until(pilot, lambda: text in " ".join(screen(pilot.app).split()))
