"""What vLLM chooses where the command line is silent, by version and card.

Sources: vllm-project/vllm v0.6.6, v0.8.5, v0.11.0, v0.12.0, v0.16.0, v0.17.1, v0.19.1 to v0.22.0 and v0.33.0: config (cache.py, scheduler.py), engine/arg_utils.py
(``_set_default_args``, ``get_batch_defaults``), envs.py. What changed between two of those is dated to the later.
"""

from __future__ import annotations

import re
from typing import Optional

import msgspec

from ..catalogs.gpus import find_gpu
from ..facts.model import ModelInfo
from ..facts.prediction import ServerSettings
from ..facts.target import Target

Version = tuple[int, ...]

LATEST: Version = (0, 33, 0)
"""The newest whose source was read."""
ENGINE_V1: Version = (0, 8, 0)
"""Since then a new engine is the default."""
_OLD_GONE: Version = (0, 11, 0)
_LAST_OLD: Version = (0, 7, 99)
WIDER_SHARE: Version = (0, 20, 0)
"""0.92 of the memory instead of 0.9, and CUDA graphs are counted within it (0.19.1 and 0.20.0 compared)."""
_LONG = 32768
"""The old engine splits prompts where the context is longer."""
_LARGE_GPU = 70 << 30
_LARGEST_GPU = 160 << 30
_LARGEST_SINCE: Version = (0, 23, 0)
"""Not yet in 0.22."""


def version_of(text: str) -> Version:
    """``0.11.0rc2.dev98`` → (0, 11, 0); the newest known if empty."""
    found = re.match(r"v?(\d+)\.(\d+)(?:\.(\d+))?", text)
    return tuple(int(one or 0) for one in found.groups()) if found else LATEST


def engine_version(text: str, card: str) -> Version:
    """As ``version_of``; while there were two engines, cards before Ampere had the old one (v0.8.5, ``_is_v1_supported_oracle``)."""
    version = version_of(text)
    known = find_gpu(card)
    capability = known.compute_capability if known else None
    before_ampere = capability is not None and float(capability) < 8
    return _LAST_OLD if before_ampere and ENGINE_V1 <= version < _OLD_GONE else version


def with_defaults(info: ModelInfo, settings: ServerSettings, target: Target) -> ServerSettings:
    """All that is not told filled in as ``vllm serve`` does."""
    version = engine_version(settings.version, target.name)
    trained = info.n_ctx_train if isinstance(info.n_ctx_train, int) else 4096
    length = settings.max_model_len or trained
    whole = target.total_bytes or target.free_bytes
    tokens, seqs = _batch(info, version, length, whole, target.name)
    tokens = settings.max_num_batched_tokens or tokens
    return msgspec.structs.replace(
        settings, max_model_len=length, max_num_batched_tokens=tokens, max_num_seqs=settings.max_num_seqs or min(seqs, tokens),
        gpu_memory_utilization=settings.gpu_memory_utilization or (0.92 if version >= WIDER_SHARE else 0.9),
        dtype=_dtype(info, settings.dtype),
    )  # fmt: skip


def longest_allowed(info: ModelInfo) -> Optional[int]:
    """max_model_len beyond which it refuses to start (``_get_and_verify_max_len``, config/model.py of v0.11 and v0.33); None if unknown."""
    if not isinstance(info.n_ctx_train, int):
        return None
    told = info.metadata.get("rope_scaling") or info.metadata.get("rope_parameters")
    scaling = told if isinstance(told, dict) else {}
    kind, factor = scaling.get("rope_type", scaling.get("type")), scaling.get("factor")
    if kind not in ("linear", "dynamic", "yarn", "deepseek_yarn") or not isinstance(factor, (int, float)):
        return info.n_ctx_train
    original = scaling.get("original_max_position_embeddings")
    # A file may name the stretched length, or the one before.
    return max(info.n_ctx_train, int((original if isinstance(original, int) else info.n_ctx_train) * factor))


def _batch(info: ModelInfo, version: Version, length: int, whole: int, name: str) -> tuple[int, int]:
    """max_num_batched_tokens and max_num_seqs."""
    if version < ENGINE_V1:
        split = length > _LONG and not info.sliding_window
        return (2048 if split else max(length, 2048)), 256
    if version >= _LARGEST_SINCE and whole >= _LARGEST_GPU:
        return 16384, 1024
    # A100s are out since https://github.com/vllm-project/vllm/pull/17885.
    if whole >= _LARGE_GPU and ("a100" not in name.lower() or version < (0, 9)):
        return 8192, 1024
    return 2048, 256


def _dtype(info: ModelInfo, told: str) -> str:
    names = {"half": "float16", "float": "float32"}
    if told != "auto":
        return names.get(told, told)
    own = info.metadata.get("dtype")
    return "bfloat16" if own not in ("float16", "bfloat16") else str(own)
