"""A plan for programs."""

from __future__ import annotations

import json
from typing import Any, Optional

import msgspec

from ..facts.prediction import Parts, Pool, Prediction
from ..fit.plan import Plan, rule_of_thumb_bytes
from ..fit.speed import Speed

SCHEMA_VERSION = 1


def text(plan: Plan, settings: msgspec.Struct, tool_version: str) -> str:
    """``settings`` are those of the engine."""
    shape = msgspec.to_builtins(plan.info)
    wanted = ("path", "format", "name", "architecture", "quantization", "parameters", "layers", "n_ctx_train")
    data = {
        "schema_version": SCHEMA_VERSION, "tool_version": tool_version, "engine": plan.engine,
        "model": {name: shape.get(name) for name in wanted},
        "settings": {name: getattr(settings, name) for name in settings.__struct_fields__}, "command": plan.command, "fits": plan.fits if plan.targets else None,
        "devices": [
            _part(part, plan.targets[number].name if number < len(plan.targets) else part.name,
                  plan.targets[number].free_bytes if number < len(plan.targets) else None)
            for number, part in enumerate(plan.prediction.devices)
        ],
        "ram": _part(plan.prediction.ram, "RAM", None), "certain": plan.prediction.certain, "doubts": plan.prediction.doubts, "notes": plan.notes,
        "pool": _pool(plan.prediction.pool), "why": plan.why,
        "longest_context": plan.longest, "tokens_per_second": _speed(plan.speed), "rule_of_thumb_bytes": rule_of_thumb_bytes(plan.info),
        "suggestions": [
            {"says": one.says, "cost": one.cost, "command": one.command, "total_bytes": _totals(one.prediction)} for one in plan.remedies
        ],
        "compared": [
            {"quantization": one.quantization.name, "bits": round(one.quantization.bits, 2), "loss": one.quantization.loss, "fits": one.fits,
             "total_bytes": _totals(one.prediction), "tokens_per_second": _speed(one.speed)}
            for one in plan.compared
        ],
    }  # fmt: skip
    return json.dumps(data, indent=2, ensure_ascii=False) + "\n"


def _pool(pool: Optional[Pool]) -> Optional[dict[str, Any]]:
    if pool is None:
        return None
    return {**msgspec.structs.asdict(pool), "concurrency": round(pool.concurrency, 2)}


def _totals(prediction: Prediction) -> list[int]:
    return [part.total_bytes for part in prediction.devices]


def _speed(speed: Optional[Speed]) -> Optional[list[float]]:
    return None if speed is None else [round(speed.slowest, 1), round(speed.fastest, 1)]


def _part(one: Parts, name: str, free: Optional[int]) -> dict[str, Any]:
    return {
        "name": name, "weights_bytes": one.weights_bytes, "kv_cache_bytes": one.kv_cache_bytes, "compute_bytes": one.compute_bytes,
        "overhead_bytes": one.overhead_bytes, "total_bytes": one.total_bytes, "free_bytes": free,
        "fits": None if free is None else one.total_bytes <= free,
    }  # fmt: skip
