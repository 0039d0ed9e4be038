"""What the fit screen reckons with: a model, what may be turned on it, and the plan for what was chosen. Nothing of Textual."""

from __future__ import annotations

import re
from typing import Any, NamedTuple, Optional, Sequence, Union

import msgspec

from ..catalogs.quantizations import TABLE, in_words, loss_of
from ..facts.machine import Machine
from ..facts.model import ModelInfo
from ..facts.prediction import ALL_LAYERS, Parts, Settings, TorchSettings
from ..facts.run import Run
from ..facts.target import Target
from ..fit import plan
from ..fit.compare import quantized
from ..fit.plan import Plan

AnySettings = Union[Settings, TorchSettings]
USUAL_CONTEXT = 8192
CONTEXTS = tuple(one << 10 for one in (1, 2, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 512, 1024))


class Turn(NamedTuple):
    """Something that may be turned."""

    field: str
    """Of the settings; ``quantization`` for the model's own."""
    label: str
    choices: list[tuple[Any, str]]
    """Values with their words, the least first."""


class Chosen(NamedTuple):
    info: ModelInfo
    settings: AnySettings
    quantization: Optional[str]
    """None: as the file is."""


def begin(info: ModelInfo) -> Chosen:
    """As a user would start it: a context of 8192 tokens or what the model was trained for, all on the GPU."""
    trained = info.n_ctx_train if isinstance(info.n_ctx_train, int) else USUAL_CONTEXT
    if info.format == "gguf":
        return Chosen(info, Settings(n_ctx=min(trained, USUAL_CONTEXT)), None)
    told = info.metadata.get("dtype")
    dtype = str(told) if told in ("bfloat16", "float16", "float32") else "bfloat16"
    return Chosen(info, TorchSettings(n_ctx=min(trained, USUAL_CONTEXT), dtype=dtype), None)


def begin_as(info: ModelInfo, run: Run) -> Chosen:
    """As a log's run was started, where it tells."""
    chosen = begin(info)
    if not isinstance(chosen.settings, Settings):
        return chosen
    told = {
        "n_ctx": run.n_ctx, "n_parallel": run.n_parallel, "n_batch": run.n_batch, "n_ubatch": run.n_ubatch, "cache_type_k": run.cache_type_k,
        "cache_type_v": run.cache_type_v, "flash_attention": run.flash_attention, "gpu_layers": run.gpu_layers_requested,
    }  # fmt: skip
    known = {name: value for name, value in told.items() if isinstance(value, (int, str))}
    if known.get("gpu_layers", 0) == -1 or "gpu_layers" not in known:
        known["gpu_layers"] = ALL_LAYERS
    return chosen._replace(settings=msgspec.structs.replace(chosen.settings, **known))


def turns(info: ModelInfo) -> list[Turn]:
    trained = info.n_ctx_train if isinstance(info.n_ctx_train, int) else CONTEXTS[-1]
    contexts = sorted({one for one in CONTEXTS if one < trained} | {trained})
    context = Turn("n_ctx", "Context", [(one, f"{one:,} tokens") for one in contexts])
    if info.format != "gguf":
        batches = [(one, f"{one} prompt{'s' * (one > 1)} at once") for one in (1, 2, 4, 8, 16, 32)]
        kinds = [(one, one) for one in ("bfloat16", "float16", "float32")]
        return [context, Turn("batch", "Batch", batches), Turn("dtype", "Weights", kinds)]
    layers = info.layers if isinstance(info.layers, int) else 0
    found = [
        context,
        Turn("cache_type_k", "KV cache", [("q4_0", "4 bits (q4_0)"), ("q8_0", "8 bits (q8_0)"), ("f16", "16 bits (f16)")]),
        Turn("quantization", "Quantisation", _quantizations(info)),
        Turn(
            "gpu_layers", "GPU layers", [*((one, f"{one} of {layers + 1}") for one in range(layers + 1)), (ALL_LAYERS, "all")]
        ),
        Turn("n_parallel", "Slots", [(one, f"{one} at once") for one in (1, 2, 4, 8, 16)]),
    ]
    if info.experts:
        found.append(
            Turn("cpu_moe_layers", "MoE in RAM", [(one, f"experts of {one}" if one else "none") for one in range(layers + 1)])
        )
    return found


def _quantizations(info: ModelInfo) -> list[tuple[Optional[str], str]]:
    """From the smallest to the largest; the file's own is None."""
    own = info.quantization if isinstance(info.quantization, str) else "this file"
    names: list[tuple[Optional[str], str]] = [
        (one.name, one.name) for one in reversed(TABLE) if quantized(info, one) is not None
    ]
    here = next((number for number, (name, _) in enumerate(names) if name == own), None)
    if here is None:
        return [(None, f"{own} (this file)"), *names]
    names[here] = (None, f"{own} (this file)")
    return names


def value_of(chosen: Chosen, field: str) -> Any:
    return chosen.quantization if field == "quantization" else getattr(chosen.settings, field)


def turn(chosen: Chosen, field: str, value: Any) -> Chosen:
    """With one thing changed, and what hangs on it."""
    if field == "quantization":
        return chosen._replace(quantization=value)
    changed: dict[str, Any] = {field: value}
    if field == "cache_type_k":
        # Both halves alike; a cache in fewer bits needs flash attention (llama.cpp, src/llama-context.cpp).
        changed["cache_type_v"] = value
        changed["flash_attention"] = True
    if field == "gpu_layers" and value == 0:
        changed["gpu_layers"] = 0
    return chosen._replace(settings=msgspec.structs.replace(chosen.settings, **changed))


def plan_for(chosen: Chosen, targets: Sequence[Target], search: bool) -> Plan:
    """``search``: also what would make it fit. Raises ModelError and the like for a model that is not understood."""
    if isinstance(chosen.settings, TorchSettings):
        return plan.for_transformers(chosen.info, chosen.settings, targets)
    return plan.for_llama_cpp(_as_chosen(chosen), chosen.settings, targets, search=search)


def _as_chosen(chosen: Chosen) -> ModelInfo:
    """The model in the chosen quantisation, under the name that its file would have."""
    info = chosen.info
    other = next((one for one in TABLE if one.name == chosen.quantization), None)
    changed = quantized(info, other) if other is not None else None
    if changed is None or other is None:
        return info
    own = re.escape(str(info.quantization))
    path = re.sub(own, lambda found: other.name if found[0].isupper() else other.name.lower(), info.path, flags=re.IGNORECASE)
    return msgspec.structs.replace(changed, path=path, quantization=other.name)


def quality(chosen: Chosen) -> str:
    name = chosen.quantization or (chosen.info.quantization if isinstance(chosen.info.quantization, str) else None)
    loss = loss_of(name) if name else None
    return in_words(loss) if loss is not None else "not measured for this quantisation"


def bars(made: Plan, machine: Optional[Machine]) -> list[tuple[Parts, Target]]:
    """Each device with what is free there; RAM last, where anything goes there."""
    found = list(zip(made.prediction.devices, made.targets))
    ram = made.prediction.ram
    memory = machine.memory if machine is not None else None
    if ram.total_bytes and memory is not None and isinstance(memory.available_bytes, int):
        total = memory.total_bytes if isinstance(memory.total_bytes, int) else None
        found.append((ram, Target("RAM", memory.available_bytes, total)))
    return found
