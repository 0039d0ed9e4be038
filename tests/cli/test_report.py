"""The report as users and maintainers meet it: what stands first, what is hidden, what it writes, and that it opens again."""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import NamedTuple

import msgspec
import pytest

from llmdoctor.cli import app
from llmdoctor.cli.report import PROJECTS
from llmdoctor.facts.finding import Diagnosis
from llmdoctor.logs.stream import open_file
from llmdoctor.redact.redactor import Redactor
from llmdoctor.report.forms import layout_for
from llmdoctor.report.issue import MAX_CHARS, Report, render
from llmdoctor.report.making import LogSource, make

ROOT = Path(__file__).resolve().parents[2]

LOG = ROOT / "fixtures" / "logs" / "real" / "llama-b11434-ctx-too-large.log"
MACHINES = ROOT / "fixtures" / "machines"
HEALTHY = MACHINES / "healthy" / "h100-as-root.json"
FAULT = MACHINES / "faults" / "h100-uvm-missing.json"
CAUSE = "oom.kv-cache"

HEADINGS = {
    "ollama": ["What is the issue?", "Relevant log output", "OS", "GPU", "CPU", "Ollama version"],
    "llama.cpp": [
        "Name and Version", "Operating systems", "GGML backends", "Hardware", "Models", "Problem description & steps to reproduce",
        "First Bad Commit", "Relevant log output",
    ],
    "text-generation-webui": ["Describe the bug", "Is there an existing issue for this?", "Reproduction", "Screenshot", "Logs", "System Info"],
    "lmstudio": ["Which version of LM Studio?", "Which operating system?", "What is the bug?", "Screenshots", "Logs", "To Reproduce"],
    "jan": ["Version:", "Describe the Bug", "Steps to Reproduce", "Screenshots / Logs", "Operating System"],
    "vllm": ["Your current environment", "🐛 Describe the bug", "Before submitting a new issue..."],
    "koboldcpp": ["Describe the Issue", "Additional Information:"],
}  # fmt: skip


class Done(NamedTuple):
    returncode: int
    stdout: str
    stderr: str


def run(*arguments: str) -> Done:
    """The command in this process; it is the same as in one of its own, and faster."""
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8") for _ in range(2))
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        patch.setattr(sys, "argv", ["llmdoctor", *arguments])
        patch.delenv("DISPLAY", raising=False)
        patch.delenv("WAYLAND_DISPLAY", raising=False)
        status = app.run()
    out.flush()
    err.flush()
    texts = [stream.buffer.getvalue().decode() for stream in (out, err)]  # type: ignore[attr-defined]
    return Done(status, *texts)


def report(*arguments: str) -> str:
    done = run("report", *arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout


def outside_fences(text: str) -> list[str]:
    rows, fence = [], ""
    for row in text.splitlines():
        mark = re.match(r" *(`{3,})", row)
        if not fence and mark:
            fence = mark[1]
        elif fence and re.fullmatch(rf" *`{{{len(fence)},}}", row):
            fence = ""
        elif not fence:
            rows.append(row)
    assert not fence
    return rows


def test_the_cause_stands_first_then_the_machine_then_the_log() -> None:
    text = report(str(LOG), "--from", str(HEALTHY))
    assert (
        text.index("KV cache")
        < text.index("### Machine")
        < text.index("### Findings")
        < text.index("### Log")
        < text.index("<details>")
    )
    for word in (
        CAUSE,
        "NVIDIA H100 80GB HBM3",
        "| Driver |",
        "| OS |",
        "| RAM |",
        "failed to allocate buffer for kv cache",
        "whole (133 lines)",
    ):
        assert word in text


def test_a_healthy_machine_has_a_report_too() -> None:
    text = report("--from", str(HEALTHY))
    assert "No problem found" in text and "### Findings" not in text
    # Without a log the rules of logs have checked nothing: the number is that of check.
    checked = run("check", "--from", str(HEALTHY), "--format", "json")
    told = json.loads(checked.stdout)
    assert f"in {told['passed'] + len(told['findings'])} checks" in text


@pytest.fixture(scope="module")
def made() -> Report:
    told = run("diagnose", str(LOG), "--from", str(HEALTHY), "--format", "json")
    diagnosis = msgspec.json.decode(told.stdout.encode(), type=Diagnosis)
    return make(diagnosis, [LogSource(str(LOG), 133, lambda: open_file(str(LOG)))], Redactor())


@pytest.mark.parametrize("project", PROJECTS)
def test_each_form_has_its_headings_in_their_order(project: str, made: Report) -> None:
    text = render(made, layout_for(project))
    found = [match[1].strip() for row in outside_fences(text) if (match := re.match(r"(?:#{2,3} |\*\*)(.*?)(?:\*\*.*)?$", row))]
    at = -1
    for heading in HEADINGS[project]:
        at = found.index(heading, at + 1)
    assert "failed to allocate buffer for kv cache" in text and CAUSE in text


PRIVATE = """\
Nov 23 16:22:03 thinkbox ollama[812]: serving for zaphodx
loading /home/zaphodx/acmesecret/models/llama-3-8b.Q4_K_M.gguf
HF_TOKEN=hf_{token} password=hunter2hunter from 203.0.113.77
msg=x prompt="my bank account"
```
</details> ### Injected heading @everyone <script>alert(1)</script>
\x1b[31mred\x1b[0m \x1b]0;title\x07
""".format(token="abcdefgh1234567890")


@pytest.fixture()
def private_log(tmp_path: Path) -> Path:
    path = tmp_path / "server.log"
    path.write_text(PRIVATE)
    return path


def test_nothing_private_and_nothing_that_breaks_out(private_log: Path, tmp_path: Path) -> None:
    bundle = tmp_path / "b.zip"
    done = run("report", str(private_log), "--bundle", str(bundle), "--for", "ollama", "--show-redactions")
    assert done.returncode == 0
    with zipfile.ZipFile(bundle) as archive:
        assert set(archive.namelist()) == {"report.md", "diagnosis.json", "logs/1.log", "recording.json"}
        shared = done.stdout + "".join(archive.read(name).decode() for name in archive.namelist())
    for secret in ("zaphodx", "thinkbox", "acmesecret", "hf_abc", "hunter2", "203.0.113.77", "bank account", "\x1b"):
        assert secret not in shared
    assert not any("Injected" in row for row in outside_fences(done.stdout))
    # Here alone, and only where it was asked for, stands what they were.
    assert "<user-1>  zaphodx" in done.stderr and "Hidden: " in done.stderr
    assert "zaphodx" not in run("report", str(private_log)).stderr


def test_files_are_for_their_owner_alone_and_never_asks(private_log: Path, tmp_path: Path) -> None:
    output, bundle = tmp_path / "issue.md", tmp_path / "b.zip"
    done = run("report", str(private_log), "--output", str(output), "--bundle", str(bundle), "--copy")
    assert (done.returncode, done.stdout) == (0, "")
    if os.name != "nt":
        assert {path.stat().st_mode & 0o777 for path in (output, bundle)} == {0o600}


def test_standard_input() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "llmdoctor", "report", "-", "--from", str(HEALTHY)],
        stdin=LOG.open("rb"),
        capture_output=True,
        cwd=ROOT,
    )
    assert done.returncode == 0 and CAUSE in done.stdout.decode() and "standard input, whole" in done.stdout.decode()


def test_it_fits_an_issue(tmp_path: Path) -> None:
    path = tmp_path / "long.log"
    path.write_text("".join(f'{number} {"x" * 300} \\ " < >\n' for number in range(190)) + LOG.read_text())
    text = report(str(path), "--from", str(HEALTHY))
    assert len(text) <= MAX_CHARS and CAUSE in text
    path.write_text("".join(f"line {number}\n" for number in range(50_000)) + LOG.read_text() + "end\n" * 3000)
    text = report(str(path), "--from", str(HEALTHY))
    assert len(text) <= MAX_CHARS and "failed to allocate buffer for kv cache" in text and "line 100\n" not in text


def ids(*arguments: str) -> list[str]:
    done = run(*arguments, "--format", "json")
    assert done.returncode in (0, 1), done.stderr
    return [one["id"] for one in json.loads(done.stdout)["findings"]]


def test_it_opens_elsewhere_with_the_same_findings(tmp_path: Path) -> None:
    source = FAULT
    bundle, issue = tmp_path / "b.zip", tmp_path / "issue.md"
    report(str(LOG), "--from", str(source), "--bundle", str(bundle), "--output", str(issue))
    direct = ids("diagnose", str(LOG), "--from", str(source))
    assert CAUSE in direct
    assert ids("diagnose", "--from", str(bundle)) == direct
    assert ids("diagnose", "--from", str(issue)) == direct
    for saved in (bundle, issue):
        assert ids("check", "--from", str(saved)) == ids("check", "--from", str(source))


def test_a_live_bundle_opens_too(tmp_path: Path) -> None:
    bundle = tmp_path / "b.zip"
    report(str(LOG), "--bundle", str(bundle))
    assert ids("check", "--from", str(bundle)) == ids("check")


def test_an_issue_with_logs_alone(tmp_path: Path) -> None:
    issue = tmp_path / "issue.md"
    issue.write_text(f"### What is the issue?\n\nIt crashes.\n\n### Relevant log output\n\n```shell\n{LOG.read_text()}```\n")
    found = run("diagnose", "--from", str(issue), "--format", "json")
    first = json.loads(found.stdout)["findings"][0]
    line = next(one["line"] for one in first["evidence"] if one["line"])
    assert first["id"] == CAUSE and issue.read_text().splitlines()[line - 1].endswith("failed to allocate buffer for kv cache")
    refused = run("check", "--from", str(issue))
    assert refused.returncode == 2 and "logs alone" in refused.stderr


def test_a_report_without_a_log_is_diagnosed_by_its_machine(tmp_path: Path) -> None:
    posted = tmp_path / "issue.md"
    posted.write_text("My GPU is not found.\n\n" + report("--from", str(FAULT)))
    done = run("diagnose", "--from", str(posted), "--format", "json")
    assert json.loads(done.stdout)["findings"][0]["id"] == "driver.uvm-not-loaded"
    assert done.returncode == 1
