"""The smoke test's screen, of this machine and of a saved one, and the report's."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.pilot import Pilot

from llmdoctor.tui.app import DoctorApp

from .driving import HEALTHY, MACHINES, MISMATCH, drive, shows, until


def test_a_saved_smoke_test_is_shown_level_by_level() -> None:
    async def steps(pilot: Pilot[None], app: DoctorApp) -> None:
        await pilot.press("5")
        await shows(pilot, "✔ ok", "inference, GPU 0", "24 tokens as the reference has them")

    drive(steps, MACHINES / "healthy" / "h100-smoke.json")


def test_a_saved_machine_without_one_says_how_to_make_it() -> None:
    async def steps(pilot: Pilot[None], app: DoctorApp) -> None:
        await pilot.press("5")
        await shows(pilot, "holds no smoke test", "llmdoctor smoke --save FILE")

    drive(steps, HEALTHY)


def test_it_runs_on_this_machine_and_tells_what_works() -> None:
    async def steps(pilot: Pilot[None], app: DoctorApp) -> None:
        await pilot.press("5")
        await shows(pilot, "r runs it")
        await pilot.press("r")
        await shows(pilot, "Reading RAM", "cpu")

    drive(steps, source=None)


def test_the_report_is_seen_before_it_is_shared(copied: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    async def steps(pilot: Pilot[None], app: DoctorApp) -> None:
        await pilot.press("6")
        await shows(pilot, "What would be shared", "Hidden:", "NVIDIA")
        await pilot.press("c", "s")
        await until(pilot, lambda: copied and (tmp_path / "llmdoctor-report.md").exists())
        first = copied[0]
        await pilot.press("p")
        await shows(pilot, "by the form of")
        await until(pilot, lambda: app.pane()._text != first)  # type: ignore[union-attr]

    drive(steps, MISMATCH)
    assert (tmp_path / "llmdoctor-report.md").read_text() == copied[0]
