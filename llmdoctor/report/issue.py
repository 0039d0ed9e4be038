"""A report for a bug issue: what maintainers ask for first, all else folded, within the size that GitHub takes."""

from __future__ import annotations

from typing import Callable, Iterator, NamedTuple, Sequence

import msgspec

from ..facts.finding import Diagnosis, Finding
from ..survey.saved import MARK
from .document import evidence_lines, grouped, run_line, verdict
from .excerpt import Excerpt
from .machine_table import rows as machine_rows
from .markdown import escape, fenced, finding_rows

MAX_CHARS = 65_536
"""Of an issue's text, as GitHub's API says when it is longer ("body is too long (maximum is 65536 characters)")."""
MAX_WHY = 600


class Report(NamedTuple):
    """All of it redacted."""

    diagnosis: Diagnosis
    excerpts: Sequence[Excerpt]


Layout = Callable[[Report, "Room"], Iterator[str]]
"""How a report is laid out: free, or by a project's own form."""


class Room(NamedTuple):
    """What there is room for; each step gives something up."""

    facts: bool = True
    details: bool = True
    log_chars: int = 40_000


_STEPS = (
    Room(),
    Room(log_chars=25_000),
    Room(False, True, 25_000),
    Room(False, True, 12_000),
    Room(False, False, 12_000),
    Room(False, False, 4_000),
)


def render(report: Report, layout: Layout) -> str:
    """The Markdown, with as much as fits."""
    text = ""
    for room in _STEPS:
        text = "\n".join([MARK, *layout(report, room)]) + "\n"
        if len(text) <= MAX_CHARS:
            return text
    return text[: MAX_CHARS - 100].rsplit("\n", 1)[0] + "\n\n(cut: longer than an issue may be)\n"


def free(report: Report, room: Room) -> Iterator[str]:
    """Our own order: the cause, the machine, what was found, the log, the rest folded."""
    yield from summary(report)
    yield "### Machine"
    yield ""
    yield from machine(report)
    yield ""
    yield from findings(report)
    if report.excerpts:
        yield "### Log"
        yield ""
        yield from logs(report, room)
    yield from folded(report, room)


def summary(report: Report) -> Iterator[str]:
    """The verdict, the likely cause with its reason, and which checks could not be made."""
    diagnosis = report.diagnosis
    yield f"**{escape(verdict(diagnosis)[1])}**"
    yield ""
    first = next((one for one in diagnosis.findings if one.severity != "info"), None)
    if first is not None:
        if first.why:
            yield escape(first.why[:MAX_WHY])
            yield ""
        yield f"Cause by llmdoctor's rule `{first.id}` ({first.confidence})."
        yield ""
    for run in diagnosis.runs:
        if text := run_line(run):
            yield f"Run: {escape(text)}"
            yield ""


def machine(report: Report) -> Iterator[str]:
    """A table; where the logs are from elsewhere, it says so."""
    if report.diagnosis.logs and all(log.machine == "elsewhere" for log in report.diagnosis.logs):
        yield "The log names other hardware or another system: this table is of the machine where the report was made."
        yield ""
    yield "| | |"
    yield "| --- | --- |"
    for what, value in machine_rows(report.diagnosis.machine):
        yield f"| {escape(what)} | {escape(value)} |"
    yield f"| llmdoctor | {report.diagnosis.tool_version} |"


def findings(report: Report) -> Iterator[str]:
    """Serious findings with their evidence; how to mend them stands below, folded."""
    serious = _serious(report)
    if serious:
        yield "### Findings"
        yield ""
    for number, finding in enumerate(serious, 1):
        where = f" ({finding.runtime})" if finding.runtime else ""
        yield f"{number}. **{finding.severity.capitalize()}: {escape(finding.title)}**{where}, `{finding.id}`, {finding.confidence}"
        for text in evidence_lines(finding):
            yield f"   - {escape(text)}"
    if serious:
        yield ""


def _ranked(report: Report) -> list[Finding]:
    """Serious ones first: their numbers are those above."""
    return [*_serious(report), *(one for one in report.diagnosis.findings if one.severity == "info")]


def _serious(report: Report) -> list[Finding]:
    return [one for one in report.diagnosis.findings if one.severity != "info"]


def logs(report: Report, room: Room) -> Iterator[str]:
    """The telling lines of each log, or all of a short one."""
    share = room.log_chars // max(len(report.excerpts), 1)
    for log in report.excerpts:
        yield from _log(log, share)


def _log(log: Excerpt, most: int) -> Iterator[str]:
    if log.is_whole:
        yield f"{escape(log.name)}, whole ({log.total} line{'s' * (log.total != 1)}):"
    else:
        yield f"{escape(log.name)}, the telling parts of {log.total} lines:"
    yield ""
    body: list[str] = []
    for part in log.parts:
        if body and not log.is_whole:
            body.append("")
        if not log.is_whole:
            body.append(f"# line {part.first}")
        body += part.lines
    yield from fenced(_shortened(body, most), "text")
    yield ""


def _shortened(body: list[str], most: int) -> str:
    """A third from the start and the rest from the end, where an error stands."""
    text = "\n".join(body)
    if len(text) <= most:
        return text
    head = text[: most // 3].rsplit("\n", 1)[0]
    tail = text[-(most * 2 // 3) :].split("\n", 1)[-1]
    return f"{head}\n# lines are left out here\n{tail}"


def folded(report: Report, room: Room) -> Iterator[str]:
    """What not everybody needs."""
    diagnosis = report.diagnosis
    if room.details and diagnosis.findings:
        explained = {finding.id: finding for finding in diagnosis.explained}
        # The evidence stands above, and the first one's reason too.
        shown = [
            msgspec.structs.replace(one, evidence=[], why=one.why if number else "")
            for number, one in enumerate(_ranked(report))
        ]
        body = [row for number, one in enumerate(shown, 1) for row in finding_rows(one, explained, number)]
        yield from _details("What would help, by llmdoctor", body)
    if diagnosis.not_checked:
        body = [f"- {escape(reason)}: {', '.join(f'`{one}`' for one in ids)}" for reason, ids in grouped(diagnosis.not_checked)]
        yield from _details(f"Not checked ({len(diagnosis.not_checked)})", body)
    if room.facts:
        facts = {
            "schema_version": diagnosis.schema_version,
            "tool_version": diagnosis.tool_version,
            "machine": diagnosis.machine,
        }
        text = msgspec.json.format(msgspec.json.encode(facts), indent=1).decode()
        yield from _details("All facts, for <code>llmdoctor diagnose --from</code>", fenced(text, "json"))
    yield f"Made by llmdoctor {diagnosis.tool_version}; private data is replaced by placeholders such as `<user-1>`."


def _details(title: str, body: list[str]) -> Iterator[str]:
    yield from ("<details>", f"<summary>{title}</summary>", "", *body, "", "</details>", "")
