"""The pool's arithmetic, against figures of public start logs for layers of several kinds."""

from __future__ import annotations

import pytest

from llmdoctor.fit.paged_cache import Layer, pool

GIB = 1 << 30
V11, V33 = (0, 11, 0), (0, 33, 0)


def test_sliding_layers_of_gemma_share_the_pool_in_groups() -> None:
    """Gemma 3 27B, vLLM 0.11: 109.86 GiB gave 205,696 tokens and 50.05 requests of 4096; ten of 62 layers see everything."""
    page = 2 * 16 * 128 * 2
    layers = [Layer(page, 0 if (number + 1) % 6 == 0 else 1024) for number in range(62)]
    found = pool(layers, round(109.86 * GIB), 4096, 8192, V11)
    assert found.tokens == pytest.approx(205696, rel=0.0001) and found.blocks == pytest.approx(89994, abs=5)
    assert found.concurrency == pytest.approx(50.05, rel=0.003)


def test_before_windows_were_used_every_layer_kept_everything() -> None:
    layers = [Layer(1024, 0), Layer(1024, 128)]
    assert pool(layers, GIB, 4096, 2048, (0, 8, 5)).tokens == GIB // 2048


def test_the_longest_request_that_the_program_itself_names() -> None:
    """https://github.com/eugr/spark-vllm-docker/issues/396: 62 layers, 4 of 8 heads on each of two GPUs, 22.5 GiB: 190272 tokens."""
    layers = [Layer(2 * 4 * 128 * 2)] * 62
    found = pool(layers, round(22.5 * GIB), 196608, 2048, (0, 29, 1))
    assert found.longest == pytest.approx(190272, abs=48) and found.request_bytes / GIB == pytest.approx(23.25, abs=0.005)


def test_a_recurrent_layer_keeps_one_state_and_makes_blocks_long() -> None:
    layers = [Layer(0, 0, 1_000_000)] * 3 + [Layer(2048)]
    found = pool(layers, GIB, 4096, 2048, V11)
    assert found.block_tokens == 496 and found.blocks == GIB // (496 * 2048)


def test_newer_versions_print_what_whole_requests_hold() -> None:
    layers = [Layer(2048, 0), Layer(2048, 256)]
    found = pool(layers, GIB, 8192, 2048, V33)
    assert found.tokens == int(found.concurrency * 8192)


def test_no_memory_and_no_layers() -> None:
    assert pool([Layer(2048)], -5, 4096, 2048, V11).tokens == 0
    assert pool([], GIB, 4096, 2048, V11).blocks == 0
