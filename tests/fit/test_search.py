"""Backwards: what is said to fit does, and one step more does not."""

from __future__ import annotations

import msgspec
import pytest

from llmdoctor.fit.llama_cpp import predict
from llmdoctor.fit.search import MARGIN_BYTES, changes, fits, longest_context, most_layers

from .test_llama_cpp import LAWS, model, settings

GIB = 1 << 30


@pytest.mark.parametrize("name", LAWS)
@pytest.mark.parametrize("free", [(8 * GIB,), (12 * GIB,), (24 * GIB,), (6 * GIB, 10 * GIB)])
@pytest.mark.parametrize(
    "fields", [{}, {"flash_attention": False}, {"n_parallel": 4}, {"cache_type_k": "q8_0", "cache_type_v": "q8_0"}]
)
def test_the_longest_context_fits_and_one_step_more_does_not(
    name: str, free: tuple[int, ...], fields: dict[str, object], folder: str
) -> None:
    info, asked = model(name, folder), settings(**fields)
    longest = longest_context(info, asked, free)
    if longest is None:
        assert not fits(predict(info, msgspec.structs.replace(asked, n_ctx=256), free), free, MARGIN_BYTES)
        return
    assert fits(predict(info, msgspec.structs.replace(asked, n_ctx=longest), free), free, MARGIN_BYTES)
    if longest < info.n_ctx_train:  # type: ignore[operator]
        more = longest + 256 * asked.n_parallel
        assert not fits(predict(info, msgspec.structs.replace(asked, n_ctx=more), free), free, MARGIN_BYTES)


@pytest.mark.parametrize("name", LAWS)
@pytest.mark.parametrize("free", [3 * GIB, 5 * GIB, 9 * GIB])
def test_the_most_layers_fit(name: str, free: int, folder: str) -> None:
    info = model(name, folder)
    layers = most_layers(info, settings(n_ctx=8192), (free,))
    if layers is not None:
        assert fits(predict(info, settings(n_ctx=8192, gpu_layers=layers), (free,)), (free,), MARGIN_BYTES)


@pytest.mark.parametrize("name", LAWS)
@pytest.mark.parametrize("free", [6 * GIB, 8 * GIB, 12 * GIB])
def test_every_change_that_is_named_fits_and_changes_something(name: str, free: int, folder: str) -> None:
    info, asked = model(name, folder), settings(n_ctx=131072)
    for change in changes(info, asked, (free,)):
        assert change.settings != asked and fits(change.prediction, (free,), MARGIN_BYTES)
        assert fits(predict(info, change.settings, (free,)), (free,), MARGIN_BYTES)


def test_experts_go_to_ram_one_layer_at_a_time(folder: str) -> None:
    """No more than needed: with one layer less it would not fit."""
    info, free = model("gpt-oss-20b-mxfp4", folder), (8 * GIB,)
    (change,) = [one for one in changes(info, settings(n_ctx=8192), free) if one.settings.cpu_moe_layers]
    less = msgspec.structs.replace(change.settings, cpu_moe_layers=change.settings.cpu_moe_layers - 1)
    assert not fits(predict(info, less, free), free, MARGIN_BYTES)
