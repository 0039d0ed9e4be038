"""Messages of the Linux kernel about GPUs, memory and modules: lines of any log's format in, facts out.

Sources of the texts: https://github.com/NVIDIA/open-gpu-kernel-modules (osapi.c, osinit.c, kernel_rc.c),
https://docs.nvidia.com/deploy/xid-errors, Linux mm/oom_kill.c, kernel/hung_task.c, kernel/module/signing.c,
security/lockdown, drivers/gpu/drm/amd/amdgpu.
"""

from __future__ import annotations

import re
from typing import Collection, NamedTuple, Optional, TypeVar

from ..facts.fact import Fact, Unknown
from ..facts.machine import KernelLog, OomKill, Xid

T = TypeVar("T")

BOOT_MARK = "Linux version "
"""Start of the first line that every kernel prints."""

_LIMIT = 200
"""Xids and kills kept: the oldest and the newest half of it. A dying card writes thousands."""
_LINES = 20
"""Lines kept of other kinds."""


class Record(NamedTuple):
    """One message of the kernel, its continuation lines joined with spaces."""

    seconds: Optional[float]
    """Since boot; None where the log does not say."""
    text: str


# --- lines to records ---------------------------------------------------------------------------

# journalctl -o short-monotonic, dmesg, and rsyslog's two formats.
_HEAD = re.compile(
    r"^(?:\[\s*(?P<a>\d+\.\d+)\] (?:\S+ kernel: )?"
    r"|(?:[A-Z][a-z]{2} [ \d]\d [\d:]{8}|\d{4}-\d\d-\d\dT\S+) \S+ kernel: (?:\[\s*(?P<b>\d+\.\d+)\] )?)"
)


def parse_records(text: str) -> list[Record]:
    """Messages since the last boot that the text shows. rsyslog writes a line feed inside a message as ``#012``."""
    records: list[Record] = []
    for line in text.replace("#012", "\n").splitlines():
        head = _HEAD.match(line)
        if head:
            body = line[head.end() :].strip()
            if body.startswith(BOOT_MARK):
                records.clear()
            seconds = head["a"] or head["b"]
            records.append(Record(float(seconds) if seconds else None, body))
        elif records and (line[:1] in (" ", "\t") or line.startswith("NVRM:")):
            more = line.strip().removeprefix("NVRM:").strip()
            records[-1] = Record(records[-1].seconds, f"{records[-1].text} {more}")
    return records


def _whole(records: list[Record], at: int) -> str:
    """The message at this place with NVRM's following ones: older kernels log each line as a record of its own."""
    parts = [records[at].text]
    for record in records[at + 1 : at + 6]:
        if not record.text.startswith("NVRM:") or "Xid" in record.text or "API mismatch" in record.text:
            break
        parts.append(record.text.removeprefix("NVRM:").strip())
    return " ".join(" ".join(parts).split())


# --- records to facts ---------------------------------------------------------------------------

_XID = re.compile(r"NVRM: (?:GPU\d* )?Xid \((?:PCI:)?([0-9a-fA-F:.]+)[^)]*\): (\d+)(?:, ?(.*))?")
_KILLED = re.compile(r"Killed process (\d+) \((.*)\),? (?:UID:? ?\d+,? )?total-vm:(.*)")
_KILL = re.compile(r"[Oo]ut of memory.*: Kill process \d+ ")
_RSS = re.compile(r"(?:anon|file|shmem)-rss:(\d+)kB")
_MISMATCH = re.compile(
    r"API mismatch: the client (?:'.*' \(pid \d+\) )?has the version [\d.]+,? but this kernel module has the version [\d.]*\d"
)
_UNSUPPORTED = re.compile(
    r"requires use of the NVIDIA open kernel modules|is not supported by open nvidia\.ko"
    r"|is not supported by the NVIDIA \S+ driver release|supported through the NVIDIA \S+ Legacy drivers"
)
_UNSUPPORTED_HEAD = re.compile(r"NVRM: The NVIDIA .*")
_SIGNATURE = re.compile(
    r"^(?:(?P<module>\w[\w-]*): )?loading of (?:unsigned module|module with (?:unsupported crypto|unavailable key)) is rejected"
    r"|unsigned module loading is restricted",
    re.I,
)
_GSP = re.compile(
    r"Cannot initialize GSP firmware RM|RmFetchGspRmImages: No firmware image|_kgspBootGspRm: "
    r"|kgspWaitForGfwBootOk\w*: failed|nvidia/\S*gsp_(?!log)\S+ failed with error"
)
_ADAPTER = re.compile(r"NVRM: .*RmInitAdapter failed!")
_BAR_INVALID = re.compile(r"PCI I/O region assigned to your NVIDIA device is invalid|NVRM: FATAL: Failed to re-allocate BAR")
_BAR = re.compile(r"^\w+ ([0-9a-f]{4}:[0-9a-f]{2}:[0-9a-f]{2}\.\d): BAR ([0-5])\b.*\[mem .*")
_BAR_LOST = re.compile(r"can't assign|no space for|failed to assign")
_AMD = re.compile(
    r"amdgpu.*(?:ring \S+ timeout|GPU reset (?:begin|end with|failed)|MES (?:failed to respond|might be in unrecoverable)"
    r"|\[\w*hub\d*\] page fault|device wedged|Fatal error during GPU init|VM_L2_PROTECTION_FAULT)"
)
_HUNG = re.compile(r"task (.+):(\d+) blocked .*for more than \d+ seconds")
_GPU_TASK = re.compile(r"nv|cuda|uvm|ollama|llama|vllm|kobold|lm-studio|lmstudio|jan|pt_main|python|torch|amdgpu|kfd", re.I)

# Names as the kernel keeps them: cut at 15 characters (TASK_COMM_LEN).
_OWNERS = (
    (re.compile(r"ollama", re.I), "ollama"),
    (re.compile(r"llama-(?:server|cli|bench|run)", re.I), "llama.cpp"),
    (re.compile(r"lm[- ]?studio", re.I), "lmstudio"),
    (re.compile(r"jan$|cortex-server", re.I), "jan"),
    (re.compile(r"koboldcpp", re.I), "koboldcpp"),
    (re.compile(r"vllm", re.I), "vllm"),
    (re.compile(r"gpt4all", re.I), "gpt4all"),
)


def runtime_of(process: str) -> Fact[str]:
    """The runtime that a process name belongs to; unknown for an interpreter, which runs many."""
    for pattern, name in _OWNERS:
        if pattern.match(process):
            return name
    if re.match(r"python|pt_main_thread", process):
        return Unknown("a Python process may be any program")
    return None


def _full_address(address: str) -> str:
    return address.lower() if "." in address else address.lower() + ".0"


def _seconds(record: Record) -> Fact[float]:
    return Unknown("this log has no time since boot") if record.seconds is None else record.seconds


def _bounded(items: list[T]) -> list[T]:
    return items if len(items) <= _LIMIT else items[: _LIMIT // 2] + items[-_LIMIT // 2 :]


def parse_xids(records: list[Record]) -> list[Xid]:
    """Every Xid, oldest first. Formats since 2014: with and without ``PCI:``, MIG's ``GPU-I``, ``pid=`` and ``name=``."""
    found: list[Xid] = []
    for record in records:
        match = _XID.search(record.text)
        if match:
            found.append(
                Xid(
                    number=int(match[2]),
                    pci_id=_full_address(match[1]),
                    text=(match[3] or "").strip() or None,
                    seconds_since_boot=_seconds(record),
                )
            )
    return _bounded(found)


def parse_oom_kills(records: list[Record]) -> list[OomKill]:
    """What the OOM killer ended. Before Linux 5.0 the reason stands in a line of its own before ``Killed process``."""
    found: list[OomKill] = []
    announced = ""
    for record in records:
        if _KILL.search(record.text):
            announced = record.text
        match = _KILLED.search(record.text)
        if not match:
            continue
        reason = record.text if "ut of memory" in record.text else announced
        sizes = [int(size) for size in _RSS.findall(match[3])]
        found.append(
            OomKill(
                process=match[2],
                pid=int(match[1]),
                rss_bytes=sum(sizes) * 1024 if sizes else Unknown("the line does not say"),
                cgroup="cgroup out of memory" in reason if reason else Unknown("the line before it is missing"),
                runtime=runtime_of(match[2]),
                seconds_since_boot=_seconds(record),
            )
        )
    return _bounded(found)


def _bar_unassigned(records: list[Record], cards: Collection[str]) -> bool:
    lost: set[tuple[str, str]] = set()
    for record in records:
        if _BAR_INVALID.search(record.text):
            return True
        match = _BAR.match(record.text)
        if match and match[1] in cards:
            # The kernel tries several times: only the last word on a BAR counts.
            if _BAR_LOST.search(record.text):
                lost.add((match[1], match[2]))
            elif "assigned" in record.text:
                lost.discard((match[1], match[2]))
    return bool(lost)


def _first(pattern: re.Pattern[str], records: list[Record]) -> Optional[str]:
    return next((record.text for record in records if pattern.search(record.text)), None)


def _distinct(lines: list[str]) -> list[str]:
    """One line of each kind, whatever its numbers."""
    kinds = {re.sub(r"\d+", "0", line): line for line in reversed(lines)}
    return list(kinds.values())[::-1][:_LINES]


def _signature_rejected(records: list[Record]) -> bool:
    matches = (_SIGNATURE.search(record.text) for record in records)
    return any(match and (not match["module"] or match["module"].startswith("nvidia")) for match in matches)


def parse(text: str, cards: Collection[str] = ()) -> KernelLog:
    """A whole log. ``cards`` are bus addresses of GPUs, whose BARs then are looked at in PCI's own lines too."""
    records = parse_records(text)
    mismatch = unsupported = None
    fell = False
    for at, record in enumerate(records):
        if not record.text.startswith("NVRM"):
            continue
        fell = fell or "fallen off the bus" in record.text
        if mismatch is None and "API mismatch" in record.text:
            whole = _MISMATCH.search(_whole(records, at))
            mismatch = whole[0] if whole else None
        if _UNSUPPORTED_HEAD.match(record.text):
            whole_text = _whole(records, at)
            fell = fell or "fallen off the bus" in whole_text
            if unsupported is None and _UNSUPPORTED.search(whole_text):
                unsupported = whole_text[:400]
    hung = [record.text for record in records if (task := _HUNG.search(record.text)) and _GPU_TASK.search(task[1])]
    return KernelLog(
        xids=parse_xids(records),
        oom_kills=parse_oom_kills(records),
        nvrm_api_mismatch=mismatch,
        module_signature_rejected=_signature_rejected(records),
        gpu_unsupported_by_module=unsupported,
        gsp_failure=_first(_GSP, records),
        adapter_init_failure=_first(_ADAPTER, records),
        bar_unassigned=_bar_unassigned(records, cards),
        fell_off_bus=fell,
        amdgpu_errors=_distinct([record.text for record in records if _AMD.search(record.text)]),
        hung_tasks=_distinct(hung),
    )


def doubt_absence(log: KernelLog, reason: str) -> KernelLog:
    """The log's findings stay; whatever was not found becomes unknown, since part of the log was not seen."""
    for name in log.__struct_fields__:
        if name != "source" and not getattr(log, name):
            setattr(log, name, Unknown(reason))
    return log
