"""Memory of Hugging Face Transformers on one GPU: weights, and what a prompt and its answer take beside them.

PyTorch gives back nothing of what a layer's intermediate results took, so the peak decides. The steps of a decoder layer are gone through
in their order, with PyTorch's allocator (``torch_memory``), for the whole prompt and for some tokens of the answer. Source:
huggingface/transformers v5.17, src/transformers/models/*/modeling_*.py, cache_utils.py (``DynamicLayer.update`` joins the old cache
with the new tokens, so both are there for a moment), integrations/sdpa_attention.py; compared with ``fixtures/fit/transformers_h100.json``.
"""

from __future__ import annotations

from typing import NamedTuple, Optional

from ..facts.model import ModelInfo
from ..facts.prediction import Parts, Prediction, Settings, TorchSettings
from .torch_memory import MIB, Block, TorchMemory

DTYPE_BYTES = {"float32": 4, "float16": 2, "bfloat16": 2}
_FLOATS = frozenset(("F64", "F32", "F16", "BF16"))
CONTEXT_BYTES = 621 * MIB
"""CUDA context and PyTorch's kernels: measured on an H100 with CUDA 13.0 and PyTorch 2.11."""
WORKSPACE_BYTES = 32 * MIB
"""cuBLAS' workspace on Hopper and after, else 8 MiB (pytorch v2.11, aten/src/ATen/cuda/CUDABlas.cpp)."""
STEPS = 16
"""Tokens of the answer that are gone through one by one; later ones only make the cache longer."""

_GEMMA = frozenset(("gemma", "gemma2", "gemma3", "gemma3_text", "gemma3n", "gemma3n_text"))
"""Kinds whose norm computes with a sum of weight and one, all of it in 32 bits."""
_NORMS_IN_32_BITS = frozenset(("olmo2", "olmo3", "olmoe"))
"""Kinds whose norm multiplies with the weight before it goes back to fewer bits, and whose rotary positions stay in 32."""
_SCALES_RESIDUAL = frozenset(("granite", "granitemoe", "granitemoeshared"))
_LAYER_NORMS = frozenset(
    ("gpt2", "gpt_neox", "phi", "falcon", "bloom", "opt", "gptj", "gpt_bigcode", "stablelm", "starcoder2", "mpt")
)
"""Kinds with PyTorch's own layer norm."""
COMPARED = frozenset((
    "llama", "qwen2", "mistral", "qwen3", "granite", "phi3", "gemma2", "gemma3_text", "olmo2", "mixtral", "qwen3_moe",
))  # fmt: skip
"""Kinds whose steps were compared with those of the program."""


class _Shape(NamedTuple):
    """One batch and one layer, in elements."""

    batch: int
    tokens: int
    """Of one row of the batch."""
    width: int
    """Bytes of an element."""
    hidden: int
    heads: int
    kv_heads: int
    head: int
    feed: int
    kind: str

    @property
    def rows(self) -> int:
        return self.batch * self.tokens


def predict(info: ModelInfo, settings: TorchSettings, steps: int = STEPS) -> Prediction:
    """What the GPU holds at the peak: ``compute_bytes`` is the peak of what PyTorch gave out beside weights and cache, and
    ``overhead_bytes`` what it keeps beyond that, with the driver's context."""
    memory = TorchMemory()
    width = DTYPE_BYTES[settings.dtype]
    for tensor in info.tensors:
        memory.take(_elements(tensor.shape) * width if tensor.type in _FLOATS else tensor.bytes)
    weights = memory.allocated
    doubts = _doubts(info, settings)
    cache = _cache_bytes(info, settings, width)
    if info.heads and isinstance(info.embedding, int):
        _Run(memory, info, settings).answer(steps)
    peak = memory.most_allocated - weights
    part = Parts(
        name="GPU0", weights_bytes=weights, kv_cache_bytes=cache, compute_bytes=max(peak - cache, 0),
        overhead_bytes=CONTEXT_BYTES + memory.reserved - memory.most_allocated,
    )  # fmt: skip
    asked = Settings(n_ctx=settings.n_ctx, n_parallel=settings.batch)
    return Prediction(settings=asked, devices=[part], certain=not doubts, doubts=doubts)


def _doubts(info: ModelInfo, settings: TorchSettings) -> list[str]:
    found = []
    if not info.heads or not isinstance(info.embedding, int):
        found.append("config.json does not tell the model's shape: weights alone are reckoned")
    elif info.architecture not in COMPARED:
        found.append(f"the steps of {info.architecture} were not compared with the program's")
    if "quantization_config" in info.metadata:
        found.append("what quantised layers unpack for a moment is not reckoned")
    return found


def _elements(shape: tuple[int, ...]) -> int:
    product = 1
    for one in shape:
        product *= one
    return product


def _cache_bytes(info: ModelInfo, settings: TorchSettings, width: int) -> int:
    total = 0
    for number, heads in enumerate(info.kv_heads):
        tokens = settings.n_ctx
        if info.sliding_window and _slides(info, number):
            tokens = min(tokens, info.sliding_window)
        total += settings.batch * tokens * heads * (_head(info.head_dim_k) + _head(info.head_dim_v)) * width
    return total


def _slides(info: ModelInfo, number: int) -> bool:
    kinds = info.metadata.get("layer_types")
    return isinstance(kinds, list) and number < len(kinds) and "full" not in str(kinds[number])


def _head(size: object) -> int:
    return size if isinstance(size, int) else 0


class _Run:
    """One call of ``generate``."""

    def __init__(self, memory: TorchMemory, info: ModelInfo, settings: TorchSettings) -> None:
        self.m, self.info, self.settings = memory, info, settings
        self.kind = info.architecture if isinstance(info.architecture, str) else ""
        names = {one.name.split(".", 3)[-1] if ".layers." in one.name else one.name for one in info.tensors}
        self.names = names
        self.vocabulary = info.vocabulary if isinstance(info.vocabulary, int) else 0
        self.keys: list[Block] = []
        self.values: list[Block] = []

    def _has(self, *parts: str) -> bool:
        return any(part in name for name in self.names for part in parts)

    def answer(self, steps: int) -> None:
        m, settings = self.m, self.settings
        width = DTYPE_BYTES[settings.dtype]
        m.take(512)
        m.take(512)  # the rotary positions' frequencies, twice
        prompt = max(settings.n_ctx - settings.new_tokens, 1)
        m.take(settings.batch * prompt * 8)
        m.take(settings.batch * prompt * 8)  # tokens and their mask
        m.take(WORKSPACE_BYTES)
        self._forward(prompt, prompt, width)
        for step in range(1, min(settings.new_tokens, steps)):
            self._forward(1, prompt + step, width)

    def _forward(self, tokens: int, whole: int, width: int) -> None:
        m, info, batch = self.m, self.info, self.settings.batch
        hidden = info.embedding if isinstance(info.embedding, int) else 0
        shape = _Shape(batch, tokens, width, hidden, 0, 0, _head(info.head_dim_k), 0, self.kind)
        embedded = m.take(shape.rows * hidden * width)
        if self.kind in _GEMMA or self.kind in _SCALES_RESIDUAL:
            scaled = m.take(shape.rows * hidden * width)
            m.give(embedded)
            embedded = scaled
        turns = self._positions(shape)
        masks = self._masks(shape, whole)
        x: Block = embedded
        for number, heads in enumerate(info.heads):
            feed = info.feed_forward[number] if number < len(info.feed_forward) else 0
            kv_heads = info.kv_heads[number] if number < len(info.kv_heads) else heads
            one = shape._replace(heads=heads, kv_heads=kv_heads, feed=feed)
            y = self._layer(number, one, x, whole)
            if x is not embedded:
                m.give(x)
            x = y
        normed = self._norm(shape, shape.rows, hidden)
        m.give(x, *turns, *masks)
        if x is not embedded:
            m.give(embedded)
        logits = m.take(batch * self.vocabulary * width)
        exact = m.take(batch * self.vocabulary * 4)
        m.give(normed, logits, exact)

    def _positions(self, s: _Shape) -> list[Block]:
        m, size = self.m, s.rows * s.head
        angles = m.take(size * 2)
        both = m.take(size * 4)
        scaled = []
        for _ in range(2):
            turned = m.take(size * 4)
            scaled.append(m.take(size * 4))
            m.give(turned)
        if s.width == 4 or s.kind in _NORMS_IN_32_BITS:
            m.give(angles, both)
            return scaled
        out = [m.take(size * s.width), m.take(size * s.width)]
        m.give(angles, both, *scaled)
        return out

    def _masks(self, s: _Shape, whole: int) -> list[Block]:
        """None is needed where a kernel knows itself what comes later."""
        window = self.info.sliding_window
        if self.settings.attention == "eager":
            return [self.m.take(s.batch * s.tokens * whole * s.width)]
        if s.tokens > 1 and window and whole > window and any(_slides(self.info, one) for one in range(len(self.info.heads))):
            return [self.m.take(s.batch * s.tokens * whole)]
        return []

    # --- a layer: what is taken, in order, and given back as soon as Python lets go of it

    def _layer(self, number: int, s: _Shape, x: Block, whole: int) -> Block:
        """``x`` stays with the caller; the result is new."""
        m, size = self.m, s.rows * s.hidden * s.width
        before = self._has("input_layernorm", "ln_1") or not self._has("post_feedforward_layernorm")
        normed = self._norm(s, s.rows, s.hidden) if before else None
        mixed = self._attention(number, s, normed, whole)
        if self._has("pre_feedforward_layernorm") or not before:
            again = self._norm(s, s.rows, s.hidden)
            m.give(mixed)
            mixed = again
        mixed = self._scaled(s, mixed)
        summed = m.take(size)
        m.give(mixed)
        normed = self._norm(s, s.rows, s.hidden) if before else None
        fed = self._experts(s) if self.info.experts else self._feed_forward(s)
        if normed is not None:
            m.give(normed)
        if self._has("post_feedforward_layernorm"):
            again = self._norm(s, s.rows, s.hidden)
            m.give(fed)
            fed = again
        fed = self._scaled(s, fed)
        out = m.take(size)
        m.give(summed, fed)
        return out

    def _scaled(self, s: _Shape, x: Block) -> Block:
        if s.kind not in _SCALES_RESIDUAL:
            return x
        scaled = self.m.take(s.rows * s.hidden * s.width)
        self.m.give(x)
        return scaled

    def _norm(self, s: _Shape, rows: int, length: int) -> Block:
        m, size = self.m, rows * length
        if s.kind in _LAYER_NORMS:
            out = m.take(size * s.width)
            m.give(m.take(rows * 4), m.take(rows * 4))
            return out
        upper = m.take(size * 4) if s.width < 4 else None
        squares = m.take(size * 4)
        mean = m.take(rows * 4)
        m.give(squares)
        root = m.take(rows * 4)
        normed = m.take(size * 4)
        if upper is not None:
            m.give(upper)
        m.give(root)
        if s.kind in _GEMMA or s.kind in _NORMS_IN_32_BITS:
            weighted = m.take(size * 4)
            if s.kind in _GEMMA:
                m.give(normed)
            out = m.take(size * s.width) if s.width < 4 else weighted
            if s.kind not in _GEMMA:
                m.give(normed)
            if out is not weighted:
                m.give(weighted)
            m.give(mean)
            return out
        lower = m.take(size * s.width) if s.width < 4 else normed
        out = m.take(size * s.width)
        m.give(mean, normed)
        if lower is not normed:
            m.give(lower)
        return out

    def _attention(self, number: int, s: _Shape, normed: Optional[Block], whole: int) -> Block:
        m = self.m
        q, k = s.rows * s.heads * s.head, s.rows * s.kv_heads * s.head
        fused = self._has("qkv_proj", "query_key_value", "c_attn", "Wqkv")
        if fused:
            originals = [m.take((q + 2 * k) * s.width)]
            value = None
        else:
            query = m.take(q * s.width)
            query = self._head_norm(s, query, s.heads)
            key = m.take(k * s.width)
            key = self._head_norm(s, key, s.kv_heads)
            value = m.take(k * s.width)
            originals = [query, key]
        query = self._turned(s, q)
        key = self._turned(s, k)
        m.give(*([] if fused else originals))
        cached = whole - s.tokens if number < len(self.keys) else 0
        kept = self._kept(number, cached) + s.tokens
        grown = [m.take(s.batch * kept * s.kv_heads * s.head * s.width) for _ in range(2)]
        m.give(key)
        if value is not None:
            m.give(value)
        if number < len(self.keys):
            m.give(self.keys[number], self.values[number])
            self.keys[number], self.values[number] = grown
        else:
            self.keys.append(grown[0])
            self.values.append(grown[1])
        out = self._scores(s, kept) if self.settings.attention == "eager" else self._flash(number, s, kept)
        mixed = m.take(s.rows * s.hidden * s.width)
        m.give(query, out)
        m.give(*(originals if fused else []))
        if normed is not None:
            m.give(normed)
        return mixed

    def _kept(self, number: int, cached: int) -> int:
        window = self.info.sliding_window
        return min(cached, window - 1) if window and _slides(self.info, number) else cached

    def _head_norm(self, s: _Shape, x: Block, heads: int) -> Block:
        if not self._has("q_norm"):
            return x
        out = self._norm(s, s.rows * heads, s.head)
        self.m.give(x)
        return out

    def _turned(self, s: _Shape, size: int) -> Block:
        """Rotary positions."""
        m = self.m
        width = 4 if s.kind in _NORMS_IN_32_BITS else s.width
        first = m.take(size * width)
        half = m.take(size * s.width // 2)
        joined = m.take(size * s.width)
        m.give(half)
        second = m.take(size * width)
        m.give(joined)
        out = m.take(size * width)
        m.give(first, second)
        if s.kind == "phi3":  # a part of a head may stay as it is, and is joined again
            whole = m.take(size * s.width)
            m.give(out)
            out = whole
        if width != s.width:
            low = m.take(size * s.width)
            m.give(out)
            out = low
        return out

    def _flash(self, number: int, s: _Shape, whole: int) -> Block:
        m, window = self.m, self.info.sliding_window
        bias = None
        if s.tokens > 1 and window and whole > window and _slides(self.info, number):
            bias = m.take(s.batch * s.tokens * whole * s.width)
        sums = m.take(s.rows * s.heads * 4)
        out = m.take(s.rows * s.heads * s.head * s.width)
        m.give(sums)
        if bias is not None:
            m.give(bias)
        return out

    def _scores(self, s: _Shape, whole: int) -> Block:
        """Eager attention holds the matrix of all scores several times."""
        m, size = self.m, s.batch * s.heads * s.tokens * whole
        repeated = [m.take(s.batch * s.heads * whole * s.head * s.width) for _ in range(2)] if s.heads != s.kv_heads else []
        scores = m.take(size * s.width)
        steps = (
            5 if self.info.metadata.get("attn_logit_softcapping") else 2
        )  # scaled, masked; divided, bent and multiplied between
        for _ in range(steps):
            following = m.take(size * s.width)
            m.give(scores)
            scores = following
        # The softmax computes in 32 bits; of 16-bit floats alone it needs no copy for that (aten/src/ATen/native/SoftMax.cpp).
        copy = m.take(size * 4) if self.settings.dtype == "bfloat16" else None
        exact = m.take(size * 4)
        if copy is not None:
            m.give(copy)
        low = m.take(size * s.width)
        m.give(scores, exact)
        out = m.take(s.rows * s.heads * s.head * s.width)
        flat = m.take(s.rows * s.heads * s.head * s.width)
        m.give(out, low, *repeated)
        return flat

    def _feed_forward(self, s: _Shape) -> Block:
        m, size = self.m, s.rows * s.feed * s.width
        if self._has("gate_up_proj"):
            both = m.take(2 * size)
            active = m.take(size)
            product = m.take(size)
            m.give(active)
            out = m.take(s.rows * s.hidden * s.width)
            m.give(product, both)
            return out
        gated = self._has("gate_proj")
        first = m.take(size)
        active = m.take(size)
        m.give(first)
        if gated:
            up = m.take(size)
            product = m.take(size)
            m.give(active, up)
            active = product
        out = m.take(s.rows * s.hidden * s.width)
        m.give(active)
        return out

    def _experts(self, s: _Shape) -> Block:
        """Tokens sorted by expert, all experts in one product (``grouped_mm``)."""
        m = self.m
        used = self.info.experts_used or 1
        told = self.info.metadata.get("moe_intermediate_size")
        feed = told if isinstance(told, int) and told > 0 else s.feed
        rows = s.rows * used
        chosen = m.take(rows * s.hidden * s.width)
        both = m.take(2 * rows * feed * s.width)
        masked = m.take(2 * rows * feed * s.width)
        m.give(both)
        active = m.take(rows * feed * s.width)
        product = m.take(rows * feed * s.width)
        m.give(masked, active)
        down = m.take(rows * s.hidden * s.width)
        m.give(product)
        kept = m.take(rows * s.hidden * s.width)
        m.give(down)
        # The router's weights of some kinds are in 32 bits, and what they are multiplied with follows.
        width = 4 if s.kind == "mixtral" else s.width
        weighted = m.take(rows * s.hidden * width)
        sorted_ = m.take(rows * s.hidden * width)
        m.give(weighted)
        out = m.take(s.rows * s.hidden * width)
        if width != s.width:
            low = m.take(s.rows * s.hidden * s.width)
            m.give(out)
            out = low
        m.give(chosen, kept, sorted_)
        return out


def longest_context(info: ModelInfo, settings: TorchSettings, free_bytes: int, margin: int) -> Optional[int]:
    """The most tokens that fit, in steps of 256, up to what the model was trained for; None where not even 256 do."""
    import msgspec

    trained = info.n_ctx_train if isinstance(info.n_ctx_train, int) else 1 << 17
    low, high = 0, max(trained // 256, 1)
    while low < high:
        middle = (low + high + 1) // 2
        asked = msgspec.structs.replace(settings, n_ctx=middle * 256)
        if predict(info, asked, steps=2).devices[0].total_bytes + margin <= free_bytes:
            low = middle
        else:
            high = middle - 1
    return low * 256 or None
