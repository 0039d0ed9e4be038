"""A command line that somebody would paste: which model, with which settings, and the same line with other settings.

Flags and defaults: ggml-org/llama.cpp b11434, common/arg.cpp; LostRuins/koboldcpp, koboldcpp.py; oobabooga/text-generation-webui,
modules/shared.py; ollama/ollama, docs/faq.mdx and docs/context-length.mdx (environment).
"""

from __future__ import annotations

import re
import shlex
from typing import Callable, NamedTuple, Optional, Sequence

import msgspec

from ..facts.model import ModelInfo
from ..facts.prediction import ALL_LAYERS, Settings
from ..facts.target import Target

_VARIABLE = re.compile(r"([A-Za-z_]\w*)=(.*)", re.DOTALL)


class CommandError(ValueError):
    """What of the line cannot be understood, in one line."""


class _Flag(NamedTuple):
    field: str
    names: tuple[str, ...]
    """The first is written."""
    read: Callable[[str], object]
    write: Callable[[object], str]
    switch: Optional[object] = None
    """What a flag without a value stands for."""


class _Dialect(NamedTuple):
    programs: tuple[str, ...]
    model: tuple[str, ...]
    flags: tuple[_Flag, ...]
    defaults: dict[str, object]


class Command(NamedTuple):
    """``notes`` are to be said beside the figures."""

    words: list[str]
    program: str
    model: str
    settings: Settings
    told: frozenset[str]
    """Settings that the line names itself."""
    notes: list[str]


def _whole(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise CommandError(f"{text!r} is no whole number") from None


def _layers(text: str) -> int:
    if text in ("auto", "all"):
        return ALL_LAYERS
    number = _whole(text)
    return ALL_LAYERS if number < 0 else number


def _shares(text: str) -> list[float]:
    try:
        return [float(one) for one in re.split(r"[,/]", text) if one]
    except ValueError:
        raise CommandError(f"{text!r} is no list of numbers") from None


def _lower(text: str) -> str:
    kind = {"fp16": "f16", "0": "f16", "1": "q8_0", "2": "q4_0"}.get(text, text.lower())
    if not re.fullmatch(r"f32|f16|bf16|q[458]_[01]|iq4_nl", kind):
        raise CommandError(f"{text!r} is no cache type")
    return kind


def _plain(value: object) -> str:
    if isinstance(value, list):
        return ",".join(f"{one:g}" for one in value)
    return "99" if value == ALL_LAYERS else str(value)


def _on_off(text: str) -> bool:
    return text not in ("off", "0", "false", "disabled")


_KOBOLD_CACHE = {"f16": "0", "q8_0": "1", "q4_0": "2"}

_LLAMA = _Dialect(
    ("llama-server", "llama-cli", "llama-run", "llama-simple", "llama-bench", "llama-mtmd-cli", "main", "server"), ("-m", "--model"),
    (
        _Flag("n_ctx", ("-c", "--ctx-size"), _whole, _plain),
        _Flag("gpu_layers", ("-ngl", "--gpu-layers", "--n-gpu-layers"), _layers, _plain),
        _Flag("n_batch", ("-b", "--batch-size"), _whole, _plain),
        _Flag("n_ubatch", ("-ub", "--ubatch-size"), _whole, _plain),
        _Flag("cache_type_k", ("-ctk", "--cache-type-k"), _lower, _plain),
        _Flag("cache_type_v", ("-ctv", "--cache-type-v"), _lower, _plain),
        _Flag("n_parallel", ("-np", "--parallel"), _whole, _plain),
        _Flag("flash_attention", ("-fa", "--flash-attn"), _on_off, lambda value: "on" if value else "off", True),
        _Flag("cpu_moe_layers", ("-ncmoe", "--n-cpu-moe"), _whole, _plain),
        _Flag("cpu_moe_layers", ("-cmoe", "--cpu-moe"), _whole, _plain, 1 << 12),
        _Flag("tensor_split", ("-ts", "--tensor-split"), _shares, _plain),
        _Flag("kv_unified", ("-kvu", "--kv-unified"), _on_off, _plain, True),
        _Flag("kv_offload", ("-nkvo", "--no-kv-offload"), _on_off, _plain, False),
        _Flag("swa_full", ("--swa-full",), _on_off, _plain, True),
    ),
    {"n_ctx": 0},
)  # fmt: skip
_KOBOLD = _Dialect(
    ("koboldcpp", "koboldcpp.py"), ("--model", "--model_param"),
    (
        _Flag("n_ctx", ("--contextsize",), _whole, _plain),
        _Flag("gpu_layers", ("--gpulayers",), _layers, _plain),
        _Flag("n_ubatch", ("--batchsize", "--blasbatchsize"), _whole, _plain),
        _Flag("cache_type_k", ("--quantkv",), _lower, lambda value: _KOBOLD_CACHE.get(str(value), "1")),
        _Flag("cache_type_v", ("--quantkv",), _lower, lambda value: _KOBOLD_CACHE.get(str(value), "1")),
        _Flag("flash_attention", ("--flashattention",), _on_off, _plain, True),
        _Flag("cpu_moe_layers", ("--moecpu",), _whole, _plain),
    ),
    {"n_ctx": 8192, "flash_attention": False},
)  # fmt: skip
_WEB_UI = _Dialect(
    ("server.py",), ("--model",),
    (
        _Flag("n_ctx", ("--ctx-size", "--n_ctx"), _whole, _plain),
        _Flag("gpu_layers", ("--gpu-layers", "--n-gpu-layers"), _layers, _plain),
        _Flag("n_ubatch", ("--ubatch-size", "--batch-size"), _whole, _plain),
        _Flag("cache_type_k", ("--cache-type",), _lower, _plain),
        _Flag("cache_type_v", ("--cache-type",), _lower, _plain),
        _Flag("tensor_split", ("--tensor-split",), _shares, _plain),
    ),
    {"n_ctx": 8192},
)  # fmt: skip
_OLLAMA = _Dialect(
    ("ollama",), (),
    (
        _Flag("n_ctx", ("OLLAMA_CONTEXT_LENGTH",), _whole, _plain),
        _Flag("n_parallel", ("OLLAMA_NUM_PARALLEL",), _whole, _plain),
        _Flag("cache_type_k", ("OLLAMA_KV_CACHE_TYPE",), _lower, _plain),
        _Flag("cache_type_v", ("OLLAMA_KV_CACHE_TYPE",), _lower, _plain),
        _Flag("flash_attention", ("OLLAMA_FLASH_ATTENTION",), _on_off, lambda value: "1" if value else "0"),
    ),
    {},
)  # fmt: skip
_DIALECTS = (_LLAMA, _KOBOLD, _WEB_UI, _OLLAMA)
_UNKNOWN = {"lms": "LM Studio"}


def is_command(words: Sequence[str]) -> bool:
    """Whether it is a command and not a model's name."""
    return len(words) > 1 or any(_program(one) in dialect.programs for one in words[:1] for dialect in _DIALECTS)


def read(words: Sequence[str]) -> Command:
    """Raises CommandError."""
    rest = list(words)
    variables: dict[str, str] = {}
    while rest and (found := _VARIABLE.fullmatch(rest[0])):
        variables[found[1]] = found[2]
        rest.pop(0)
    if rest and re.fullmatch(r"python[\d.]*|sudo|env|nohup", _program(rest[0])):
        rest.pop(0)
    if not rest:
        raise CommandError("there is no program in it")
    name = _program(rest[0])
    dialect = next((one for one in _DIALECTS if name in one.programs), None)
    if dialect is None:
        known = _UNKNOWN.get(name)
        raise CommandError(
            f"the memory of {known} is not modelled yet" if known else f"{name!r} is no program that llmdoctor knows"
        )
    fields: dict[str, object] = dict(dialect.defaults)
    told: set[str] = set()
    model = ""
    if dialect is _OLLAMA:
        if len(rest) < 3 or rest[1] not in ("run", "show", "pull"):
            raise CommandError("ollama run MODEL is what can be reckoned")
        model = rest[2]
        for flag in dialect.flags:
            if flag.names[0] in variables:
                fields[flag.field] = flag.read(variables[flag.names[0]])
                told.add(flag.field)
    else:
        model = _read_flags(rest[1:], dialect, fields, told)
    if name in ("llama-server", "server") and "n_parallel" not in told:
        fields.update(n_parallel=4, kv_unified=True)  # -np -1: tools/server/server.cpp takes four slots that share one cache
    if not model:
        raise CommandError(f"it names no model ({dialect.model[0]} FILE)")
    settings = msgspec.convert(fields, Settings)
    settings.n_ubatch = min(settings.n_ubatch, settings.n_batch)
    notes = []
    if dialect is _LLAMA and not {"n_ctx", "gpu_layers"} <= told:
        notes.append(
            "What the line does not tell, llama.cpp lowers by itself until it fits, the context before the layers (--fit)."
        )
    return Command(list(words), name, model, settings, frozenset(told), notes)


def _program(word: str) -> str:
    return re.split(r"[\\/]", word)[-1].removesuffix(".exe")


def _read_flags(words: list[str], dialect: _Dialect, fields: dict[str, object], told: set[str]) -> str:
    model = ""
    at = 0
    while at < len(words):
        word, equals, attached = words[at].partition("=")
        at += 1
        flags = [one for one in dialect.flags if word in one.names]
        if word in dialect.model or flags:
            following = words[at] if at < len(words) else ""
            has_value = bool(equals) or (bool(following) and (not following.startswith("-") or following.lstrip("-").isdigit()))
            value = attached if equals else following
            if flags and flags[0].switch is not None and (not has_value or (not equals and value not in ("on", "off", "auto"))):
                for flag in flags:
                    fields[flag.field] = flag.switch
                    told.add(flag.field)
                continue
            if not has_value:
                raise CommandError(f"{word} wants a value")
            at += 0 if equals else 1
            if word in dialect.model:
                model = value
            for flag in flags:
                fields[flag.field] = flag.read(value)
                told.add(flag.field)
    return model


def rewrite(command: Command, changed: Settings) -> str:
    """The line with the settings that differ put in."""
    dialect = next(one for one in _DIALECTS if command.program in one.programs)
    words = list(command.words)
    before: list[str] = []
    done: set[str] = set()
    for flag in dialect.flags:
        value = getattr(changed, flag.field)
        if value == getattr(command.settings, flag.field) or flag.names[0] in done or flag.field in done:
            continue
        done |= {flag.names[0], flag.field}
        if dialect is _OLLAMA:
            words = [one for one in words if not one.startswith(f"{flag.names[0]}=")]
            before.append(f"{flag.names[0]}={flag.write(value)}")
            continue
        place = next((number for number, one in enumerate(words) if one.partition("=")[0] in flag.names), None)
        if value == flag.switch and flag.write is _plain:
            words += [flag.names[0]] if place is None else []
        elif place is None:
            words += [flag.names[0], flag.write(value)]
        elif "=" in words[place]:
            words[place] = f"{words[place].partition('=')[0]}={flag.write(value)}"
        elif place + 1 < len(words) and not words[place + 1].startswith("-"):
            words[place + 1] = flag.write(value)
        else:
            words.insert(place + 1, flag.write(value))
    return " ".join([*before, *(one if _VARIABLE.fullmatch(one) else shlex.quote(one) for one in words)])


def asked_settings(command: Command, info: ModelInfo, targets: Sequence[Target], by_ollama: bool) -> Settings:
    """The command's settings, with the program's own context where it names none."""
    trained = info.n_ctx_train if isinstance(info.n_ctx_train, int) else 4096
    if command.settings.n_ctx and (not by_ollama or "n_ctx" in command.told):
        return command.settings
    return msgspec.structs.replace(command.settings, n_ctx=ollama_context(vram_of(targets), trained) if by_ollama else trained)


def vram_of(targets: Sequence[Target]) -> int:
    """Of all GPUs together."""
    return sum(one.total_bytes or one.free_bytes for one in targets)


def ollama_context(vram_bytes: int, trained: int) -> int:
    """Ollama's own choice, by the memory of all GPUs together (docs/context-length.mdx), at most what the model was trained for."""
    gib = vram_bytes / (1 << 30)
    return min(4096 if gib < 24 else 32768 if gib < 48 else 262144, trained)
