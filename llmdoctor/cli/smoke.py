"""``llmdoctor smoke``: does the GPU really compute."""

from __future__ import annotations

import os
import sys
from typing import Optional

import click

from ..report.output import width_of, write
from ..smoke import levels as testing
from . import common
from .app import BadInput

_LEVELS = (*testing.LEVELS, "runtime")


@click.command(short_help="Test whether the GPU really computes.")
@click.option("--format", "form", type=click.Choice(["terminal", "json"]), default="terminal", help="How to print it.")
@click.option("--gpu", type=click.IntRange(0), metavar="N", help="Only this GPU, as nvidia-smi numbers them.")
@click.option(
    "--level",
    "levels",
    type=click.Choice(_LEVELS),
    multiple=True,
    help="Only this level. Can be repeated; all but runtime if not given. runtime: where llama.cpp, PyTorch and an idle Ollama really compute.",
)
@click.option("--vram-test", is_flag=True, help="Write and read all of the free VRAM but 256 MiB, too.")
@click.option("--deadline", type=click.FloatRange(1, 3600), default=30.0, help="Seconds for the whole test.")
@click.option("--from", "source", metavar="FILE", help="Show the test that a saved machine holds.")
@click.option("--save", metavar="FILE", help="Write machine and test to FILE, without private data, for --from.")
@common.RULES
def smoke(
    form: str,
    gpu: Optional[int],
    levels: tuple[str, ...],
    vram_test: bool,
    deadline: float,
    source: Optional[str],
    save: Optional[str],
    folder: Optional[str],
) -> int:
    """Compute with the GPU itself: driver, memory, and a small language model whose every token is checked.

    Nothing but the driver is needed. It takes some 192 MiB of VRAM for seconds and leaves nothing behind.

    Exit status: 0 nothing failed, 1 a level failed, 2 bad input.
    """
    import msgspec

    from ..diagnosis.smoke import report as judged
    from ..report.smoke_text import text
    from ..survey import storage, survey

    if source is not None and (save is not None or gpu is not None or levels or vram_test):
        raise BadInput("--from shows the test that a file holds; --gpu, --level, --vram-test and --save need this machine")
    rules = common.load_rules(folder, ())
    recorder = storage.Recorder.live() if source is None else None
    try:
        if recorder is None:
            assert source is not None
            machine = storage.open_saved(source, deadline).machine
            if not isinstance(machine.smoke.levels, list):
                raise BadInput(f"{source} holds no smoke test; llmdoctor smoke --save FILE makes one that does")
        else:
            progress = common.Progress("looking at this machine")
            machine = survey.look(recorder.host, min(deadline, 20.0)).machine
            chosen = (levels or testing.LEVELS) + (("vram",) if vram_test else ())
            options = testing.Options(chosen, gpu, deadline)
            machine.smoke = testing.test(recorder.host, machine, options, progress.level)
            progress.end()
            if save is not None:
                recorder.save(save)
    except (storage.StorageError, testing.NoSuchGpu) as error:
        raise BadInput(str(error)) from None
    finally:
        if recorder is not None:
            recorder.close()
    report = judged(machine, rules)
    if form == "json":
        write(msgspec.json.format(msgspec.json.encode(report), indent=2).decode() + "\n")
    else:
        write(text(report, width_of(sys.stdout, os.environ)))
    return int(any(level.status == "fail" for level in report.levels))
