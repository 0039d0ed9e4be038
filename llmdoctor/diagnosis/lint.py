"""Checks of the knowledge base: faults that compilation alone does not see, and the rules' own examples."""

from __future__ import annotations

import os
import re
from typing import Optional, Union

from .. import __version__
from ..facts.fact import Unknown
from ..facts.finding import Finding
from ..facts.machine import Machine, Runtime
from ..logs.chapters import LogReader
from ..logs.scanner import Pattern, Scanner
from ..logs.stream import blocks
from ..runtimes import all_readers
from .engine import evaluate_rule, judge
from .evaluate import parse_version
from .index import source_folder
from .log_engine import judge_logs
from .rule import LineSource, LogSource
from .sources import Loaded, RuleError, cycle, example_machine, find, load_file

MIN_LITERAL = 6
"""Shorter ones stand in too many lines."""
MIN_BESIDE = 4
"""Of ``near`` and ``not``, which count only beside another line."""
MAX_COMMON_SHARE = 0.02
"""A candidate line costs some microseconds, a line that is none 0.1: above this share the scan would lose half of its speed.
The healthy logs are mostly starts, where far more lines tell something than in all that follows."""


def faults(folder: Optional[str] = None) -> tuple[list[str], int]:
    """Every fault in every file as one line each, and the number of files. Goes on after a fault."""
    from ..runtimes import runtime_names

    found: list[str] = []
    loaded: list[Loaded] = []
    count = 0
    try:
        for rule_id, path in find(folder or source_folder()):
            count += 1
            try:
                loaded.append(load_file(rule_id, path, runtime_names()))
            except RuleError as error:
                found.append(str(error))
    except RuleError as error:
        return [str(error)], count
    known = {rule_id for rule_id, _ in find(folder or source_folder())}
    for one in loaded:
        found += [f"{one.path}: {fault}" for fault in _faults_of(one, known)]
    found += _common_literals(loaded)
    found += _shadowed(loaded)
    circle = cycle({one.id: one.source.explains for one in loaded})
    if circle:
        found.append("these explain each other in a circle: " + " -> ".join(circle))
    return found, count


def _common_literals(loaded: list[Loaded]) -> list[str]:
    """Literals that healthy logs hold at every turn: each would make every log slow to read. Only in a checkout, which has such logs."""
    logs = os.path.join(os.path.dirname(source_folder()), "fixtures", "logs")
    owners: dict[str, str] = {}
    for one in loaded:
        for pattern in one.rule.patterns():
            owners.update(dict.fromkeys(pattern.texts, one.path))
    if not owners or not os.path.isdir(logs):
        return []
    scanner = Scanner(Pattern((text,)) for text in owners)
    with open(os.path.join(logs, "requests.log"), "rb") as file:
        every_request = {hit.pattern.texts[0]: hit.line for hit in scanner.scan(blocks(file, "requests.log"))}
    found = [
        f"{owners[text]}: the literal {text!r} stands in what servers print at every request (requests.log, line {line})"
        for text, line in every_request.items()
    ]
    folder = os.path.join(logs, "healthy")
    lines, counts = 0, dict.fromkeys(owners, 0)
    for name in sorted(os.listdir(folder)):
        if name.endswith(".log"):
            with open(os.path.join(folder, name), "rb") as file:
                for hit in scanner.scan(blocks(file, name)):
                    counts[hit.pattern.texts[0]] += 1
            lines += scanner.last_line
    return found + [
        f"{owners[text]}: the literal {text!r} is too common: {count} of {lines} lines of healthy logs hold it"
        for text, count in counts.items()
        if count > lines * MAX_COMMON_SHARE
    ]


def _covers(wide: LogSource, narrow: LogSource) -> bool:
    """Whether every line that ``narrow`` takes is taken by ``wide`` too, which asks for nothing but its literals."""
    if wide.match or wide.near or wide.not_ or wide.when or wide.runtimes or (wide.generic and not narrow.generic):
        return False
    return all(any(text in literal for text in _texts(wide)) for literal in _texts(narrow))


def _shadowed(loaded: list[Loaded]) -> list[str]:
    """Patterns that can add nothing to those before them, and rules that another one always stands above."""
    found = []
    for one in loaded:
        for number, narrow in enumerate(one.source.log):
            if any(_covers(wide, narrow) for wide in one.source.log[:number]) and not _group_names_of(narrow):
                found.append(f"{one.path}: log[{number}] can never be reached: a pattern before it takes all its lines")
        for other in loaded:
            if one.id in other.source.explains and one.source.log and one.source.when is None:
                if all(any(_covers(wide, narrow) for wide in other.source.log) for narrow in one.source.log):
                    found.append(f"{one.path}: {other.id} takes all its lines and explains it, so that it never comes first")
    return found


def _texts(line: LineSource) -> list[str]:
    return [line.text] if isinstance(line.text, str) else line.text


def _group_names_of(log: LogSource) -> list[str]:
    return re.findall(r"\(\?P<(\w+)>", log.match or "")


def _faults_of(one: Loaded, known: set[str]) -> list[str]:
    source = one.source
    found = []
    if not any(example.matches is True for example in source.examples):
        found.append("no example that must match")
    if not any(example.matches is False for example in source.examples):
        found.append("no example that must not match")
    if not source.fix:
        found.append("no remedy under fix")
    if not source.refs:
        found.append("no source under refs")
    if not source.evidence and not source.log:
        found.append("no evidence")
    if source.when_alone and not (source.when and source.log):
        found.append("when_alone has a meaning only beside both when and log")
    for log in source.log:
        for line, shortest in ((log, MIN_LITERAL), *((beside, MIN_BESIDE) for beside in (*log.near, *log.not_))):
            found += [
                f"the literal {text!r} is shorter than {shortest} characters" for text in _texts(line) if len(text) < shortest
            ]
    if len(source.title) > 110:
        found.append("the title is longer than 110 characters")
    since = parse_version(source.since)
    if since is None or since > (parse_version(__version__) or ()):
        found.append(f"since is {source.since!r}, this is llmdoctor {__version__}")
    for other in source.explains:
        if other not in known:
            found.append(f"explains {other}, which is no rule")
    for ref in source.refs:
        if not ref.startswith("https://"):
            found.append(f"{ref} is no https address")
    return found


def failing_examples(one: Loaded) -> list[str]:
    """What is wrong with the rule's examples, one line each; an example that matches must also give readable texts."""
    failures = []
    for example in one.source.examples:
        try:
            machine = example_machine(example.machine)
        except ValueError as error:
            failures.append(f"example {example.name!r}: {error}")
            continue
        value, finding, why = _of_log(one, example.log, machine) if example.log is not None else _of_facts(one, machine)
        if value != example.matches:
            failures.append(f"example {example.name!r}: expected {_word(example.matches)}, got {_word(value)}{why}")
        elif finding is not None and not any(item.source is None or item.line for item in finding.evidence):
            failures.append(f"example {example.name!r}: no line of evidence can be filled in")
    return failures


Tried = tuple[Union[bool, str], Optional[Finding], str]
"""Whether the rule holds, its finding, and why it cannot be told."""


def _of_facts(one: Loaded, machine: Machine) -> Tried:
    rule = one.rule
    if rule.needs_log:
        return False, None, " (the rule needs a log, or when_alone)"
    result, _ = evaluate_rule(rule, machine)
    # An example need not say that the runtime which the rule speaks of is installed.
    if rule.runtimes and isinstance(result.value, Unknown) and ".installed: not recorded" in result.value.unknown:
        runtime = machine.runtimes.setdefault(rule.runtimes[0], Runtime())
        if isinstance(runtime.installed, Unknown):
            runtime.installed = True
        result, _ = evaluate_rule(rule, machine)
    if isinstance(result.value, Unknown):
        return "unknown", None, f" ({result.value.unknown})"
    if not result.value:
        return False, None, ""
    return True, judge(machine, [rule]).findings[0], ""


def _of_log(one: Loaded, log: str, machine: Machine) -> Tried:
    reader = LogReader(one.rule.patterns(), all_readers())
    outcome = judge_logs(machine, [one.rule], [(reader.read("log", [log.encode()]), "here")])
    return (True, outcome.findings[0], "") if outcome.findings else (False, None, "")


def _word(value: object) -> str:
    return {True: "a match", False: "no match"}.get(value, "unknown") if isinstance(value, bool) else "unknown"
