"""Backwards: which settings fit, nearest to those that were asked for."""

from __future__ import annotations

from typing import Callable, NamedTuple, Optional, Sequence

import msgspec

from ..facts.model import ModelInfo
from ..facts.prediction import Prediction, Settings
from .llama_cpp import PAD_CONTEXT, predict

MARGIN_BYTES = 512 << 20
"""Left free on each GPU: what a desktop and a browser tab may take meanwhile. llama.cpp's own --fit leaves 1 GiB."""
LEAST_CONTEXT = 4096
"""A shorter context is no remedy: a system prompt and a question with its answer hardly go in."""


class Change(NamedTuple):
    """Settings that fit, and what was changed for that."""

    settings: Settings
    prediction: Prediction
    says: str
    cost: str


def fits(prediction: Prediction, free_bytes: Sequence[int], margin: int = 0) -> bool:
    return all(one.total_bytes + margin <= free for one, free in zip(prediction.devices, free_bytes))


def longest_context(
    info: ModelInfo, settings: Settings, free_bytes: Sequence[int], margin: int = MARGIN_BYTES
) -> Optional[int]:
    """The most tokens that fit with all else as it is, up to what the model was trained for; None where not even the least does."""
    most = info.n_ctx_train if isinstance(info.n_ctx_train, int) else 1 << 20
    return _largest(
        PAD_CONTEXT, max(most, PAD_CONTEXT), PAD_CONTEXT, lambda n_ctx: _with(info, settings, free_bytes, margin, n_ctx=n_ctx)
    )


def most_layers(info: ModelInfo, settings: Settings, free_bytes: Sequence[int], margin: int = MARGIN_BYTES) -> Optional[int]:
    """The most GPU layers that fit, the output counted; None where not even one does."""
    count = info.layers if isinstance(info.layers, int) else 0
    return _largest(1, count + 1, 1, lambda layers: _with(info, settings, free_bytes, margin, gpu_layers=layers))


def changes(info: ModelInfo, settings: Settings, free_bytes: Sequence[int], margin: int = MARGIN_BYTES) -> list[Change]:
    """What would make it fit, the most harmless first. Each alone is enough."""
    found: list[Change] = []

    def add(says: str, cost: str, **fields: object) -> bool:
        changed = msgspec.structs.replace(settings, **fields)
        prediction = predict(info, changed, free_bytes)
        if fits(prediction, free_bytes, margin):
            found.append(Change(changed, prediction, says, cost))
            return True
        return False

    eight = {"cache_type_k": "q8_0", "cache_type_v": "q8_0", "flash_attention": True}
    if not settings.flash_attention:
        add("Use flash attention.", "nothing", flash_attention=True)
    if settings.cache_type_k == "f16":
        add("Keep the KV cache in 8 bits.", "hardly any quality", **eight)
    for extra, also in (({}, ""), (eight, " and keep the KV cache in 8 bits")):
        if extra and settings.cache_type_k != "f16":
            continue
        shorter = longest_context(info, msgspec.structs.replace(settings, **extra), free_bytes, margin)
        if shorter is not None and LEAST_CONTEXT <= shorter < settings.n_ctx:
            add(f"Ask for a context of {shorter} tokens{also}.", "shorter conversations", n_ctx=shorter, **extra)
    count = info.layers if isinstance(info.layers, int) else 0
    if info.experts and count:
        # Counted down from all layers: the fewer of them keep their experts in RAM, the more the GPU holds.
        spared = _largest(
            0, count - settings.cpu_moe_layers, 1,
            lambda spare: _with(info, settings, free_bytes, margin, cpu_moe_layers=count - spare),
        )  # fmt: skip
        if spared is not None and spared < count - settings.cpu_moe_layers:
            number = count - spared
            add(f"Keep the experts of the first {number} layers in RAM.", "speed", cpu_moe_layers=number)
    layers = most_layers(info, settings, free_bytes, margin)
    if layers is not None and layers < min(settings.gpu_layers, count + 1):
        add(f"Put {layers} of {count + 1} layers onto the GPU.", "speed", gpu_layers=layers)
    return found


def _with(info: ModelInfo, settings: Settings, free_bytes: Sequence[int], margin: int, **fields: int) -> bool:
    return fits(predict(info, msgspec.structs.replace(settings, **fields), free_bytes), free_bytes, margin)


def _largest(least: int, most: int, step: int, holds: Callable[[int], bool]) -> Optional[int]:
    """The largest multiple of ``step`` in the range for which it holds, if what holds for more holds for less too."""
    low, high = least // step, most // step
    if not holds(low * step):
        return None
    while low < high:
        middle = (low + high + 1) // 2
        if holds(middle * step):
            low = middle
        else:
            high = middle - 1
    return low * step
