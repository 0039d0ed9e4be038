"""Speed of the redaction on what a server prints over days: MB/s of processor time, the best of three runs; the limit is 20.

    python benchmarks/redact_log.py [MEGABYTES]

The log is that of scan_logs.py: starts of all runtimes, after each fifty times as much of requests.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

LIMIT = 20.0
REQUESTS_SHARE = 50
BLOCK = 1 << 20


def log(megabytes: int) -> bytes:
    requests = (ROOT / "fixtures/logs/requests.log").read_bytes()
    parts: list[bytes] = []
    while sum(map(len, parts)) < megabytes << 20:
        for path in sorted((ROOT / "fixtures/logs/healthy").glob("*.log")):
            start = path.read_bytes()
            parts += [start, requests * (REQUESTS_SHARE * len(start) // len(requests) + 1)]
    return b"".join(parts)[: megabytes << 20]


def main() -> int:
    from llmdoctor.redact.redactor import Redactor

    data = log(int(sys.argv[1]) if len(sys.argv) > 1 else 16)
    blocks = [data[at : at + BLOCK] for at in range(0, len(data), BLOCK)]
    best = 0.0
    redactor = Redactor()
    for _ in range(3):
        redactor = Redactor()
        started = time.process_time()
        for _ in redactor.stream(blocks):
            pass
        best = max(best, len(data) / 1e6 / (time.process_time() - started))
    print(f"{best:.1f} MB/s (limit {LIMIT:.0f}); hidden: {redactor.counts}")
    return int(best < LIMIT)


if __name__ == "__main__":
    sys.exit(main())
