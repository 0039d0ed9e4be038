"""Opens the interactive screens. Apart from the command, so that ``llmdoctor`` alone need not wait for the parser of options."""

from __future__ import annotations

import gc
import os
import sys
from typing import Optional

DEADLINE_S = 20.0
NO_TERMINAL = "the screens need a terminal that can place text; llmdoctor check prints the same findings anywhere"


def alone() -> int:
    """``llmdoctor`` without arguments; the exit status."""
    if not is_terminal():
        print(f"llmdoctor: {NO_TERMINAL}", file=sys.stderr)
        return 2
    run(None, None, DEADLINE_S)
    return 0


def is_terminal() -> bool:
    """Whether a person sits before a screen on which text can be placed."""
    streams = (sys.stdin, sys.stdout)
    if any(stream is None or stream.closed or not stream.isatty() for stream in streams):
        return False
    return os.name == "nt" or os.environ.get("TERM", "dumb") not in ("dumb", "", "unknown")


def run(source: Optional[str], rules_folder: Optional[str], deadline_s: float) -> None:
    """Until the user leaves."""
    gc.disable()  # until the first paint: collecting while modules are loaded finds nothing and takes a twentieth of the time
    from ..tui.app import DoctorApp
    from ..tui.session import Session

    DoctorApp(Session(source, rules_folder, deadline_s)).run()
