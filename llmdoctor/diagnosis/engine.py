"""Facts and rules to findings: evaluates every rule, folds what a root cause explains, ranks the rest."""

from __future__ import annotations

import re
from typing import Any, Iterable, Mapping, NamedTuple, Optional

from ..facts.fact import Unknown
from ..facts.finding import Evidence, Finding, NotChecked, Step
from ..facts.machine import Machine, Runtime
from ..facts.units import show
from .evaluate import Evaluator, Read, Result
from .rule import LOG_NAMES, SEVERITIES, Rule
from .text import command_keys, render

MAX_AUTOMATIC_EVIDENCE = 8
"""Facts shown of those that a condition read, beside the rule's own evidence."""
CONFIDENCES = ("confirmed", "likely", "possible")
"""Surest first."""


class Outcome(NamedTuple):
    findings: list[Finding]
    """Best first."""
    explained: list[Finding]
    """Those that one of ``findings`` brings about."""
    not_checked: list[NotChecked]
    passed: int
    """Rules that could be checked and found nothing."""


class Fired(NamedTuple):
    """A rule that holds here, with what its rank hangs on."""

    finding: Finding
    explains: list[str]
    weight: int
    """How many facts and lines speak for it."""
    line: int = 0
    """Of the log; 0 for facts."""
    elsewhere: bool = False
    """It stands in a run of the log that is not the one in question."""


def judge(machine: Machine, rules: Iterable[Rule]) -> Outcome:
    """Runs all rules that facts can decide over a machine."""
    fired: list[Fired] = []
    not_checked: list[NotChecked] = []
    passed = 0
    for rule in rules:
        if rule.needs_log:
            continue
        result, runtime = evaluate_rule(rule, machine)
        if isinstance(result.value, Unknown):
            not_checked.append(NotChecked(id=rule.id, reason=result.value.unknown))
        elif result.value:
            finding = write_finding(rule, machine, result, runtime, "confirmed")
            fired.append(Fired(finding, rule.explains, len({read.path for read in result.reads})))
        else:
            passed += 1
    findings, explained = fold(fired)
    return Outcome(findings, explained, not_checked, passed)


def evaluate_rule(rule: Rule, machine: Machine) -> tuple[Result, Optional[str]]:
    """Whether the rule's condition holds of this machine, and the first installed runtime that it speaks of.

    A rule that names runtimes is false where none of them is installed, and unknown where nobody could tell.
    """
    runtime: Optional[str] = None
    unsure: Optional[Unknown] = None
    if rule.runtimes:
        for name in rule.runtimes:
            known = machine.runtimes.get(name)
            installed = known.installed if known is not None else Unknown("not recorded")
            if installed is True:
                runtime = name
                break
            if isinstance(installed, Unknown) and unsure is None:
                unsure = Unknown(f"runtimes['{name}'].installed: {installed.unknown}")
        if runtime is None and unsure is None:
            return Result(False), None
    result = Evaluator(machine).evaluate(rule.when)
    if runtime is None and unsure is not None and result.value not in (False, None):
        return Result(unsure), None
    for _, value, path in result.witnesses:
        match = re.match(r"runtimes\['([^']+)'\]", path)
        if match and isinstance(value, Runtime):
            runtime = match[1]
            break
    return result, runtime


def write_finding(
    rule: Rule,
    machine: Machine,
    result: Result,
    runtime: Optional[str],
    confidence: str,
    told: Optional[Mapping[str, Any]] = None,
    lines: Iterable[Evidence] = (),
) -> Finding:
    """A rule's texts filled with the facts that made it fire; ``lines`` are those of the log."""
    texts = rule.texts()
    evaluator = Evaluator(machine, {name: (value, path) for name, value, path in result.witnesses}, told)
    evidence = [
        Evidence(text=text) for template in texts.evidence if (text := render(template, evaluator, strict=True)) is not None
    ]
    evidence += lines
    evidence += _read_evidence(result.reads)
    known = machine.runtimes.get(runtime) if runtime else None
    packaging = known.packaging if known is not None and isinstance(known.packaging, str) else None
    keys = command_keys(machine, packaging)
    steps = []
    for step in texts.fix:
        if step.when is not None and evaluator.evaluate(step.when).value in (False, None):
            continue
        # A step whose figures nobody knows helps nobody; one whose command alone lacks them still says what to do.
        do = render(step.do, evaluator, strict=True)
        if do is None:
            continue
        chosen = next((step.run[key] for key in keys if key in step.run), None)
        run = render(chosen, evaluator, strict=True) if chosen is not None else None
        steps.append(Step(do=do, run=run, cost=step.cost))
    return Finding(
        id=rule.id,
        title=render(texts.title, evaluator) or rule.id,
        kind=rule.kind,
        severity=rule.severity,
        confidence=confidence,
        runtime=runtime,
        evidence=evidence,
        why=" ".join((render(texts.why, evaluator) or "").split()),
        fix=steps,
        verify=render(texts.verify, evaluator) or "",
        refs=texts.refs,
    )


def _read_evidence(reads: tuple[Read, ...]) -> list[Evidence]:
    """The facts that decided, each once, as ``path = value``; what the log tells is shown by its lines."""
    found: dict[str, Evidence] = {}
    for path, value in reads:
        if path and path not in found and not isinstance(value, Unknown) and re.split(r"[.\[]", path)[0] not in LOG_NAMES:
            field = path.rsplit(".", 1)[-1]
            shown = "absent" if value is None else show(field, value)
            if len(shown) > 300:
                shown = shown[:297] + "…"
            found[path] = Evidence(text=f"{path} = {shown}", source=path)
    return list(found.values())[:MAX_AUTOMATIC_EVIDENCE]


def fold(fired: list[Fired]) -> tuple[list[Finding], list[Finding]]:
    """Root causes, ranked, and the findings that they explain."""
    by_id = {one.finding.id: one for one in fired}

    def below(root: str) -> list[str]:
        seen: list[str] = []
        waiting = list(by_id[root].explains)
        while waiting:
            other = waiting.pop(0)
            if other in by_id and other != root and other not in seen:
                seen.append(other)
                waiting += by_id[other].explains
        return seen

    reach = {one.finding.id: below(one.finding.id) for one in fired}
    # A circle (possible only with a team's own rules) has no root: of two that explain each other the first stays.
    order = [one.finding.id for one in fired]
    folded = {
        other
        for root in order
        for other in reach[root]
        if not (root in reach[other] and order.index(other) < order.index(root))
    }
    for one in fired:
        one.finding.explains = reach[one.finding.id]
        # What it brings about is its own harm: a cause weighs as much as its worst consequence.
        worst = [by_id[other].finding.severity for other in one.finding.explains] + [one.finding.severity]
        one.finding.severity = min(worst, key=SEVERITIES.index)
    ranked = sorted(fired, key=_rank)
    roots = [one.finding for one in ranked if one.finding.id not in folded]
    return roots, [one.finding for one in ranked if one.finding.id in folded]


def _rank(one: Fired) -> tuple[Any, ...]:
    finding = one.finding
    return (
        finding.severity == "info",
        one.elsewhere,
        CONFIDENCES.index(finding.confidence),
        SEVERITIES.index(finding.severity),
        finding.kind == "symptom",
        -len(finding.explains),
        one.line,
        -one.weight,
        finding.id,
    )
