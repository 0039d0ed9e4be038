"""Whole answers that runtimes share."""

from __future__ import annotations

from typing import Any

from ...facts.fact import REST, Fact, Unknown
from ...facts.machine import Runtime


def not_installed(installed: Fact[bool] = False) -> Runtime:
    """A runtime that is not there: everything about it is absent. Where even that could not be told, all is unknown."""
    rest: Fact[str] = installed if isinstance(installed, Unknown) else None
    values: dict[str, Any] = dict.fromkeys(Runtime.__struct_fields__, rest)
    tables = {name: {REST: rest} for name in ("settings", "shell_only_settings")}
    return Runtime(**{**values, **tables, "installed": installed})
