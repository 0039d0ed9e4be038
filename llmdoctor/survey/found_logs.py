"""Where the installed runtimes' own logs are, newest first: files, systemd's journal, Docker's logs."""

from __future__ import annotations

import io
import os
import re
from functools import partial
from typing import IO, Callable, Iterator, NamedTuple

from ..facts.machine import Machine, Runtime
from ..host.host import Completed, Host, Stat
from ..logs.stream import LogError, open_file

JOURNAL_LINES = 3000
"""The last ones; some days of a quiet server, and below the 1 MiB that the Host keeps of a command's output."""
_COMMAND_S = 5.0
_MOST = 12
"""Files of one runtime that are tried, older ones too. Ollama on Windows keeps five of each (app/lifecycle/logging.go, server-1.log
to server-5.log)."""


class FoundLog(NamedTuple):
    name: str
    """Path, or the command whose output it is."""
    runtime: str
    open: Callable[[], IO[bytes]]
    """Raises LogError."""


def found_logs(host: Host, machine: Machine) -> Iterator[FoundLog]:
    """Logs of every runtime that is installed here; of each runtime the newest first."""
    for name, runtime in machine.runtimes.items():
        if runtime.installed is True:
            yield from _files(host, name, runtime)
            yield from _journal(host, name, runtime)
            yield from _docker(host, name, runtime)


def _files(host: Host, name: str, runtime: Runtime) -> Iterator[FoundLog]:
    paths = runtime.log_paths if isinstance(runtime.log_paths, list) else []
    found = {one: _age(host, one) for listed in paths for one in _with_rotated(host, listed)}
    for path in sorted(found, key=lambda one: found[one])[:_MOST]:
        yield FoundLog(path, name, partial(open_file, path))


def _with_rotated(host: Host, path: str) -> list[str]:
    """A restart rotates the crash away: ``server.log`` to ``server-1.log``, ``main.log`` to ``main.log.1`` and the like."""
    folder, base = os.path.split(path)
    stem, ending = os.path.splitext(base)
    pattern = re.compile(rf"{re.escape(stem)}(?:[-.]\d+)?{re.escape(ending)}(?:\.\d+)?(?:\.(?:gz|zst))?")
    names = host.entries(folder)
    rotated = [os.path.join(folder, name) for name in names if pattern.fullmatch(name)] if isinstance(names, list) else []
    return rotated or [path]


def _age(host: Host, path: str) -> float:
    """Smaller for newer files."""
    known = host.stat(path)
    return -known.modified_s if isinstance(known, Stat) else 0.0


def _journal(host: Host, name: str, runtime: Runtime) -> Iterator[FoundLog]:
    unit = runtime.service_unit
    if isinstance(unit, str) and host.platform() == "linux":
        command = ("journalctl", "--no-pager", "--output=short-iso", f"--lines={JOURNAL_LINES}", f"--unit={unit}")
        yield FoundLog(f"journalctl -u {unit}", name, partial(_output, host, command))


def _docker(host: Host, name: str, runtime: Runtime) -> Iterator[FoundLog]:
    if runtime.packaging != "docker":
        return
    listed = host.run("docker", "ps", "--all", "--format", "{{.ID}} {{.Image}}", deadline_s=_COMMAND_S)
    if not isinstance(listed, Completed) or not listed.ok:
        return
    for line in listed.stdout.splitlines()[:50]:
        container, _, image = line.partition(" ")
        if re.fullmatch(r"[0-9a-f]{6,64}", container) and name.replace(".", "") in image.replace(".", "").replace("-", ""):
            command = ("docker", "logs", "--tail", str(JOURNAL_LINES), container)
            yield FoundLog(f"docker logs {container}", name, partial(_output, host, command))


def _output(host: Host, command: tuple[str, ...]) -> IO[bytes]:
    done = host.run(*command, deadline_s=_COMMAND_S)
    if not isinstance(done, Completed):
        raise LogError(f"{command[0]} gave no log: {done.unknown if done is not None else 'no such command'}")
    if not done.ok and not done.stdout:
        raise LogError(f"{command[0]} gave no log: {done.stderr.strip()[:200] or f'exit status {done.status}'}")
    return io.BytesIO((done.stdout + done.stderr).encode())
