"""Fact ``env``: the variables that steer GPUs and runtimes, without secrets."""

from __future__ import annotations

from ..facts.fact import REST, Fact, Table, Unknown
from ..host.host import Host
from ..redact.variables import clean_value, is_steering


def probe(host: Host) -> Table:
    """Every steering variable that is set; ``*`` says that the others are not (or that nobody could tell)."""
    names = host.env_names()
    if isinstance(names, Unknown):
        return {REST: names}
    table: dict[str, Fact[str]] = {}
    for name in names or ():
        if is_steering(name):
            value = host.env(name)
            table[name] = clean_value(name, value) if isinstance(value, str) else value
    table[REST] = None
    return table
