"""What vLLM prints, V0 and V1, from 0.2 to 0.24.

Formats: vllm-project/vllm, vllm/engine/llm_engine.py, vllm/v1/engine/core.py, vllm/v1/worker/gpu_worker.py and
gpu_model_runner.py, vllm/v1/core/kv_cache_utils.py, vllm/worker/worker.py. Sizes are GiB, though older versions print GB.
"""

from __future__ import annotations

import re
from typing import Mapping

from ...logs.reader import Builder, Reader
from .log_tools import GIB, failed, guarded, is_runtime, path, ready, runtime

Groups = Mapping[str, str]


def _boot(b: Builder, groups: Groups, line: int) -> None:
    runtime(b, "vllm", line, "vllm")
    b.set("version", groups["version"], line)


def _option(text: str, name: str) -> str:
    """The value of ``name=value`` or ``'name': value``."""
    found = re.search(rf"(?:\b{name}=|'{name}': )(?:'([^']*)'|\"([^\"]*)\"|([^,)}}\s]+))", text)
    return next((one for one in found.groups() if one is not None), "") if found else ""


def _settings(b: Builder, groups: Groups, line: int) -> None:
    text = groups["settings"]
    model = _option(text, "model") or _option(text, "model_tag")
    if model and model != "None":
        b.set("model", model, line)
        path(b, model, line)
    for name, field in (
        ("max_seq_len", "n_ctx"),
        ("max_model_len", "n_ctx"),
        ("tensor_parallel_size", "tensor_parallel"),
        ("max_num_seqs", "n_parallel"),
    ):
        value = _option(text, name)
        if value.isdigit():
            b.set(field, int(value), line)
            if name == "max_model_len":
                b.set("n_ctx_source", "user", line)
    for name, field in (("dtype", "dtype"), ("quantization", "quantization"), ("kv_cache_dtype", "cache_type_k")):
        value = _option(text, name).removeprefix("torch.")
        if value and value not in ("None", "auto"):
            b.set(field, value, line)
            if field == "cache_type_k":
                b.set("cache_type_v", value, line)
    share = _option(text, "gpu_memory_utilization")
    if re.fullmatch(r"[01]?\.\d+|1", share):
        b.set("gpu_memory_utilization", float(share), line)


def _engine(b: Builder, groups: Groups, line: int) -> None:
    runtime(b, "vllm", line, "vllm")
    if "version" in groups:
        b.set("version", groups["version"].removeprefix("v"), line)
    _settings(b, groups, line)


def _arguments(b: Builder, groups: Groups, line: int) -> None:
    runtime(b, "vllm", line, "vllm")
    _settings(b, groups, line)


def _card(b: Builder, line: int) -> str:
    name = "cuda:0"
    b.device(name).backend = "rocm" if b.run.os == "linux" and b.note.get("rocm") else "cuda"
    return name


def _weights(b: Builder, groups: Groups, line: int) -> None:
    runtime(b, "vllm", line, "vllm")
    b.device(_card(b, line)).weights_bytes = round(float(groups["gib"]) * GIB)


def _cache_memory(b: Builder, groups: Groups, line: int) -> None:
    runtime(b, "vllm", line, "vllm")
    size = round(float(groups["gib"]) * GIB)
    if size > 0:
        b.device(_card(b, line)).kv_cache_bytes = size
    else:
        b.device(_card(b, line)).kv_cache_bytes = 0


def _profile(b: Builder, groups: Groups, line: int) -> None:
    """V0's and later V1's summary after profiling."""
    runtime(b, "vllm", line, "vllm")
    card = b.device(_card(b, line))
    for group, field in (
        ("total", "total_bytes"),
        ("weights", "weights_bytes"),
        ("peak", "compute_bytes"),
        ("cache", "kv_cache_bytes"),
    ):
        if group in groups:
            setattr(card, field, max(round(float(groups[group]) * GIB), 0))
    if "share" in groups:
        b.set("gpu_memory_utilization", float(groups["share"]), line)


def _tokens(b: Builder, groups: Groups, line: int) -> None:
    b.set("kv_cache_tokens", int(groups["tokens"].replace(",", "")), line, again=True)


def _blocks(b: Builder, groups: Groups, line: int) -> None:
    b.set("kv_cache_tokens", int(groups["blocks"]) * 16, line)  # the default block size on GPUs


def _concurrency(b: Builder, groups: Groups, line: int) -> None:
    b.set("n_ctx", int(groups["ctx"].replace(",", "")), line)


def _free_at_start(b: Builder, groups: Groups, line: int) -> None:
    """``Free memory on device (6.5/23.6 GiB) on startup is less than desired GPU memory utilization (0.9, 21.2 GiB)``."""
    runtime(b, "vllm", line, "vllm")
    name = f"cuda:{groups.get('number', '0')}"
    card = b.device(name)
    card.backend = "cuda"
    free, total = round(float(groups["free"]) * GIB), round(float(groups["total"]) * GIB)
    card.free_bytes, card.total_bytes = free, total
    if "share" in groups:
        b.set("gpu_memory_utilization", float(groups["share"]), line)
        wanted = round(float(groups["wanted"]) * GIB)
        b.fail(line, requested_bytes=wanted, device=name, free_bytes=free, total_bytes=total)


def _cache_too_small(b: Builder, groups: Groups, line: int) -> None:
    runtime(b, "vllm", line, "vllm")
    requested, free = (round(float(groups[one]) * GIB) if one in groups else None for one in ("needed", "there"))
    b.set("n_ctx", int(groups["ctx"].replace(",", "")), line)
    if "tokens" in groups:
        b.set("kv_cache_tokens", int(groups["tokens"].replace(",", "")), line)
    b.fail(line, requested_bytes=requested, device=_card(b, line), part="kv-cache", free_bytes=free)
    if free is not None:
        b.device(_card(b, line)).kv_cache_bytes = free


def _no_cache(b: Builder, groups: Groups, line: int) -> None:
    runtime(b, "vllm", line, "vllm")
    b.fail(line, device=_card(b, line), part="kv-cache", free_bytes=0)


def _ready(b: Builder, groups: Groups, line: int) -> None:
    ready(b, line)


def _failed(b: Builder, groups: Groups, line: int) -> None:
    failed(b, line)


READERS: tuple[Reader, ...] = guarded((
    Reader(("vLLM API server version",), r"vLLM API server version (?P<version>\d\S*)", _boot, begins="boot"),
    Reader(
        ("site-packages/vllm/", "dist-packages/vllm/", "/vllm/v1/", "/vllm/engine/", "/vllm/entrypoints/", "/vllm/worker/"),
        r"File \"[^\"]*/vllm/", is_runtime("vllm", "vllm"),
    ),
    # Since 0.17 the version stands beside the drawn name.
    Reader(("\u2588  version ",), r"\x{2588}  version (?P<version>\d\S*)", _boot, begins="boot"),
    Reader(
        ("Initializing a V1 LLM engine", "Initializing a V0 LLM engine", "Initializing an LLM engine", "Initializing a speculative LLM engine"),
        r"Initializing an? (?:V\d |speculative )?LLM engine(?: \((?P<version>v[^)]+)\))? with config: (?P<settings>.+)", _engine,
    ),
    Reader(("non-default args: ", "args: Namespace("), r"(?:non-default args: |\] args: )(?P<settings>.+)", _arguments),
    Reader(
        ("Model loading took", "Loading model weights took"),
        r"(?:Model loading|Loading model weights) took (?P<gib>[\d.]+) Gi?B", _weights,
    ),
    Reader(("Available KV cache memory",), r"Available KV cache memory: (?P<gib>-?[\d.]+) GiB", _cache_memory),
    Reader(
        ("the current vLLM instance can use",),
        r"total_gpu_memory \((?P<total>[\d.]+)GiB\) x gpu_memory_utilization \((?P<share>[\d.]+)\)", _profile,
    ),
    Reader(
        ("model weights take ",),
        r"model weights take (?P<weights>[\d.]+)GiB.*PyTorch activation peak memory takes (?P<peak>[\d.]+)GiB.*KV Cache is (?P<cache>-?[\d.]+)GiB", _profile,
    ),
    Reader(("GPU KV cache size: ",), r"GPU KV cache size: (?P<tokens>[\d,]+) tokens", _tokens),
    Reader(("# GPU blocks: ", "# cuda blocks: "), r"# (?:GPU|cuda) blocks: (?P<blocks>\d+)", _blocks),
    Reader(("Maximum concurrency for ",), r"Maximum concurrency for (?P<ctx>[\d,]+) tokens per request", _concurrency),
    Reader(
        ("Free memory on device",),
        r"Free memory on device (?:cuda:(?P<number>\d+) )?\((?P<free>[\d.]+)/(?P<total>[\d.]+) GiB\) on startup(?: is less than desired GPU memory utilization \((?P<share>[\d.]+), (?P<wanted>[\d.]+) GiB\))?",
        _free_at_start,
    ),
    Reader(
        ("GiB KV cache is needed", "GiB of KV cache is needed", "tokens that can be stored in KV cache"),
        r"max seq len \((?P<ctx>[\d,]+)\)(?:.*?\((?P<needed>[\d.]+) GiB (?:of )?KV cache is needed.*?memory \((?P<there>[\d.]+) GiB\)|.*? in KV cache \((?P<tokens>[\d,]+)\))?",
        _cache_too_small,
    ),
    Reader(("No available memory for the cache blocks",), r"No available memory for the cache blocks", _no_cache),
    Reader(("Automatically detected platform ",), r"Automatically detected platform (?P<platform>\w+)", lambda b, groups, line: b.note.update(rocm=groups["platform"] == "rocm")),
    Reader(("Application startup complete",), r"Application startup complete", _ready),
    Reader(
        ("Engine core initialization failed", "EngineCore failed to start", "Engine process failed to start"),
        r"Engine core initialization failed|EngineCore failed to start|Engine process failed to start", _failed,
    ),
))  # fmt: skip
