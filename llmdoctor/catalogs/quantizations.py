"""llama.cpp's quantisations: size and what they lose.

Measured on Llama 3 8B by the program's own perplexity tool: ggml-org/llama.cpp b11434, tools/perplexity/README.md, "LLaMA 3 8b
Scoreboard". Bits per weight are the file's size over 8.03 billion parameters; the loss is the mean Kullback-Leibler divergence of
the next token's probabilities from those of the 16-bit model, with an importance matrix where the table has one. Larger models lose
less, smaller ones more.
"""

from __future__ import annotations

from typing import NamedTuple, Optional


class Quantization(NamedTuple):
    name: str
    bits: float
    """Per weight."""
    loss: float
    """Mean Kullback-Leibler divergence; 0 for the model itself."""


_GIB_TO_BITS = (1 << 30) * 8 / 8.03e9


def _row(name: str, gib: float, loss: float) -> Quantization:
    return Quantization(name, gib * _GIB_TO_BITS, loss)


TABLE: tuple[Quantization, ...] = (
    _row("F16", 14.97, 0.0), _row("Q8_0", 7.96, 0.0014), _row("Q6_K", 6.14, 0.0055), _row("Q5_K_M", 5.33, 0.0108), _row("Q5_K_S", 5.21, 0.0166),
    _row("Q4_K_M", 4.58, 0.0282), _row("Q4_K_S", 4.37, 0.0320), _row("IQ4_XS", 4.14, 0.0363), _row("Q3_K_L", 4.03, 0.0731),
    _row("Q3_K_M", 3.74, 0.0844), _row("IQ3_M", 3.53, 0.1025), _row("IQ3_XXS", 3.05, 0.1836), _row("Q2_K", 2.96, 0.3322),
    _row("IQ2_M", 2.74, 0.3260), _row("IQ2_XXS", 2.24, 0.8120),
)  # fmt: skip
"""Those that are usually published, the largest first."""


def loss_of(name: str) -> Optional[float]:
    return next((one.loss for one in TABLE if one.name == name), None)


def in_words(loss: float) -> str:
    """What a user notices. The steps are ours: they follow where the same table's share of changed answers grows."""
    if loss < 0.002:
        return "as the original"
    if loss < 0.02:
        return "hardly any loss"
    if loss < 0.04:
        return "small loss"
    if loss < 0.12:
        return "noticeable loss"
    return "large loss"
