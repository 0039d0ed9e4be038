"""Where installed programs compute: stories of real runs on a machine with a GPU, and a real program on this one."""

from __future__ import annotations

import hashlib
import http.server
import io
import json
import os
import threading
from pathlib import Path
from typing import Any, ClassVar

import pytest

from llmdoctor.facts.fact import Unknown
from llmdoctor.facts.machine import Gpu, GpuProcess, LoadedModel, Machine, PythonEnv, Runtime
from llmdoctor.host.host import Host, Story
from llmdoctor.host.live import Live
from llmdoctor.models.gguf_model import read_model
from llmdoctor.smoke import runtimes, tiny_gguf, trial
from llmdoctor.smoke.story import together

from ..fakes import fake_host


def test_the_tiny_model_is_a_sound_file(tmp_path: Path) -> None:
    path = tmp_path / "tiny.gguf"
    with path.open("wb") as file:
        tiny_gguf.write(file)
    info = read_model(str(path))
    assert path.stat().st_size < 10 << 20
    assert (info.architecture, info.layers, info.quantization) == ("llama", 4, "Q8_0")
    end = max(tensor.bytes for tensor in info.tensors)
    assert end < path.stat().st_size
    again = io.BytesIO()
    tiny_gguf.write(again)
    assert again.getvalue() == path.read_bytes()


def test_the_model_can_be_opened_by_others_and_is_gone_afterwards() -> None:
    with trial.tiny_model() as path:
        assert Path(path).read_bytes()[:4] == b"GGUF"
    assert not os.path.exists(path)


def told(lines: tuple[str, ...] = (), **seen: Any) -> Story:
    base = {"status": 0, "timed_out": False, "seconds": 2.1, "cards": 1, "own_vram_bytes": 0, "card_growth_bytes": 0}
    words: list[dict[str, Any]] = [{"line": line} for line in lines]
    return Story(words=[*words, {"saw": {**base, **seen}}, {"done": True}], status=0)


BENCH = (
    "ggml_cuda_init: found 1 CUDA devices:",
    '{"backends": "CUDA", "n_gen": 0, "avg_ts": 90000.0}',
    '{"backends": "CUDA", "n_gen": 64, "avg_ts": 1234.5}',
)
TORCH = ('{"torch": "2.11.0+cu130", "built_for": "13.0", "device": "cuda", "operations_per_s": 4e13, "off_by": 2e-4}',)


@pytest.mark.parametrize(
    ("story", "ran_on", "failed", "shows"),
    [
        (told(BENCH, own_vram_bytes=540 << 20), "gpu", False, "held 540 MiB of VRAM. 1234 tokens per second"),
        (told(TORCH, own_vram_bytes=None, card_growth_bytes=600 << 20), "gpu", False, "built for 13.0"),
        (told(TORCH, own_vram_bytes=None, card_growth_bytes=1 << 20), "cpu", False, "held no VRAM"),
        (told(cards=0, own_vram_bytes=None), "cpu", False, "no GPU is here"),
        (told(("CUDA error: out of memory",), status=1), None, True, "ended with status 1. CUDA error: out of memory"),
        (told(status=-11), None, True, "ended with status -11"),
        (told(timed_out=True, status=-9), None, True, "did not come to an end in time"),
        (Story(words=[{"saw": {"unstartable": "Permission denied"}}]), None, True, "cannot be started: Permission denied"),
        (Story(words=[], status=1, last_line="MemoryError"), None, True, "ended early. MemoryError"),
    ],
)
def test_results(story: Story, ran_on: str, failed: bool, shows: str) -> None:
    found, words, has_failed = runtimes.result(runtimes.Trial("llama.cpp", "llama-bench", "/usr/bin/llama-bench"), story)
    assert has_failed is failed
    assert shows in " ".join(words)
    assert found.ran_on == ran_on or (ran_on is None and not isinstance(found.ran_on, str))


def test_where_nobody_tells_what_the_card_holds_nothing_is_claimed() -> None:
    trial = runtimes.Trial("torch", "torch", "/usr/bin/python3")
    found, words, failed = runtimes.result(
        trial, told(cards=0, own_vram_bytes=None), [Gpu(vendor="amd", name="Radeon RX 7900 XTX")]
    )
    assert isinstance(found.ran_on, Unknown) and not failed
    assert "cannot be told" in " ".join(words)


def test_what_is_tried_and_what_is_not() -> None:
    files = {("stat", path): {"kind": "file", "size_bytes": 1, "mode": 493, "uid": 0, "gid": 0, "modified_s": 0, "readable": True, "writable": False, "executable": True}
             for path in ("/usr/bin/llama-bench", "/a/bin/python3", "/b/bin/python3", "/c/bin/python3")}  # fmt: skip
    envs = [
        PythonEnv(path="/a", active=True, owner=None, torch_version="2.9.0+cu130", packages={"*": None}),
        PythonEnv(path="/b", active=False, owner=None, torch_version="2.9.0+cpu", packages={"*": None}),  # nobody's models
        PythonEnv(path="/c", active=False, owner=None, torch_version=None, packages={"llama-cpp-python": "0.3.16", "*": None}),
        PythonEnv(path="/gone", active=True, owner=None, torch_version="2.9.0", packages={"*": None}),
    ]
    here = Machine(runtimes={"llama.cpp": Runtime(installed=True, path="/usr/bin/llama-server")}, python_envs=envs)
    assert [(one.name, one.program) for one in runtimes.trials(fake_host(files), here)] == [
        ("llama.cpp", "/usr/bin/llama-bench"), ("torch", "/a/bin/python3"), ("llama-cpp-python", "/c/bin/python3"),
    ]  # fmt: skip
    del files[("stat", "/usr/bin/llama-bench")]
    assert next(runtimes.trials(fake_host(files), here)).skipped == "There is no llama-bench beside /usr/bin/llama-server."


def test_a_server_that_holds_a_model_is_told_of_and_left_alone() -> None:
    loaded = Runtime(installed=True, running=True, loaded_models=[LoadedModel(name="llama3.1:8b")])
    holder = GpuProcess(pid=7, name="ollama", runtime="ollama", vram_bytes=6 << 30)
    card = Gpu(vendor="nvidia", processes=[holder])
    assert list(runtimes.running(Machine(gpus=[card], runtimes={"ollama": loaded}))) == [
        ("ollama", "It holds llama3.1:8b, with 6.0 GiB of VRAM by the driver's account.")
    ]
    card.processes = []
    assert "no VRAM" in next(runtimes.running(Machine(gpus=[card], runtimes={"ollama": loaded})))[1]
    assert "does not tell" in next(runtimes.running(Machine(gpus=[Gpu(vendor="nvidia")], runtimes={"ollama": loaded})))[1]


def test_a_real_program_that_fails_keeps_its_words(tmp_path: Path) -> None:
    program = tmp_path / "python3"
    program.write_text("#!/bin/sh\necho 'CUDA error: out of memory'\nexit 3\n")
    program.chmod(0o755)
    story = try_out(str(program))
    assert together(story)["status"] == 3
    assert {"line": "CUDA error: out of memory"} in story.words


def test_beginning_and_end_of_a_long_output_are_kept(tmp_path: Path) -> None:
    program = tmp_path / "python3"
    program.write_text("#!/bin/sh\nseq 1 1000\n")
    program.chmod(0o755)
    lines = [words["line"] for words in try_out(str(program)).words if "line" in words]
    assert lines == [str(number) for number in (*range(1, 101), *range(901, 1001))]


def test_a_program_that_cannot_be_started() -> None:
    assert together(try_out("/nothing/here"))["unstartable"] == "No such file or directory"


class FakeOllama(http.server.BaseHTTPRequestHandler):
    """Stands for a server that cannot run here: it keeps to ollama's docs/api.md, as far as the trial asks."""

    blobs: ClassVar[dict[str, bytes]] = {}
    models: ClassVar[dict[str, str]] = {}
    asked: ClassVar[list[str]] = []
    broken: ClassVar[bool] = False

    def answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.asked.append(f"{self.command} {self.path.split(':')[0]}")
        status, reply = self.reply(body)
        data = json.dumps(reply).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_GET = do_POST = do_DELETE = answer

    def reply(self, body: bytes) -> tuple[int, dict[str, Any]]:
        if self.path.startswith("/api/blobs/"):
            digest = self.path.rsplit("/", 1)[1]
            right = digest == f"sha256:{hashlib.sha256(body).hexdigest()}"
            self.blobs[digest] = body
            return (201, {}) if right else (400, {"error": "digest mismatch"})
        asked = json.loads(body) if body else {}
        if self.path == "/api/create":
            if not set(asked["files"].values()) <= set(self.blobs):
                return 400, {"error": "blob not found"}
            self.models[asked["model"]] = asked["files"]["tiny.gguf"]
            return 200, {"status": "success"}
        if self.path == "/api/ps":
            return 200, {
                "models": [{"name": f"{name}:latest", "size": 20000000, "size_vram": 20000000} for name in self.models]
            }
        if asked["model"] not in self.models:
            return 404, {"error": "model not found"}
        if self.path == "/api/delete":
            del self.blobs[self.models.pop(asked["model"])]
            return 200, {}
        if self.broken and "prompt" in asked:
            return 500, {"error": "llama runner process has terminated: CUDA error: out of memory"}
        return 200, {"eval_count": 64, "eval_duration": 32_000_000}

    def log_message(self, *_: Any) -> None:
        pass


@pytest.mark.parametrize("broken", [False, True])
def test_an_idle_ollama_computes_once_and_keeps_nothing(broken: bool) -> None:
    FakeOllama.broken, FakeOllama.asked[:] = broken, []
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), FakeOllama)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        here = Machine(runtimes={"ollama": Runtime(installed=True, running=True, port=server.server_port, loaded_models=[])})
        only = next(runtimes.trials(fake_host({}), here))
        story = Host(Live()).worker("llmdoctor.smoke.ollama_trial", only.program, deadline_ms=30_000)
    finally:
        server.shutdown()
        server.server_close()
    assert isinstance(story, Story)
    found, words, failed = runtimes.result(only, story)
    assert failed is broken
    if broken:
        assert "CUDA error: out of memory" in " ".join(words)
    else:
        assert found.tokens_per_s == 2000.0
        assert "19 MiB of 19 MiB are in VRAM" in " ".join(words)
    assert FakeOllama.asked[-1] == "DELETE /api/delete"
    assert (FakeOllama.models, FakeOllama.blobs) == ({}, {})


def try_out(program: str) -> Story:
    story = Host(Live()).worker("llmdoctor.smoke.trial", "torch", program, 20, deadline_ms=30_000)
    assert isinstance(story, Story)
    return story
