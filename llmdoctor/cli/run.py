"""``llmdoctor run -- COMMAND``: the command unchanged, watched, and diagnosed at its end."""

from __future__ import annotations

import os
import sys
import time
from typing import TYPE_CHECKING, Optional, Sequence

import click

from . import common
from .app import BadInput

if TYPE_CHECKING:
    from ..diagnosis.rule import Rule
    from ..facts.finding import Diagnosis
    from ..facts.machine import Machine, Watch
    from ..watch.capture import Capture
    from ..watch.sampler import Sampler


@click.command(short_help="Run a command, watch what it takes, and say why it failed.")
@click.argument("words", metavar="-- COMMAND…", nargs=-1, type=click.UNPROCESSED)
@click.option("--pid", type=click.IntRange(1), metavar="N", help="Watch a process that runs already, until it ends or Ctrl-C.")
@click.option("--service", metavar="UNIT", help="The same for the main process of a systemd unit, such as ollama.")
@click.option("--format", "form", type=click.Choice(["terminal", "json"]), default="terminal", help="json: the command's own output goes to standard error.")  # fmt: skip
@click.option("--save", metavar="FILE", help="Write machine and findings to FILE, without private data, for --from.")
@common.RULES
@common.DEADLINE
def run(
    words: tuple[str, ...],
    pid: Optional[int],
    service: Optional[str],
    form: str,
    save: Optional[str],
    folder: Optional[str],
    deadline: float,
) -> int:
    """Run COMMAND unchanged and watch its memory; when it ends, say why, with the curve that shows it.

    Output, input, terminal, signals and exit status pass through. Everything that llmdoctor says goes to standard error, before and
    after the command. In a terminal Ctrl-\\ says what is known so far. Exit status: that of the command, 128+N for signal N; with
    --pid and --service 0.
    """
    if [bool(words), pid is not None, service is not None].count(True) != 1:
        raise BadInput("name a command after --, or a process with --pid or --service")
    if service is not None:
        pid = _main_pid(service)
    from ..facts.machine import Machine
    from ..watch import child, story
    from ..watch import forecast as forecasting
    from ..watch.capture import Capture
    from ..watch.sampler import Sampler

    rules = common.load_rules(folder, ())
    # Looking takes part of a second: before the start only where there is something to predict.
    command = forecasting.of_runtime(words)
    before = _look(deadline) if command is not None else Machine()
    forecast = forecasting.forecast(command, before)
    _say(forecast.words)
    sampler, capture, kills = Sampler(), Capture(), story.oom_kills_here()
    started = time.monotonic()
    returncode: Optional[int] = None

    def facts(machine: Machine) -> Watch:
        seen = story.oom_kills_here()
        killed = seen - kills if seen is not None and kills is not None else None
        return story.facts(words, returncode, seconds, sampler, machine, killed, forecast.wants_gpu, forecast.vram_bytes)

    def asked() -> None:
        from ..report.run_text import curves

        _say("\r\n".join(["", *curves(sampler, before, False, *_terminal())]) + "\r")

    try:
        if pid is not None:
            _watch(pid, sampler)
        else:
            out = 2 if form == "json" else 1
            returncode = child.Child(words, capture.add, sampler.start, asked, out).run()
            capture.add(story.last_words(returncode).encode())
    except child.NotStarted as error:
        _say(f"llmdoctor: {error}")
        return error.status
    finally:
        sampler.stop()
    seconds = time.monotonic() - started
    machine = before if returncode == 0 and form == "terminal" and save is None else _look(deadline)
    machine.watch = facts(machine)
    _tell(_judged(machine, capture, rules), sampler, form, save, forecast.would_fit)
    return 0 if returncode is None else returncode if returncode >= 0 else 128 - returncode


def _look(deadline: float) -> Machine:
    from ..survey import storage, survey

    recorder = storage.Recorder.live()
    try:
        return survey.look(recorder.host, deadline).machine
    finally:
        recorder.close()


def _main_pid(service: str) -> int:
    """The main process of a systemd unit. Raises BadInput where there is none."""
    from ..survey import storage

    recorder = storage.Recorder.live()
    try:
        done = recorder.host.run("systemctl", "show", "--property=MainPID", "--value", "--", service)
    finally:
        recorder.close()
    told = getattr(done, "stdout", "").strip()
    if not told.isdecimal() or int(told) == 0:
        raise BadInput(f"--service: systemd knows no running unit {service!r}")
    return int(told)


def _watch(pid: int, sampler: Sampler) -> None:
    import psutil

    if not psutil.pid_exists(pid):
        raise BadInput(f"--pid: there is no process {pid}")
    sampler.start(pid)
    try:
        while psutil.pid_exists(pid):
            time.sleep(0.2)
    except KeyboardInterrupt:
        pass


def _judged(machine: Machine, capture: Capture, rules: list[Rule]) -> Diagnosis:
    """The machine, what was watched, and what the command printed, all together."""
    import io

    from ..diagnosis import from_logs
    from ..diagnosis.engine import judge
    from ..diagnosis.log_engine import brought_about
    from ..logs.stream import LogError
    from ..redact.redactor import Redactor
    from ..report.private import hide_in_log_lines

    logs = []
    try:
        logs = [from_logs.read(from_logs.reader_of(rules), "its output", io.BytesIO(capture.content()))]
    except LogError:
        pass  # it printed nothing, or nothing that is text
    diagnosis = from_logs.diagnose(machine, rules, logs, from_this=True)
    outcome = judge(machine, rules)
    known = {one.id for one in [*diagnosis.findings, *diagnosis.explained]}
    by_id = {rule.id: rule for rule in rules}
    explained = {id for one in diagnosis.findings for id in brought_about(one.id, by_id)}
    for one in outcome.findings:
        if one.id not in known and one.severity != "info":
            (diagnosis.explained if one.id in explained else diagnosis.findings).append(one)
    hide_in_log_lines(diagnosis, Redactor())
    return diagnosis


def _tell(diagnosis: Diagnosis, sampler: Sampler, form: str, save: Optional[str], would_fit: Sequence[str]) -> None:
    import msgspec

    from ..redact.redactor import Redactor
    from ..report import run_text
    from ..report.output import write
    from ..report.private import without_private
    from ..survey import storage

    if save is not None:
        try:
            storage.write_private(save, msgspec.json.encode(without_private(diagnosis, Redactor())))
        except storage.StorageError as error:
            _say(f"llmdoctor: {error}")
    if form == "json":
        write(msgspec.json.format(msgspec.json.encode(diagnosis), indent=2).decode() + "\n")
    else:
        _say(run_text.text(diagnosis, sampler, would_fit, *_terminal()))


def _terminal() -> tuple[int, bool]:
    """Width of standard error, and whether it takes ASCII alone."""
    from ..report.output import width_of

    return width_of(sys.stderr, os.environ), (sys.stderr.encoding or "ascii").lower() not in ("utf-8", "utf8")


def _say(text: str) -> None:
    from ..report.output import write

    if text:
        write(text + "\n", sys.stderr)
        sys.stderr.flush()
