"""Recorded and hand-made machines: the healthy give nothing at warning or above, the broken their root cause first."""

from __future__ import annotations

from pathlib import Path

import pytest

from llmdoctor.diagnosis.engine import Outcome, judge
from llmdoctor.diagnosis.index import load
from llmdoctor.survey.storage import open_saved

MACHINES = Path(__file__).resolve().parent.parent / "fixtures" / "machines"


FAULTS = {
    "docker-without-gpus": "docker.gpus-flag-missing",
    "h100-address-space": "oom.address-space",
    "h100-cgroup-limit": "oom.container-limit",
    "h100-compat-first": "cuda.ld-library-path-shadows",
    "h100-cpu-torch": "cuda.torch-cpu-build",
    "h100-libcuda-covered": "driver.library-missing",
    "h100-libcuda-gone": "driver.library-missing",
    "h100-libnvidia-ml-covered": "driver.library-missing",
    "h100-libnvidia-ml-gone": "driver.library-missing",
    "h100-nvidia0-covered": "driver.device-nodes-missing",
    "h100-nvidia0-missing": "driver.device-nodes-missing",
    "h100-nvidiactl-covered": "driver.device-nodes-missing",
    "h100-nvidiactl-covered-by-null": "driver.device-nodes-missing",
    "h100-nvidiactl-missing": "driver.device-nodes-missing",
    "h100-nvml-mismatch": "driver.nvml-version-mismatch",
    "h100-stub-first": "driver.stub-libcuda",
    "h100-uvm-covered": "driver.uvm-not-loaded",
    "h100-uvm-covered-by-null": "driver.uvm-not-loaded",
    "h100-uvm-missing": "driver.uvm-not-loaded",
    "h100-uvm-without-rights": "driver.device-node-permission",
    "h100-visible-7": "env.cuda-visible-devices-invalid",
    "h100-visible-bad-uuid": "env.cuda-visible-devices-invalid",
    "h100-visible-empty": "env.cuda-visible-devices-hides-gpu",
    "h100-visible-minus-1": "env.cuda-visible-devices-hides-gpu",
    "h100-vram-held": "oom.other-process",
}  # fmt: skip
"""Recording to the rule that must stand first."""

RECORDINGS = {path.stem: path for path in sorted(MACHINES.glob("*/*.json"))}

HEALTHY = [path for name, path in RECORDINGS.items() if name not in FAULTS]


def outcome_of(path: Path) -> Outcome:
    return judge(open_saved(str(path), 20).machine, load())


def test_there_are_at_least_six_healthy_machines() -> None:
    assert len(HEALTHY) >= 6


@pytest.mark.parametrize("path", HEALTHY, ids=lambda path: path.stem)
def test_a_healthy_machine_gives_no_alarm(path: Path) -> None:
    outcome = outcome_of(path)
    alarms = [
        (one.id, [item.text for item in one.evidence]) for one in outcome.findings + outcome.explained if one.severity != "info"
    ]
    assert alarms == []
    # Nothing found must not mean that nothing could be seen.
    assert outcome.passed > 3 * len(outcome.not_checked), [(one.id, one.reason) for one in outcome.not_checked]


def test_every_fault_has_its_expectation() -> None:
    assert {path.stem for path in (MACHINES / "faults").glob("*.json")} <= set(FAULTS) <= set(RECORDINGS)


@pytest.mark.parametrize(("name", "expected"), FAULTS.items())
def test_the_first_finding_is_the_root_cause(name: str, expected: str) -> None:
    outcome = outcome_of(RECORDINGS[name])
    serious = [one for one in outcome.findings if one.severity != "info"]
    assert [one.id for one in serious][:1] == [expected]
    assert len(serious) == 1, [one.id for one in serious]
    assert serious[0].evidence and serious[0].fix


@pytest.mark.parametrize("path", RECORDINGS.values(), ids=lambda path: path.stem)
def test_every_fixture_says_where_it_comes_from(path: Path) -> None:
    import json

    data = json.loads(path.read_text(encoding="utf-8"))
    assert len(data["note"]) > 20
