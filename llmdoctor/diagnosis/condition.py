"""The condition language: a small subset of Python expressions over the facts, compiled to plain lists.

Parsed by the standard ``ast`` module and never executed as Python. What is not listed here does not
parse. Names and fields are checked against the facts' types, so a misspelt field is an error at load.
The result is a tree of JSON values (``["and", [...]]``), kept in the index and walked by ``evaluate``.
"""

from __future__ import annotations

import ast
import difflib
import typing
import warnings
from typing import Any, Optional, Union

import msgspec

from ..facts.fact import Unknown
from ..facts.machine import Machine
from ..facts.run import Run, Shortage
from .rule import LOG_NAMES, Tree

MAX_SOURCE_CHARS = 4000
"""A condition longer than this is no condition; it also bounds the parser's depth and memory."""
MAX_LOOPS = 2
"""``any(… for …)`` inside ``any(… for …)``, and no deeper: the cost stays quadratic at worst."""
MAX_DEPTH = 40

COMPARISONS: dict[type, str] = {
    ast.Eq: "==", ast.NotEq: "!=", ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=", ast.In: "in", ast.NotIn: "not in",
    ast.Is: "==", ast.IsNot: "!=",
}  # fmt: skip
ARITHMETIC: dict[type, str] = {
    ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.FloorDiv: "//", ast.Mod: "%",
}  # fmt: skip
FUNCTIONS: dict[str, int] = {
    "version": 1, "has": 1, "lower": 1, "starts_with": 2, "min_driver": 2, "len": 1, "number": 1,
}  # fmt: skip
"""Name to number of arguments."""
LOOPS = ("any", "all", "sum", "min", "max", "len")


class ConditionError(ValueError):
    """What is wrong and where: ``line`` and ``column`` count from 1 within the condition's own text."""

    def __init__(self, message: str, line: int = 1, column: int = 1) -> None:
        super().__init__(message)
        self.line = line
        self.column = column


# --- types of the facts -----------------------------------------------------------------------


class Kind(typing.NamedTuple):
    """What an expression yields: a struct, a list of something, a table of texts, the runtimes, or a plain value."""

    shape: str
    """``struct``, ``list``, ``table``, ``groups``, ``runtimes``, ``value`` or ``any`` (not known)."""
    of: Any = None
    """The struct's class, the list's item Kind, the groups' names, or the plain value's Python type."""


ANY = Kind("any")
_BOOL = Kind("value", bool)
_TEXT = Kind("value", str)
_NUMBER = Kind("value", float)


def _kind(hint: Any) -> Kind:
    origin = typing.get_origin(hint)
    if origin is Union:
        inner = [item for item in typing.get_args(hint) if item not in (type(None), Unknown)]
        return _kind(inner[0]) if len(inner) == 1 else ANY
    if origin is list:
        return Kind("list", _kind(typing.get_args(hint)[0]))
    if origin is dict:
        return Kind("runtimes", _kind(typing.get_args(hint)[1])) if _is_struct(typing.get_args(hint)[1]) else Kind("table")
    if _is_struct(hint):
        return Kind("struct", hint)
    return Kind("value", hint)


def _is_struct(hint: Any) -> bool:
    return isinstance(hint, type) and issubclass(hint, msgspec.Struct)


def top_names(groups: frozenset[str] = frozenset()) -> dict[str, Kind]:
    """What a condition may start from: the machine's facts, the run that a log tells, the arithmetic of its memory, and
    ``log``, the named groups of the rule's own patterns."""
    return {
        **fields_of(Machine), "run": Kind("struct", Run), "shortage": Kind("struct", Shortage), "log": Kind("groups", groups),
    }  # fmt: skip


def reads_log(tree: Tree) -> bool:
    """Whether a tree asks for anything that only a log tells."""
    if not isinstance(tree, list):
        return False
    return (len(tree) == 2 and tree[0] == "fact" and tree[1] in LOG_NAMES) or any(reads_log(part) for part in tree)


_hints: dict[type, dict[str, Kind]] = {}


def fields_of(struct: type) -> dict[str, Kind]:
    """Field names of a facts struct and what they hold."""
    if struct not in _hints:
        _hints[struct] = {name: _kind(hint) for name, hint in typing.get_type_hints(struct).items()}
    return _hints[struct]


# --- compilation ------------------------------------------------------------------------------


class _Compiler:
    def __init__(
        self, runtimes: frozenset[str], names: Optional[dict[str, Kind]] = None, groups: frozenset[str] = frozenset()
    ) -> None:
        self.runtimes = runtimes
        self.groups = groups
        self.top = top_names(groups)
        self.scope: dict[str, Kind] = dict(names or {})
        self.loops = 0

    def fail(self, node: ast.AST, message: str) -> ConditionError:
        return ConditionError(message, getattr(node, "lineno", 2) - 1, getattr(node, "col_offset", 0) + 1)

    def nearest(self, word: str, words: Any) -> str:
        near = difflib.get_close_matches(word, list(words), 1)
        return f"; did you mean {near[0]}?" if near else ""

    def compile(self, node: ast.expr, depth: int = 0) -> tuple[Tree, Kind]:
        if depth > MAX_DEPTH:
            raise self.fail(node, "nested too deeply")
        method = getattr(self, "_" + type(node).__name__.lower(), None)
        if method is None:
            raise self.fail(node, f"{type(node).__name__} is not part of the condition language")
        result: tuple[Tree, Kind] = method(node, depth + 1)
        return result

    def _constant(self, node: ast.Constant, depth: int) -> tuple[Tree, Kind]:
        if node.value is not None and not isinstance(node.value, (bool, int, float, str)):
            raise self.fail(node, f"a constant of type {type(node.value).__name__} is not allowed")
        return ["const", node.value], Kind("value", type(node.value)) if node.value is not None else ANY

    def _items(self, node: Union[ast.List, ast.Tuple], depth: int) -> tuple[Tree, Kind]:
        items = [self.compile(item, depth) for item in node.elts]
        if any(tree[0] != "const" for tree, _ in items):
            raise self.fail(node, "a list may hold constants only")
        return ["const", [tree[1] for tree, _ in items]], Kind("list", items[0][1] if items else ANY)

    _list = _tuple = _items

    def _name(self, node: ast.Name, depth: int) -> tuple[Tree, Kind]:
        if node.id in self.scope:
            return ["var", node.id], self.scope[node.id]
        if node.id not in self.top:
            raise self.fail(node, f"there is no fact {node.id}{self.nearest(node.id, [*self.top, *self.scope])}")
        return ["fact", node.id], self.top[node.id]

    def _attribute(self, node: ast.Attribute, depth: int) -> tuple[Tree, Kind]:
        base, kind = self.compile(node.value, depth)
        if kind.shape == "struct":
            fields = fields_of(kind.of)
            if node.attr not in fields:
                raise self.fail(node, f"{kind.of.__name__} has no field {node.attr}{self.nearest(node.attr, fields)}")
            return ["get", base, node.attr], fields[node.attr]
        if kind.shape == "groups":
            if node.attr not in kind.of:
                raise self.fail(node, f"no pattern of this rule has a group {node.attr}{self.nearest(node.attr, kind.of)}")
            return ["get", base, node.attr], _TEXT
        if kind.shape == "any":
            return ["get", base, node.attr], ANY
        hint = "; use any(… for … in …)" if kind.shape == "list" else ""
        raise self.fail(node, f"{ast.unparse(node.value)} has no fields{hint}")

    def _subscript(self, node: ast.Subscript, depth: int) -> tuple[Tree, Kind]:
        base, kind = self.compile(node.value, depth)
        index, index_kind = self.compile(node.slice, depth)
        if kind.shape == "runtimes":
            if index[0] != "const" or index[1] not in self.runtimes:
                word = str(index[1])
                raise self.fail(node, f"there is no runtime {word!r}{self.nearest(word, self.runtimes)}")
            return ["index", base, index], kind.of
        if kind.shape == "table":
            if index_kind.of is not str and index_kind.shape != "any":
                raise self.fail(node, "a table is indexed by a name")
            return ["index", base, index], _TEXT
        if kind.shape == "list":
            if index[0] != "const" or not isinstance(index[1], int) or isinstance(index[1], bool):
                raise self.fail(node, "a list is indexed by a whole number")
            return ["index", base, index], kind.of
        raise self.fail(node, f"{ast.unparse(node.value)} cannot be indexed")

    def _boolop(self, node: ast.BoolOp, depth: int) -> tuple[Tree, Kind]:
        word = "and" if isinstance(node.op, ast.And) else "or"
        return [word, [self.truth(value, depth) for value in node.values]], _BOOL

    def truth(self, node: ast.expr, depth: int = 0) -> Tree:
        """Compiles an expression that must be true or false."""
        tree, kind = self.compile(node, depth)
        if kind != ANY and kind != _BOOL:
            raise self.fail(node, f"{ast.unparse(node)} is not true or false; compare it or use has()")
        return tree

    def _unaryop(self, node: ast.UnaryOp, depth: int) -> tuple[Tree, Kind]:
        if isinstance(node.op, ast.Not):
            return ["not", self.truth(node.operand, depth)], _BOOL
        if isinstance(node.op, ast.USub):
            tree, kind = self.compile(node.operand, depth)
            return (["const", -tree[1]] if tree[0] == "const" else ["arith", "-", ["const", 0], tree]), kind
        raise self.fail(node, "only `not` and `-` may stand before a value")

    def _binop(self, node: ast.BinOp, depth: int) -> tuple[Tree, Kind]:
        word = ARITHMETIC.get(type(node.op))
        if word is None:
            raise self.fail(node, "this operator is not part of the condition language")
        left, left_kind = self.compile(node.left, depth)
        right, right_kind = self.compile(node.right, depth)
        for side, kind in ((node.left, left_kind), (node.right, right_kind)):
            if kind.shape not in ("any",) and (kind.shape != "value" or kind.of not in (int, float)):
                raise self.fail(side, f"{ast.unparse(side)} is not a number")
        return ["arith", word, left, right], _NUMBER

    def _compare(self, node: ast.Compare, depth: int) -> tuple[Tree, Kind]:
        parts: list[Tree] = []
        left_node, (left, left_kind) = node.left, self.compile(node.left, depth)
        for op, right_node in zip(node.ops, node.comparators):
            word = COMPARISONS[type(op)]
            right, right_kind = self.compile(right_node, depth)
            if word in ("in", "not in"):
                if right_kind.shape == "value" and right_kind.of is not str:
                    raise self.fail(right_node, f"{ast.unparse(right_node)} is neither a list nor a text")
            else:
                self._comparable(node, left_node, left_kind, right_node, right_kind)
            parts.append(["cmp", word, left, right])
            left_node, left, left_kind = right_node, right, right_kind
        return (parts[0] if len(parts) == 1 else ["and", parts]), _BOOL

    def _comparable(self, node: ast.AST, a: ast.expr, a_kind: Kind, b: ast.expr, b_kind: Kind) -> None:
        groups = {bool: "yes or no", int: "a number", float: "a number", str: "a text"}
        if a_kind.shape == b_kind.shape == "value" and a_kind.of in groups and b_kind.of in groups:
            if groups[a_kind.of] != groups[b_kind.of]:
                raise self.fail(
                    node, f"{ast.unparse(a)} is {groups[a_kind.of]}, {ast.unparse(b)} is {groups[b_kind.of]}: never equal"
                )

    def _ifexp(self, node: ast.IfExp, depth: int) -> tuple[Tree, Kind]:
        condition = self.truth(node.test, depth)
        then, kind = self.compile(node.body, depth)
        other, _ = self.compile(node.orelse, depth)
        return ["if", condition, then, other], kind

    def _call(self, node: ast.Call, depth: int) -> tuple[Tree, Kind]:
        if node.keywords or not isinstance(node.func, ast.Name):
            raise self.fail(node, f"{ast.unparse(node.func)}(…) is not part of the condition language")
        name, arguments = node.func.id, node.args
        if len(arguments) == 1 and isinstance(arguments[0], ast.GeneratorExp):
            if name not in LOOPS:
                raise self.fail(node, f"{name}(… for …) is not part of the condition language")
            return self._loop(name, arguments[0], depth)
        if name in ("min", "max") and len(arguments) >= 2:
            return ["call", name, [self.compile(item, depth)[0] for item in arguments]], _NUMBER
        if name not in FUNCTIONS:
            raise self.fail(node, f"there is no function {name}{self.nearest(name, [*FUNCTIONS, *LOOPS])}")
        if len(arguments) != FUNCTIONS[name]:
            raise self.fail(node, f"{name}() takes {FUNCTIONS[name]} argument(s), {len(arguments)} given")
        trees = [self.compile(item, depth)[0] for item in arguments]
        kind = {
            "has": _BOOL,
            "starts_with": _BOOL,
            "len": _NUMBER,
            "lower": _TEXT,
            "min_driver": _TEXT,
            "version": ANY,
            "number": _NUMBER,
        }[name]
        return ["call", name, trees], kind

    def _loop(self, name: str, node: ast.GeneratorExp, depth: int) -> tuple[Tree, Kind]:
        if len(node.generators) != 1 or not isinstance(node.generators[0].target, ast.Name):
            raise self.fail(node, "one `for NAME in LIST` only")
        if self.loops >= MAX_LOOPS:
            raise self.fail(node, f"more than {MAX_LOOPS} loops inside each other")
        generator = node.generators[0]
        variable = generator.target.id  # type: ignore[attr-defined]
        tree, item = self._iterable(generator.iter, depth)
        if variable in self.scope or variable in self.top:
            raise self.fail(node, f"{variable} is a name already")
        self.scope[variable] = item
        self.loops += 1
        where = [self.truth(test, depth) for test in generator.ifs]
        boolean = name in ("any", "all")
        element = self.truth(node.elt, depth) if boolean else self.compile(node.elt, depth)[0]
        self.loops -= 1
        del self.scope[variable]
        return ["loop", name, variable, tree, where, element], _BOOL if boolean else _NUMBER

    def _iterable(self, node: ast.expr, depth: int) -> tuple[Tree, Kind]:
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and not node.args:
            tree, kind = self.compile(node.func.value, depth)
            if kind.shape == "runtimes" and node.func.attr == "values":
                return tree, kind.of
            if kind.shape == "table" and node.func.attr == "values":
                return ["values", tree], _TEXT
        tree, kind = self.compile(node, depth)
        if kind.shape == "table":
            return ["keys", tree], _TEXT
        if kind.shape not in ("list", "any"):
            raise self.fail(node, f"{ast.unparse(node)} is not a list")
        return tree, kind.of if kind.shape == "list" else ANY


def _parse(source: str) -> ast.expr:
    if len(source) > MAX_SOURCE_CHARS:
        raise ConditionError(f"longer than {MAX_SOURCE_CHARS} characters")
    if not source.strip():
        raise ConditionError("not an expression: it is empty")
    try:
        # In brackets, so that a condition may run over several lines; on lines of their own, so that places stay true.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Python's advice on odd literals; what matters is said below
            body = ast.parse("(\n" + source + "\n)", mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        line = (getattr(error, "lineno", None) or 2) - 1
        raise ConditionError(f"not an expression: {getattr(error, 'msg', error)}", max(line, 1), 1) from None
    return body


def compile_condition(
    source: str, runtimes: frozenset[str], names: Optional[dict[str, Kind]] = None, groups: frozenset[str] = frozenset()
) -> tuple[Tree, dict[str, Kind]]:
    """The tree of a condition, and the names that its ``any(…)`` loops bind for the texts.

    ``names`` are bound already, as those of a rule's condition are in the conditions of its steps; ``groups`` are those of
    the rule's log patterns. Raises ConditionError with the place within the source.
    """
    body = _parse(source)
    compiler = _Compiler(runtimes, names, groups)
    tree = compiler.truth(body)
    return tree, _witnesses(body, runtimes, names or {}, groups)


def compile_value(
    source: str, runtimes: frozenset[str], names: dict[str, Kind], groups: frozenset[str] = frozenset()
) -> tuple[Tree, str]:
    """The tree of an expression in a text, and the name of the field that tells its unit (``""`` if none)."""
    body = _parse(source)
    tree, _ = _Compiler(runtimes, names, groups).compile(body)
    fields = [node.attr for node in ast.walk(body) if isinstance(node, ast.Attribute)]
    return tree, fields[0] if fields else ""


def _witnesses(body: ast.expr, runtimes: frozenset[str], names: dict[str, Kind], groups: frozenset[str]) -> dict[str, Kind]:
    """Loop variables of ``any`` outside of ``not`` and of other loops: the engine keeps their first witness."""
    found: dict[str, Kind] = {}

    def visit(node: ast.AST, scope: dict[str, Kind]) -> None:
        if isinstance(node, (ast.BoolOp, ast.IfExp)):
            for child in ast.iter_child_nodes(node):
                visit(child, scope)
        elif (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Name)
            and node.func.id == "any"
            and isinstance(node.args[0], ast.GeneratorExp)
        ):
            generator = node.args[0].generators[0]
            _, item = _Compiler(runtimes, scope, groups)._iterable(generator.iter, 0)
            name = generator.target.id  # type: ignore[attr-defined]
            found[name] = item
            inner = {**scope, name: item}
            for child in (node.args[0].elt, *generator.ifs):
                visit(child, inner)

    visit(body, dict(names))
    return found
