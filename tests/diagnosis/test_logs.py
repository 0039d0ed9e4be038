"""The knowledge base over logs: healthy ones stay silent, real ones show their cause first, examples do not disturb each other."""

from __future__ import annotations

from pathlib import Path
from typing import Optional

import pytest

from llmdoctor.diagnosis import index
from llmdoctor.diagnosis.log_engine import LogOutcome, judge_logs
from llmdoctor.diagnosis.rule import ExampleSource
from llmdoctor.diagnosis.sources import Loaded, example_machine, load_folder
from llmdoctor.facts.machine import Machine
from llmdoctor.logs.chapters import LogReader
from llmdoctor.logs.stream import blocks
from llmdoctor.runtimes import all_readers, runtime_names

LOGS = Path(__file__).resolve().parent.parent.parent / "fixtures" / "logs"
SOURCES = load_folder(index.source_folder(), runtime_names())
RULES = [one.rule for one in SOURCES]
READER = LogReader((pattern for rule in RULES for pattern in rule.patterns()), all_readers())


def judge(log: bytes, machine: Optional[Machine] = None) -> LogOutcome:
    chapters = READER.read("a.log", [log])
    return judge_logs(machine, RULES, [(chapters, "here" if machine is not None else "elsewhere")])


def ids(outcome: LogOutcome) -> list[str]:
    return [one.id for one in outcome.findings if one.severity != "info"]


@pytest.mark.parametrize("path", sorted((LOGS / "healthy").glob("*.log")), ids=lambda path: path.stem)
def test_a_healthy_log_gives_nothing(path: Path) -> None:
    with path.open("rb") as file:
        outcome = judge_logs(None, RULES, [(READER.read(path.name, blocks(file, path.name)), "elsewhere")])
    assert [
        (one.id, [(line.line, line.text) for line in one.evidence]) for one in outcome.findings if one.severity != "info"
    ] == []


def test_at_least_60_healthy_logs() -> None:
    assert len(list((LOGS / "healthy").glob("*.log"))) >= 60


EXAMPLES = [
    (one, example) for one in SOURCES for example in one.source.examples if example.log is not None and example.matches is True
]


@pytest.mark.parametrize(("one", "example"), EXAMPLES, ids=lambda value: getattr(value, "id", getattr(value, "name", None)))
def test_an_example_shows_its_own_cause_first_among_all_rules(one: Loaded, example: ExampleSource) -> None:
    """First, or explained by the first, whose examples are then the deeper cause of the same log."""
    outcome = judge((example.log or "").encode(), example_machine(example.machine))
    first = outcome.findings[0]
    assert one.id == first.id or one.id in first.explains, [(f.id, f.confidence, f.severity) for f in outcome.findings]


def test_at_least_300_causes() -> None:
    assert sum(one.source.kind == "cause" for one in SOURCES) >= 300


FAILED_PROBE = 'time=2024-03-06T18:54:07.714+01:00 level=INFO source=gpu.go:323 msg="Unable to load CUDA management library /opt/a/libnvidia-ml.so: nvml vram init failure: 9"\n'  # fmt: skip
ON_GPU = "llm_load_tensors: offloaded 33/33 layers to GPU\n"


@pytest.mark.parametrize(
    ("text", "first"),
    [
        (FAILED_PROBE, "driver.module-not-loaded"),
        (FAILED_PROBE + ON_GPU, None),
        (ON_GPU + FAILED_PROBE, "driver.module-not-loaded"),  # what comes afterwards is not disproved
        (FAILED_PROBE + "llm_load_tensors: offloaded 0/33 layers to GPU\n", "driver.module-not-loaded"),
    ],
)
def test_layers_on_the_gpu_disprove_what_was_tried_before(text: str, first: Optional[str]) -> None:
    assert next(iter(ids(judge(text.encode()))), None) == first
