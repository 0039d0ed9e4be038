"""The same model in other quantisations: memory, speed and quality side by side."""

from __future__ import annotations

from typing import NamedTuple, Optional, Sequence

import msgspec

from ..catalogs.quantizations import TABLE, Quantization
from ..facts.model import ModelInfo
from ..facts.prediction import Prediction, Settings
from .llama_cpp import predict
from .search import fits
from .speed import Speed, decode_speed


class Variant(NamedTuple):
    quantization: Quantization
    prediction: Prediction
    fits: bool
    speed: Optional[Speed]


def variants(
    info: ModelInfo, settings: Settings, free_bytes: Sequence[int], bandwidths: Sequence[Optional[int]]
) -> list[Variant]:
    """All that are usually published. Sizes of those that are not here are reckoned from the bits of each weight."""
    here = info.parameters if isinstance(info.parameters, int) and info.parameters > 0 else 0
    if not here:
        return []
    now = sum(one.bytes for one in info.tensors) * 8 / here
    found = []
    for one in TABLE:
        scale = 1.0 if one.name == info.quantization else one.bits / now
        tensors = [each._replace(bytes=round(each.bytes * scale)) for each in info.tensors]
        prediction = predict(msgspec.structs.replace(info, tensors=tensors), settings, free_bytes)
        found.append(Variant(one, prediction, fits(prediction, free_bytes), decode_speed(info, prediction, bandwidths)))
    return found
