"""A Diagnosis as Markdown. Whatever came from the machine is escaped, so that it cannot add structure or links."""

from __future__ import annotations

import re
from typing import Iterator

from ..facts.finding import Diagnosis, Finding
from .document import evidence_lines, grouped, subject_lines, verdict

_SPECIAL = re.compile(r"([\\`*_\[\]|#])")
_ENTITIES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", "@": "@&#8203;"})
"""Angle brackets could open HTML; a name after @ would call a person."""


def escape(text: str) -> str:
    """Text that Markdown shows as it is; in one line."""
    return _SPECIAL.sub(r"\\\1", " ".join(text.split())).translate(_ENTITIES)


def fenced(text: str, info: str) -> list[str]:
    """A fenced block that its text cannot close: the fence is longer than any run of backticks in it."""
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return [fence + info, text, fence]


def finding_rows(finding: Finding, explained: dict[str, Finding], number: int) -> Iterator[str]:
    """A finding with all that it says."""
    where = f" ({finding.runtime})" if finding.runtime else ""
    yield f"### {number}. {finding.severity.capitalize()}: {escape(finding.title)}{where}"
    yield ""
    yield f"`{finding.id}`, {finding.confidence}"
    yield ""
    for text in evidence_lines(finding):
        yield f"- {escape(text)}"
    if finding.why:
        yield ""
        yield escape(finding.why)
    if finding.fix:
        yield ""
        yield "**What to do**"
        yield ""
    for count, step in enumerate(finding.fix, 1):
        cost = f" (costs: {escape(step.cost)})" if step.cost and step.cost != "nothing" else ""
        yield f"{count}. {escape(step.do)}{cost}"
        if step.run:
            yield ""
            yield from ("   " + row for row in "\n".join(fenced(step.run, "sh")).splitlines())
    if finding.verify:
        yield ""
        yield f"**Then check:** {escape(finding.verify)}"
    if finding.explains:
        yield ""
        yield "**This also explains:**"
        yield ""
        for other in finding.explains:
            title = explained[other].title if other in explained else other
            yield f"- {escape(title)} (`{other}`)"
    if finding.refs:
        yield ""
        yield "See " + ", ".join(f"<{ref}>" for ref in finding.refs[:3])
    yield ""


def render(diagnosis: Diagnosis) -> str:
    """The whole report."""
    rows = [f"**{escape(verdict(diagnosis)[1])}**", ""]
    rows += [f"- {escape(text)}" for text in subject_lines(diagnosis)]
    rows.append("")
    explained = {finding.id: finding for finding in diagnosis.explained}
    for number, finding in enumerate(diagnosis.findings, 1):
        rows += finding_rows(finding, explained, number)
    if diagnosis.not_checked:
        rows += ["<details>", f"<summary>Not checked ({len(diagnosis.not_checked)})</summary>", ""]
        rows += [
            f"- {escape(reason)}: {', '.join(f'`{one}`' for one in ids)}" for reason, ids in grouped(diagnosis.not_checked)
        ]
        rows += ["", "</details>", ""]
    rows.append(f"{diagnosis.passed} checks passed. llmdoctor {diagnosis.tool_version}")
    return "\n".join(rows) + "\n"
