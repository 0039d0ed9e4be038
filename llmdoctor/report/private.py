"""Takes what is private out of a diagnosis before it is shown or leaves the machine."""

from __future__ import annotations

from typing import Any

import msgspec

from ..facts.finding import Diagnosis
from ..redact.redactor import Redactor


def hide_in_log_lines(diagnosis: Diagnosis, redactor: Redactor) -> None:
    """Takes it out of the lines of logs that stand as evidence. The machine's own paths stay: the commands need them."""
    findings = [*diagnosis.findings, *diagnosis.explained]
    lines = [one for finding in findings for one in finding.evidence if one.line is not None]
    redactor.learn([one.text for one in lines])
    for line in lines:
        line.text = redactor.text(line.text)
    for run in diagnosis.runs:
        if isinstance(run.command_line, str):
            run.command_line = redactor.text(run.command_line)


def without_private(diagnosis: Diagnosis, redactor: Redactor) -> Diagnosis:
    """A diagnosis for others: everything in it redacted but the rules' own references."""
    data: dict[str, Any] = msgspec.to_builtins(diagnosis)
    redactor.learn(data)
    hidden = redactor.value(data)
    for part in ("findings", "explained"):
        for finding, original in zip(hidden[part], data[part]):
            finding["refs"] = original["refs"]
    return msgspec.convert(hidden, Diagnosis)
