"""Bytes from outside as text that is safe to show."""

from __future__ import annotations

import re

_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_])")
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def clean(raw: bytes, encoding: str = "utf-8") -> str:
    """Bytes from outside as text: decoded leniently, escape sequences and control characters removed
    (tabs and line feeds stay), so that nothing reaches a terminal or a number that should not."""
    return _CONTROLS.sub("", _ESCAPES.sub("", raw.decode(encoding, "replace").replace("\r\n", "\n")))
