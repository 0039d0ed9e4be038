"""What Ollama's server and its own engine print, from 0.1.20 to 0.33.

Formats: ollama/ollama, server/routes.go, server/sched.go, llm/server.go, llm/memory.go (0.1.33 to 0.12: ``offload to``),
ml/device.go (0.11.5 to 0.24: ``model weights`` by device), llm/llama_server.go (since 0.30), discover/types.go. Values
that hold a blank stand in quotation marks, which a program that wraps the log escapes once more.
"""

from __future__ import annotations

import re
from typing import Callable, Mapping

from ...logs.reader import Builder, Reader
from .log_tools import (
    MIB,
    at_next_load,
    backend_of,
    device,
    failed,
    gpu_ids,
    gpus,
    guarded,
    is_runtime,
    named,
    opened,
    path,
    ready,
    runtime,
    size_of,
    unknown,
)

Groups = Mapping[str, str]

Q = r"\\*\"?"
"""A quotation mark that may be missing or escaped."""
NEAR_START_LINES = 60
"""A runner's own first lines may come between the server's."""


def _value(key: str) -> str:
    """A pattern for ``key=value`` whose value may be quoted."""
    return rf"{key}=(?:\\*\"(?P<{key}>[^\"\\]*)\\*\"|(?P<{key}_>[^\"\\\s]+))"


def _get(groups: Groups, key: str) -> str:
    return groups.get(key) or groups.get(f"{key}_") or ""


# --- the server --------------------------------------------------------------------------------------------------------


def _boot(b: Builder, groups: Groups, line: int) -> None:
    runtime(b, "ollama", line)
    env = dict(re.findall(r"(OLLAMA_\w+):(\S*?)(?=[\s\]]|$)", groups.get("env", "")))
    models = env.get("OLLAMA_MODELS", "").replace("\\\\", "\\")
    path(b, models, line)
    parallel = env.get("OLLAMA_NUM_PARALLEL", "")
    if parallel.isdigit() and int(parallel) > 0:
        b.note["parallel"] = int(parallel)


def _listening(b: Builder, groups: Groups, line: int) -> None:
    runtime(b, "ollama", line)
    if groups["version"] not in ("0.0.0", ""):
        b.set("version", groups["version"], line)


def _app(b: Builder, groups: Groups, line: int) -> None:
    runtime(b, "ollama", line)
    b.set("version", groups["version"], line)
    system = groups.get("system", "").lower()
    if system in ("windows", "darwin", "linux"):
        b.set("os", "macos" if system == "darwin" else system, line)


def _compute(b: Builder, groups: Groups, line: int) -> None:
    runtime(b, "ollama", line)
    library, name = _get(groups, "library"), _get(groups, "name")
    if library.lower() == "cpu":
        b.set("gpus_found", 0, line)
        total, free = size_of(_get(groups, "total")), size_of(_get(groups, "available"))
        if total:
            b.set("ram_total_bytes", total, line)
        if free:
            b.set("ram_free_bytes", free, line)
        return
    count = b.note.get("gpus", 0)
    b.note["gpus"] = count + 1
    b.set("gpus_found", count + 1, line, again=True)
    same = sum(1 for one in gpus(b) if one.backend == backend_of(named(library, 0)))
    # Since 0.12.4 ``name`` is the engine's (CUDA0), before that the card's.
    engine_name = backend_of(name) is not None and re.fullmatch(r"[A-Za-z]+\d*", name) is not None
    found = device(b, name if engine_name else named(library, same))
    gpu_ids(b)[_get(groups, "id")] = found.name
    card = _get(groups, "description") or ("" if engine_name else name)
    if card:
        found.description = card
    capability = _get(groups, "compute")
    if capability:
        found.compute_capability = capability
    _memory(found, _get(groups, "total"), _get(groups, "available"))
    if library.lower() == "metal":
        b.set("os", "macos", line)


def _memory(found: object, total: str, free: str) -> None:
    for field, text in (("total_bytes", total), ("free_bytes", free)):
        size = size_of(text)
        if size is not None:
            setattr(found, field, size)


# --- before a load -----------------------------------------------------------------------------------------------------


def _starting(b: Builder, groups: Groups, line: int) -> None:
    runtime(b, "ollama", line)
    b.note["started"] = line
    command = groups["command"].replace('\\"', '"').replace("\\\\", "\\")
    b.set("command_line", command, line, again=True)
    path(b, command.strip('"'), line)
    model = re.search(r"--model (\S+)", command)
    if model:
        b.set("model", model.group(1), line, again=True)
    if "--ollama-engine" in command:
        b.set("engine", "ollama", line, again=True)
    for option, field in (
        ("ctx-size|-c", "n_ctx"), ("parallel|-np", "n_parallel"), ("batch-size", "n_batch"), ("ubatch-size", "n_ubatch"),
        ("n-gpu-layers|-ngl", "gpu_layers_requested"), ("threads|-t", "n_threads"),
    ):  # fmt: skip
        names = "|".join(one if one.startswith("-") else f"--{one}" for one in option.split("|"))
        value = re.search(rf"(?:{names})[ =](-?\d+)\b", command)
        if value:
            b.set(field, int(value.group(1)), line, again=True)
    cache = re.search(r"--(?:kv-cache-type|cache-type-k) (\w+)", command)
    if cache:
        b.set("cache_type_k", cache.group(1), line)
        b.set("cache_type_v", cache.group(1), line)
    flash = re.search(r"--flash-attn(?: (on|off|auto))?\b", command)
    if flash and flash.group(1) != "auto":
        b.set("flash_attention", flash.group(1) != "off", line)
    if "--no-mmap" in command:
        b.set("use_mmap", False, line)
    if "--mlock" in command:
        b.set("use_mlock", True, line)
    opened(b)


def _system_memory(b: Builder, groups: Groups, line: int) -> None:
    def tell() -> None:
        for key, field in (("total", "ram_total_bytes"), ("free", "ram_free_bytes")):
            size = size_of(_get(groups, key))
            if size is not None:
                b.set(field, size, line, again=True)

    _now_or_then(b, line, tell)


def _now_or_then(b: Builder, line: int, tell: Callable[[], None]) -> None:
    """Up to 0.11 these lines stand before the one that starts the runner, later shortly after it."""
    started = b.note.get("started")
    if isinstance(started, int) and line - started < NEAR_START_LINES and unknown(b.run.outcome):
        tell()
        return
    if b.run.first_line is None:
        tell()
    at_next_load(b, tell)


def _gpu_memory(b: Builder, groups: Groups, line: int) -> None:
    def tell() -> None:
        name = gpu_ids(b).get(_get(groups, "id"))
        if name is None:
            cards = [one.name for one in gpus(b)]
            name = cards[0] if len(cards) == 1 else named(_get(groups, "library") or "cuda", 0)
        size = size_of(_get(groups, "free"))
        if size is not None:
            device(b, name).free_bytes = size

    _now_or_then(b, line, tell)


def _offload(b: Builder, groups: Groups, line: int) -> None:
    """The estimate of 0.1.33 to 0.12: what is free on each GPU, and how many layers go there."""

    def tell() -> None:
        for group, field in (
            ("requested", "gpu_layers_requested"),
            ("model", "layers_total"),
            ("offload", "gpu_layers_offloaded"),
        ):
            if group in groups:
                b.set(field, int(groups[group]), line, again=True)
        sizes = [size_of(one) for one in re.findall(r"[\d.]+ [KMGT]?i?B", groups.get("available", ""))]
        library = groups.get("library", "")
        if library and library != "cpu":
            cards = gpus(b) or [device(b, named(library, number)) for number in range(len(sizes))]
            if len(cards) == len(sizes):
                for card, size in zip(cards, sizes):
                    if size is not None:
                        card.free_bytes = size

    _now_or_then(b, line, tell)


# --- its own engine ----------------------------------------------------------------------------------------------------

_PARTS = {"model weights": "weights_bytes", "kv cache": "kv_cache_bytes", "compute graph": "compute_bytes"}


def _part(b: Builder, groups: Groups, line: int) -> None:
    size = size_of(groups["size"])
    if size is not None:
        setattr(device(b, groups["device"]), _PARTS[groups["part"]], size)


def _request(b: Builder, groups: Groups, line: int) -> None:
    """What the runner is asked for: first to see whether it fits, with fewer layers if not, at last for good."""
    if groups["operation"] == "close":
        return
    for group, field in (("ctx", "n_ctx"), ("parallel", "n_parallel"), ("batch", "n_batch"), ("threads", "n_threads")):
        if int(groups[group]) > 0:
            b.set(field, int(groups[group]), line, again=True)
    if isinstance(b.run.n_ctx, int) and isinstance(b.run.n_parallel, int) and b.run.n_parallel > 0:
        b.set("n_ctx_seq", b.run.n_ctx // b.run.n_parallel, line, again=True)
    if groups["flash"] in ("true", "false", "Enabled", "Disabled"):
        b.set("flash_attention", groups["flash"] in ("true", "Enabled"), line, again=True)
    if groups.get("cache"):
        b.set("cache_type_k", groups["cache"], line)
        b.set("cache_type_v", groups["cache"], line)
    layers = re.match(r"(\d+)\[", groups.get("layers", ""))
    b.set("gpu_layers_offloaded", int(layers.group(1)) if layers else 0, line, again=True)


def _layers(b: Builder, groups: Groups, line: int) -> None:
    b.set("layers_total", int(groups["total"]), line)
    b.set("gpu_layers_requested", int(groups["requested"]), line)


def _info(b: Builder, groups: Groups, line: int) -> None:
    b.set("engine", "ollama", line, again=True)
    for group, field in (("architecture", "architecture"), ("file_type", "quantization")):
        text = _get(groups, group)
        if text and text != "unknown":
            b.set(field, text, line)


def _ready(b: Builder, groups: Groups, line: int) -> None:
    ready(b, line)


def _failed(b: Builder, groups: Groups, line: int) -> None:
    runtime(b, "ollama", line)
    failed(b, line)


def _too_large(b: Builder, groups: Groups, line: int) -> None:
    """No load begins: the server's own arithmetic says that RAM (with what lies on the GPU taken off) is too small."""
    runtime(b, "ollama", line)
    needed, there = size_of(groups["needed"]), size_of(groups["there"])
    device(b, "CPU")
    b.fail(line, requested_bytes=needed, device="CPU", free_bytes=there)
    if there is not None:
        b.set("ram_free_bytes", there, line)


def _vram_2023(b: Builder, groups: Groups, line: int) -> None:
    def tell() -> None:
        device(b, "CUDA0").free_bytes = int(groups["mib"]) * MIB
        b.set("gpu_layers_requested", int(groups["layers"]), line, again=True)

    runtime(b, "ollama", line)
    _now_or_then(b, line, tell)


_COMPUTE = (
    rf"inference compute{Q} {_value('id')}(?: filter_id=\S*)? {_value('library')}(?: variant=\S+)?(?: compute=(?:\\*\"(?P<compute>[^\"\\]*)\\*\"|(?P<compute_>[^\"\\\s]*)))?"
    rf"(?: driver=\S+)?(?: name=(?:\\*\"(?P<name>[^\"\\]*)\\*\"|(?P<name_>[^\"\\\s]*)))?"
    rf"(?: description=(?:\\*\"(?P<description>[^\"\\]*)\\*\"|(?P<description_>[^\"\\\s]*)))?.*? {_value('total')} {_value('available')}"
)

READERS: tuple[Reader, ...] = guarded((
    Reader(("server config",), rf"server config{Q} env={Q}(?P<env>map\[.*)", _boot, begins="boot"),
    Reader(
        # Not the debug lines of sched.go and server.go, several for each request.
        ("source=gpu.go", "source=types.go", "source=images.go", "source=amd_linux.go", "source=amd_windows.go",
         "source=llama_server.go", "source=app_windows.go",
         *(f"level={level} source={file}.go" for level in ("INFO", "WARN", "ERROR") for file in ("sched", "server", "runner"))),
        r"level=[A-Z]+ source=\w+\.go:\d+ msg=", is_runtime("ollama"),
    ),
    Reader(("Listening on ",), r"Listening on \S+ \(version (?P<version>[^\s)]+)\)", _listening),
    Reader(("starting Ollama",), rf"starting Ollama{Q} app=.* version=(?P<version>[\d.]\S*) OS=(?P<system>\w+)/", _app),
    Reader(("inference compute",), _COMPUTE, _compute),
    Reader(
        ("starting llama server", "starting runner", "starting llama-server"),
        r"msg=\\*\"starting (?:llama server|runner|llama-server)\\*\" cmd=\\*\"?(?P<command>.+? --model .+?)\\*\"?(?:\\n\"}|\s)*$", _starting, begins="load",
    ),
    Reader(
        ("offload to ", 'msg=offload '),
        r"msg=\\*\"?offload(?: to (?P<library>\w+))?\\*\"?(?: library=(?P<library2>\w+))? (?:layers\.requested=(?P<requested>-?\d+) layers\.model=(?P<model>\d+) layers\.offload=(?P<offload>\d+)).*?memory\.available=\\*\"(?P<available>\[[^\]]*\])",
        lambda b, groups, line: _offload(b, {**groups, "library": groups.get("library") or groups.get("library2", "")}, line),
    ),
    Reader(("system memory",), rf"msg=\\*\"system memory\\*\" {_value('total')} {_value('free')}", _system_memory),
    Reader(
        ("gpu memory",), rf"msg=\\*\"gpu memory\\*\" {_value('id')}(?: {_value('library')})?.* {_value('free')}", _gpu_memory,
    ),
    Reader(
        tuple(f"{part}{quote} {key}=" for part in _PARTS for quote in ('"', '\\"') for key in ("device", "buffer", "backend")),
        r"msg=\\*\"(?P<part>model weights|kv cache|compute graph)\\*\" (?:device|buffer|backend)=(?P<device>\w+)(?: buffer_type=\w+)? size=\\*\"(?P<size>[\d.]+ [KMGT]?i?B)", _part,
    ),
    Reader(
        ("load request=",),
        r"request=\\*\"\{Operation:(?P<operation>\w+) .*Parallel:(?P<parallel>\d+) BatchSize:(?P<batch>\d+) FlashAttention:(?P<flash>\w+) KvSize:(?P<ctx>\d+) KvCacheType:(?P<cache>\w*) NumThreads:(?P<threads>\d+) GPULayers:(?P<layers>\S*)",
        _request,
    ),
    Reader(("loading model",), r"\\*\"model layers\\*\"=(?P<total>\d+) requested=(?P<requested>-?\d+)", _layers),
    Reader(
        ("source=ggml.go",), rf"source=ggml\.go:\d+ msg=(?:\\*\"\\*\"|loading\S*) {_value('architecture')} {_value('file_type')}", _info,
    ),
    Reader(("starting ollama engine",), r"starting ollama engine", lambda b, groups, line: b.set("engine", "ollama", line, again=True)),
    Reader(("runner started in", "llama-server started in"), r"(?:llama runner|llama-server) started in [\d.]+ seconds", _ready),
    Reader(
        ("error loading llama server", "Load failed", "llama runner process has terminated", "llama-server process has terminated",
         "runner process no longer running", "model runner has unexpectedly stopped"),
        r"error loading llama server|msg=\\*\"Load failed|process has terminated|process no longer running|unexpectedly stopped", _failed,
    ),
    Reader(
        ("memory layout cannot be allocated with num_gpu", "failed to commit memory for model"),
        r"memory layout cannot be allocated with num_gpu|failed to commit memory for model", lambda b, groups, line: b.fail(line),
    ),
    Reader(
        ("MiB VRAM available, loading up to",),
        r"(?P<mib>\d+) MiB VRAM available, loading up to (?P<layers>\d+) GPU layers", _vram_2023,
    ),
    Reader(
        ("model requires more system memory (",),
        r"requires more system memory \((?P<needed>[^)]+)\) than is available \((?P<there>[^)]+)\)", _too_large,
    ),
))  # fmt: skip
