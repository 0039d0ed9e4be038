"""``llmdoctor fit``: will a model fit, how fast, and what would make it fit."""

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
    from ..facts.prediction import ExllamaSettings, ServerSettings, Settings, TorchSettings
    from ..facts.target import Target
    from ..fit.command import Command
    from ..fit.plan import Plan
    from ..fit.server_command import ServerCommand
    from ..survey.model_folders import FoundModel

_CACHE_TYPES = ["f32", "f16", "bf16", "q8_0", "q5_1", "q5_0", "q4_1", "q4_0", "iq4_nl"]
_SERVERS = ("vllm", "sglang", "exllamav2", "exllamav3")
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


@click.command(short_help="Will a model fit, how fast, and what would make it fit.")
@click.argument("words", metavar="[MODEL | -- COMMAND…]", nargs=-1)
@click.option(
    "--runtime",
    type=click.Choice(["llama.cpp", "transformers", "vllm", "sglang", "exllamav2", "exllamav3"]),
    help="Whose memory; by the model's files if not told.",
)
@click.option(
    "--ctx",
    "-c",
    "n_ctx",
    type=click.IntRange(0, 1 << 30),
    help="Tokens of context, of all slots together; 0: the model's own. With transformers those of prompt and answer.",
)
@click.option("--gpu-layers", "-ngl", type=click.IntRange(-1, 1 << 20), default=-1, help="Layers on the GPU; -1: all.")
@click.option("--cache-type-k", "-ctk", type=click.Choice(_CACHE_TYPES), default="f16")
@click.option("--cache-type-v", "-ctv", type=click.Choice(_CACHE_TYPES), default="f16")
@click.option("--batch", "-b", type=click.IntRange(1, 1 << 20), help="llama.cpp: n_batch; transformers: prompts at once.")
@click.option("--ubatch", "-ub", type=click.IntRange(1, 1 << 20), default=512)
@click.option("--parallel", "-np", type=click.IntRange(1, 1 << 12), default=1, help="Slots.")
@click.option("--kv-unified", "-kvu", is_flag=True, help="One cache for all slots.")
@click.option("--no-kv-offload", "-nkvo", is_flag=True, help="The KV cache in RAM.")
@click.option("--swa-full", is_flag=True, help="Full caches for sliding layers.")
@click.option("--flash-attn", "-fa", type=click.Choice(["on", "off", "auto"]), default="auto")
@click.option("--n-cpu-moe", "-ncmoe", type=click.IntRange(0, 1 << 12), default=0, help="Layers whose experts stay in RAM.")
@click.option("--tensor-split", "-ts", help="Shares of the GPUs, such as 3,1.")
@click.option("--dtype", type=click.Choice(["bfloat16", "float16", "float32"]), help="transformers: that of the weights.")
@click.option("--attn", type=click.Choice(["sdpa", "eager"]), default="sdpa", help="transformers: attn_implementation.")
@click.option("--new-tokens", type=click.IntRange(1, 1 << 20), default=16, help="transformers: those of the answer.")
@click.option(
    "--gpu-memory-utilization", type=click.FloatRange(0, 1, min_open=True), help="vllm, and sglang's mem-fraction-static."
)
@click.option(
    "--kv-cache-dtype", type=click.Choice(["auto", "fp8", "fp8_e4m3", "fp8_e5m2"]), default="auto", help="vllm, sglang."
)
@click.option(
    "--tensor-parallel-size", "-tp", type=click.IntRange(1, 64), default=1, help="vllm, sglang: GPUs that share each layer."
)
@click.option("--enforce-eager", is_flag=True, help="vllm, sglang: no CUDA graphs.")
@click.option(
    "--cache-mode",
    default="FP16",
    help="exllamav2: FP16, FP8, Q8, Q6, Q4; exllamav3: FP16, or bits of keys and values, as 8,4.",
)
@click.option(
    "--engine-version", help="vllm: its version, as 0.11.0; by default the one that is installed here, or the newest known."
)
@click.option("--compare", is_flag=True, help="Other quantisations beside this one.")
@click.option("--vram", type=SIZE, multiple=True, help="Plan for GPUs with so much free memory, one option each.")
@click.option(
    "--gpu", multiple=True, metavar="NAME", help='Plan for such GPUs, for example "RTX 3090"; --vram tells what is free.'
)
@click.option("--from", "source", metavar="FILE", help="Plan for a saved machine.")
@click.option("--format", "form", type=click.Choice(["terminal", "json"]), default="terminal", help="How to print it.")
@common.DEADLINE
def fit(
    words: tuple[str, ...], vram: tuple[int, ...], gpu: tuple[str, ...], source: Optional[str], form: str, deadline: float, compare: bool,
    **options: Any,
) -> int:  # fmt: skip
    """Say what MODEL will take of each GPU, whether that is free, how fast it will answer, and what would make it fit.

    MODEL is a GGUF file or a folder of safetensors, an Ollama name such as llama3.1:8b, or the name of a model found here; without it
    those are listed. After -- a whole command is read (llama-server, llama-cli, koboldcpp, text-generation-webui's server.py,
    ollama run, vllm serve, sglang.launch_server, TabbyAPI's main.py), and what to change in it is told. Exit status: 0 it fits, 1 it does not, 2 bad input.
    """
    from .. import __version__
    from ..facts.machine import Machine
    from ..fit import plan
    from ..fit.command import asked_settings
    from ..fit.targets import targets_of
    from ..models.any_model import read_any
    from ..models.error import ModelError
    from ..report import fit_json, fit_text
    from ..report.output import write

    served = _served(words)
    command = None if served else _command(words)
    model = served.model if served else command.model if command else words[0] if words else None
    planned = _planned(vram, gpu)
    machine = _machine(source, deadline) if not planned or model is None or not os.path.exists(model) else None
    try:
        if model is None:
            write(_found_here(machine or Machine()))
            return 0
        found = _named(model, machine)
        info = read_any(found.path)
        if options["n_ctx"] is None:
            options["n_ctx"] = _own_context(found)
    except ModelError as error:
        raise BadInput(str(error)) from None
    if info.missing:
        raise BadInput(f"{found.path}: {len(info.missing)} of {info.split[1]} parts are missing: {', '.join(info.missing[:4])}")
    if options["runtime"] == "llama.cpp" and info.format != "gguf":
        raise BadInput(
            f"{found.path}: llama.cpp loads GGUF files, this is a folder of safetensors; --runtime transformers reckons with it"
        )
    if options["runtime"] == "transformers" and info.format == "gguf":
        raise BadInput(f"{found.path}: --runtime transformers needs a folder of safetensors, this is a GGUF file")
    targets = planned or targets_of(machine)
    settings: Settings | TorchSettings | ServerSettings | ExllamaSettings
    if served or options["runtime"] in _SERVERS:
        if info.format == "gguf":
            raise BadInput(f"{found.path}: for this program a folder of safetensors is reckoned with, this is a GGUF file")
        made, settings = _server_plan(info, served, options, targets, machine)
    elif info.format == "gguf":
        by_ollama = found.manifest is not None or (command is not None and command.program == "ollama")
        settings = asked = (
            asked_settings(command, info, targets, by_ollama) if command else _settings(info, options, targets, by_ollama)
        )
        made = plan.for_llama_cpp(info, asked, targets, compare, command)
    else:
        settings = by_torch = _torch_settings(info, options)
        made = plan.for_transformers(info, by_torch, targets)
    write(fit_json.text(made, settings, __version__) if form == "json" else fit_text.text(made))
    return 0 if made.fits or not targets else 1


def _served(words: tuple[str, ...]) -> Optional[ServerCommand]:
    from ..fit import server_command
    from ..fit.command import CommandError

    if len(words) < 2 or server_command.find(words) is None:
        return None
    try:
        return server_command.read(words)
    except CommandError as error:
        raise BadInput(f"{' '.join(words)[:120]}: {error}") from None


def _server_plan(
    info: ModelInfo, served: Optional[ServerCommand], options: dict[str, Any], targets: list[Target], machine: Optional[Machine]
) -> tuple[Plan, ServerSettings | ExllamaSettings]:
    import msgspec

    from ..facts.prediction import ExllamaSettings, ServerSettings
    from ..fit import serving

    engine = served.engine if served else str(options["runtime"])
    if engine in ("vllm", "sglang"):
        asked = served.settings if served else ServerSettings(
            max_model_len=options["n_ctx"] or 0, gpu_memory_utilization=options["gpu_memory_utilization"] or 0.0,
            max_num_batched_tokens=options["batch"] or 0, max_num_seqs=options["parallel"] if options["parallel"] > 1 else 0,
            kv_cache_dtype=options["kv_cache_dtype"], dtype=options["dtype"] or "auto",
            tensor_parallel_size=options["tensor_parallel_size"], enforce_eager=options["enforce_eager"],
        )  # fmt: skip
        assert isinstance(asked, ServerSettings)
        if engine == "vllm":
            asked = msgspec.structs.replace(asked, version=options["engine_version"] or _installed_version(machine, engine))
        return serving.for_server(engine, info, asked, targets, served), serving.resolved(engine, info, asked, targets)
    loader = served.settings if served else ExllamaSettings(max_seq_len=options["n_ctx"] or 0, cache_mode=options["cache_mode"])
    assert isinstance(loader, ExllamaSettings)
    try:
        return serving.for_exllama(int(engine[-1]), info, loader, targets, served), loader
    except ValueError as error:
        raise BadInput(str(error)) from None


def _installed_version(machine: Optional[Machine], runtime: str) -> str:
    found = machine.runtimes.get(runtime) if machine is not None else None
    return found.version if found is not None and isinstance(found.version, str) else ""


def _command(words: tuple[str, ...]) -> Optional[Command]:
    from ..fit import command

    if not command.is_command(words):
        return None
    try:
        return command.read(words)
    except command.CommandError as error:
        raise BadInput(f"{' '.join(words)[:120]}: {error}") from None


def _settings(info: ModelInfo, options: dict[str, Any], targets: list[Target], by_ollama: bool) -> Settings:
    from ..facts.prediction import ALL_LAYERS, Settings
    from ..fit.command import ollama_context, vram_of

    try:
        split = [float(one) for one in re.split(r"[,/]", options["tensor_split"])] if options["tensor_split"] else []
    except ValueError:
        raise BadInput(f"--tensor-split: {options['tensor_split']!r} is no list of numbers") from None
    trained = info.n_ctx_train if isinstance(info.n_ctx_train, int) else 4096
    batch = options["batch"] or 2048
    usual = ollama_context(vram_of(targets), trained) if by_ollama else min(trained, 8192)
    return Settings(
        n_ctx=options["n_ctx"] or trained if options["n_ctx"] is not None else usual,
        n_parallel=options["parallel"], n_batch=batch, n_ubatch=min(options["ubatch"], batch),
        cache_type_k=options["cache_type_k"], cache_type_v=options["cache_type_v"], flash_attention=options["flash_attn"] != "off",
        gpu_layers=ALL_LAYERS if options["gpu_layers"] < 0 else options["gpu_layers"], kv_unified=options["kv_unified"],
        kv_offload=not options["no_kv_offload"], swa_full=options["swa_full"], cpu_moe_layers=options["n_cpu_moe"], tensor_split=split,
    )  # fmt: skip


def _torch_settings(info: ModelInfo, options: dict[str, Any]) -> TorchSettings:
    from ..facts.prediction import TorchSettings

    told = info.metadata.get("dtype")
    dtype = options["dtype"] or (told if told in ("bfloat16", "float16", "float32") else "bfloat16")
    trained = info.n_ctx_train if isinstance(info.n_ctx_train, int) else 4096
    return TorchSettings(
        n_ctx=options["n_ctx"] or trained if options["n_ctx"] is not None else min(trained, 4096),
        new_tokens=options["new_tokens"], batch=options["batch"] or 1, dtype=str(dtype), attention=options["attn"],
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
    from ..survey import found_models, storage

    return found_models.find(storage.Recorder.live().host, machine or Machine(), model)


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


def _planned(vram: tuple[int, ...], gpu: tuple[str, ...]) -> list[Target]:
    """GPUs that somebody thinks of: by name, by size, or a name with another size."""
    from ..catalogs.gpus import find_gpu
    from ..facts.target import Target

    targets = []
    for number in range(max(len(vram), len(gpu))):
        size = vram[number] if number < len(vram) else None
        if number >= len(gpu):
            targets.append(Target(f"GPU{number}", size or 0))
            continue
        known = find_gpu(gpu[number], size)
        if known is None or (known.vram_bytes is None and size is None):
            raise BadInput(f"--gpu: {gpu[number]!r} is not in the catalogue; --vram 24GiB tells its memory")
        whole = known.vram_bytes or size or 0
        targets.append(Target(known.name, whole if size is None else size, whole, known.memory_bandwidth_bytes_per_s))
    return targets
