"""What may be asked of the outside, and what an answer is.

Every look at the machine is a question of a *kind* with a *key* (strings and numbers) and has an
answer that is plain JSON. So all of them can be written down and given again: a recording is the
list of questions and answers, and nothing else is needed to run every probe on another machine.
"""

from __future__ import annotations

from typing import Any, Callable, NamedTuple, Optional, Union

import msgspec


class Question(NamedTuple):
    kind: str
    """``file``, ``grep``, ``bytes``, ``list``, ``stat``, ``realpath``, ``which``, ``ld_cache``, ``env``, ``system``,
    ``command``, ``processes``, ``listeners``, ``http``, ``nvml``, ``cuda.init``, ``worker``, ``psutil`` or ``winapi``."""
    key: tuple[Union[str, int], ...]


class Answer(msgspec.Struct, omit_defaults=True):
    """``value`` if the question was answered; else ``error`` says why not."""

    value: Any = None
    error: Optional[str] = None
    """``absent`` means: looked, is not there. Every other text is the reason of an unknown."""
    ms: float = 0.0
    """How long the answer took, milliseconds."""


ABSENT = "absent"

Backend = Callable[[Question], Answer]
"""Answers questions: the live machine, a recording of one, or a recorder around either. Never raises."""


class Absent(Exception):
    """Raised by what answers: looked, is not there."""


class Unknowable(Exception):
    """Raised by what answers: could not look; the text says why."""
