"""``llmdoctor diagnose`` and ``explain`` in processes of their own: real logs, odd input, statuses."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from .test_cli import ROOT, run

REAL = ROOT / "fixtures" / "logs" / "real"
TRUNCATED = REAL / "llama-b11549-trunc.log"


def test_a_log_in_every_format_says_the_same() -> None:
    for form in ("terminal", "markdown"):
        done = run("diagnose", "--no-machine", str(TRUNCATED), "--format", form)
        assert done.returncode == 1 and done.stderr == ""
        assert "file.truncated" in done.stdout and "line " in done.stdout
    done = run("diagnose", "--no-machine", str(TRUNCATED), "--format", "json")
    data = json.loads(done.stdout)
    first = data["findings"][0]
    assert (done.returncode, first["id"], data["logs"][0]["machine"]) == (1, "file.truncated", "elsewhere")
    line = next(one for one in first["evidence"] if one["line"])
    assert line["text"] in TRUNCATED.read_text().splitlines()[line["line"] - 1]
    assert data["runs"][0]["log"] == str(TRUNCATED) and "model" not in data["machine"]["cpu"]


def test_packed_and_piped_logs_give_the_same_finding(tmp_path: Path) -> None:
    packed = tmp_path / "a.log.gz"
    packed.write_bytes(gzip.compress(TRUNCATED.read_bytes()))
    assert "file.truncated" in run("diagnose", "--no-machine", str(packed)).stdout
    with TRUNCATED.open("rb") as file:
        piped = subprocess.run(
            [sys.executable, "-m", "llmdoctor", "diagnose", "--no-machine", "-"],
            stdin=file,
            capture_output=True,
            cwd=ROOT,
            timeout=60,
        )
    assert b"file.truncated" in piped.stdout and piped.returncode == 1


def test_a_healthy_log_is_told_so() -> None:
    done = run("diagnose", "--no-machine", str(ROOT / "fixtures/logs/healthy/real-llama-b11434-healthy-v4.log"))
    assert done.returncode == 0 and "No trouble found" in done.stdout


def test_a_log_of_this_machine_takes_its_facts() -> None:
    done = run("diagnose", str(TRUNCATED), "--format", "json")
    data = json.loads(done.stdout)
    assert data["logs"][0]["machine"] in ("maybe", "here") and isinstance(data["machine"]["cpu"]["logical_cores"], int)
    saved = next((ROOT / "fixtures/machines/faults").glob("*.json"))
    done = run("diagnose", str(TRUNCATED), "--from", str(saved), "--format", "json")
    assert json.loads(done.stdout)["logs"][0]["machine"] == "here"


def test_two_logs_are_judged_together() -> None:
    done = run("diagnose", "--no-machine", str(TRUNCATED), str(REAL / "llama-b11549-port.log"), "--format", "json")
    data = json.loads(done.stdout)
    assert {"file.truncated", "net.port-in-use"} <= {one["id"] for one in data["findings"]} and len(data["logs"]) == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nothing.log"], "nothing.log: cannot be read: No such file or directory"),
        (["."], ".: is a folder"),
        (["/dev/null"], "/dev/null: holds nothing"),
        ([sys.executable], "is no text"),
        (["--no-machine"], "--no-machine needs a log"),
        (["--runtime", "olama", "x.log"], "did you mean ollama?"),
        (["--no-machine", "--from", "x.json", "x.log"], "contradict each other"),
        (["--from", "x.json", str(TRUNCATED)], "x.json: no such file"),
        (["--no-such-option"], "No such option"),
    ],
)
def test_bad_input_is_one_line_and_status_2(arguments: list[str], message: str) -> None:
    done = run("diagnose", *arguments)
    assert done.returncode == 2 and done.stdout == ""
    assert message in done.stderr and done.stderr.count("\n") == 1


def test_nothing_recognised_says_what_was_looked_for(tmp_path: Path) -> None:
    log = tmp_path / "diary.txt"
    log.write_text("it rained\n" * 5)
    done = run("diagnose", "--no-machine", str(log))
    assert done.returncode == 0 and "Nothing recognised" in done.stdout and "known causes" in done.stdout


def test_own_logs_are_found_and_the_failed_run_is_taken(tmp_path: Path) -> None:
    """Ollama's folder of a home made for the test: the newest log is fine, the rotated one holds the crash."""
    home = tmp_path / "home"
    logs = home / ".ollama" / "logs"
    logs.mkdir(parents=True)
    program = tmp_path / "bin" / "ollama"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\nexit 1\n")
    program.chmod(0o755)
    (logs / "server-1.log").write_text(TRUNCATED.read_text())
    (logs / "server.log").write_text(
        'time=2026-01-03T10:00:00.000Z level=INFO source=routes.go:1500 msg="Listening on 127.0.0.1:11434 (version 0.31.0)"\n'
    )
    os.utime(logs / "server-1.log", (1_700_000_000, 1_700_000_000))
    done = run(
        "diagnose", "--runtime", "ollama", "--format", "json", HOME=str(home), PATH=f"{program.parent}:{os.environ['PATH']}"
    )
    data = json.loads(done.stdout)
    assert [log["name"] for log in data["logs"]] == [str(logs / "server-1.log")]
    assert data["findings"][0]["id"] == "file.truncated" and data["logs"][0]["machine"] == "here"


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("137", "SIGKILL"), ("0xC0000135", "STATUS_DLL_NOT_FOUND"), ("-1073741819", "STATUS_ACCESS_VIOLATION"),
        ("18446744072635810000", "STATUS_ILLEGAL_INSTRUCTION"), ("18446744072635812000", "STATUS_STACK_BUFFER_OVERRUN"),
        ("SIGILL", "SIGILL"), ("CUDA error 999", "CUDA_ERROR_UNKNOWN"), ("NVML 18", "LIB_RM_VERSION_MISMATCH"),
        ("Xid 79", "FELL_OFF_BUS"), ("WinError 126", "ERROR_MOD_NOT_FOUND"), ("os error 1455", "ERROR_COMMITMENT_LIMIT"),
        ("[Errno 28]", "ENOSPC"), ("CUDA_ERROR_NO_DEVICE", "no GPU"), ("hipErrorNoBinaryForGpu", "gfx"), ("HTTP 412", "newer version"),
    ],
)  # fmt: skip
def test_explain(code: str, words: str) -> None:
    done = run("explain", *code.split())
    assert done.returncode == 0 and words in done.stdout


@pytest.mark.parametrize("code", ["banana", "", "99999999999999999999999999", "CUDA error 424242"])
def test_explain_what_is_no_code(code: str) -> None:
    done = run("explain", code)
    assert done.returncode == 2 and done.stdout == "" and done.stderr.count("\n") == 1
