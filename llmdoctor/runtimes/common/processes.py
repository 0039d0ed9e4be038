"""A runtime's own processes, its command line as settings, and its environment."""

from __future__ import annotations

import re
from types import MappingProxyType
from typing import Callable, Iterable, Mapping, Optional

from ...facts.fact import REST, Fact, Table, Unknown
from ...facts.machine import RuntimeProcess
from ...host.host import Process
from ...redact.variables import HIDDEN, clean_value
from ..surroundings import Surroundings

_SECRET_WORDS = frozenset(
    ("key", "keys", "apikey", "hordekey", "token", "hft", "password", "passwd", "secret", "auth", "credential")
)
_NOT_THE_SECRET = frozenset(("file", "path", "dir", "type", "keyfile"))
"""An option that ends so names where the secret lies, or what it is like."""
_PRIVATE_OPTIONS = frozenset(("-p", "--prompt", "-sys", "--system-prompt", "--prompt-text"))
"""What a user wrote to a model."""
_GPU_LIBRARIES = ("libcuda.so", "libamdhip64", "libvulkan")
_NEEDED_VARIABLES = re.compile(
    r"(?:OLLAMA|LLAMA|GGML|CUDA|NVIDIA|HIP|HSA|ROCR|GPU|VK|VLLM|NCCL|PYTORCH|HF|ONEAPI|ZE|SYCL|LMS|JAN|KOBOLD|GRADIO)_"
    r"|(?:LD_LIBRARY_PATH|HTTPS?_PROXY|NO_PROXY)$",
    re.I,
)
_CONTAINER_CGROUP = re.compile(r"docker|libpod|containerd|kubepods|lxc|machine\.slice", re.I)


def base(path: Optional[str]) -> str:
    """The last part of a path of either kind, lower case, without ``.exe``."""
    return re.split(r"[/\\]", path or "")[-1].lower().removesuffix(".exe")


def program_of(process: Process) -> str:
    """Its program's base name: of the executable, else of the first argument, else as the system names it."""
    return base(process.executable) or base(process.arguments[0] if process.arguments else None) or process.name.lower()


def paths_of(process: Process) -> str:
    """Executable and the first word of the command line, with forward slashes: what tells whose program it is."""
    words = [process.executable or "", *process.arguments[:1]]
    return "\n".join(words).replace("\\", "/")


def own(around: Surroundings, owns: Callable[[Process], bool]) -> Fact[list[Process]]:
    """Processes that ``owns`` accepts; an empty list if there are none."""
    if isinstance(around.processes, Unknown):
        return around.processes
    return [process for process in around.processes or () if process.state != "Z" and owns(process)]


def hide_secrets(arguments: Iterable[str]) -> list[str]:
    """The command line without values of options that carry a secret or a prompt, and without anything like a token."""
    shown: list[str] = []
    hide_next = False
    for argument in arguments:
        if hide_next and not _is_option(argument):
            shown.append(HIDDEN)
            hide_next = False
            continue
        name, equals, _ = argument.partition("=")
        secret = _is_option(argument) and _carries_secret(name)
        if secret and equals:
            shown.append(f"{name}={HIDDEN}")
            hide_next = False
        else:
            shown.append(clean_value("", argument))
            hide_next = secret
    return shown


def _is_option(word: str) -> bool:
    return bool(re.match(r"--?[A-Za-z]", word))


def _carries_secret(option: str) -> bool:
    if option in _PRIVATE_OPTIONS:
        return True
    words = option.lower().strip("-").replace("_", "-").split("-")
    return words[-1] not in _NOT_THE_SECRET and not _SECRET_WORDS.isdisjoint(words)


def options(arguments: Iterable[str], aliases: Mapping[str, str] = MappingProxyType({})) -> dict[str, str]:
    """A command line as option to value: ``true`` for a bare flag, several values joined by blanks.

    ``aliases`` maps short and old spellings to the one that we show. Secrets are hidden.

    >>> options(["-ngl", "-1", "--mlock"], {"-ngl": "--n-gpu-layers"})
    {'--n-gpu-layers': '-1', '--mlock': 'true'}
    """
    found: dict[str, str] = {}
    current: Optional[str] = None
    for word in hide_secrets(arguments):
        if _is_option(word):
            name, equals, value = word.partition("=")
            current = aliases.get(name, name)
            found[current] = value if equals else "true"
            if equals:
                current = None
        elif current is not None:
            found[current] = word if found[current] == "true" else f"{found[current]} {word}"
    return found


def facts_of(processes: Fact[list[Process]], platform: str) -> Fact[list[RuntimeProcess]]:
    """As the schema describes them."""
    if processes is None or isinstance(processes, Unknown):
        return processes
    return [_fact_of(process, platform) for process in processes]


def _fact_of(process: Process, platform: str) -> RuntimeProcess:
    hidden = Unknown("needs the rights of the process's user")
    uses: Fact[bool] = None
    if platform == "linux":
        uses = any(library.startswith(_GPU_LIBRARIES) for library in process.libraries)
        if not uses and process.environment is None:  # /proc/PID/maps has the same guard as environ
            uses = hidden
    return RuntimeProcess(
        pid=process.pid,
        executable=process.executable or hidden,
        executable_deleted=process.executable_deleted if process.executable else hidden,
        arguments=hide_secrets(process.arguments),
        state=process.state if platform == "linux" else None,
        rss_bytes=process.rss_bytes,
        uses_gpu_library=uses,
    )


def in_container(processes: Iterable[Process]) -> bool:
    """Whether one of them runs in a container of this machine, by its cgroup."""
    return any(process.cgroup and _CONTAINER_CGROUP.search(process.cgroup) for process in processes)


def wanted(name: str) -> bool:
    """Whether a variable may change how a runtime behaves (a shell's PATH or locale may not)."""
    return bool(_NEEDED_VARIABLES.match(name))


def select(table: Table, extra: Callable[[str], bool] = wanted) -> Table:
    """Those entries of a table of variables that matter to runtimes, cleaned; the meaning of ``*`` stays."""
    chosen: Table = {}
    for name, value in table.items():
        if name == REST:
            chosen[name] = value
        elif extra(name):
            chosen[name] = clean_value(name, value) if isinstance(value, str) else value
    return chosen


def environment_of(processes: Iterable[Process]) -> Optional[Table]:
    """Variables of the first process; None if there is none. Where they may not be read, ``*`` is unknown."""
    for process in processes:
        if process.environment is None:
            return {REST: Unknown(f"the environment of process {process.pid} is readable by its own user alone")}
        table: Table = {**process.environment, REST: None}
        return select(table)
    return None


def shell_only(shell: Table, service: Table) -> Table:
    """Variables that matter, are set in this shell and are not in the service."""
    missing: Table = {}
    for name, value in select(shell).items():
        if name == REST or not isinstance(value, str):
            continue
        there = service.get(name, service.get(REST))
        if isinstance(there, Unknown):
            missing[REST] = there
        elif there is None:
            missing[name] = value
    missing.setdefault(REST, None)
    return missing
