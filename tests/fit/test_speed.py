"""How fast an answer comes: within ranges that hold what others measured."""

from __future__ import annotations

import pytest

from llmdoctor.facts.prediction import Parts, Prediction, Settings
from llmdoctor.fit.compare import variants
from llmdoctor.fit.llama_cpp import predict
from llmdoctor.fit.speed import decode_speed

from .test_llama_cpp import model

GIB = 1 << 30


@pytest.mark.parametrize(
    ("bandwidth", "measured"),
    [
        # Tokens per second with a 7B model at 4 bits (3.6 GiB): the figures of fit/speed.py.
        (347e9, 57),
        (1008e9, 160),
        (1008e9, 190),
        (2039e9, 145),
    ],
)
def test_a_measured_speed_lies_in_the_range(bandwidth: float, measured: float, folder: str) -> None:
    info = model("llama3.1-8b-q4_k_m", folder)
    there = Prediction(settings=Settings(), devices=[Parts(weights_bytes=round(3.56 * GIB))])
    speed = decode_speed(info, there, [round(bandwidth)])
    assert speed is not None and speed.slowest <= measured <= speed.fastest


def test_experts_that_do_not_work_are_not_read_and_ram_is_slower(folder: str) -> None:
    dense, sparse = model("llama3.1-8b-q4_k_m", folder), model("qwen3moe-30b-32l-q4_k_m", folder)
    card = [1008 * 10**9]
    fast = decode_speed(sparse, predict(sparse, Settings(), (24 * GIB,)), card)
    slow = decode_speed(dense, predict(dense, Settings(), (24 * GIB,)), card)
    half = decode_speed(dense, predict(dense, Settings(gpu_layers=16), (24 * GIB,)), card)
    assert fast is not None and slow is not None and half is not None
    assert fast.fastest > slow.fastest > 2 * half.fastest
    assert decode_speed(dense, predict(dense, Settings(), (24 * GIB,)), [None]) is None


def test_smaller_quantisations_take_less_and_lose_more(folder: str) -> None:
    rows = variants(model("llama3.1-8b-q4_k_m", folder), Settings(), (12 * GIB,), [360 * 10**9])
    totals = [row.prediction.devices[0].total_bytes for row in rows]
    assert totals == sorted(totals, reverse=True)
    own = next(row for row in rows if row.quantization.name == "Q4_K_M")
    assert own.prediction == predict(model("llama3.1-8b-q4_k_m", folder), Settings(), (12 * GIB,))
    assert [row.fits for row in rows][:2] == [False, True] and rows[0].quantization.loss < own.quantization.loss < rows[
        -1
    ].quantization.loss
