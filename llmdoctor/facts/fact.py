"""What a fact is: a value, *absent* (looked, is not there) or *unknown* (could not look, and why).

A value that could not be read is not a value that is absent; everything that judges must tell the
two apart, so they are two types: ``None`` is absent, ``Unknown`` carries the reason. In JSON they
are ``null`` and ``{"unknown": "reason"}``.
"""

from __future__ import annotations

from typing import Any, TypeVar, Union

import msgspec

T = TypeVar("T")


class Unknown(msgspec.Struct, frozen=True):
    """A fact that nobody could read; ``unknown`` is the reason, a short phrase for the user."""

    unknown: str


Fact = Union[T, None, Unknown]
"""``Fact[int]``: an int, ``None`` (absent) or ``Unknown(reason)``."""

NOT_RECORDED = Unknown("not recorded")
"""The default of every field, so that an old recording opens in a newer version."""

REST = "*"
"""The key of a ``Table`` that answers for every name that is not listed."""

Table = dict[str, Fact[str]]
"""Names to values, such as environment variables. What a name that is not listed means stands under
``*``: ``{"A": "1", "*": null}`` says that all others are absent, ``{"*": {"unknown": "…"}}`` that
none could be read. Without ``*`` the others were not recorded."""


def look_up(table: Table, name: str) -> Fact[str]:
    """The fact under this name, by the meaning of ``*``."""
    return table.get(name, table.get(REST, NOT_RECORDED))


S = TypeVar("S", bound=msgspec.Struct)


def all_unknown(kind: type[S], reason: str) -> S:
    """A struct of this kind of which nothing could be read, every field with the same reason.

    Nested structs are always present, so they are filled in the same way.
    """
    values: dict[str, Any] = {}
    for field in msgspec.structs.fields(kind):
        factory = field.default_factory
        if isinstance(factory, type) and issubclass(factory, msgspec.Struct):
            values[field.name] = all_unknown(factory, reason)
        elif factory is dict:
            values[field.name] = {REST: Unknown(reason)}
        elif field.default is NOT_RECORDED:
            values[field.name] = Unknown(reason)
    return kind(**values)
