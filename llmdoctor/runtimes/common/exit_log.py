"""How processes ended, as shells, Go, Python, Node, systemd, Docker and apps print it.

An exit status of 0 is no failure and is passed over. Spellings: Go's os/exec and syscall packages, Python's subprocess
(``CalledProcessError``), bash(1), systemd's service manager, Docker's and Kubernetes' command line, Electron apps.
"""

from __future__ import annotations

from typing import Mapping

from ...logs.reader import Builder, Reader, exit_names

Groups = Mapping[str, str]

_HARMLESS = ("0", "0x0", "00")


def _status(b: Builder, groups: Groups, line: int) -> None:
    status = groups["status"]
    known = [one for one in b.run.exits if one.line == line]
    if status in _HARMLESS or any(one.names == exit_names(status) for one in known):
        return
    b.exit(status, line)


_NUMBER = r"(?P<status>-?0x[0-9a-fA-F]+|-?\d+(?:\.\d+e\+?\d+)?)"

READERS: tuple[Reader, ...] = (
    # Go: "exit status 2", "exit status 0xc0000005"; Python: "returned non-zero exit status 1"; "exited with status 1".
    Reader(("exit status", "exited with status", "exitStatus"), r"exit(?:ed with)? ?[sS]tatus\\*\"?[:=]? *" + _NUMBER + r"\b", _status),
    # "exit code: 137", "exited with code -1073741819", "(Exit code: 18446744072635812000)", "exitcode : -9", "code=134".
    Reader(
        ("xit code", "xited with code", "exitcode", "exitCode", "xit_code", "ExitCode", "exit with code", "return code", "returncode"),
        r"(?i)(?:exit(?:ed)?[ _]?(?:with )?(?:error )?code|return ?code)\\*\"?(?: is|=| =|:| :)?\s*(?:of )?\(?" + _NUMBER + r"\b", _status,
    ),
    # Go: "signal: killed", "signal: aborted (core dumped)"; Rust: "signal: 9 (SIGKILL)".
    Reader(
        ("signal: ",),
        r"\bsignal: (?P<status>hangup|interrupt|illegal instruction|trace/breakpoint trap|aborted|bus error|floating point exception|killed|segmentation fault|broken pipe|terminated|\d+ \(SIG[A-Z]+\))",
        lambda b, groups, line: _signal(b, groups["status"], line),
    ),
    # Go's runtime, where C code crashed: "SIGSEGV: segmentation violation", then "signal arrived during cgo execution".
    Reader(
        ("SIGSEGV: ", "SIGILL: ", "SIGABRT: ", "SIGBUS: ", "SIGFPE: ", "SIGTRAP: "),
        r"(?P<status>SIG[A-Z]+): (?:segmentation violation|illegal instruction|abort|bus error|floating-point exception|trace trap)", _status,
    ),
    Reader(("<Signals.SIG",), r"<Signals\.(?P<status>SIG[A-Z]+): \d+>", _status),
    # Shells.
    Reader(
        ("(core dumped)",),
        r"(?i)(?P<status>Segmentation fault|Illegal instruction|Aborted|Bus error|Floating point exception|Trace/breakpoint trap)\s+\(core dumped\)",
        _status,
    ),
    Reader(
        ("Killed", "Segmentation fault", "Illegal instruction", "Aborted", "Bus error"),
        r"(?:(?:^|line \d+: |\]\s*)\s*\d+ |^\s*|\[\d+\][+-]?\s+(?:\d+ )?)(?P<status>Killed|Segmentation fault|Illegal instruction|Aborted|Bus error)(?:: \d+)?(?:\s*$|\s{2,})",
        _status,
    ),
    Reader(("zsh: ",), r"zsh: (?P<status>killed|segmentation fault|illegal hardware instruction|abort|bus error|trace trap)\b", lambda b, groups, line: _signal(b, groups["status"], line)),
    # systemd: "Main process exited, code=killed, status=9/KILL", "code=exited, status=203/EXEC", "code=dumped, status=11/SEGV".
    Reader(
        ("code=killed", "code=dumped"), r"code=(?:killed|dumped),? (?:status|signal)=\d*/?(?P<status>[A-Z]+)", _status,
    ),
    Reader(("code=exited",), r"code=exited,? status=(?P<status>\d+(?:/[A-Z_]+)?)", lambda b, groups, line: _systemd(b, groups["status"], line)),
    # Ray, torchrun, multiprocessing: "died with exit code", "Signal 9 (SIGKILL) received by PID".
    Reader(("ignal ",), r"[sS]ignal \d+ \((?P<status>SIG[A-Z]+)\) (?:received|caught)", _status),
    Reader(("systemd[1]: ",), r"systemd\[1\]: ", lambda b, groups, line: b.set("os", "linux", line)),
    Reader(("Fatal Python error: ",), r"Fatal Python error: (?P<status>Segmentation fault|Illegal instruction|Aborted|Bus error)", _status),
    Reader(("Windows fatal exception: ",), r"Windows fatal exception: (?P<word>access violation|stack overflow|code 0x[0-9a-fA-F]+)", lambda b, groups, line: _windows(b, groups["word"], line)),
)  # fmt: skip
"""For every runtime."""

_OTHER_WORDS = {"illegal hardware instruction": "SIGILL", "abort": "SIGABRT", "trace trap": "SIGTRAP"}


def _signal(b: Builder, word: str, line: int) -> None:
    name = word[word.index("(") + 1 : -1] if word.endswith(")") else _OTHER_WORDS.get(word, word)
    _status(b, {"status": name}, line)


def _systemd(b: Builder, word: str, line: int) -> None:
    """``203/EXEC`` and its kin are systemd's own statuses for a service that could not be started."""
    number, _, name = word.partition("/")
    if number not in _HARMLESS and name != "SUCCESS":
        _status(b, {"status": word if 200 <= int(number) <= 245 and name else number}, line)


def _windows(b: Builder, word: str, line: int) -> None:
    known = {"access violation": "0xc0000005", "stack overflow": "0xc00000fd"}
    _status(b, {"status": known.get(word, word.removeprefix("code "))}, line)
