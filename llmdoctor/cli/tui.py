"""``llmdoctor tui``, and ``llmdoctor`` alone in a terminal: the interactive screens."""

from __future__ import annotations

import os
import sys
from typing import Optional

import click

from . import common
from .app import BadInput


@click.command(short_help="The same to look around in; llmdoctor alone opens it, too.")
@click.option("--from", "source", metavar="FILE", help="Look at a saved machine instead of this one.")
@common.RULES
@common.DEADLINE
def tui(source: Optional[str], folder: Optional[str], deadline: float) -> int:
    """Findings, triage, every fact of the machine and memory of models, to look around in with keys and mouse.

    Only looks: nothing is changed, nothing is sent. Exit status: 0, 2 bad input or no terminal.
    """
    if not is_terminal():
        raise BadInput("this needs a terminal that can place text; llmdoctor check prints the same findings anywhere")
    if source is not None and not os.path.isfile(source):
        raise BadInput(f"{source}: no such file")
    from ..tui.app import DoctorApp
    from ..tui.session import Session

    DoctorApp(Session(source, folder, deadline)).run()
    return 0


def is_terminal() -> bool:
    """Whether a person sits before a screen on which text can be placed."""
    streams = (sys.stdin, sys.stdout)
    if any(stream is None or stream.closed or not stream.isatty() for stream in streams):
        return False
    return os.name == "nt" or os.environ.get("TERM", "dumb") not in ("dumb", "", "unknown")
