"""vLLM's memory: against what public start logs print."""

from __future__ import annotations

from typing import Any

import pytest

from llmdoctor.facts.prediction import Prediction, ServerSettings
from llmdoctor.facts.target import Target
from llmdoctor.fit import vllm

from .server_models import PUBLIC, model

GIB = 1 << 30


def predicted(run: dict[str, Any]) -> Prediction:
    settings = ServerSettings(**{"version": run["version"], **run["flags"]})
    # The log names what CUDA calls the whole of the card.
    whole = round(
        run["total_gib"] * GIB * run["total_gib"] * GIB / vllm.visible_bytes(Target("", round(run["total_gib"] * GIB)))
    )
    return vllm.predict(model(run["model"]), settings, [Target(run["gpu"], whole, whole)] * settings.tensor_parallel_size)


def label(run: dict[str, Any]) -> str:
    return f"{run['model']}-{run['gpu']}-{run['version']}-{run['flags'].get('max_model_len', '')}".replace(" ", "-")


@pytest.mark.parametrize("run", [one for one in PUBLIC["runs"] if "weights" in one["seen"]], ids=label)
def test_the_weights_of_public_runs(run: dict[str, Any]) -> None:
    assert predicted(run).devices[0].weights_bytes / GIB == pytest.approx(
        run["seen"]["weights"], rel=run.get("weights_within", 0.003)
    )
