"""The arithmetic of memory: which part tipped it, by how many bytes, and what would have fitted."""

from __future__ import annotations

from typing import Any

import pytest

from llmdoctor.diagnosis.shortage import CONTEXT_STEP, FIT_MARGIN_BYTES, shortage_of
from llmdoctor.facts.fact import Unknown
from llmdoctor.facts.run import Allocation, Run, RunDevice, TorchMemory

GIB = 1 << 30
CARD = {"name": "CUDA0", "backend": "cuda", "total_bytes": 24 * GIB, "free_bytes": 23 * GIB}


def run(device: dict[str, Any], failed: dict[str, Any], **fields: Any) -> Run:
    fields = {"architecture": "llama", **fields}
    return Run(devices=[RunDevice(**{**CARD, **device})], failed_allocation=Allocation(**failed), **fields)


@pytest.mark.parametrize(
    ("device", "failed", "part", "need", "short"),
    [
        # The failed piece is the part itself, the others are as allocated.
        ({}, {"device": "CUDA0", "part": "weights", "requested_bytes": 30 * GIB}, "weights", 30, 7),
        ({"weights_bytes": 8 * GIB}, {"device": "CUDA0", "part": "kv-cache", "requested_bytes": 20 * GIB}, "kv-cache", 28, 5),
        ({"weights_bytes": 8 * GIB, "kv_cache_bytes": 12 * GIB}, {"device": "CUDA0", "part": "compute", "requested_bytes": 4 * GIB},
         "compute", 24, 1),
        # The log does not say for what: llama.cpp's order of allocation does.
        ({}, {"requested_bytes": 30 * GIB}, "weights", 30, 7),
        ({"weights_bytes": 8 * GIB}, {"requested_bytes": 16 * GIB}, "kv-cache", 24, 1),
        # A projector comes on top of everything.
        ({"weights_bytes": 20 * GIB, "kv_cache_bytes": 2 * GIB}, {"part": "mmproj", "requested_bytes": 2 * GIB}, "mmproj", 24, 1),
        # It would fit an empty card, and another program has the rest.
        ({"free_bytes": 6 * GIB}, {"part": "weights", "requested_bytes": 10 * GIB}, "other-process", 10, 4),
        # It would not fit an empty card either: its own size is the cause.
        ({"free_bytes": 6 * GIB}, {"part": "weights", "requested_bytes": 40 * GIB}, "weights", 40, 34),
        # What the message itself says of that moment beats what was printed at the start.
        ({}, {"part": "weights", "requested_bytes": 10 * GIB, "free_bytes": 4 * GIB, "total_bytes": 24 * GIB}, "other-process", 10, 6),
    ],
)  # fmt: skip
def test_the_part_that_tipped_it(device: dict[str, Any], failed: dict[str, Any], part: str, need: int, short: int) -> None:
    shortage = shortage_of(run(device, failed))
    assert (shortage.part, shortage.need_bytes, shortage.short_by_bytes) == (part, need * GIB, short * GIB)


def test_a_log_that_begins_after_the_load_does_not_tell_the_part() -> None:
    """Nothing of the load is in it, so that llama.cpp's order of allocation says nothing either."""
    failed = Run(devices=[RunDevice(name="CUDA0", backend="cuda")], failed_allocation=Allocation(device="CUDA0"))
    assert isinstance(shortage_of(failed).part, Unknown)


def test_the_context_that_would_have_fitted_leaves_the_margin() -> None:
    shortage = shortage_of(run({"weights_bytes": 8 * GIB}, {"part": "kv-cache", "requested_bytes": 20 * GIB}, n_ctx=163840))
    assert isinstance(shortage.fitting_n_ctx, int) and shortage.fitting_n_ctx % CONTEXT_STEP == 0
    per_token = 20 * GIB / 163840
    used = 8 * GIB + shortage.fitting_n_ctx * per_token
    assert 23 * GIB - FIT_MARGIN_BYTES - CONTEXT_STEP * per_token < used <= 23 * GIB - FIT_MARGIN_BYTES


def test_the_layers_that_would_have_fitted() -> None:
    shortage = shortage_of(run({}, {"part": "weights", "requested_bytes": 44 * GIB}, gpu_layers_offloaded=44, layers_total=81))
    assert shortage.fitting_gpu_layers == 22


def test_ram() -> None:
    shortage = shortage_of(
        run({"name": "CPU", "backend": "cpu"}, {"device": "CPU", "requested_bytes": 40 * GIB}, ram_free_bytes=30 * GIB)
    )
    assert (shortage.part, shortage.device, shortage.short_by_bytes) == ("ram", "RAM", 10 * GIB)


@pytest.mark.parametrize(
    ("memory", "failed", "part"),
    [
        (
            {"this_process_bytes": 20 * GIB, "allocated_bytes": 10 * GIB, "reserved_unallocated_bytes": 9 * GIB},
            {},
            "fragmentation",
        ),
        ({"this_process_bytes": 1 * GIB, "allocated_bytes": 0, "reserved_unallocated_bytes": 0}, {}, "other-process"),
        (
            {"this_process_bytes": 22 * GIB, "allocated_bytes": 22 * GIB, "reserved_unallocated_bytes": 0},
            {"part": "weights"},
            "weights",
        ),
    ],
)
def test_pytorchs_own_figures(memory: dict[str, Any], failed: dict[str, Any], part: str) -> None:
    allocation = {"requested_bytes": 2 * GIB, "free_bytes": GIB, "total_bytes": 24 * GIB, **failed}
    shortage = shortage_of(run({}, allocation, torch=TorchMemory(**memory)))
    assert (shortage.part, shortage.short_by_bytes) == (part, GIB)


def test_nothing_failed_and_nothing_known() -> None:
    assert isinstance(shortage_of(Run()).part, Unknown)
    assert isinstance(shortage_of(Run(failed_allocation=Allocation())).short_by_bytes, Unknown)
