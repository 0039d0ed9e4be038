"""Fact ``kernel_log``: what the kernel said about GPUs, memory and modules since this boot.

Asked in order: the journal, the kernel's ring buffer through ``dmesg``, then log files. A log that does
not reach back to the boot, or that this user may not read in full, proves what it shows and nothing
else: from such a log "there is none" becomes unknown.

Sources: journalctl(1), dmesg(1), systemd's "Hint" to users who may not see the whole journal.
"""

from __future__ import annotations

from typing import Collection, NamedTuple, Optional, Union

from ..facts.fact import Unknown, all_unknown
from ..facts.machine import KernelLog
from ..host.host import MAX_ANSWER_BYTES, Host
from .kernel_messages import BOOT_MARK, doubt_absence, parse

_WANTED = (
    r"Linux version |NVRM|nvidia|[Oo]ut of memory|[Kk]illed process|module.* is rejected|module loading is restricted"
    r"|BAR \d|amdgpu|blocked .*for more than"
)
"""What journalctl shall pick out, a PCRE2 pattern. Capitals in it make it case-sensitive."""

_FILES = ("/var/log/kern.log", "/var/log/messages", "/var/log/dmesg")
_BOOT_ONLY = "/var/log/dmesg"
"""Written once at boot: says nothing of what came later."""


class _Text(NamedTuple):
    source: str
    text: str
    doubt: Optional[str]
    """Why it may lack messages of this boot; None if it has them all."""


def _journal(host: Host) -> Union[_Text, str]:
    if not host.which("journalctl"):
        return "no journal"
    done = host.run("journalctl", "-k", "-b", "0", "-o", "short-monotonic", "--no-pager", f"--grep={_WANTED}")
    if done is None or isinstance(done, Unknown):
        return f"journalctl: {done.unknown}" if done else "no journal"
    if done.timed_out:
        return "journalctl did not end in time"
    if BOOT_MARK in done.stdout:
        return _Text("journal", done.stdout, None)
    if "insufficient permissions" in done.stderr or "not seeing messages from" in done.stderr:
        # Its own log is all that such a user sees; kernel messages are not in it.
        return "the journal may be read by root and the groups adm and systemd-journal alone"
    if "pattern matching" in done.stderr:
        return "this journalctl cannot search"
    return "the journal does not hold the kernel's messages of this boot"


def _ring_buffer(host: Host) -> Union[_Text, str]:
    if not host.which("dmesg"):
        return "no dmesg"
    done = host.run("dmesg")
    if done is None or isinstance(done, Unknown):
        return f"dmesg: {done.unknown}" if done else "no dmesg"
    if not done.ok:
        refused = "not permitted" in done.stderr.lower() or "permission denied" in done.stderr.lower()
        return "dmesg needs root here" if refused else "dmesg failed"
    doubt = None if BOOT_MARK in done.stdout else "the kernel's ring buffer no longer holds the whole boot"
    return _Text("/dev/kmsg", done.stdout, doubt)


def _file(host: Host, path: str) -> Union[_Text, str]:
    stat = host.stat(path)
    if stat is None or isinstance(stat, Unknown):
        return f"{path}: {stat.unknown}" if stat else f"no {path}"
    if not stat.readable:
        return f"{path} may not be read by this user"
    start = max(0, stat.size_bytes - MAX_ANSWER_BYTES)
    content = host.bytes_at(path, start, MAX_ANSWER_BYTES)
    if not isinstance(content, bytes):
        return f"{path} could not be read"
    text = content.decode("utf-8", "replace")
    if path == _BOOT_ONLY:
        return _Text(path, text, f"{path} ends with the boot")
    return _Text(path, text, None if BOOT_MARK in text else f"{path} does not reach back to the boot")


def _best(host: Host) -> Union[_Text, str]:
    """The first log that is whole; else the first that can be read; else why none can."""
    partial: Optional[_Text] = None
    reasons: list[str] = []
    for found in (_journal(host), _ring_buffer(host)):
        if isinstance(found, _Text) and found.doubt is None:
            return found
        if isinstance(found, str):
            reasons.append(found)
        else:
            partial = partial or found
    for path in _FILES:
        found = _file(host, path)
        if isinstance(found, _Text):
            if found.doubt is None:
                return found
            partial = partial or found
        elif not found.startswith("no "):
            reasons.append(found)
    if partial is not None:
        return partial
    return "needs root: " + "; ".join(reasons) if any("root" in reason for reason in reasons) else "; ".join(reasons)


def probe(host: Host, gpu_hint: bool, cards: Collection[str] = ()) -> KernelLog:
    """``gpu_hint``: a GPU or a runtime is on this machine, so that the log is worth the time; ``cards``: see ``parse``."""
    platform = host.platform()
    if platform == "windows":
        log = all_unknown(KernelLog, "Windows keeps this in its event log, which is not read yet")
        log.source = log.nvrm_api_mismatch = log.module_signature_rejected = log.amdgpu_errors = log.oom_kills = None
        return log
    if platform != "linux":
        return KernelLog(**dict.fromkeys(KernelLog.__struct_fields__))
    if not gpu_hint:
        return all_unknown(KernelLog, "not looked: no GPU and no runtime here")
    found = _best(host)
    if isinstance(found, str):
        return all_unknown(KernelLog, found)
    log = parse(found.text, cards)
    if found.doubt is not None:
        doubt_absence(log, found.doubt)
    log.source = found.source
    return log
