"""Answers questions from the machine that this runs on. Only looks, and never raises."""

from __future__ import annotations

import errno
import os
import re
import stat as stat_
import struct
import sys
import threading
import time
from typing import Any, Callable, Optional, Union

from ..redact.variables import clean_value, is_steering
from .host import MAX_ANSWER_BYTES
from .question import ABSENT, Answer, Question
from .text import clean

MAX_ENTRIES = 4096
"""Names listed of one folder."""

_PLATFORMS = {"linux": "linux", "win32": "windows", "darwin": "macos"}


class _Absent(Exception):
    """Looked, is not there."""


class _Unknowable(Exception):
    """Could not look; the text says why."""


def _platform() -> str:
    return _PLATFORMS.get(sys.platform, "other")


def _reason(error: OSError) -> str:
    if error.errno in (errno.EACCES, errno.EPERM):
        return f"no permission to read {error.filename}" if error.filename else "no permission"
    return (error.strerror or type(error).__name__).lower()


# --- files ------------------------------------------------------------------------------------


def _regular(path: str) -> os.stat_result:
    # A pipe or device would block or be changed by reading: only regular files are opened.
    status = os.stat(path)
    if not stat_.S_ISREG(status.st_mode):
        raise _Unknowable(f"{path} is not a regular file")
    return status


def _file(path: str) -> str:
    _regular(path)
    with open(path, "rb", buffering=0) as file:
        parts: list[bytes] = []
        left = MAX_ANSWER_BYTES
        while left > 0:
            part = file.read(left)  # procfs and sysfs give less than asked for
            if not part:
                break
            parts.append(part)
            left -= len(part)
    return clean(b"".join(parts))


def _bytes(path: str, offset: int, count: int) -> str:
    _regular(path)
    with open(path, "rb") as file:
        file.seek(offset)
        return file.read(min(count, MAX_ANSWER_BYTES)).hex()


def _list(path: str) -> list[str]:
    with os.scandir(path) as entries:
        names = []
        for entry in entries:
            names.append(entry.name)
            if len(names) >= MAX_ENTRIES:
                break
    return sorted(names)


MAX_LINES = 5000


def _grep(path: str, pattern: str) -> list[str]:
    """The first line of a text file and those that the pattern matches, of its last MiB."""
    size = _regular(path).st_size
    with open(path, "rb") as file:
        file.seek(max(0, size - MAX_ANSWER_BYTES))
        lines = clean(file.read(MAX_ANSWER_BYTES)).splitlines()
    if size > MAX_ANSWER_BYTES:
        del lines[:1]  # it was cut
    matches = re.compile(pattern).search
    return lines[:1] + [line for line in lines[1:] if matches(line)][-MAX_LINES:]


_KINDS = (
    (stat_.S_ISREG, "file"),
    (stat_.S_ISDIR, "dir"),
    (stat_.S_ISCHR, "char"),
    (stat_.S_ISBLK, "block"),
    (stat_.S_ISSOCK, "socket"),
)


def _group_name(gid: int) -> Optional[str]:
    if os.name != "posix":
        return None
    import grp

    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return None


def _stat(path: str) -> dict[str, Any]:
    status = os.stat(path)
    device = status.st_rdev if hasattr(status, "st_rdev") else 0
    is_device = stat_.S_ISCHR(status.st_mode) or stat_.S_ISBLK(status.st_mode)
    return {
        "kind": next((kind for test, kind in _KINDS if test(status.st_mode)), "other"),
        "size_bytes": status.st_size,
        "mode": stat_.S_IMODE(status.st_mode),
        "uid": status.st_uid,
        "gid": status.st_gid,
        "modified_s": status.st_mtime,
        "readable": os.access(path, os.R_OK),
        "writable": os.access(path, os.W_OK),
        "executable": os.access(path, os.X_OK),
        "device_major": os.major(device) if is_device else 0,
        "device_minor": os.minor(device) if is_device else 0,
        "group": _group_name(status.st_gid) if is_device else None,
    }


def _realpath(path: str) -> str:
    os.lstat(path)
    return os.path.realpath(path)


def _which(name: str) -> list[str]:
    endings = os.environ.get("PATHEXT", ".EXE").split(";") if os.name == "nt" else [""]
    found: list[str] = []
    for folder in os.environ.get("PATH", os.defpath).split(os.pathsep):
        for ending in endings:
            path = os.path.join(folder or ".", name + ending.lower())
            if path not in found and os.path.isfile(path) and os.access(path, os.X_OK):
                found.append(path)
    return found


# The loader's cache, by glibc's sysdeps/generic/dl-cache.h: a header of 48 bytes, entries of 24.
_CACHE_MAGIC = b"glibc-ld.so.cache1.1"
_ld_cache_entries: Optional[list[tuple[str, str]]] = None


def _parse_ld_cache(data: bytes) -> list[tuple[str, str]]:
    start = data.find(_CACHE_MAGIC)
    if start < 0:
        raise _Unknowable("/etc/ld.so.cache is of an unknown format")
    (count,) = struct.unpack_from("<I", data, start + 20)
    entries: list[tuple[str, str]] = []
    for number in range(min(count, (len(data) - start - 48) // 24)):
        _, key, value = struct.unpack_from("<iII", data, start + 48 + 24 * number)
        names = []
        for offset in (start + key, start + value):
            end = data.find(b"\0", offset)
            names.append(data[offset:end].decode("utf-8", "replace") if 0 <= offset < end else "")
        entries.append((names[0], names[1]))
    return entries


def _ld_cache(soname: str) -> list[str]:
    global _ld_cache_entries
    if _ld_cache_entries is None:
        _regular("/etc/ld.so.cache")
        with open("/etc/ld.so.cache", "rb") as file:
            _ld_cache_entries = _parse_ld_cache(file.read(16 << 20))
    return [path for name, path in _ld_cache_entries if name == soname]


# --- the process's surroundings ---------------------------------------------------------------


def _env(name: str) -> str:
    value = os.environ.get(name)
    if value is None:
        raise _Absent
    return clean_value(name, value)


def _disk_usage(path: str) -> dict[str, int]:
    if os.name == "nt":
        import shutil

        usage = shutil.disk_usage(path)
        return {"total_bytes": usage.total, "free_bytes": usage.free}
    status = os.statvfs(path)
    return {
        "total_bytes": status.f_frsize * status.f_blocks,
        "free_bytes": status.f_frsize * status.f_bavail,
        "free_inodes": status.f_favail,
        "total_inodes": status.f_files,
        "read_only": int(bool(status.f_flag & os.ST_RDONLY)),
    }


def _rlimit(name: str) -> int:
    if os.name != "posix":
        raise _Absent
    import resource

    soft, _ = resource.getrlimit(getattr(resource, "RLIMIT_" + name))
    if soft == resource.RLIM_INFINITY:
        raise _Absent
    return soft


def _uname() -> dict[str, str]:
    if os.name == "posix":
        it = os.uname()
        return {"system": it.sysname, "release": it.release, "version": it.version, "machine": it.machine}
    import platform

    return {
        "system": platform.system(),
        "release": platform.release(),
        "version": platform.version(),
        "machine": platform.machine(),
    }


def _groups() -> list[str]:
    if os.name != "posix":
        raise _Absent
    return sorted({_group_name(gid) or str(gid) for gid in {*os.getgroups(), os.getegid()}})


def _user() -> str:
    if os.name != "posix":
        return os.environ.get("USERNAME", "")
    import pwd

    return pwd.getpwuid(os.getuid()).pw_name


def _hostname() -> str:
    import socket

    return socket.gethostname()


def _open_error(path: str) -> str:
    """Opens a device node as a GPU program would, and closes it at once."""
    try:
        os.close(os.open(path, os.O_RDWR | getattr(os, "O_NONBLOCK", 0)))
    except FileNotFoundError:
        raise
    except OSError as error:
        return errno.errorcode.get(error.errno or 0, str(error.errno))
    raise _Absent


def _home() -> str:
    home = os.path.expanduser("~")
    if home.startswith("~"):
        raise _Unknowable("no home folder")
    return home.rstrip("/\\") or home


def _affinity() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _encoding() -> str:
    if os.name == "nt":
        from .windows import answer as windows

        return f"cp{windows('ansi_code_page', ())}"
    import locale

    return locale.getpreferredencoding(False).lower()


def _local_offset_s() -> int:
    local = time.localtime()
    return int(local.tm_gmtoff)


def _tmp() -> str:
    """Where programs put temporary files, by the order that Python's tempfile documents; nothing is written to try it out."""
    names = [os.environ.get(name, "") for name in ("TMPDIR", "TEMP", "TMP")]
    usual = ["C:\\TEMP", "C:\\TMP"] if os.name == "nt" else ["/tmp", "/var/tmp", "/usr/tmp"]  # noqa: S108 - looked at only
    for path in [*filter(None, names), *usual]:
        if os.path.isdir(path) and os.access(path, os.W_OK):
            return path
    raise _Unknowable("no temporary folder can be written to")


_DRIVER_VERSION = re.compile(rb"\x00(\d{3}\.\d{2,3}(?:\.\d{2})?)\x00")
_MAX_LIBRARY_BYTES = 256 << 20


def _library_version(path: str) -> str:
    """The driver version that a library of NVIDIA's driver holds as a text of its own; the commonest, if several."""
    import mmap
    from collections import Counter

    if _regular(path).st_size > _MAX_LIBRARY_BYTES:
        raise _Unknowable(f"{path} is too large to be searched")
    with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        found = Counter(match[1] for match in _DRIVER_VERSION.finditer(content))
    if not found:
        raise _Unknowable("neither the file's name nor its text tells")
    return found.most_common(1)[0][0].decode()


_SYSTEM: dict[str, Callable[..., Any]] = {
    "platform": _platform,
    "home": _home,
    "tmp": _tmp,
    "cwd": os.getcwd,
    "uname": _uname,
    "rlimit": _rlimit,
    "affinity": _affinity,
    "uid": lambda: os.getuid() if os.name == "posix" else -1,
    "groups": _groups,
    "user": _user,
    "hostname": _hostname,
    "now": lambda: int(time.time()),
    "local_offset_s": _local_offset_s,
    "loadavg": lambda: list(os.getloadavg()),
    "encoding": _encoding,
    "pointer_bits": lambda: struct.calcsize("P") * 8,
    "python": lambda: {
        "executable": sys.executable,
        "prefix": sys.prefix,
        "version": ".".join(map(str, sys.version_info[:3])),
    },
    "disk_usage": _disk_usage,
    "env_names": lambda: sorted(name for name in os.environ if is_steering(name)),
    "open_error": _open_error,
    "library_version": _library_version,
    "glibc": lambda: os.confstr("CS_GNU_LIBC_VERSION"),
}


def _system(name: str, *key: Union[str, int]) -> Any:
    function = _SYSTEM.get(name)
    if function is None:
        raise _Unknowable("this version of llmdoctor does not know the question")
    return function(*key)


# --- processes and network: in modules of their own -------------------------------------------


def _processes(*key: Union[str, int]) -> Any:
    from . import processes

    if key:
        name = processes.name_of(int(key[1]))
        if name is None:
            raise _Absent
        return name
    return processes.relevant()


def _listeners() -> Any:
    from . import sockets

    return sockets.listeners()


def _http(port: int, path: str, deadline_ms: int) -> Any:
    from . import sockets

    reply = sockets.http_get(port, path, deadline_ms / 1000)
    if reply is None:
        raise _Absent
    return reply


def _psutil(function: str) -> Any:
    import psutil

    allowed = ("virtual_memory", "swap_memory", "cpu_count", "boot_time", "disk_partitions")
    if function not in allowed:
        raise _Unknowable("not a query")
    value = getattr(psutil, function)()
    if isinstance(value, list):
        return [item._asdict() for item in value]
    return value._asdict() if hasattr(value, "_asdict") else value


def _winapi(function: str, *key: Union[str, int]) -> Any:
    if os.name != "nt":
        raise _Absent
    from . import windows

    return windows.answer(function, key)


_DIRECT: dict[str, Callable[..., Any]] = {
    "file": _file,
    "bytes": _bytes,
    "grep": _grep,
    "list": _list,
    "stat": _stat,
    "realpath": _realpath,
    "which": _which,
    "ld_cache": _ld_cache,
    "env": _env,
    "system": _system,
    "processes": _processes,
    "listeners": _listeners,
    "http": _http,
    "psutil": _psutil,
    "winapi": _winapi,
}


class Live:
    """The live backend. ``close`` ends the child that holds NVML."""

    def __init__(self) -> None:
        self._nvml: Any = None
        self._lock = threading.Lock()
        self._answers: dict[Question, tuple[threading.Event, list[Answer]]] = {}

    def __call__(self, question: Question) -> Answer:
        # Every question is asked once, also by several probes at a time: what was seen before NVIDIA's libraries were
        # loaded stays as it was seen, and a recording tells one story.
        with self._lock:
            known = self._answers.get(question)
            mine = known is None
            if known is None:
                known = self._answers[question] = threading.Event(), []
        ready, answers = known
        if mine:
            started = time.monotonic()
            answer = self._answer(question)
            answer.ms = answer.ms or (time.monotonic() - started) * 1000
            answers.append(answer)
            ready.set()
        else:
            ready.wait()
        return answers[0]

    def _answer(self, question: Question) -> Answer:
        kind, key = question
        try:
            if kind == "command":
                from . import command

                return command.run([str(word) for word in key[1:]], int(key[0]) / 1000)
            if kind == "nvml":
                answer: Answer = self._open_nvml().ask(str(key[0]), key[1:])
                return answer
            if kind == "cuda.init":
                from .gpu_libraries import cuda_init

                return cuda_init(bool(key[0]), int(key[1]))
            return Answer(value=_DIRECT[kind](*key))
        except (_Absent, FileNotFoundError, NotADirectoryError, ModuleNotFoundError):
            return Answer(error=ABSENT)
        except _Unknowable as why:
            return Answer(error=str(why))
        except OSError as error:
            return Answer(error=_reason(error))
        except Exception as error:  # a defect of ours must not take the doctor down: it is a reason like others
            return Answer(error=f"{type(error).__name__}: {error}")

    def _open_nvml(self) -> Any:
        from .gpu_libraries import Nvml

        with self._lock:
            if self._nvml is None:
                self._nvml = Nvml()
            return self._nvml

    def close(self) -> None:
        if self._nvml is not None:
            self._nvml.close()


def live() -> Live:
    """A backend on this machine."""
    return Live()
