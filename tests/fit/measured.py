"""Models of true shapes that were measured on a GPU, written again as files without data: they take no room on disk."""

from __future__ import annotations

import json
import os
from pathlib import Path

from ..models.gguf_files import header

FIXTURE = Path(__file__).resolve().parent.parent.parent / "fixtures" / "fit" / "llama_cpp_h100.json"
MEASURED = json.loads(FIXTURE.read_text())


def write_model(name: str, folder: str) -> str:
    """A file of the model's true header and length."""
    shape = MEASURED["models"][name]
    tensors = {}
    for one, kind, dims, *spans in shape["tensors"]:
        layers = [number for first, last in spans[0] for number in range(first, last + 1)] if spans else []
        for whole in [f"blk.{number}.{one}" for number in layers] or [one]:
            tensors[whole] = (kind, tuple(dims))
    path = Path(folder) / f"{name}.gguf"
    start, size = header(shape["metadata"], tensors)
    path.write_bytes(start)
    os.truncate(path, size)
    return str(path)
