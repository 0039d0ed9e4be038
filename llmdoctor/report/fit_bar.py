"""One bar for a device: what the model takes, what is free, what others hold, and where the free memory ends."""

from __future__ import annotations

from typing import NamedTuple

from ..facts.prediction import Parts
from ..facts.target import Target

PARTS = (("weights_bytes", "█", "weights"), ("kv_cache_bytes", "▓", "KV cache"), ("compute_bytes", "▒", "work"), ("overhead_bytes", "░", "driver"))  # fmt: skip
FREE, OTHERS, LIMIT = "·", "x", "|"
LEGEND = (*((sign, word) for _, sign, word in PARTS), (FREE, "free"), (OTHERS, "others"), (LIMIT, "limit"))


class Piece(NamedTuple):
    sign: str
    """One of ``LEGEND``: it tells the pieces apart where there is no colour."""
    text: str


def bar(part: Parts, target: Target, width: int) -> list[Piece]:
    """``width`` cells stand for the whole device; where the model takes more than there is they stand for all that is wanted."""
    whole = max(target.total_bytes or target.free_bytes, target.free_bytes, 1)
    held = whole - target.free_bytes
    scale = width / max(whole, part.total_bytes + held)
    pieces: list[Piece] = []
    filled, cells = 0.0, 0
    limit = round(target.free_bytes * scale)
    for name, sign, _ in PARTS:
        filled += getattr(part, name) * scale
        count = round(filled) - cells
        before = min(max(limit - cells, 0), count)
        pieces.append(Piece(sign, sign * before))
        if before < count:
            if cells <= limit:
                pieces.append(Piece(LIMIT, LIMIT))
            pieces.append(Piece(sign, sign * (count - before)))
        cells += count
    if cells <= limit and not any(one.sign == LIMIT for one in pieces):
        pieces.append(Piece(FREE, FREE * (limit - cells)))
    pieces.append(Piece(OTHERS, OTHERS * round(held * scale)))
    return [one for one in pieces if one.text]
