"""Runs a command as if nobody stood between: output, input, terminal, signals and status pass through.

Where standard output or error is a terminal the command gets a terminal of its own (pty(7)) that is as large; else pipes, so that
it sees what it would see without us. What comes through is also given to ``keep``.
"""

from __future__ import annotations

import contextlib
import errno
import os
import signal
import subprocess
import sys
import threading
import time
from typing import Any, Callable, Iterator, Optional, Sequence

Keep = Callable[[bytes], None]
ASKED = b"\x1c"
"""Ctrl-\\ in a terminal: the user asks what is known so far."""
_FORWARDED = ("SIGTERM", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2")
_LAST_WORDS_S = 0.2
"""After the command's end: a child of it may hold its output open for ever."""


class NotStarted(ValueError):
    """The command could not be started: one line that says why, and the status that a shell would give."""

    def __init__(self, text: str, status: int) -> None:
        super().__init__(text)
        self.status = status


class Child:
    """``started`` is told the process number; ``asked`` is called when the user presses Ctrl-\\ in the terminal."""

    def __init__(
        self, words: Sequence[str], keep: Keep, started: Callable[[int], None], asked: Callable[[], None], out: int = 1
    ) -> None:
        self._words, self._keep, self._started, self._asked, self._out = list(words), keep, started, asked, out
        self._pid = 0

    def run(self) -> int:
        """Runs it to its end; the return code is negative for a signal. Raises NotStarted."""
        terminal = os.name == "posix" and (os.isatty(self._out) or os.isatty(2))
        with self._signals():
            return self._in_terminal() if terminal else self._through_pipes()

    # -- pipes ---------------------------------------------------------------------------------

    def _through_pipes(self) -> int:
        try:
            process = subprocess.Popen(self._words, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        except OSError as error:
            raise _not_started(self._words[0], error) from None
        self._pid = process.pid
        self._started(process.pid)
        assert process.stdout is not None and process.stderr is not None
        copies = [
            threading.Thread(target=self._copy, args=(stream.fileno(), to), daemon=True)
            for stream, to in ((process.stdout, self._out), (process.stderr, 2))
        ]
        for copy in copies:
            copy.start()
        process.wait()
        end = time.monotonic() + _LAST_WORDS_S
        for copy in copies:
            # What the command wrote before its end is in the pipe; a reader that is still busy with it is waited for.
            copy.join(max(end - time.monotonic(), 0.01))
            while copy.is_alive() and self._is_moving():
                copy.join(_LAST_WORDS_S)
        return process.returncode

    _moved = 0
    _seen = 0

    def _is_moving(self) -> bool:
        before, self._seen = self._seen, self._moved
        return self._seen > before

    def _copy(self, source: int, to: int) -> None:
        while True:
            try:
                data = os.read(source, 1 << 16)
            except OSError:
                return
            if not data:
                return
            self._keep(data)
            try:
                _write(to, data)
            except OSError:
                os.close(source)  # our reader has gone: so has the command's
                return
            self._moved += len(data)

    # -- a terminal ----------------------------------------------------------------------------

    def _in_terminal(self) -> int:
        import pty

        keep_in, keep_out, keep_error = os.isatty(0), os.isatty(self._out), os.isatty(2)
        saved = os.dup(0), os.dup(self._out), os.dup(2)
        problem_out, problem_in = os.pipe()
        pid, master = pty.fork()
        if pid == 0:  # the command
            os.close(problem_out)
            for number, is_terminal in enumerate((keep_in, keep_out, keep_error)):
                if not is_terminal:
                    os.dup2(saved[number], number)
            try:
                os.execvp(self._words[0], self._words)  # noqa: S606 - the user's own command, without a shell
            except OSError as error:
                os.write(problem_in, str(error.errno).encode())
            os._exit(127)
        os.close(problem_in)
        for each in saved:
            os.close(each)
        self._pid = pid
        with os.fdopen(problem_out, "rb") as problem:
            reason = problem.read()  # closed by exec
        if reason:
            os.waitpid(pid, 0)
            raise _not_started(self._words[0], OSError(int(reason), os.strerror(int(reason))))
        self._started(pid)
        screen = self._out if keep_out else 2
        _same_size(screen, master)
        before = signal.signal(signal.SIGWINCH, lambda *_: _same_size(screen, master))
        try:
            with _raw(0 if keep_in else None) as again:
                return self._pump(pid, master, screen, keep_in, again)
        finally:
            signal.signal(signal.SIGWINCH, before)
            os.close(master)

    def _pump(self, pid: int, master: int, screen: int, keep_in: bool, again: Callable[[bool], None]) -> int:
        import select

        sources = [master, 0] if keep_in else [master]
        status: Optional[int] = None
        end = 0.0
        while True:
            ready = select.select(sources, [], [], 0.05)[0]
            if master in ready:
                try:
                    data = os.read(master, 1 << 16)
                except OSError:  # EIO: the last holder of the other side has gone
                    data = b""
                if data:
                    self._keep(data)
                    _write(screen, data)
                elif status is not None:
                    return status
                else:
                    sources = [one for one in sources if one != master]
            elif status is not None and time.monotonic() > end:
                return status
            if 0 in ready:
                typed = os.read(0, 1 << 16)
                if typed == ASKED:
                    self._asked()
                elif typed:
                    _write(master, typed)
                else:
                    sources = [one for one in sources if one != 0]
            if status is None:
                who, told = os.waitpid(pid, os.WNOHANG | os.WUNTRACED)
                if who and os.WIFSTOPPED(told):
                    again(False)
                    os.kill(0, signal.SIGSTOP)  # we stop with it, and go on with it
                    again(True)
                    os.killpg(pid, signal.SIGCONT)
                elif who:
                    status = os.waitstatus_to_exitcode(told)
                    end = time.monotonic() + _LAST_WORDS_S

    # -- signals -------------------------------------------------------------------------------

    @contextlib.contextmanager
    def _signals(self) -> Iterator[None]:
        before: dict[int, Any] = {}
        if threading.current_thread() is threading.main_thread():
            for name in _FORWARDED:
                if hasattr(signal, name):
                    number = getattr(signal, name)
                    before[number] = signal.signal(number, self._forward)
            before[signal.SIGINT] = signal.signal(signal.SIGINT, self._interrupt)
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _forward(self, number: int, _: Any) -> None:
        if self._pid:
            with contextlib.suppress(OSError):
                os.kill(self._pid, number)

    def _interrupt(self, number: int, frame: Any) -> None:
        # A terminal sends Ctrl-C to its whole foreground group: the command has it already.
        if not _in_foreground():
            self._forward(number, frame)


def _in_foreground() -> bool:
    try:
        terminal = os.open("/dev/tty", os.O_RDONLY)
    except OSError:
        return os.name != "posix"
    try:
        return os.tcgetpgrp(terminal) == os.getpgrp()
    except OSError:
        return False
    finally:
        os.close(terminal)


def _not_started(program: str, error: OSError) -> NotStarted:
    # The statuses are those of POSIX shells: 127 not found, 126 found and not executable.
    text = "no such program" if error.errno == errno.ENOENT else (error.strerror or str(error)).lower()
    return NotStarted(f"{program}: {text}", 127 if error.errno == errno.ENOENT else 126)


def _write(to: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        try:
            view = view[os.write(to, view) :]
        except BlockingIOError:
            time.sleep(0.005)


def _same_size(screen: int, master: int) -> None:
    import fcntl
    import termios

    with contextlib.suppress(OSError):
        fcntl.ioctl(master, termios.TIOCSWINSZ, fcntl.ioctl(screen, termios.TIOCGWINSZ, b"\0" * 8))


@contextlib.contextmanager
def _raw(terminal: Optional[int]) -> Iterator[Callable[[bool], None]]:
    """Our terminal hands every key on while this lasts; the yielded function turns that off and on again."""
    if terminal is None:
        yield lambda on: None
        return
    import termios
    import tty

    before = termios.tcgetattr(terminal)

    def switch(on: bool) -> None:
        if on:
            tty.setraw(terminal)
        else:
            termios.tcsetattr(terminal, termios.TCSADRAIN, before)

    switch(True)
    try:
        yield switch
    finally:
        switch(False)
        sys.stdout.flush()
