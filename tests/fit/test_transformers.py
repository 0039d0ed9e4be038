"""Transformers' memory: against what PyTorch held on a GPU, and against the steps of the real program on tensors without data."""

from __future__ import annotations

import json
import os
import struct
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import pytest

from llmdoctor.facts.model import ModelInfo
from llmdoctor.facts.prediction import TorchSettings
from llmdoctor.fit.transformers import longest_context, predict
from llmdoctor.models.safetensors import read_folder

FIXTURE = Path(__file__).resolve().parent.parent.parent / "fixtures" / "fit" / "transformers_h100.json"
MEASURED = json.loads(FIXTURE.read_text())


def write_folder(name: str, folder: str) -> str:
    """A model's config and its true tensors, without data."""
    shape = MEASURED["models"][name]
    path = Path(folder) / name
    path.mkdir()
    (path / "config.json").write_text(json.dumps(shape["config"]))
    header: dict[str, Any] = {}
    end = 0
    for one, dims, *layers in shape["tensors"]:
        for whole in [f"model.layers.{number}.{one}" for number in range(layers[0])] if layers else [one]:
            size = 2
            for length in dims:
                size *= length
            header[whole] = {"dtype": "BF16", "shape": dims, "data_offsets": [end, end + size]}
            end += size
    raw = json.dumps(header).encode()
    file = path / "model.safetensors"
    file.write_bytes(struct.pack("<Q", len(raw)) + raw)
    os.truncate(file, 8 + len(raw) + end)
    return str(path)


@cache
def model(name: str, folder: str) -> ModelInfo:
    return read_folder(write_folder(name, folder))


def settings(run: dict[str, Any]) -> TorchSettings:
    return TorchSettings(
        n_ctx=run["prompt"] + run["new"], new_tokens=run["new"], batch=run["batch"], dtype=run["dtype"], attention=run["attn"]
    )


def label(run: dict[str, Any]) -> str:
    return f"{run['model']}-{run['batch']}x{run['prompt']}"


@pytest.mark.parametrize("run", MEASURED["runs"], ids=label)
def test_what_pytorch_gave_out_and_held(run: dict[str, Any], folder: str) -> None:
    part = predict(model(run["model"], folder), settings(run)).devices[0]
    assert part.weights_bytes == pytest.approx(run["weights_allocated"], abs=4096)
    given = part.weights_bytes + part.kv_cache_bytes + part.compute_bytes
    assert given == pytest.approx(run["max_allocated"], rel=0.0002)
    assert part.total_bytes == pytest.approx(run["context_bytes"] + run["max_reserved"], rel=0.0005)


@pytest.mark.parametrize("run", MEASURED["traced"], ids=label)
def test_the_peak_of_other_kinds(run: dict[str, Any], folder: str) -> None:
    part = predict(model(run["model"], folder), settings(run)).devices[0]
    given = part.weights_bytes + part.kv_cache_bytes + part.compute_bytes
    assert given == pytest.approx(run["max_allocated"], rel=0.002)


def test_more_takes_more_and_eager_attention_most(folder: str) -> None:
    info = model("llama3.1-8b", folder)

    def total(**fields: Any) -> int:
        return predict(info, TorchSettings(**fields)).devices[0].total_bytes

    assert total(n_ctx=512) < total(n_ctx=4096) < total(n_ctx=4096, batch=2) < total(n_ctx=4096, batch=2, attention="eager")
    assert predict(info, TorchSettings(dtype="float32")).devices[0].weights_bytes == pytest.approx(
        2 * predict(info, TorchSettings()).devices[0].weights_bytes, rel=0.001
    )


def test_the_longest_context_fits_and_a_step_more_does_not(folder: str) -> None:
    info, free, margin = model("qwen2.5-7b", folder), 18 << 30, 512 << 20
    longest = longest_context(info, TorchSettings(), free, margin)
    assert longest is not None
    for tokens, does in ((longest, True), (longest + 256, False)):
        total = predict(info, TorchSettings(n_ctx=tokens), steps=2).devices[0].total_bytes
        assert (total + margin <= free) is does
    assert longest_context(info, TorchSettings(), 8 << 30, margin) is None


def test_a_kind_that_was_not_compared_says_so(folder: str) -> None:
    info = model("llama3.1-8b", folder)
    assert predict(info, TorchSettings()).certain
    other = msgspec.structs.replace(info, architecture="newkind")
    assert predict(other, TorchSettings()).doubts == ["the steps of newkind were not compared with the program's"]
