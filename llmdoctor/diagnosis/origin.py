"""Whether a log was written on this machine."""

from __future__ import annotations

import re
from typing import Iterable

from ..facts.machine import Machine
from ..logs.chapters import Chapter

_NOISE = re.compile(r"\b(?:nvidia|geforce|amd|radeon|intel|corporation|graphics|\(r\)|\(tm\))|[^a-z0-9]+", re.I)


def _name(text: str) -> str:
    return _NOISE.sub("", text.lower())


def origin_of(chapters: Iterable[Chapter], machine: Machine) -> str:
    """``here`` where the log names cards of this machine alone, ``elsewhere`` where it names another card or system, else ``maybe``."""
    runs = [run for chapter in chapters for run in chapter.runs]
    for run in runs:
        if isinstance(run.os, str) and isinstance(machine.os.family, str) and run.os != machine.os.family:
            return "elsewhere"
    named = {
        _name(device.description)
        for run in runs
        for device in run.devices
        if isinstance(device.description, str) and device.backend != "cpu" and not device.name.startswith("CPU")
    }
    if not named or not isinstance(machine.gpus, list):
        return "maybe"
    here = [_name(gpu.name) for gpu in machine.gpus if isinstance(gpu.name, str)]
    known = all(any(one in other or other in one for other in here if other) for one in named if one)
    return "here" if known else "elsewhere"
