"""From lines to findings: near and not, confidence, the machine's word, symptoms, runs."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Optional

import pytest
import yaml

from llmdoctor.diagnosis.engine import judge
from llmdoctor.diagnosis.log_engine import LogOutcome, judge_logs
from llmdoctor.diagnosis.origin import origin_of
from llmdoctor.diagnosis.rule import Rule
from llmdoctor.diagnosis.sources import RuleError, example_machine, load_folder
from llmdoctor.facts.machine import Machine
from llmdoctor.logs.chapters import LogReader
from llmdoctor.runtimes import all_readers, runtime_names

TROUBLE = "it broke here: need 12.5 GB"
FAR = "x\n" * 500
LINE = {"text": "it broke here", "match": r"need (?P<gb>[\d.]+) GB"}


def rule_set(folder: Path, **rules: dict[str, Any]) -> list[Rule]:
    for name, fields in rules.items():
        (folder / "oom").mkdir(exist_ok=True)
        source = {
            "title": name, "kind": "cause", "severity": "error", "why": "because", "fix": [{"do": "mend"}], "since": "0.1.0",
            **fields,
        }  # fmt: skip
        (folder / "oom" / f"{name}.yaml").write_text(yaml.safe_dump(source))
    return [loaded.rule for loaded in load_folder(str(folder), runtime_names())]


def diagnose(rules: list[Rule], log: str, machine: Optional[Machine] = None, origin: str = "here") -> LogOutcome:
    reader = LogReader((pattern for rule in rules for pattern in rule.patterns()), all_readers())
    return judge_logs(machine, rules, [(reader.read("a.log", [log.encode()]), origin)])


def short(outcome: LogOutcome) -> list[tuple[str, str]]:
    return [(one.id.removeprefix("oom."), one.confidence) for one in outcome.findings]


def test_a_line_becomes_a_finding_with_its_number_and_groups(tmp_path: Path) -> None:
    rules = rule_set(tmp_path, a={"log": [LINE], "evidence": ["It needed {{ log.gb }} GB."]})
    (finding,) = diagnose(rules, f"fine\n{TROUBLE}\nfine\n").findings
    assert [(one.text, one.source, one.line) for one in finding.evidence] == [
        ("It needed 12.5 GB.", None, None), (TROUBLE, "a.log", 2),
    ]  # fmt: skip
    assert finding.confidence == "likely"


@pytest.mark.parametrize(
    ("fields", "log", "fires"),
    [
        ({"near": [{"text": "loading the model"}]}, "loading the model\n" + FAR[:80] + TROUBLE, True),
        ({"near": [{"text": "loading the model"}]}, "loading the model\n" + FAR[:120] + TROUBLE, False),
        ({"near": [{"text": "loading the model", "lines": 3}]}, f"{TROUBLE}\nx\nloading the model", True),
        ({"near": [{"text": "loading the model"}, {"text": "second sign"}]}, f"loading the model\n{TROUBLE}", False),
        ({"near": [{"text": "it broke here"}]}, TROUBLE, False),  # the same words ask for a second line
        ({"near": [{"text": "it broke here"}]}, f"{TROUBLE}\nx\n{TROUBLE}", True),
        ({"not": [{"text": "recovered"}]}, TROUBLE + "\n" + FAR + "recovered", False),
        ({"not": [{"text": "recovered", "lines": 9}]}, TROUBLE + "\n" + FAR + "recovered", True),
        ({"not": [{"text": "recovered"}]}, TROUBLE, True),
        ({"when": "number(log.gb) > 12"}, TROUBLE, True),
        ({"when": "number(log.gb) > 13"}, TROUBLE, False),
        ({"when": "number(log.gb) > 13"}, f"{TROUBLE}\nit broke here: need 14 GB", True),
        ({"when": "run.n_ctx > 4096"}, TROUBLE, False),  # nobody told
        (
            {"near": [{"text": "slot", "match": r"slots=(?P<slots>\d+)"}], "when": "number(log.slots) > 2"},
            f"slots=4\n{TROUBLE}",
            True,
        ),
    ],
)
def test_near_not_and_when(tmp_path: Path, fields: dict[str, Any], log: str, fires: bool) -> None:
    rules = rule_set(tmp_path, a={"log": [{**LINE, **fields}]})
    assert bool(diagnose(rules, log).findings) is fires


@pytest.mark.parametrize(
    ("generic", "when", "machine", "origin", "expected"),
    [
        (False, None, None, "elsewhere", "likely"),
        (True, None, None, "elsewhere", "possible"),
        (False, "driver.uvm == None", {"uvm": None}, "here", "confirmed"),
        (True, "driver.uvm == None", {"uvm": None}, "maybe", "confirmed"),
        (False, "driver.uvm == None", {"uvm": True}, "here", "possible"),
        (False, "driver.uvm == None", {"uvm": True}, "maybe", "likely"),
        (False, "driver.uvm == None", {"uvm": True}, "elsewhere", "likely"),
        (True, "driver.uvm == None", {"uvm": True}, "here", None),
        (False, "driver.uvm == None", {}, "here", "likely"),
        (False, "number(log.gb) > 12", {}, "here", "confirmed"),
        (False, "number(log.gb) > 13", {}, "here", None),
        (False, "run.n_ctx == 5 and driver.uvm == None", {"uvm": None}, "here", "likely"),
    ],
)
def test_confidence(
    tmp_path: Path, generic: bool, when: Optional[str], machine: Optional[dict[str, Any]], origin: str, expected: Optional[str]
) -> None:
    fields: dict[str, Any] = {"log": [{**LINE, "generic": generic}]}
    rules = rule_set(tmp_path, a={**fields, **({"when": when} if when else {})})
    known = example_machine({"driver": machine}) if machine is not None else None
    assert short(diagnose(rules, TROUBLE, known, origin)) == ([("a", expected)] if expected else [])


def test_a_pattern_of_another_runtime_is_worth_less(tmp_path: Path) -> None:
    rules = rule_set(tmp_path, a={"log": [{**LINE, "runtimes": ["vllm"]}]})
    ollama = (
        'time=2026-01-03T10:00:00.000Z level=INFO source=routes.go:1500 msg="Listening on 127.0.0.1:11434 (version 0.31.0)"\n'
    )
    assert short(diagnose(rules, TROUBLE)) == [("a", "likely")]
    assert short(diagnose(rules, ollama + TROUBLE)) == [("a", "possible")]


def test_a_symptom_stands_alone_only_without_a_cause(tmp_path: Path) -> None:
    rules = rule_set(
        tmp_path,
        symptom={"kind": "symptom", "log": [{"text": "it broke here", "generic": True}]},
        cause={"log": [{"text": "because of this"}]},
    )
    assert short(diagnose(rules, TROUBLE)) == [("symptom", "possible")]
    outcome = diagnose(rules, f"because of this\n{TROUBLE}")
    assert short(outcome) == [("cause", "likely")]
    assert [one.id for one in outcome.explained] == ["oom.symptom"] and outcome.findings[0].explains == ["oom.symptom"]


def test_facts_of_this_machine_join_where_they_explain_the_log(tmp_path: Path) -> None:
    rules = rule_set(
        tmp_path,
        symptom={"kind": "symptom", "log": [{"text": "it broke here"}]},
        fact={"when": "driver.uvm == None", "explains": ["oom.symptom"]},
        other={"when": "driver.uvm == None"},
    )
    machine = example_machine({"driver": {"uvm": None}})
    assert short(diagnose(rules, TROUBLE, machine)) == [("fact", "confirmed")]
    assert short(diagnose(rules, TROUBLE, machine, "elsewhere")) == [("symptom", "likely")]


def test_check_takes_no_rule_that_needs_a_log(tmp_path: Path) -> None:
    rules = rule_set(
        tmp_path,
        both={"log": [LINE], "when": "driver.uvm == None"},
        alone={"log": [LINE], "when": "driver.uvm == None", "when_alone": True},
        run={"when": "run.n_ctx == 5"},
    )
    outcome = judge(example_machine({"driver": {"uvm": None}}), rules)
    assert [one.id for one in outcome.findings] == ["oom.alone"]
    assert outcome.not_checked == [] and outcome.passed == 0


def test_what_matched_in_a_log_is_at_least_a_warning(tmp_path: Path) -> None:
    assert diagnose(rule_set(tmp_path, a={"severity": "info", "log": [LINE]}), TROUBLE).findings[0].severity == "warning"


def test_the_latest_chapter_with_a_trouble_is_judged(tmp_path: Path) -> None:
    rules = rule_set(tmp_path, old={"log": [{"text": "old trouble"}]}, new={"log": [{"text": "new trouble"}]})
    boot = 'time=2026-01-03T10:00:00.000Z level=INFO source=routes.go:1490 msg="server config" env="map[OLLAMA_HOST:x]"\n'
    assert short(diagnose(rules, f"{boot}old trouble\n{boot}new trouble\n{boot}all fine\n")) == [("new", "likely")]


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({}, "a condition under when, or lines under log"),
        ({"log": [{"text": "it broke", "match": "("}]}, "match is no RE2 pattern"),
        ({"log": [{"text": []}]}, "text holds no literal"),
        ({"log": [{"text": "it broke", "runtimes": ["olama"]}]}, "did you mean ollama"),
        ({"log": [LINE], "evidence": ["{{ log.mb }}"]}, "no pattern of this rule has a group mb"),
        ({"log": [LINE], "when": "log.gb > 5"}, "log.gb is a text, 5 is a number"),
        ({"log": [{**LINE, "when": "driver.uvm == None"}]}, "the condition of a line reads log, run or shortage"),
    ],
)
def test_faults_name_file_and_place(tmp_path: Path, fields: dict[str, Any], message: str) -> None:
    with pytest.raises(RuleError, match=re.escape(message)) as caught:
        rule_set(tmp_path, a=fields)
    assert "a.yaml:" in str(caught.value)


def test_where_a_log_is_from(tmp_path: Path) -> None:
    reader = LogReader([], all_readers())
    log = b"ggml_cuda_init: found 1 CUDA devices:\n  Device 0: NVIDIA GeForce RTX 3060, compute capability 8.6, VMM: yes\n"
    chapters = reader.read("a.log", [log])

    def machine(name: str, family: str = "linux") -> Machine:
        return example_machine({"os": {"family": family}, "gpus": [{"name": name, "vendor": "nvidia"}]})

    assert origin_of(chapters, machine("NVIDIA GeForce RTX 3060")) == "here"
    assert origin_of(chapters, machine("NVIDIA H100 80GB HBM3")) == "elsewhere"
    assert origin_of(reader.read("a.log", [b"nothing\n"]), machine("NVIDIA GeForce RTX 3060")) == "maybe"
