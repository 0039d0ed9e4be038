"""A Host whose answers are written down in the test: questions to values."""

from __future__ import annotations

from typing import Any, Mapping, Union

from llmdoctor.host.host import Host
from llmdoctor.host.question import ABSENT, Answer, Question

Key = tuple[Union[str, int], ...]


def fake_host(answers: Mapping[Key, Any], otherwise: str = ABSENT) -> Host:
    """A Host that knows these answers, keyed by ``(kind, *key)``; ``otherwise`` is its error for all else.

    A value that is an ``Answer`` is given as it is, so that a test can plant any error. Bytes stand as
    text, as the live Host decodes them. Defaults: a Linux machine with the home folder ``/home/ada``.
    """
    known: dict[Key, Any] = {("system", "platform"): "linux", ("system", "home"): "/home/ada", **answers}

    def backend(question: Question) -> Answer:
        key = (question.kind, *question.key)
        if key not in known:
            return Answer(error=otherwise)
        value = known[key]
        return value if isinstance(value, Answer) else Answer(value=value)

    return Host(backend)


def error(reason: str) -> Answer:
    """The answer of a question that could not be answered."""
    return Answer(error=reason)
