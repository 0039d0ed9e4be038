"""LM Studio: the desktop app and its headless form.

Sources: lmstudio-ai/lms src/lmstudioPaths.ts and subcommands/server.ts (folders and files), lmstudio.js
findLMStudioHome.ts (which home folder), lmstudio.ai/docs "REST API v0", users' reports of
``backend-preferences-v1.json``. ``lms`` itself is never run: it may start the app.
"""

from __future__ import annotations

import re
from typing import Any, Optional

from ..catalogs.ports import default_port
from ..facts.fact import REST, Fact, Table, Unknown
from ..facts.machine import LoadedModel, Runtime
from ..host.host import Host, Process
from .common import apps_log, backends, exit_log, llama_log, models, places, ports, processes
from .common.answer import not_installed
from .surroundings import Surroundings

NAME = "lmstudio"
TITLE = "LM Studio"

READERS = (*apps_log.LMSTUDIO, *llama_log.READERS, *exit_log.READERS)

_PROGRAMS = frozenset(("lm-studio", "lm studio", "lmstudio", "llmster", "lm studio helper", "bionic"))
_FOLDERS = re.compile(r"/\.lmstudio/|/\.cache/lm-studio/|/LM[ -]Studio", re.I)
_APPIMAGE_VERSION = re.compile(r"LM[-_ ]?Studio-(\d+\.\d+\.\d+)(?:-(\d+))?-[^/\\]*\.AppImage", re.I)
_SETTINGS = ("port", "networkInterface", "cors", "justInTimeModelLoading", "autoStartOnLaunch")
"""Of http-server-config.json, those that change what works."""
_APP_SETTINGS = ("downloadsFolder", "defaultContextLength")


def owns(process: Process) -> bool:
    program = processes.program_of(process)
    return program in _PROGRAMS or (program != "lms" and bool(_FOLDERS.search(processes.paths_of(process))))


def parse_preferences(body: Any) -> Optional[str]:
    """The engine chosen for GGUF models, ``name@version``; the first of the list where none is for GGUF."""
    entries = [one for one in (body if isinstance(body, list) else []) if ports.text_at(one, "name")]
    chosen = next((one for one in entries if one.get("model_format") == "gguf"), entries[0] if entries else None)
    if chosen is None:
        return None
    version = ports.text_at(chosen, "version")
    return f"{chosen['name']}@{version}" if version else ports.text_at(chosen, "name")


def parse_loaded(body: Any) -> Fact[list[LoadedModel]]:
    """The models of ``GET /api/v0/models`` whose state is ``loaded``."""
    if not isinstance(ports.at(body, "data"), list):
        return Unknown("/api/v0/models gave no list of models")
    return [
        LoadedModel(
            name=ports.text_at(model, "id"),
            size_bytes=Unknown("LM Studio's API does not tell"),
            vram_bytes=Unknown("LM Studio's API does not tell"),
            context_length=ports.whole_at(model, "loaded_context_length"),
            gpu_layers=Unknown("LM Studio's API does not tell"),
            expires_at=None,
        )
        for model in ports.items_at(body, "data")
        if ports.text_at(model, "state") == "loaded"
    ]


def engine_of_folder(name: str) -> Optional[str]:
    """The backend of an engine's folder; None for folders that hold no engine, such as ``vendor``."""
    return backends.by_name(name) if name.startswith(("llama.cpp-", "mlx-llm-")) else None


def probe(host: Host, around: Surroundings) -> Runtime:
    folder_of_app = _home(host)
    home = folder_of_app if isinstance(folder_of_app, str) else None
    own = processes.own(around, owns)
    running = own if isinstance(own, list) else []
    path = _program(host, around, home, running)
    if path is None and not running and home is None:
        return not_installed(folder_of_app if isinstance(folder_of_app, Unknown) else False)

    internal = places.join(home, ".internal") if home else None
    config = places.json_file(host, places.join(internal, "http-server-config.json")) if internal else None
    state = ports.port_state(around, [process.pid for process in running], _wanted_port(config), strict=True)
    listens = state.may_ask and (state.is_own or bool(running))
    api = ports.Api(host, state._replace(may_ask=listens))
    body = api.get("/api/v0/models")
    app = places.json_file(host, places.join(home, "settings.json")) if home else None
    folder = ports.text_at(app, "downloadsFolder") or (places.join(home, "models") if home else None)
    local, partial = models.gguf_models(host, folder, depth=3)
    preferences = places.json_file(host, places.join(internal, "backend-preferences-v1.json")) if internal else None
    return Runtime(
        installed=True,
        path=path or home,
        other_paths=[],
        version=_version(host, around, path),
        packaging=_packaging(around, path, running),
        backends=_engines(host, home),
        running=bool(running) or (own if isinstance(own, Unknown) else False),
        processes=processes.facts_of(own, around.platform),
        port=state.port,
        listen_address=state.address_if(api.answered),
        port_taken_by=state.taken_by_if(api.answered),
        api_version=None,
        api_error=api.error,
        service_unit=None,
        service_state=None,
        service_user=None,
        settings=_settings(config, app),
        shell_only_settings={REST: None},
        models_path=folder,
        models_path_accessible=models.readable(host, folder),
        models=local,
        incomplete_downloads=partial,
        log_paths=_logs(host, around, home),
        loaded_models=_loaded(body, api, running, listens),
        sandbox_gpu_access=None,
        selected_engine=preferences if isinstance(preferences, Unknown) else parse_preferences(preferences),
        restarts=None,
    )


def _home(host: Host) -> Fact[str]:
    """The folder that ``~/.lmstudio-home-pointer`` names, else the old one in the cache folder, else ``~/.lmstudio``."""
    pointer_path = host.in_home(".lmstudio-home-pointer")
    if pointer_path is None:
        return Unknown("no home folder")
    pointer = host.line(pointer_path)
    named = pointer if isinstance(pointer, str) and pointer else None
    return places.first_existing(host, [named, host.in_home(".cache/lm-studio"), host.in_home(".lmstudio")])


def _program(host: Host, around: Surroundings, home: Optional[str], running: list[Process]) -> Optional[str]:
    """As the app itself wrote down where it lies, else in its usual places, else as it runs."""
    candidates: list[Optional[str]] = []
    if home is not None:
        for name in ("app-install-location.json", "llmster-install-location.json"):
            body = places.json_file(host, places.join(home, ".internal", name))
            candidates.append(ports.text_at(body, "path"))
    if around.platform == "windows":
        candidates += [
            places.windows_folder(host, "LOCALAPPDATA", "Programs", "LM Studio", "LM Studio.exe"),
            places.windows_folder(host, "ProgramFiles", "LM Studio", "LM Studio.exe"),
        ]
    elif around.platform == "macos":
        candidates.append("/Applications/LM Studio.app/Contents/MacOS/LM Studio")
    else:
        candidates += ["/opt/LM-Studio/lm-studio", "/opt/LM Studio/lm-studio", "/usr/bin/lm-studio"]
    found = places.first_existing(host, candidates)
    if isinstance(found, str):
        return found
    return next((one.executable for one in running if one.executable and "lm" in processes.program_of(one)), None)


def _version(host: Host, around: Surroundings, path: Optional[str]) -> Fact[str]:
    if path is None:
        return Unknown("the app itself was not found, only its folder")
    if around.platform == "windows":
        named = places.windows_uninstall_version(host, "LM Studio")
        return named or Unknown("not among the installed programs")
    if around.platform == "macos":
        return places.app_version(host, path)
    match = _APPIMAGE_VERSION.search(path)
    if match:
        return f"{match[1]}+{match[2]}" if match[2] else match[1]
    text = host.text(places.join(places.parent(path), "resources/app/package.json"))
    version = places.package_json_version(text) if isinstance(text, str) else None
    return version or places.package_version(host, ("lm-studio", "lmstudio")) or Unknown("nothing beside the app names it")


def _packaging(around: Surroundings, path: Optional[str], running: list[Process]) -> Fact[str]:
    if processes.in_container(running):
        return "docker"
    if path is None:
        return Unknown("the app itself was not found, only its folder")
    kind = places.packaging(path, around.platform)
    return kind or ("app" if around.platform in ("windows", "macos") else "archive")


def _engines(host: Host, home: Optional[str]) -> Fact[list[str]]:
    if home is None:
        return Unknown("its folder was not found")
    names = host.entries(places.join(home, "extensions/backends"))
    if not isinstance(names, list):
        return names if isinstance(names, Unknown) else []
    return sorted({backend for backend in map(engine_of_folder, names) if backend})


def _wanted_port(config: Any) -> int:
    port = ports.whole_at(config, "port")
    return port if port and port < 65536 else default_port(NAME) or 0


def _settings(config: Any, app: Any) -> Table:
    table: Table = {REST: config if isinstance(config, Unknown) else None}
    for body, names in ((config, _SETTINGS), (app, _APP_SETTINGS)):
        for name in names:
            value = ports.at(body, name)
            if isinstance(value, bool):
                table[name] = "true" if value else "false"
            elif isinstance(value, (str, int)):
                table[name] = str(value)
            elif isinstance(value, dict) and value.get("type"):  # defaultContextLength: {"type": "custom", "value": 8192}
                table[name] = " ".join(str(part) for part in (value["type"], value.get("value")) if part is not None)
    return table


def _loaded(body: Any, api: ports.Api, running: list[Process], listens: bool) -> Fact[list[LoadedModel]]:
    if not running:
        return None
    if not listens:
        return Unknown("its local server is off")
    return parse_loaded(body) if body is not None else Unknown(f"its API did not answer: {api.error}")


def _logs(host: Host, around: Surroundings, home: Optional[str]) -> list[str]:
    """The server's logs (one folder a month) and the app's own."""
    app: Optional[str] = host.in_home(".config/LM Studio/logs/main.log")
    if around.platform == "windows":
        app = places.windows_folder(host, "APPDATA", "LM Studio", "logs", "main.log")
    elif around.platform == "macos":
        app = host.in_home("Library/Logs/LM Studio/main.log")
    newest: list[Optional[str]] = []
    if home:
        folder = places.join(home, "server-logs")
        months = host.entries(folder)
        if isinstance(months, list) and months:
            files = host.entries(places.join(folder, months[-1]))
            newest = [places.join(folder, months[-1], files[-1])] if isinstance(files, list) and files else []
    return places.existing(host, [*newest, app])
