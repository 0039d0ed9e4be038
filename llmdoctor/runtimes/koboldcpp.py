"""koboldcpp: one file that is downloaded and started, or koboldcpp.py from its sources.

Sources: koboldcpp.py (options, port 5001, ``/api/extra/version``, ``/api/v1/model``), its README and release names.
"""

from __future__ import annotations

import re
from typing import Any, Optional

from ..catalogs.ports import default_port
from ..facts.fact import REST, Fact, Table, Unknown
from ..facts.machine import LoadedModel, Runtime
from ..host.host import Host, Process
from .common import exit_log, koboldcpp_log, llama_log, places, ports, processes
from .common.answer import not_installed
from .surroundings import Surroundings

NAME = "koboldcpp"
TITLE = "KoboldCpp"

READERS = (*koboldcpp_log.READERS, *llama_log.READERS, *exit_log.READERS)

_BINARIES = (
    "koboldcpp", "koboldcpp-linux-x64", "koboldcpp-linux-x64-cuda1210", "koboldcpp-linux-x64-cuda1150",
    "koboldcpp-linux-x64-nocuda", "koboldcpp-linux-x64-oldpc", "koboldcpp_rocm", "koboldcpp-mac-arm64",
)  # fmt: skip
_WINDOWS_BINARIES = (
    "koboldcpp.exe", "koboldcpp_cu12.exe", "koboldcpp-nocuda.exe", "koboldcpp_nocuda.exe", "koboldcpp_oldcpu.exe",
    "koboldcpp-oldpc.exe", "koboldcpp_rocm.exe",
)  # fmt: skip
"""Names of the release's files, old and new."""
_FOLDERS = ("koboldcpp", "Downloads", "Desktop", "Applications", "bin", ".local/bin", "")
_LIBRARY = re.compile(r"koboldcpp_(cublas|hipblas|vulkan|clblast|default)(?:_\w+)?\.(?:so|dll)$")
_BACKEND = {"cublas": "cuda", "hipblas": "rocm", "vulkan": "vulkan", "clblast": "opencl", "default": "cpu"}


def owns(process: Process) -> bool:
    if processes.program_of(process).startswith("koboldcpp"):
        return True
    return any(processes.base(word) == "koboldcpp.py" for word in process.arguments[1:3])


def parse_version(body: Any) -> Optional[str]:
    """``version`` of ``GET /api/extra/version``, if the program names itself KoboldCpp there."""
    return ports.text_at(body, "version") if ports.text_at(body, "result") == "KoboldCpp" else None


def parse_model(body: Any) -> Fact[list[str]]:
    """The loaded model's name in ``GET /api/v1/model``; ``inactive`` stands for none."""
    name = ports.text_at(body, "result")
    if name is None:
        return Unknown("/api/v1/model gave no name")
    return [] if name in ("inactive", "koboldcpp/") else [name.removeprefix("koboldcpp/")]


def positional(arguments: list[str]) -> tuple[Optional[str], Optional[int]]:
    """Model and port where they are given without an option: ``koboldcpp MODEL PORT``."""
    words: list[str] = []
    for word in arguments:
        if word.startswith("--"):
            break
        words.append(word)
    port = int(words[1]) if len(words) > 1 and words[1].isdecimal() else None
    return (words[0] if words else None), port


def probe(host: Host, around: Surroundings) -> Runtime:
    own = processes.own(around, owns)
    running = own if isinstance(own, list) else []
    found = _program(host, around)
    path = found if isinstance(found, str) else next((_started(one) for one in running), None)
    if path is None and not running:
        # It may lie in any folder: without the processes nobody can tell.
        return not_installed(next((one for one in (found, own) if isinstance(one, Unknown)), False))

    settings, wanted = _settings(running)
    state = ports.port_state(around, [process.pid for process in running], wanted)
    api = ports.Api(host, state._replace(may_ask=state.may_ask and bool(running)))
    version = parse_version(api.get("/api/extra/version"))
    source = path is not None and path.endswith(".py")
    return Runtime(
        installed=True,
        path=path,
        other_paths=[],
        version=version or _version(host, path),
        packaging="docker" if processes.in_container(running) else "source" if source else "archive",
        backends=_backends(host, path),
        running=bool(running) or (own if isinstance(own, Unknown) else False),
        processes=processes.facts_of(own, around.platform),
        port=state.port,
        listen_address=state.address_if(api.answered),
        port_taken_by=state.taken_by_if(api.answered),
        api_version=version,
        api_error=api.error,
        service_unit=None,
        service_state=None,
        service_user=None,
        settings=settings,
        shell_only_settings={REST: None},
        models_path=None,
        models_path_accessible=None,
        models=[],
        incomplete_downloads=[],
        log_paths=[],
        loaded_models=_loaded(api, settings, running),
        sandbox_gpu_access=None,
        selected_engine=None,
        restarts=None,
    )


def _started(process: Process) -> Optional[str]:
    script = next((word for word in process.arguments[1:3] if processes.base(word) == "koboldcpp.py"), None)
    return script or process.executable


def _program(host: Host, around: Surroundings) -> Fact[str]:
    windows = around.platform == "windows"
    names = _WINDOWS_BINARIES if windows else _BINARIES
    for name in names[:1]:
        on_path = host.which(name)
        if isinstance(on_path, list) and on_path:
            return on_path[0]
    home = host.home()
    if not isinstance(home, str):
        return Unknown("no home folder")
    for folder in _FOLDERS:
        root = places.join(home, folder) if folder else home
        if folder and host.exists(root) is not True:
            continue
        for name in (*names, "koboldcpp.py") if folder == "koboldcpp" else names:
            path = places.join(root, name)
            stat = host.stat(path)
            if stat is not None and not isinstance(stat, Unknown) and stat.kind == "file":
                return path
    return None


def _version(host: Host, path: Optional[str]) -> Fact[str]:
    """Of the sources, where it is a line of the script; a binary tells it only when it runs."""
    if path is not None and path.endswith(".py"):
        text = host.text(path)
        match = re.search(r'^KcppVersion = "([^"]{1,20})"', text, re.M) if isinstance(text, str) else None
        return match[1] if match else Unknown("the script names no version")
    return Unknown("not asked: it tells its version only when it starts")


def _backends(host: Host, path: Optional[str]) -> Fact[list[str]]:
    """Of a folder of sources; the single file has its libraries inside, and its name tells only what is left out."""
    if path is None:
        return Unknown("the program was not found")
    if path.endswith(".py"):
        names = host.entries(places.parent(path) if places.parent(path) != path else ".")
        if isinstance(names, list):
            return sorted({_BACKEND[match[1]] for match in map(_LIBRARY.match, names) if match})
        return names
    name = processes.base(path)
    if "nocuda" in name:
        return ["cpu", "vulkan"]
    if "mac" in name:
        return ["cpu", "metal"]
    return ["cpu", "rocm", "vulkan"] if "rocm" in name else ["cpu", "cuda", "vulkan"]


def _settings(running: list[Process]) -> tuple[Table, int]:
    table: Table = {REST: None}
    wanted = default_port(NAME) or 0
    if not running:
        return table, wanted
    arguments = running[0].arguments[1:]
    if arguments and processes.base(arguments[0]) == "koboldcpp.py":
        arguments = arguments[1:]
    model, port = positional(arguments)
    table.update(processes.environment_of(running[:1]) or {})
    told = processes.options(arguments)
    table.update(told)
    if model and "--model" not in told:
        table["--model"] = model
    named = told.get("--port", "")
    return table, int(named) if named.isdecimal() else port or wanted


def _loaded(api: ports.Api, settings: Table, running: list[Process]) -> Fact[list[LoadedModel]]:
    if not running:
        return None
    if not api.answered:
        return Unknown(f"its API did not answer: {api.error or 'it does not listen'}")
    names = parse_model(api.get("/api/v1/model"))
    if not isinstance(names, list):
        return names
    context = ports.whole_at(api.get("/api/extra/true_max_context_length"), "value") if names else None
    layers = settings.get("--gpulayers")
    unknown = Unknown("koboldcpp does not tell")
    return [
        LoadedModel(
            name=name,
            size_bytes=unknown,
            vram_bytes=unknown,
            context_length=context,
            gpu_layers=int(layers) if isinstance(layers, str) and layers.isdecimal() else unknown,
            expires_at=None,
        )
        for name in names
    ]
