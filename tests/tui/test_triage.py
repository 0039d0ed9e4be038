"""Triage: from what happens through the log to the cause, asking only what is still needed."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual import events
from textual.pilot import Pilot

from llmdoctor.survey.found_logs import FoundLog
from llmdoctor.tui import inquiry
from llmdoctor.tui.app import DoctorApp
from llmdoctor.tui.session import Session
from llmdoctor.tui.widgets.outcome import Outcome
from llmdoctor.tui.widgets.paste_box import PasteBox
from tests.fit.measured import write_model

from .driving import FIXTURES, HEALTHY, LAPTOP, MISMATCH, drive, screen, shows, until, write

OOM_LOG = FIXTURES / "logs" / "real" / "llama-b11434-full-card-kv.log"
OUT_OF_MEMORY = [one.key for one in inquiry.SYMPTOMS].index("out of memory")


async def _choose(pilot: Pilot[None], number: int) -> None:
    await pilot.press("home", *["down"] * number, "enter")


async def _paste(app: DoctorApp, text: str) -> None:
    app.query_one(PasteBox).post_message(events.Paste(text))


@pytest.mark.parametrize("size", [(80, 24), (120, 36)])
def test_out_of_memory_by_a_pasted_log_to_a_command_that_fits(
    size: tuple[int, int], copied: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = write_model("llama3.2-3b-f16", str(tmp_path))
    log = OOM_LOG.read_text().replace("\n", "\r")  # as terminals send it

    async def steps(pilot: Pilot[None], app: DoctorApp) -> None:
        await pilot.press("2")
        await shows(pilot, "What happens?", "It decides which log tells most")
        await _choose(pilot, OUT_OF_MEMORY)
        await shows(pilot, "Where is the log?")  # one runtime is installed: which one is not asked
        await _choose(pilot, 0)
        await shows(pilot, "Paste here")
        await _paste(app, log)
        await shows(pilot, "134 lines", "n_ctx 65536", "What to do")
        await pilot.press("c")
        await until(pilot, lambda: copied)
        # The model of the log is on this machine, too: its settings are tried in Fit, and one that fits is taken over.
        app.show_fit(model, inquiry.run_with_model(app.query_one(Outcome).diagnosis)[1])  # type: ignore[index]
        await shows(pilot, "65,536", "too much")
        await until(pilot, lambda: app.query_one("#remedies").option_count)  # type: ignore[attr-defined]
        app.query_one("#remedies").focus()
        await pilot.press("enter")
        await until(pilot, lambda: "too much" not in screen(app))
        await pilot.press("c")
        await until(pilot, lambda: len(copied) == 2)

    drive(steps, LAPTOP, size)
    assert copied[1].startswith("llama-server") and "-c 65536 -ngl 99 -np 4" not in copied[1]


def test_what_the_machine_shows_already_needs_no_log(copied: list[str]) -> None:
    async def steps(pilot: Pilot[None], app: DoctorApp) -> None:
        await pilot.press("2")
        await _choose(pilot, [one.key for one in inquiry.SYMPTOMS].index("not on the GPU"))
        await shows(pilot, "This machine already shows", "See: NVIDIA's libraries")
        await pilot.press("enter")
        await shows(pilot, "What to do", "sudo systemctl reboot")
        await pilot.press("escape")
        await shows(pilot, "This machine already shows")
        await pilot.press("escape")
        await shows(pilot, "What happens?")

    drive(steps, MISMATCH)


@pytest.mark.parametrize("number", [1, 2], ids=["file", "watched"])
def test_a_file_is_read_and_another_is_watched_while_it_grows(number: int, tmp_path: Path) -> None:
    path = tmp_path / "server.log"
    path.write_text(OOM_LOG.read_text() if number == 1 else "of yesterday: cudaMalloc failed: out of memory\n")

    async def steps(pilot: Pilot[None], app: DoctorApp) -> None:
        await pilot.press("2")
        await _choose(pilot, OUT_OF_MEMORY)
        await shows(pilot, "Where is the log?")
        await _choose(pilot, number)
        await until(pilot, lambda: app.focused is not None and app.focused.id == "path")
        app.query_one("#path").value = str(path)  # type: ignore[attr-defined]
        await pilot.press("enter")
        if number == 2:
            await shows(pilot, "Watching. Make the trouble happen again")
            with path.open("a") as file:
                file.write(OOM_LOG.read_text())
        await shows(pilot, "server.log", "134 lines", "What to do")

    drive(steps, LAPTOP)


def test_a_file_that_is_no_log_is_told(tmp_path: Path) -> None:
    async def steps(pilot: Pilot[None], app: DoctorApp) -> None:
        await pilot.press("2")
        await _choose(pilot, OUT_OF_MEMORY)
        await shows(pilot, "Where is the log?")
        await _choose(pilot, 1)
        await until(pilot, lambda: app.focused is not None and app.focused.id == "path")
        await write(pilot, "/nowhere.log")
        await pilot.press("enter")
        await shows(pilot, "✖ /nowhere.log: cannot be read")

    drive(steps, LAPTOP)


class _Found(Session):
    """The laptop as this machine, with a log where its runtime keeps it."""

    def look(self, heard: object = None):  # type: ignore[no-untyped-def]
        self.source = str(LAPTOP)
        diagnosis = super().look()
        self.source = None
        return diagnosis


def test_the_log_of_an_installed_runtime_is_found_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    found = FoundLog("/var/log/ollama.log", "ollama", lambda: OOM_LOG.open("rb"))
    monkeypatch.setattr("llmdoctor.diagnosis.from_logs.found_logs", lambda host, machine: iter([found]))

    async def steps(pilot: Pilot[None], app: DoctorApp) -> None:
        await pilot.press("2")
        await _choose(pilot, OUT_OF_MEMORY)
        await shows(pilot, "ollama", "/var/log/ollama.log (134 lines), of this machine", "What to do")

    drive(steps, session=_Found())


def test_a_runtime_is_asked_for_where_none_or_several_are_here() -> None:
    async def steps(pilot: Pilot[None], app: DoctorApp) -> None:
        await pilot.press("2", "enter")
        await shows(
            pilot, "Which runtime?", "None of those that llmdoctor knows was found here", "llama.cpp", "another, or not known"
        )
        await pilot.press("escape")
        await shows(pilot, "What happens?")

    drive(steps, HEALTHY)


def test_a_paste_of_a_megabyte_is_read_and_not_drawn() -> None:
    padding = "".join(f"0.00.{number:06d} I srv  update_slots: slot {number} waits for work\r" for number in range(20_000))

    async def steps(pilot: Pilot[None], app: DoctorApp) -> None:
        await pilot.press("2")
        await shows(pilot, "What happens?")
        app.query_one("#answers").post_message(events.Paste(padding + OOM_LOG.read_text()))  # at any question
        await shows(pilot, "(20134 lines)")
        assert "update_slots" not in screen(app)

    assert len(padding) > 1_000_000
    drive(steps, HEALTHY)
