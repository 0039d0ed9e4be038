"""What an engine takes, whether that is free, how fast it will be, and what would make it fit."""

from __future__ import annotations

from typing import NamedTuple, Optional, Sequence

import msgspec

from ..facts.model import ModelInfo
from ..facts.prediction import Prediction, Settings, TorchSettings
from ..facts.target import Target
from . import llama_cpp, transformers
from .command import Command, rewrite
from .compare import Variant, variants
from .llama_command import llama_server
from .search import MARGIN_BYTES, changes, fits, longest_context
from .speed import Speed, decode_speed

RULE_OF_THUMB = 1.2
"""Parameters times bits, and a fifth for all else: M = P×Q/8×1.2."""


class Remedy(NamedTuple):
    says: str
    cost: str
    command: str
    prediction: Prediction


class Plan(NamedTuple):
    engine: str
    info: ModelInfo
    targets: Sequence[Target]
    prediction: Prediction
    command: str
    fits: bool
    remedies: list[Remedy]
    longest: Optional[int]
    """Tokens of context that fit with all else as it is."""
    speed: Optional[Speed]
    compared: list[Variant]
    notes: list[str]
    why: Optional[str] = None
    """Of a server that would not start: its reason, in one line."""


def for_llama_cpp(
    info: ModelInfo,
    settings: Settings,
    targets: Sequence[Target],
    compare: bool = False,
    command: Optional[Command] = None,
    search: bool = True,
) -> Plan:
    """``command`` is the line that asked for these settings: remedies are then that line, changed. Without ``search`` neither
    remedies nor the longest context are looked for, which takes most of the time."""
    free = [one.free_bytes for one in targets]
    bandwidths = [one.bandwidth_bytes_per_s for one in targets]
    prediction = llama_cpp.predict(info, settings, free)
    enough = fits(prediction, free)

    def line(asked: Settings) -> str:
        return rewrite(command, asked) if command is not None else llama_server(info.path, asked)

    better = [] if enough or not free or not search else changes(info, settings, free)
    return Plan(
        "llama.cpp", info, targets, prediction, line(settings), enough,
        [Remedy(one.says, one.cost, line(one.settings), one.prediction) for one in better],
        longest_context(info, settings, free) if free and search else None, decode_speed(info, prediction, bandwidths),
        variants(info, settings, free, bandwidths) if compare else [], command.notes if command else [],
    )  # fmt: skip


def for_transformers(info: ModelInfo, settings: TorchSettings, targets: Sequence[Target]) -> Plan:
    """On the first GPU alone."""
    target = targets[0] if targets else None
    prediction = transformers.predict(info, settings)
    total = prediction.devices[0].total_bytes
    enough = target is None or total <= target.free_bytes
    remedies = []
    longest = transformers.longest_context(info, settings, target.free_bytes, MARGIN_BYTES) if target else None
    if target and not enough:
        remedies = _for_less(info, settings, target.free_bytes, longest)
    return Plan(
        "transformers", info, targets[:1], prediction, _code(info.path, settings), enough, remedies, longest, None, [], [],
    )  # fmt: skip


def _for_less(info: ModelInfo, settings: TorchSettings, free: int, longest: Optional[int]) -> list[Remedy]:
    found = []

    def add(says: str, cost: str, **fields: object) -> None:
        changed = msgspec.structs.replace(settings, **fields)
        prediction = transformers.predict(info, changed)
        if prediction.devices[0].total_bytes + MARGIN_BYTES <= free:
            found.append(Remedy(says, cost, _code(info.path, changed), prediction))

    if settings.dtype == "float32":
        add("Load it in 16 bits.", "nothing that is seen", dtype="bfloat16")
    if settings.attention == "eager":
        add("Use PyTorch's own attention (sdpa).", "nothing", attention="sdpa")
    if settings.batch > 1:
        add("Give it one prompt at a time.", "speed for many prompts", batch=1)
    if longest is not None and longest >= 512:
        add(f"Keep prompt and answer within {longest} tokens.", "shorter conversations", n_ctx=longest)
    return found


def _code(path: str, settings: TorchSettings) -> str:
    return (
        f'AutoModelForCausalLM.from_pretrained("{path}", dtype=torch.{settings.dtype}, '
        f'attn_implementation="{settings.attention}", device_map="cuda:0")'
    )


def rule_of_thumb_bytes(info: ModelInfo) -> Optional[int]:
    """For comparison: what the usual rule says."""
    if not isinstance(info.parameters, int) or not info.parameters:
        return None
    return round(sum(one.bytes for one in info.tensors) * RULE_OF_THUMB)
