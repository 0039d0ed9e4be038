"""The test's own parts, for real: kernels and their sources, the reference, processes that crash, hang or lose their parent."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from llmdoctor.host.host import Host, Story
from llmdoctor.host.live import Live
from llmdoctor.smoke import tiny_model
from llmdoctor.smoke.kernels import compile as compiler
from llmdoctor.smoke.story import together
from llmdoctor.smoke.worker import REFERENCE

ROOT = Path(__file__).parent.parent.parent


@pytest.mark.parametrize("target", compiler.ISA)
def test_kernels_are_made_of_the_sources_beside_them(target: str) -> None:
    lines = (compiler.HERE / f"{target}.ptx").read_text().splitlines()
    assert lines[0] == f"// source {compiler.source_hash(target)}", "run compile.py"
    assert lines[1:3] == [f".version {compiler.ISA[target]}", f".target {target}"]
    kernels = re.findall(
        r'extern "C" __global__ void (?:__launch_bounds__\(256\) )?(\w+)', (compiler.HERE / f"{target}.cu").read_text()
    )
    assert kernels
    assert set(re.findall(r"\.visible \.entry (\w+)\(", "\n".join(lines))) == set(kernels)


def test_the_reference_is_what_the_model_says() -> None:
    reference = json.loads(REFERENCE.read_text())
    reply = tiny_model.run_on_cpu()
    assert reply.tokens == reference["tokens"]
    assert reply.logits == pytest.approx(reference["logits"], abs=1e-9, rel=0)


def test_a_model_that_is_not_the_same_says_something_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tiny_model, "ROPE_BASE", 5000.0)
    assert tiny_model.run_on_cpu().logits != pytest.approx(json.loads(REFERENCE.read_text())["logits"], abs=1e-4)


def ask(behaviour: str, deadline_ms: int = 5000) -> Story:
    story = Host(Live()).worker("tests.smoke.misbehaving", behaviour, deadline_ms=deadline_ms)
    assert isinstance(story, Story)
    return story


def test_the_cpu_level_on_this_machine() -> None:
    story = Host(Live()).worker("llmdoctor.smoke.worker", "cpu", -1, 2, deadline_ms=60_000)
    assert isinstance(story, Story)
    assert story.status == 0, story.last_line
    assert together(story)["tokens"] == 24
    assert together(story)["read_bytes_per_s"] > 1e8


def test_workers_that_do_not_end_well() -> None:
    crashed = ask("crash")
    assert (crashed.words, crashed.status) == ([{"doing": "a crash"}], -signal.SIGSEGV)
    hung = ask("hang", 500)
    assert (hung.words, hung.status, hung.timed_out) == ([{"doing": "a long wait"}], None, True)
    raised = ask("raise")
    assert raised.status == 1
    assert raised.last_line == "ValueError: of some kind"
    chatty = ask("chatter")
    assert (chatty.words, chatty.status) == ([{"doing": "red"}], 0)  # neither text that is no JSON nor escape sequences


def _workers() -> list[int]:
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            if b"llmdoctor.smoke.worker" in Path("/proc", pid, "cmdline").read_bytes():
                found.append(int(pid))
        except OSError:
            pass
    return found


@pytest.mark.parametrize("by", [signal.SIGKILL, signal.SIGINT])
def test_nothing_is_left_behind_when_llmdoctor_is_stopped(by: signal.Signals) -> None:
    before = set(_workers())
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(
        [sys.executable, "-m", "llmdoctor", "smoke", "--level", "cpu"],
        env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    end = time.monotonic() + 20
    while not set(_workers()) - before and time.monotonic() < end:
        time.sleep(0.02)
    assert set(_workers()) - before, "the worker never began"
    process.send_signal(by)
    process.wait(10)
    while set(_workers()) - before and time.monotonic() < end:
        time.sleep(0.02)
    assert not set(_workers()) - before
