"""The findings screen: what is wrong, what to do, and what the keys do to it."""

from __future__ import annotations

import pytest
from textual.pilot import Pilot

from llmdoctor.tui.app import DoctorApp

from .driving import drive, shows, until


@pytest.fixture
def copied(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    texts: list[str] = []
    monkeypatch.setattr(DoctorApp, "copy_to_clipboard", lambda self, text: texts.append(text))
    return texts


@pytest.mark.parametrize("size", [(80, 24), (120, 36), (200, 60)])
def test_the_remedy_of_a_driver_mismatch_is_seen_and_copied_within_three_keys(size: tuple[int, int], copied: list[str]) -> None:
    async def steps(pilot: Pilot[None], app: DoctorApp) -> None:
        await shows(pilot, "What to do")
        await shows(pilot, "sudo systemctl reboot")  # without any key
        await pilot.press("enter", "down", "c")
        await until(pilot, lambda: copied)

    drive(steps, size=size)
    assert copied == ["sudo systemctl reboot"]
