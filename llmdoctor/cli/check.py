"""``llmdoctor check``: probes, rules, findings."""

from __future__ import annotations

import time
from typing import Optional

import click

from . import common
from .app import BadInput


@click.command(short_help="Look at this machine and say what is wrong.")
@common.FORMAT
@click.option("--from", "source", metavar="FILE", help="Judge a saved machine instead of this one.")
@click.option("--save", metavar="FILE", help="Write what was seen to FILE, without private data, for --from.")
@click.option("--smoke", "with_smoke", is_flag=True, help="Also test whether the GPU really computes.")
@common.RULES
@common.ONLY
@common.FAIL_ON
@common.DEADLINE
def check(
    form: str,
    source: Optional[str],
    save: Optional[str],
    with_smoke: bool,
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
    from ..diagnosis.examine import examine
    from ..report.output import show

    try:
        rules = common.load_rules(folder, only)
        if recorder is not None:
            seen = survey.look(recorder.host, deadline)
            if with_smoke:
                from ..smoke import levels

                seen.machine.smoke = levels.test(recorder.host, seen.machine)
        else:
            assert source is not None
            seen = storage.open_saved(source, deadline)
        probed = time.monotonic()
        diagnosis = examine(seen, rules)
        if save is not None:
            if recorder is None:
                raise BadInput("--save writes what this machine shows; with --from there is nothing new to save")
            recorder.save(save)
    except storage.StorageError as error:
        raise BadInput(str(error)) from None
    finally:
        if recorder is not None:
            recorder.close()
    diagnosis.timings_ms["probes"] = common.milliseconds(probed - started)
    show(diagnosis, form, common.milliseconds(time.monotonic() - started))
    return common.exit_status(diagnosis.findings, fail_on)
