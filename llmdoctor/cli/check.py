"""``llmdoctor check``: probes, rules, findings."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Optional

import click

from .. import __version__
from ..facts.finding import Diagnosis, Finding
from .app import BadInput

if TYPE_CHECKING:
    from ..diagnosis.rule import Rule

_STATUS = {"error": ("error",), "warning": ("error", "warning")}


@click.command(short_help="Look at this machine and say what is wrong.")
@click.option(
    "--format", "form", type=click.Choice(["terminal", "json", "markdown"]), default="terminal", help="How to print it."
)
@click.option("--from", "source", metavar="FILE", help="Judge a saved machine instead of this one.")
@click.option("--save", metavar="FILE", help="Write what was seen to FILE, without private data, for --from.")
@click.option("--rules", "folder", metavar="DIR", help="A team's own rules beside the built-in ones.")
@click.option("--only", metavar="AREA", multiple=True, help="Only rules of this area, such as driver. Can be repeated.")
@click.option(
    "--fail-on", type=click.Choice(["error", "warning"]), default="error", help="From which severity the exit status is 1."
)
@click.option("--deadline", type=click.FloatRange(0.1, 600), default=20.0, help="Seconds for all looking together.")
def check(
    form: str,
    source: Optional[str],
    save: Optional[str],
    folder: Optional[str],
    only: tuple[str, ...],
    fail_on: str,
    deadline: float,
) -> int:
    """Look at this machine and say what is wrong, how it is known, and what to do.

    Exit status: 0 nothing found at or above --fail-on, 1 findings, 2 bad input.
    """
    started = time.monotonic()
    from ..survey import storage, survey

    recorder = storage.Recorder.live() if source is None else None
    if recorder is not None:
        survey.begin(recorder.host)  # what takes longest, while the rest is still being imported
    from ..diagnosis.engine import judge
    from ..report.output import show

    try:
        rules = _rules(folder, only)
        if recorder is not None:
            seen = survey.look(recorder.host, deadline)
        else:
            assert source is not None
            seen = storage.open_saved(source, deadline)
        probed = time.monotonic()
        outcome = judge(seen.machine, rules)
        judged = time.monotonic()
        if save is not None:
            if recorder is None:
                raise BadInput("--save writes what this machine shows; with --from there is nothing new to save")
            recorder.save(save)
    except storage.StorageError as error:
        raise BadInput(str(error)) from None
    finally:
        if recorder is not None:
            recorder.close()
    diagnosis = Diagnosis(
        tool_version=__version__,
        machine=seen.machine,
        findings=outcome.findings,
        explained=outcome.explained,
        not_checked=outcome.not_checked,
        passed=outcome.passed,
        timings_ms={**seen.timings_ms, "probes": _ms(probed - started), "rules": _ms(judged - probed)},
    )
    show(diagnosis, form, _ms(time.monotonic() - started))
    return _status(diagnosis.findings, fail_on)


def _ms(seconds: float) -> float:
    return round(seconds * 1000, 1)


def _status(findings: list[Finding], fail_on: str) -> int:
    return int(any(finding.severity in _STATUS[fail_on] for finding in findings))


def _rules(folder: Optional[str], only: tuple[str, ...]) -> list[Rule]:
    from ..diagnosis import index

    try:
        rules = index.load_with(folder)
    except ValueError as error:  # a fault in the team's rule files
        raise BadInput(str(error)) from None
    if not only:
        return rules
    areas = {rule.id.split(".")[0] for rule in rules}
    for area in only:
        if area not in areas:
            import difflib

            near = difflib.get_close_matches(area, areas, 1)
            raise BadInput(f"--only: there is no area {area!r}" + (f"; did you mean {near[0]}?" if near else ""))
    return [rule for rule in rules if rule.id.split(".")[0] in only]
