"""Walks a compiled condition over a machine, in three-valued logic.

Yields a value, ``None`` (absent) or ``Unknown`` with the reason, and the facts that decided it: of an
``or`` that is true only the side that is true, of an ``any`` only its witness. Nothing here raises or
runs long, whatever the recording holds: a budget of steps bounds the loops.
"""

from __future__ import annotations

import re
from typing import Any, Callable, Iterable, Mapping, NamedTuple, Optional

import msgspec

from ..facts.fact import NOT_RECORDED, REST, Unknown, look_up
from ..facts.run import NOT_IN_LOG
from .rule import LOG_NAMES, Tree

MAX_STEPS = 200_000
"""Steps of one condition; a real one takes some hundreds. A hostile recording with long lists ends here."""


class Read(NamedTuple):
    """One fact that was looked at."""

    path: str
    value: Any


class Result(NamedTuple):
    value: Any
    """True, False, another value, None (absent) or Unknown."""
    reads: tuple[Read, ...] = ()
    witnesses: tuple[tuple[str, Any, str], ...] = ()
    """Of each ``any`` that was true: the variable's name, the first item that made it so, and its path."""


class _TooLong(Exception):
    pass


_NUMBERS = re.compile(r"\d+(?:\.\d+)*")


def parse_version(text: str) -> Optional[tuple[int, ...]]:
    """The leading number groups of a version, trailing zeros dropped so that 12.0 equals 12; None if there are none.

    >>> parse_version("v0.12.3-rc1"), parse_version("2.6.0+cu124"), parse_version("none")
    ((0, 12, 3), (2, 6), None)
    """
    match = _NUMBERS.search(text[:64])
    if match is None:
        return None
    numbers = [int(part) for part in match[0].split(".")]
    while len(numbers) > 1 and numbers[-1] == 0:
        numbers.pop()
    return tuple(numbers)


_ARITHMETIC: dict[str, Callable[[Any, Any], Any]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": lambda a, b: a / b,
    "//": lambda a, b: a // b,
    "%": lambda a, b: a % b,
}


def _number(value: Any) -> Any:
    """The number that a group of a pattern spells; absent if it is none."""
    try:
        return float(str(value).replace(",", ""))
    except ValueError:
        return None


class Evaluator:
    """Evaluates trees over one machine; ``scope`` binds names, as witnesses do in texts."""

    def __init__(
        self,
        machine: msgspec.Struct,
        scope: Optional[dict[str, tuple[Any, str]]] = None,
        told: Optional[Mapping[str, Any]] = None,
    ) -> None:
        """``told`` is what a log gives: ``run``, ``shortage`` and ``log``."""
        self._machine = machine
        self._told = told or {}
        self._scope: dict[str, tuple[Any, str]] = dict(scope or {})
        self._steps = 0

    def evaluate(self, tree: Tree) -> Result:
        """The result of a whole condition or text expression."""
        self._steps = 0
        try:
            return self._walk(tree)
        except (_TooLong, RecursionError):
            return Result(Unknown("the recording's lists are too long to judge"))

    def _walk(self, tree: Tree) -> Result:
        self._steps += 1
        if self._steps > MAX_STEPS:
            raise _TooLong
        operation = tree[0]
        if operation == "const":
            return Result(tree[1])
        result: Result = getattr(self, "_" + operation)(tree)
        return result

    # -- facts ---------------------------------------------------------------------------------

    def _place(self, tree: Tree) -> tuple[Any, str, tuple[Read, ...]]:
        """Value and path of a fact expression."""
        operation = tree[0]
        if operation == "fact":
            if tree[1] in LOG_NAMES:
                return self._told.get(tree[1], NOT_IN_LOG), tree[1], ()
            return getattr(self._machine, tree[1]), tree[1], ()
        if operation == "var":
            # A witness of an `any` that did not decide is not bound: its text says nothing.
            value, path = self._scope.get(tree[1], (None, ""))
            return value, path, ()
        if operation == "get":
            base, path, reads = self._place(tree[1])
            path = f"{path}.{tree[2]}"
            if base is None or isinstance(base, Unknown):
                return base, path, reads
            if isinstance(base, dict):  # the groups of a rule's patterns; one that took no part is absent
                return base.get(tree[2]), path, reads
            return getattr(base, tree[2], NOT_RECORDED), path, reads
        if operation == "index":
            base, path, reads = self._place(tree[1])
            key = self._walk(tree[2])
            path = f"{path}[{key.value!r}]"
            if base is None or isinstance(base, Unknown):
                return base, path, reads
            if isinstance(key.value, Unknown):
                return key.value, path, reads + key.reads
            if isinstance(base, dict):
                if base and isinstance(next(iter(base.values())), msgspec.Struct) and key.value not in base:
                    return NOT_RECORDED, path, reads
                if isinstance(key.value, str):
                    return look_up(base, key.value), path, reads + key.reads
                return None, path, reads + key.reads
            return (base[key.value] if -len(base) <= key.value < len(base) else None), path, reads
        result = self._walk(tree)
        return result.value, "", result.reads

    def _read(self, tree: Tree) -> Result:
        value, path, reads = self._place(tree)
        if isinstance(value, (list, dict, msgspec.Struct)) and not isinstance(value, Unknown):
            return Result(value, reads)
        return Result(value, (*reads, Read(path, value)) if path else reads)

    _fact = _var = _get = _index = _read

    # -- logic ---------------------------------------------------------------------------------

    def _connect(self, parts: Iterable[Tree], decisive: bool) -> Result:
        """``and`` (decisive False) and ``or`` (decisive True): one decisive side decides, unknown or not."""
        reads: tuple[Read, ...] = ()
        witnesses: tuple[tuple[str, Any, str], ...] = ()
        unknown: Optional[Unknown] = None
        for part in parts:
            result = self._truth(part)
            if isinstance(result.value, Unknown):
                unknown = unknown or result.value
            elif result.value is decisive:
                return result
            reads += result.reads
            witnesses += result.witnesses
        return Result(unknown if unknown is not None else not decisive, reads, witnesses)

    def _and(self, tree: Tree) -> Result:
        return self._connect(tree[1], False)

    def _or(self, tree: Tree) -> Result:
        return self._connect(tree[1], True)

    def _not(self, tree: Tree) -> Result:
        result = self._truth(tree[1])
        return Result(result.value if isinstance(result.value, Unknown) else not result.value, result.reads)

    def _truth(self, tree: Tree) -> Result:
        """Absent counts as false: what is not there is not so."""
        result = self._walk(tree)
        if isinstance(result.value, (bool, Unknown)):
            return self._explained(result)
        return Result(bool(result.value), result.reads, result.witnesses)

    def _explained(self, result: Result) -> Result:
        if isinstance(result.value, Unknown) and ": " not in result.value.unknown:
            path = next((read.path for read in reversed(result.reads) if read.value is result.value), "")
            if path:
                return Result(Unknown(f"{path}: {result.value.unknown}"), result.reads, result.witnesses)
        return result

    def _if(self, tree: Tree) -> Result:
        condition = self._truth(tree[1])
        if isinstance(condition.value, Unknown):
            return condition
        result = self._walk(tree[2] if condition.value else tree[3])
        return Result(result.value, condition.reads + result.reads, result.witnesses)

    # -- comparison and arithmetic -------------------------------------------------------------

    def _cmp(self, tree: Tree) -> Result:
        _, word, left_tree, right_tree = tree
        left, right = self._walk(left_tree), self._walk(right_tree)
        reads = left.reads + right.reads
        for side in (left, right):
            if isinstance(side.value, Unknown):
                return self._explained(Result(side.value, reads))
        return Result(self._compare(word, left.value, right.value), reads)

    def _compare(self, word: str, a: Any, b: Any) -> Any:
        if word == "==":
            return a == b
        if word == "!=":
            return a != b
        if word in ("in", "not in"):
            if b is None or a is None:
                inside = False
            elif isinstance(b, dict):
                inside = b.get(a, b.get(REST)) is not None if isinstance(a, str) else False
            elif isinstance(b, str):
                inside = isinstance(a, str) and a in b
            else:
                inside = a in b
            return inside if word == "in" else not inside
        if a is None or b is None:
            return False
        try:
            return {"<": a < b, "<=": a <= b, ">": a > b, ">=": a >= b}[word]
        except TypeError:
            return Unknown("values of different kinds cannot be compared")

    def _arith(self, tree: Tree) -> Result:
        _, word, left_tree, right_tree = tree
        left, right = self._walk(left_tree), self._walk(right_tree)
        reads = left.reads + right.reads
        for side in (left, right):
            if isinstance(side.value, Unknown):
                return self._explained(Result(side.value, reads))
            if not isinstance(side.value, (int, float)) or isinstance(side.value, bool):
                return Result(None, reads)  # arithmetic with something absent yields nothing
        try:
            return Result(_ARITHMETIC[word](left.value, right.value), reads)
        except (ZeroDivisionError, OverflowError):
            return Result(None, reads)

    # -- functions -----------------------------------------------------------------------------

    def _call(self, tree: Tree) -> Result:
        _, name, argument_trees = tree
        arguments = [self._walk(item) for item in argument_trees]
        reads = tuple(read for result in arguments for read in result.reads)
        values = [result.value for result in arguments]
        for value in values:
            if isinstance(value, Unknown):
                return self._explained(Result(value, reads))
        return Result(self._function(name, values), reads)

    def _function(self, name: str, values: list[Any]) -> Any:
        first = values[0]
        if name == "has":
            return first is not None
        if name in ("min", "max"):
            numbers = [value for value in values if isinstance(value, (int, float))]
            return (min if name == "min" else max)(numbers) if len(numbers) == len(values) else None
        if first is None:
            return 0 if name == "len" else None
        if name == "len":
            if isinstance(first, dict):
                if isinstance(first.get(REST), Unknown):
                    return first[REST]
                return sum(1 for key, value in first.items() if key != REST and value is not None)
            return len(first) if isinstance(first, (list, str)) else None
        if name == "version":
            parsed = parse_version(first) if isinstance(first, str) else None
            return Unknown(f"{first!r} is no version") if parsed is None else parsed
        if name == "number":
            return _number(first)
        if not isinstance(first, str):
            return None
        if name == "lower":
            return first.lower()
        if name == "starts_with":
            return isinstance(values[1], str) and first.startswith(values[1])
        from ..catalogs.cuda_driver import min_driver

        found = min_driver(first, values[1])
        return Unknown(f"the catalogue does not know CUDA {first}") if found is None else found

    def _keys(self, tree: Tree) -> Result:
        return self._table(tree, lambda key, value: key)

    def _values(self, tree: Tree) -> Result:
        return self._table(tree, lambda key, value: value)

    def _table(self, tree: Tree, choose: Callable[[str, Any], Any]) -> Result:
        value, path, reads = self._place(tree[1])
        if not isinstance(value, dict):
            return Result(value, (*reads, Read(path, value)))
        rest = value.get(REST, NOT_RECORDED)
        if not any(key != REST for key in value) and isinstance(rest, Unknown):
            return Result(rest, (*reads, Read(path, rest)))
        return Result([choose(key, item) for key, item in value.items() if key != REST and item is not None], reads)

    # -- loops ---------------------------------------------------------------------------------

    def _loop(self, tree: Tree) -> Result:
        _, name, variable, list_tree, where, element = tree
        items, path, reads = self._place(list_tree)
        if isinstance(items, Unknown):
            return self._explained(Result(items, (*reads, Read(path, items))))
        if isinstance(items, dict):
            pairs = [(value, f"{path}[{key!r}]") for key, value in items.items()]
            if not pairs:
                return Result(Unknown(f"{path}: {NOT_RECORDED.unknown}"), reads)
        else:
            # Items of a constant list are no facts, so they have no path.
            pairs = [(value, f"{path}[{number}]" if path else "") for number, value in enumerate(items or ())]
        if name in ("any", "all"):
            return self._quantify(name, variable, pairs, where, element, reads)
        return self._gather(name, variable, pairs, where, element, reads)

    def _quantify(self, name: str, variable: str, pairs: Any, where: Tree, element: Tree, reads: tuple[Read, ...]) -> Result:
        decisive = name == "any"
        unknown: Optional[Unknown] = None
        # any(E for x in L if W) is any(W and E); all(E … if W) is all(not W or E).
        parts = [*where, element] if decisive else [*(["not", item] for item in where), element]
        for value, path in pairs:
            self._scope[variable] = (value, path)
            result = self._connect(parts, not decisive)
            if isinstance(result.value, Unknown):
                unknown = unknown or result.value
            elif result.value is decisive:
                del self._scope[variable]
                mine = ((variable, value, path),) if decisive else ()
                return Result(decisive, reads + result.reads, (*mine, *result.witnesses))
            reads += result.reads if isinstance(result.value, Unknown) or not decisive else ()
        self._scope.pop(variable, None)
        return Result(unknown if unknown is not None else not decisive, reads)

    def _gather(self, name: str, variable: str, pairs: Any, where: Tree, element: Tree, reads: tuple[Read, ...]) -> Result:
        values: list[Any] = []
        for value, path in pairs:
            self._scope[variable] = (value, path)
            keep = self._connect(where, False)
            reads += keep.reads
            if isinstance(keep.value, Unknown):
                return Result(keep.value, reads)
            if keep.value:
                result = self._walk(element)
                reads += result.reads
                if isinstance(result.value, Unknown):
                    return self._explained(Result(result.value, reads))
                values.append(result.value)
        self._scope.pop(variable, None)
        if name == "len":
            return Result(len(values), reads)
        numbers = [value for value in values if isinstance(value, (int, float))]
        if name == "sum":
            return Result(sum(numbers), reads)
        if not numbers:
            return Result(None, reads)
        return Result(min(numbers) if name == "min" else max(numbers), reads)
