"""``llmdoctor run`` with real programs: what passes through, in pipes and in a terminal."""

from __future__ import annotations

import os
import pty
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
RUN = [sys.executable, "-m", "llmdoctor", "run", "--"]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT)}


def run(*words: str, **more: object) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run([*RUN, *words], capture_output=True, env=ENVIRONMENT, timeout=60, **more)  # type: ignore[call-overload, no-any-return]


@pytest.mark.parametrize("status", [0, 1, 3, 132, 137])
def test_the_status_is_the_commands_own(status: int) -> None:
    assert run("sh", "-c", f"exit {status}").returncode == status


@pytest.mark.parametrize(("number", "cause"), [(signal.SIGSEGV, "crashed-runner"), (signal.SIGILL, "cpu.illegal-instruction"), (signal.SIGTERM, "")])  # fmt: skip
def test_a_signal_is_told_and_judged(number: signal.Signals, cause: str) -> None:
    done = run("sh", "-c", f"kill -{number.value} $$")
    assert done.returncode == 128 + number
    assert f"was ended by signal {number.value}" in done.stderr.decode()
    assert cause in done.stderr.decode()


def test_what_cannot_be_started(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("no program")
    assert (run("/no/such/thing").returncode, run(str(tmp_path / "text")).returncode) == (127, 126)
    assert run("/no/such/thing").stderr.decode() == "llmdoctor: /no/such/thing: no such program\n"


def test_both_outputs_and_the_input_pass_byte_by_byte() -> None:
    program = (
        "import sys; data = sys.stdin.buffer.read(); sys.stdout.buffer.write(data * 40); sys.stderr.buffer.write(data[::-1])"
    )
    data = bytes(range(256)) * 300
    done = run(sys.executable, "-c", program, input=data)
    assert done.stdout == data * 40
    assert done.stderr.startswith(data[::-1])


def test_folder_and_variables_are_the_same(tmp_path: Path) -> None:
    done = run("sh", "-c", "pwd; echo $MARK", cwd=tmp_path)
    assert done.stdout.decode().split("\n")[0] == str(tmp_path)


def test_a_child_that_stays_behind_does_not_hold_us() -> None:
    started = time.monotonic()
    done = run("sh", "-c", "sleep 30 & echo started")
    assert done.stdout == b"started\n"
    assert time.monotonic() - started < 15


def test_a_signal_to_us_reaches_the_command() -> None:
    process = subprocess.Popen(
        [*RUN, "sh", "-c", "trap 'echo bye; exit 5' TERM; echo ready; while :; do sleep 0.05; done"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=ENVIRONMENT
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    process.send_signal(signal.SIGTERM)
    assert process.stdout.read() == b"bye\n"
    assert process.wait(20) == 5


def in_terminal(words: list[str], typed: bytes = b"", until: bytes = b"") -> tuple[str, int]:
    """Runs it in a terminal of 30 rows and 90 columns, types once ``until`` was shown, and gives what was shown and the status."""
    pid, master = pty.fork()
    if pid == 0:
        os.environ.update(ENVIRONMENT)
        os.execv(sys.executable, [*RUN, *words])
    import fcntl
    import struct
    import termios

    fcntl.ioctl(master, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 90, 0, 0))
    shown, end = b"", time.monotonic() + 30
    while time.monotonic() < end:
        if select.select([master], [], [], 0.1)[0]:
            try:
                shown += os.read(master, 65536)
            except OSError:
                break
        if typed and until in shown:
            os.write(master, typed)
            typed = b""
    return shown.decode(), os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def test_in_a_terminal_the_command_has_one_too() -> None:
    program = "import os, sys; print(sys.stdin.isatty(), sys.stdout.isatty(), os.get_terminal_size(), flush=True); print(input('name? '))"
    shown, status = in_terminal([sys.executable, "-c", program], b"Ada\r", b"name? ")
    assert "True True os.terminal_size(columns=90, lines=30)" in shown
    assert "Ada\r\nAda\r\n" in shown  # the echo of the terminal, and the command's answer
    assert status == 0


def test_ctrl_c_reaches_the_command_once() -> None:
    program = "import signal, time\nsignal.signal(signal.SIGINT, lambda *_: print('once', flush=True))\nprint('ready', flush=True)\ntime.sleep(1)"
    shown, status = in_terminal([sys.executable, "-c", program], b"\x03", b"ready")
    assert shown.count("once") == 1
    assert status == 0


def test_ctrl_backslash_tells_what_is_known_so_far() -> None:
    program = "import time; x = b'1' * (200 << 20); print('ready', flush=True); time.sleep(1.5)"
    shown, status = in_terminal([sys.executable, "-c", program], b"\x1c", b"ready")
    assert "RAM of the command" in shown
    assert status == 0
