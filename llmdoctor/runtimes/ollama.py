"""Ollama.

Sources: its install.sh, docs/linux, docs/windows, docs/faq and docs/troubleshooting, envconfig/config.go
(variables and defaults), ml/path.go (where libraries lie), manifest/paths.go (how models lie on disk).
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple, Optional

import msgspec

from ..catalogs.ports import default_port
from ..facts.fact import REST, Fact, Table, Unknown, look_up
from ..facts.machine import LoadedModel, LocalModel, Runtime
from ..host.host import Host, Process
from .common import backends, exit_log, llama_log, models, ollama_log, places, ports, processes, sandbox, units
from .common.answer import not_installed
from .surroundings import Surroundings

NAME = "ollama"
TITLE = "Ollama"

READERS = (*ollama_log.READERS, *llama_log.READERS, *exit_log.READERS)

_PROGRAMS = frozenset(("ollama", "ollama app", "ollama-app", "ollama_llama_server"))
_VERSION_COMMAND_S = 1.0
_VERSION_LINE = re.compile(r"(client version|ollama version) is v?(\d[\w.+-]*)")
_MODEL_LAYER = "application/vnd.ollama.image.model"
_LOCAL = re.compile(r"(?:https?://)?(?:localhost|127\.0\.0\.1|0\.0\.0\.0|\[?::1?\]?|:\d+)?(?::\d+)?/?$")
_SERVICE_HOMES = ("/usr/share/ollama", "/var/lib/ollama")
"""Home of the user ``ollama``: by install.sh, by distributions' packages."""


class Address(NamedTuple):
    host: str
    port: int


def owns(process: Process) -> bool:
    return processes.program_of(process) in _PROGRAMS or "/lib/ollama/" in processes.paths_of(process)


def _serves(process: Process) -> bool:
    return processes.program_of(process) == "ollama" and process.arguments[1:2] == ["serve"]


def parse_host(value: str) -> Address:
    """``OLLAMA_HOST`` as the server reads it.

    >>> parse_host("0.0.0.0"), parse_host("http://[::1]:8000/x"), parse_host(":9999")
    (Address(host='0.0.0.0', port=11434), Address(host='::1', port=8000), Address(host='127.0.0.1', port=9999))
    """
    scheme, sign, rest = value.strip().strip("\"'").partition("://")
    fallback = {"http": 80, "https": 443}.get(scheme, 11434) if sign else 11434
    rest = (rest if sign else scheme).partition("/")[0]
    match = re.fullmatch(r"(\[[^\]]*\]|[^:]*)(?::(\d+))?", rest)
    if match is None:  # a bare IPv6 address
        return Address(rest, fallback)
    port = int(match[2]) if match[2] and int(match[2]) < 65536 else fallback
    return Address(match[1].strip("[]") or "127.0.0.1", port)


def parse_version(text: str) -> Optional[str]:
    """The program's own version in what ``ollama --version`` prints; it names the server's first where one runs.

    >>> parse_version("ollama version is 0.5.7\\nWarning: client version is 0.5.4")
    '0.5.4'
    """
    found = dict(_VERSION_LINE.findall(text))
    return found.get("client version") or found.get("ollama version")


def parse_loaded(body: Any) -> Fact[list[LoadedModel]]:
    """The reply of ``GET /api/ps``."""
    if not isinstance(body, dict) or not isinstance(body.get("models"), (list, type(None))):
        return Unknown("/api/ps gave no list of models")
    return [
        LoadedModel(
            name=ports.text_at(model, "name"),
            size_bytes=ports.whole_at(model, "size"),
            vram_bytes=ports.whole_at(model, "size_vram"),
            context_length=ports.whole_at(model, "context_length"),
            gpu_layers=None,
            expires_at=ports.text_at(model, "expires_at"),
        )
        for model in ports.items_at(body, "models")
    ]


def parse_manifest(text: str) -> tuple[int, Optional[str]]:
    """Of a model's manifest: the bytes of all layers, and the digest of the one that holds the weights."""
    try:
        body = msgspec.json.decode(text)
    except msgspec.DecodeError:
        return 0, None
    layers = [layer for layer in ports.items_at(body, "layers") if isinstance(layer, dict)]
    digest = next((ports.text_at(one, "digest") for one in layers if one.get("mediaType") == _MODEL_LAYER), None)
    return sum(ports.whole_at(layer, "size") or 0 for layer in layers), digest


def model_name(parts: tuple[str, ...]) -> str:
    """Of registry, namespace, model and tag, as ``ollama list`` writes it: defaults are left out."""
    registry, namespace, model, tag = parts
    short = registry == "registry.ollama.ai"
    before = "" if short and namespace == "library" else f"{namespace}/" if short else f"{registry}/{namespace}/"
    return f"{before}{model}:{tag}"


def probe(host: Host, around: Surroundings) -> Runtime:
    found = _programs(host, around)
    own = processes.own(around, owns)
    running = own if isinstance(own, list) else []
    servers = [process for process in running if _serves(process)]
    path = found[0] if isinstance(found, list) and found else next((one.executable for one in servers), None)
    if path is None and not servers and not _answers_on_default_port(host, around):
        return not_installed(found if isinstance(found, Unknown) else False)

    unit = units.find(host, around, ("ollama.service", "snap.ollama.listener.service", "snap.ollama.ollama.service"))
    settings = _settings(around, servers, unit, own)
    wanted = look_up(settings, "OLLAMA_HOST")
    address = parse_host(wanted) if isinstance(wanted, str) else Address("127.0.0.1", default_port(NAME) or 0)
    state = ports.port_state(around, [process.pid for process in servers], address.port)
    api = ports.Api(host, state)
    reply = api.get("/api/version")
    api_version = ports.text_at(reply, "version")
    foreign = state.may_ask and not state.is_own and api_version is None and not isinstance(api.error, Unknown)
    up = bool(servers) or api_version is not None
    real = places.real(host, path) if path else ""
    packaging = _packaging(host, around, real, servers, unit)
    folder, accessible = _models_folder(host, around, settings, servers, unit, packaging)
    local, partial = _local_models(host, folder)
    return Runtime(
        installed=True,
        path=path,
        other_paths=found[1:] if isinstance(found, list) else found,
        version=_version(host, around, path, real, packaging, servers, api_version),
        packaging=packaging,
        backends=_backends(host, around, real) if real else Unknown("the program was not found"),
        running=up or (own if isinstance(own, Unknown) else False),
        processes=processes.facts_of(own, around.platform),
        port=state.port,
        listen_address=state.address_if(api_version is not None),
        port_taken_by=state.taken_by_if(api_version is not None),
        api_version=api_version,
        api_error=_api_error(api, foreign),
        service_unit=unit.name if unit else None,
        service_state=unit.state if unit else None,
        service_user=(unit.user or "root") if unit else None,
        settings=settings,
        shell_only_settings=processes.shell_only(around.env, settings) if (servers or unit) else {REST: None},
        models_path=folder,
        models_path_accessible=accessible,
        models=local,
        incomplete_downloads=partial,
        log_paths=_logs(host, around),
        loaded_models=_loaded(api, api_version, up),
        sandbox_gpu_access=sandbox.snap_gpu_access(host, NAME) if packaging == "snap" else None,
        selected_engine=None,
        restarts=unit.restarts if unit else None,
    )


def _answers_on_default_port(host: Host, around: Surroundings) -> bool:
    """Nothing of it is seen here, but its port is listened on by somebody unseen: it may run in a container."""
    state = ports.port_state(around, (), default_port(NAME) or 0)
    return state.may_ask and ports.text_at(ports.Api(host, state).get("/api/version"), "version") is not None


def _api_error(api: ports.Api, foreign: bool) -> Fact[str]:
    return api.error or ("the listener does not answer as Ollama does" if foreign else None)


def _loaded(api: ports.Api, api_version: Optional[str], up: bool) -> Fact[list[LoadedModel]]:
    if not up:
        return None
    if api_version is None:
        return Unknown(f"its API did not answer: {api.error or 'it does not listen'}")
    body = api.get("/api/ps")
    return parse_loaded(body) if body is not None else Unknown(f"its API did not answer: {api.error}")


def _programs(host: Host, around: Surroundings) -> Fact[list[str]]:
    extra: tuple[Optional[str], ...] = ("/snap/bin/ollama", host.in_home(".local/bin/ollama"))
    if around.platform == "windows":
        extra = (places.windows_folder(host, "LOCALAPPDATA", "Programs", "Ollama", "ollama.exe"),)
    elif around.platform == "macos":
        extra = ("/Applications/Ollama.app/Contents/Resources/ollama",)
    return places.programs(host, around, ("ollama",), extra)


def _settings(around: Surroundings, servers: list[Process], unit: Optional[units.Unit], own: Fact[list[Process]]) -> Table:
    """Of the running server, else of its unit, else what a server started from this shell would get."""
    running = processes.environment_of(servers)
    if running is not None and not isinstance(running.get(REST), Unknown):
        return running
    if unit is not None:
        return processes.select(unit.environment)
    if running is not None:
        return running
    if isinstance(own, Unknown):
        return {REST: own}
    return processes.select(around.env)


def _packaging(host: Host, around: Surroundings, real: str, servers: list[Process], unit: Optional[units.Unit]) -> Fact[str]:
    if not real or processes.in_container(servers):
        return "docker"
    kind = places.packaging(real, around.platform)
    if kind == "package":
        return "package" if isinstance(places.package_version(host, ("ollama",)), str) else "archive"
    if kind is None and around.platform == "linux" and real == "/usr/local/bin/ollama":
        # install.sh is what writes a unit there; the archive alone comes without one.
        return "script" if unit is not None else "archive"
    return kind or "archive"


def _version(
    host: Host,
    around: Surroundings,
    path: Optional[str],
    real: str,
    packaging: Fact[str],
    servers: list[Process],
    api_version: Optional[str],
) -> Fact[str]:
    if path is None:
        return Unknown("the program was not found")
    named = places.version_in_path(real) or places.app_version(host, real)
    if packaging == "package":
        named = places.package_version(host, ("ollama",))
    elif packaging == "snap":
        text = host.text("/snap/ollama/current/meta/snap.yaml")
        named = sandbox.snap_version(text) if isinstance(text, str) else text
    elif around.platform == "windows":
        named = places.windows_uninstall_version(host, "Ollama version")
    if isinstance(named, str):
        return named
    if api_version and any(process.executable == real and not process.executable_deleted for process in servers):
        return api_version
    remote = look_up(around.env, "OLLAMA_HOST")
    if isinstance(remote, str) and not _LOCAL.match(remote):
        return Unknown("not asked, since OLLAMA_HOST points to another machine")
    done = host.run(path, "--version", deadline_s=_VERSION_COMMAND_S)
    if done is None or isinstance(done, Unknown):
        return done or Unknown("the program could not be started")
    return parse_version(done.stdout + "\n" + done.stderr) or Unknown("ollama --version printed no version")


def _library_folder(host: Host, around: Surroundings, real: str) -> Fact[str]:
    folder = places.parent(real)
    candidates = [places.join(places.parent(folder), "lib/ollama"), places.join(folder, "lib/ollama")]
    if around.platform != "linux":
        candidates = [places.join(folder, "lib/ollama"), places.join(places.parent(folder), "lib/ollama")]
    return places.first_existing(host, candidates)


def _backends(host: Host, around: Surroundings, real: str) -> Fact[list[str]]:
    """Folders of ``lib/ollama`` that hold a ggml library, and the libraries that lie in it directly."""
    folder = _library_folder(host, around, real)
    if isinstance(folder, Unknown):
        return folder
    if folder is None:
        # The macOS app keeps them beside the program, with Metal built in.
        return ["cpu", "metal"] if around.platform == "macos" else []
    names = host.entries(folder)
    if not isinstance(names, list):
        return names
    found = set(backends.by_libraries(names))
    for name in names:
        if re.match(r"(?:cuda_v\d+|rocm|vulkan|runners|cuda_jetpack)", name):
            inner = host.entries(places.join(folder, name))
            if not isinstance(inner, list):
                continue
            if name == "runners":  # up to 0.5: one folder a runner
                found |= {backends.by_name(one) for one in inner}
            elif any(re.match(r"(?:lib)?ggml-", one) for one in inner):
                found.add("rocm" if name.startswith("rocm") else name)
    return sorted(found)


def _models_folder(
    host: Host,
    around: Surroundings,
    settings: Table,
    servers: list[Process],
    unit: Optional[units.Unit],
    packaging: Fact[str],
) -> tuple[Fact[str], Fact[bool]]:
    """Where the server keeps its models, and whether the user that it runs as may read there."""
    uid = host.system("uid") if around.platform != "windows" else None
    server_uid = servers[0].uid if servers else None
    is_mine = server_uid == uid if servers else unit is None or unit.of_user
    user = (unit.user if unit and isinstance(unit.user, str) else "root") if unit else f"user {server_uid}"
    folder: Fact[str] = look_up(settings, "OLLAMA_MODELS")
    if not isinstance(folder, str) or not folder:
        if is_mine or around.platform != "linux":
            folder = host.in_home(".ollama/models") or Unknown("no home folder")
        elif packaging == "snap":
            folder = "/var/snap/ollama/common/models"
        elif packaging == "docker":
            return Unknown("in the container"), Unknown("in the container")
        elif user == "ollama" or unit is None:
            homes = [places.join(home, ".ollama/models") for home in _SERVICE_HOMES]
            folder = places.first_existing(host, [*homes, "/var/lib/ollama/models"]) or homes[0]
        else:
            folder = "/root/.ollama/models" if user == "root" else f"/home/{user}/.ollama/models"
    if isinstance(folder, Unknown) or is_mine or around.platform != "linux":
        return folder, models.readable(host, folder) if isinstance(folder, str) else folder
    return folder, models.accessible_to(host, folder, _service_uid(host, server_uid, user), user)


def _service_uid(host: Host, running: Optional[int], user: str) -> Optional[int]:
    if running is not None:
        return running
    if user == "root":
        return 0
    home = host.stat(_SERVICE_HOMES[0]) if user == "ollama" else None
    return home.uid if home is not None and not isinstance(home, Unknown) else None


def _local_models(host: Host, folder: Fact[str]) -> tuple[Fact[list[LocalModel]], Fact[list[str]]]:
    if not isinstance(folder, str):
        return folder, folder
    paths = models.walk(host, places.join(folder, "manifests"), 3, lambda name: False)
    if isinstance(paths, Unknown):
        return paths, paths
    found = [] if paths is None else _manifests(host, folder)
    blobs = host.entries(places.join(folder, "blobs"))
    partial = [name for name in blobs if name.endswith("-partial")] if isinstance(blobs, list) else blobs
    return found, [] if partial is None else partial


def _manifests(host: Host, folder: str) -> list[LocalModel]:
    """Four levels of folders: registry, namespace, model, tag."""
    found: list[LocalModel] = []

    def enter(path: str, parts: tuple[str, ...]) -> None:
        names = host.entries(path)
        for name in names if isinstance(names, list) else ():
            if len(found) >= models.MAX_MODELS:
                return
            if len(parts) < 3:
                enter(places.join(path, name), (*parts, name))
                continue
            text = host.text(places.join(path, name))
            size, digest = parse_manifest(text) if isinstance(text, str) else (0, None)
            blob = places.join(folder, "blobs", digest.replace(":", "-")) if digest else None
            found.append(LocalModel(name=model_name((*parts, name)), path=blob, size_bytes=size or None))

    enter(places.join(folder, "manifests"), ())
    return found


def _logs(host: Host, around: Surroundings) -> list[str]:
    """Files alone; under systemd the log is in the journal."""
    if around.platform == "windows":
        names = ("server.log", "app.log", "upgrade.log")
        return places.existing(host, [places.windows_folder(host, "LOCALAPPDATA", "Ollama", name) for name in names])
    return places.existing(host, [host.in_home(".ollama/logs/server.log"), "/opt/homebrew/var/log/ollama.log"])
