"""Fences that cannot be closed from inside, excerpts, the clipboard, and the workflow that maintainers copy."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from llmdoctor.report import clipboard
from llmdoctor.report.excerpt import excerpt
from llmdoctor.report.making import hidden_in
from llmdoctor.report.markdown import fenced
from llmdoctor.survey.saved import _fences

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("text", ["a", "```", "x\n````` y\n```", "~~~", "`" * 40])
def test_a_fence_is_longer_than_any_in_it(text: str) -> None:
    rows = "\n".join(fenced(text, "text")).split("\n")
    assert _fences(rows) == [("text", 1, len(rows) - 1)]


def log(lines: int) -> list[bytes]:
    return [
        b"".join(b"line %d\n" % number for number in range(start, min(start + 97, lines + 1)))
        for start in range(1, lines + 1, 97)
    ]


@pytest.mark.parametrize(
    ("total", "telling", "shown"),
    [
        (200, [50], [(1, 200)]),  # short: whole
        (1000, [500], [(488, 506)]),
        (1000, [500, 510, 900], [(488, 516), (888, 906)]),  # those that meet become one
        (1000, [3, 1000], [(1, 9), (988, 1000)]),
        (1000, [], [(976, 1000)]),  # nothing telling: the end
    ],
)
def test_excerpts(total: int, telling: list[int], shown: list[tuple[int, int]]) -> None:
    found = excerpt("log", log(total), telling, total)
    assert [(part.first, part.first + len(part.lines) - 1) for part in found.parts] == shown
    assert all(part.lines[0] == f"line {part.first}" for part in found.parts)


def test_what_was_hidden_is_counted_by_kind() -> None:
    text = "<user-1> &lt;user-1&gt; <user-2> <token-1> <chat> GPU-00000000-0000-4000-8000-000000000001 <details> <b-1>"
    found = {word: (values, places) for word, values, places in hidden_in(text)}
    assert found["token or key"] == (1, 1) and found["chat text"] == (1, 1) and found["UUID"] == (1, 1)
    assert found["user name"][1] == 3 and len(found) == 4


def test_the_clipboard_program_gets_the_text(tmp_path: Path) -> None:
    program = tmp_path / "wl-copy"
    program.write_text(
        f"#!{sys.executable}\nimport sys\nopen({str(tmp_path / 'got')!r}, 'wb').write(sys.stdin.buffer.read())\n"
    )
    program.chmod(0o755)
    assert clipboard.copy("é `$(x)`", {"PATH": str(tmp_path), "WAYLAND_DISPLAY": "wayland-0"}) == "with wl-copy"
    assert (tmp_path / "got").read_bytes().decode() == "é `$(x)`"


def test_without_a_program_the_terminal_takes_it(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal:
        text = ""

        def isatty(self) -> bool:
            return True

        def write(self, text: str) -> None:
            self.text += text

        def flush(self) -> None:
            pass

    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    assert clipboard.copy("hello", {"PATH": ""}) == "through the terminal"
    assert base64.b64decode(terminal.text.removeprefix("\x1b]52;c;").removesuffix("\x07")) == b"hello"
    assert clipboard.copy("x" * 90_000, {"PATH": ""}) is None


HOSTILE = "$(touch owned) `touch owned` ${{ github.token }} @everyone\n</details><script>\nggml_backend_cuda_buffer_type_alloc_buffer: allocating 512.00 MiB on device 0: cudaMalloc failed: out of memory @maintainer `x`\n"


def test_the_workflow_comments_on_a_hostile_issue(tmp_path: Path) -> None:
    import yaml

    workflow = yaml.safe_load((ROOT / "docs/issue-form/diagnose.yml").read_text(encoding="utf-8"))
    steps = {step.get("name"): step for step in workflow["jobs"]["diagnose"]["steps"]}
    assert workflow["permissions"] == {"contents": "read", "issues": "write"}
    assert not any("event.issue.body" in str(step) or "event.issue.title" in str(step) for step in steps.values())
    event = tmp_path / "event.json"
    event.write_text(json.dumps({"issue": {"body": HOSTILE, "number": 7}}))
    script = steps["The issue's text"]["run"].split("<<'EOF'\n")[1].split("EOF")[0]
    env = {**os.environ, "GITHUB_EVENT_PATH": str(event), "PYTHONPATH": str(ROOT)}
    subprocess.run([sys.executable, "-c", script], cwd=tmp_path, env=env, check=True)
    command = (
        next(row for row in steps["Diagnose"]["run"].splitlines() if row.startswith("llmdoctor")).split(">")[0].split()[1:]
    )
    done = subprocess.run([sys.executable, "-m", "llmdoctor", *command], cwd=tmp_path, env=env, capture_output=True, text=True)
    assert done.returncode == 1, done.stderr
    assert "oom." in done.stdout and "@maintainer" not in done.stdout and "<script>" not in done.stdout
    assert not (tmp_path / "owned").exists()


def test_the_issue_form_is_one() -> None:
    import yaml

    form = yaml.safe_load((ROOT / "docs/issue-form/bug.yml").read_text(encoding="utf-8"))
    assert {"name", "description", "body"} <= form.keys()
    assert all({"type", "id", "attributes"} <= field.keys() and "label" in field["attributes"] for field in form["body"])
