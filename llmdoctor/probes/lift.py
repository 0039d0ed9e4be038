"""Applies plain functions to facts, so that absent and unknown pass through unchanged."""

from __future__ import annotations

from typing import Callable, Optional, TypeVar, Union

from ..facts.fact import Fact, Unknown

A = TypeVar("A")
B = TypeVar("B")


def lift(function: Callable[[A], Union[B, Unknown, None]], fact: Fact[A]) -> Fact[B]:
    """``function(fact)`` where the fact is a value; absent and unknown stay what they are."""
    if fact is None or isinstance(fact, Unknown):
        return fact
    return function(fact)


def text_or_none(fact: Fact[str]) -> Optional[str]:
    """The text, if there is one that is not blank; for places where unknown and absent lead to the same next step."""
    return fact if isinstance(fact, str) and fact.strip() else None


def whole(text: str) -> Optional[int]:
    """The integer that a text is, or None."""
    stripped = text.strip()
    return int(stripped) if stripped.lstrip("-").isdecimal() and stripped.count("-") <= 1 else None
