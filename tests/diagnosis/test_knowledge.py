"""The knowledge base as it stands: every rule compiles, keeps its own examples, and the index equals the sources."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from llmdoctor.diagnosis import index, lint
from llmdoctor.diagnosis.rule import RuleSource
from llmdoctor.diagnosis.sources import Loaded, load_folder
from llmdoctor.facts.machine import Machine
from llmdoctor.runtimes import runtime_names

from .test_log_engine import rule_set

DOCS = Path(__file__).resolve().parent.parent.parent / "docs"
RULES = load_folder(index.source_folder(), runtime_names())


def test_no_faults() -> None:
    found, count = lint.faults()
    assert found == [] and count == len(RULES)


@pytest.mark.parametrize(
    ("rules", "fault"),
    [
        ({"a": {"log": [{"text": "oops"}]}}, "a.yaml: the literal 'oops' is shorter than 6 characters"),
        ({"a": {"log": [{"text": "it broke", "near": [{"text": "gpu"}]}]}}, "a.yaml: the literal 'gpu' is shorter than 4 characters"),
        ({"a": {"log": [{"text": "update_slots"}]}}, "a.yaml: the literal 'update_slots' stands in what servers print at every request"),
        ({"a": {"log": [{"text": "llama_"}]}}, "a.yaml: the literal 'llama_' is too common"),
        ({"a": {"log": [{"text": "it broke"}, {"text": "oh, it broke", "match": "x"}]}}, "a.yaml: log[1] can never be reached"),
        ({"a": {"log": [{"text": "it broke"}], "explains": ["oom.b"]}, "b": {"log": [{"text": "it broke", "match": "x"}]}},
         "b.yaml: oom.a takes all its lines and explains it, so that it never comes first"),
        ({"a": {"log": [{"text": "it broke"}], "explains": ["oom.b"]}, "b": {"log": [{"text": "it bent"}], "explains": ["oom.a"]}},
         "these explain each other in a circle: oom.a -> oom.b -> oom.a"),
        ({"a": {"log": [{"text": "it broke"}], "explains": ["oom.c"]}}, "a.yaml: explains oom.c, which is no rule"),
        ({"a": {"log": [{"text": "it broke"}], "since": "99.0"}}, "a.yaml: since is '99.0'"),
        ({"a": {"log": [{"text": "it broke"}]}}, "a.yaml: no source under refs"),
    ],
)  # fmt: skip
def test_lint_names_the_fault(tmp_path: Path, rules: dict[str, dict[str, Any]], fault: str) -> None:
    rule_set(tmp_path, **rules)
    found, _ = lint.faults(str(tmp_path))
    assert any(fault in one for one in found), found


@pytest.mark.parametrize("one", RULES, ids=lambda one: one.id)
def test_examples(one: Loaded) -> None:
    assert lint.failing_examples(one) == []


def test_at_least_110_causes_that_facts_decide() -> None:
    assert len(RULES) >= 110


def test_index_equals_the_sources(tmp_path: Path) -> None:
    written = index.write(str(tmp_path / "rules.index"))
    again = msgspec.msgpack.decode((tmp_path / "rules.index").read_bytes(), type=index.Index)
    assert msgspec.msgpack.encode(again) == msgspec.msgpack.encode(written)
    assert [rule.id for rule in index.load()] == [one.id for one in RULES]
    assert [(rule.when, rule.texts()) for rule in index.load()] == [(one.rule.when, one.rule.texts()) for one in RULES]


def test_a_changed_source_is_never_hidden_by_an_old_index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = tmp_path / "rules" / "driver"
    source.mkdir(parents=True)
    text = (Path(index.source_folder()) / "driver" / "uvm-not-loaded.yaml").read_text()
    (source / "one.yaml").write_text(text)
    monkeypatch.setattr(index, "source_folder", lambda: str(tmp_path / "rules"))
    monkeypatch.setattr(index, "INDEX_PATH", str(tmp_path / "rules.index"))
    monkeypatch.setattr(index, "_PACKAGE", str(tmp_path / "package"))
    index.write(str(tmp_path / "rules.index"))
    assert [rule.id for rule in index.load()] == ["driver.one"]
    (source / "two.yaml").write_text(text)
    assert [rule.id for rule in index.load()] == ["driver.one", "driver.two"]


@pytest.mark.parametrize(("name", "type_"), [("machine", Machine), ("rule", RuleSource)])
def test_published_schema_is_of_today(name: str, type_: type) -> None:
    """Made anew by: python -m llmdoctor rules schema machine > docs/machine.schema.json, and likewise rule."""
    published = (DOCS / f"{name}.schema.json").read_text(encoding="utf-8")
    assert msgspec.json.decode(published) == msgspec.json.schema(type_)
