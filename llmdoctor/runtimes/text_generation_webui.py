"""text-generation-webui (oobabooga's), from git, its one-click installer or as a portable archive.

Sources: its README, modules/shared.py (options), modules/paths.py (where user_data lies), one_click.py
(``installer_files/env``), modules/api/script.py, server.py.
"""

from __future__ import annotations

import re
from typing import Any, Optional

from ..catalogs.ports import DEFAULT_PORTS, default_port
from ..facts.fact import REST, Fact, Table, Unknown, look_up
from ..facts.machine import LoadedModel, PythonEnv, Runtime
from ..host.host import Host, Process
from .common import backends, exit_log, llama_log, models, places, ports, processes, text_generation_webui_log, torch_log
from .common.answer import not_installed
from .surroundings import Surroundings

NAME = "text-generation-webui"
TITLE = "text-generation-webui"

READERS = (*text_generation_webui_log.READERS, *llama_log.READERS, *torch_log.READERS, *exit_log.READERS)

_SIGN = re.compile(r"text-generation-webui|textgen|oobabooga", re.I)
_SCRIPTS = frozenset(("server.py", "one_click.py"))
_FOLDERS = ("text-generation-webui", "textgen", "oobabooga", "text-generation-webui-main", "oobabooga/text-generation-webui")
_PARENTS = ("", "git", "src", "ai", "AI", "llm", "Documents", "Downloads", "Desktop", "projects", "Projects", "repos")
_WINDOWS_ROOTS = ("C:\\", "D:\\")
_ENGINE_PACKAGES = ("llama-cpp-binaries", "ik-llama-cpp-binaries", "exllamav3", "exllamav2", "llama-cpp-python")

ALIASES = {
    "--n_ctx": "--ctx-size", "--max_seq_len": "--ctx-size", "--n-gpu-layers": "--gpu-layers", "--cache_type": "--cache-type",
    "--enable_tp": "--enable-tp", "--model_dir": "--model-dir",
}  # fmt: skip


def owns(process: Process) -> bool:
    """Its script, or the llama-server that it ships and starts."""
    where = "\n".join([process.executable or "", *process.arguments[:5]])
    if processes.program_of(process).startswith("llama-server"):
        return "llama_cpp_binaries" in where or bool(_SIGN.search(where))
    scripts = (processes.base(word) for word in process.arguments[1:5])
    return bool(_SIGN.search(where)) and not _SCRIPTS.isdisjoint(scripts)


def parse_flags(text: str) -> list[str]:
    """The words of CMD_FLAGS.txt without its comments.

    >>> parse_flags("# comment\\n--listen --api\\n--ctx-size 8192  # more")
    ['--listen', '--api', '--ctx-size', '8192']
    """
    return " ".join(re.sub(r"(?:^|\s)#.*", "", line) for line in text.splitlines()).split()


def parse_model_info(body: Any) -> Fact[list[str]]:
    """``model_name`` of ``GET /v1/internal/model/info``; ``None`` as a word stands for no model."""
    name = ports.text_at(body, "model_name")
    if name is None:
        return Unknown("/v1/internal/model/info gave no name")
    return [] if name == "None" else [name]


def probe(host: Host, around: Surroundings) -> Runtime:
    own = processes.own(around, owns)
    running = own if isinstance(own, list) else []
    servers = [one for one in running if not processes.program_of(one).startswith("llama-server")]
    folders = _folders(host, around, servers)
    if not folders and not running:
        return not_installed(
            own if isinstance(own, Unknown) else False if isinstance(host.home(), str) else Unknown("no home folder")
        )

    root = folders[0] if folders else None
    env = _environment(around, root)
    data = _user_data(host, root)
    settings = _settings(host, data, servers)
    wanted = _wanted_port(settings)
    state = ports.port_state(around, [one.pid for one in servers], wanted)
    asked = state._replace(may_ask=state.may_ask and bool(servers) and "--api" in settings)
    api = ports.Api(host, asked)
    named = look_up(settings, "--model-dir")
    old = places.join(root, "models") if root else None
    folder = named if isinstance(named, str) else places.join(data, "models") if data else old
    local, partial = models.gguf_models(host, folder, depth=2)
    return Runtime(
        installed=True,
        path=root,
        other_paths=folders[1:],
        version=_version(host, root),
        packaging=_packaging(host, root, servers),
        backends=_backends(env),
        running=bool(servers) or (own if isinstance(own, Unknown) else False),
        processes=processes.facts_of(own, around.platform),
        port=state.port,
        listen_address=state.address_if(api.answered),
        port_taken_by=state.taken_by_if(api.answered),
        api_version=None,
        api_error=api.error,
        service_unit=None,
        service_state=None,
        service_user=None,
        settings=settings,
        shell_only_settings={REST: None},
        models_path=folder,
        models_path_accessible=models.readable(host, folder),
        models=local,
        incomplete_downloads=partial,
        log_paths=places.existing(host, [places.join(data, "logs/server.log")]) if data else [],
        loaded_models=_loaded(api, asked.may_ask, servers, settings),
        sandbox_gpu_access=None,
        selected_engine=_text(settings.get("--loader")),
        restarts=None,
    )


def _text(value: Fact[str]) -> Optional[str]:
    return value if isinstance(value, str) else None


def _folders(host: Host, around: Surroundings, servers: list[Process]) -> list[str]:
    """Its folder as it runs, then those in usual places that hold ``server.py`` and ``modules``."""
    candidates: list[str] = []
    for process in servers:
        for word in process.arguments[:5]:
            match = re.match(r"(.*?(?:text-generation-webui|textgen|oobabooga)[^/\\]*)[/\\]", word, re.I)
            if match:
                candidates.append(match[1])
    home = host.home()
    if isinstance(home, str):
        for above in _PARENTS:
            root = places.join(home, above) if above else home
            if above and host.exists(root) is not True:
                continue
            candidates += [places.join(root, name) for name in _FOLDERS]
    candidates += ["/opt/text-generation-webui", "/app/text-generation-webui"] if around.platform == "linux" else []
    if around.platform == "windows":
        candidates += [root + name for root in _WINDOWS_ROOTS for name in _FOLDERS]
    found: list[str] = []
    for folder in candidates:
        for place in (folder, places.join(folder, "app")) if host.exists(folder) is True else ():
            if place not in found and host.exists(places.join(place, "server.py")) is True:
                found.append(place)
    return found


def _user_data(host: Host, root: Optional[str]) -> Optional[str]:
    """``user_data`` in its folder or, of a portable build, beside it; None for versions that had none."""
    if root is None:
        return None
    places_of_it = [places.join(root, "user_data"), places.join(places.parent(root), "user_data")]
    found = places.first_existing(host, places_of_it)
    return found if isinstance(found, str) else None


def _settings(host: Host, data: Optional[str], servers: list[Process]) -> Table:
    """CMD_FLAGS.txt, and over it the command line and variables of the running server."""
    table: Table = {REST: None}
    text = host.text(places.join(data, "CMD_FLAGS.txt")) if data else None
    if isinstance(text, str):
        table.update(processes.options(parse_flags(text), ALIASES))
    elif isinstance(text, Unknown):
        table[REST] = text
    if servers:
        table.update(processes.environment_of(servers[:1]) or {})
        words = servers[0].arguments
        start = next((n + 1 for n, word in enumerate(words[:6]) if processes.base(word) in _SCRIPTS), 1)
        table.update(processes.options(words[start:], ALIASES))
    return table


def _wanted_port(settings: Table) -> int:
    """The API's port where the API is on, else the page's."""
    option, fallback = "--listen-port", DEFAULT_PORTS[NAME][0]
    if "--api" in settings:
        option, fallback = "--api-port", default_port(NAME) or 0
    value = settings.get(option)
    return int(value) if isinstance(value, str) and value.isdecimal() else fallback


def _loaded(api: ports.Api, asked: bool, servers: list[Process], settings: Table) -> Fact[list[LoadedModel]]:
    if not servers:
        return None
    if not asked:
        return Unknown("its API is off (--api)" if "--api" not in settings else "its API does not listen yet")
    body = api.get("/v1/internal/model/info")
    if body is None:
        return Unknown(f"its API did not answer: {api.error}")
    names = parse_model_info(body)
    if not isinstance(names, list):
        return names
    unknown = Unknown("text-generation-webui's API does not tell")
    return [
        LoadedModel(
            name=name, size_bytes=unknown, vram_bytes=unknown, context_length=unknown, gpu_layers=unknown, expires_at=None
        )
        for name in names
    ]


def _version(host: Host, root: Optional[str]) -> Fact[str]:
    """The portable archive's folder name or the checked-out commit: the sources name no version."""
    if root is None:
        return Unknown("its folder was not found")
    match = re.search(r"(?:webui|portable|textgen)-v?(\d[\w.]*)", root)
    if match:
        return match[1]
    head = host.line(places.join(root, ".git/HEAD"))
    if isinstance(head, str):
        commit = host.line(places.join(root, ".git", head[5:])) if head.startswith("ref: ") else head
        if isinstance(commit, str) and re.fullmatch(r"[0-9a-f]{40}", commit):
            return f"commit {commit[:10]}"
    return Unknown("the sources name no version")


def _packaging(host: Host, root: Optional[str], servers: list[Process]) -> Fact[str]:
    if processes.in_container(servers):
        return "docker"
    if root is None:
        return Unknown("its folder was not found")
    if host.exists(places.join(root, "installer_files")) is True:
        return "script"
    portable = host.exists(places.join(root, "portable_env")) is True
    return "source" if not portable and host.exists(places.join(root, ".git")) is True else "archive"


def _environment(around: Surroundings, root: Optional[str]) -> Optional[PythonEnv]:
    """The Python environment inside its folder, else one that is known to belong to it."""
    environments = around.python_envs if isinstance(around.python_envs, list) else []
    inside = [env for env in environments if root and isinstance(env.path, str) and env.path.startswith(root)]
    return next(iter(inside), next((env for env in environments if env.owner == NAME), None))


def _backends(env: Optional[PythonEnv]) -> Fact[list[str]]:
    """By the build of its engines (``llama-cpp-binaries 0.124.0+cu124``), else by torch's."""
    if env is None:
        return Unknown("its Python environment was not found")
    found: set[str] = set()
    for name in _ENGINE_PACKAGES:
        version = env.packages.get(name)
        local = version.partition("+")[2] if isinstance(version, str) else ""
        cuda = re.match(r"cu(\d\d)", local)
        if cuda:
            found.add(f"cuda_v{cuda[1]}")
        elif isinstance(version, str) and local:
            found.add(backends.by_name(local))
    if isinstance(env.torch_cuda, str):
        found.add(f"cuda_v{env.torch_cuda.partition('.')[0]}")
    elif isinstance(env.torch_hip, str):
        found.add("rocm")
    elif env.torch_is_cpu_build is True:
        found.add("cpu")
    return sorted(found) or Unknown("none of its packages names a backend")
