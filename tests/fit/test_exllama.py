"""ExLlama's cache and weights, by the sizes that its sources allocate."""

from __future__ import annotations

import msgspec
import pytest

from llmdoctor.facts.prediction import ExllamaSettings
from llmdoctor.facts.target import Target
from llmdoctor.fit import exllama, serving

from .server_models import model

GIB = 1 << 30
NUMBERS = 36 * 8 * 128 * 2
"""Of keys and values for one token of Qwen3 8B."""


@pytest.mark.parametrize(
    ("version", "mode", "bits"),
    [(2, "FP16", 16), (2, "FP8", 8), (2, "Q8", 8.5), (2, "Q6", 6.5), (2, "Q4", 4.5), (3, "FP16", 16), (3, "8,4", 6.5), (3, "Q6", 6.5), (3, "2,2", 2.5)],
)  # fmt: skip
def test_the_cache_in_each_mode(version: int, mode: str, bits: float) -> None:
    made = exllama.predict(
        model("Qwen3-8B"), ExllamaSettings(max_seq_len=8000, cache_mode=mode), [Target("GPU", 80 * GIB)], version
    )
    assert made.devices[0].kv_cache_bytes == round(8192 * NUMBERS * bits / 8)


@pytest.mark.parametrize(("version", "mode"), [(2, "8,4"), (3, "FP8"), (3, "9,4"), (2, "Q5")])
def test_modes_that_there_are_not(version: int, mode: str) -> None:
    with pytest.raises(ValueError, match="is no cache mode"):
        exllama.predict(model("Qwen3-8B"), ExllamaSettings(cache_mode=mode), [], version)


def test_the_embeddings_stay_in_ram_and_all_else_is_on_the_gpus() -> None:
    info = model("Qwen3-8B")
    made = exllama.predict(info, ExllamaSettings(max_seq_len=4096), [Target("A", 12 * GIB), Target("B", 24 * GIB)], 3)
    assert made.ram.weights_bytes == 151936 * 4096 * 2
    assert sum(one.weights_bytes for one in made.devices) + made.ram.weights_bytes == sum(one.bytes for one in info.tensors)
    assert 0 < made.devices[0].total_bytes <= 12 * GIB and made.devices[1].weights_bytes > 0


def test_a_longer_cache_takes_more_and_the_longest_fits() -> None:
    info, targets = model("Qwen3-8B"), [Target("RTX 4090", 24 * GIB)]
    settings = ExllamaSettings(cache_mode="FP16")
    longest = exllama.longest(info, settings, targets, 3, 0)
    assert longest and longest % exllama.PAGE_TOKENS == 0
    for length, fits in ((longest, True), (longest + exllama.PAGE_TOKENS, longest >= 40960)):
        asked = msgspec.structs.replace(settings, max_seq_len=length)
        assert (exllama.predict(info, asked, targets, 3).devices[0].total_bytes <= 24 * GIB) is fits


def test_what_would_make_it_fit() -> None:
    plan = serving.for_exllama(2, model("Qwen3-8B"), ExllamaSettings(max_seq_len=40960), [Target("GPU", 20 * GIB)])
    assert not plan.fits and any("--cache-mode Q4" in one.command for one in plan.remedies)
    assert any("--max-seq-len" in one.command for one in plan.remedies)
