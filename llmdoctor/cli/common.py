"""Options and steps that several commands share."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Optional

import click

from ..facts.finding import Finding
from .app import BadInput

if TYPE_CHECKING:
    from ..diagnosis.rule import Rule

FORMAT = click.option(
    "--format", "form", type=click.Choice(["terminal", "json", "markdown"]), default="terminal", help="How to print it."
)
RULES = click.option("--rules", "folder", metavar="DIR", help="A team's own rules beside the built-in ones.")
ONLY = click.option("--only", metavar="AREA", multiple=True, help="Only rules of this area, such as driver. Can be repeated.")
FAIL_ON = click.option(
    "--fail-on", type=click.Choice(["error", "warning"]), default="error", help="From which severity the exit status is 1."
)
DEADLINE = click.option("--deadline", type=click.FloatRange(0.1, 600), default=20.0, help="Seconds for all looking together.")

_STATUS = {"error": ("error",), "warning": ("error", "warning")}


def milliseconds(seconds: float) -> float:
    return round(seconds * 1000, 1)


def exit_status(findings: list[Finding], fail_on: str) -> int:
    return int(any(finding.severity in _STATUS[fail_on] for finding in findings))


def load_rules(folder: Optional[str], only: tuple[str, ...]) -> list[Rule]:
    """The built-in rules and a team's. Raises BadInput for a fault in the team's files and for an area that is none."""
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


class Progress:
    """One line on standard error that says what is being done, and goes away at the end; nothing where that is no terminal."""

    def __init__(self, words: str) -> None:
        self._shown = sys.stderr.isatty()
        self._say(words)

    def _say(self, words: str) -> None:
        if self._shown:
            # Carriage return and "erase in line" (ECMA-48).
            sys.stderr.write(f"\r\x1b[K{words}")
            sys.stderr.flush()

    def level(self, name: str, gpu: Optional[int]) -> None:
        self._say(f"testing: {name}{'' if gpu is None else f', GPU {gpu}'}")

    def end(self) -> None:
        self._say("")
