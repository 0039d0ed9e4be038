"""Jan, which runs llama.cpp's server as a part of itself.

Sources: janhq/jan src-tauri/src/core/app/commands.rs and settings_store.rs (folders and settings.json),
tauri-plugin-llamacpp/src/backend.rs (``llamacpp/backends/VERSION/BACKEND``), flatpak/ai.jan.Jan.yml, jan.ai/docs.
"""

from __future__ import annotations

import re
from typing import Any, Optional

import msgspec

from ..catalogs.ports import default_port
from ..facts.fact import REST, Fact, Table, Unknown, look_up
from ..facts.machine import LoadedModel, Runtime
from ..host.host import Host, Process
from .common import apps_log, backends, exit_log, llama_log, models, places, ports, processes, sandbox
from .common.answer import not_installed
from .common.llama_options import ALIASES
from .surroundings import Surroundings

NAME = "jan"
TITLE = "Jan"

READERS = (*apps_log.JAN, *llama_log.READERS, *exit_log.READERS)

_FLATPAK = "ai.jan.Jan"
_PROGRAMS = frozenset(("jan", "jan-nightly", "jan-llama-worker"))
_FOLDERS = re.compile(r"/llamacpp/backends/|/Jan\.app/|/\.mount_[Jj]an")
"""``llamacpp/backends`` is how Jan, and nobody else, keeps its engines; the data folder may be anywhere."""
_API_STORE = "setting-local-api-server"
_PROVIDER_STORE = "model-provider"
_SHOWN = ("serverHost", "serverPort", "apiPrefix", "enableOnStartup")
_ENGINE_SETTINGS = frozenset(
    ("version_backend", "n_gpu_layers", "ctx_size", "fit", "flash_attn", "cache_type_k", "cache_type_v", "device", "no_kv_offload",
     "auto_unload", "parallel", "n_parallel", "ubatch_size", "batch_size", "threads", "main_gpu", "tensor_split", "timeout")
)  # fmt: skip
_NOT_STORED = Unknown("this version keeps it inside its web view's storage")


def owns(process: Process) -> bool:
    return processes.program_of(process) in _PROGRAMS or bool(_FOLDERS.search(processes.paths_of(process)))


def parse_store(body: Any, name: str) -> Optional[dict[str, Any]]:
    """The state of one store in ``settings.json``: each is kept as JSON text inside the JSON."""
    text = body.get(name) if isinstance(body, dict) else None
    if not isinstance(text, str):
        return None
    try:
        value = msgspec.json.decode(text)
    except msgspec.DecodeError:
        return None
    state = value.get("state") if isinstance(value, dict) else None
    return state if isinstance(state, dict) else None


def parse_provider(state: Any) -> dict[str, str]:
    """Settings of the llama.cpp provider by key, those that matter to memory and GPUs."""
    found: dict[str, str] = {}
    for provider in ports.items_at(state, "providers"):
        if ports.text_at(provider, "provider") != "llamacpp":
            continue
        for setting in ports.items_at(provider, "settings"):
            key = ports.text_at(setting, "key")
            value = ports.at(setting, "controller_props", "value")
            if value is None:
                value = ports.at(setting, "controllerProps", "value")
            if key in _ENGINE_SETTINGS and isinstance(value, (str, int, float)) and value != "":
                found[str(key)] = str(value).lower() if isinstance(value, bool) else str(value)
    return found


def parse_loaded(body: Any) -> Fact[list[LoadedModel]]:
    """``GET /v1/models`` of Jan's own server lists every model that it could load, so it cannot tell which are."""
    if not isinstance(ports.at(body, "data"), list):
        return Unknown("/v1/models gave no list of models")
    return Unknown("Jan's API lists models without saying which are loaded")


def of_workers(workers: list[Process]) -> list[LoadedModel]:
    """One model a llama-server that Jan has started, by its command line."""
    loaded: list[LoadedModel] = []
    for worker in workers:
        told = processes.options(worker.arguments[1:], ALIASES)
        path = told.get("--model")
        if path is None:
            continue
        context, layers = told.get("--ctx-size", ""), told.get("--n-gpu-layers", "")
        loaded.append(
            LoadedModel(
                name=told.get("--alias") or path.replace("\\", "/").rpartition("/")[2],
                size_bytes=Unknown("Jan does not tell"),
                vram_bytes=Unknown("Jan does not tell"),
                context_length=int(context) if context.isdecimal() else None,
                gpu_layers=int(layers) if layers.isdecimal() else None,
                expires_at=None,
            )
        )
    return loaded


def probe(host: Host, around: Surroundings) -> Runtime:
    own = processes.own(around, owns)
    running = own if isinstance(own, list) else []
    flatpak = sandbox.flatpak_folder(host, _FLATPAK) if around.platform == "linux" else None
    data = _data_folder(host, around, flatpak)
    program = _program(host, around, flatpak)
    path = program if isinstance(program, str) else next((one.executable for one in running if _is_app(one)), None)
    if path is None and not isinstance(data, str) and not running:
        return not_installed(next((one for one in (data, program) if isinstance(one, Unknown)), False))

    folder = data if isinstance(data, str) else None
    store = places.json_file(host, places.join(folder, "settings.json")) if folder else None
    server, provider = parse_store(store, _API_STORE), parse_provider(parse_store(store, _PROVIDER_STORE))
    apps = [process for process in running if "llama" not in processes.program_of(process)]
    workers = [process for process in running if process not in apps]
    port = ports.whole_at(server, "serverPort")
    state = ports.port_state(around, [process.pid for process in apps], port or default_port(NAME) or 0, port is not None)
    api = ports.Api(host, state._replace(may_ask=state.may_ask and bool(apps)))
    api.get("/v1/models")
    llamacpp = places.join(folder, "llamacpp") if folder else None
    engines = _engines(host, llamacpp)
    local, partial = models.gguf_models(host, places.join(llamacpp, "models") if llamacpp else None, depth=4)
    return Runtime(
        installed=True,
        path=path or folder,
        other_paths=[],
        version=_version(host, around, path, flatpak),
        packaging=_packaging(around, path),
        backends=sorted(set(map(backends.by_name, engines))) if isinstance(engines, list) else engines,
        running=bool(apps) or (own if isinstance(own, Unknown) else False),
        processes=processes.facts_of(own, around.platform),
        port=state.port,
        listen_address=state.address_if(api.answered),
        port_taken_by=state.taken_by_if(api.answered),
        api_version=None,
        api_error=api.error,
        service_unit=None,
        service_state=None,
        service_user=None,
        settings=_settings(store, server, provider),
        shell_only_settings={REST: None},
        models_path=places.join(llamacpp, "models") if llamacpp else data,
        models_path_accessible=models.readable(host, places.join(llamacpp, "models") if llamacpp else None),
        models=local,
        incomplete_downloads=partial,
        log_paths=places.existing(host, [places.join(folder, "logs/app.log")]) if folder else [],
        loaded_models=of_workers(workers) if apps else None,
        sandbox_gpu_access=sandbox.flatpak_gpu_access(host, flatpak, _FLATPAK) if flatpak else None,
        selected_engine=provider.get("version_backend", _NOT_STORED if server is None else None),
        restarts=None,
    )


def _data_folder(host: Host, around: Surroundings, flatpak: Optional[str]) -> Fact[str]:
    """``JAN_DATA_FOLDER``, else ``data_folder`` of the app's settings, else the default beside them, else the old ``~/jan``."""
    if not isinstance(host.home(), str):
        return Unknown("no home folder")
    chosen = look_up(around.env, "JAN_DATA_FOLDER")
    if isinstance(chosen, str) and chosen:
        return chosen
    roots: list[Optional[str]] = [host.in_home(".local/share/Jan"), host.in_home(".config/Jan")]
    if flatpak:
        roots.insert(0, host.in_home(f".var/app/{_FLATPAK}/data/Jan"))
    if around.platform == "windows":
        roots = [places.windows_folder(host, "APPDATA", "Jan")]
    elif around.platform == "macos":
        roots = [host.in_home("Library/Application Support/Jan")]
    for root in roots:
        body = places.json_file(host, places.join(root, "settings.json")) if root else None
        named = ports.text_at(body, "data_folder")
        if named and host.exists(named) is True:
            return named
    old = host.in_home("jan/engines") or host.in_home("jan/extensions")
    found = places.first_existing(host, [*(places.join(root, "data") if root else None for root in roots), old])
    return places.parent(found) if found is not None and found == old else found


def _is_app(process: Process) -> bool:
    return processes.program_of(process) in _PROGRAMS


def _program(host: Host, around: Surroundings, flatpak: Optional[str]) -> Fact[str]:
    candidates: list[Optional[str]] = ["/usr/bin/Jan", "/usr/bin/jan", "/opt/Jan/jan", flatpak]
    if around.platform == "windows":
        candidates = [
            places.windows_folder(host, "LOCALAPPDATA", "Programs", "jan", "Jan.exe"),
            places.windows_folder(host, "LOCALAPPDATA", "Programs", "Jan", "Jan.exe"),
        ]
    elif around.platform == "macos":
        candidates = ["/Applications/Jan.app/Contents/MacOS/Jan"]
    return places.first_existing(host, candidates)


def _version(host: Host, around: Surroundings, path: Optional[str], flatpak: Optional[str]) -> Fact[str]:
    if path is None:
        return Unknown("the app itself was not found, only its folder")
    if around.platform == "windows":
        return places.windows_uninstall_version(host, "Jan") or Unknown("not among the installed programs")
    if around.platform == "macos":
        return places.app_version(host, path)
    if path == flatpak:
        text = host.text(f"{flatpak}/files/share/metainfo/{_FLATPAK}.metainfo.xml")
        match = re.search(r'<release\s[^>]*version="([^"]{1,40})"', text) if isinstance(text, str) else None
        return match[1] if match else Unknown("its metadata names no release")
    match = re.search(r"[Jj]an_(\d+\.\d+\.\d+)_[^/]*\.AppImage", path)
    if match:
        return match[1]
    return places.package_version(host, ("jan", "jan-bin")) or Unknown("no package names it")


def _packaging(around: Surroundings, path: Optional[str]) -> Fact[str]:
    if path is None:
        return Unknown("the app itself was not found, only its folder")
    kind = places.packaging(path, around.platform)
    return kind or ("app" if around.platform in ("windows", "macos") else "archive")


def _engines(host: Host, llamacpp: Optional[str]) -> Fact[list[str]]:
    """Names of the engines that lie in ``backends/VERSION/NAME``."""
    if llamacpp is None:
        return Unknown("its data folder was not found")
    root = places.join(llamacpp, "backends")
    versions = host.entries(root)
    if not isinstance(versions, list):
        return versions if isinstance(versions, Unknown) else []
    found: list[str] = []
    for version in versions[:20]:
        names = host.entries(places.join(root, version))
        found += names if isinstance(names, list) else []
    return sorted({name for name in found if re.match(r"(?:linux|win|macos|mac)-", name)})


def _settings(store: Any, server: Any, provider: dict[str, str]) -> Table:
    table: Table = {REST: store if isinstance(store, Unknown) else None if server is not None else _NOT_STORED}
    for name in _SHOWN:
        value = ports.at(server, name)
        if isinstance(value, bool):
            table[name] = "true" if value else "false"
        elif isinstance(value, (str, int)):
            table[name] = str(value)
    table.update(provider)
    return table
