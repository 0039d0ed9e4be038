"""Writes questions and answers down, and gives them again: a user's recording is a fixture.

The file is JSON: ``{"format": "llmdoctor-recording", "schema_version": 1, "tool_version": …, "note": …,
"answers": [{"kind", "key", "value" | "error", "ms"}]}``. A bundle from a stranger is untrusted: it is
decoded strictly, with bounds on its size, and holds nothing that could be run.
"""

from __future__ import annotations

import threading
from typing import Any, Optional, Union

import msgspec

from .question import Answer, Backend, Question

FORMAT = "llmdoctor-recording"
SCHEMA_VERSION = 1
MAX_FILE_BYTES = 64 << 20
"""A real recording has 0.1 to 2 MB; a larger file is refused before it is read."""


class Entry(msgspec.Struct, omit_defaults=True):
    kind: str
    key: list[Union[str, int]]
    value: Any = None
    error: Optional[str] = None
    ms: float = 0.0


class Recording(msgspec.Struct, kw_only=True):
    format: str = FORMAT
    schema_version: int = SCHEMA_VERSION
    tool_version: str
    note: str = ""
    """Where it comes from; hand-made ones say so here."""
    recorded_at: Optional[str] = None
    answers: list[Entry] = []


class Recorder:
    """A backend that passes questions on and keeps what was asked and answered."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._lock = threading.Lock()
        self._asked: dict[Question, Answer] = {}

    def __call__(self, question: Question) -> Answer:
        answer = self._backend(question)
        with self._lock:
            self._asked.setdefault(question, answer)
        return answer

    def entries(self) -> list[Entry]:
        """All questions and answers so far, in a stable order."""
        with self._lock:
            asked = sorted(self._asked.items(), key=lambda pair: (pair[0].kind, [str(part) for part in pair[0].key]))
        return [
            Entry(kind=question.kind, key=list(question.key), value=answer.value, error=answer.error, ms=round(answer.ms, 2))
            for question, answer in asked
        ]


def replay(recording: Recording) -> Backend:
    """A backend that answers from the recording, and says "not recorded" to the rest."""
    answers = {
        Question(entry.kind, tuple(entry.key)): Answer(entry.value, entry.error, entry.ms) for entry in recording.answers
    }
    # How long a command was given does not matter to its answer: a newer version may ask with another deadline.
    for question, answer in list(answers.items()):
        answers.setdefault(_without_deadline(question), answer)

    def backend(question: Question) -> Answer:
        return answers.get(question) or answers.get(_without_deadline(question)) or Answer(error="not recorded")

    return backend


def _without_deadline(question: Question) -> Question:
    if question.kind == "command":
        return Question("command", question.key[1:])
    if question.kind in ("cuda.init", "http", "worker"):
        return Question(question.kind, question.key[:-1])
    return question
