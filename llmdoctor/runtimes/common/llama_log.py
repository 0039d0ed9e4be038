"""What llama.cpp prints, whatever program it is built into: devices, buffers, context, failed allocations.

Formats: ggml-org/llama.cpp, src/llama*.cpp, ggml/src, common/fit.cpp and tools/server from mid 2023 to late 2026. Functions
were renamed over time (``llm_load_tensors`` → ``load_tensors``, ``llama_new_context_with_model`` → ``llama_context``,
``llama_kv_cache_init`` → ``llama_kv_cache_unified`` → ``llama_kv_cache``), what follows their names hardly was.
"""

from __future__ import annotations

from typing import Callable, Mapping, Optional

from ...facts.run import NOT_IN_LOG
from ...logs.reader import Builder, Reader
from .log_tools import (
    MIB,
    at_next_load,
    backend_of,
    device,
    device_name,
    failed,
    gpu_number,
    gpus,
    guarded,
    joined,
    mebibytes,
    opened,
    path,
    ready,
    runtime,
    unknown,
)  # fmt: skip

Groups = Mapping[str, str]

_PARAMETERS = {"K": 10**3, "M": 10**6, "B": 10**9, "T": 10**12}
_SIZES = {"MB": MIB, "MiB": MIB, "GB": 1 << 30, "GiB": 1 << 30}


# --- a load begins -----------------------------------------------------------------------------------------------------


def _begins(b: Builder, groups: Groups, line: int) -> None:
    together = joined(b)
    b.set("engine", "llama.cpp", line)
    if together and b.note.get("draft"):
        return
    b.set("model", groups["model"], line, again=not together)
    path(b, groups["model"], line)


def _draft(b: Builder, groups: Groups, line: int) -> None:
    b.note["draft"] = True
    opened(b)


def _using_device(b: Builder, groups: Groups, line: int) -> None:
    """Printed before the load's first line in some versions, after it in others."""

    def tell() -> None:
        found = device(b, groups["device"])
        found.description = groups["description"]
        if "mib" in groups:
            found.free_bytes = mebibytes(groups["mib"])

    if any(not unknown(one.weights_bytes) for one in b.run.devices) and not b.note.get("draft"):
        at_next_load(b, tell)
    else:
        tell()


# --- devices -----------------------------------------------------------------------------------------------------------


def _devices_found(b: Builder, groups: Groups, line: int) -> None:
    b.note["library"] = groups["library"]
    b.set("gpus_found", int(groups["count"]), line)


def _device(b: Builder, groups: Groups, line: int) -> None:
    rocm = "gfx" in groups or b.note.get("library") == "ROCm"
    found = device(b, f"{'ROCm' if rocm else 'CUDA'}{groups['number']}")
    found.description = groups["description"]
    if "capability" in groups:
        found.compute_capability = groups["capability"]
    elif "gfx" in groups:
        found.compute_capability = groups["gfx"]
    if "mib" in groups:
        found.total_bytes = mebibytes(groups["mib"])


def _listed(b: Builder, groups: Groups, line: int) -> None:
    total = mebibytes(groups["total"])
    if groups["device"] == "CPU":
        b.set("ram_total_bytes", total, line)
        b.set("ram_free_bytes", mebibytes(groups["free"]), line)
    if backend_of(groups["device"]) == "cpu" or not total:
        return
    found = device(b, groups["device"])
    found.description, found.total_bytes, found.free_bytes = groups["description"], total, mebibytes(groups["free"])


def _vulkan(b: Builder, groups: Groups, line: int) -> None:
    device(b, f"Vulkan{groups['number']}").description = groups["description"]


def _metal_name(b: Builder, groups: Groups, line: int) -> None:
    device(b, "Metal").description = groups["description"]
    b.set("os", "macos", line)
    b.set("gpus_found", 1, line)


def _metal_limit(b: Builder, groups: Groups, line: int) -> None:
    # ggml-metal divides by 1e6 where it prints "MB".
    device(b, "Metal").total_bytes = round(float(groups["mb"]) * 10**6)


# --- the model ---------------------------------------------------------------------------------------------------------


def _meta(b: Builder, groups: Groups, line: int) -> None:
    if b.note.get("draft"):
        return
    key, value = groups["key"], groups["value"].strip()
    if key == "arch":
        b.set("architecture", value, line)
    elif key == "n_ctx_train":
        b.set("n_ctx_train", int(value), line) if value.isdigit() else None
    elif key in ("file type", "model ftype"):
        b.set("quantization", value.removesuffix(", may not work").strip(), line)
    elif "unit" in groups:
        factor = _PARAMETERS.get(groups["unit"]) if key == "model params" else _SIZES.get(groups["unit"])
        if factor:
            b.set("parameters" if key == "model params" else "model_bytes", round(float(groups["number"]) * factor), line)


def _offloaded(b: Builder, groups: Groups, line: int) -> None:
    if b.note.get("draft"):
        return
    b.set("gpu_layers_offloaded", int(groups["layers"]), line, again=True)
    b.set("layers_total", int(groups["total"]), line, again=True)


def _cublas_layers(b: Builder, groups: Groups, line: int) -> None:
    b.set("gpu_layers_offloaded", int(groups["layers"]), line)


# --- buffers -----------------------------------------------------------------------------------------------------------

_NOT_OF_THE_MODEL = (
    "alloc_compute_meta",
    "reserve_compute_meta",
    "llama_lora_adapter_init_internal",
    "llama_adapter_lora_init_impl",
)


def _buffer(b: Builder, groups: Groups, line: int) -> None:
    if groups["who"] in _NOT_OF_THE_MODEL or groups["who"].startswith(("clip", "whisper", "sd_")):
        return
    if groups["who"].startswith(("llama_", "llm_", "load_tensors", "sched_reserve")):
        b.set("engine", "llama.cpp", line)
    kind = groups.get("kind", "").strip()
    found = device(b, device_name(groups["device"]))
    size = mebibytes(groups["mib"])
    if kind in ("model", ""):
        found.weights_bytes = _sum(found.weights_bytes, size)
    elif kind in ("KV", "RS"):
        found.kv_cache_bytes = _sum(found.kv_cache_bytes, size)
    elif kind == "compute":
        # Reserved anew now and then, each time for the same use.
        found.compute_bytes = max(_sum(found.compute_bytes, 0), size)


def _sum(known: object, more: int) -> int:
    return (known if isinstance(known, int) else 0) + more


def _used_2023(b: Builder, groups: Groups, line: int) -> None:
    """Builds of 2023 knew of one GPU at a time."""
    found = device(b, "CUDA0")
    size = mebibytes(groups["mib"])
    if groups["what"].startswith("VRAM used"):
        found.weights_bytes = size
    else:
        found.compute_bytes = size


def _total_2023(b: Builder, groups: Groups, line: int) -> None:
    found = device(b, "CUDA0")
    found.weights_bytes = mebibytes(groups["model"])


def _host_2023(b: Builder, groups: Groups, line: int) -> None:
    device(b, "CPU").weights_bytes = mebibytes(groups["mib"])


def _cache_types(b: Builder, groups: Groups, line: int) -> None:
    if b.note.get("draft"):
        return
    b.set("cache_type_k", groups["k"], line)
    b.set("cache_type_v", groups["v"], line)


# --- the context -------------------------------------------------------------------------------------------------------

_CONTEXT = {
    "n_ctx": "n_ctx", "n_ctx_per_seq": "n_ctx_seq", "n_ctx_seq": "n_ctx_seq", "n_seq_max": "n_parallel", "n_batch": "n_batch",
    "n_ubatch": "n_ubatch",
}  # fmt: skip


def _context(b: Builder, groups: Groups, line: int) -> None:
    b.set("engine", "llama.cpp", line)
    if b.note.get("draft"):
        return
    key, value = groups["key"], groups["value"]
    if key == "flash_attn":
        if value != "auto" and value != "-1":
            b.set("flash_attention", value in ("1", "enabled", "true"), line)
    elif value.isdigit():
        b.set(_CONTEXT[key], int(value), line)


def _flash_auto(b: Builder, groups: Groups, line: int) -> None:
    b.set("flash_attention", groups["state"] == "enabled", line, again=True)


def _slots(b: Builder, groups: Groups, line: int) -> None:
    for group, field in (("slots", "n_parallel"), ("n_ctx", "n_ctx_seq")):
        if group in groups:
            b.set(field, int(groups[group]), line)


def _context_source(b: Builder, groups: Groups, line: int) -> None:
    if "fit" in groups:
        b.set("n_ctx_source", "fit", line, again=True)
        b.set("n_ctx", int(groups["fit"]), line)
    elif "user" in groups:
        b.set("n_ctx_source", "user", line)
        b.set("n_ctx", int(groups["user"]), line)
    else:
        b.set("n_ctx_source", "model", line)


def _fit_device(b: Builder, groups: Groups, line: int) -> None:
    """``used`` and what is left are both of the projection, so that their sum is what is free now."""
    found = device(b, groups["device"])
    found.description, found.total_bytes = groups["description"].strip(), mebibytes(groups["total"])
    left = mebibytes(groups["left"])
    if unknown(found.free_bytes):
        found.free_bytes = max(mebibytes(groups["used"]) + (-left if groups["sign"] == "deficit" else left), 0)


def _projected(b: Builder, groups: Groups, line: int) -> None:
    """Free memory over all devices: that of the one device where there is one."""
    cards = gpus(b)
    if len(cards) == 1 and unknown(cards[0].free_bytes):
        cards[0].free_bytes = mebibytes(groups["free"])


# --- the build ---------------------------------------------------------------------------------------------------------


def _build(b: Builder, groups: Groups, line: int) -> None:
    runtime(b, "llama.cpp", line, sure=False)
    b.set("engine", "llama.cpp", line)
    if b.run.runtime == "llama.cpp" and groups["build"] != "0":
        b.set("version", f"b{groups['build']}", line)
    if "target" in groups:
        _target(b, groups, line)


_SYSTEMS = (
    ("linux", "linux"),
    ("windows", "windows"),
    ("mingw", "windows"),
    ("msvc", "windows"),
    ("darwin", "macos"),
    ("apple", "macos"),
)


def _target(b: Builder, groups: Groups, line: int) -> None:
    target = groups["target"].lower()
    for word, system in _SYSTEMS:
        if word in target:
            b.set("os", system, line)


def _library(b: Builder, groups: Groups, line: int) -> None:
    b.set("os", {"dll": "windows", "so": "linux", "dylib": "macos"}[groups["ending"]], line)


def _llama_program(b: Builder, groups: Groups, line: int) -> None:
    """Its own programs, which other runtimes start too."""
    runtime(b, "llama.cpp", line, "llama.cpp", sure=False)


def _loaded(b: Builder, groups: Groups, line: int) -> None:
    ready(b, line)


def _speed(b: Builder, groups: Groups, line: int) -> None:
    b.set("decode_tokens_per_s", float(groups["speed"]), line, again=True)
    if b.run.outcome != "failed":
        b.set("outcome", "ready", line)


# --- what failed -------------------------------------------------------------------------------------------------------


def _malloc_failed(b: Builder, groups: Groups, line: int) -> None:
    name = gpu_number(b, groups["number"])
    device(b, name)
    b.fail(line, requested_bytes=mebibytes(groups["mib"]), device=name, part=_stage(b))


def _stage(b: Builder) -> Optional[str]:
    """Weights are told when all of them have their memory; until then it is they that fail. Else None: what comes next tells."""
    begun = b.run.engine == "llama.cpp" and b.run.first_line is not None and isinstance(b.run.architecture, str)
    return "weights" if begun and all(unknown(one.weights_bytes) for one in b.run.devices) else None


def _buffer_failed(b: Builder, groups: Groups, line: int) -> None:
    name = device_name(groups["device"])
    part = "compute" if "gallocr" in groups["who"] else None
    device(b, name)
    _named_better(b, name, part)
    b.fail(line, requested_bytes=int(groups["bytes"]), device=name, part=part)


def _named_better(b: Builder, name: str, part: Optional[str]) -> None:
    """The first message of a failure tells a number alone and guesses the part; those after it say more."""
    told = b.run.failed_allocation
    if told is not None and told.line is not None:
        if part is not None and told.part == "weights":
            told.part = part
        if isinstance(told.device, str) and told.device != name and told.device[-1:] == name[-1:]:
            stale = [
                one
                for one in b.run.devices
                if one.name == told.device and unknown(one.weights_bytes) and unknown(one.description)
            ]
            b.run.devices[:] = [one for one in b.run.devices if one not in stale]
            told.device = name


def _fails(part: str) -> Callable[[Builder, Groups, int], None]:
    def apply(b: Builder, groups: Groups, line: int) -> None:
        name = device_name(groups["device"]) if "device" in groups else None
        told = b.run.failed_allocation
        if told is not None and told.part == "weights" and part != "weights":
            told.part = part
        if name is not None:
            device(b, name)
            _named_better(b, name, part)
        size = mebibytes(groups["mib"]) if "mib" in groups else None
        b.set("engine", "llama.cpp", line)
        b.fail(line, requested_bytes=size, device=name, part=part)

    return apply


def _host_failed(b: Builder, groups: Groups, line: int) -> None:
    size = int(groups["bytes"]) if "bytes" in groups else mebibytes(groups["mib"]) if "mib" in groups else None
    device(b, "CPU")
    b.fail(line, requested_bytes=size, device="CPU")


def _metal_failed(b: Builder, groups: Groups, line: int) -> None:
    name = device(b, "Metal").name
    b.fail(line, requested_bytes=mebibytes(groups["mib"]) if "mib" in groups else None, device=name)


def _vulkan_failed(b: Builder, groups: Groups, line: int) -> None:
    cards = [one.name for one in gpus(b) if one.backend == "vulkan"]
    b.fail(line, requested_bytes=int(groups["bytes"]), device=cards[0] if len(cards) == 1 else None)


def _sycl_failed(b: Builder, groups: Groups, line: int) -> None:
    cards = [one.name for one in gpus(b) if one.backend == "sycl"]
    b.fail(
        line, requested_bytes=int(groups["bytes"]) if "bytes" in groups else None, device=cards[0] if len(cards) == 1 else None
    )


def _cuda_oom(b: Builder, groups: Groups, line: int) -> None:
    """At work, by the pool of temporary buffers or a library: which device it was stands in the next line."""
    b.note["oom_line"] = line
    cards = [one.name for one in gpus(b) if one.backend in ("cuda", "rocm", "musa")]
    running = any(not unknown(one.compute_bytes) for one in b.run.devices)
    b.fail(line, device=cards[0] if len(cards) == 1 else None, part="compute" if running else None)


def _current_device(b: Builder, groups: Groups, line: int) -> None:
    at = b.note.get("oom_line")
    if isinstance(at, int) and line - at <= 2:
        name = gpu_number(b, groups["number"])
        device(b, name)
        b.fail(line, device=name)


def _second_try(b: Builder, groups: Groups, line: int) -> None:
    """By the program itself, with less: what fails then tells its own."""
    b.run.failed_allocation = None
    b.run.outcome = NOT_IN_LOG


def _load_failed(b: Builder, groups: Groups, line: int) -> None:
    failed(b, line)


# --- readers -----------------------------------------------------------------------------------------------------------

_OF_CONTEXT = r"(?:llama_context|llama_new_context_with_model|llama_init_from_model|llama_context_impl)"

_LOAD = (
    Reader(
        ("llama_model_loader: loaded meta data with",),
        r"key-value pairs and \d+ tensors from (?P<model>.+?)(?: \(version [^)]*\)*)?\s*$",
        _begins, begins="load",
    ),
    # Before GGUF (mid 2023).
    Reader(("llama.cpp: loading model from ",), r"llama\.cpp: loading model from (?P<model>.+?)\s*$", _begins, begins="load"),
    Reader(
        ("loading draft model", "loading the draft model", "attempting to load draft", "load_model: loading draft"),
        r"(?i)load(?:ing)? (?:the )?draft[ -]model", _draft,
    ),
    Reader(
        (": using device ",),
        r": using device (?P<device>\w+)(?:\[[^\]]*\])? \((?P<description>.+?)\)(?: \([0-9a-fA-F:.]+\)| \(unknown id\))? - (?P<mib>\d+) MiB free",
        _using_device,
    ),
)  # fmt: skip

_DEVICES = (
    Reader((" CUDA devices", " ROCm devices", " MUSA devices"), r"found (?P<count>\d+) (?P<library>CUDA|ROCm|MUSA) devices", _devices_found),
    Reader(
        (", compute capability ", ", VMM: "),
        r"Device (?P<number>\d+): (?P<description>.+?), (?:compute capability (?P<capability>\d+\.\d+)|(?P<gfx>gfx\w+))(?:.*VRAM: (?P<mib>\d+) MiB)?",
        _device,
    ),
    Reader(
        (" MiB free)",),
        r"(?:^|\s)(?P<device>[A-Za-z]+\d*) *: (?P<description>.+?) \((?P<total>\d+) MiB, (?P<free>\d+) MiB free\)", _listed,
    ),
    Reader(("ggml_vulkan: ",), r"ggml_vulkan: (?P<number>\d+) = (?P<description>.+?) (?:\([^()|]*\) )?\|", _vulkan),
    Reader(("ggml_vulkan: Found ",), r"ggml_vulkan: Found (?P<gpus_found>\d+) Vulkan devices"),
    Reader((" SYCL devices",), r"(?i)found (?P<gpus_found>\d+) SYCL devices"),
    Reader(
        ("ggml_metal_init: found device: ", "ggml_metal_init: picking default device: ", "GPU name: "),
        r"ggml_metal\w*: (?:found device|picking default device|GPU name): +(?P<description>.+?)\s*$", _metal_name,
    ),
    Reader(("recommendedMaxWorkingSetSize",), r"recommendedMaxWorkingSetSize += +(?P<mb>[\d.]+) MB", _metal_limit),
)  # fmt: skip

_KEYS = ("arch", "n_ctx_train", "file type", "model ftype", "model params", "model size", "file size")
_MODEL = (
    Reader(
        tuple(f"{start}{key}" for start in ("llm_load_print_meta: ", "print_info: ") for key in _KEYS),
        r"(?:llm_load_print_meta|print_info): (?P<key>arch|n_ctx_train|file type|model ftype|model params|model size|file size) += (?P<value>(?P<number>[\d.]+) (?P<unit>[A-Za-z]+)\b.*|.+)",
        _meta,
    ),
    Reader(("llama_model_load_internal: n_ctx ", "llm_load_print_meta: n_ctx "), r": n_ctx += (?P<n_ctx>\d+)"),
    Reader((" layers to GPU",), r"offloaded (?P<layers>\d+)/(?P<total>\d+) layers to GPU", _offloaded),
    Reader((" layers to GPU",), r"\[cublas\] offloading (?P<layers>\d+) (?:repeating )?layers to GPU", _cublas_layers),
)  # fmt: skip

_BUFFERS = (
    Reader(
        (" buffer size = ",),
        r"(?P<who>[A-Za-z_]\w*): +(?P<device>[A-Za-z]\S*) +(?P<kind>model |KV |RS |compute |output )?buffer size = +(?P<mib>[\d.]+) MiB",
        _buffer,
    ),
    Reader(
        ("VRAM used: ", "VRAM scratch buffer: "),
        r"(?:llm_load_tensors|llama_new_context_with_model|llama_model_load_internal): (?P<what>VRAM used|VRAM scratch buffer): +(?P<mib>[\d.]+) M",
        _used_2023,
    ),
    Reader(("total VRAM used: ",), r"total VRAM used: [\d.]+ MiB \(model: (?P<model>[\d.]+) MiB", _total_2023),
    Reader(("mem required ",), r"mem required += +(?P<mib>[\d.]+) M", _host_2023),
    Reader((", K (",), r", +K \((?P<k>\w+)\): .*V \((?P<v>\w+)\): ", _cache_types),
    Reader((", type_k = ",), r"type_k = '(?P<k>\w+)', type_v = '(?P<v>\w+)'", _cache_types),
)  # fmt: skip

_CONTEXTS = (
    Reader(
        ("llama_context: ", "llama_new_context_with_model: ", "llama_init_from_model: "),
        _OF_CONTEXT + r": (?P<key>n_ctx|n_ctx_per_seq|n_ctx_seq|n_seq_max|n_batch|n_ubatch|flash_attn) += (?P<value>\S+)",
        _context,
    ),
    Reader(("Flash Attention was auto",), r"Flash Attention was auto, set to (?P<state>enabled|disabled)", _flash_auto),
    Reader(("n_slots = ",), r"initializing(?: slots)?, n_slots = (?P<slots>\d+)(?:, n_ctx_slot = (?P<n_ctx>\d+))?", _slots),
    Reader(("new slot n_ctx_slot = ", "new slot, n_ctx = "), r"new slot(?:,)? n_ctx(?:_slot)? = (?P<n_ctx>\d+)", _slots),
    Reader(("n_parallel is set to auto",), r"using n_parallel = (?P<n_parallel>\d+)"),
    Reader(
        ("context size reduced from ", "context size set by user to ", "user has requested full context size of ", "default model context size is "),
        r"context size reduced from \d+ to (?P<fit>\d+)|context size (?:set by user to|of) (?P<user>\d+) -> no change|default model context size",
        _context_source,
    ),
    Reader(
        ("params_fit_impl:   - ", "params_fit:   - "),
        r"params_fit(?:_impl)?:   - (?P<device>\w+) \((?P<description>.+?)\) *: +(?P<total>\d+) total, +(?P<used>\d+) used, +(?P<left>-?\d+) (?P<sign>free|surplus|deficit)",
        _fit_device,
    ),
    Reader((" MiB of device memory vs. ",), r"projected to use \d+ MiB of device memory vs\. (?P<free>\d+) MiB of free", _projected),
)  # fmt: skip

_BUILDS = (
    Reader(
        ("common_init_from_params: ", "common_init_result: ", "load_model: loading model", "llama_server: ", "error: unable to load model"),
        r"common_init_from_params: |common_init_result: |load_model: loading model '|llama_server: |error: unable to load model",
        _llama_program,
    ),
    Reader(("system_info: n_threads", "system info | n_threads"), r"n_threads ?= ?(?P<n_threads>\d+)"),
    Reader(
        ("build: ", "build = ", "build_info: ", "print_info: build ", "version: "),
        r"(?:\bbuild: |\bbuild = |\bbuild_info: b|print_info: build |\bversion: )(?P<build>\d+)(?: \([0-9a-f]{6,40}\)|-[0-9a-f]{6,40})(?:.* for (?P<target>.+))?",
        _build,
    ),
    Reader(("built with ", "with MSVC "), r"(?:built )?with (?P<target>MSVC|.+ for \S.*)", _target),
    Reader(("load_backend: loaded ",), r"load_backend: loaded \S+ backend from .*\.(?P<ending>dll|so|dylib)\b", _library),
    Reader(
        ("llama_print_timings:        eval time", "llama_perf_context_print:        eval time"),
        r"eval time = .*, +(?P<speed>[\d.]+) tokens per second", _speed,
    ),
    Reader(
        ("main: model loaded", "llama_server: model loaded", "server is listening on http"),
        r"model loaded|server is listening on", _loaded,
    ),
)  # fmt: skip

_FAILURES = (
    Reader(
        ("Malloc failed: ",),
        r"allocating (?P<mib>[\d.]+) MiB on device (?P<number>\d+): \w*Malloc failed", _malloc_failed,
    ),
    Reader(
        (" buffer of size ",),
        r"(?P<who>\w+): failed to allocate (?P<device>[A-Za-z]\S*) buffer of size (?P<bytes>\d+)", _buffer_failed,
    ),
    Reader(("unable to allocate ",), r"unable to allocate (?P<device>[A-Za-z]\S*) buffer", _fails("weights")),
    Reader(
        ("failed to allocate buffer for kv cache", "failed to allocate buffer for rs cache", "failed for self-attention cache"),
        r"failed to allocate buffer for (?:kv|rs) cache|failed for self-attention cache", _fails("kv-cache"),
    ),
    Reader(
        ("failed to allocate compute", "failed to allocate Vulkan compute"),
        r"failed to allocate compute (?:\w+ )?buffers", _fails("compute"),
    ),
    Reader(
        ("failed to allocate output buffer", "failed to reserve initial output buffer"),
        r"failed to allocate output buffer of size (?P<mib>[\d.]+) MiB|failed to reserve initial output buffer", _fails("output"),
    ),
    Reader(
        ("insufficient memory (attempted to allocate", "ggml_backend_cpu_buffer_type_alloc_buffer: failed to allocate"),
        r"insufficient memory \(attempted to allocate +(?P<mib>[\d.]+) MB\)|cpu_buffer_type_alloc_buffer: failed to allocate buffer of size (?P<bytes>\d+)",
        _host_failed,
    ),
    Reader(
        ("error: failed to allocate buffer, size = ",),
        r"metal\w*: error: failed to allocate buffer, size = +(?P<mib>[\d.]+) MiB", _metal_failed,
    ),
    Reader(("kIOGPUCommandBufferCallbackErrorOutOfMemory",), r"kIOGPUCommandBufferCallbackErrorOutOfMemory", _metal_failed),
    Reader(
        ("ggml_vulkan: Device memory allocation of size", "ggml_vulkan: Memory allocation of size"),
        r"emory allocation of size (?P<bytes>\d+) failed", _vulkan_failed,
    ),
    Reader(
        ("can't allocate ",),
        r"sycl\w*: can't allocate (?P<bytes>\d+) Bytes? of memory on device", _sycl_failed,
    ),
    Reader(
        ("CUDA error: out of memory", "ROCm error: out of memory", "MUSA error: out of memory", "CUDA error 2 at "),
        r"error: out of memory|CUDA error 2 at .*out of memory", _cuda_oom,
    ),
    Reader(("current device: ",), r"current device: (?P<number>\d+)", _current_device),
    Reader(
        ("retrying without pipeline parallelism", "retrying with projector CPU offload", "retrying once"),
        r"retrying without pipeline parallelism|(?:load|startup) failed.*retrying (?:with projector CPU offload|once)", _second_try,
    ),
    Reader(
        ("llama_model_load: error loading model", "llama_load_model_from_file: failed to load model", "failed to load model '",
         "failed to load model, '", "failed to create context with model", "error: unable to load model"),
        r"error loading model|failed to load model|failed to create context|unable to load model", _load_failed,
    ),
)  # fmt: skip

READERS: tuple[Reader, ...] = guarded((*_LOAD, *_DEVICES, *_MODEL, *_BUFFERS, *_CONTEXTS, *_BUILDS, *_FAILURES))
"""For every program that llama.cpp is built into."""
