"""A plan as a terminal shows it."""

from __future__ import annotations

from typing import Sequence

from ..catalogs.quantizations import in_words
from ..facts.prediction import Parts, Pool, Prediction
from ..facts.target import Target
from ..facts.units import show_bytes
from ..fit.plan import Plan, rule_of_thumb_bytes
from .fit_bar import LEGEND, PARTS, bar

WIDTH = 60
"""Characters of the bar that stands for a whole GPU."""


def text(plan: Plan) -> str:
    info, prediction = plan.info, plan.prediction
    parameters = f", {info.parameters / 1e9:.1f}B parameters" if isinstance(info.parameters, int) else ""
    lines = [
        verdict(plan), "",
        f"{info.architecture} {info.quantization}{parameters}; {info.layers} layers, trained for {info.n_ctx_train} tokens",
        plan.command, "",
        *_table(prediction, plan.targets), *_bars(prediction, plan.targets),
    ]  # fmt: skip
    if prediction.pool is not None and plan.targets:
        lines.append(_pool(prediction.pool, prediction.settings.n_ctx))
    lines += [f"An estimate: {doubt}." for doubt in prediction.doubts]
    if plan.speed is not None:
        lines.append(
            f"Speed of an answer: {plan.speed.slowest:.0f} to {plan.speed.fastest:.0f} tokens per second (an estimate)."
        )
    rule = rule_of_thumb_bytes(info)
    if rule is not None:
        lines.append(f"The rule of thumb (weights and a fifth) would say {show_bytes(rule)}.")
    lines += [*plan.notes, *_remedies(plan)]
    lines += _compared(plan)
    return "\n".join(lines) + "\n"


def _pool(pool: Pool, longest: int) -> str:
    return (
        f"The cache holds {pool.tokens} tokens, {pool.concurrency:.2f} requests of {longest} tokens at once; one such request takes "
        f"{show_bytes(pool.request_bytes)} of each GPU."
    )


def verdict(plan: Plan) -> str:
    if plan.why:
        return f"It does not start: {plan.why}"
    if not plan.targets:
        return "No GPU with known free memory is here: all of it goes to RAM. --vram 24GiB or --gpu NAME plans for another machine."
    pairs = list(zip(plan.prediction.devices, plan.targets))
    if plan.fits:
        return f"It fits, with {show_bytes(min(one.free_bytes - part.total_bytes for part, one in pairs))} to spare."
    return f"It does not fit: {show_bytes(max(part.total_bytes - one.free_bytes for part, one in pairs))} are missing."


def _table(prediction: Prediction, targets: Sequence[Target]) -> list[str]:
    rows: list[tuple[str, ...]] = [("", "weights", "KV cache", "work", "driver", "total", "free")]
    for number, part in enumerate(prediction.devices):
        target = targets[number] if number < len(targets) else None
        rows.append((target.name if target else part.name, *_sizes(part), show_bytes(target.free_bytes) if target else ""))
    if prediction.ram.total_bytes:
        rows.append(("RAM", *_sizes(prediction.ram), ""))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return [
        "  ".join(cell.rjust(width) if number else cell.ljust(width) for number, (cell, width) in enumerate(zip(row, widths))).rstrip()
        for row in rows
    ]  # fmt: skip


def _sizes(one: Parts) -> tuple[str, ...]:
    return tuple(show_bytes(getattr(one, name)) for name in (*(name for name, _, _ in PARTS), "total_bytes"))


def _bars(prediction: Prediction, targets: Sequence[Target]) -> list[str]:
    """One for each GPU."""
    bars = ["".join(piece.text for piece in bar(part, target, WIDTH)) for part, target in zip(prediction.devices, targets)]
    return ["", *bars, "  ".join(f"{sign} {word}" for sign, word in LEGEND), ""] if bars else []


def _remedies(plan: Plan) -> list[str]:
    if plan.fits or not plan.targets:
        settings = plan.prediction.settings
        if plan.targets and plan.longest is not None and plan.longest > settings.n_ctx:
            return [f"Up to {plan.longest} tokens of context would fit."]
        return []
    if not plan.remedies:
        return ["", "Nothing that llmdoctor knows makes this model fit here; take a smaller quantisation or a smaller model."]
    lines = ["", "What would make it fit (each alone):"]
    for number, remedy in enumerate(plan.remedies, 1):
        left = min(one.free_bytes - part.total_bytes for part, one in zip(remedy.prediction.devices, plan.targets))
        lines += [f"  {number}) {remedy.says} {show_bytes(left)} stay free. (costs: {remedy.cost})", f"     {remedy.command}"]
    return lines


def _compared(plan: Plan) -> list[str]:
    if not plan.compared:
        return []
    lines = ["", "Other quantisations of this model, with these settings:"]
    for one in plan.compared:
        total = sum(part.total_bytes for part in one.prediction.devices) or one.prediction.ram.total_bytes
        speed = f"{one.speed.slowest:4.0f} to {one.speed.fastest:4.0f} tokens/s" if one.speed else " " * 21
        mark = "*" if one.quantization.name == plan.info.quantization else " "
        verdict = "" if not plan.targets else "fits" if one.fits else "does not fit"
        lines.append(
            f"{mark} {one.quantization.name:<8}{show_bytes(total).rjust(10)}  {verdict:<13} {speed}  {in_words(one.quantization.loss)}"
        )
    lines.append("* this file. The loss is that measured on an 8B model; larger ones lose less.")
    return lines
