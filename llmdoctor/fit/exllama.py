"""Memory of ExLlamaV2 and V3: weights as their files hold them, a cache of fixed length, and the room of one chunk of the prompt.

The embeddings stay in RAM. With V2 each GPU keeps one scratch buffer for the widest layer; with V3 the chunk's tensors come and go.
Sources: turboderp-org/exllamav2 0.3.2 (cache.py, config.py, linear.py, attn.py and mlp.py, ``scratch_space_fixed``; model.py,
``load_autosplit_gen``), turboderp-org/exllamav3 of 2026-08 (cache/fp16.py, cache/quant.py, cache/mla.py, model/model_ls.py,
modules/quant/exl3.py). No run was compared; PyTorch's context is that of ``transformers``.
"""

from __future__ import annotations

import math
import re
from typing import Optional, Sequence

from ..facts.model import ModelInfo
from ..facts.prediction import ExllamaSettings, Parts, Prediction, Settings
from ..facts.target import Target
from .torch_memory import MIB
from .transformers import CONTEXT_BYTES

PAGE_TOKENS = 256
"""Lengths are rounded up to pages of the generator."""
_SCALE_BYTES = 2 / 32
"""One number of 16 bits for each 32 of a quantised cache."""
_V2_BYTES = {
    "FP16": (2.0, 2.0), "FP8": (1.0, 1.0), "Q8": (1 + _SCALE_BYTES, 1 + _SCALE_BYTES), "Q6": (1 + _SCALE_BYTES, 0.5 + _SCALE_BYTES),
    "Q4": (0.5 + _SCALE_BYTES, 0.5 + _SCALE_BYTES),
}  # fmt: skip
"""Bytes of a number of keys and of values; Q6 keeps keys in 8 bits and values in 4."""
_MOST_UNPACKED = 512 << 20
"""max_dq_size: weights that V2 unpacks at once, in 16 bits."""
_BITS = re.compile(r"([2-8])\s*,\s*([2-8])")
_EMBEDDED = re.compile(r"(?:^|\.)(?:embed_tokens|wte|word_embeddings)\.weight$")


def modes(version: int) -> tuple[str, ...]:
    return tuple(_V2_BYTES) if version == 2 else ("FP16", "Q8", "Q6", "Q4")


def cache_bytes_of(mode: str, version: int) -> tuple[float, float]:
    """Bytes of a number of keys and of values. Raises ValueError for a mode that there is not."""
    told = mode.upper()
    found = _BITS.fullmatch(told)
    if version == 3 and found:
        return int(found[1]) / 8 + _SCALE_BYTES, int(found[2]) / 8 + _SCALE_BYTES
    if version == 3 and told in ("Q8", "Q6", "Q4"):
        bits = int(told[1]) / 8 + _SCALE_BYTES
        return bits, bits
    if told in _V2_BYTES and (version == 2 or told == "FP16"):
        return _V2_BYTES[told]
    raise ValueError(f"{mode!r} is no cache mode of ExLlamaV{version}")


def predict(info: ModelInfo, settings: ExllamaSettings, targets: Sequence[Target], version: int) -> Prediction:
    """Layers fill one GPU after the other, as autosplit does."""
    length = settings.max_seq_len or (info.n_ctx_train if isinstance(info.n_ctx_train, int) else 4096)
    tokens = _up(max(settings.cache_size, length), PAGE_TOKENS)
    layers = _layers(info)
    cache = _cache(info, settings.cache_mode, tokens, version)
    room = _room(info, settings, tokens, version)
    parts = _split(layers, cache, room, settings, targets)
    ram = Parts(name="RAM", weights_bytes=sum(one.bytes for one in info.tensors if _EMBEDDED.search(one.name)))
    doubts = [f"ExLlamaV{version} was not compared with a run"]
    if version == 3:
        doubts.append("what it packs out for a moment in a long prompt is taken from V2")
    asked = Settings(n_ctx=length, n_parallel=max(1, tokens // max(length, 1)))
    return Prediction(settings=asked, devices=parts, ram=ram, certain=False, doubts=doubts)


def _layers(info: ModelInfo) -> list[int]:
    """Bytes of each layer, the last norm and the head at the end; without the embeddings, which stay in RAM."""
    count = info.layers if isinstance(info.layers, int) else 0
    sizes = [0] * (count + 1)
    for tensor in info.tensors:
        if _EMBEDDED.search(tensor.name):
            continue
        found = re.search(r"\.(?:layers|h)\.(\d+)\.", tensor.name)
        number = int(found[1]) if found and int(found[1]) < count else count
        sizes[number] += tensor.bytes
    if info.metadata.get("tie_word_embeddings") is True and not any("lm_head" in one.name for one in info.tensors):
        sizes[count] += sum(one.bytes for one in info.tensors if _EMBEDDED.search(one.name))
    return sizes


def _cache(info: ModelInfo, mode: str, tokens: int, version: int) -> list[int]:
    """Bytes of each layer's cache."""
    keys, values = cache_bytes_of(mode, version)
    latent, rotated = info.metadata.get("kv_lora_rank"), info.metadata.get("qk_rope_head_dim")
    if version == 3 and isinstance(latent, int) and isinstance(rotated, int):
        return [tokens * (latent + rotated) * 2 for _ in info.kv_heads]
    width_k, width_v = _size(info.head_dim_k), _size(info.head_dim_v)
    return [round(tokens * heads * (width_k * keys + width_v * values)) for heads in info.kv_heads]


def _room(info: ModelInfo, settings: ExllamaSettings, tokens: int, version: int) -> int:
    """What a chunk of the prompt needs beside weights and cache on each GPU."""
    rows = min(settings.chunk_size, tokens)
    hidden, words = _size(info.embedding), _size(info.vocabulary)
    feed = max(info.feed_forward, default=0)
    unpacked = 2 * min(hidden * max(feed, words), _MOST_UNPACKED)
    scratch = rows * (hidden + 2 * max(feed, hidden)) * 2 + unpacked
    # A quantised cache of V2 is unpacked, one layer at a time, into 16 bits.
    whole = 0
    if version == 2 and settings.cache_mode.upper() != "FP16":
        whole = tokens * max(info.kv_heads, default=0) * (_size(info.head_dim_k) + _size(info.head_dim_v)) * 2
    return scratch + whole + words * 4


def _split(layers: list[int], cache: list[int], room: int, settings: ExllamaSettings, targets: Sequence[Target]) -> list[Parts]:
    wanted = [size + (cache[number] if number < len(cache) else 0) for number, size in enumerate(layers)]
    gpus: list[Optional[Target]] = list(targets) or [None]
    parts: list[Parts] = []
    at = 0
    for number, target in enumerate(gpus):
        reserve = settings.autosplit_reserve_mib * MIB if number == 0 else 0
        limit = math.inf if target is None else target.free_bytes - CONTEXT_BYTES - room - reserve
        part = Parts(name=target.name if target else "GPU0")
        last = number == len(gpus) - 1
        held = 0
        while at < len(wanted) and (last or held + wanted[at] <= limit):
            held += wanted[at]
            part.weights_bytes += layers[at]
            part.kv_cache_bytes += cache[at] if at < len(cache) else 0
            at += 1
        if held:
            part.compute_bytes, part.overhead_bytes = room, CONTEXT_BYTES
        parts.append(part)
    return parts


def longest(info: ModelInfo, settings: ExllamaSettings, targets: Sequence[Target], version: int, margin: int) -> Optional[int]:
    """The most tokens that fit, up to what the model was trained for; None where not even one page does."""
    import msgspec

    low, high = 0, (info.n_ctx_train if isinstance(info.n_ctx_train, int) else 1 << 17) // PAGE_TOKENS
    while low < high:
        middle = (low + high + 1) // 2
        asked = msgspec.structs.replace(settings, max_seq_len=middle * PAGE_TOKENS, cache_size=0)
        made = predict(info, asked, targets, version)
        if all(part.total_bytes + margin <= one.free_bytes for part, one in zip(made.devices, targets)):
            low = middle
        else:
            high = middle - 1
    return low * PAGE_TOKENS or None


def _up(number: int, step: int) -> int:
    return (number + step - 1) // step * step


def _size(value: object) -> int:
    return value if isinstance(value, int) else 0
