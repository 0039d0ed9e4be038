"""A cache in blocks: how many tokens a pool holds where layers look back differently, and how many requests at once.

Layers that keep the same are one group; with several kinds all groups have as many layers and draw blocks of one size from the pool.
Sources: vllm-project/vllm v0.6.6 (worker/cache_engine.py: every layer keeps everything), v0.8.5, v0.11, v0.19 and v0.33
(v1/core/kv_cache_utils.py and kv_cache_planning.py, v1/kv_cache_interface.py, model_executor/layers/mamba/mamba_utils.py).
"""

from __future__ import annotations

from typing import Callable, NamedTuple, Sequence

from ..facts.model import ModelInfo
from ..facts.prediction import Pool

HYBRID_SINCE = (0, 9, 1)
"""Sliding layers give back what they no longer see."""
WIDER_GROUPS_SINCE = (0, 12)
"""Kinds with nearly as many layers each are filled up to the larger number, not cut to the smaller."""
CAPACITY_SINCE = (0, 21)
"""The printed tokens are those of requests of the full length, not the blocks of one group."""
_KERNEL_BLOCK = 16
_MLA_BLOCK = 64
"""FlashMLA's; other kernels for MLA take 16 to 128, which hardly changes the tokens."""


class Layer(NamedTuple):
    """What one layer keeps on one GPU."""

    token_bytes: int
    """Of keys and values; 0 for a state."""
    window: int = 0
    """Tokens; 0 looks back at all."""
    state_bytes: int = 0

    def page(self, block: int) -> int:
        return self.token_bytes * block if self.token_bytes else self.state_bytes

    def blocks(self, length: int, batch: int, block: int) -> int:
        """That one request of this length holds."""
        if not self.token_bytes:
            return 1
        if self.window:
            return _up(min(self.window - 1 + batch, length), block) + 1
        return _up(length, block)


def layers(info: ModelInfo, numbers: range, cache_bytes: float, state_bytes: int, tensor_parallel: int) -> list[Layer]:
    """``cache_bytes`` are those of one number of the cache, ``state_bytes`` those of one of a recurrent state."""
    latent, rotated = info.metadata.get("kv_lora_rank"), info.metadata.get("qk_rope_head_dim")
    if isinstance(latent, int) and isinstance(rotated, int) and latent > 0:
        # MLA keeps one vector for all heads, whole on each GPU.
        return [Layer(round((latent + rotated) * cache_bytes)) for _ in numbers]
    width = _size(info.head_dim_k) + _size(info.head_dim_v)
    kinds = info.metadata.get("layer_types")
    shared = _shared_from(info)
    found = []
    for number in numbers:
        heads = info.kv_heads[number] if number < len(info.kv_heads) else 0
        kind = str(kinds[number]) if isinstance(kinds, list) and number < len(kinds) else "full_attention"
        if number >= shared:
            continue
        if heads:
            window = info.sliding_window or 0
            held = max(1, heads // tensor_parallel)
            found.append(Layer(round(held * width * cache_bytes), window if "full" not in kind else 0))
        elif kind not in ("mlp", "moe"):
            state = _state(info, state_bytes, tensor_parallel)
            if state:
                found.append(Layer(0, 0, state))
    return found


def _shared_from(info: ModelInfo) -> int:
    """Gemma's last layers read the cache of earlier ones."""
    count = info.layers if isinstance(info.layers, int) else 0
    shared = info.metadata.get("num_kv_shared_layers")
    return count - shared if isinstance(shared, int) and 0 <= shared < count else count


def _state(info: ModelInfo, width: int, split: int) -> int:
    """Bytes of a recurrent layer's state: its convolution's last inputs and the state itself."""
    data = info.metadata

    def number(*names: str) -> int:
        return next((value for name in names if isinstance(value := data.get(name), int)), 0)

    value_heads, key_heads = number("linear_num_value_heads"), number("linear_num_key_heads")
    if value_heads:  # gated delta net (Qwen3-Next, Qwen3.5)
        key, value = number("linear_key_head_dim"), number("linear_value_head_dim")
        convolved = 2 * key * key_heads + value * value_heads
        return (convolved * (number("linear_conv_kernel_dim") - 1) + value_heads * key * value) * width // split
    heads, head, state = number("mamba_n_heads", "mamba_num_heads"), number("mamba_d_head", "mamba_head_dim"), number("mamba_d_state", "ssm_state_size")  # fmt: skip
    if heads and head and state:  # Mamba 2
        groups = number("mamba_n_groups", "n_groups") or 1
        groups += 0 if groups % split == 0 else split - groups
        convolved = heads * head + 2 * groups * state
        return (convolved * (number("mamba_d_conv", "conv_kernel") - 1) + heads * head * state) * width // split
    inner = number("mamba_expand") * number("hidden_size")
    return inner * (number("mamba_d_conv") - 1 + state) * width // split


def pool(found: Sequence[Layer], available_bytes: int, length: int, batch: int, version: tuple[int, ...], block: int = 0, mla: bool = False) -> Pool:  # fmt: skip
    """What the program makes of the bytes. ``length``: max_model_len; ``batch``: max_num_batched_tokens."""
    if not found:
        return Pool()
    block = block or (_MLA_BLOCK if mla else _KERNEL_BLOCK)
    if version < HYBRID_SINCE:
        found = [one._replace(window=0) for one in found]
    states = [one for one in found if not one.token_bytes]
    attention = [one for one in found if one.token_bytes]
    if states and attention:
        # A block of attention is made as large as a state.
        block = max(block, _up(max(one.state_bytes for one in states), 16 * max(one.token_bytes for one in attention)) * 16)
    groups, block_bytes = _groups(found, block, version)
    blocks = max(available_bytes, 0) // block_bytes

    def needed(tokens: int) -> int:
        return sum(one.blocks(tokens, batch, block) for one in groups)

    usable = blocks - (1 if version >= CAPACITY_SINCE else 0)
    longest = _longest(lambda tokens: needed(tokens) <= usable, max(length, 1 << 22))
    concurrency = blocks / needed(length)
    tokens = int(concurrency * length) if version >= CAPACITY_SINCE else blocks // len(groups) * block
    return Pool(
        tokens=tokens, block_tokens=block, blocks=blocks, concurrency=concurrency, request_bytes=needed(length) * block_bytes, longest=longest,
    )  # fmt: skip


def _groups(found: Sequence[Layer], block: int, version: tuple[int, ...]) -> tuple[list[Layer], int]:
    """A layer of each group that draws from the pool, and the bytes of one block for all layers of a group."""
    kinds: dict[tuple[bool, int], list[Layer]] = {}
    for one in found:
        kinds.setdefault((bool(one.token_bytes), one.window), []).append(one)
    if len(kinds) == 1:
        every = next(iter(kinds.values()))
        return every[:1], sum(one.page(block) for one in every)
    least, most = min(map(len, kinds.values())), max(map(len, kinds.values()))
    size = most if version >= WIDER_GROUPS_SINCE and most < least * 1.5 else least
    groups = [every[0] for every in kinds.values() for _ in range(_up(len(every), size))]
    return groups, size * max(one.page(block) for one in found)


def _longest(fits: Callable[[int], bool], most: int) -> int:
    low, high = 0, most
    while low < high:
        middle = (low + high + 1) // 2
        if fits(middle):
            low = middle
        else:
            high = middle - 1
    return low


def _up(number: int, step: int) -> int:
    """How many steps hold it."""
    return -(-number // step)


def _size(value: object) -> int:
    return value if isinstance(value, int) else 0
