"""Machines for the runtimes' tests, as short as a test needs them."""

from __future__ import annotations

from typing import Any, Mapping, Union

import msgspec

from llmdoctor.facts.fact import REST, Fact, Table
from llmdoctor.facts.machine import PythonEnv
from llmdoctor.host.host import Host, HttpReply, Listener, Process
from llmdoctor.runtimes.surroundings import Surroundings
from tests.fakes import Key, fake_host

FILE = {"kind": "file", "size_bytes": 1000, "mode": 0o755, "uid": 1000, "gid": 1000, "modified_s": 0.0}
FILE |= {"readable": True, "writable": True, "executable": True}
FOLDER = {**FILE, "kind": "dir"}


def around(
    processes: Fact[list[Process]] = None,
    listeners: Fact[list[Listener]] = None,
    env: Union[Table, None] = None,
    python_envs: Fact[list[PythonEnv]] = None,
    platform: str = "linux",
) -> Surroundings:
    return Surroundings(
        processes=[] if processes is None else processes,
        listeners=[] if listeners is None else listeners,
        python_envs=[] if python_envs is None else python_envs,
        env={REST: None, **(env or {})},
        platform=platform,
    )


def host_with(
    *paths: str,
    files: Union[Mapping[str, str], None] = None,
    http: Union[Mapping[tuple[int, str], Any], None] = None,
    answers: Union[Mapping[Key, Any], None] = None,
    platform: str = "linux",
) -> Host:
    """A Host with these programs and folders (a folder ends in ``/``), text files and HTTP replies.
    Folders above a file are listed with what is below them."""
    known: dict[Key, Any] = {("system", "platform"): platform, ("system", "uid"): 1000, ("system", "user"): "ada"}
    below: dict[str, set[str]] = {}
    for path in (*paths, *(files or {})):
        plain = path.rstrip("/")
        known[("stat", plain)] = FOLDER if path.endswith("/") else FILE
        known[("realpath", plain)] = plain
        parts = plain.split("/")
        for count in range(len(parts) - 1, 0, -1):
            folder = "/".join(parts[:count]) or "/"
            below.setdefault(folder, set()).add(parts[count])
            known.setdefault(("stat", folder), FOLDER)
        if path.endswith("/"):
            below.setdefault(plain, set())
    for folder, names in below.items():
        known[("list", folder)] = sorted(names)
    for path, text in (files or {}).items():
        known[("file", path)] = text
    for (port, path), body in (http or {}).items():
        reply = body if isinstance(body, HttpReply) else HttpReply(status=200, body=body)
        known[("http", port, path, 500)] = msgspec.to_builtins(reply)
    return fake_host({**known, **(answers or {})})


def process(pid: int, *arguments: str, executable: Union[str, None] = None, **more: Any) -> Process:
    program = executable or (arguments[0] if arguments and arguments[0].startswith("/") else None)
    values = {"environment": {}, "state": "S", "uid": 1000, **more}
    return Process(pid=pid, name=arguments[0].rpartition("/")[2][:15], executable=program, arguments=list(arguments), **values)


def listener(port: int, pid: Union[int, None], name: Union[str, None] = None, address: str = "127.0.0.1") -> Listener:
    return Listener(port=port, address=address, pid=pid, process=name)
