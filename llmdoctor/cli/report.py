"""``llmdoctor report``: what a maintainer wants in a bug issue, without private data."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, NamedTuple, Optional, Sequence

import click

from ..facts.finding import Diagnosis
from ..facts.machine import Machine
from . import common, logs
from .app import BadInput

if TYPE_CHECKING:
    from ..diagnosis.rule import Rule
    from ..redact.redactor import Redactor
    from ..report.making import LogSource
    from ..survey.storage import Recorder

PROJECTS = ("ollama", "llama.cpp", "text-generation-webui", "lmstudio", "jan", "vllm", "koboldcpp")


class _Subject(NamedTuple):
    diagnosis: Diagnosis
    sources: Sequence[LogSource]


@click.command(short_help="What a maintainer wants in a bug issue, without private data.")
@click.argument("files", nargs=-1, metavar="[LOG...|-]")
@click.option("--for", "project", type=click.Choice(PROJECTS), help="Fill this project's own issue form.")
@click.option("--runtime", metavar="NAME", help="Whose log it is, or whose logs to look for, where no LOG is given.")
@click.option("--from", "source", metavar="FILE", help="Report on a saved machine, a bundle or an issue's text.")
@click.option("--output", metavar="FILE", help="Write it to FILE, for you alone to read, in place of standard output.")
@click.option("--bundle", metavar="FILE.zip", help="Also write the recording, the logs and the JSON, all without private data.")
@click.option("--copy", "to_clipboard", is_flag=True, help="Also put it on the clipboard.")
@click.option("--show-redactions", is_flag=True, help="List on standard error, here alone, what each placeholder stands for.")
@common.RULES
@common.DEADLINE
def report(
    files: tuple[str, ...],
    project: Optional[str],
    runtime: Optional[str],
    source: Optional[str],
    output: Optional[str],
    bundle: Optional[str],
    to_clipboard: bool,
    show_redactions: bool,
    folder: Optional[str],
    deadline: float,
) -> int:
    """What a maintainer wants in a bug issue, as Markdown: the likely cause, the machine, the telling lines of the log.

    Private data is replaced by placeholders, and nothing is sent anywhere. Without LOG the logs of the installed runtimes are
    found. Exit status: 0 it was written, 2 bad input.
    """
    from ..report.forms import layout_for
    from ..report.issue import render
    from ..report.making import hidden_in, make
    from ..report.output import write
    from ..runtimes import runtime_names
    from ..survey import storage

    logs.check_runtime(runtime, runtime_names())
    rules = common.load_rules(folder, ())
    recorder = storage.Recorder.live() if source is None else None
    try:
        redactor = recorder.redactor() if recorder is not None else _empty_redactor()
        subject = _subject(files, runtime or (project if not files else None), source, recorder, rules, deadline)
        made = make(subject.diagnosis, subject.sources, redactor)
        text = render(made, layout_for(project or ""))
        if output is not None:
            storage.write_private(output, text.encode())
        else:
            write(text)
            sys.stdout.flush()
        shared = text
        if bundle is not None:
            files_in = _bundle(text, made.diagnosis, subject.sources, redactor, recorder)
            storage.write_bundle(bundle, files_in)
            shared = "\n".join(content.decode("utf-8", "replace") for content in files_in.values())
    except storage.StorageError as error:
        raise BadInput(str(error)) from None
    finally:
        if recorder is not None:
            recorder.close()
    if to_clipboard:
        _copy(text)
    _tell(hidden_in(shared), [one for one in (output, bundle) if one])
    if show_redactions:
        for placeholder, value in redactor.hidden.items():
            if placeholder in shared or placeholder.replace("<", "&lt;").replace(">", "&gt;") in shared:
                _say(f"  {placeholder}  {' '.join(value.split())}")
    return 0


def _empty_redactor() -> Redactor:
    from ..redact.redactor import Redactor

    return Redactor()


def _subject(
    files: tuple[str, ...], runtime: Optional[str], source: Optional[str], recorder: Optional[Recorder],
    rules: list[Rule], deadline: float,
) -> _Subject:  # fmt: skip
    """Looks at the machine, reads the logs and judges both."""
    from ..diagnosis import from_logs
    from ..diagnosis.engine import judge
    from ..report.making import LogSource
    from ..survey import saved, survey

    reader = from_logs.reader_of(rules)
    # The logs first: a fault in their names is told at once.
    bases = [os.path.basename(name) for name in files]
    shown = [base if bases.count(base) == 1 else name for base, name in zip(bases, files)]
    read = [logs.named(reader, name, runtime, again=True, shown=base) for name, base in zip(files, shown)]
    machine: Optional[Machine]
    if recorder is not None:
        machine = survey.look(recorder.host, deadline).machine
        if not files:
            try:
                read = logs.of_runtimes(recorder.host, machine, reader, runtime)
            except BadInput as error:
                _say(f"No log in the report: {error.message}")
    else:
        assert source is not None
        case = saved.open_case(source, deadline)
        machine = case.seen.machine if case.seen is not None else None
        if not files:
            read = [logs.saved(reader, one, runtime, machine is not None) for one in case.logs]
    diagnosis = from_logs.diagnose(machine, rules, read, source is not None)
    if machine is not None:
        outcome = judge(machine, rules)
        known = {one.id for one in [*diagnosis.findings, *diagnosis.explained]}
        diagnosis.findings += [one for one in outcome.findings if one.id not in known]
        diagnosis.explained += [one for one in outcome.explained if one.id not in known]
        diagnosis.not_checked = outcome.not_checked
        diagnosis.passed = diagnosis.passed or outcome.passed
    return _Subject(diagnosis, [LogSource(log.name, log.lines, log.open) for log in read if log.open is not None])


def _bundle(
    text: str, diagnosis: Diagnosis, sources: Sequence[LogSource], redactor: Redactor, recorder: Optional[Recorder]
) -> dict[str, bytes]:
    import msgspec

    from ..report.making import redacted_log

    found = {"report.md": text.encode(), "diagnosis.json": msgspec.json.format(msgspec.json.encode(diagnosis), indent=1)}
    for number, one in enumerate(sources, 1):
        found[f"logs/{number}.log"] = redacted_log(one, redactor)
    if recorder is not None:
        found["recording.json"] = recorder.recording(redactor, note="made by llmdoctor report")
    else:
        facts = {"schema_version": diagnosis.schema_version, "machine": diagnosis.machine}
        found["recording.json"] = msgspec.json.encode(facts)
    return found


def _copy(text: str) -> None:
    from ..report.clipboard import copy

    how = copy(text)
    _say(f"Copied {how}." if how else "Not copied: there is no clipboard program (wl-copy, xclip, xsel) and no terminal here.")


def _tell(hidden: list[tuple[str, int, int]], written: list[str]) -> None:
    """What was hidden and where it went, on standard error."""
    parts = [
        f"{values} {word}{'s' * (values != 1)}" + (f" in {places} places" if places > values else "")
        for word, values, places in hidden
    ]
    _say(
        f"Hidden: {', '.join(parts) or 'nothing private was found'}. Please look it over before you post it; nothing was sent."
    )
    for path in written:
        _say(f"Written: {path}")


def _say(text: str) -> None:
    from ..host.text import clean_text
    from ..report.output import write

    write(clean_text(text) + "\n", sys.stderr)
