"""Plans for programs that serve from a pool (vLLM, SGLang) or a cache of fixed length (ExLlama): does it start, and what to change."""

from __future__ import annotations

import math
import shlex
from typing import Optional, Sequence, Union

import msgspec

from ..facts.model import ModelInfo
from ..facts.prediction import ExllamaSettings, Prediction, ServerSettings
from ..facts.target import Target
from . import exllama, sglang, vllm
from .plan import Plan, Remedy
from .search import LEAST_CONTEXT, MARGIN_BYTES
from .server_command import ServerCommand, line, rewrite
from .server_shape import Known
from .vllm import CONTEXT_BYTES, GRAPHS_BYTES, visible_bytes
from .vllm_defaults import longest_allowed, with_defaults

MOST_SHARE = 0.97
"""More of a card leaves no room for CUDA graphs and for what PyTorch's allocator loses between blocks."""
_FEWER_REQUESTS = (128, 32, 8)
_LONGER = (
    "VLLM_ALLOW_LONG_MAX_MODEL_LEN=",
    "SGLANG_ALLOW_OVERWRITE_LONGER_CONTEXT_LEN=",
    "rope-scaling",
    "hf-overrides",
    "json-model-override-args",
)
"""What in a line allows more tokens than config.json tells."""
_NO_GPU = "it needs a GPU, and none with known free memory is here. --vram 24GiB or --gpu NAME plans for another machine."

Asked = Union[ServerSettings, ExllamaSettings]


def for_server(
    engine: str, info: ModelInfo, settings: ServerSettings, targets: Sequence[Target], command: Optional[ServerCommand] = None
) -> Plan:
    """``engine``: vllm or sglang. On as many of the first GPUs as are asked for."""
    made = sglang if engine == "sglang" else vllm
    asked = resolved(engine, info, settings, targets)
    known: Known = {}
    prediction = made.predict(info, settings, targets, known)
    used = targets[: len(prediction.devices)]
    why = (_refused(info, asked, command) or vllm.starts(prediction, asked, used)) if targets else _NO_GPU
    remedies = _changes(engine, info, asked, settings, used, targets, command, known) if why and targets else []
    pool = prediction.pool
    trained = info.n_ctx_train if isinstance(info.n_ctx_train, int) else asked.max_model_len
    return Plan(
        engine, info, used, prediction, _line(engine, info, settings, command), not why, remedies,
        min(pool.longest, trained) if pool and targets else None, None, [], command.notes if command else [], why,
    )  # fmt: skip


def _refused(info: ModelInfo, asked: ServerSettings, command: Optional[ServerCommand]) -> Optional[str]:
    """Why it does not begin to load, in one line."""
    if any(heads % asked.tensor_parallel_size for heads in info.heads):
        return f"{asked.tensor_parallel_size} GPUs cannot share {max(info.heads)} heads evenly (tensor_parallel_size)."
    most = longest_allowed(info)
    let = command is not None and any(one.lstrip("-").startswith(_LONGER) for one in command.words)
    if most is not None and asked.max_model_len > most and not let:
        return f"max_model_len may be at most {most} by the model's config.json, and {asked.max_model_len} are asked for."
    return None


def resolved(engine: str, info: ModelInfo, settings: ServerSettings, targets: Sequence[Target]) -> ServerSettings:
    """With the program's own choices where nothing is told."""
    first = targets[0] if targets else Target("GPU0", 0)
    return (sglang.with_defaults if engine == "sglang" else with_defaults)(info, settings, first)


def _changes(
    engine: str,
    info: ModelInfo,
    asked: ServerSettings,
    settings: ServerSettings,
    used: Sequence[Target],
    targets: Sequence[Target],
    command: Optional[ServerCommand],
    known: Known,
) -> list[Remedy]:
    """What would make it start, the most harmless first; each alone is enough."""
    made = sglang if engine == "sglang" else vllm
    found: list[Remedy] = []

    def add(says: str, cost: str, **fields: object) -> bool:
        changed = msgspec.structs.replace(settings, **fields)
        prediction = made.predict(info, changed, targets, known)
        gpus = targets[: len(prediction.devices)]
        wanted = resolved(engine, info, changed, gpus)
        if (_refused(info, wanted, command) or vllm.starts(prediction, wanted, gpus)) is None:
            found.append(Remedy(says, cost, _line(engine, info, changed, command), prediction))
            return True
        return False

    share = _fitting_share(used)
    flag = "mem_fraction_static" if engine == "sglang" else "gpu_memory_utilization"
    base: dict[str, object] = {}
    if share < asked.gpu_memory_utilization:
        add(f"Set {flag} to {share:g}: others hold the rest.", "room for fewer requests", gpu_memory_utilization=share)
        base = {"gpu_memory_utilization": share}
    elif share > asked.gpu_memory_utilization:
        add(f"Set {flag} to {share:g}.", "nothing, if nobody else needs the card", gpu_memory_utilization=share)
    if engine == "vllm":
        fewer = [one for one in _FEWER_REQUESTS if one < asked.max_num_seqs]
        any(
            add(f"Take at most {one} requests at once (max_num_seqs).", "speed for many users", max_num_seqs=one, **base)
            for one in fewer
        )
        if not asked.enforce_eager:
            add("Leave out CUDA graphs (enforce_eager).", "speed", enforce_eager=True, **base)
    eight = {"kv_cache_dtype": "fp8_e5m2" if engine == "sglang" else "fp8"}
    if asked.kv_cache_dtype == "auto":
        add("Keep the cache in 8 bits (kv_cache_dtype).", "hardly any quality", **eight, **base)
    offered = 0
    for extra, also in (({}, ""), (eight, " with the cache in 8 bits")):
        changed = msgspec.structs.replace(settings, **extra, **base)
        pool = made.predict(info, changed, targets, known).pool
        most = longest_allowed(info) or 1 << 30
        shorter = min(pool.longest // 256 * 256, most) if pool else 0
        if max(LEAST_CONTEXT, offered + 1) <= shorter < asked.max_model_len:
            offered = shorter
            add(
                f"Ask for {shorter} tokens (max_model_len){also}.",
                "shorter conversations",
                max_model_len=shorter,
                **extra,
                **base,
            )
    for count in (2, 4, 8):
        if asked.tensor_parallel_size < count <= len(targets) and all(heads % count == 0 for heads in info.heads):
            add(f"Spread it over {count} GPUs (tensor_parallel_size).", "the other GPUs", tensor_parallel_size=count, **base)
    return found


def _fitting_share(used: Sequence[Target]) -> float:
    """The largest share that what is free allows, in hundredths."""
    shares = []
    for one in used:
        whole = visible_bytes(one)
        held = max((one.total_bytes or one.free_bytes) - one.free_bytes, 0)
        shares.append((whole - held - CONTEXT_BYTES - GRAPHS_BYTES) / whole if whole else 0)
    return max(math.floor(min(shares, default=0) * 100) / 100, 0.01) if min(shares, default=0) < MOST_SHARE else MOST_SHARE


def _line(engine: str, info: ModelInfo, settings: Asked, command: Optional[ServerCommand]) -> str:
    return rewrite(command, settings) if command is not None else line(engine, shlex.quote(info.path), settings)


def for_exllama(
    version: int, info: ModelInfo, settings: ExllamaSettings, targets: Sequence[Target], command: Optional[ServerCommand] = None
) -> Plan:
    """Raises ValueError for a cache mode that there is not."""
    engine = f"exllamav{version}"
    prediction = exllama.predict(info, settings, targets, version)
    found: list[Remedy] = []
    enough = _fits(prediction, targets)

    def add(says: str, cost: str, **fields: object) -> None:
        changed = msgspec.structs.replace(settings, **fields)
        made = exllama.predict(info, changed, targets, version)
        if _fits(made, targets, MARGIN_BYTES):
            found.append(Remedy(says, cost, _line(engine, info, changed, command), made))

    longest = exllama.longest(info, settings, targets, version, MARGIN_BYTES) if targets else None
    if targets and not enough:
        for mode in ("Q8", "Q6", "Q4"):
            if settings.cache_mode.upper() in ("FP16", "FP8"):
                add(
                    f"Keep the cache in {mode[1:]} bits.",
                    "hardly any quality" if mode != "Q4" else "a little quality",
                    cache_mode=mode,
                )
        if longest is not None and LEAST_CONTEXT <= longest < prediction.settings.n_ctx:
            add(f"Ask for a context of {longest} tokens.", "shorter conversations", max_seq_len=longest, cache_size=0)
    return Plan(
        engine, info, targets, prediction, _line(engine, info, settings, command), enough, found, longest, None, [],
        command.notes if command else [], None if targets else _NO_GPU,
    )  # fmt: skip


def _fits(prediction: Prediction, targets: Sequence[Target], margin: int = 0) -> bool:
    return all(part.total_bytes + margin <= one.free_bytes for part, one in zip(prediction.devices, targets))
