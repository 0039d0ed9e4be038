"""The curve, what is kept of a long output, samples that are merged, and the facts of an end."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from llmdoctor.facts.machine import Gpu, Machine
from llmdoctor.smoke import tiny_gguf
from llmdoctor.watch import capture, forecast, sampler, story
from llmdoctor.watch.chart import curve

ROOT = Path(__file__).parent.parent.parent
GIB = 1 << 30


def test_a_curve_rises_to_its_limit() -> None:
    rows = curve("VRAM", [(0.0, 0), (1.0, 4 * GIB), (2.0, 8 * GIB)], 8 * GIB, 40, failed=True)
    assert rows[0] == "VRAM: 8.0 GiB at most of 8.0 GiB"
    assert rows[1].endswith("█ x")
    assert [row.count("█") for row in rows[1:6]] == sorted(row.count("█") for row in rows[1:6])
    assert curve("VRAM", [], 8 * GIB, 40, failed=False) == []
    assert all(row.isascii() for row in curve("VRAM", [(1.0, GIB)], None, 40, failed=False, ascii_only=True))


def test_beginning_and_end_of_a_long_output_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(capture, "HEAD_BYTES", 10)
    monkeypatch.setattr(capture, "TAIL_BYTES", 10)
    kept = capture.Capture()
    for number in range(100):
        kept.add(b"%04d\n" % number)
    content = kept.content()
    assert content.startswith(b"0000\n0001\n")
    assert content.endswith(b"0098\n0099\n")
    assert b"[480 bytes are left out here]" in content
    short = capture.Capture()
    short.add(b"all of it")
    assert short.content() == b"all of it"


def test_samples_are_merged_and_peaks_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sampler, "MAX_SAMPLES", 8)
    monkeypatch.setattr(sampler, "FIRST_INTERVAL_S", 0.01)
    program = "import time; time.sleep(0.1); x = b'1' * (100 << 20); time.sleep(0.15); del x; time.sleep(0.4)"
    process = subprocess.Popen([sys.executable, "-c", program])
    watching = sampler.Sampler()
    watching.start(process.pid)
    process.wait()
    time.sleep(0.05)
    watching.stop()
    assert len(watching.samples) < 8
    assert max(one.rss_bytes for one in watching.samples) > 100 << 20


@pytest.mark.parametrize(
    ("returncode", "says"),
    [(0, ""), (3, "exit status 3\n"), (-9, "Killed\n"), (-11, "Segmentation fault (core dumped)\n"), (-31, "signal 31\n")],
)
def test_what_a_shell_would_have_said(returncode: int, says: str) -> None:
    assert story.last_words(returncode) == says


def test_facts_of_a_card_that_was_filled() -> None:
    watching = sampler.Sampler()
    watching.cards = 1
    watching.samples = [sampler.Sample(0.1, GIB, 2 * GIB, 3 * GIB, 0), sampler.Sample(0.2, 2 * GIB, 22 * GIB, 23 * GIB, GIB)]
    watching.stop()
    machine = Machine(gpus=[Gpu(vendor="nvidia", name="RTX 3090", vram_free_bytes=GIB, vram_total_bytes=24 * GIB)])
    found = story.facts(["llama-server"], -9, 12.345, watching, machine, 1, True, 25 * GIB)
    assert (found.status, found.signal, found.seconds, found.oom_kills) == (None, 9, 12.35, 1)
    assert (found.peak_vram_bytes, found.lowest_free_vram_bytes, found.swap_growth_bytes) == (22 * GIB, GIB, GIB)


def test_everything_in_json_and_saved(tmp_path: Path) -> None:
    saved = tmp_path / "run.json"
    words = [sys.executable, "-m", "llmdoctor", "run", "--format", "json", "--save", str(saved), "--", "sh", "-c"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([*words, "echo out; kill -ILL $$"], capture_output=True, text=True, env=environment)
    assert done.returncode == 132
    told = json.loads(done.stdout)
    assert told["machine"]["watch"]["signal"] == 4
    assert told["findings"][0]["id"] == "cpu.illegal-instruction"
    assert told["logs"][0]["name"] == "its output"
    assert done.stderr.startswith("out\n")
    again = subprocess.run([*words[:3], "check", "--from", str(saved)], capture_output=True, text=True, env=environment)
    assert again.returncode in (0, 1) and again.stderr == ""


def test_what_is_said_before_the_start(tmp_path: Path) -> None:
    model = tmp_path / "tiny.gguf"
    with model.open("wb") as file:
        tiny_gguf.write(file)
    card = Gpu(vendor="nvidia", name="RTX 3060", integrated=False, vram_free_bytes=12 * GIB, vram_total_bytes=12 * GIB)
    line = ["llama-server", "-m", str(model), "-c", "2048", "-ngl", "99"]
    told = forecast.forecast(forecast.of_runtime(line), Machine(gpus=[card]))
    assert told.wants_gpu and told.words.endswith("12.0 GiB are free.")
    full = Gpu(vendor="nvidia", name="RTX 3060", integrated=False, vram_free_bytes=GIB // 8, vram_total_bytes=12 * GIB)
    assert forecast.forecast(forecast.of_runtime(line), Machine(gpus=[full])).words.endswith("it will not fit.")
    assert forecast.forecast(forecast.of_runtime([*line, "-ngl", "0"]), Machine(gpus=[card])) == ("", None, False, ())
    assert forecast.forecast(forecast.of_runtime(["llama-server", "-m", "/gone.gguf"]), Machine(gpus=[card])).words == ""
    assert forecast.forecast(forecast.of_runtime(["ls", "-l"]), Machine(gpus=[card])) == forecast.NONE
    model.write_bytes(b"not a model")
    assert "tiny.gguf" in forecast.forecast(forecast.of_runtime(line), Machine(gpus=[card])).words
