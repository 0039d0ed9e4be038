"""Rule files are untrusted: every fault is one line with file, line and column, and nothing in them runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from llmdoctor.diagnosis.sources import RuleError, cycle, example_machine, load_folder
from llmdoctor.runtimes import runtime_names

GOOD = """\
title: A title
kind: cause
severity: error
when: driver.uvm == None
evidence: ["{{ driver.version }}"]
why: because
fix:
  - do: this
    run: {linux: "true"}
refs: [https://example.org]
since: "0.1.0"
"""


def load(folder: Path, text: str | bytes) -> None:
    (folder / "driver").mkdir(exist_ok=True)
    path = folder / "driver" / "x.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    load_folder(str(folder), runtime_names())


def test_good(tmp_path: Path) -> None:
    load(tmp_path, GOOD)


@pytest.mark.parametrize(
    ("text", "place", "part"),
    [
        (GOOD.replace("driver.uvm", "driver.uvmm"), ":4:7", "did you mean uvm?"),
        (
            GOOD.replace("when: driver.uvm == None", "when: >\n  os.family == 'linux' and\n  drver.uvm == None"),
            ":6:3",
            "did you mean driver?",
        ),
        (GOOD.replace("{{ driver.version }}", "{{ driver.versoin }}"), ":5:16", "did you mean version?"),
        (GOOD.replace("severity: error", "severity: fatal"), ":3:11", "severity"),
        (GOOD.replace("kind: cause", "knd: cause"), ":2:6", "did you mean kind?"),
        (GOOD.replace("    run:", "    rum:"), ":9:10", "no field rum"),
        (GOOD.replace("{linux:", "{linx:"), ":9:17", "did you mean linux?"),
        (GOOD + "runtimes: [olama]\n", ":12:12", "did you mean ollama?"),
        (GOOD + "title: again\n", ":12:1", "stands twice"),
        (GOOD.replace("title: A title", "title: [a"), ":", "not YAML"),
        (GOOD.replace("why: because", "why: !!python/object/apply:os.system ['true']"), "", "not YAML"),
        (GOOD.replace("why: because", "why: &a because") + "verify: *a\n", ":6:6", "aliases"),
        ("", ":1:1", "is empty"),
        ("just text", "", "xpected"),
        (b"\xff\xfe\x00", ":1:1", "not UTF-8"),
        ("a: " + "x" * 300_000, "", "larger than 256 KiB"),
        ("[" * 5000, "", "not YAML"),
    ],
)
def test_fault_names_file_place_and_cure(tmp_path: Path, text: str | bytes, place: str, part: str) -> None:
    with pytest.raises(RuleError) as caught:
        load(tmp_path, text)
    message = str(caught.value)
    assert message.startswith(str(tmp_path / "driver" / "x.yaml") + place)
    assert part in message
    assert "\n" not in message


def test_no_folder_and_a_file_in_place_of_one(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    for name, part in (("nope", "no such folder"), ("file", "is not a folder of rules")):
        with pytest.raises(RuleError, match=part):
            load_folder(str(tmp_path / name), runtime_names())


@pytest.mark.parametrize(
    ("machine", "part"),
    [
        ({"drivr": {}}, "did you mean driver?"),
        ({"driver": {"uvmm": True}}, "machine.driver has no field uvmm"),
        ({"gpus": [{"nmae": "x"}]}, "machine.gpus[0] has no field nmae"),
        ({"cpu": {"avx2": "yes"}}, "Expected"),
    ],
)
def test_example_machine_is_checked_too(machine: dict[str, object], part: str) -> None:
    with pytest.raises(ValueError) as caught:
        example_machine(machine)
    assert part in str(caught.value)


def test_cycle() -> None:
    assert cycle({"a": ["b"], "b": ["c"], "c": []}) is None
    assert cycle({"a": ["b"], "b": ["c"], "c": ["a"]}) == ["a", "b", "c", "a"]
