"""The fit screen: by keyboard and mouse to a command that fits, and what the model and the machine say."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.pilot import Pilot

from llmdoctor.models.any_model import read_any
from llmdoctor.survey import found_models
from llmdoctor.survey.model_folders import FoundModel
from llmdoctor.tui import planning
from llmdoctor.tui.app import DoctorApp
from llmdoctor.tui.widgets.knob import Knob
from tests.fit.measured import write_model

from .driving import HEALTHY, LAPTOP, drive, screen, shows, until, write


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    return write_model("llama3.1-8b-q4_k_m", str(tmp_path_factory.mktemp("models")))


@pytest.mark.parametrize("size", [(80, 24), (120, 36)])
def test_by_keyboard_alone_to_a_command_that_fits(size: tuple[int, int], model: str, copied: list[str]) -> None:
    async def steps(pilot: Pilot[None], app: DoctorApp) -> None:
        await pilot.press("4")
        await shows(pilot, "Which model?")
        await pilot.press("slash")
        await until(pilot, lambda: app.focused is not None and app.focused.id == "name")
        await write(pilot, model)
        await pilot.press("enter")
        await shows(pilot, "8,192 tokens", "to spare")
        await pilot.press("right", "right", "right")
        await shows(pilot, "24,576 tokens", "✖ 351 MiB too much")
        await pilot.press("down", "left")
        await shows(pilot, "8 bits (q8_0)", "✔")
        await pilot.press("c")
        await until(pilot, lambda: copied)

    drive(steps, LAPTOP, size)
    assert copied == [f"llama-server -m {model} -c 24576 -ngl 99 -fa on -ctk q8_0 -ctv q8_0"]


def test_found_models_are_listed_and_what_makes_one_fit_is_taken_over(model: str, monkeypatch: pytest.MonkeyPatch) -> None:
    size = Path(model).stat().st_size
    listed = [FoundModel("llama3.1:8b", "ollama", model, size), FoundModel("other", "", "/nowhere.gguf", 5)]
    monkeypatch.setattr(found_models, "all_models", lambda host, machine: listed)

    async def steps(pilot: Pilot[None], app: DoctorApp) -> None:
        await pilot.press("4")
        await shows(pilot, "llama3.1:8b", "4.6 GiB", "2 found here")
        await pilot.press("enter")
        await shows(pilot, "8,192 tokens")
        await pilot.press("end")
        await shows(pilot, "131,072 tokens", "too much", "What would make it fit")
        await until(pilot, lambda: app.query_one("#remedies").option_count)  # type: ignore[attr-defined]
        app.query_one("#remedies").focus()
        await pilot.press("enter")
        await until(pilot, lambda: "too much" not in screen(app))
        await pilot.press("b")
        await shows(pilot, "Which model?")

    drive(steps, LAPTOP)


def test_the_mouse_turns_a_knob(model: str) -> None:
    async def steps(pilot: Pilot[None], app: DoctorApp) -> None:
        app.show_fit(model, None)
        await shows(pilot, "8,192 tokens")
        await pilot.click(app.query(Knob).first(), offset=(17, 0))
        await shows(pilot, "1,024 tokens")

    drive(steps, LAPTOP)


def test_another_quantisation_is_told_with_what_it_loses(model: str) -> None:
    async def steps(pilot: Pilot[None], app: DoctorApp) -> None:
        app.show_fit(model, None)
        await shows(pilot, "Q4_K_M (this file)", "Quality small loss")
        await pilot.press("down", "down", "home")
        await shows(pilot, "IQ2_XXS", "Quality large loss", "the file here is another")

    drive(steps, LAPTOP)


def test_what_cannot_be_read_is_told(tmp_path: Path) -> None:
    path = tmp_path / "no-model.gguf"
    path.write_text("no model")

    async def steps(pilot: Pilot[None], app: DoctorApp) -> None:
        await pilot.press("4")
        await shows(pilot, "Which model?")
        app.show_fit(str(path), None)
        await shows(pilot, f"✖ {path}"[:40])
        assert "Which model?" in screen(app)

    drive(steps, HEALTHY)


def test_every_turn_gives_a_plan(model: str) -> None:
    """From the least to the most of everything that may be turned, without a GPU and with one."""
    info = read_any(model)
    for turn in planning.turns(info):
        for value in (turn.choices[0][0], turn.choices[-1][0]):
            made = planning.plan_for(planning.turn(planning.begin(info), turn.field, value), [], False)
            assert made.prediction.ram.total_bytes > 0 or made.prediction.devices
