"""Findings by root cause, with what each one explains below it."""

from __future__ import annotations

from typing import Iterable, Mapping, Optional

from textual.content import Content
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from ...facts.finding import Finding

_SIGNS = {"error": ("✖ error  ", "bold $error"), "warning": ("▲ warning", "bold $warning"), "info": ("● note   ", "$secondary")}
"""A sign and a word: no colour carries the meaning alone."""


class FindingList(OptionList):
    BINDINGS = [("j", "cursor_down"), ("k", "cursor_up")]

    def fill(
        self, findings: Iterable[Finding], explained: Mapping[str, Finding], done: set[str], gone: Iterable[Finding] = ()
    ) -> None:
        """Keeps the finding that is chosen, where it is still there."""
        before = self.chosen()
        self.clear_options()
        options: list[Option] = []
        for finding in findings:
            options.append(Option(_line(finding, finding.id in done), finding.id))
            options += [
                Option(Content.assemble("  └ ", (explained[other].title, "$secondary")), f"{finding.id}>{other}")
                for other in finding.explains
                if other in explained
            ]
        options += [Option(_gone(finding), finding.id) for finding in gone]
        self.add_options(options)
        ids = [option.id for option in options]
        self.highlighted = (ids.index(before) if before in ids else 0) if options else None

    def chosen(self) -> Optional[str]:
        """Id of the option under the cursor: that of a finding, or of the root and the explained one with ``>`` between."""
        return self.get_option_at_index(self.highlighted).id if self.highlighted is not None else None


def _line(finding: Finding, done: bool) -> Content:
    sign, style = _SIGNS[finding.severity]
    title = finding.title + (f" ({finding.runtime})" if finding.runtime else "")
    if done:
        return Content.assemble(("✔ done    ", "$success"), (title, "$secondary"))
    sure = "" if finding.confidence == "confirmed" else f", {finding.confidence}"
    return Content.assemble((sign + " ", style), title, (sure, "$secondary"))


def _gone(finding: Finding) -> Content:
    return Content.assemble(("✔ gone    ", "bold $success"), (finding.title, "$secondary"))
