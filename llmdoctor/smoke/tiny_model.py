"""A transformer of 0.9 million weights and its reference: RMSNorm, rotary positions, grouped-query attention over a growing
cache, SwiGLU, the greatest logit chosen. The architecture is Llama's (Touvron et al., 2023, arXiv:2302.13971, and grouped-query
attention of Ainslie et al., 2023, arXiv:2305.13245).

The weights come from a seeded generator and are whole numbers of -127 to 127 times a power of two, so that they are the same
numbers in float32, float16 and int8. They mean nothing: the model says nonsense, but always the same nonsense.
"""

from __future__ import annotations

import math
import random
from operator import mul
from typing import Iterator, NamedTuple

VOCABULARY, WIDTH, LAYERS, HEADS, KV_HEADS, HEAD_SIZE, HIDDEN = 512, 128, 4, 8, 2, 16, 384
KV_WIDTH = KV_HEADS * HEAD_SIZE
EPSILON = 1e-5
ROPE_BASE = 10000.0
PROMPT = (11, 7, 300, 42, 5, 77, 129, 256)
GENERATED = 16
POSITIONS = len(PROMPT) + GENERATED - 1
"""Tokens that the model reads; each one from the last of the prompt on brings a new one."""
_SEED = 2309
"""Of the first dozen tried, the one with the widest gap between the best and the second logit (0.028 at the least)."""


class Matrix(NamedTuple):
    """Rows of whole numbers as signed bytes, one row after another; the weights are these times ``scale``."""

    name: str
    rows: int
    width: int
    numbers: bytes
    scale: float


def matrices() -> Iterator[Matrix]:
    """All matrices in the order in which they are made: embeddings, then for each layer q, k, v, o, gate, up, down, then output."""
    generator = random.Random(_SEED)  # noqa: S311 - the same numbers everywhere are the point

    def made(name: str, rows: int, width: int) -> Matrix:
        # Bytes are uniform, so a weight's deviation is 74 × scale; the power of two nearest to 1/sqrt(width) keeps values near 1.
        scale = 2.0 ** -round(math.log2(74 * math.sqrt(width)))
        numbers = generator.randbytes(rows * width).replace(b"\x80", b"\x00")  # -128 has no positive twin
        return Matrix(name, rows, width, numbers, scale)

    yield made("embeddings", VOCABULARY, WIDTH)
    for layer in range(LAYERS):
        for name, rows, width in (
            ("q", WIDTH, WIDTH), ("k", KV_WIDTH, WIDTH), ("v", KV_WIDTH, WIDTH), ("o", WIDTH, WIDTH),
            ("gate", HIDDEN, WIDTH), ("up", HIDDEN, WIDTH), ("down", WIDTH, HIDDEN),
        ):  # fmt: skip
            yield made(f"{name}{layer}", rows, width)
    yield made("output", VOCABULARY, WIDTH)


def turns() -> list[float]:
    """Cosine and sine of each pair of a head at each position, in that order."""
    found = []
    for position in range(POSITIONS):
        for pair in range(HEAD_SIZE // 2):
            angle = position * ROPE_BASE ** (-2 * pair / HEAD_SIZE)
            found += [math.cos(angle), math.sin(angle)]
    return found


class Reply(NamedTuple):
    tokens: list[int]
    """Prompt and reply."""
    logits: list[float]
    """Of the last position."""


Rows = list[list[float]]


def run_on_cpu() -> Reply:
    """The model in Python's own double precision: the reference. Takes about a second."""
    weights = {matrix.name: _rows(matrix) for matrix in matrices()}
    cosines = turns()
    keys: list[Rows] = [[] for _ in range(LAYERS)]
    values: list[Rows] = [[] for _ in range(LAYERS)]
    tokens = list(PROMPT)
    logits: list[float] = []
    for position in range(POSITIONS):
        x = list(weights["embeddings"][tokens[position]])
        for layer in range(LAYERS):
            normed = _norm(x)
            q = _rotate(_times(weights[f"q{layer}"], normed), cosines, position)
            keys[layer].append(_rotate(_times(weights[f"k{layer}"], normed), cosines, position))
            values[layer].append(_times(weights[f"v{layer}"], normed))
            x = _plus(x, _times(weights[f"o{layer}"], _attend(q, keys[layer], values[layer])))
            normed = _norm(x)
            gate = _times(weights[f"gate{layer}"], normed)
            up = _times(weights[f"up{layer}"], normed)
            hidden = [g / (1 + math.exp(-g)) * u for g, u in zip(gate, up)]
            x = _plus(x, _times(weights[f"down{layer}"], hidden))
        logits = _times(weights["output"], _norm(x))
        if position + 1 >= len(PROMPT):
            tokens.append(logits.index(max(logits)))
    return Reply(tokens, logits)


def _rows(matrix: Matrix) -> Rows:
    weight = [(number - 256 if number > 127 else number) * matrix.scale for number in range(256)]
    flat = [weight[number] for number in matrix.numbers]
    return [flat[at : at + matrix.width] for at in range(0, len(flat), matrix.width)]


def _times(rows: Rows, x: list[float]) -> list[float]:
    return [sum(map(mul, row, x)) for row in rows]


def _plus(a: list[float], b: list[float]) -> list[float]:
    return [one + other for one, other in zip(a, b)]


def _norm(x: list[float]) -> list[float]:
    scale = 1 / math.sqrt(sum(map(mul, x, x)) / len(x) + EPSILON)
    return [one * scale for one in x]


def _rotate(heads: list[float], cosines: list[float], position: int) -> list[float]:
    turned = []
    for at in range(0, len(heads), 2):
        place = position * HEAD_SIZE + at % HEAD_SIZE
        c, s = cosines[place], cosines[place + 1]
        turned += [heads[at] * c - heads[at + 1] * s, heads[at] * s + heads[at + 1] * c]
    return turned


def _attend(q: list[float], keys: Rows, values: Rows) -> list[float]:
    found = []
    for head in range(HEADS):
        mine = q[head * HEAD_SIZE : (head + 1) * HEAD_SIZE]
        start = head // (HEADS // KV_HEADS) * HEAD_SIZE
        here = slice(start, start + HEAD_SIZE)
        scores = [sum(map(mul, mine, key[here])) / math.sqrt(HEAD_SIZE) for key in keys]
        most = max(scores)
        shares = [math.exp(score - most) for score in scores]
        total = sum(shares)
        found += [sum(map(mul, shares, (value[at] for value in values))) / total for at in range(start, start + HEAD_SIZE)]
    return found
