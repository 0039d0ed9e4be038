"""Runs a program without a shell, under a deadline, and never waits for one that will not end."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from typing import IO, Any, Mapping, Optional, Sequence

from .question import ABSENT, Answer
from .text import clean

MAX_OUTPUT_BYTES = 1 << 20
"""Of each of stdout and stderr; what comes after is read and thrown away."""


def _collect(stream: IO[bytes], chunks: list[bytes]) -> None:
    kept = 0
    with stream:
        while chunk := stream.read(65536):
            if kept < MAX_OUTPUT_BYTES:
                chunks.append(chunk[: MAX_OUTPUT_BYTES - kept])
                kept += len(chunks[-1])


def end_group(process: subprocess.Popen[bytes]) -> None:
    """Ends the process with its whole group. A process in an uninterruptible sleep (state D) cannot die:
    it is left, not waited for."""
    try:
        if os.name == "posix":
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
    except OSError:
        pass  # it ended by itself meanwhile


def spawn(
    argv: Sequence[str],
    environment: Optional[Mapping[str, str]] = None,
    stdin: Any = subprocess.DEVNULL,
    stderr: Any = subprocess.PIPE,
) -> subprocess.Popen[bytes]:
    """Starts a program in a process group of its own, without a window on Windows."""
    return subprocess.Popen(
        list(argv),
        stdin=stdin,
        stdout=subprocess.PIPE,
        stderr=stderr,
        env=dict(environment) if environment is not None else None,
        start_new_session=os.name == "posix",
        creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
    )


def run(argv: Sequence[str], deadline_s: float, environment: Optional[Mapping[str, str]] = None) -> Answer:
    """The answer to a ``command`` question: status (negative: a signal; None: stopped at its deadline), texts, time.

    Runs with ``LC_ALL=C`` so that messages come in English, and without standard input.
    """
    env = {**(os.environ if environment is None else environment), "LC_ALL": "C"}
    started = time.monotonic()
    try:
        process = spawn(argv, env)
    except FileNotFoundError:
        return Answer(error=ABSENT)
    except OSError as error:
        return Answer(error=f"{argv[0]} could not be started: {error.strerror}")
    out: list[bytes] = []
    err: list[bytes] = []
    readers = [
        threading.Thread(target=_collect, args=(stream, chunks), daemon=True)
        for stream, chunks in ((process.stdout, out), (process.stderr, err))
        if stream is not None
    ]
    for reader in readers:
        reader.start()
    timed_out = False
    try:
        process.wait(deadline_s)
    except subprocess.TimeoutExpired:
        timed_out = True
    # A grandchild may still hold the pipes: the group is ended in either case, and readers get a moment.
    end_group(process)
    for reader in readers:
        reader.join(0.2)
    return Answer(
        value={
            "status": None if timed_out else process.returncode,
            "stdout": clean(b"".join(out)),
            "stderr": clean(b"".join(err)),
            "timed_out": timed_out,
        },
        ms=(time.monotonic() - started) * 1000,
    )
