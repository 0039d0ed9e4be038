"""POSIX signals that end programs, and the exit statuses that stand for them.

Sources: signal(7) and wait(2) of Linux (numbers for x86, ARM and most others); bash(1), "EXIT STATUS": a command ended by
signal N has status 128+N; Python's subprocess prints -N.
"""

from __future__ import annotations

from typing import Optional

from .code import CodeMeaning

SIGNALS: dict[int, tuple[str, str]] = {
    1: ("SIGHUP", "its terminal was closed"),
    2: ("SIGINT", "ended by Ctrl-C"),
    3: ("SIGQUIT", "ended from the keyboard with a core dump"),
    4: ("SIGILL", "an instruction that this processor does not have, such as AVX2 or AVX-512"),
    5: ("SIGTRAP", "a breakpoint or a failed assertion was reached"),
    6: ("SIGABRT", "the program stopped itself: abort(), a failed assertion or an uncaught C++ exception"),
    7: ("SIGBUS", "mapped memory could not be read: a file cut short, a failing disk, or /dev/shm is full"),
    8: ("SIGFPE", "an arithmetic fault, such as an integer divided by zero"),
    9: ("SIGKILL", "killed from outside: by the kernel's OOM killer, a container's memory limit, or kill -9"),
    11: ("SIGSEGV", "the program touched memory that is not its own: a crash"),
    13: ("SIGPIPE", "whoever read its output has gone"),
    14: ("SIGALRM", "a timer ran out"),
    15: ("SIGTERM", "asked to end, as systemctl stop and docker stop do"),
    24: ("SIGXCPU", "its limit of CPU time is used up"),
    25: ("SIGXFSZ", "its limit of file size is reached"),
    31: ("SIGSYS", "a system call that is not allowed here (seccomp)"),
}  # fmt: skip
"""Number to name and meaning."""

WORDS: dict[str, int] = {
    "hangup": 1, "interrupt": 2, "illegal instruction": 4, "trace/breakpoint trap": 5, "aborted": 6, "bus error": 7,
    "floating point exception": 8, "killed": 9, "segmentation fault": 11, "broken pipe": 13, "terminated": 15,
}  # fmt: skip
"""As shells and Go's ``os/exec`` name them in lower case (strsignal(3))."""

_HIGHEST = 64


def by_number(number: int) -> Optional[CodeMeaning]:
    """The signal of this number; None if it is none that ends programs."""
    entry = SIGNALS.get(number)
    return CodeMeaning(number, *entry) if entry else None


def of_exit_status(status: int) -> Optional[CodeMeaning]:
    """The signal that a shell's status (128+N) or Python's return code (-N) stands for; None where it stands for none."""
    if 128 < status <= 128 + _HIGHEST:
        return by_number(status - 128)
    return by_number(-status) if -_HIGHEST <= status < 0 else None
