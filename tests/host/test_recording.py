"""What was asked can be given again, and what was not asked is not made up."""

from __future__ import annotations

import sys
from pathlib import Path

from llmdoctor.facts.fact import Unknown
from llmdoctor.host.host import Host
from llmdoctor.host.live import Live
from llmdoctor.host.recording import Entry, Recorder, Recording, replay


def test_a_recording_gives_the_same_facts(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("text")
    recorder = Recorder(Live())
    live = Host(recorder)

    def ask(host: Host) -> list[object]:
        return [
            host.text(str(tmp_path / "a")),
            host.text(str(tmp_path / "none")),
            host.entries(str(tmp_path)),
            host.run(sys.executable, "-c", "print(1)"),
            host.system("rlimit", "NOFILE"),
            host.stat(str(tmp_path)),
        ]

    before = ask(live)
    after = ask(Host(replay(Recording(tool_version="0", answers=recorder.entries()))))
    assert before == after


def test_what_was_not_asked_is_unknown() -> None:
    host = Host(replay(Recording(tool_version="0", answers=[])))
    assert host.text("/etc/os-release") == Unknown("not recorded")
    assert host.nvml_start() == Unknown("not recorded")


def test_another_deadline_is_the_same_question() -> None:
    value = {"status": 0, "stdout": "x", "stderr": "", "timed_out": False}
    entry = Entry(kind="command", key=[3000, "nvidia-smi"], value=value)
    done = Host(replay(Recording(tool_version="0", answers=[entry]))).run("nvidia-smi", deadline_s=9)
    assert done is not None and not isinstance(done, Unknown)
    assert done.stdout == "x"


def test_an_answer_of_a_wrong_shape_is_a_reason_not_an_error() -> None:
    for kind, key in (("list", ["/x"]), ("stat", ["/x"]), ("listeners", []), ("processes", [])):
        host = Host(replay(Recording(tool_version="0", answers=[Entry(kind=kind, key=key, value={"odd": 1})])))
        answers = {"list": host.entries, "stat": host.stat}
        found = answers[kind]("/x") if kind in answers else getattr(host, kind)()
        assert isinstance(found, Unknown) and "unreadable answer" in found.unknown
