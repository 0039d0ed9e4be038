"""systemd units of a runtime: what their files say and what the manager says of them.

Sources: systemd.unit(5) for the search path and drop-ins, systemd.exec(5) for ``Environment=`` and
``EnvironmentFile=``, systemctl(1) ``show``.
"""

from __future__ import annotations

import re
from typing import Iterable, Optional

import msgspec

from ...facts.fact import REST, Fact, Table, Unknown
from ...host.host import Host
from ..surroundings import Surroundings

_SYSTEM_FOLDERS = ("/etc/systemd/system", "/run/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system")
_PROPERTIES = "LoadState,ActiveState,SubState,NRestarts,ExecMainStatus,User,Environment,EnvironmentFiles"
_STATES = ("active", "failed", "activating", "inactive", "deactivating", "reloading")
_WORD = re.compile(r"""(?:[^\s"']|"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')+""")
_ESCAPE = re.compile(r"\\(.)")


class Unit(msgspec.Struct):
    name: str
    path: str
    of_user: bool = False
    """Of the user's own manager (``systemctl --user``)."""
    state: Fact[str] = None
    user: Fact[str] = None
    """Absent for a system unit that runs as root."""
    environment: Table = {}
    restarts: Fact[int] = None


def parse_assignments(text: str) -> dict[str, str]:
    """The variables of one ``Environment=`` value, quotes and escapes removed.

    >>> parse_assignments('A=1 "B=two words" C=')
    {'A': '1', 'B': 'two words', 'C': ''}
    """
    found: dict[str, str] = {}
    for match in _WORD.finditer(text):
        word = re.sub(r"""(["'])((?:(?!\1)[^\\]|\\.)*)\1""", r"\2", match[0])
        name, equals, value = _ESCAPE.sub(r"\1", word).partition("=")
        if equals and re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
            found[name] = value
    return found


def parse_unit(texts: Iterable[str]) -> tuple[dict[str, str], dict[str, str], list[str]]:
    """Of a unit file and its drop-ins in order: the last value of each key of ``[Service]``, the variables,
    and the environment files. An empty ``Environment=`` takes back what stood before, as systemd does."""
    keys: dict[str, str] = {}
    variables: dict[str, str] = {}
    files: list[str] = []
    for text in texts:
        section = ""
        for line in text.replace("\\\n", " ").splitlines():
            line = line.strip()
            if line.startswith("["):
                section = line
            elif section == "[Service]" and "=" in line and line[0] not in "#;":
                key, _, value = (part.strip() for part in line.partition("="))
                if key == "Environment":
                    if not value:
                        variables.clear()
                    variables.update(parse_assignments(value))
                elif key == "EnvironmentFile":
                    files = [*files, value] if value else []
                else:
                    keys[key] = value
    return keys, variables, files


def parse_environment_file(text: str) -> dict[str, str]:
    """``NAME=value`` lines, comments and quotes removed."""
    found: dict[str, str] = {}
    for line in text.splitlines():
        line = line.strip()
        name, equals, value = line.partition("=")
        if equals and line[0] not in "#;" and re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name.strip()):
            value = value.strip()
            if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'":
                value = value[1:-1]
            found[name.strip()] = value
    return found


def parse_show(text: str) -> dict[str, str]:
    """``KEY=value`` lines of ``systemctl show``."""
    return dict(line.split("=", 1) for line in text.splitlines() if "=" in line)


def find(host: Host, around: Surroundings, names: Iterable[str]) -> Optional[Unit]:
    """The first of these units that has a file; its state by ``systemctl show``, its variables by the manager or,
    where that cannot be asked, by the files. None off Linux or if there is no such unit."""
    if around.platform != "linux":
        return None
    own_folder = host.in_home(".config/systemd/user")
    for name in names:
        for folder in (*_SYSTEM_FOLDERS, *((own_folder,) if own_folder else ())):
            path = f"{folder}/{name}"
            if host.exists(path) is True:
                unit = Unit(name, path, of_user=folder == own_folder)
                _read(host, unit)
                return unit
    return None


def _drop_ins(host: Host, unit: Unit) -> list[str]:
    folders = [unit.path.rpartition("/")[0]] if unit.of_user else reversed(_SYSTEM_FOLDERS)
    paths: list[str] = []
    for folder in folders:
        entries = host.entries(f"{folder}/{unit.name}.d")
        if isinstance(entries, list):
            paths += [f"{folder}/{unit.name}.d/{entry}" for entry in entries if entry.endswith(".conf")]
    # /lib is a link to /usr/lib on most systems: the same drop-in twice changes nothing.
    return paths


def _read(host: Host, unit: Unit) -> None:
    texts = [host.text(path) for path in (unit.path, *_drop_ins(host, unit))]
    keys, variables, files = parse_unit(text for text in texts if isinstance(text, str))
    rest: Fact[str] = next((text for text in texts if isinstance(text, Unknown)), None)
    unit.user = keys.get("User") or None
    if unit.of_user:
        user = host.system("user")
        unit.user = user if isinstance(user, (str, Unknown)) else None
    if host.exists("/run/systemd/system") is True:
        variables = _ask(host, unit, variables)
    else:
        unit.state = unit.restarts = Unknown("systemd is not running here")
    for path in files:
        text = host.text(path.lstrip("-"))
        if isinstance(text, str):
            variables.update(parse_environment_file(text))
        elif isinstance(text, Unknown):
            rest = text
    unit.environment = {**variables, REST: rest}


def _ask(host: Host, unit: Unit, variables: dict[str, str]) -> dict[str, str]:
    scope = ("--user",) if unit.of_user else ()
    done = host.run("systemctl", *scope, "show", "--no-pager", "-p", _PROPERTIES, unit.name)
    if done is None or isinstance(done, Unknown) or not done.ok:
        why = done if isinstance(done, Unknown) else Unknown("systemctl did not answer")
        unit.state = unit.restarts = why
        return variables
    shown = parse_show(done.stdout)
    state = shown.get("ActiveState", "")
    unit.state = state if state in _STATES else Unknown("systemctl named no state")
    restarts = shown.get("NRestarts", "")
    unit.restarts = int(restarts) if restarts.isdecimal() else None
    if shown.get("User"):
        unit.user = shown["User"]
    # The manager's values are in force; the files may have changed since it read them.
    return parse_assignments(shown["Environment"]) if "Environment" in shown else variables
