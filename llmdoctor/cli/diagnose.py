"""``llmdoctor diagnose``: from logs to causes."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Optional

import click

from ..facts.machine import Machine
from . import common, logs
from .app import BadInput

if TYPE_CHECKING:
    from ..host.host import Host
    from ..survey.saved import SavedLog


@click.command(short_help="Read logs and say what went wrong.")
@click.argument("files", nargs=-1, metavar="[FILE...|-]")
@click.option("--runtime", metavar="NAME", help="Whose log it is, or whose logs to look for, where no FILE is given.")
@click.option("--no-machine", is_flag=True, help="The log is from another machine: leave this one's facts out.")
@click.option(
    "--from", "source", metavar="FILE", help="The log is from this saved machine; a bundle or an issue's text has its own."
)
@common.FORMAT
@common.RULES
@common.ONLY
@common.FAIL_ON
@common.DEADLINE
def diagnose(
    files: tuple[str, ...],
    runtime: Optional[str],
    no_machine: bool,
    source: Optional[str],
    form: str,
    folder: Optional[str],
    only: tuple[str, ...],
    fail_on: str,
    deadline: float,
) -> int:
    """Read logs and say what went wrong, how it is known, and what to do.

    FILE may be packed (gzip, bzip2, xz, zstd) and - is standard input. Without FILE the logs of the installed runtimes are
    found and the latest run that failed is judged. Exit status: 0 nothing found at or above --fail-on, 1 findings, 2 bad input.
    """
    started = time.monotonic()
    from ..diagnosis import from_logs
    from ..diagnosis.examine import examine
    from ..redact.redactor import Redactor
    from ..report.output import show
    from ..report.private import hide_in_log_lines
    from ..runtimes import runtime_names
    from ..survey.survey import Seen

    logs.check_runtime(runtime, runtime_names())
    if not files and no_machine and not source:
        raise BadInput("--no-machine needs a log: name its FILE, or - for standard input")
    if no_machine and source and files:
        raise BadInput("--no-machine and --from contradict each other")
    rules = common.load_rules(folder, only)
    reader = from_logs.reader_of(rules)
    # The logs first: a fault in their names is told at once, and the machine is looked at only where it matters.
    read = [logs.named(reader, name, runtime) for name in files]
    machine, host, saved = _machine(no_machine, source, deadline)
    looked = time.monotonic()
    if not files and source:
        read = [logs.saved(reader, one, runtime, machine is not None) for one in saved]
        if not read and machine is None:
            raise BadInput(f"{source} holds no log; name a FILE, or - for standard input")
    elif not files:
        assert machine is not None and host is not None
        read = logs.of_runtimes(host, machine, reader, runtime)
    if read or machine is None:
        diagnosis = from_logs.diagnose(machine, rules, read, source is not None)
    else:  # a report without a log: what its machine shows
        diagnosis = examine(Seen(machine, {}), rules)
    done = time.monotonic()
    diagnosis.timings_ms = {"looking": common.milliseconds(looked - started), "judging": common.milliseconds(done - looked)}
    hide_in_log_lines(diagnosis, Redactor())
    show(diagnosis, form, common.milliseconds(done - started))
    return common.exit_status(diagnosis.findings, fail_on)


def _machine(
    no_machine: bool, source: Optional[str], deadline: float
) -> tuple[Optional[Machine], Optional[Host], list[SavedLog]]:
    from ..survey import saved, storage, survey

    if source is None and no_machine:
        return None, None, []
    try:
        if source is not None:
            case = saved.open_case(source, deadline)
            return (case.seen.machine if case.seen is not None and not no_machine else None), None, case.logs
        recorder = storage.Recorder.live()
        try:
            return survey.look(recorder.host, deadline).machine, recorder.host, []
        finally:
            recorder.close()
    except storage.StorageError as error:
        raise BadInput(str(error)) from None
