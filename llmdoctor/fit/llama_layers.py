"""What each layer of a GGUF model remembers of a token, as llama.cpp decides it.

Source: ggml-org/llama.cpp b11434, src/llama-hparams.cpp (sizes), src/llama-model.cpp (``load_swa_pattern``, ``create_memory``)
and src/models/*.cpp (which layers slide, which are recurrent, which share another one's cache).
"""

from __future__ import annotations

from typing import Any, NamedTuple, Optional

from ..facts.model import ModelInfo

_PATTERNS: dict[str, tuple[int, bool]] = {
    "gemma2": (2, False), "gemma3": (6, False), "gemma3n": (5, False), "gpt-oss": (2, False), "cohere2": (4, False), "cohere2moe": (4, True),
    "exaone4": (4, False), "exaone-moe": (4, False), "llama4": (4, False), "olmo2": (4, False), "smallthinker": (4, True), "plamo3": (8, False),
    "afmoe": (4, False), "mellum": (4, False), "laguna": (4, True), "muse-glimmer": (4, False), "gemma-embedding": (6, False),
}  # fmt: skip
"""Every so many layers one looks at everything, the last or the first of them (True); a key in the file overrules."""
_WINDOWS = {"gemma2": 4096, "exaone4": 4096, "exaone-moe": 128, "llama4": 8192, "smallthinker": 4096}
"""Windows that files of these kinds need not tell."""
_ONLY_WITH_A_WINDOW = frozenset(("olmo2", "gemma3", "exaone4", "plamo3", "mellum", "afmoe", "laguna"))
"""Kinds of which some sizes slide and some do not: those whose file tells a window do."""
_NEVER = frozenset(("phi3", "qwen2", "qwen3", "mistral", "mixtral", "llama"))
"""Kinds whose files may tell a window that llama.cpp does not use."""


class Layer(NamedTuple):
    """Sizes in elements for each token, or of the whole state."""

    k: int
    """Elements of a token's keys; 0 without a cache of its own."""
    v: int
    """Elements of a token's values; 0 where the keys hold them too (MLA)."""
    window: Optional[int] = None
    """Tokens that a sliding layer looks back."""
    source: Optional[int] = None
    """The layer whose cache it reads where it has none of its own."""
    state: int = 0
    """Elements of a slot's recurrent state (32-bit floats)."""


def layers_of(info: ModelInfo) -> list[Layer]:
    """One Layer each. Empty where the file does not tell enough."""
    architecture = info.architecture if isinstance(info.architecture, str) else ""
    count = info.layers if isinstance(info.layers, int) else 0
    head_k = info.head_dim_k if isinstance(info.head_dim_k, int) else 0
    head_v = info.head_dim_v if isinstance(info.head_dim_v, int) else 0

    def number(key: str) -> int:
        value = info.metadata.get(f"{architecture}.{key}")
        return value if isinstance(value, int) and not isinstance(value, bool) else 0

    drafts = number("nextn_predict_layers")
    with_cache = _with_cache(info, architecture, count)
    recurrent = _recurrent(info, architecture, count - drafts)
    window = info.sliding_window or _WINDOWS.get(architecture)
    sliding = _sliding(info, architecture, count, window)
    state = _state(info, architecture)
    mla = bool(number("attention.key_length_mla")) or (
        architecture.startswith("deepseek2") and bool(number("attention.kv_lora_rank"))
    )
    head_k_swa = number("attention.key_length_swa") or head_k
    head_v_swa = number("attention.value_length_swa") or head_v
    found = []
    for number_ in range(count):
        heads = info.kv_heads[number_] if number_ < len(info.kv_heads) else 0
        if number_ < len(recurrent) and recurrent[number_]:
            found.append(Layer(0, 0, state=state))
            continue
        if architecture in _NO_ATTENTION:
            found.append(Layer(0, 0, state=state))
            continue
        slides = sliding[number_]
        k = (head_k_swa if slides else head_k) * heads
        v = (head_v_swa if slides else head_v) * heads
        if number_ >= with_cache or number_ >= count - drafts:
            k = v = 0
        if mla and number("attention.key_length_mla"):
            # The file is converted for it: one latent vector for all heads serves as key and as value.
            k, v = (head_k if k else 0), 0
        both = state if architecture in _BOTH else 0
        source = with_cache - (2 if slides else 1) if number_ >= with_cache else None
        found.append(Layer(k, v, window if slides else None, source, both))
    return found


_NO_ATTENTION = frozenset(("mamba", "mamba2", "rwkv6", "rwkv7", "rwkv6qwen2", "arwkv7"))
_BOTH = frozenset(("falcon-h1",))
"""Each layer has attention and a recurrent state."""
_INTERVAL = frozenset(("qwen3next", "qwen35", "qwen35moe", "minimax-01"))
"""Every so many layers one has attention, the others are recurrent."""


def drafts_of(info: ModelInfo) -> int:
    """Layers at the end that guess more tokens at once; they are loaded only where that is asked for."""
    count = info.metadata.get(f"{info.architecture}.nextn_predict_layers")
    return count if isinstance(count, int) and not isinstance(count, bool) and 0 < count < len(layers_of(info)) else 0


def _with_cache(info: ModelInfo, architecture: str, count: int) -> int:
    """Layers from here on use the cache of one before."""
    if architecture == "gemma3n":
        return 20
    shared = info.metadata.get(f"{architecture}.attention.shared_kv_layers")
    return count - shared if isinstance(shared, int) and 0 < shared < count else count


def _recurrent(info: ModelInfo, architecture: str, count: int) -> list[bool]:
    if architecture in _INTERVAL:
        every = info.metadata.get(f"{architecture}.full_attention_interval")
        every = every if isinstance(every, int) and every > 0 else 4
        return [(number + 1) % every != 0 for number in range(max(count, 0))]
    if architecture in _NO_ATTENTION or architecture in _BOTH:
        return []
    if len(set(info.kv_heads)) > 1 and 0 in info.kv_heads:
        # A layer without heads is recurrent, but for those that are a feed-forward alone (nemotron-h).
        feeds = info.feed_forward or [0] * count
        only_feeds = architecture.startswith("nemotron")
        return [
            heads == 0 and not (only_feeds and feeds[number]) for number, heads in enumerate(info.kv_heads[: max(count, 0)])
        ]
    return []


def _sliding(info: ModelInfo, architecture: str, count: int, window: Optional[int]) -> list[bool]:
    pattern: Any = info.metadata.get(f"{architecture}.attention.sliding_window_pattern")
    if isinstance(pattern, list) and len(pattern) >= count and window:
        return [bool(one) for one in pattern[:count]]
    every, dense_first = _PATTERNS.get(architecture, (0, False))
    if isinstance(pattern, int) and not isinstance(pattern, bool) and pattern >= 0 and every:
        every = pattern
    told = info.sliding_window is not None
    if not every or not window or architecture in _NEVER or (architecture in _ONLY_WITH_A_WINDOW and not told):
        return [False] * count
    if dense_first:
        return [number % every != 0 for number in range(count)]
    return [number % every < every - 1 for number in range(count)]


def _state(info: ModelInfo, architecture: str) -> int:
    """Elements of a recurrent layer's state for one slot: the convolution's history and the state itself."""

    def number(key: str) -> int:
        value = info.metadata.get(f"{architecture}.{key}")
        return value if isinstance(value, int) and not isinstance(value, bool) else 0

    embedding = info.embedding if isinstance(info.embedding, int) else 0
    head = number("wkv.head_size")
    if head:
        return (number("token_shift_count") or 2) * embedding + embedding * head
    short = number("shortconv.l_cache")
    if short:
        return embedding * (short - 1)
    inner, state = number("ssm.inner_size"), number("ssm.state_size")
    history = max(number("ssm.conv_kernel") - 1, 0) * (inner + 2 * number("ssm.group_count") * state)
    return history + state * inner
