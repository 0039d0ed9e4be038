"""SGLang's static share, against the one public run with all that decides it."""

from __future__ import annotations

import pytest

from llmdoctor.facts.prediction import ServerSettings
from llmdoctor.facts.target import Target
from llmdoctor.fit import serving, sglang

from .server_models import PUBLIC, model

GIB = 1 << 30


def test_the_tokens_of_a_public_run() -> None:
    run = PUBLIC["sglang"]
    card = Target(run["gpu"], round((run["total_gib"] + 0.6) * GIB), round((run["total_gib"] + 0.6) * GIB))
    made = sglang.predict(model(run["model"]), ServerSettings(**run["flags"]), [card] * 4)
    assert made.pool is not None and made.pool.tokens == pytest.approx(run["seen"]["tokens"], rel=0.03)
    assert made.devices[0].kv_cache_bytes / GIB == pytest.approx(run["seen"]["cache"], rel=0.03)


def test_the_share_that_it_chooses_leaves_room_for_a_batch_and_its_graphs() -> None:
    for gib, least in ((24, 0.7), (80, 0.8)):
        asked = sglang.with_defaults(model("Qwen3-8B"), ServerSettings(), Target("GPU", gib * GIB, gib * GIB))
        assert least < asked.gpu_memory_utilization < 0.95


def test_a_larger_share_holds_more_and_the_parts_are_within_the_card() -> None:
    targets = [Target("RTX 4090", 24 * GIB, 24 * GIB)]
    pools = []
    for share in (0.75, 0.8, 0.9):
        plan = serving.for_server(
            "sglang", model("Qwen3-8B"), ServerSettings(gpu_memory_utilization=share, max_model_len=4096), targets
        )
        assert plan.prediction.devices[0].total_bytes <= 24 * GIB
        pools.append(plan.prediction.pool.tokens if plan.prediction.pool else 0)
    assert pools == sorted(pools) and pools[0] < pools[-1]


def test_what_would_make_it_start_is_in_its_own_flags() -> None:
    plan = serving.for_server(
        "sglang", model("Qwen3-8B"), ServerSettings(gpu_memory_utilization=0.7), [Target("RTX 4090", 24 * GIB, 24 * GIB)]
    )
    assert not plan.fits and any("--mem-fraction-static" in one.command for one in plan.remedies)
