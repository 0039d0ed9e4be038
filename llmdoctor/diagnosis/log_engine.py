"""A log and rules to findings, with the facts of the machine where the log is from here."""

from __future__ import annotations

from typing import Any, Iterable, Mapping, NamedTuple, Optional, Sequence

from ..facts.fact import Unknown
from ..facts.finding import Evidence, Finding
from ..facts.machine import Machine, Os
from ..facts.run import Run
from ..logs.chapters import Chapter, latest_run
from ..logs.scanner import Hit
from .engine import CONFIDENCES, Fired, evaluate_rule, fold, write_finding
from .evaluate import Evaluator, Result
from .matching import NOBODY, Match, matches
from .rule import SEVERITIES, Rule
from .shortage import shortage_of

MAX_LINE_CHARS = 400
MAX_LINES_SHOWN = 4
FALLBACK = "perf.cpu-fallback"
"""The rule that says that a GPU is there and was not used."""
_GPU_AREAS = ("driver", "env", "docker", "wsl", "dll", "cuda", "rocm", "vulkan", "perf")
"""Areas of what keeps programs from the GPU from the start on."""


class LogOutcome(NamedTuple):
    findings: list[Finding]
    """Best first."""
    explained: list[Finding]
    runs: list[Run]
    """Of each log the run that was judged: the latest that failed, else the latest."""
    passed: int
    """Rules that found nothing."""


class _Judged(NamedTuple):
    fired: list[Fired]
    run: Optional[Run]


def judge_logs(machine: Optional[Machine], rules: Sequence[Rule], logs: Iterable[tuple[list[Chapter], str]]) -> LogOutcome:
    """Judges of each log the latest chapter that shows a trouble; the newest where none does.

    Each log comes with its origin (``LogSummary.machine``), which says what the facts of ``machine`` may do.
    """
    fired: dict[str, Fired] = {}
    runs: list[Run] = []
    for chapters, origin in logs:
        judged = _latest_trouble(machine or NOBODY, rules, chapters, origin if machine is not None else "elsewhere")
        runs += [judged.run] if judged.run is not None else []
        for one in judged.fired:
            known = fired.get(one.finding.id)
            if known is None or CONFIDENCES.index(one.finding.confidence) < CONFIDENCES.index(known.finding.confidence):
                fired[one.finding.id] = one
    findings, explained = fold(list(fired.values()))
    findings, alone = _without_symptoms(findings)
    return LogOutcome(findings, explained + alone, runs, len(rules) - len(fired))


def _latest_trouble(machine: Machine, rules: Sequence[Rule], chapters: Iterable[Chapter], origin: str) -> _Judged:
    newest: Optional[_Judged] = None
    for chapter in reversed(list(chapters)):
        judged = _chapter(machine, rules, chapter, origin)
        if any(one.finding.severity != "info" for one in judged.fired):
            return judged
        newest = newest or judged
    return newest or _Judged([], None)


def _chapter(machine: Machine, rules: Iterable[Rule], chapter: Chapter, origin: str) -> _Judged:
    """All rules over one chapter of one log."""
    target = latest_run(chapter)
    fired: list[Fired] = []
    by_facts: list[Rule] = []
    by_id = {rule.id: rule for rule in rules}
    for rule in by_id.values():
        one = _from_log(rule, machine if origin != "elsewhere" else NOBODY, chapter, target, origin == "here")
        if one is not None:
            fired.append(one)
        elif not rule.needs_log:
            by_facts.append(rule)
    fired = _without_disproved(fired, target, by_id)
    sure = any(one.finding.kind == "cause" and one.finding.confidence != "possible" for one in fired)
    if fired and (origin == "here" or (origin == "maybe" and not sure)):
        fired += _that_explain(by_facts, machine, fired)
    return _Judged(fired, target)


def _without_disproved(fired: list[Fired], target: Optional[Run], rules: Mapping[str, Rule]) -> list[Fired]:
    """Drops what would keep programs from the GPU, where the run put layers there afterwards: it was a probe that came to nothing."""
    offloaded = target.lines.get("gpu_layers_offloaded") if target is not None else None
    if (
        target is None
        or offloaded is None
        or not isinstance(target.gpu_layers_offloaded, int)
        or not target.gpu_layers_offloaded
    ):
        return fired

    def keeps_from_gpu(one: Fired) -> bool:
        return one.finding.id.split(".")[0] in _GPU_AREAS and (
            one.finding.id == FALLBACK or FALLBACK in brought_about(one.finding.id, rules)
        )

    def last_line(one: Fired) -> int:
        return max((evidence.line or 0 for evidence in one.finding.evidence), default=0)

    return [one for one in fired if one.elsewhere or not keeps_from_gpu(one) or not 0 < last_line(one) < offloaded]


def brought_about(root: str, rules: Mapping[str, Rule]) -> set[str]:
    """Ids of what a cause explains, at once or through others."""
    found: set[str] = set()
    waiting = list(rules[root].explains) if root in rules else []
    while waiting:
        one = waiting.pop()
        if one not in found:
            found.add(one)
            waiting += rules[one].explains if one in rules else []
    return found


def _from_log(rule: Rule, machine: Machine, chapter: Chapter, target: Optional[Run], is_here: bool) -> Optional[Fired]:
    if rule.log:
        # The run in question first; another run's match only where that has none.
        for match in sorted(matches(rule, chapter), key=lambda match: match.run is not target):
            fired = _judge_match(rule, machine, match, chapter, target, is_here)
            if fired is not None:
                return fired
        return None
    if not rule.needs_log:
        return None
    others = [run for run in reversed(chapter.runs) if run is not target]
    for run in [*([target] if target is not None else []), *others]:
        told = {"run": run, "shortage": shortage_of(run), "log": {}}
        result = Evaluator(machine, told=told).evaluate(rule.when)
        if result.value is True and _speaks_of(rule.runtimes, run) is not False:
            lines = _lines_read(result, run, chapter.log)
            finding = write_finding(
                rule, _seen_from(machine, run), result, _runtime(rule.runtimes, run), "confirmed", told, lines
            )
            return Fired(finding, rule.explains, len(result.reads), lines[0].line or 0 if lines else 0, run is not target)
    return None


def _judge_match(
    rule: Rule, machine: Machine, match: Match, chapter: Chapter, target: Optional[Run], is_here: bool
) -> Optional[Fired]:
    told: Mapping[str, Any] = {"run": match.run, "shortage": shortage_of(match.run), "log": match.groups}
    level = 2 if match.generic else 1
    result = Result(True)
    if rule.when is not None:
        if Evaluator(NOBODY, told=told).evaluate(rule.when).value in (False, None):
            return None  # the log itself rules it out
        result = Evaluator(machine, told=told).evaluate(rule.when)
        if result.value is True:
            level = 0
        elif result.value in (False, None) and is_here:
            if match.generic:
                return None
            level = 2  # the machine of today does not show it; the log may be older
    for names in (rule.runtimes, match.runtimes):
        if _speaks_of(names, match.run) is False:
            if match.generic:
                return None
            level = min(level + 1, 2)
    if result.value is not True:
        result = Result(result.value)  # what did not decide is no evidence
    finding = write_finding(
        rule, _seen_from(machine, match.run), result, _runtime(match.runtimes or rule.runtimes, match.run), CONFIDENCES[level], told,
        _lines(match.hits, chapter.log),
    )  # fmt: skip
    if finding.kind == "cause" and finding.severity == "info":
        finding.severity = "warning"
    weight = len(match.hits) + len(match.groups) + len(result.reads)
    return Fired(finding, rule.explains, weight, match.hits[0].line, match.run is not target)


def _speaks_of(runtimes: list[str], run: Run) -> Optional[bool]:
    """Whether a rule or pattern for these runtimes is meant for this log; None where either does not say."""
    names = [name for name in (run.runtime, run.engine) if isinstance(name, str)]
    if not runtimes or not names:
        return None
    return any(name in runtimes for name in names)


def _seen_from(machine: Machine, run: Run) -> Machine:
    """For the texts of a log from elsewhere: its commands are for the system that the log tells."""
    return Machine(os=Os(family=run.os)) if machine is NOBODY else machine


def _runtime(runtimes: list[str], run: Run) -> Optional[str]:
    if isinstance(run.runtime, str):
        return run.runtime
    return runtimes[0] if len(runtimes) == 1 else None


def _lines(hits: Iterable[Hit], log: str) -> list[Evidence]:
    shown: dict[int, Evidence] = {}
    for hit in hits:
        text = hit.text if len(hit.text) <= MAX_LINE_CHARS else hit.text[: MAX_LINE_CHARS - 1] + "…"
        shown.setdefault(hit.line, Evidence(text=text, source=log, line=hit.line))
    return list(shown.values())[:MAX_LINES_SHOWN]


def _lines_read(result: Result, run: Run, log: str) -> list[Evidence]:
    """What a condition read of the run, with the line that told it."""
    from ..facts.units import show

    found: dict[str, Evidence] = {}
    for path, value in result.reads:
        top, _, field = path.partition(".")
        if top == "run" and value is not None and not isinstance(value, Unknown):
            found.setdefault(path, Evidence(text=f"{field} = {show(field, value)}", source=log, line=run.lines.get(field)))
    return list(found.values())[:MAX_LINES_SHOWN]


def _that_explain(rules: Iterable[Rule], machine: Machine, fired: list[Fired]) -> list[Fired]:
    """Causes that the machine's facts show and that bring about what the log shows."""
    wanted = {one.finding.id for one in fired}
    found: list[Fired] = []
    for rule in rules:
        if not wanted.intersection(rule.explains):
            continue
        result, runtime = evaluate_rule(rule, machine)
        if result.value is True:
            finding = write_finding(rule, machine, result, runtime, "confirmed")
            found.append(Fired(finding, rule.explains, len({read.path for read in result.reads})))
    return found


def _without_symptoms(findings: list[Finding]) -> tuple[list[Finding], list[Finding]]:
    """Symptoms stand alone only where no cause is found that is more than possible."""
    sure = [one for one in findings if one.kind == "cause" and one.severity != "info" and one.confidence != "possible"]
    if not sure:
        return findings, []
    symptoms = [one for one in findings if one.kind == "symptom" and one.severity in SEVERITIES[:2]]
    sure[0].explains = [*sure[0].explains, *(one.id for one in symptoms)]
    return [one for one in findings if one not in symptoms], symptoms
