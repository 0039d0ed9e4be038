"""Findings by root cause, with what each one explains below it."""

from __future__ import annotations

import textwrap
from typing import Iterable, Mapping, Optional

from textual.content import Content
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from ...facts.finding import Finding

_SIGNS = {"error": ("✖ error", "bold $error"), "warning": ("▲ warning", "bold $warning"), "info": ("● note", "$secondary")}
"""A sign and a word: no colour carries the meaning alone."""


_SIGN_WIDTH = 10
_Shown = tuple[list[Finding], Mapping[str, Finding], set[str], list[Finding]]


class FindingList(OptionList):
    BINDINGS = [("j", "cursor_down"), ("k", "cursor_up")]

    def __init__(self, id: Optional[str] = None) -> None:
        super().__init__(id=id)
        self._shown: _Shown = ([], {}, set(), [])
        self._more: list[tuple[str, str]] = []

    def fill(
        self,
        findings: Iterable[Finding],
        explained: Mapping[str, Finding],
        done: set[str],
        gone: Iterable[Finding] = (),
        more: Iterable[tuple[str, str]] = (),
    ) -> None:
        """``more``: rows below, each with its text and its id. Keeps the finding that is chosen, where it is still there."""
        self._shown, self._more = (list(findings), explained, done, list(gone)), list(more)
        self._lay_out()

    def on_resize(self) -> None:
        self._lay_out()

    def _lay_out(self) -> None:
        findings, explained, done, gone = self._shown
        width = max(self.size.width - _SIGN_WIDTH - 3, 20)
        before = self.chosen()
        self.clear_options()
        options: list[Option] = []
        for finding in findings:
            options.append(Option(_line(finding, finding.id in done, width), finding.id))
            options += [
                Option(_titled("  └", "", explained[other].title, width, "$secondary"), f"{finding.id}>{other}")
                for other in finding.explains
                if other in explained
            ]
        options += [
            Option(_titled("✔ gone", "bold $success", finding.title, width, "$secondary"), finding.id) for finding in gone
        ]
        options += [Option(Content.styled(text, "$secondary"), key) for text, key in self._more]
        self.add_options(options)
        ids = [option.id for option in options]
        self.highlighted = (ids.index(before) if before in ids else 0) if options else None

    def chosen(self) -> Optional[str]:
        """Id of the option under the cursor: that of a finding, or of the root and the explained one with ``>`` between."""
        return self.get_option_at_index(self.highlighted).id if self.highlighted is not None else None


def _line(finding: Finding, done: bool, width: int) -> Content:
    sign, style = _SIGNS[finding.severity]
    title = finding.title + (f" ({finding.runtime})" if finding.runtime else "")
    if done:
        return _titled("✔ done", "$success", title, width, "$secondary")
    sure = "" if finding.confidence == "confirmed" else f", {finding.confidence}"
    return _titled(sign, style, title + sure, width, "")


def _titled(sign: str, style: str, title: str, width: int, title_style: str) -> Content:
    """A sign, and the whole title beside it in as many rows as it takes."""
    rows = textwrap.wrap(title, width) or [""]
    below = "\n" + " " * _SIGN_WIDTH
    return Content.assemble((sign.ljust(_SIGN_WIDTH), style), (below.join(rows), title_style))
