"""Makes sure that every fact is of its type, whatever a driver, a server or a stranger's recording answered.

Probes pass some answers on as they came (NVML, the operating system). On a real machine they are of the
documented type; a hostile or damaged recording may hold anything, and nothing after this must stumble on it.
"""

from __future__ import annotations

import typing
from typing import Any

import msgspec

from ..facts.fact import REST, Table, Unknown
from ..facts.machine import Machine

_WRONG = Unknown("the answer is of a wrong type")


def sound(machine: Machine) -> Machine:
    """The machine itself where all its facts are of their types, else with the others unknown."""
    if not _fits(machine, Machine):
        _mend(machine)
    return machine


def _fits(value: Any, hint: Any) -> bool:
    try:
        msgspec.convert(msgspec.to_builtins(value), hint)
    except (msgspec.ValidationError, TypeError, ValueError, RecursionError, OverflowError):
        return False
    return True


def _mend(struct: msgspec.Struct) -> None:
    for name, hint in typing.get_type_hints(type(struct)).items():
        value = getattr(struct, name)
        if isinstance(value, Unknown):
            continue
        if isinstance(value, msgspec.Struct):
            _mend(value)
        elif isinstance(value, dict):
            for key, item in list(value.items()):
                if isinstance(item, msgspec.Struct) and not isinstance(item, Unknown):
                    _mend(item)
                elif not isinstance(key, str) or not _fits({key: item}, Table):
                    value[key] = _WRONG
        elif isinstance(value, list) and value and all(isinstance(item, msgspec.Struct) for item in value):
            for item in value:
                _mend(item)
        if not _fits(getattr(struct, name), hint):
            setattr(struct, name, {REST: _WRONG} if hint == Table else _WRONG)
