"""Side by side under one deadline: what fails or hangs is unknown with its reason, and takes nothing else down."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

from llmdoctor.facts.fact import Unknown
from llmdoctor.facts.machine import Machine
from llmdoctor.host.host import Host
from llmdoctor.host.question import Answer, Question
from llmdoctor.host.recording import Recording, replay
from llmdoctor.survey.storage import decode, read_bounded
from llmdoctor.survey.survey import look
from llmdoctor.survey.tasks import WORKERS, Tasks

FIXTURE = Path(__file__).resolve().parents[2] / "fixtures" / "machines" / "healthy" / "h100-as-root.json"


def recorded() -> Recording:
    import msgspec

    return msgspec.convert(decode("fixture", read_bounded(str(FIXTURE))), Recording)


def test_tasks_pass_values_on_and_keep_failures_apart() -> None:
    tasks = Tasks(5)
    tasks.start("a", lambda: 2, Unknown)
    tasks.start("b", lambda a: a * 3, Unknown, ("a",))
    tasks.start("c", lambda: 1 // 0, Unknown)
    assert tasks.value("b") == 6
    failed = tasks.value("c")
    assert isinstance(failed, Unknown) and "ZeroDivisionError" in failed.unknown


def test_a_hanging_task_costs_the_deadline_and_the_others_go_on() -> None:
    stop = threading.Event()
    tasks = Tasks(0.5)
    started = time.monotonic()
    tasks.start("hangs", lambda: stop.wait(30), Unknown)
    for number in range(WORKERS * 3):
        tasks.start(f"quick {number}", lambda: True, Unknown)
    assert all(tasks.value(f"quick {number}") is True for number in range(WORKERS * 3))
    assert isinstance(tasks.value("hangs"), Unknown)
    assert time.monotonic() - started < 2
    stop.set()


@pytest.mark.parametrize("kind", ["nvml", "cuda.init", "command", "processes", "listeners"])
def test_a_source_that_hangs_is_unknown_and_the_machine_is_still_told(kind: str) -> None:
    backend, stop = replay(recorded()), threading.Event()

    def hanging(question: Question) -> Answer:
        if question.kind == kind:
            stop.wait(30)
        return backend(question)

    started = time.monotonic()
    machine = look(Host(hanging), 1.0).machine
    stop.set()
    assert time.monotonic() - started < 4
    assert machine.cpu.logical_cores == 16
    # The card is on the bus, whatever its driver does.
    assert isinstance(machine.gpus, list) and [gpu.vendor for gpu in machine.gpus] == ["nvidia"]
    if kind == "nvml":
        assert machine.gpus[0].vram_free_bytes == Unknown("not read for this card of nvidia")


def test_a_source_that_breaks_is_unknown() -> None:
    backend = replay(recorded())

    def broken(question: Question) -> Answer:
        return Answer(value={"odd": [1]}) if question.kind in ("nvml", "list", "file", "cuda.init") else backend(question)

    machine = look(Host(broken), 5.0).machine
    assert machine.schema_version == 1


ODD = [None, True, 0, -1, 2**62, 1.5, "", "x" * 1000, [], {}, [1], ["a"], {"a": 1}, [[]], {"status": "x"}, "\x00\x1b[31m"]


@pytest.mark.parametrize("seed", range(24))
def test_a_strangers_recording_may_hold_anything(seed: int) -> None:
    import random

    import msgspec

    from llmdoctor.diagnosis.engine import judge
    from llmdoctor.diagnosis.index import load

    chance, recording = random.Random(seed), recorded()
    share = chance.choice([0.05, 0.3, 1.0])
    for entry in recording.answers:
        if chance.random() < share:
            entry.error, entry.value = None, chance.choice(ODD)
    started = time.monotonic()
    machine = look(Host(replay(recording)), 20).machine
    judge(machine, load())
    assert time.monotonic() - started < 5
    # Every fact is of its type: the document opens again.
    assert msgspec.json.decode(msgspec.json.encode(machine), type=Machine) == machine


def test_what_comes_from_an_empty_recording_is_unknown_and_not_absent() -> None:
    machine = look(Host(replay(Recording(tool_version="0", answers=[]))), 5.0).machine
    assert isinstance(machine.gpus, Unknown)
    assert isinstance(machine.os.family, Unknown)
    assert all(isinstance(runtime.installed, Unknown) for runtime in machine.runtimes.values())
