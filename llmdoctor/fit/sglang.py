"""Memory of SGLang: weights and cache together take a static share of each GPU; a batch and CUDA graphs live in the rest.

Sources: sgl-project/sglang v0.4.6 (server_args.py, model_executor/model_runner.py, ``profile_max_num_token``) and v0.5.23
(arg_groups/memory_hook.py, mem_cache/kv_cache_configurator.py, ``_profile_available_bytes``). One published run was compared
(``fixtures/fit/vllm_public.json`` names its source).
"""

from __future__ import annotations

from typing import Optional, Sequence

import msgspec

from ..facts.model import ModelInfo
from ..facts.prediction import Parts, Pool, Prediction, ServerSettings, Settings
from ..facts.target import Target
from . import paged_cache
from .server_shape import Known, Loading, known_weights_bytes, layers_of
from .torch_memory import MIB
from .vllm import CACHE_BYTES, CONTEXT_BYTES, DTYPE_BYTES, outside_bytes, visible_bytes
from .vllm_defaults import LATEST

_GIB = 1 << 30
_BY_CARD = ((20, 2048, 8), (35, 4096, 48), (60, 4096, 32), (160, 8192, 256))
"""Below so many GiB: chunked_prefill_size and the largest batch with a CUDA graph; above 16384 and 512."""
_FLOOR_BYTES = 10 * _GIB
"""Left out of the share at the least on cards above 60 GiB."""


def with_defaults(info: ModelInfo, settings: ServerSettings, target: Target) -> ServerSettings:
    trained = info.n_ctx_train if isinstance(info.n_ctx_train, int) else 4096
    whole = visible_bytes(target)
    chunk, graphs = next(((chunk, most) for below, chunk, most in _BY_CARD if whole < below * _GIB), (16384, 512))
    chunk = settings.max_num_batched_tokens or chunk
    told = info.metadata.get("dtype")
    dtype = settings.dtype if settings.dtype in DTYPE_BYTES else told if told in DTYPE_BYTES else "bfloat16"
    ranks = settings.tensor_parallel_size * settings.pipeline_parallel_size
    kept = (512 + chunk * 1.5 + ranks / 8 * 1024 + (0 if settings.enforce_eager else graphs * 2)) * MIB
    if whole > 60 * _GIB:
        kept = max(kept, _FLOOR_BYTES)
    share = settings.gpu_memory_utilization or (round(1 - kept / whole, 3) if whole else 0.9)
    return msgspec.structs.replace(
        settings, max_model_len=settings.max_model_len or trained, max_num_batched_tokens=chunk, gpu_memory_utilization=share,
        max_num_seqs=settings.max_num_seqs or graphs, dtype=str(dtype),
    )  # fmt: skip


def predict(info: ModelInfo, settings: ServerSettings, targets: Sequence[Target], known: Optional[Known] = None) -> Prediction:
    """``compute_bytes`` is what the static share leaves for batches and graphs. ``known`` is kept between predictions."""
    known = {} if known is None else known
    asked = with_defaults(info, settings, targets[0] if targets else Target("GPU0", 0))
    split = asked.tensor_parallel_size
    parts: list[Parts] = []
    pools: list[Pool] = []
    count = info.layers if isinstance(info.layers, int) else 0
    width = DTYPE_BYTES[asked.dtype]
    for rank in range(split * asked.pipeline_parallel_size):
        target = targets[rank] if rank < len(targets) else Target(f"GPU{rank}", 0)
        numbers = layers_of(count, rank // split, asked.pipeline_parallel_size)
        weights = known_weights_bytes(info, Loading(width, split, asked.quantization), numbers, known)
        # Of what was free when the model began to load: the context and what GPUs talk through are there by then.
        outside = CONTEXT_BYTES + outside_bytes(target.name, split, LATEST)
        begun = max(visible_bytes(target) - _held(target) - outside, 0)
        rest = round(begun * (1 - asked.gpu_memory_utilization))
        cache = max(begun - rest - weights, 0)
        layers = paged_cache.layers(info, numbers, CACHE_BYTES.get(asked.kv_cache_dtype, 0) or width, width, split)
        every = [one._replace(window=0) for one in layers]
        pools.append(
            paged_cache.pool(
                every,
                cache,
                asked.max_model_len,
                asked.max_num_batched_tokens,
                paged_cache.HYBRID_SINCE,
                asked.block_size or 1,
            )
        )
        parts.append(Parts(name=target.name, weights_bytes=weights, kv_cache_bytes=cache, compute_bytes=rest, overhead_bytes=outside))  # fmt: skip
    doubts = ["SGLang's share was compared with one run alone"]
    if any(one.window for one in layers):
        doubts.append("what it spares in layers with a sliding window is not reckoned")
    return Prediction(
        settings=Settings(n_ctx=asked.max_model_len, n_parallel=asked.max_num_seqs), devices=parts, certain=False, doubts=doubts,
        pool=min(pools, key=lambda one: one.tokens),
    )  # fmt: skip


def _held(target: Target) -> int:
    return max((target.total_bytes or target.free_bytes) - target.free_bytes, 0)
