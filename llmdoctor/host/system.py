"""The process's own surroundings: environment, limits, user, and plain calls to the operating system."""

from __future__ import annotations

import errno
import os
import struct
import sys
import time
from typing import Any, Callable, Union

from ..redact.variables import clean_value, is_steering
from .files import group_name, library_version
from .question import Absent, Unknowable

_PLATFORMS = {"linux": "linux", "win32": "windows", "darwin": "macos"}


def _platform() -> str:
    return _PLATFORMS.get(sys.platform, "other")


def variable(name: str) -> str:
    value = os.environ.get(name)
    if value is None:
        raise Absent
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
        raise Absent
    import resource

    soft, _ = resource.getrlimit(getattr(resource, "RLIMIT_" + name))
    if soft == resource.RLIM_INFINITY:
        raise Absent
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
        raise Absent
    return sorted({group_name(gid) or str(gid) for gid in {*os.getgroups(), os.getegid()}})


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
    raise Absent


def _home() -> str:
    home = os.path.expanduser("~")
    if home.startswith("~"):
        raise Unknowable("no home folder")
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
    raise Unknowable("no temporary folder can be written to")


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
    "library_version": library_version,
    "glibc": lambda: os.confstr("CS_GNU_LIBC_VERSION"),
}


def call(name: str, *key: Union[str, int]) -> Any:
    function = _SYSTEM.get(name)
    if function is None:
        raise Unknowable("this version of llmdoctor does not know the question")
    return function(*key)
