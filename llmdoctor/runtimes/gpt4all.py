"""GPT4All, the desktop app.

Sources: gpt4all-chat/src/mysettings.cpp (settings and defaults), logger.cpp, main.cpp (organisation and format of the
settings), server.cpp, cmake/cpack_config.cmake (where it is installed), flatpak-manifest.
"""

from __future__ import annotations

import re
from typing import Optional

from ..catalogs.ports import default_port
from ..facts.fact import REST, Fact, Table, Unknown
from ..facts.machine import Runtime
from ..host.host import Host, Process
from .common import apps_log, exit_log, llama_log, models, places, ports, processes, sandbox
from .common.answer import not_installed
from .surroundings import Surroundings

NAME = "gpt4all"
TITLE = "GPT4All"

READERS = (*apps_log.GPT4ALL, *llama_log.READERS, *exit_log.READERS)

_FLATPAK = "io.gpt4all.gpt4all"
_FOLDER = re.compile(r"/gpt4all/|/gpt4all\.app/", re.I)
_SHOWN = (
    "device",
    "threadCount",
    "forceMetal",
    "serverChat",
    "networkPort",
    "modelPath",
    "lastVersionStarted",
    "userDefaultModel",
)
_LIBRARY = re.compile(r"(?:lib)?llamamodel-mainline-(cpu|cuda|kompute|vulkan|metal)")
_BACKEND = {"kompute": "vulkan"}


def owns(process: Process) -> bool:
    program = processes.program_of(process)
    return program == "gpt4all" or (program == "chat" and bool(_FOLDER.search(processes.paths_of(process))))


def parse_settings(text: str) -> dict[str, str]:
    """An INI file of Qt, keys of other sections than General with the section before them.

    >>> parse_settings("[General]\\ndevice=CUDA: RTX 3060\\n[model-x]\\ngpuLayers=20")
    {'device': 'CUDA: RTX 3060', 'model-x/gpuLayers': '20'}
    """
    section = ""
    found: dict[str, str] = {}
    for line in text.splitlines():
        line = line.strip()
        if line.startswith("[") and line.endswith("]"):
            section = line[1:-1]
        elif "=" in line and not line.startswith(";"):
            name, _, value = line.partition("=")
            key = name.strip() if section in ("", "General") else f"{section}/{name.strip()}"
            found[key] = value.strip().strip('"')
    return found


def probe(host: Host, around: Surroundings) -> Runtime:
    own = processes.own(around, owns)
    running = own if isinstance(own, list) else []
    flatpak = sandbox.flatpak_folder(host, _FLATPAK) if around.platform == "linux" else None
    found = _program(host, around, flatpak)
    path = found if isinstance(found, str) else next((one.executable for one in running), None)
    if path is None and not running:
        return not_installed(found if isinstance(found, Unknown) else False)

    text = _settings_text(host, around, flatpak)
    settings = parse_settings(text) if isinstance(text, str) else {}
    named = settings.get("networkPort", "")
    wanted = int(named) if named.isdecimal() else default_port(NAME) or 0
    state = ports.port_state(around, [process.pid for process in running], wanted, strict=True)
    data = _data_folder(host, around, flatpak)
    folder = settings.get("modelPath") or data
    local, partial = models.gguf_models(host, folder, depth=0)
    table: Table = {REST: text if isinstance(text, Unknown) else None}
    table.update({name: settings[name] for name in _SHOWN if settings.get(name)})
    table.update({name: value for name, value in settings.items() if name.endswith(("/gpuLayers", "/contextLength"))})
    return Runtime(
        installed=True,
        path=path,
        other_paths=[],
        version=settings.get("lastVersionStarted") or Unknown("it was never started by this user"),
        packaging=_packaging(around, path, flatpak),
        backends=_backends(host, path),
        running=bool(running) or (own if isinstance(own, Unknown) else False),
        processes=processes.facts_of(own, around.platform),
        port=state.port,
        listen_address=state.address_if(False),
        port_taken_by=state.taken_by,
        api_version=None,
        api_error=None,
        service_unit=None,
        service_state=None,
        service_user=None,
        settings=table,
        shell_only_settings={REST: None},
        models_path=folder,
        models_path_accessible=models.readable(host, folder),
        models=local,
        incomplete_downloads=partial,
        log_paths=places.existing(host, [places.join(data, name) for name in ("log.txt", "log-prev.txt")]) if data else [],
        loaded_models=Unknown("GPT4All does not tell which model is loaded") if running else None,
        sandbox_gpu_access=sandbox.flatpak_gpu_access(host, flatpak, _FLATPAK) if flatpak else None,
        selected_engine=settings.get("device", "Auto") if isinstance(text, str) else text,
        restarts=None,
    )


def _program(host: Host, around: Surroundings, flatpak: Optional[str]) -> Fact[str]:
    candidates: list[Optional[str]] = [host.in_home("gpt4all/bin/chat"), "/usr/bin/gpt4all", "/opt/gpt4all/bin/chat", flatpak]
    if around.platform == "windows":
        candidates = [host.in_home("gpt4all/bin/chat.exe"), "C:\\Program Files\\gpt4all\\bin\\chat.exe"]
    elif around.platform == "macos":
        candidates = ["/Applications/gpt4all/bin/gpt4all.app/Contents/MacOS/gpt4all", "/Applications/GPT4All.app"]
    found = places.first_existing(host, candidates)
    return Unknown("no home folder") if found is None and not isinstance(host.home(), str) else found


def _settings_text(host: Host, around: Surroundings, flatpak: Optional[str]) -> Fact[str]:
    """``nomic.ai/GPT4All.ini`` in the user's configuration folder (Qt's QSettings in INI form)."""
    if around.platform == "windows":
        path = places.windows_folder(host, "APPDATA", "nomic.ai", "GPT4All.ini")
    elif flatpak:
        path = host.in_home(f".var/app/{_FLATPAK}/config/nomic.ai/GPT4All.ini")
    else:
        path = host.in_home(".config/nomic.ai/GPT4All.ini")
    return host.text(path) if path else None


def _data_folder(host: Host, around: Surroundings, flatpak: Optional[str]) -> Optional[str]:
    if around.platform == "windows":
        return places.windows_folder(host, "LOCALAPPDATA", "nomic.ai", "GPT4All")
    if around.platform == "macos":
        return host.in_home("Library/Application Support/nomic.ai/GPT4All")
    if flatpak:
        return host.in_home(f".var/app/{_FLATPAK}/data/nomic.ai/GPT4All")
    return host.in_home(".local/share/nomic.ai/GPT4All")


def _packaging(around: Surroundings, path: Optional[str], flatpak: Optional[str]) -> Fact[str]:
    if path is None:
        return Unknown("the program was not found")
    if path == flatpak:
        return "flatpak"
    kind = places.packaging(path, around.platform)
    return kind if kind in ("package", "nix", "brew") else "app"  # the project's installer puts it into the home folder


def _backends(host: Host, path: Optional[str]) -> Fact[list[str]]:
    """``llamamodel-mainline-*`` libraries in the installation's ``lib`` folder, or in the flatpak's."""
    if path is None:
        return Unknown("the program was not found")
    root = places.parent(places.parent(path))
    folders = [places.join(root, "lib"), places.parent(path), places.join(path, "files/lib")]
    for folder in folders:
        if folder in ("/usr/lib", "/usr/bin"):
            continue
        names = host.entries(folder)
        found = {match[1] for match in map(_LIBRARY.match, names) if match} if isinstance(names, list) else set()
        if found:
            return sorted(_BACKEND.get(one, one) for one in found)
    return Unknown("its libraries were not found")
