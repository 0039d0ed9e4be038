"""The findings screen: what is wrong, what to do, and what the keys do to it."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.pilot import Pilot

from llmdoctor.facts.finding import Diagnosis
from llmdoctor.tui.app import DoctorApp
from llmdoctor.tui.session import Session
from llmdoctor.tui.widgets.finding_list import FindingList

from .driving import HEALTHY, MACHINES, MISMATCH, drive, screen, shows, until


@pytest.mark.parametrize("size", [(80, 24), (120, 36), (200, 60)])
def test_the_remedy_of_a_driver_mismatch_is_seen_at_once_and_copied_within_three_keys(
    size: tuple[int, int], copied: list[str]
) -> None:
    async def steps(pilot: Pilot[None], app: DoctorApp) -> None:
        await shows(pilot, "1 error found", "What to do", "sudo systemctl reboot")  # without any key
        await pilot.press("enter", "down", "c")
        await until(pilot, lambda: copied)

    drive(steps, size=size)
    assert copied == ["sudo systemctl reboot"]


def test_a_finding_tells_how_it_is_known_why_and_its_sources(copied: list[str]) -> None:
    async def steps(pilot: Pilot[None], app: DoctorApp) -> None:
        await shows(pilot, "How it is known", "Kernel module in memory: 580.159.04", "Why", "Then check", "Sources")
        await pilot.press("o")
        await until(pilot, lambda: copied)  # no desktop is needed: the address is copied

    with pytest.MonkeyPatch.context() as patch:
        for name in ("DISPLAY", "WAYLAND_DISPLAY"):
            patch.delenv(name, raising=False)
        patch.setattr("sys.platform", "linux")
        drive(steps, size=(120, 80))
    assert copied[0].startswith("https://")


def test_what_a_cause_explains_stands_below_it() -> None:
    async def steps(pilot: Pilot[None], app: DoctorApp) -> None:
        found = app.query_one(FindingList)
        assert app.session.diagnosis is not None and app.session.diagnosis.findings[0].explains
        await pilot.press("down")
        assert ">" in (found.chosen() or "") and "└" in screen(app)

    sources = [
        MACHINES / "faults" / f"{name}.json" for name in ("h100-libcuda-gone", "h100-stub-first", "h100-nvidiactl-missing")
    ]
    explaining = [one for one in sources if any(finding.explains for finding in Session(str(one)).look().findings[:1])]
    assert explaining
    drive(steps, source=explaining[0])


def test_a_healthy_machine_is_called_so() -> None:
    async def steps(pilot: Pilot[None], app: DoctorApp) -> None:
        await shows(pilot, "✔ No problem found in")

    drive(steps, source=HEALTHY)


class _Repaired(Session):
    """A machine whose second look finds the driver in order."""

    looks = 0

    def look(self, heard: object = None) -> Diagnosis:
        self.looks += 1
        self.source = str(MISMATCH if self.looks == 1 else HEALTHY)
        diagnosis = super().look()
        self.source = None
        return diagnosis


def test_done_is_marked_and_a_second_look_tells_what_is_gone() -> None:
    async def steps(pilot: Pilot[None], app: DoctorApp) -> None:
        await shows(pilot, "✖ error")
        await pilot.press("m")
        await shows(pilot, "✔ done")
        await pilot.press("r")
        await shows(pilot, "✔ gone", "✔ No problem found in")

    drive(steps, session=_Repaired())


def test_a_faulty_saved_machine_is_told_and_nothing_breaks(tmp_path: Path) -> None:
    broken = tmp_path / "broken.json"
    broken.write_text("{}")

    async def steps(pilot: Pilot[None], app: DoctorApp) -> None:
        await shows(pilot, "could not be looked at", "is no saved machine")
        await pilot.press("3", "4", "1")
        assert app.is_running

    drive(steps, source=broken)
