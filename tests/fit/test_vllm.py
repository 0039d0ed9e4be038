"""vLLM's memory: against what public start logs print."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from llmdoctor.facts.prediction import Prediction, ServerSettings
from llmdoctor.facts.target import Target
from llmdoctor.fit import paged_cache, server_command, serving, vllm
from llmdoctor.fit.vllm_defaults import ENGINE_V1, LATEST, engine_version, longest_allowed, version_of, with_defaults

from .server_models import PUBLIC, model

GIB = 1 << 30
RUNS = PUBLIC["runs"]


def card(run: dict[str, Any]) -> Target:
    """So large that CUDA calls as much the whole as the log says."""
    seen = round(run["total_gib"] * GIB)
    whole = 2 * seen - vllm.visible_bytes(Target("", seen))
    return Target(run["gpu"], whole, whole)


def asked(run: dict[str, Any]) -> ServerSettings:
    return ServerSettings(**{"version": run["version"], **run["flags"]})


def predicted(run: dict[str, Any]) -> Prediction:
    settings = asked(run)
    return vllm.predict(model(run["model"]), settings, [card(run)] * settings.tensor_parallel_size)


def label(run: dict[str, Any]) -> str:
    flags = run["flags"]
    return f"{run['model']}-{run['gpu']}-{run['version']}-{flags.get('max_model_len', '')}-{flags.get('tensor_parallel_size', 1)}".replace(" ", "-")  # fmt: skip


def those_with(*names: str) -> list[dict[str, Any]]:
    return [one for one in RUNS if all(name in one["seen"] for name in names)]


@pytest.mark.parametrize("run", those_with("weights"), ids=label)
def test_the_weights_as_they_were_loaded(run: dict[str, Any]) -> None:
    within = run.get("within", {}).get("weights", 0.004)
    assert predicted(run).devices[0].weights_bytes / GIB == pytest.approx(run["seen"]["weights"], rel=within)


@pytest.mark.parametrize("run", those_with("work"), ids=label)
def test_the_peak_of_the_first_batch(run: dict[str, Any]) -> None:
    within = run.get("within", {}).get("work", 0.01)
    assert predicted(run).devices[0].compute_bytes / GIB == pytest.approx(run["seen"]["work"], rel=within)


@pytest.mark.parametrize("run", [one for one in those_with("cache") if not one.get("flashinfer")], ids=label)
def test_what_is_left_for_the_cache(run: dict[str, Any]) -> None:
    within = run.get("within", {}).get("cache", 0.02)
    seen = max(run["seen"]["cache"], 0)
    assert predicted(run).devices[0].kv_cache_bytes / GIB == pytest.approx(seen, rel=within, abs=0.001)


@pytest.mark.parametrize("run", [one for one in RUNS if {"tokens", "blocks"} & one["seen"].keys() and {"cache", "pool"} & one["seen"].keys()], ids=label)  # fmt: skip
def test_the_tokens_that_those_bytes_hold(run: dict[str, Any]) -> None:
    """The log rounds the bytes to 0.01 GiB, and that is the whole of the difference."""
    seen, info = run["seen"], model(run["model"])
    settings = with_defaults(info, asked(run), card(run))
    split, left = settings.tensor_parallel_size, seen.get("cache", seen.get("pool"))
    layers = paged_cache.layers(info, range(len(info.heads)), vllm.CACHE_BYTES[settings.kv_cache_dtype] or 2, 2, split)

    def pool(gib: float) -> Any:
        return paged_cache.pool(
            layers,
            round(gib * GIB),
            settings.max_model_len,
            settings.max_num_batched_tokens,
            version_of(run["version"]),
            settings.block_size,
        )

    tokens = seen.get("tokens") or seen["blocks"] * 16
    assert pool(left - 0.005).tokens <= tokens <= pool(left + 0.005).tokens
    if "concurrency" in seen:
        assert pool(left).concurrency == pytest.approx(seen["concurrency"], rel=0.005)


def small(**fields: Any) -> tuple[Prediction, ServerSettings, list[Target]]:
    settings, targets = ServerSettings(version="0.11.0", **fields), [Target("RTX 4090", 24 * GIB, 24 * GIB)]
    return vllm.predict(model("Qwen3-8B"), settings, targets), settings, targets


def test_more_requests_and_tokens_of_a_batch_leave_less_for_the_cache() -> None:
    pools = [small(max_num_seqs=count)[0].devices[0].kv_cache_bytes for count in (16, 256, 512)]
    assert pools == sorted(pools, reverse=True) and pools[0] > pools[-1]
    batches = [small(max_num_batched_tokens=count)[0].devices[0].kv_cache_bytes for count in (2048, 8192, 65536)]
    assert batches == sorted(batches, reverse=True)


def test_the_longest_request_starts_and_one_block_more_does_not() -> None:
    longest = small()[0].pool.longest  # type: ignore[union-attr]
    for length, starts in ((longest, True), (longest + 16, False)):
        prediction, settings, targets = small(max_model_len=length)
        assert (vllm.starts(prediction, with_defaults(model("Qwen3-8B"), settings, targets[0]), targets) is None) is starts


def test_a_cache_in_eight_bits_holds_twice_as_much() -> None:
    sixteen, eight = small()[0].pool, small(kv_cache_dtype="fp8")[0].pool
    assert sixteen and eight and eight.tokens == pytest.approx(2 * sixteen.tokens, rel=0.001)


@pytest.mark.parametrize(
    ("free", "total", "fields", "why"),
    [
        (24, 24, {"max_model_len": 8192}, None),
        (24, 24, {"max_model_len": 40960}, "holds one request of"),
        (12, 24, {"max_model_len": 8192}, "larger than what is free"),
        (12, 12, {}, "nothing is left for the cache"),
        (24, 24, {"tensor_parallel_size": 2}, "asks for 2 GPUs, and 1 is here"),
        (24, 24, {"tensor_parallel_size": 3}, "cannot share 32 heads"),
        (80, 80, {"max_model_len": 65536}, "at most 40960"),
    ],
)
def test_why_it_does_not_start_and_that_what_is_told_then_does(
    free: int, total: int, fields: dict[str, Any], why: str | None
) -> None:
    targets = [Target("RTX 4090", free * GIB, total * GIB)]
    plan = serving.for_server("vllm", model("Qwen3-8B"), ServerSettings(version="0.11.0", **fields), targets)
    assert plan.fits is (why is None) and (why or "") in (plan.why or "")
    for remedy in plan.remedies:
        assert remedy.prediction.pool and remedy.prediction.pool.concurrency >= 1
        assert all(part.total_bytes <= one.free_bytes for part, one in zip(remedy.prediction.devices, targets))


@pytest.mark.parametrize(
    ("card", "version", "tokens", "seqs", "share"),
    [
        ("RTX 4090", "0.11.0", 2048, 256, 0.9),
        ("H100 80GB", "0.11.0", 8192, 1024, 0.9),
        ("A100 80GB", "0.11.0", 2048, 256, 0.9),
        ("A100 80GB", "0.8.5", 8192, 1024, 0.9),
        ("A100 80GB", "0.7.3", 40960, 256, 0.9),
        ("H100 80GB", "", 8192, 1024, 0.92),
    ],
)
def test_what_vllm_chooses_itself(card: str, version: str, tokens: int, seqs: int, share: float) -> None:
    whole = (80 if "80GB" in card else 24) * GIB
    info = model("Phi-4-mini") if version == "0.7.3" else model("Qwen3-8B")
    length = {"max_model_len": 40960} if version == "0.7.3" else {}
    found = with_defaults(info, ServerSettings(version=version, **length), Target(card, whole, whole))
    if version == "0.7.3":
        tokens = 2048  # longer than 32768: prompts are split
    assert (found.max_num_batched_tokens, found.max_num_seqs, found.gpu_memory_utilization) == (tokens, seqs, share)


def test_cards_before_ampere_had_the_old_engine() -> None:
    assert engine_version("0.8.5", "Tesla T4") < ENGINE_V1 <= engine_version("0.8.5", "RTX 3090")
    assert engine_version("0.11.0", "Tesla T4") == (0, 11, 0)


def test_versions_are_read_from_what_logs_print() -> None:
    assert version_of("0.11.0rc2.dev98+g393de22d2") == (0, 11, 0) and version_of("v0.8.5.post1") == (0, 8, 5)
    assert version_of("") == LATEST


def test_more_tokens_than_config_json_tells_where_the_line_allows_it() -> None:
    targets = [Target("RTX 4090", 80 * GIB, 80 * GIB)]
    words = ["vllm", "serve", "M", "--max-model-len", "65536"]
    for before, fits in (([], False), (["VLLM_ALLOW_LONG_MAX_MODEL_LEN=1"], True)):
        command = server_command.read([*before, *words])
        assert isinstance(command.settings, ServerSettings)
        plan = serving.for_server("vllm", model("Qwen3-8B"), command.settings, targets, command)
        assert plan.fits is fits and all("--max-model-len 40960" in one.command for one in plan.remedies)


@pytest.mark.parametrize(
    ("scaling", "most"),
    [
        ({}, 40960), ({"rope_type": "linear", "factor": 2.0}, 81920), ({"rope_type": "llama3", "factor": 8.0}, 40960),
        ({"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 32768}, 131072),
    ],
)  # fmt: skip
def test_how_long_a_request_vllm_allows(scaling: dict[str, Any], most: int) -> None:
    info = model("Qwen3-8B")
    changed = msgspec.structs.replace(info, metadata={**info.metadata, "rope_scaling": scaling})
    assert longest_allowed(changed) == most
