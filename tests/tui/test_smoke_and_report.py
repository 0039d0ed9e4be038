"""The smoke test's screen, of this machine and of a saved one, and the report's."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.pilot import Pilot

from llmdoctor.tui.app import DoctorApp

from .driving import HEALTHY, MACHINES, drive, shows, until


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


def test_the_report_is_shown_in_each_form_and_saved_for_its_owner_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    saved = tmp_path / "llmdoctor-report.md"

    async def steps(pilot: Pilot[None], app: DoctorApp) -> None:
        await pilot.press("6")
        await shows(pilot, "What would be shared, in a free form", "Hidden: 1 UUID", "NVIDIA H100")
        await pilot.press("f")
        await shows(pilot, "the form of ollama", "What is the issue?")
        await pilot.press("s")
        await until(pilot, saved.exists)

    drive(steps, HEALTHY)
    assert "NVIDIA H100" in saved.read_text()
    assert saved.stat().st_mode & 0o777 == 0o600
