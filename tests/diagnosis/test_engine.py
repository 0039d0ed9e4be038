"""Findings from facts and rules: folding, ranking, severity, runtimes, texts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from llmdoctor.diagnosis.engine import judge
from llmdoctor.diagnosis.rule import Rule
from llmdoctor.diagnosis.sources import example_machine, load_folder
from llmdoctor.runtimes import runtime_names

RULE = """\
title: {title}
kind: {kind}
severity: {severity}
runtimes: {runtimes}
when: {when}
explains: {explains}
evidence: ["{evidence}"]
why: because
fix:
  - do: mend {{{{ driver.version }}}}
    run: {{linux: "for linux", apt: "for apt", any: "for any"}}
    cost: a reboot
  - do: only on Windows
    when: os.family == "windows"
verify: look
refs: [https://example.org/x]
since: "0.1.0"
examples: []
"""


def rule_set(folder: Path, **rules: dict[str, Any]) -> list[Rule]:
    defaults = {
        "title": "A title", "kind": "cause", "severity": "error", "runtimes": "[]", "when": "driver.uvm == None",
        "explains": "[]", "evidence": "seen {{ driver.version }}",
    }  # fmt: skip
    for name, fields in rules.items():
        area, slug = name.split("_")
        (folder / area).mkdir(exist_ok=True)
        (folder / area / f"{slug}.yaml").write_text(RULE.format(**{**defaults, **fields}))
    return [loaded.rule for loaded in load_folder(str(folder), runtime_names())]


BROKEN = {"os": {"family": "linux", "package_manager": "apt"}, "driver": {"uvm": None, "version": "550.1", "nvidiactl": None}}


def test_a_finding_carries_texts_of_this_machine(tmp_path: Path) -> None:
    outcome = judge(example_machine(BROKEN), rule_set(tmp_path, driver_a={}))
    (finding,) = outcome.findings
    assert finding.id == "driver.a"
    assert finding.confidence == "confirmed"
    assert finding.evidence[0].text == "seen 550.1"
    assert [(one.text, one.source) for one in finding.evidence[1:]] == [("driver.uvm = absent", "driver.uvm")]
    assert [(step.do, step.run, step.cost) for step in finding.fix] == [("mend 550.1", "for apt", "a reboot")]


def test_a_root_cause_folds_what_it_explains_also_through_others(tmp_path: Path) -> None:
    rules = rule_set(
        tmp_path,
        driver_root={"severity": "warning", "explains": "[driver.middle, driver.not-fired]"},
        driver_middle={"explains": "[driver.leaf]", "severity": "info"},
        driver_leaf={"kind": "symptom", "severity": "error"},
        driver_other={"severity": "warning"},
        **{"driver_not-fired": {"when": "driver.uvm == True"}},
    )
    outcome = judge(example_machine(BROKEN), rules)
    assert [(one.id, one.severity) for one in outcome.findings] == [("driver.root", "error"), ("driver.other", "warning")]
    assert outcome.findings[0].explains == ["driver.middle", "driver.leaf"]
    assert {one.id for one in outcome.explained} == {"driver.middle", "driver.leaf"}
    assert outcome.passed == 1


def test_a_circle_of_a_teams_rules_still_shows_one(tmp_path: Path) -> None:
    rules = rule_set(tmp_path, driver_a={"explains": "[driver.b]"}, driver_b={"explains": "[driver.a]"})
    outcome = judge(example_machine(BROKEN), rules)
    assert [one.id for one in outcome.findings] == ["driver.a"]


@pytest.mark.parametrize(
    ("runtimes", "found", "runtime"),
    [
        ({"ollama": {"installed": True}}, "fired", "ollama"),
        ({"ollama": {"installed": False}, "vllm": {"installed": True}}, "fired", "vllm"),
        ({"ollama": {"installed": False}, "vllm": {"installed": False}}, "passed", None),
        ({"ollama": {"installed": False}, "vllm": {"installed": {"unknown": "timed out"}}}, "not checked", None),
    ],
)
def test_a_rule_of_runtimes_holds_where_one_is_installed(tmp_path: Path, runtimes: Any, found: str, runtime: Any) -> None:
    outcome = judge(
        example_machine({**BROKEN, "runtimes": runtimes}), rule_set(tmp_path, driver_a={"runtimes": "[ollama, vllm]"})
    )
    got = "fired" if outcome.findings else "not checked" if outcome.not_checked else "passed"
    assert got == found
    if outcome.findings:
        assert outcome.findings[0].runtime == runtime
    if outcome.not_checked:
        assert "vllm" in outcome.not_checked[0].reason
        assert "timed out" in outcome.not_checked[0].reason


def test_a_rule_on_an_unknown_fact_is_not_checked_and_says_why(tmp_path: Path) -> None:
    outcome = judge(example_machine({"driver": {"uvm": {"unknown": "no permission"}}}), rule_set(tmp_path, driver_a={}))
    assert outcome.findings == [] and outcome.passed == 0
    assert [(one.id, one.reason) for one in outcome.not_checked] == [("driver.a", "driver.uvm: no permission")]


def test_a_line_of_evidence_with_an_unknown_value_is_left_out(tmp_path: Path) -> None:
    outcome = judge(example_machine({"driver": {"uvm": None}}), rule_set(tmp_path, driver_a={}))
    assert [one.text for one in outcome.findings[0].evidence] == ["driver.uvm = absent"]


def test_the_witness_of_any_keeps_its_name_and_bytes_their_unit(tmp_path: Path) -> None:
    rules = rule_set(
        tmp_path,
        gpu_a={"when": "any(g.vram_free_bytes < 1000 for g in gpus)", "evidence": "{{ g.name }} has {{ g.vram_total_bytes }}"},
    )
    gpus = [{"name": "a", "vram_free_bytes": 5000}, {"name": "b", "vram_free_bytes": 5, "vram_total_bytes": 24 << 30}]
    finding = judge(example_machine({"gpus": gpus}), rules).findings[0]
    assert finding.evidence[0].text == "b has 24.0 GiB"


def test_severity_then_cause_before_symptom_then_reach(tmp_path: Path) -> None:
    rules = rule_set(
        tmp_path,
        driver_w={"severity": "warning"},
        driver_symptom={"kind": "symptom"},
        driver_cause={},
        driver_wide={"explains": "[driver.leaf]"},
        driver_leaf={},
    )
    assert [one.id for one in judge(example_machine(BROKEN), rules).findings] == [
        "driver.wide", "driver.cause", "driver.symptom", "driver.w",
    ]  # fmt: skip


def test_a_witness_of_a_branch_that_did_not_decide_leaves_its_line_out(tmp_path: Path) -> None:
    rules = rule_set(
        tmp_path,
        gpu_a={
            "when": "driver.uvm == None or any(g.name == 'x' for g in gpus)",
            "evidence": "card {{ g.name }}",
            "title": "T {{ g.name }}",
        },
    )
    finding = judge(example_machine({**BROKEN, "gpus": []}), rules).findings[0]
    assert (finding.title, [one.text for one in finding.evidence]) == ("T none", ["driver.uvm = absent"])
