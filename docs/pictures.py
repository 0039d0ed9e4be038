"""Makes the pictures of the README from recordings: ``python docs/pictures.py``. Needs nothing but the checkout."""

from __future__ import annotations

import asyncio
import os
import re
import sys
import tempfile
from pathlib import Path
from typing import Awaitable, Callable

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from textual.pilot import Pilot  # noqa: E402

from llmdoctor.tui.app import DoctorApp  # noqa: E402
from llmdoctor.tui.session import Session  # noqa: E402
from tests.fit.measured import write_model  # noqa: E402

MACHINES = ROOT / "fixtures" / "machines"
MISMATCH = MACHINES / "faults" / "h100-nvml-mismatch.json"
LAPTOP = MACHINES / "by-hand" / "laptop-two-gpus.json"
LOG = ROOT / "fixtures" / "logs" / "real" / "llama-b11434-full-card-kv.log"
SIZE = (110, 32)

Steps = Callable[["Pilot[None]", DoctorApp], Awaitable[None]]


async def findings(pilot: Pilot[None], app: DoctorApp) -> None:
    await pilot.press("enter", "down")


async def triage(pilot: Pilot[None], app: DoctorApp) -> None:
    from textual.events import Paste

    await pilot.press("2", "down", "down", "enter")
    await pilot.pause(0.3)
    app.query_one("#answers").post_message(Paste(LOG.read_text()))


async def machine(pilot: Pilot[None], app: DoctorApp) -> None:
    await pilot.press("3")
    await pilot.pause(0.3)
    await pilot.press("slash", *"vram")


async def fit(pilot: Pilot[None], app: DoctorApp) -> None:
    before = os.getcwd()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)  # so that the picture shows no path of whoever makes it
        try:
            app.show_fit(os.path.basename(write_model("llama3.1-8b-q4_k_m", folder)), None)
            await pilot.pause(1.0)
            await pilot.press("right", "right", "right")
            await pilot.pause(1.0)
        finally:
            os.chdir(before)


async def smoke(pilot: Pilot[None], app: DoctorApp) -> None:
    await pilot.press("5")


PICTURES: dict[str, tuple[Path, str, Steps]] = {
    "findings": (MISMATCH, "dark", findings),
    "findings-light": (MISMATCH, "light", findings),
    "triage": (LAPTOP, "dark", triage),
    "machine": (LAPTOP, "dark", machine),
    "fit": (LAPTOP, "dark", fit),
    "smoke": (MACHINES / "healthy" / "h100-smoke.json", "dark", smoke),
}


async def make(name: str, source: Path, theme: str, steps: Steps) -> None:
    app = DoctorApp(Session(str(source)))
    async with app.run_test(size=SIZE) as pilot:
        while app.pane() is None or app.session.diagnosis is None:
            await pilot.pause(0.05)
        app.theme = theme
        await pilot.pause(0.3)
        await steps(pilot, app)
        await pilot.pause(1.5)
        path = ROOT / "docs" / "pictures" / f"{name}.svg"
        # Fonts are the reader's own: nothing is fetched when a picture is shown.
        path.write_text(_without_fetched_fonts(app.export_screenshot(title="llmdoctor")), encoding="utf-8")
        print(path.relative_to(ROOT))


def _without_fetched_fonts(svg: str) -> str:
    svg = re.sub(r"@font-face\s*{[^}]*}", "", svg)
    return svg.replace("Fira Code", "ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas")


def main() -> None:
    for name, (source, theme, steps) in PICTURES.items():
        if len(sys.argv) < 2 or name in sys.argv[1:]:
            asyncio.run(make(name, source, theme, steps))


if __name__ == "__main__":
    main()
