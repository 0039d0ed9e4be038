"""``llmdoctor fit``: will a model fit, and what would make it."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Any, Optional

import click

from . import common
from .app import BadInput

if TYPE_CHECKING:
    from ..facts.machine import Machine
    from ..facts.model import ModelInfo
    from ..facts.prediction import Parts, Prediction, Settings
    from ..fit.search import Change
    from ..survey.model_folders import FoundModel

_CACHE_TYPES = ["f32", "f16", "bf16", "q8_0", "q5_1", "q5_0", "q4_1", "q4_0", "iq4_nl"]
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*(KiB|MiB|GiB|TiB|KB|MB|GB|TB|K|M|G|T)?", re.IGNORECASE)
_UNITS = {"k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40}


class _Size(click.ParamType):  # type: ignore[type-arg]
    name = "size"

    def convert(self, value: Any, param: Any, context: Any) -> int:
        """``24GiB``, ``24G``, ``8192MiB``; decimal units too (``24GB``). A number alone is GiB."""
        if isinstance(value, int):
            return value
        found = _SIZE.fullmatch(value.strip())
        if not found:
            self.fail(f"{value!r} is no size; 24GiB is one", param, context)
        unit = (found[2] or "GiB").lower()
        factor = {"kb": 10**3, "mb": 10**6, "gb": 10**9, "tb": 10**12}.get(unit) or _UNITS[unit[0]]
        return round(float(found[1]) * factor)


SIZE = _Size()


@click.command(short_help="Will a model fit, and what would make it.")
@click.argument("model", metavar="[MODEL]", required=False)
@click.option(
    "--ctx",
    "-c",
    "n_ctx",
    type=click.IntRange(0, 1 << 30),
    help="Tokens of context, of all slots together; 0: the model's own.",
)
@click.option("--gpu-layers", "-ngl", type=click.IntRange(-1, 1 << 20), default=-1, help="Layers on the GPU; -1: all.")
@click.option("--cache-type-k", "-ctk", type=click.Choice(_CACHE_TYPES), default="f16")
@click.option("--cache-type-v", "-ctv", type=click.Choice(_CACHE_TYPES), default="f16")
@click.option("--batch", "-b", type=click.IntRange(1, 1 << 20), default=2048)
@click.option("--ubatch", "-ub", type=click.IntRange(1, 1 << 20), default=512)
@click.option("--parallel", "-np", type=click.IntRange(1, 1 << 12), default=1, help="Slots.")
@click.option("--kv-unified", is_flag=True, help="One cache for all slots.")
@click.option("--swa-full", is_flag=True, help="Full caches for sliding layers.")
@click.option("--flash-attn", "-fa", type=click.Choice(["on", "off", "auto"]), default="auto")
@click.option("--n-cpu-moe", "-ncmoe", type=click.IntRange(0, 1 << 12), default=0, help="Layers whose experts stay in RAM.")
@click.option("--tensor-split", "-ts", help="Shares of the GPUs, such as 3,1.")
@click.option("--vram", type=SIZE, multiple=True, help="Plan for GPUs with so much free memory, one option each.")
@click.option("--from", "source", metavar="FILE", help="Plan for a saved machine.")
@click.option("--format", "form", type=click.Choice(["terminal", "json"]), default="terminal", help="How to print it.")
@common.DEADLINE
def fit(model: Optional[str], vram: tuple[int, ...], source: Optional[str], form: str, deadline: float, **options: Any) -> int:
    """Say what MODEL will take of each GPU with llama.cpp, whether that is free, and what would make it fit.

    MODEL is a GGUF file, an Ollama name such as llama3.1:8b, or the name of a model found here; without it those are listed.
    Exit status: 0 it fits, 1 it does not, 2 bad input.
    """
    from ..facts.machine import Machine
    from ..fit.llama_cpp import predict
    from ..fit.search import changes, fits, longest_context
    from ..models.error import ModelError
    from ..models.gguf_model import read_model
    from ..report.output import write

    machine = _machine(source, deadline) if not vram or model is None or not os.path.exists(model) else None
    try:
        if model is None:
            write(_found_here(machine or Machine()))
            return 0
        found = _named(model, machine)
        info = read_model(found.path)
        if options["n_ctx"] is None:
            options["n_ctx"] = _own_context(found)
    except ModelError as error:
        raise BadInput(str(error)) from None
    if info.missing:
        raise BadInput(f"{found.path}: {len(info.missing)} of {info.split[1]} parts are missing: {', '.join(info.missing[:4])}")
    settings = _settings(info, options)
    free, names = _free(vram, machine)
    prediction = predict(info, settings, free)
    enough = fits(prediction, free)
    better = [] if enough or not free else changes(info, settings, free)
    longest = longest_context(info, settings, free) if free else None
    text = (
        _json(info, prediction, free, names, better, longest)
        if form == "json"
        else _text(info, prediction, free, names, better, longest)
    )
    write(text)
    return 0 if enough or not free else 1


def _settings(info: ModelInfo, options: dict[str, Any]) -> Settings:
    from ..facts.prediction import ALL_LAYERS, Settings

    try:
        split = [float(one) for one in re.split(r"[,/]", options["tensor_split"])] if options["tensor_split"] else []
    except ValueError:
        raise BadInput(f"--tensor-split: {options['tensor_split']!r} is no list of numbers") from None
    trained = info.n_ctx_train if isinstance(info.n_ctx_train, int) else 4096
    return Settings(
        n_ctx=options["n_ctx"] or trained if options["n_ctx"] is not None else min(trained, 8192),
        n_parallel=options["parallel"], n_batch=options["batch"], n_ubatch=min(options["ubatch"], options["batch"]),
        cache_type_k=options["cache_type_k"], cache_type_v=options["cache_type_v"], flash_attention=options["flash_attn"] != "off",
        gpu_layers=ALL_LAYERS if options["gpu_layers"] < 0 else options["gpu_layers"], kv_unified=options["kv_unified"],
        swa_full=options["swa_full"], cpu_moe_layers=options["n_cpu_moe"], tensor_split=split,
    )  # fmt: skip


def _machine(source: Optional[str], deadline: float) -> Machine:
    """A saved machine, or this one."""
    from ..survey import storage, survey

    try:
        seen = storage.open_saved(source, deadline) if source else survey.look(storage.Recorder.live().host, deadline)
    except storage.StorageError as error:
        raise BadInput(str(error)) from None
    return seen.machine


def _named(model: str, machine: Optional[Machine]) -> FoundModel:
    """The file that a name stands for, always one of this machine. Raises ModelError."""
    from ..facts.machine import Machine
    from ..models.error import ModelError
    from ..survey import found_models, storage

    found = found_models.find(storage.Recorder.live().host, machine or Machine(), model)
    if os.path.isdir(found.path):
        raise ModelError(
            f"{found.path}: is a folder of safetensors; what llama.cpp loads is one GGUF file, and other engines are not known yet"
        )
    return found


def _own_context(found: FoundModel) -> Optional[int]:
    """num_ctx of an Ollama model that brings its own."""
    if found.manifest is None:
        return None
    from ..models.ollama_manifest import read_manifest, read_params
    from ..survey import storage

    host = storage.Recorder.live().host
    own = read_params(host, read_manifest(host, found.manifest)).get("num_ctx")
    return own if isinstance(own, int) and 0 < own < 1 << 30 else None


def _found_here(machine: Machine) -> str:
    from ..facts.units import show_bytes
    from ..survey import found_models, storage

    models = found_models.all_models(storage.Recorder.live().host, machine)
    if not models:
        return "No models were found here; name a GGUF file.\n"
    width = max(len(one.name) for one in models)
    return "".join(f"{one.name.ljust(width)}  {show_bytes(one.bytes).rjust(8)}  {one.runtime or one.path}\n" for one in models)


def _free(vram: tuple[int, ...], machine: Optional[Machine]) -> tuple[list[int], list[str]]:
    """Free bytes and name of each GPU: as told, or of the machine."""
    if vram or machine is None:
        return list(vram), [f"GPU{number}" for number in range(len(vram))]
    cards = [one for one in machine.gpus if one.integrated is not True] if isinstance(machine.gpus, list) else []
    known = [(one.vram_free_bytes, one.name) for one in cards if isinstance(one.vram_free_bytes, int)]
    return [free for free, _ in known], [name if isinstance(name, str) else "GPU" for _, name in known]


def _flags(settings: Settings) -> str:
    """The settings as llama-server takes them."""
    from ..facts.prediction import ALL_LAYERS

    parts = [f"-c {settings.n_ctx}", f"-ngl {99 if settings.gpu_layers >= ALL_LAYERS else settings.gpu_layers}"]
    if settings.cache_type_k != "f16" or settings.cache_type_v != "f16":
        parts.append(f"-fa on -ctk {settings.cache_type_k} -ctv {settings.cache_type_v}")
    elif not settings.flash_attention:
        parts.append("-fa off")
    parts += [f"-np {settings.n_parallel}"] if settings.n_parallel > 1 else []
    parts += [f"--n-cpu-moe {settings.cpu_moe_layers}"] if settings.cpu_moe_layers else []
    parts += [f"-ub {settings.n_ubatch}"] if settings.n_ubatch != 512 else []
    parts += ["-ts " + ",".join(f"{one:g}" for one in settings.tensor_split)] if settings.tensor_split else []
    return " ".join(parts)


def _text(
    info: ModelInfo, prediction: Prediction, free: list[int], names: list[str], better: list[Change], longest: Optional[int]
) -> str:
    from ..facts.units import show_bytes
    from ..fit.search import fits

    settings = prediction.settings
    parameters = f", {info.parameters / 1e9:.1f}B parameters" if isinstance(info.parameters, int) else ""
    lines = []
    if not free:
        lines.append("No GPU with known free memory is here: all of it goes to RAM. --vram 24GiB plans for another machine.")
    elif fits(prediction, free):
        lines.append(
            f"It fits, with {show_bytes(min(f - one.total_bytes for one, f in zip(prediction.devices, free)))} to spare."
        )
    else:
        short = max(one.total_bytes - f for one, f in zip(prediction.devices, free))
        lines.append(f"It does not fit: {show_bytes(short)} are missing.")
    lines += [
        "", f"{info.architecture} {info.quantization}{parameters}; {info.layers} layers, trained for {info.n_ctx_train} tokens", f"llama-server -m {info.path} {_flags(settings)}", "",
    ]  # fmt: skip
    rows: list[tuple[str, ...]] = [("", "weights", "KV cache", "work", "driver", "total", "free")]
    for one, name, have in zip(prediction.devices, names, free):
        rows.append((name, *_row(one), show_bytes(have)))
    rows.append(("RAM", *_row(prediction.ram), ""))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines += [
        "  ".join(
            cell.rjust(width) if number else cell.ljust(width) for number, (cell, width) in enumerate(zip(row, widths))
        ).rstrip()
        for row in rows
    ]
    for doubt in prediction.doubts:
        lines.append(f"An estimate: {doubt}.")
    if better:
        lines += ["", "What would make it fit (each alone):"]
        for number, change in enumerate(better, 1):
            left = min(f - one.total_bytes for one, f in zip(change.prediction.devices, free))
            lines += [
                f"  {number}) {change.says} {show_bytes(left)} stay free. (costs: {change.cost})",
                f"     llama-server -m {info.path} {_flags(change.settings)}",
            ]
    elif free and longest is not None and longest > settings.n_ctx and fits(prediction, free):
        lines += ["", f"Up to {longest} tokens of context would fit."]
    elif free and not fits(prediction, free):
        lines += ["", "Nothing that llmdoctor knows makes this model fit here; take a smaller quantisation or a smaller model."]
    return "\n".join(lines) + "\n"


def _row(one: Parts) -> tuple[str, ...]:
    from ..facts.units import show_bytes

    return tuple(
        show_bytes(size)
        for size in (one.weights_bytes, one.kv_cache_bytes, one.compute_bytes, one.overhead_bytes, one.total_bytes)
    )


def _json(
    info: ModelInfo, prediction: Prediction, free: list[int], names: list[str], better: list[Change], longest: Optional[int]
) -> str:
    import json

    import msgspec

    from .. import __version__

    def parts(one: Parts, name: str, have: Optional[int]) -> dict[str, Any]:
        return {
            "name": name, "weights_bytes": one.weights_bytes, "kv_cache_bytes": one.kv_cache_bytes, "compute_bytes": one.compute_bytes,
            "overhead_bytes": one.overhead_bytes, "total_bytes": one.total_bytes, "free_bytes": have, "fits": None if have is None else one.total_bytes <= have,
        }  # fmt: skip

    def settings(one: Settings) -> dict[str, Any]:
        return {name: getattr(one, name) for name in one.__struct_fields__}

    shape = msgspec.to_builtins(info)
    data = {
        "schema_version": 1, "tool_version": __version__,
        "model": {name: shape.get(name) for name in ("path", "format", "name", "architecture", "quantization", "parameters", "layers", "n_ctx_train")},
        "settings": settings(prediction.settings),
        "devices": [parts(one, name, have) for one, name, have in zip(prediction.devices, names, free)],
        "ram": parts(prediction.ram, "RAM", None), "certain": prediction.certain, "doubts": prediction.doubts, "longest_context": longest,
        "suggestions": [
            {"says": one.says, "cost": one.cost, "settings": settings(one.settings), "total_bytes": [part.total_bytes for part in one.prediction.devices]}
            for one in better
        ],
    }  # fmt: skip
    return json.dumps(data, indent=2, ensure_ascii=False) + "\n"
