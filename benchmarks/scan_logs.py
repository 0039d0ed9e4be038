"""Speed and memory of the log scanner with all rules and readers, in one run: MB/s, against ripgrep where it is installed.

    python benchmarks/scan_logs.py [MEGABYTES]

The log is what servers that live long print: starts of all runtimes (the healthy ones of fixtures/), after each fifty times as
much of requests (fixtures/logs/requests.log). Limits: 100 MB/s, a quarter of ripgrep's speed with the same patterns, memory
that does not grow with the log. The starts alone, of which nearly every line tells something, are measured beside it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

REQUESTS_SHARE = 50
"""Bytes of requests for each byte of a start."""

SCAN = """
import resource, sys, time
from llmdoctor.diagnosis import index
from llmdoctor.logs.chapters import LogReader
from llmdoctor.logs.stream import blocks, open_file
from llmdoctor.runtimes import all_readers
rules = index.load()
started = time.perf_counter()
reader = LogReader((pattern for rule in rules for pattern in rule.patterns()), all_readers())
built = time.perf_counter()
with open_file(sys.argv[1]) as file:
    reader.read("log", blocks(file, "log"))
print(built - started, time.perf_counter() - built, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def scan(path: str) -> tuple[float, float, float]:
    """Seconds to build the automaton, seconds to scan, peak MiB."""
    done = subprocess.run([sys.executable, "-c", SCAN, path], stdout=subprocess.PIPE, text=True, cwd=ROOT, check=True)
    build, seconds, kib = map(float, done.stdout.split())
    return build, seconds, kib / 1024


def ripgrep(path: str) -> float:
    from llmdoctor.diagnosis import index

    literals = sorted({text for rule in index.load() for pattern in rule.patterns() for text in pattern.texts})
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
        file.write("\n".join(literals))
        file.flush()
        started = time.perf_counter()
        subprocess.run(["rg", "-c", "-F", "-j1", "-f", file.name, path], capture_output=True)
        return time.perf_counter() - started


def main() -> None:
    size = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    healthy = b"".join(path.read_bytes() for path in sorted((ROOT / "fixtures/logs/healthy").glob("*.log")))
    requests = (ROOT / "fixtures/logs/requests.log").read_bytes()
    sample = healthy + requests * (len(healthy) * REQUESTS_SHARE // len(requests))
    with tempfile.TemporaryDirectory() as folder:
        paths = {}
        for name, content, bytes_wanted in (
            ("small", sample, 20_000_000), ("large", sample, size * 1_000_000), ("starts", healthy, 10_000_000),
        ):  # fmt: skip
            paths[name] = os.path.join(folder, name)
            with open(paths[name], "wb") as file:
                for _ in range(bytes_wanted // len(content) + 1):
                    file.write(content)
        small, large = scan(paths["small"]), min(scan(paths["large"]) for _ in range(3))
        megabytes = os.path.getsize(paths["large"]) / 1e6
        speed = megabytes / large[1]
        print(
            f"{'ok  ' if speed >= 100 else 'OVER'} scan of {megabytes:.0f} MB: {speed:.0f} MB/s (limit 100); automaton {large[0] * 1000:.0f} ms"
        )
        print(f"     starts alone: {os.path.getsize(paths['starts']) / 1e6 / scan(paths['starts'])[1]:.0f} MB/s")
        growth = large[2] - small[2]
        print(
            f"{'ok  ' if growth < 20 else 'OVER'} memory: {small[2]:.0f} MiB at 20 MB, {large[2]:.0f} MiB at {megabytes:.0f} MB"
        )
        if shutil.which("rg"):
            other = megabytes / min(ripgrep(paths["large"]) for _ in range(3))
            print(
                f"{'ok  ' if speed * 4 >= other else 'OVER'} ripgrep, same literals, one thread: {other:.0f} MB/s (limit: a quarter of it)"
            )


if __name__ == "__main__":
    main()
