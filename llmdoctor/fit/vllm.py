"""Memory of vLLM: a share of each GPU, of which weights and the work of one batch are taken, and the rest is the cache's pool.

Weights and the pool's arithmetic follow the program (``server_shape``, ``paged_cache``). The peak of the batch that vLLM tries at its
start is the larger of two: a layer on ``max_num_batched_tokens``, or the choice of a token for ``max_num_seqs`` answers, which with
the vocabularies of today's models mostly decides. Sources: vllm-project/vllm, worker/worker.py of v0.6.6 and v1/worker/gpu_worker.py
since (``determine_available_memory``), v1/sample/ops/topk_topp_sampler.py; the two figures in bytes per token of the vocabulary and
what is not PyTorch's are from published start logs (``fixtures/fit/vllm_public.json``).
"""

from __future__ import annotations

from typing import Optional, Sequence

from ..facts.model import ModelInfo
from ..facts.prediction import Parts, Pool, Prediction, ServerSettings, Settings
from ..facts.target import Target
from . import paged_cache
from .server_shape import Known, Loading, known_weights_bytes, layers_of
from .torch_memory import MIB
from .vllm_defaults import ENGINE_V1, LATEST, WIDER_SHARE, Version, engine_version, with_defaults

DTYPE_BYTES = {"float32": 4, "float16": 2, "bfloat16": 2}
CACHE_BYTES = {"auto": 0.0, "float16": 2.0, "bfloat16": 2.0, "fp8": 1.0, "fp8_e4m3": 1.0, "fp8_e5m2": 1.0, "int8": 1.0}
_SORTED = 38
"""Bytes for each number of the logits while they are sorted (2 as they come, 4 in 32 bits, 4 and 8 of the sorted ones and their
places, 20 of PyTorch's sort): activation peaks of eight models on an H100 with vLLM 0.11 agree to 0.01 GiB."""
_SORTED_ROW_BY_ROW = 27
"""Fewer than 128 rows are sorted one after the other."""
_UNSORTED = 14
"""With FlashInfer's or Triton's kernel: 2, and 4 each in 32 bits for the logits, what is likely, and the dice."""
_ROWS_SORTED_AT_ONCE = 128
_MEASURED_FROM_ITS_START: Version = (0, 6, 5)
"""https://github.com/vllm-project/vllm/pull/10511: what was held before vLLM began is no longer counted."""
_MEASURED_AGAIN: Version = (0, 9, 0)
"""The new engine counted it until then."""
_FOURTH_COPY: Version = (0, 6, 5)
"""Of a layer's input: 3 agree with two runs of 0.6.4, 4 with three of later versions."""
UNSORTED_SINCE: Version = (0, 17, 0)
_PROGRAMS = {True: 132, False: 96}
"""Rows of the logits, in 32 bits, that Triton's kernel keeps: one for each multiprocessor (58 of an L4, 108 of an A100, 132 of an H100)."""
_WORKSPACE = {True: 32 * MIB, False: 8 * MIB}
"""cuBLAS', on Hopper and its successors, and before (pytorch v2.11, aten/src/ATen/cuda/CUDABlas.cpp)."""
_OUTSIDE = {True: 133 * MIB, False: 32 * MIB}
"""What is not PyTorch's: 0.13 GiB on an H100 (0.25 with 0.19), 0.01 to 0.04 on the cards before."""
_BETWEEN_GPUS = {True: 420 * MIB, False: 150 * MIB}
"""Beside that with several GPUs: 0.4 GiB on H100s with NVLink (1.85 with 0.19), 0.02 to 0.2 on A100, L40S and RTX 4090."""
_OUTSIDE_LATER = 256 * MIB
_BETWEEN_LATER = 1870 * MIB
CONTEXT_BYTES = 480 * MIB
"""The driver's context, which vLLM does not count: 0.4 to 0.6 GiB."""
GRAPHS_BYTES = 600 * MIB
"""CUDA graphs, 0.1 to 2.2 GiB in published logs."""
_KEPT_OF_LARGE = 600 * MIB
_LEFT_OF_SMALL = 0.984
_HOPPER = ("h100", "h200", "h800", "h20", "gh200", "b100", "b200", "b300", "gb200", "gb300")


def predict(info: ModelInfo, settings: ServerSettings, targets: Sequence[Target], known: Optional[Known] = None) -> Prediction:
    """``targets`` are this machine's GPUs; as many of the first as are asked for are used. ``known`` is kept between predictions."""
    known = {} if known is None else known
    asked = with_defaults(info, settings, targets[0] if targets else Target("GPU0", 0))
    version = engine_version(asked.version, targets[0].name if targets else "")
    ranks = asked.tensor_parallel_size * asked.pipeline_parallel_size
    parts: list[Parts] = []
    pools: list[Pool] = []
    for rank in range(ranks):
        target = targets[rank] if rank < len(targets) else Target(f"GPU{rank}", 0)
        part, pool = _one(info, asked, target, rank // asked.tensor_parallel_size, version, known)
        parts.append(part)
        pools.append(pool)
    doubts = _doubts(info, asked, targets, version)
    least = min(pools, key=lambda one: one.tokens) if pools else None
    return Prediction(
        settings=Settings(n_ctx=asked.max_model_len, n_parallel=asked.max_num_seqs), devices=parts, certain=not doubts, doubts=doubts,
        pool=least,
    )  # fmt: skip


def visible_bytes(target: Target) -> int:
    """What CUDA calls the whole of a card. The driver keeps some: in logs 79.2 of 79.7 and 139.8 of 140.4 GiB are left, of smaller cards
    44.4 of 45, 39.4 of 40, 23.6 of 24 and 14.7 of 15."""
    whole = target.total_bytes or target.free_bytes
    return whole - _KEPT_OF_LARGE if whole > 60 << 30 else round(whole * _LEFT_OF_SMALL)


def _one(info: ModelInfo, asked: ServerSettings, target: Target, stage: int, version: Version, known: Known) -> tuple[Parts, Pool]:  # fmt: skip
    split = asked.tensor_parallel_size
    count = info.layers if isinstance(info.layers, int) else 0
    numbers = layers_of(count, stage, asked.pipeline_parallel_size)
    width = DTYPE_BYTES.get(asked.dtype, 2)
    hopper = _hopper(target.name)
    weights = known_weights_bytes(info, Loading(width, split, asked.quantization, not hopper), numbers, known)
    last = stage == asked.pipeline_parallel_size - 1
    work = max(_forward(info, asked, width, split, version), _choice(info, asked, width, version, hopper) if last else 0)
    work += _WORKSPACE[hopper]
    graphs = 0 if asked.enforce_eager else GRAPHS_BYTES
    outside = outside_bytes(target.name, split, version)
    counted = outside + (graphs if version >= WIDER_SHARE else 0)
    budget = round(visible_bytes(target) * asked.gpu_memory_utilization)
    if version < _MEASURED_FROM_ITS_START or ENGINE_V1 <= version < _MEASURED_AGAIN:
        # All that is held of the card is taken from the share, the driver's context and what others hold too.
        budget -= CONTEXT_BYTES + max((target.total_bytes or target.free_bytes) - target.free_bytes, 0)
    cache = max(asked.kv_cache_memory_bytes or budget - weights - work - counted, 0)
    layers = paged_cache.layers(info, numbers, CACHE_BYTES.get(asked.kv_cache_dtype, 0) or width, width, split)
    mla = isinstance(info.metadata.get("kv_lora_rank"), int)
    pool = paged_cache.pool(layers, cache, asked.max_model_len, asked.max_num_batched_tokens, version, asked.block_size, mla)
    part = Parts(
        name=target.name, weights_bytes=weights, kv_cache_bytes=cache, compute_bytes=work,
        overhead_bytes=outside + graphs + CONTEXT_BYTES,
    )  # fmt: skip
    return part, pool


def outside_bytes(card: str, split: int, version: Version) -> int:
    """What is not in PyTorch's blocks, but in the share."""
    hopper = _hopper(card)
    later = hopper and version >= UNSORTED_SINCE
    alone = _OUTSIDE_LATER if later else _OUTSIDE[hopper]
    return alone + (0 if split == 1 else _BETWEEN_LATER if later else _BETWEEN_GPUS[hopper])


def _forward(info: ModelInfo, asked: ServerSettings, width: int, split: int, version: Version) -> int:
    """The widest moment of a layer: the residual and its like, and gate, up and their product."""
    tokens = asked.max_num_batched_tokens
    hidden = info.embedding if isinstance(info.embedding, int) else 0
    feed = max(info.feed_forward, default=0)
    told = info.metadata.get("moe_intermediate_size")
    if info.experts and info.experts_used:
        feed = told if isinstance(told, int) else feed
        wide = info.experts_used * (max(2 * feed // split, hidden) + feed // split) + hidden * (info.experts_used + 2)
        return tokens * wide * width
    copies = 3 if version < _FOURTH_COPY else 4
    return tokens * (copies * hidden + 3 * feed // split) * width


def _choice(info: ModelInfo, asked: ServerSettings, width: int, version: Version, hopper: bool) -> int:
    """Choosing a token for each answer, beside what the layers gave."""
    rows = asked.max_num_seqs
    words = info.vocabulary if isinstance(info.vocabulary, int) else 0
    hidden = info.embedding if isinstance(info.embedding, int) else 0
    each = _UNSORTED if version >= UNSORTED_SINCE else _SORTED if rows >= _ROWS_SORTED_AT_ONCE else _SORTED_ROW_BY_ROW
    kept = 0
    if version >= UNSORTED_SINCE:
        kept = _PROGRAMS[hopper] * words * 4 + _experts_room(info, asked, width)
    return rows * words * each + (asked.max_num_batched_tokens + 2 * rows) * hidden * width + kept


def _experts_room(info: ModelInfo, asked: ServerSettings, width: int) -> int:
    """The work space of experts in 8 or 16 bits, which newer versions keep: for each token and expert its two products."""
    narrow = info.metadata.get("moe_intermediate_size")
    hidden = info.embedding if isinstance(info.embedding, int) else 0
    if not info.experts_used or not isinstance(narrow, int):
        return 0
    return (
        asked.max_num_batched_tokens
        * info.experts_used
        * (max(2 * narrow, hidden) + narrow)
        * width
        // asked.tensor_parallel_size
    )


def _hopper(name: str) -> bool:
    return any(one in name.lower() for one in _HOPPER)


def _doubts(info: ModelInfo, asked: ServerSettings, targets: Sequence[Target], version: Version) -> list[str]:
    found = []
    if not asked.enforce_eager:
        found.append("CUDA graphs are taken as 0.6 GiB; they were 0.1 to 2.2 GiB in published logs")
    if asked.tensor_parallel_size > 1:
        found.append("what GPUs take to talk to each other differs from 0.2 to 2 GiB")
    if ENGINE_V1 <= version < UNSORTED_SINCE:
        found.append("with FlashInfer installed vLLM sorts nothing, and more is left for the cache")
    if _has_tower(info):
        found.append("the peak of the part for pictures or sound is not reckoned")
    if version > LATEST:
        found.append(f"vLLM {asked.version} is newer than what was compared ({'.'.join(map(str, LATEST))})")
    if not info.heads:
        found.append("config.json does not tell the model's shape")
    return found


def _has_tower(info: ModelInfo) -> bool:
    return any(key in info.metadata for key in ("vision_config", "audio_config"))


def starts(prediction: Prediction, asked: ServerSettings, targets: Sequence[Target]) -> Optional[str]:
    """Why it does not start, in one line; None if it does."""
    if len(prediction.devices) > len(targets):
        return f"it asks for {len(prediction.devices)} GPUs, and {len(targets)} {'is' if len(targets) == 1 else 'are'} here."
    pool = prediction.pool
    for part, target in zip(prediction.devices, targets):
        if part.kv_cache_bytes <= 0:
            return "weights and the work of a batch fill its share of the card, and nothing is left for the cache."
        if part.total_bytes > target.free_bytes:
            return (
                "The share is larger than what is free (Free memory on device … is less than desired GPU memory utilization)."
            )
    if pool is not None and pool.request_bytes > min(one.kv_cache_bytes for one in prediction.devices):
        return f"the cache holds one request of {pool.longest} tokens, and {asked.max_model_len} are asked for."
    return None
