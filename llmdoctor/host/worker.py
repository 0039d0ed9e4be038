"""Runs one of our own modules in a process of its own and keeps what it says until it ends, crashes or is stopped."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import IO, Any, Sequence, Union

import msgspec

from .command import end_group, spawn
from .question import Answer
from .text import clean, clean_json

_ROOT = str(Path(__file__).parent.parent.parent)
"""The folder that holds the package."""
_START = "import os, sys; sys.path[:] = sys.argv.pop(1).split(os.pathsep); __import__(sys.argv[1], fromlist=['main']).main(*sys.argv[2:])"
MAX_LINES = 10_000
MAX_LINE_BYTES = 1 << 16


def run(module: str, arguments: Sequence[Union[str, int]], deadline_ms: int) -> Answer:
    """The answer to a ``worker`` question; see ``Host.worker``.

    The worker ends as soon as its standard input does, so that it outlives nobody; its group is ended in any case, also
    where this process is interrupted.
    """
    started = time.monotonic()
    # -I -S: nothing from the current folder and no start-up files. Packages come from where this process has its own; the first
    # entry of sys.path is the current folder or that of a script.
    folders = os.pathsep.join((_ROOT, *sys.path[1:]))
    words = [sys.executable, "-I", "-S", "-c", _START, folders, module, *(str(argument) for argument in arguments)]
    try:
        process = spawn(words, stdin=subprocess.PIPE)
    except OSError as error:
        return Answer(error=f"a helper process could not be started: {error.strerror}")
    said: list[bytes] = []
    complained: list[bytes] = []
    assert process.stdin is not None and process.stdout is not None and process.stderr is not None
    readers = [
        threading.Thread(target=_collect, args=(stream, lines), daemon=True)
        for stream, lines in ((process.stdout, said), (process.stderr, complained))
    ]
    for reader in readers:
        reader.start()
    timed_out = False
    try:
        process.wait(deadline_ms / 1000)
    except subprocess.TimeoutExpired:
        timed_out = True
    finally:
        end_group(process)
        process.stdin.close()
    for reader in readers:
        reader.join(0.5)
    ms = round((time.monotonic() - started) * 1000, 1)
    value = {
        "words": [words for line in list(said) if isinstance(words := _decode(line), dict)],
        "status": None if timed_out else process.returncode,
        "timed_out": timed_out,
        "last_line": clean(complained[-1]).strip() if complained else "",
        "ms": ms,
    }
    return Answer(value=value, ms=ms)


def _collect(stream: IO[bytes], lines: list[bytes]) -> None:
    with stream:
        while line := stream.readline(MAX_LINE_BYTES):
            if line.strip():
                lines.append(line)
            del lines[MAX_LINES:]


def _decode(line: bytes) -> Any:
    try:
        return clean_json(msgspec.json.decode(line))
    except msgspec.DecodeError:
        return None
