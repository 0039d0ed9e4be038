"""Nothing that was planted comes out, in any form; and what explains a fault stays."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from llmdoctor.redact.redactor import Redactor

from .planted import PLANTED, Planted

LOGS = sorted((Path(__file__).resolve().parents[2] / "fixtures" / "logs").glob("*/*.log"))


def test_there_are_enough() -> None:
    assert len(PLANTED) >= 400
    assert len({one.kind for one in PLANTED}) >= 25


@pytest.mark.parametrize("planted", PLANTED, ids=lambda one: f"{one.kind}")
def test_alone(planted: Planted) -> None:
    hidden = Redactor().text(planted.text)
    assert planted.secret not in hidden
    assert Redactor().text(hidden) == hidden


def _leaks(text: str) -> list[Planted]:
    return [one for one in PLANTED if one.secret in text]


WHOLE = "\n".join(one.text for one in PLANTED) + "\n"


@pytest.mark.parametrize("size", [64, 1000, 1 << 20])
def test_in_one_log_whatever_the_blocks(size: int) -> None:
    raw = WHOLE.encode()
    redactor = Redactor()
    redactor.learn(WHOLE)
    out = b"".join(redactor.stream(raw[at : at + size] for at in range(0, len(raw), size))).decode()
    assert _leaks(out) == []
    assert out.count("\n") == WHOLE.count("\n")


@pytest.mark.parametrize("newline", ["\r\n", "\n"])
@pytest.mark.parametrize("prefix", ["", "Nov 23 16:22:03 box app[1]: ", "2026-11-23T16:22:03.123456789Z stderr F ", "    "])
def test_with_what_loggers_put_before(prefix: str, newline: str) -> None:
    text = newline.join(prefix + one.text for one in PLANTED if "\n" not in one.text) + newline
    redactor = Redactor()
    redactor.learn(WHOLE)
    assert _leaks(redactor.text(text)) == []


def test_in_json_as_values_and_keys() -> None:
    redactor = Redactor()
    value = {"logs": [one.text for one in PLANTED], "by": {one.text: 1 for one in PLANTED}}
    redactor.learn(value)
    out = json.dumps(redactor.value(value))
    assert [one for one in PLANTED if json.dumps(one.secret)[1:-1] in out] == []


def test_in_journald_json() -> None:
    lines = [json.dumps({"MESSAGE": one.text, "_HOSTNAME": "atlantis"}) for one in PLANTED]
    redactor = Redactor()
    redactor.learn(WHOLE)
    out = redactor.text("\n".join(lines))
    # What has several lines is several messages there.
    assert [one for one in PLANTED if "\n" not in one.text and json.dumps(one.secret)[1:-1] in out] == []
    assert "atlantis" not in out


KEPT = (Path(__file__).with_name("kept.txt")).read_text(encoding="utf-8").splitlines()


def test_there_are_enough_that_stay() -> None:
    assert len(KEPT) >= 200
    assert len(set(KEPT)) == len(KEPT)


@pytest.mark.parametrize("line", KEPT)
def test_what_explains_a_fault_stays(line: str) -> None:
    assert Redactor(["ada"], ["lovelace"]).text(line) == line


@pytest.mark.parametrize("path", LOGS, ids=lambda path: path.stem)
def test_twice_is_the_same(path: Path) -> None:
    text = path.read_text(encoding="utf-8", errors="surrogateescape")
    once = Redactor().text(text)
    assert Redactor().text(once) == once
