"""The smoke test's screen, of this machine and of a saved one, and the report's."""

from __future__ import annotations

from textual.pilot import Pilot

from llmdoctor.tui.app import DoctorApp

from .driving import HEALTHY, MACHINES, drive, shows


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


def test_the_report_is_shown_or_said_to_be_missing() -> None:
    async def steps(pilot: Pilot[None], app: DoctorApp) -> None:
        await pilot.press("6")
        await shows(pilot, "What would be shared", "llmdoctor check --save FILE")

    drive(steps, HEALTHY)
