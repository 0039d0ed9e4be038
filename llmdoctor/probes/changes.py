"""Fact ``changes``: which packages that matter to GPUs and runtimes were changed lately, from package managers' logs.

Sources: dpkg(1) (dpkg.log), pacman's /var/log/pacman.log, dnf's /var/log/dnf.rpm.log, libzypp's
/var/log/zypp/history, rpm(8) (INSTALLTIME).
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone
from typing import Callable, NamedTuple, Optional, Union

from ..facts.fact import Fact, Unknown, all_unknown
from ..facts.machine import Change, Changes
from ..host.host import Host

WINDOW_S = 30 * 86400
"""How far back changes are told."""
MOST = 50
"""Changes told at most."""

_MATTERS = re.compile(
    r"nvidia|libnvidia|libcuda|cuda|libcudnn|cudnn|akmod-nvidia|kmod-nvidia|xorg-x11-drv-nvidia|linux(?:-(?:image|lts|zen|hardened"
    r"|headers|modules|cachyos|firmware)\S*)?$|kernel(?:$|-(?!headers|doc))|rocm|hip|rocblas|hsa-rocr|amdgpu|libdrm-amdgpu|mesa"
    r"|vulkan|libvulkan|docker|moby|containerd|podman|libnvidia-container|ollama|llama|gcc(?:$|-\d)|glibc|libc6$|level-zero|libze"
    r"|intel-(?:opencl|level-zero|compute)|python3?-(?:torch|pytorch)"
)
"""Names of packages that matter, from their start."""

_TELLING = (
    r"^(?!\S+ \S+ (?:status|configure|trigproc|startup) ).*(?:nvidia|cuda|cudnn|linux|kernel|rocm|hip|rocblas|hsa-rocr|amdgpu|mesa"
    r"|vulkan|docker|moby|containerd|podman|ollama|llama|gcc|libc6|glibc|level-zero|libze|intel-|torch)"
)
"""Lines of a log that may name such a package; dpkg writes six more lines of other kinds for each."""

_DRIVER = re.compile(
    r"nvidia(?:-(?:open|lts|dkms|utils|beta|\d{3}xx))*(?:-\d+\S*)?$|nvidia-(?:driver|dkms|kernel|headless|utils|compute|open|alternative)-"
    r"|nvidia-(?:driver|smi|compute)$|libnvidia-(?:compute|ml|cfg)|libcuda1$|libnvidia-ml1$|akmod-nvidia|dkms-nvidia"
    r"|kmod-nvidia(?!-\d)|xorg-x11-drv-nvidia"
)
"""Packages that carry the kernel module or its user-space half. Not among them: modules prebuilt for one kernel
(``linux-modules-nvidia-550-6.8.0-50-generic``), which come with every new kernel at the same driver version."""
_NO_DRIVER = re.compile(r"nvidia-(?:container|cuda|settings|prime|persistenced|modprobe|firmware|visual|nsight|texture|vaapi)")
_KERNEL = re.compile(r"linux-image-|linux(?:-(?:lts|zen|hardened|cachyos))?$|kernel(?:-(?:core|default|ml|lt))?$")


class Event(NamedTuple):
    """One line of a package manager's log. ``when`` is local time where it bears no zone."""

    when: datetime
    action: str
    package: str
    old: Optional[str]
    new: Optional[str]


# --- pure parsers -------------------------------------------------------------------------------


def _numbers(version: str) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", version)]


def _upgrade(old: str, new: str) -> str:
    """dpkg says "upgrade" in both directions; the numbers in order tell which it was."""
    return "downgrade" if _numbers(new) < _numbers(old) else "upgrade"


def _time(text: str) -> Optional[datetime]:
    if text.endswith("Z"):
        text = text[:-1] + "+00:00"
    # Python before 3.11 reads offsets with a colon alone.
    text = re.sub(r"([+-]\d\d)(\d\d)?$", lambda m: f"{m[1]}:{m[2] or '00'}", text) if "T" in text else text
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


_DPKG = re.compile(r"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d) (install|upgrade|remove|purge) ([^ :]+)(?::\S+)? (\S+) (\S+)$")


def parse_dpkg(text: str) -> list[Event]:
    """``2024-05-01 10:00:00 upgrade libnvidia-compute-550:amd64 550.54.15-0ubuntu1 550.67-0ubuntu1``."""
    events: list[Event] = []
    for line in text.splitlines():
        match = _DPKG.match(line)
        when = _time(match[1]) if match else None
        if not match or when is None:
            continue
        verb, package = match[2], match[3]
        old, new = (None if version == "<none>" else version for version in (match[4], match[5]))
        if verb in ("remove", "purge"):
            if old is not None:  # a purge after a remove has nothing left to take away
                events.append(Event(when, "remove", package, old, None))
        elif old is None or new is None or verb == "install":
            events.append(Event(when, "install", package, None, new))
        elif old != new:
            events.append(Event(when, _upgrade(old, new), package, old, new))
    return events


_PACMAN = re.compile(
    r"\[(\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d[+-]\d{4})?)\] \[ALPM\] (installed|upgraded|downgraded|removed) (\S+) \((.+)\)$"
)
_VERBS = {"installed": "install", "upgraded": "upgrade", "downgraded": "downgrade", "removed": "remove"}


def parse_pacman(text: str) -> list[Event]:
    """``[2024-03-20T02:18:50-0300] [ALPM] upgraded nvidia (550.54.14-3 -> 550.67-2)``."""
    events: list[Event] = []
    for line in text.splitlines():
        match = _PACMAN.match(line)
        when = _time(match[1]) if match else None
        if match and when is not None:
            old, arrow, new = match[4].partition(" -> ")
            action = _VERBS[match[2]]
            if arrow:
                events.append(Event(when, action, match[3], old, new))
            else:
                removed = action == "remove"
                events.append(Event(when, action, match[3], old if removed else None, None if removed else old))
    return events


_DNF = re.compile(
    r"(\S+) SUBDEBUG (Installed|Upgrade|Upgraded|Downgrade|Downgraded|Erase|Erased|Removed): (\S+)-(?:\d+:)?([^-\s]+-[^-\s]+?)"
    r"(?:\.(?:x86_64|aarch64|noarch|i686))?$"
)


def parse_dnf(text: str) -> list[Event]:
    """``2026-02-14T09:30:12+0000 SUBDEBUG Upgrade: kernel-core-5.14.0-503.el9.x86_64``; the old version comes in a later
    line with ``Upgraded``."""
    events: list[Event] = []
    for line in text.splitlines():
        match = _DNF.match(line)
        when = _time(match[1]) if match else None
        if not match or when is None:
            continue
        verb, package, version = match[2], match[3], match[4]
        if verb in ("Upgraded", "Downgraded"):
            for at in range(len(events) - 1, -1, -1):
                if events[at].package == package and events[at].old is None:
                    events[at] = events[at]._replace(old=version)
                    break
        elif verb in ("Erase", "Erased", "Removed"):
            events.append(Event(when, "remove", package, version, None))
        else:
            action = {"Installed": "install", "Upgrade": "upgrade", "Downgrade": "downgrade"}[verb]
            events.append(Event(when, action, package, None, version))
    return events


def parse_zypp(text: str) -> list[Event]:
    """``2026-08-27 11:12:25|install|kernel-default|7.2.0-1.1|x86_64|root@host|repo|sum|``."""
    events: list[Event] = []
    for line in text.splitlines():
        fields = line.split("|")
        when = _time(fields[0]) if len(fields) > 4 else None
        if when is not None and fields[1].strip() == "install":
            events.append(Event(when, "install", fields[2], None, fields[3]))
        elif when is not None and fields[1].strip() == "remove":
            events.append(Event(when, "remove", fields[2], fields[3], None))
    return events


def parse_rpm(text: str) -> list[Event]:
    """Lines ``INSTALLTIME NAME VERSION-RELEASE``: what is installed and since when, not what was there before."""
    events: list[Event] = []
    for line in text.splitlines():
        fields = line.split()
        if len(fields) == 3 and fields[0].isdecimal():
            when = datetime.fromtimestamp(int(fields[0]), timezone.utc)
            events.append(Event(when, "install", fields[1], None, fields[2]))
    return events


def is_driver(package: str) -> bool:
    """Whether the package carries NVIDIA's kernel module or its user-space half."""
    return bool(_DRIVER.match(package)) and not _NO_DRIVER.match(package)


def is_kernel(package: str) -> bool:
    return bool(_KERNEL.match(package))


# --- the logs of this machine -------------------------------------------------------------------


class _Read(NamedTuple):
    events: list[Event]
    whole: bool = False
    """Nothing lies before its oldest event."""


_LOGS = (
    (parse_dpkg, ("/var/log/dpkg.log.1", "/var/log/dpkg.log")),
    (parse_pacman, ("/var/log/pacman.log",)),
    (parse_zypp, ("/var/log/zypp/history",)),
    (parse_dnf, ("/var/log/dnf.rpm.log.1", "/var/log/dnf.rpm.log")),
)
_RPM_NAMES = ("*nvidia*", "kernel*", "cuda*", "libcuda*", "rocm*", "mesa*", "docker*", "ollama*", "gcc", "glibc", "vulkan*")


def _from_rpm(host: Host) -> Union[_Read, str]:
    if not host.which("rpm"):
        return "no package manager's log was found"
    done = host.run("rpm", "-qa", "--queryformat", r"%{INSTALLTIME} %{NAME} %{VERSION}-%{RELEASE}\n", *_RPM_NAMES)
    if done is None or isinstance(done, Unknown):
        return done.unknown if done else "no package manager's log was found"
    if not done.ok:
        return "rpm did not end in time" if done.timed_out else "rpm failed"
    return _Read(parse_rpm(done.stdout), whole=True)


def _read(host: Host) -> Union[_Read, str]:
    reasons: list[str] = []
    for parse, paths in _LOGS:
        if parse is parse_dnf and host.exists("/var/log/dnf5.log"):
            continue  # dnf 5 does not write dnf.rpm.log: an old one is left over
        logs = [host.lines(path, _TELLING) for path in paths]
        newest = logs[-1]
        if isinstance(newest, Unknown):
            reasons.append(f"{paths[-1]}: {newest.unknown}")
        if isinstance(newest, list):
            return _Read([event for log in logs if isinstance(log, list) for event in parse("\n".join(log))])
    found = _from_rpm(host)
    return "; ".join([*reasons, found]) if isinstance(found, str) else found


def _seconds(event: Event, offset_s: int) -> float:
    """Seconds since 1970, UTC."""
    when = event.when
    return (when if when.tzinfo else when.replace(tzinfo=timezone(timedelta(seconds=offset_s)))).timestamp()


def _as_fact(event: Event, offset_s: int, boot_s: Fact[float]) -> Change:
    seconds = _seconds(event, offset_s)
    return Change(
        when=datetime.fromtimestamp(seconds, timezone(timedelta(seconds=offset_s))).replace(tzinfo=None).isoformat(),
        action=event.action,
        package=event.package,
        old_version=event.old,
        new_version=event.new,
        since_boot=seconds > boot_s if isinstance(boot_s, (int, float)) else Unknown("the time of boot is unknown"),
    )


def probe(host: Host, boot_time_s: Fact[float], now_s: Fact[float]) -> Changes:
    """``boot_time_s`` and ``now_s``: seconds since 1970, UTC."""
    platform = host.platform()
    if platform == "macos":
        return Changes(recent=None, driver_changed_since_boot=None, kernel_changed_since_boot=None)
    if platform != "linux":
        return all_unknown(Changes, "what was installed lately is not read on this system")
    read = _read(host)
    if isinstance(read, str):
        return all_unknown(Changes, read)
    # Logs tell local time without its zone; today's offset is off by the hour across a change to summer time.
    offset = host.system("local_offset_s")
    offset_s = offset if isinstance(offset, int) else 0
    times = [(_seconds(event, offset_s), event) for event in read.events]

    def changed(concerns: Callable[[str], bool]) -> Fact[bool]:
        if not isinstance(boot_time_s, (int, float)):
            return Unknown("the time of boot is unknown")
        if any(seconds > boot_time_s and concerns(event.package) for seconds, event in times):
            return True
        if not read.whole and all(seconds > boot_time_s for seconds, _ in times):
            return Unknown("the package log does not reach back to the boot")
        return False

    recent: Fact[list[Change]] = Unknown("the time is unknown")
    if isinstance(now_s, (int, float)):
        late = [(seconds, event) for seconds, event in times if now_s - seconds <= WINDOW_S and _MATTERS.match(event.package)]
        late.sort(key=lambda pair: pair[0], reverse=True)
        recent = [_as_fact(event, offset_s, boot_time_s) for _, event in late[:MOST]]
    return Changes(
        recent=recent,
        driver_changed_since_boot=changed(is_driver),
        kernel_changed_since_boot=changed(is_kernel),
    )
