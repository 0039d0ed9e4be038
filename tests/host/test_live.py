"""The live Host on this machine: real files, real processes, real sockets."""

from __future__ import annotations

import http.server
import os
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from llmdoctor.facts.fact import Unknown
from llmdoctor.host import gpu_libraries
from llmdoctor.host.host import Completed, Host
from llmdoctor.host.live import Live


@pytest.fixture
def host() -> Iterator[Host]:
    live = Live()
    yield Host(live)
    live.close()


def script(folder: Path, name: str, body: str) -> str:
    path = folder / name
    path.write_text(f"#!{sys.executable}\n{body}")
    path.chmod(0o755)
    return str(path)


def test_files(host: Host, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"caf\xc3\xa9 \x1b[31mred\x1b[0m \x07\xff\r\nnext\n")
    assert host.text(str(tmp_path / "a")) == "café red \ufffd\nnext\n"
    assert host.bytes_at(str(tmp_path / "a"), 0, 3) == b"caf"
    assert host.text(str(tmp_path / "none")) is None
    assert host.text(str(tmp_path / "a" / "below")) is None
    assert host.entries(str(tmp_path)) == ["a"]
    assert host.exists(str(tmp_path / "none")) is False
    assert isinstance(host.text(str(tmp_path)), Unknown)
    stat = host.stat(str(tmp_path / "a"))
    assert stat is not None and not isinstance(stat, Unknown)
    assert (stat.kind, stat.readable) == ("file", True)


@pytest.mark.skipif(os.name != "posix", reason="named pipes and device nodes are of POSIX systems")
def test_what_would_block_or_never_end_is_not_read(host: Host, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert isinstance(host.text(str(tmp_path / "pipe")), Unknown)
    assert isinstance(host.text("/dev/zero"), Unknown)


def test_a_large_file_is_cut(host: Host, tmp_path: Path) -> None:
    (tmp_path / "large").write_bytes(b"x" * (3 << 20))
    text = host.text(str(tmp_path / "large"))
    assert isinstance(text, str) and len(text) == 1 << 20


def test_of_a_log_the_first_line_and_the_telling_ones_of_its_end(host: Host, tmp_path: Path) -> None:
    (tmp_path / "log").write_text("first\nabc nvidia\nother\n")
    assert host.lines(str(tmp_path / "log"), "nvidia") == ["first", "abc nvidia"]
    (tmp_path / "large").write_text("first nvidia\n" + "x" * 99 + "\n" + ("y" * 99 + "\n") * 12_000 + "last nvidia\n")
    assert host.lines(str(tmp_path / "large"), "nvidia") == ["y" * 99, "last nvidia"]


def test_every_question_is_asked_once(host: Host, tmp_path: Path) -> None:
    (tmp_path / "a").write_text("one")
    assert host.text(str(tmp_path / "a")) == "one"
    (tmp_path / "a").write_text("two")
    assert host.text(str(tmp_path / "a")) == "one"


def test_a_command_has_status_and_clean_texts(host: Host) -> None:
    body = "import sys; sys.stdout.buffer.write(b'\\x1b[1mout\\x00\\xff\\n'); sys.stderr.write('err'); sys.exit(3)"
    done = host.run(sys.executable, "-c", body)
    assert isinstance(done, Completed)
    assert (done.status, done.stdout, done.stderr, done.timed_out) == (3, "out\ufffd\n", "err", False)


def test_no_such_command_is_absent(host: Host) -> None:
    assert host.run("llmdoctor-no-such-program") is None


def test_a_hanging_command_costs_its_deadline_and_its_children_are_ended(host: Host, tmp_path: Path) -> None:
    # As a hanging nvidia-smi does, also through a child that holds the pipe open.
    body = (
        "import subprocess, sys, time\n"
        f"child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
        f"open({str(tmp_path / 'pid')!r}, 'w').write(str(child.pid))\nprint('begun', flush=True)\ntime.sleep(60)\n"
    )
    started = time.monotonic()
    done = host.run(script(tmp_path, "nvidia-smi", body), deadline_s=1.0)
    assert time.monotonic() - started < 2.5
    assert isinstance(done, Completed)
    assert done.timed_out and done.status is None and done.stdout == "begun\n"
    if os.path.isdir("/proc"):
        status = Path(f"/proc/{(tmp_path / 'pid').read_text()}/status")
        end = time.monotonic() + 2
        while status.exists() and "zombie" not in status.read_text() and time.monotonic() < end:
            time.sleep(0.02)
        assert not status.exists() or "zombie" in status.read_text()


def test_a_flood_of_output_is_cut(host: Host) -> None:
    done = host.run(sys.executable, "-c", "import sys; [sys.stdout.write('x' * 65536) for _ in range(100)]", deadline_s=20)
    assert isinstance(done, Completed)
    assert done.ok and len(done.stdout) == 1 << 20


class _Api(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = b'{"models": [1]}' if self.path == "/api/ps" else b"plain"
        if self.path == "/slow":
            time.sleep(3)
        self.send_response(302 if self.path == "/moved" else 200)
        if self.path == "/moved":
            self.send_header("Location", "http://192.0.2.1/")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments: object) -> None:
        pass


def test_local_http_and_listeners(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://192.0.2.1:9")  # a proxy must not be asked for what is local
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Api)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    port = server.server_port
    reply = host.http_get(port, "/api/ps")
    assert reply is not None and not isinstance(reply, Unknown)
    assert (reply.status, reply.body) == (200, {"models": [1]})
    moved = host.http_get(port, "/moved")
    assert moved is not None and not isinstance(moved, Unknown)
    assert (moved.status, moved.body) == (302, "plain")
    slow = host.http_get(port, "/slow", deadline_ms=200)
    assert isinstance(slow, Unknown) and "no answer within" in slow.unknown
    listeners = host.listeners()
    assert isinstance(listeners, list)
    mine = [one for one in listeners if one.port == port]
    assert [(one.address, one.pid) for one in mine] == [("127.0.0.1", os.getpid())]
    server.shutdown()
    server.server_close()
    assert Host(Live()).http_get(port, "/") is None


def test_nvml_says_its_own_error_or_starts(host: Host) -> None:
    error = host.nvml_start()
    if error is None:
        assert isinstance(host.nvml("nvmlDeviceGetCount"), int)
    else:
        assert isinstance(error, str) and error.startswith("NVML_ERROR_")
        assert host.nvml("nvmlDeviceGetCount") == Unknown(error)


def test_nvml_answers_queries_only(host: Host) -> None:
    for function in ("nvmlDeviceSetPersistenceMode", "nvmlShutdown", "os.system"):
        answer = host.nvml(function, 0)
        assert isinstance(answer, Unknown)


CHILDREN = {
    "hangs": ('print(\'{"library_path": "/x"}\', flush=True); import time; time.sleep(60)', {"timed_out": True}),
    "crashes": ('print(\'{"call": ["cuInit", 0]}\', flush=True); import os; os.abort()', {"signal": 6, "timed_out": False}),
    "prints garbage": ("print('\\x00garbage'); print('{\"cuda_version\": 12040}')", {"cuda_version": 12040, "signal": None}),
}


@pytest.mark.parametrize("name", CHILDREN)
def test_a_child_that_misbehaves_is_evidence(host: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    # A driver in trouble cannot be had here: the child's part is played by a script that does what it would do.
    body, expected = CHILDREN[name]
    (tmp_path / "cuda_child.py").write_text(body)
    monkeypatch.setattr(gpu_libraries, "_HERE", str(tmp_path))
    started = time.monotonic()
    story = host.cuda_init(deadline_ms=700)
    assert time.monotonic() - started < 3
    assert isinstance(story, dict)
    assert {key: story[key] for key in expected} == expected


def test_a_hanging_nvml_is_unknown_and_asked_no_more(host: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "nvml_child.py").write_text("import time; time.sleep(60)")
    monkeypatch.setattr(gpu_libraries, "_HERE", str(tmp_path))
    monkeypatch.setattr(gpu_libraries, "NVML_DEADLINE_S", 0.5)
    started = time.monotonic()
    error = host.nvml_start()
    assert isinstance(error, Unknown) and "did not answer" in error.unknown
    assert isinstance(host.nvml("nvmlDeviceGetCount"), Unknown)
    assert time.monotonic() - started < 3
