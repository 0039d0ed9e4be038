"""The shape in which the catalogues of error codes answer."""

from __future__ import annotations

from typing import NamedTuple


class CodeMeaning(NamedTuple):
    """One error code of one interface."""

    number: int
    name: str
    """As the vendor's header spells it."""
    meaning: str
    """One line in plain words."""
