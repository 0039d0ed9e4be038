"""Where Python environments lie: by variables, PATH and the places that tools use. No folder tree is walked.

Sources: PEP 405 (pyvenv.cfg), conda's environments.txt and conda-meta, pipx (PIPX_HOME), uv (UV_TOOL_DIR), pyenv,
text-generation-webui's one-click installer (installer_files/env) and its portable builds (portable_env).
"""

from __future__ import annotations

import re
from typing import Iterator, NamedTuple, Optional

from ..host.host import Host

MOST_PLACES = 48
"""Environments looked at; a developer's machine may have hundreds."""

_TEXTGEN = "text-generation-webui"
_TEXTGEN_FOLDERS = ("text-generation-webui", "text-generation-webui-main", "textgen")
_TEXTGEN_ENVS = ("installer_files/env", "portable_env")
_USUAL_BASES = ("", "Desktop", "Documents", "Downloads")
_CONDA_BASES = ("miniconda3", "anaconda3", "miniforge3", "mambaforge", "micromamba")
_SYSTEM_CONDA = ("/opt/conda", "/opt/miniconda3", "/opt/anaconda3", "/opt/miniforge3")
_HOME_ENVS = (".venv", "venv", "vllm/.venv", "vllm/venv", "vllm-env", "open-webui/.venv", "open-webui/venv")
_SYSTEM_ENVS = ("/opt/venv", "/venv", "/app/.venv", "/opt/vllm")
_OWNERS = {"vllm": "vllm", "open-webui": "open-webui"}
"""Tools whose own environment belongs to a runtime."""


class Place(NamedTuple):
    prefix: str
    kind: str
    """As in ``PythonEnv.kind``; ``?`` where the files have to tell."""
    active: bool = False
    owner: Optional[str] = None
    certain: bool = False
    """The user works with it: it is told even if nothing of interest is installed there."""
    minor: Optional[str] = None
    """``3.11`` where the place already tells."""


def join(host: Host, *parts: str) -> str:
    """A path with the platform's slashes; the parts may be written with forward ones."""
    if host.platform() == "windows":
        return "\\".join(part.strip("\\") for part in parts if part).replace("/", "\\")
    return "/".join(part.rstrip("/") if part != "/" else "" for part in parts if part) or "/"


def parent(path: str) -> str:
    return re.sub(r"[\\/][^\\/]*$", "", path)


def base_name(path: str) -> str:
    return re.split(r"[\\/]", path.rstrip("\\/"))[-1]


def prefix_of(host: Host, python: str) -> Optional[Place]:
    """The environment that an interpreter's path belongs to; None for pyenv's shims and the Microsoft Store's stub."""
    if re.search(r"[\\/](?:shims|WindowsApps)[\\/]", python):
        return None
    for path in (python, host.realpath(python)):
        if not isinstance(path, str):
            continue
        folder = parent(path)
        prefix = parent(folder) if base_name(folder).lower() in ("bin", "scripts") else folder
        if host.exists(join(host, prefix, "pyvenv.cfg")) is True or host.exists(join(host, prefix, "conda-meta")) is True:
            return Place(prefix, "?", active=True, certain=True)
    real = path if isinstance(path, str) else python
    folder = parent(real)
    prefix = parent(folder) if base_name(folder).lower() in ("bin", "scripts") else folder
    minor = re.search(r"python(3\.\d+)t?$", real)
    return Place(prefix or "/", "system", active=True, certain=True, minor=minor[1] if minor else None)


def _pyenv_global(host: Host) -> Optional[Place]:
    root = host.env("PYENV_ROOT")
    folder = root if isinstance(root, str) else host.in_home(".pyenv")
    version = host.line(join(host, folder, "version")) if folder else None
    if not folder or not isinstance(version, str) or not version or version == "system":
        return None
    return Place(join(host, folder, "versions", version.split()[0]), "system", active=True, certain=True)


def _active(host: Host) -> Optional[Place]:
    """What a user who types ``python3`` gets; the variables count where PATH does not tell."""
    for program in ("python", "python3") if host.platform() == "windows" else ("python3", "python"):
        found = host.which(program)
        if isinstance(found, list) and found:
            place = prefix_of(host, found[0]) or _pyenv_global(host)
            if place is not None:
                return place
    for variable in ("VIRTUAL_ENV", "CONDA_PREFIX"):
        value = host.env(variable)
        if isinstance(value, str) and value:
            return Place(value, "?", active=True, certain=True)
    return None


def _children(host: Host, folder: Optional[str], kind: str) -> Iterator[Place]:
    names = host.entries(folder) if folder else None
    for name in names if isinstance(names, list) else []:
        if folder and not name.startswith("."):
            yield Place(join(host, folder, name), kind, owner=_OWNERS.get(name))


def _textgen(host: Host, home: Optional[str], cwd: Optional[str]) -> Iterator[Place]:
    bases = [join(host, home, base) for base in _USUAL_BASES] if home else []
    bases += ["C:"] if host.platform() == "windows" else ["/opt"]
    roots = [join(host, base, folder) for base in bases for folder in _TEXTGEN_FOLDERS]
    if cwd:
        roots = [cwd, *(join(host, cwd, folder) for folder in _TEXTGEN_FOLDERS), *roots]
    for root in roots:
        for environment in _TEXTGEN_ENVS:
            yield Place(join(host, root, environment), "?", owner=_TEXTGEN)


def _conda(host: Host, home: Optional[str]) -> Iterator[Place]:
    listed = host.text(join(host, home, ".conda/environments.txt")) if home else None
    for line in listed.splitlines() if isinstance(listed, str) else []:
        if line.strip():
            yield Place(line.strip(), "conda")
    bases = [join(host, home, name) for name in _CONDA_BASES] if home else []
    for base in [*bases, *([] if host.platform() == "windows" else _SYSTEM_CONDA)]:
        yield Place(base, "conda")
        yield from _children(host, join(host, base, "envs"), "conda")


def _tools(host: Host, home: Optional[str]) -> Iterator[Place]:
    """Environments of pipx and uv, one a tool."""
    windows = host.platform() == "windows"
    pipx, uv = host.env("PIPX_HOME"), host.env("UV_TOOL_DIR")
    data, roaming, local = host.env("XDG_DATA_HOME"), host.env("APPDATA"), host.env("LOCALAPPDATA")
    share = data if isinstance(data, str) else join(host, home, ".local/share") if home else None
    if isinstance(pipx, str):
        yield from _children(host, join(host, pipx, "venvs"), "pipx")
    if isinstance(uv, str):
        yield from _children(host, uv, "uv")
    if windows:
        yield from _children(host, join(host, home, "pipx/venvs") if home else None, "pipx")
        yield from _children(host, join(host, local, "pipx/pipx/venvs") if isinstance(local, str) else None, "pipx")
        yield from _children(host, join(host, roaming, "uv/tools") if isinstance(roaming, str) else None, "uv")
    elif share:
        yield from _children(host, join(host, share, "pipx/venvs"), "pipx")
        yield from _children(host, join(host, home, ".local/pipx/venvs") if home else None, "pipx")
        yield from _children(host, join(host, share, "uv/tools"), "uv")


def _systems(host: Host, home: Optional[str]) -> Iterator[Place]:
    if host.platform() == "windows":
        local = host.env("LOCALAPPDATA")
        yield from _children(host, join(host, local, "Programs/Python") if isinstance(local, str) else None, "system")
    elif home:
        yield from _children(host, join(host, home, ".pyenv/versions"), "system")


def _candidates(host: Host) -> Iterator[Place]:
    home = host.home()
    home = home if isinstance(home, str) else None
    cwd = host.system("cwd")
    cwd = cwd if isinstance(cwd, str) else None
    active = _active(host)
    if active is not None:
        yield active
    for variable in ("VIRTUAL_ENV", "CONDA_PREFIX"):
        value = host.env(variable)
        if isinstance(value, str) and value:
            yield Place(value, "?", active=True, certain=True)
    # The one that this program was installed into: where it holds packages for models, it is the user's own.
    running = host.system("python")
    if isinstance(running, dict) and isinstance(running.get("prefix"), str):
        yield Place(running["prefix"], "?", active=True)
    for name in (".venv", "venv", "env") if cwd else ():
        yield Place(join(host, cwd or "", name), "venv", certain=True)
    yield from _textgen(host, home, cwd)
    for name in _HOME_ENVS if home else ():
        yield Place(join(host, home or "", name), "?")
    for prefix in _SYSTEM_ENVS if host.platform() != "windows" else ():
        yield Place(prefix, "?")
    yield from _conda(host, home)
    yield from _tools(host, home)
    yield from _systems(host, home)


def places(host: Host) -> list[Place]:
    """Environments that exist, the active one first, each once."""
    found: dict[str, Place] = {}
    for place in _candidates(host):
        real = host.realpath(place.prefix)
        key = (real if isinstance(real, str) else place.prefix).rstrip("\\/")
        key = key.lower() if host.platform() == "windows" else key
        if key in found or not (place.active or isinstance(real, str)):
            continue
        found[key] = place
        if len(found) >= MOST_PLACES:
            break
    return list(found.values())
