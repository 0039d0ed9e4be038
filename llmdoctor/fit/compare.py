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
    """All that are usually published; none where the model's size is not known."""
    found = []
    for one in TABLE:
        changed = quantized(info, one)
        if changed is None:
            return []
        prediction = predict(changed, settings, free_bytes)
        found.append(Variant(one, prediction, fits(prediction, free_bytes), decode_speed(info, prediction, bandwidths)))
    return found


def quantized(info: ModelInfo, to: Quantization) -> Optional[ModelInfo]:
    """The same model in another quantisation, its tensors' sizes reckoned from the bits of each weight."""
    parameters = info.parameters if isinstance(info.parameters, int) else 0
    if to.name == info.quantization or parameters <= 0:
        return info if parameters > 0 else None
    scale = to.bits / (sum(one.bytes for one in info.tensors) * 8 / parameters)
    tensors = [each._replace(bytes=round(each.bytes * scale)) for each in info.tensors]
    return msgspec.structs.replace(info, tensors=tensors)
