"""A model of either format by its path."""

from __future__ import annotations

import os

from ..facts.model import ModelInfo


def read_any(path: str) -> ModelInfo:
    """A GGUF file, or a folder of safetensors by itself or by one of its files. Raises ModelError."""
    if os.path.isdir(path) or path.endswith(".safetensors"):
        from .safetensors import read_folder

        return read_folder(path if os.path.isdir(path) else os.path.dirname(path) or ".")
    from .gguf_model import read_model

    return read_model(path)
