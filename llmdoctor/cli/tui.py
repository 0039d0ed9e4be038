"""``llmdoctor tui``: the interactive screens."""

from __future__ import annotations

import os
from typing import Optional

import click

from . import common, interactive
from .app import BadInput


@click.command(short_help="The same to look around in; llmdoctor alone opens it, too.")
@click.option("--from", "source", metavar="FILE", help="Look at a saved machine instead of this one.")
@common.RULES
@common.DEADLINE
def tui(source: Optional[str], folder: Optional[str], deadline: float) -> int:
    """Findings, triage, every fact of the machine and memory of models, to look around in with keys and mouse.

    Only looks: nothing is changed, nothing is sent. Exit status: 0, 2 bad input or no terminal.
    """
    if source is not None and not os.path.isfile(source):
        raise BadInput(f"{source}: no such file")
    if not interactive.is_terminal():
        raise BadInput(interactive.NO_TERMINAL)
    interactive.run(source, folder, deadline)
    return 0
