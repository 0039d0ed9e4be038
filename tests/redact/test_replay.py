"""What is hidden must not change what is found: redacted machines and logs give the same findings."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from llmdoctor.diagnosis.engine import judge
from llmdoctor.diagnosis.index import load
from llmdoctor.diagnosis.log_engine import judge_logs
from llmdoctor.host.recording import Recording
from llmdoctor.logs.chapters import LogReader
from llmdoctor.logs.stream import blocks, open_file
from llmdoctor.redact.redactor import Redactor
from llmdoctor.runtimes import all_readers
from llmdoctor.survey.storage import open_saved, redact_entries

FIXTURES = Path(__file__).resolve().parents[2] / "fixtures"
MACHINES = [*sorted(FIXTURES.glob("machines/by-hand/*.json")), *sorted(FIXTURES.glob("machines/faults/*.json"))[::8]]
LOGS = [*sorted(FIXTURES.glob("logs/real/*.log")), *sorted(FIXTURES.glob("logs/healthy/*.log"))[::4]]


def found(path: str) -> object:
    outcome = judge(open_saved(path, 20).machine, load())
    return [(one.id, one.confidence) for one in outcome.findings], [one.id for one in outcome.explained], outcome.passed


@pytest.mark.parametrize("path", MACHINES, ids=lambda path: path.stem)
def test_a_redacted_machine(path: Path, tmp_path: Path) -> None:
    # Somebody lives on it: the owner's name and the machine's are put where the fixture has placeholders.
    raw = path.read_bytes().replace(b"<user-1>", b"zaphodx").replace(b"<host-1>", b"thinkbox")
    recording = msgspec.json.decode(raw, type=Recording)
    redact_entries(recording.answers, Redactor(["zaphodx"], ["thinkbox"]))
    hidden = tmp_path / "hidden.json"
    hidden.write_bytes(msgspec.json.encode(recording))
    assert b"zaphodx" not in hidden.read_bytes() and b"thinkbox" not in hidden.read_bytes()
    assert found(str(hidden)) == found(str(path))


def test_redacted_logs() -> None:
    rules = load()
    reader = LogReader((pattern for rule in rules for pattern in rule.patterns()), all_readers())
    different = []
    for path in LOGS:
        outcomes = []
        for redactor in (None, Redactor()):
            with open_file(str(path)) as raw:
                stream = blocks(raw, path.name)
                chapters = reader.read(path.name, stream if redactor is None else redactor.stream(stream))
            outcome = judge_logs(None, rules, [(chapters, "elsewhere")])
            outcomes.append([(one.id, one.confidence, [item.line for item in one.evidence]) for one in outcome.findings])
        if outcomes[0] != outcomes[1]:
            different.append((path.name, outcomes))
    assert different == []
