"""Puts text on the clipboard: by the system's own program, else by the terminal (OSC 52). No shell is used."""

from __future__ import annotations

import base64
import os
import shutil
import subprocess
import sys
from typing import Mapping, Optional

_DEADLINE_S = 3.0
MAX_OSC_BYTES = 100_000
"""What hterm takes; others take less and say nothing. https://invisible-island.net/xterm/ctlseqs/ctlseqs.html, "Operating System Commands", 52."""


def copy(text: str, environment: Mapping[str, str] = os.environ) -> Optional[str]:
    """How it was copied, in words; None where there is no way."""
    for command in _programs(environment):
        program = shutil.which(command[0], path=environment.get("PATH"))
        if program is None:
            continue
        # clip.exe takes UTF-16 with its mark; in any other form it reads the system's code page.
        data = text.encode("utf-16") if command[0].startswith("clip") else text.encode()
        try:
            done = subprocess.run(
                [program, *command[1:]], input=data, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=_DEADLINE_S
            )
        except (OSError, subprocess.TimeoutExpired):
            continue
        if done.returncode == 0:
            return f"with {command[0]}"
    return "through the terminal" if _by_terminal(text) else None


def _programs(environment: Mapping[str, str]) -> list[list[str]]:
    if sys.platform == "darwin":
        return [["pbcopy"]]
    if sys.platform == "win32":
        return [["clip"]]
    found = [["wl-copy"]] if environment.get("WAYLAND_DISPLAY") else []
    if environment.get("DISPLAY"):
        found += [["xclip", "-selection", "clipboard"], ["xsel", "--clipboard", "--input"]]
    return found + ([["clip.exe"]] if environment.get("WSL_DISTRO_NAME") else [])


def _by_terminal(text: str) -> bool:
    encoded = base64.b64encode(text.encode()).decode()
    if len(encoded) > MAX_OSC_BYTES or sys.stderr is None or not sys.stderr.isatty():
        return False
    sys.stderr.write(f"\x1b]52;c;{encoded}\x07")
    sys.stderr.flush()
    return True
