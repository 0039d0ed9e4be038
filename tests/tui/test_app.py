"""What holds on every screen: tabs, help, themes, leaving, failures, small terminals, and that nothing freezes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from llmdoctor.facts.finding import Diagnosis, Finding, Step
from llmdoctor.facts.machine import Disk, Machine
from llmdoctor.tui.app import SCREENS, DoctorApp
from llmdoctor.tui.session import Session
from llmdoctor.tui.widgets.fact_tree import FactTree

from .driving import HEALTHY, drive, screen, shows, until

SHOWN = {"Findings": "No problem found", "Triage": "What happens?", "Machine": "Operating system", "Fit": "Which model?",
         "Smoke": "Does the GPU compute", "Report": "What would be shared"}  # fmt: skip


@pytest.mark.parametrize("size", [(80, 24), (120, 36), (200, 60), (40, 12)])
def test_number_keys_show_every_screen_and_its_help(size: tuple[int, int]) -> None:
    async def steps(pilot: Pilot[None], app: DoctorApp) -> None:
        for number, entry in enumerate(SCREENS, 1):
            await pilot.press(str(number))
            await shows(pilot, SHOWN[entry.title])
            await pilot.press("question_mark")
            await shows(pilot, f"{entry.title}: {entry.says}"[:16])
            await pilot.press("escape")
        assert app.return_code in (None, 0)

    drive(steps, HEALTHY, size)


def test_the_bar_names_all_screens_and_a_click_shows_one() -> None:
    async def steps(pilot: Pilot[None], app: DoctorApp) -> None:
        bar = screen(app).splitlines()[0]
        assert all(entry.title in bar for entry in SCREENS)
        await pilot.click(offset=(bar.index("Machine") + 1, 0))
        await shows(pilot, "Operating system")

    drive(steps, HEALTHY, (80, 24))


@pytest.mark.parametrize("keys", [["q"], ["3", "q"], ["ctrl+c"], ["ctrl+q"], ["4", "slash", "ctrl+c"]], ids=str)
def test_leaving(keys: list[str]) -> None:
    async def steps(pilot: Pilot[None], app: DoctorApp) -> None:
        await pilot.press(*keys)
        await until(pilot, lambda: not app.is_running or app._exit)

    drive(steps, HEALTHY)


def test_q_is_text_in_a_text_field() -> None:
    async def steps(pilot: Pilot[None], app: DoctorApp) -> None:
        await pilot.press("3")
        await shows(pilot, "Operating system")
        await pilot.press("slash", "q", "1")
        assert app.query_one("#search").value == "q1" and not app._exit  # type: ignore[attr-defined]

    drive(steps, HEALTHY)


def test_themes_go_round_and_the_palette_knows_the_screens() -> None:
    async def steps(pilot: Pilot[None], app: DoctorApp) -> None:
        seen = []
        for _ in range(3):
            seen.append(app.theme)
            await pilot.press("t")
        assert seen == ["dark", "light", "high contrast"] and app.theme == "dark"
        names = [command.title for command in app.get_system_commands(app.screen)]
        assert {entry.title for entry in SCREENS} <= set(names) and "Quit" in names

    drive(steps, HEALTHY)


def test_no_colour_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")

    async def steps(pilot: Pilot[None], app: DoctorApp) -> None:
        assert app.no_color
        await shows(pilot, "✖ error", "● note", "ERROR, confirmed")

    drive(steps)


def test_a_screen_that_fails_says_so_and_the_others_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*arguments: Any) -> None:
        raise RuntimeError("the tree is ill")

    async def steps(pilot: Pilot[None], app: DoctorApp) -> None:
        monkeypatch.setattr(FactTree, "render_line", fail)
        await pilot.press("3")
        await shows(pilot, "Machine failed", "the tree is ill")
        await pilot.pause()  # until the screen that failed has given the focus away
        await pilot.press("2")
        await shows(pilot, "What happens?")

    monkeypatch.delenv("LLMDOCTOR_DEBUG", raising=False)
    drive(steps, HEALTHY)


def test_a_screen_that_cannot_be_made_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    from llmdoctor.tui.smoke import SmokePane

    def fail(self: SmokePane, session: Session) -> None:
        raise OSError("no such thing")

    monkeypatch.setattr(SmokePane, "__init__", fail)

    async def steps(pilot: Pilot[None], app: DoctorApp) -> None:
        await pilot.press("5")
        await shows(pilot, "Smoke failed", "no such thing")

    drive(steps, HEALTHY)


class Large(Session):
    """200 findings and more than 10,000 facts."""

    def look(self, heard: object = None) -> Diagnosis:
        findings = [
            Finding(id=f"area.cause-{number}", title=f"Cause {number}", kind="cause", severity="warning", confidence="confirmed",
                    why="Because. " * 40, fix=[Step(do="Do this.", run="true")] * 4)
            for number in range(200)
        ]  # fmt: skip
        disks = [Disk(path=f"/models/{number}") for number in range(1000)]
        return Diagnosis(tool_version="0", machine=Machine(disks=disks), findings=findings)


def test_200_findings_and_10_000_facts_can_be_moved_through() -> None:
    """How long the screen is held up meanwhile is measured by benchmarks/tui_freeze.py."""

    async def steps(pilot: Pilot[None], app: DoctorApp) -> None:
        await pilot.press("1")
        await pilot.press("down", "end", "home", "3", "end", "u", "u", "slash", "m", "o", "escape", "1")
        await shows(pilot, "Cause 0")

    drive(steps, session=Large())


def test_a_saved_machine_and_this_one_are_told_apart() -> None:
    async def steps(pilot: Pilot[None], app: DoctorApp) -> None:
        assert "saved machine h100-as-root.json" in screen(app).splitlines()[0]

    drive(steps, HEALTHY)


def test_this_machine_is_looked_at_and_sampled(tmp_path: Path) -> None:
    async def steps(pilot: Pilot[None], app: DoctorApp) -> None:
        await pilot.press("3")
        await shows(pilot, "RAM", "GiB")
        assert app.session.diagnosis is not None and app.session.diagnosis.passed > 50

    drive(steps, source=None)
