"""How fast an answer comes: for each token the weights in use and the cache are read once.

Of the memory's peak bandwidth programs reach 60 to 85 %, and each token costs 0.5 to 4 ms beside that. Both follow from llama-bench's
figures (token generation of 7B and 8B models at 4 bits): a P40 57, an RTX 3090 Ti 160, an RTX 4090 190, an A100 145 tokens per second
(ggml-org/llama.cpp pull requests 4766, 3776 and 7860; mlc-ai/llm-perf-bench pull request 1).
"""

from __future__ import annotations

import re
from typing import NamedTuple, Optional, Sequence

from ..facts.model import ModelInfo
from ..facts.prediction import Prediction

_REACHED = (0.6, 0.85)
_EACH_TOKEN_S = (0.004, 0.0005)
RAM_BYTES_PER_S = (35e9, 85e9)
"""Two channels of DDR4-2666 to DDR5-5600 at four fifths of their peak; what this machine has was not measured."""

_EXPERT = re.compile(r"\.ffn_(?:up|down|gate|gate_up)_exps\.")


def peak_of(measured_read_bytes_per_s: int) -> int:
    """What stands in a peak's place where plain reads of the memory were measured: no program reads faster than they do."""
    return round(measured_read_bytes_per_s / _REACHED[1])


class Speed(NamedTuple):
    """Tokens per second of one answer, the slowest and the fastest that are likely."""

    slowest: float
    fastest: float


def decode_speed(
    info: ModelInfo, prediction: Prediction, bandwidths: Sequence[Optional[int]], used_tokens: Optional[int] = None
) -> Optional[Speed]:
    """``bandwidths`` are the GPUs' peaks in bytes per second; None where a GPU with weights is not known.

    ``used_tokens``: of the context, a quarter if not told.
    """
    active = _active_share(info)
    used = (used_tokens or prediction.settings.n_ctx // 4) / max(prediction.settings.n_ctx, 1)
    times = list(_EACH_TOKEN_S)
    for part, bandwidth in zip(prediction.devices, bandwidths):
        read = part.weights_bytes * active + part.kv_cache_bytes * used
        if not read:
            continue
        if not bandwidth:
            return None
        times = [time + read / (bandwidth * reached) for time, reached in zip(times, _REACHED)]
    in_ram = max(prediction.ram.weights_bytes - _embeddings(info), 0) * active + prediction.ram.kv_cache_bytes * used
    times = [time + in_ram / each for time, each in zip(times, RAM_BYTES_PER_S)]
    return Speed(1 / times[0], 1 / times[1])


def _active_share(info: ModelInfo) -> float:
    """Of the weights' bytes, what a token needs: not all experts."""
    if not info.experts or not info.experts_used:
        return 1.0
    experts = sum(one.bytes for one in info.tensors if _EXPERT.search(one.name))
    whole = sum(one.bytes for one in info.tensors) - _embeddings(info)
    return 1 - experts / whole * (1 - info.experts_used / info.experts) if whole > 0 else 1.0


def _embeddings(info: ModelInfo) -> int:
    """Of which a token reads one row."""
    return sum(one.bytes for one in info.tensors if one.name == "token_embd.weight")
