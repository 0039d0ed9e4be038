"""Command lines of vLLM, SGLang, TabbyAPI and text-generation-webui's ExLlama loaders, and the same lines with other settings.

Flags: vllm-project/vllm v0.33, engine/arg_utils.py; sgl-project/sglang v0.5.23, server_args.py; theroyallab/tabbyAPI, common/args.py and
config_sample.yml; oobabooga/text-generation-webui, modules/shared.py.
"""

from __future__ import annotations

import re
import shlex
from typing import Callable, NamedTuple, Optional, Sequence, Union

import msgspec

from ..facts.prediction import ExllamaSettings, ServerSettings
from .command import CommandError

Asked = Union[ServerSettings, ExllamaSettings]


class _Flag(NamedTuple):
    field: str
    names: tuple[str, ...]
    """The first is written. Underscores stand for dashes too."""
    read: Callable[[str], object] = str
    switch: bool = False
    """Stands alone."""


class _Dialect(NamedTuple):
    engine: str
    model: tuple[str, ...]
    flags: tuple[_Flag, ...]
    harmless: frozenset[str]
    """Flags that take no memory of the GPU, with and without a value."""
    settings: type[ServerSettings] | type[ExllamaSettings] = ServerSettings


class ServerCommand(NamedTuple):
    """``notes`` are to be said beside the figures."""

    words: list[str]
    engine: str
    """``vllm``, ``sglang``, ``exllamav2`` or ``exllamav3``."""
    model: str
    settings: Asked
    notes: list[str]


MOST_GPUS = 1024
_NUMBER = re.compile(r"(\d+(?:\.\d+)?)([kKmM]?)")
_SCALES = {"": 1, "k": 1000, "K": 1024, "m": 10**6, "M": 1 << 20}


def _whole(text: str) -> int:
    """``32k`` is 32000 and ``32K`` 32768, as vLLM reads them."""
    found = _NUMBER.fullmatch(text)
    if not found:
        raise CommandError(f"{text!r} is no whole number")
    return int(float(found[1]) * _SCALES[found[2]])


def _count(text: str) -> int:
    value = _whole(text)
    if not 1 <= value <= MOST_GPUS:
        raise CommandError(f"{text} is no number of GPUs between 1 and {MOST_GPUS}")
    return value


def _at_least_one(text: str) -> int:
    value = _whole(text)
    if value < 1:
        raise CommandError(f"{text} is less than 1")
    return value


def _share(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        raise CommandError(f"{text!r} is no number") from None
    if not 0 < value <= 1:
        raise CommandError(f"{text} is no share between 0 and 1")
    return value


def _dtype(text: str) -> str:
    name = {"half": "float16", "float": "float32", "bf16": "bfloat16", "fp16": "float16"}.get(text, text)
    if name not in ("auto", "float16", "bfloat16", "float32"):
        raise CommandError(f"{text!r} is no dtype")
    return name


def _cache(text: str) -> str:
    if text not in ("auto", "fp8", "fp8_e4m3", "fp8_e5m2", "bfloat16", "float16"):
        raise CommandError(f"{text!r} is no kv_cache_dtype that is reckoned with")
    return text


def _mode(text: str) -> str:
    """text-generation-webui writes ``q8`` or ``q8_q4``, TabbyAPI ``Q8`` or ``8,4``."""
    mixed = re.fullmatch(r"[qQ]([2-8])_[qQ]([2-8])", text)
    return f"{mixed[1]},{mixed[2]}" if mixed else text.upper()


def _quantization(text: str) -> Optional[str]:
    """Only what is made of plain weights at the load; the rest the files tell themselves."""
    return {"fp8": "fp8", "bitsandbytes": "bitsandbytes", "w8a8_fp8": "fp8"}.get(text)


_COMMON = frozenset((
    "--host", "--port", "--served-model-name", "--api-key", "--trust-remote-code", "--tokenizer", "--tokenizer-mode", "--chat-template",
    "--seed", "--download-dir", "--load-format", "--revision", "--log-level", "--random-seed",
))  # fmt: skip
_VLLM = _Dialect(
    "vllm", ("--model",),
    (
        _Flag("max_model_len", ("--max-model-len",), _at_least_one),
        _Flag("gpu_memory_utilization", ("--gpu-memory-utilization",), _share),
        _Flag("max_num_batched_tokens", ("--max-num-batched-tokens",), _at_least_one),
        _Flag("max_num_seqs", ("--max-num-seqs",), _at_least_one),
        _Flag("kv_cache_dtype", ("--kv-cache-dtype",), _cache),
        _Flag("dtype", ("--dtype",), _dtype),
        _Flag("quantization", ("--quantization", "-q"), _quantization),
        _Flag("tensor_parallel_size", ("--tensor-parallel-size", "-tp"), _count),
        _Flag("pipeline_parallel_size", ("--pipeline-parallel-size", "-pp"), _count),
        _Flag("enforce_eager", ("--enforce-eager",), switch=True),
        _Flag("block_size", ("--block-size",), _at_least_one),
        _Flag("kv_cache_memory_bytes", ("--kv-cache-memory-bytes", "--kv-cache-memory"), _whole),
    ),
    _COMMON | {
        "--disable-log-requests", "--disable-log-stats", "--enable-log-requests", "--enable-prefix-caching", "--no-enable-prefix-caching",
        "--enable-chunked-prefill", "--enable-auto-tool-choice", "--tool-call-parser", "--reasoning-parser", "--enable-reasoning",
        "--uvicorn-log-level", "--generation-config", "--swap-space", "--max-log-len", "--distributed-executor-backend",
        "--guided-decoding-backend", "--override-generation-config", "--response-role", "--config-format", "--async-scheduling",
    },
)  # fmt: skip
_SGLANG = _Dialect(
    "sglang", ("--model-path", "--model"),
    (
        _Flag("max_model_len", ("--context-length",), _at_least_one),
        _Flag("gpu_memory_utilization", ("--mem-fraction-static",), _share),
        _Flag("max_num_batched_tokens", ("--chunked-prefill-size",), _at_least_one),
        _Flag("max_num_seqs", ("--max-running-requests",), _at_least_one),
        _Flag("kv_cache_dtype", ("--kv-cache-dtype",), _cache),
        _Flag("dtype", ("--dtype",), _dtype),
        _Flag("quantization", ("--quantization",), _quantization),
        _Flag("tensor_parallel_size", ("--tp", "--tp-size", "--tensor-parallel-size"), _count),
        _Flag("pipeline_parallel_size", ("--pp-size", "--pipeline-parallel-size"), _count),
        _Flag("enforce_eager", ("--disable-cuda-graph",), switch=True),
        _Flag("block_size", ("--page-size",), _at_least_one),
    ),
    _COMMON | {"--tool-call-parser", "--reasoning-parser", "--tokenizer-path", "--schedule-policy", "--enable-metrics", "--log-requests"},
)  # fmt: skip
_TABBY = _Dialect(
    "exllamav3", ("--model-name",),
    (
        _Flag("max_seq_len", ("--max-seq-len",), _whole),
        _Flag("cache_size", ("--cache-size",), _whole),
        _Flag("cache_mode", ("--cache-mode",), _mode),
        _Flag("chunk_size", ("--chunk-size",), _whole),
        _Flag("autosplit_reserve_mib", ("--autosplit-reserve",), _whole),
    ),
    _COMMON | {"--model-dir", "--disable-auth", "--gpu-split-auto", "--prompt-template", "--backend", "--config"}, ExllamaSettings,
)  # fmt: skip
_WEB_UI = _Dialect(
    "exllamav3", ("--model",),
    (
        _Flag("max_seq_len", ("--ctx-size", "--max-seq-len", "--n_ctx"), _whole),
        _Flag("cache_mode", ("--cache-type",), _mode),
    ),
    _COMMON | {"--loader", "--listen", "--api", "--model-dir", "--listen-port", "--nowebui"}, ExllamaSettings,
)  # fmt: skip
_DIALECTS = {"vllm": _VLLM, "sglang": _SGLANG, "exllamav2": _TABBY, "exllamav3": _TABBY}
_MODULES = (
    (re.compile(r"vllm\.entrypoints(?:\.openai)?\.api_server"), _VLLM),
    (re.compile(r"sglang\.launch_server"), _SGLANG),
)
_WRAPPERS = re.compile(r"python[\d.]*|sudo|env|nohup|uv|uvx|run")


def find(words: Sequence[str]) -> Optional[tuple[_Dialect, int]]:
    """Whose line it is, and where its arguments begin; None for other programs' lines."""
    for at, word in enumerate(words[:8]):
        name = re.split(r"[\\/]", word)[-1]
        if name == "vllm" and "serve" in words[at + 1 : at + 2]:
            return _VLLM, at + 2
        if word == "-m" and at + 1 < len(words):
            found = next((one for module, one in _MODULES if module.fullmatch(words[at + 1])), None)
            return (found, at + 2) if found else None
        if name == "server.py":
            text = " ".join(words)
            return (_WEB_UI, at + 1) if re.search(r"--loader[= ]exllamav[23]", text, re.IGNORECASE) else None
        if name == "main.py" and any(one.startswith(("--model-name", "--cache-mode", "--model_name")) for one in words):
            return _TABBY, at + 1
        if not (_WRAPPERS.fullmatch(name) or re.fullmatch(r"[A-Za-z_]\w*=.*", word, re.DOTALL)):
            return None
    return None


def read(words: Sequence[str]) -> ServerCommand:
    """Raises CommandError."""
    found = find(words)
    assert found is not None
    dialect, at = found
    model = ""
    fields: dict[str, object] = {}
    unknown: list[str] = []
    while at < len(words):
        name, equals, value = words[at].partition("=")
        plain = name.replace("_", "-") if name.startswith("--") else name
        at += 1
        flag = next((one for one in dialect.flags if plain in one.names), None)
        following = not equals and at < len(words) and not words[at].startswith("-")
        if not name.startswith("-"):
            model = model or words[at - 1]
        elif flag is not None and flag.switch:
            fields[flag.field] = True
        elif flag is not None or plain in dialect.model:
            if not equals and not following:
                raise CommandError(f"{name} wants a value")
            value, at = (value, at) if equals else (words[at], at + 1)
            if flag is None:
                model = value
            else:
                fields[flag.field] = flag.read(value)
        else:
            at += following
            if plain not in dialect.harmless:
                unknown.append(name)
    if not model:
        raise CommandError(f"it names no model ({dialect.model[0]} FOLDER)")
    notes = [f"Not reckoned with: {', '.join(dict.fromkeys(unknown))}."] if unknown else []
    return ServerCommand(list(words), _engine(dialect, words), model, msgspec.convert(fields, dialect.settings), notes)


def _engine(dialect: _Dialect, words: Sequence[str]) -> str:
    if dialect.settings is ExllamaSettings and "exllamav2" in " ".join(words).lower():
        return "exllamav2"
    return dialect.engine


def rewrite(command: ServerCommand, changed: Asked) -> str:
    """The line with the settings that differ put in."""
    found = find(command.words)
    assert found is not None
    words = list(command.words)
    for flag in found[0].flags:
        value = getattr(changed, flag.field)
        if value == getattr(command.settings, flag.field):
            continue
        place = next((at for at, one in enumerate(words) if one.partition("=")[0].replace("_", "-") in flag.names), None)
        if flag.switch:
            words += [flag.names[0]] if value and place is None else []
        elif place is None:
            words += [flag.names[0], _text(value)]
        elif "=" in words[place]:
            words[place] = f"{words[place].partition('=')[0]}={_text(value)}"
        else:
            words[place + 1] = _text(value)
    return " ".join(one if re.fullmatch(r"[A-Za-z_]\w*=.*", one, re.DOTALL) else shlex.quote(one) for one in words)


def line(engine: str, model: str, settings: Asked) -> str:
    """As somebody would type it who gave no line."""
    dialect = _DIALECTS[engine]
    start = {"vllm": f"vllm serve {model}", "sglang": f"python -m sglang.launch_server --model-path {model}"}
    parts = [start.get(engine, f"python main.py --model-name {model} --backend {engine}")]
    usual = dialect.settings()
    for flag in dialect.flags:
        value = getattr(settings, flag.field)
        if value != getattr(usual, flag.field):
            parts.append(flag.names[0] if flag.switch else f"{flag.names[0]} {_text(value)}")
    return " ".join(parts)


def _text(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
