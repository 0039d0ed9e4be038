"""In a terminal of its own, as users start it: the first paint, every way to leave, and terminals that place no text."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from .driving import HEALTHY

if sys.platform == "win32":
    pytest.skip("pseudo-terminals of POSIX systems", allow_module_level=True)

import fcntl
import pty
import struct
import termios

ROOT = Path(__file__).resolve().parent.parent.parent
LEAVES_ALTERNATE_SCREEN, SHOWS_CURSOR, ENDS_MOUSE = b"\x1b[?1049l", b"\x1b[?25h", b"\x1b[?1000l"


class Terminal:
    """A program in a pseudo-terminal."""

    def __init__(self, *arguments: str, term: str = "xterm-256color") -> None:
        self._ours, self._theirs = pty.openpty()
        fcntl.ioctl(self._theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 100, 0, 0))
        self.before = termios.tcgetattr(self._theirs)
        self.output = b""
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "TERM": term, "COLORTERM": "truecolor"}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "llmdoctor", *arguments], stdin=self._theirs, stdout=self._theirs, stderr=self._theirs,
            env=environment, cwd=ROOT, start_new_session=True,
        )  # fmt: skip

    def read(self, seconds: float) -> None:
        ready, _, _ = select.select([self._ours], [], [], seconds)
        if ready:
            self.output += os.read(self._ours, 1 << 16)

    def wait_for(self, text: bytes) -> None:
        end = time.monotonic() + 30
        while text not in self.output:
            assert time.monotonic() < end and self.process.poll() is None, self.output[-2000:]
            self.read(0.1)

    def press(self, keys: bytes) -> None:
        os.write(self._ours, keys)

    def end(self) -> int:
        """The exit status, with all that was written until then."""
        deadline = time.monotonic() + 15
        while self.process.poll() is None:
            assert time.monotonic() < deadline, "it does not end"
            self.read(0.05)
        for _ in range(5):
            self.read(0.05)
        return self.process.returncode

    def settings(self) -> list[object]:
        return termios.tcgetattr(self._theirs)

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        os.close(self._ours)
        os.close(self._theirs)


@pytest.mark.parametrize("way", [b"q", b"\x03", signal.SIGTERM, signal.SIGHUP, signal.SIGINT], ids=str)
def test_leaving_gives_the_terminal_back(way: bytes | signal.Signals) -> None:
    terminal = Terminal("tui", "--from", str(HEALTHY))
    try:
        terminal.wait_for(b"No problem found")
        if isinstance(way, bytes):
            terminal.press(way)
        else:
            terminal.process.send_signal(way)
        assert terminal.end() == 0
        for told in (LEAVES_ALTERNATE_SCREEN, SHOWS_CURSOR, ENDS_MOUSE):
            assert told in terminal.output
        assert terminal.settings() == terminal.before
        assert b"Traceback" not in terminal.output
    finally:
        terminal.close()


def test_llmdoctor_alone_opens_it() -> None:
    terminal = Terminal()
    try:
        terminal.wait_for(b"Findings")
        terminal.press(b"q")
        assert terminal.end() == 0
    finally:
        terminal.close()


@pytest.mark.parametrize("arguments", [[], ["tui"]], ids=["alone", "tui"])
def test_a_dumb_terminal_gets_one_line_that_names_check(arguments: list[str]) -> None:
    terminal = Terminal(*arguments, term="dumb")
    try:
        assert terminal.end() == 2
        assert terminal.output.count(b"\n") == 1 and b"llmdoctor check" in terminal.output
    finally:
        terminal.close()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [([], "llmdoctor check"), (["tui"], "llmdoctor check"), (["tui", "--from", "nowhere.json"], "nowhere.json: no such file")],
    ids=str,
)
def test_without_a_terminal_one_line(arguments: list[str], says: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "llmdoctor", *arguments], cwd=ROOT, capture_output=True, text=True, stdin=subprocess.DEVNULL
    )
    assert (done.returncode, done.stdout) == (2, "") and says in done.stderr and done.stderr.count("\n") == 1
