"""Lets an installed program compute once and watches whose memory grows: ``trial KIND PROGRAM SECONDS``.

Runs as a worker (``Host.worker``). The tiny model exists in memory alone where the system can do that (Linux), else in a temporary
folder that is removed. Says ``{"saw": {…}}`` with status, seconds, VRAM and what was printed.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
import threading
import time
from contextlib import contextmanager
from typing import Iterator

from ..host.gpu_use import GpuUse
from . import tiny_gguf
from .worker import end_with_parent, say

SAMPLE_S = 0.02
KEPT_LINES, KEPT_CHARACTERS = 100, 4000
"""Of what the program prints, from its beginning, where it names its search for GPUs, and as many from its end."""

_LLAMA_CPP_PYTHON = """
import json, sys, time
from llama_cpp import Llama
model = Llama(sys.argv[1], n_gpu_layers=-1, n_ctx=512, verbose=True)
started, count = time.perf_counter(), 0
for _ in model.generate([1, 300, 301, 302], temp=0.0):
    count += 1
    if count == 64:
        break
print(json.dumps({"tokens_per_s": count / (time.perf_counter() - started)}))
"""
_TORCH = """
import json, time, torch
on_gpu = torch.cuda.is_available()
device = "cuda" if on_gpu else "cpu"
a, b = torch.randn(1024, 1024, device=device), torch.randn(1024, 1024, device=device)
a @ b
started = time.perf_counter()
c = a @ b
if on_gpu:
    torch.cuda.synchronize()
seconds = time.perf_counter() - started
off = (c.double().cpu() - a.double().cpu() @ b.double().cpu()).abs().max().item()
print(json.dumps({"torch": torch.__version__, "built_for": torch.version.cuda or torch.version.hip, "device": device,
                  "operations_per_s": 2 * 1024**3 / seconds, "off_by": off}))
"""


def command(kind: str, program: str, model: str) -> list[str]:
    """The words to run. All layers are asked onto the GPU: what goes to the CPU all the same went there by itself."""
    if kind == "llama-bench":
        return [program, "-m", model, "-p", "64", "-n", "64", "-r", "2", "-ngl", "99", "-o", "jsonl", "-v"]
    if kind == "llama-cpp-python":
        return [program, "-c", _LLAMA_CPP_PYTHON, model]
    return [program, "-c", _TORCH]


@contextmanager
def tiny_model() -> Iterator[str]:
    """A path under which the model can be opened."""
    if hasattr(os, "memfd_create"):
        with open(os.memfd_create("llmdoctor-smoke"), "wb") as file:
            tiny_gguf.write(file)
            file.flush()
            yield f"/proc/{os.getpid()}/fd/{file.fileno()}"
        return
    with tempfile.TemporaryDirectory(prefix="llmdoctor-") as folder:
        path = os.path.join(folder, "llmdoctor-smoke.gguf")
        with open(path, "wb") as file:
            tiny_gguf.write(file)
        yield path


def run(kind: str, program: str, deadline_s: float) -> None:
    use = GpuUse()
    before = use.sample()
    with tiny_model() as model, tempfile.TemporaryDirectory(prefix="llmdoctor-") as empty:
        say(doing=f"running {program}")
        started = time.monotonic()
        try:
            process = subprocess.Popen(
                command(kind, program, model),
                cwd=empty,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
            )
        except OSError as error:
            say(saw={"unstartable": error.strerror or str(error)})
            return
        lines: list[str] = []
        reader = threading.Thread(target=_read, args=(process, lines), daemon=True)
        reader.start()
        own, growth, told = 0, 0, bool(before)
        while process.poll() is None and time.monotonic() - started < deadline_s:
            for card, first in zip(use.sample(), before):
                growth = max(growth, card.used_bytes - first.used_bytes)
                told = told and card.of_process is not None
                # A child of the program (a launcher's real program) is new there, too.
                new = {pid: size for pid, size in (card.of_process or {}).items() if pid not in (first.of_process or {})}
                own = max(own, sum(size for pid, size in new.items() if _is_below(pid, os.getpid())))
            time.sleep(SAMPLE_S)
        timed_out = process.poll() is None
        if timed_out:
            process.kill()
        process.wait()
        reader.join(1)
    use.close()
    for line in lines:
        say(line=line[:KEPT_CHARACTERS])
    say(saw={"status": process.returncode, "timed_out": timed_out, "seconds": round(time.monotonic() - started, 2), "cards": len(before),
             "own_vram_bytes": own if told else None, "card_growth_bytes": growth})  # fmt: skip


def _read(process: subprocess.Popen[bytes], lines: list[str]) -> None:
    assert process.stdout is not None
    for raw in process.stdout:
        lines.append(raw.decode("utf-8", "replace").rstrip("\r\n"))
        del lines[KEPT_LINES:-KEPT_LINES]


def _is_below(pid: int, ancestor: int) -> bool:
    """Whether the process descends from this one. True where nobody can tell: it began while the program ran."""
    while pid > 1:
        if pid == ancestor:
            return True
        try:
            with open(f"/proc/{pid}/stat", "rb") as file:
                pid = int(file.read().rpartition(b")")[2].split()[1])
        except (OSError, ValueError, IndexError):
            return True
    return False


def main(kind: str, program: str, seconds: str) -> None:
    end_with_parent()
    run(kind, program, float(seconds))
    say(done=True)
