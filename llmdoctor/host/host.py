"""The only door to the outside. Probes and runtimes ask a Host; it never raises and never hangs.

Every method returns a fact: the value, ``None`` (looked, is not there) or ``Unknown`` with the
reason. Who answers is a backend: ``live``, ``recording`` or ``replay``.
"""

from __future__ import annotations

import posixpath
from typing import Any, Optional, Union, cast

import msgspec

from ..facts.fact import Fact, Unknown
from .question import ABSENT, Answer, Backend, Question

MAX_ANSWER_BYTES = 1 << 20
"""No answer is larger than this: recordings stay small and a hostile file cannot fill the memory."""

COMMAND_DEADLINE_S = 3.0
"""A command that has not ended by then is stopped: LESSONS of hanging ``nvidia-smi`` processes."""


class Stat(msgspec.Struct):
    """Of a path, links followed."""

    kind: str
    """``file``, ``dir``, ``char``, ``block``, ``socket`` or ``other``."""
    size_bytes: int
    mode: int
    """Permission bits, as 0o666."""
    uid: int
    gid: int
    modified_s: float
    """Seconds since 1970, UTC."""
    readable: bool
    """By this process (access(2))."""
    writable: bool
    executable: bool
    device_major: int = 0
    device_minor: int = 0
    group: Optional[str] = None


class Completed(msgspec.Struct):
    """A command that was started. Texts are decoded leniently, without control characters."""

    status: Optional[int]
    """Exit status; negative: ended by that signal; None: it had to be stopped at its deadline."""
    stdout: str
    stderr: str
    timed_out: bool = False

    @property
    def ok(self) -> bool:
        return self.status == 0


class Process(msgspec.Struct):
    """A running process whose name or command line holds one of the words asked for."""

    pid: int
    name: str
    executable: Optional[str] = None
    """None if this user may not see it."""
    executable_deleted: bool = False
    arguments: list[str] = []
    state: str = "?"
    rss_bytes: int = 0
    uid: int = -1
    parent: int = 0
    libraries: list[str] = []
    """Of the mapped files, the names of those that matter to GPUs (libcuda, libcudart, libvulkan, libamdhip64, libggml …)."""
    environment: Optional[dict[str, str]] = None
    """Its steering variables (see probes/environment); None if this user may not read them."""
    cgroup: Optional[str] = None


class Listener(msgspec.Struct):
    port: int
    address: str
    """As bound: ``127.0.0.1``, ``0.0.0.0``, ``::``."""
    pid: Optional[int] = None
    process: Optional[str] = None
    """Name of the owner; None if this user may not see it."""


class HttpReply(msgspec.Struct):
    status: int
    body: Any
    """Parsed JSON where it is JSON, else text."""


class Story(msgspec.Struct):
    """What a worker said until it ended."""

    words: list[dict[str, Any]]
    """The JSON objects that it printed, one a line, in order."""
    status: Optional[int] = None
    """Exit status; negative: ended by that signal; None: stopped at its deadline."""
    timed_out: bool = False
    last_line: str = ""
    """The last line that it, or the driver in it, wrote on standard error."""
    ms: float = 0.0
    """How long it ran, milliseconds."""


class Host:
    """Typed questions over a backend."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend

    def ask(self, kind: str, *key: Union[str, int]) -> Answer:
        return self._backend(Question(kind, key))

    def fact(self, kind: str, *key: Union[str, int]) -> Fact[Any]:
        """The answer as a fact of plain JSON."""
        answer = self.ask(kind, *key)
        if answer.error is None:
            return answer.value
        return None if answer.error == ABSENT else Unknown(answer.error)

    def _typed(self, type_: Any, kind: str, *key: Union[str, int]) -> Any:
        value = self.fact(kind, *key)
        if value is None or isinstance(value, Unknown):
            return value
        try:
            return msgspec.convert(value, type_)
        except msgspec.ValidationError as error:
            return Unknown(f"unreadable answer: {error}")

    # -- files ---------------------------------------------------------------------------------

    def text(self, path: str) -> Fact[str]:
        """A text file's content, at most 1 MiB, decoded leniently as UTF-8."""
        return cast("Fact[str]", self._typed(str, "file", path))

    def lines(self, path: str, pattern: str) -> Fact[list[str]]:
        """Of a log: its first line (to know how far back it reaches) and the lines that a regular expression of ours
        finds, of its last MiB. So a recording keeps the telling lines and not the log."""
        return cast("Fact[list[str]]", self._typed(list[str], "grep", path, pattern))

    def line(self, path: str) -> Fact[str]:
        """The stripped content of a one-line file (sysfs, procfs)."""
        value = self.text(path)
        return value.strip() if isinstance(value, str) else value

    def number(self, path: str) -> Fact[int]:
        """The integer in a one-line file; Unknown if it holds none."""
        value = self.line(path)
        if not isinstance(value, str):
            return value
        try:
            return int(value, 0)
        except ValueError:
            return Unknown(f"{path} holds no number")

    def bytes_at(self, path: str, offset: int, count: int) -> Fact[bytes]:
        """``count`` bytes of a file from ``offset``; fewer at its end."""
        value = self._typed(str, "bytes", path, offset, count)
        if not isinstance(value, str):
            return cast("Fact[bytes]", value)
        try:
            return bytes.fromhex(value)
        except ValueError:
            return Unknown("unreadable answer: not hexadecimal")

    def entries(self, path: str) -> Fact[list[str]]:
        """Sorted names in a folder, at most 4096."""
        return cast("Fact[list[str]]", self._typed(list[str], "list", path))

    def stat(self, path: str) -> Fact[Stat]:
        return cast("Fact[Stat]", self._typed(Stat, "stat", path))

    def exists(self, path: str) -> Fact[bool]:
        """True or False; Unknown where even that may not be seen."""
        value = self.stat(path)
        return value if isinstance(value, Unknown) else value is not None

    def realpath(self, path: str) -> Fact[str]:
        """The path with all links followed; None if nothing is there."""
        return cast("Fact[str]", self._typed(str, "realpath", path))

    def which(self, name: str) -> Fact[list[str]]:
        """Programs of this name on PATH, in its order; an empty list if there is none."""
        return cast("Fact[list[str]]", self._typed(list[str], "which", name))

    def library_candidates(self, soname: str) -> Fact[list[str]]:
        """Paths under this soname in the loader's cache (/etc/ld.so.cache), in its order."""
        return cast("Fact[list[str]]", self._typed(list[str], "ld_cache", soname))

    def disk_usage(self, path: str) -> Fact[dict[str, int]]:
        """``total_bytes``, ``free_bytes`` (for this user), ``free_inodes``, ``total_inodes``, ``read_only`` (0 or 1)."""
        return cast("Fact[dict[str, int]]", self._typed(dict[str, int], "system", "disk_usage", path))

    # -- the process's own surroundings --------------------------------------------------------

    def env(self, name: str) -> Fact[str]:
        return cast("Fact[str]", self._typed(str, "env", name))

    def env_names(self) -> Fact[list[str]]:
        """Names of all environment variables."""
        return cast("Fact[list[str]]", self._typed(list[str], "system", "env_names"))

    def platform(self) -> str:
        """``linux``, ``windows``, ``macos`` or ``other``; a recording's own, not this machine's."""
        value = self.fact("system", "platform")
        return value if isinstance(value, str) else "other"

    def home(self) -> Fact[str]:
        """The user's home folder, without a trailing slash."""
        return cast("Fact[str]", self._typed(str, "system", "home"))

    def in_home(self, relative: str) -> Optional[str]:
        """A path below the home folder, with the platform's slashes; None where the home folder is not known."""
        home = self.home()
        if not isinstance(home, str):
            return None
        if self.platform() == "windows":
            return home + "\\" + relative.replace("/", "\\")
        return posixpath.join(home, relative)

    def system(self, name: str, *key: Union[str, int]) -> Fact[Any]:
        """A call to the operating system: ``uname`` (dict: system, release, version, machine, node),
        ``rlimit`` NAME (int, absent if unlimited), ``affinity`` (int), ``uid``, ``groups`` (list of names),
        ``user``, ``hostname``, ``now`` (seconds since 1970), ``local_offset_s``, ``loadavg`` (list), ``encoding``,
        ``pointer_bits``, ``python`` (dict: executable, prefix, version), ``open_error`` PATH (errno name, absent if it opens),
        ``tmp``, ``cwd``, ``glibc``, ``library_version`` PATH (driver version inside one of NVIDIA's libraries)."""
        return self.fact("system", name, *key)

    # -- processes and network -----------------------------------------------------------------

    def run(self, *argv: str, deadline_s: float = COMMAND_DEADLINE_S) -> Fact[Completed]:
        """Runs a program without a shell. None: there is no such program. Never raises; a program that
        outlives its deadline is stopped with its whole process group and told by ``timed_out``."""
        return cast("Fact[Completed]", self._typed(Completed, "command", int(deadline_s * 1000), *argv))

    def processes(self) -> Fact[list[Process]]:
        """Running processes that belong to GPU programs and runtimes (words: ``host.live.PROCESS_WORDS``)."""
        return cast("Fact[list[Process]]", self._typed(list[Process], "processes"))

    def process_name(self, pid: int) -> Fact[str]:
        return cast("Fact[str]", self._typed(str, "processes", "name", pid))

    def listeners(self) -> Fact[list[Listener]]:
        """TCP ports that are listened on."""
        return cast("Fact[list[Listener]]", self._typed(list[Listener], "listeners"))

    def http_get(self, port: int, path: str, deadline_ms: int = 500) -> Fact[HttpReply]:
        """GET on 127.0.0.1, no proxy, no redirects. Ask only where the port already listens. None: connection refused."""
        return cast("Fact[HttpReply]", self._typed(HttpReply, "http", port, path, deadline_ms))

    # -- GPU libraries -------------------------------------------------------------------------

    def nvml_start(self) -> Fact[str]:
        """None if NVML started; else the name of its error (``NVML_ERROR_LIB_RM_VERSION_MISMATCH``,
        ``NVML_ERROR_LIBRARY_NOT_FOUND``, ``NVML_ERROR_DRIVER_NOT_LOADED``, ``NVML_ERROR_NO_PERMISSION`` …).
        Unknown if the question itself failed (timed out, crashed)."""
        value = self.nvml("nvmlInit")
        if isinstance(value, Unknown) and value.unknown.startswith("NVML_ERROR_"):
            return value.unknown
        return value if isinstance(value, Unknown) else None

    def nvml(self, function: str, *arguments: Union[str, int]) -> Fact[Any]:
        """One NVML query by its name in pynvml. For ``nvmlDeviceGet*`` the first argument is the GPU's
        index in place of the handle. Structs come as dicts. ``NVML_ERROR_NOT_SUPPORTED`` and
        ``NVML_ERROR_FUNCTION_NOT_FOUND`` are absent; any other error is Unknown with its name."""
        return self.fact("nvml", function, *arguments)

    def cuda_init(self, all_devices: bool = False, deadline_ms: int = 10_000) -> Fact[dict[str, Any]]:
        """cuInit and what follows, in a child process. ``all_devices``: with CUDA_VISIBLE_DEVICES unset.
        Keys: ``load_error`` or ``library_path``, ``calls`` (list of [function, CUresult]), ``cuda_version`` (int, 13000),
        ``devices`` (list of dicts: name, major, minor, uuid, total_bytes), ``signal``, ``timed_out``."""
        return cast("Fact[dict[str, Any]]", self._typed(dict[str, Any], "cuda.init", int(all_devices), deadline_ms))

    def worker(self, module: str, *arguments: Union[str, int], deadline_ms: int) -> Fact[Story]:
        """Runs ``main(*arguments)`` of one of our own modules in a process of its own, since what it does may hang or crash."""
        return cast("Fact[Story]", self._typed(Story, "worker", module, *arguments, deadline_ms))

    # -- other systems -------------------------------------------------------------------------

    def psutil(self, function: str) -> Fact[Any]:
        """``virtual_memory``, ``swap_memory``, ``cpu_count``, ``boot_time``, ``disk_partitions`` of psutil as plain JSON,
        where /proc does not tell."""
        return self.fact("psutil", function)

    def winapi(self, function: str, *key: Union[str, int]) -> Fact[Any]:
        """A Windows source through ctypes (``host/windows.py`` lists them); absent on other systems."""
        return self.fact("winapi", function, *key)
