"""The house rules that a program can check: style, types, imports, and what a start may load."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.mark.parametrize(
    "tool",
    [
        ["-m", "ruff", "check", "."],
        ["-m", "ruff", "format", "--check", "."],
        ["-m", "mypy"],
        ["-c", "from importlinter.cli import lint_imports_command as main; main(['--no-cache'])"],
    ],
    ids=["ruff", "format", "mypy", "imports"],
)
def test_tool_has_nothing_to_say(tool: list[str]) -> None:
    done = subprocess.run([sys.executable, *tool], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("arguments", "forbidden"),
    [
        (["--version"], {"click", "msgspec", "json", "subprocess", "threading", "rich", "textual"}),
        (["--help"], {"msgspec", "rich", "textual", "yaml", "numpy"}),
        (["check"], {"textual", "numpy", "rich", "psutil", "cpuinfo", "pynvml", "importlib.metadata"}),
        (["check", "--format", "json"], {"textual", "numpy", "rich", "psutil", "cpuinfo", "pynvml"}),
    ],
)
def test_a_start_loads_only_what_it_uses(arguments: list[str], forbidden: set[str]) -> None:
    script = (
        f"import sys; before = set(sys.modules); sys.argv = ['llmdoctor', *{arguments!r}]\n"
        "from llmdoctor.__main__ import main\n"
        "try: main()\nexcept SystemExit: pass\n"
        "sys.stderr.write('\\nLOADED ' + ' '.join(sorted(set(sys.modules) - before)))\n"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True)
    loaded = set(done.stderr.rpartition("LOADED ")[2].split())
    assert "llmdoctor" in loaded, done.stderr
    assert not loaded & forbidden
