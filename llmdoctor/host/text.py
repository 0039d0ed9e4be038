"""Bytes from outside as text that is safe to show."""

from __future__ import annotations

import re
from typing import Any

_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_])")
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def clean(raw: bytes, encoding: str = "utf-8") -> str:
    """Bytes from outside as text: decoded leniently, escape sequences and control characters removed
    (tabs and line feeds stay), so that nothing reaches a terminal or a number that should not."""
    return clean_text(raw.decode(encoding, "replace"))


def clean_text(text: str) -> str:
    """Text without escape sequences, control characters and marks that turn the direction of writing."""
    return _CONTROLS.sub("", _ESCAPES.sub("", text.replace("\r\n", "\n")))


def clean_json(value: Any) -> Any:
    """A JSON value with every text in it cleaned, keys too."""
    if isinstance(value, str):
        return clean_text(value)
    if isinstance(value, list):
        return [clean_json(item) for item in value]
    if isinstance(value, dict):
        return {clean_text(key): clean_json(item) for key, item in value.items()}
    return value
