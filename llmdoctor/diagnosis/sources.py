"""Reads rule files: YAML to checked and compiled rules, with file, line and column in every error.

Rule files are untrusted: plain YAML without tags and aliases, bounded in size; nothing in them runs.
"""

from __future__ import annotations

import os
import re
from typing import Any, Iterable, Iterator, NamedTuple, Optional

import msgspec
import yaml

from ..facts.fact import REST
from ..facts.machine import Machine
from ..logs.scanner import Pattern, compile_match
from .condition import ConditionError, Kind, compile_condition, compile_value, fields_of, reads_log
from .rule import NEAR_LINES, RUN_KEYS, Line, LineSource, Log, LogSource, Rule, RuleSource, Step, Template, Texts

MAX_FILE_BYTES = 256 << 10
MAX_FILES = 10_000
_ID = re.compile(r"^[a-z0-9][a-z0-9-]*$")
_PLACEHOLDER = re.compile(r"\{\{(.*?)\}\}", re.S)
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class RuleError(ValueError):
    """A fault in a rule file, as ``file:line:column: what is wrong``."""

    def __init__(self, path: str, message: str, line: int = 0, column: int = 0) -> None:
        place = f"{path}:{line}:{column}" if line else path
        super().__init__(f"{place}: {message}")


class Loaded(NamedTuple):
    id: str
    path: str
    source: RuleSource
    rule: Rule


def find(folder: str) -> Iterator[tuple[str, str]]:
    """``(id, path)`` of every rule file below a folder of areas, sorted. Raises RuleError where it is no such folder."""
    if not os.path.isdir(folder):
        raise RuleError(folder, "is not a folder of rules" if os.path.exists(folder) else "no such folder")
    count = 0
    for area in sorted(os.listdir(folder)):
        inside = os.path.join(folder, area)
        if not os.path.isdir(inside) or area.startswith("."):
            continue
        for name in sorted(os.listdir(inside)):
            slug, ending = os.path.splitext(name)
            if ending not in (".yaml", ".yml"):
                continue
            path = os.path.join(inside, name)
            if not _ID.match(slug) or not _ID.match(area):
                raise RuleError(path, "the path is the rule's id: lower-case letters, digits and hyphens only")
            count += 1
            if count > MAX_FILES:
                raise RuleError(folder, f"holds more than {MAX_FILES} rules")
            yield f"{area}.{slug}", path


class _Marks:
    """Where each value of a YAML document stands: path such as ``$.fix[0].do`` to line and column, from 1."""

    def __init__(self, text: str) -> None:
        self.lines = text.splitlines()
        self.places: dict[str, tuple[int, int]] = {}
        self.styles: dict[str, str] = {}

    def place(self, path: str) -> tuple[int, int]:
        while path and path not in self.places:
            path = path[: max(path.rfind("."), path.rfind("["))]
        return self.places.get(path, (1, 1))

    def inside(self, path: str, before: str) -> tuple[int, int]:
        """The place within a scalar after the text ``before``. YAML folds lines, so that only what is no
        white space can be counted."""
        line, column = self.place(path)
        style = self.styles.get(path, "")
        if style in ("|", ">"):
            line, column = line + 1, 1
        elif style:
            column += 1  # the quotation mark
        left = sum(1 for letter in before if not letter.isspace())
        for number in range(line, len(self.lines) + 1):
            row = self.lines[number - 1]
            for position in range(column if number == line else 1, len(row) + 1):
                if row[position - 1].isspace():
                    continue
                if left == 0:
                    return number, position
                left -= 1
        return line, column


def _read_yaml(path: str, text: str) -> tuple[Any, _Marks]:
    loader = _LOADER(text)
    try:
        node = loader.get_single_node()
        marks = _Marks(text)
        if node is None:
            raise RuleError(path, "is empty", 1, 1)
        _mark(path, node, "$", marks, set())
        return loader.construct_document(node), marks
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        raise RuleError(path, f"not YAML: {error.problem or error.context}", line, column) from None
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        if isinstance(error, RuleError):
            raise
        raise RuleError(path, f"not YAML: {str(error).splitlines()[0] if str(error) else type(error).__name__}") from None
    finally:
        loader.dispose()


def _mark(path: str, node: yaml.Node, where: str, marks: _Marks, seen: set[int]) -> None:
    line, column = node.start_mark.line + 1, node.start_mark.column + 1
    if id(node) in seen:
        raise RuleError(path, "YAML aliases are not allowed", line, column)
    seen.add(id(node))
    marks.places[where] = (line, column)
    if isinstance(node, yaml.ScalarNode) and node.style:
        marks.styles[where] = node.style
    if isinstance(node, yaml.MappingNode):
        keys: set[str] = set()
        for key, value in node.value:
            if key.value in keys:
                raise RuleError(path, f"{key.value} stands twice", key.start_mark.line + 1, key.start_mark.column + 1)
            keys.add(key.value)
            _mark(path, value, f"{where}.{key.value}", marks, seen)
    elif isinstance(node, yaml.SequenceNode):
        for number, value in enumerate(node.value):
            _mark(path, value, f"{where}[{number}]", marks, seen)


def load_file(rule_id: str, path: str, runtimes: frozenset[str]) -> Loaded:
    """Reads, checks and compiles one rule file. Raises RuleError with the place of the first fault."""
    try:
        with open(path, "rb") as file:
            raw = file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise RuleError(path, f"cannot be read: {error.strerror}") from None
    if len(raw) > MAX_FILE_BYTES:
        raise RuleError(path, f"larger than {MAX_FILE_BYTES >> 10} KiB")
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise RuleError(path, "is not UTF-8", raw.count(b"\n", 0, error.start) + 1, 1) from None
    data, marks = _read_yaml(path, text)
    try:
        source = msgspec.convert(data, RuleSource)
    except msgspec.ValidationError as error:
        message, _, where = str(error).partition(" - at `")
        place = where.rstrip("`").replace("[...]", "") or "$"
        raise RuleError(path, _explain(message, place), *marks.place(_sharpen(message, place))) from None
    return Loaded(rule_id, path, source, _compile(rule_id, path, source, marks, runtimes))


def _sharpen(message: str, place: str) -> str:
    # msgspec names the unknown field in the text and its parent as the place.
    match = re.search(r"unknown field `([^`]+)`", message)
    return f"{place}.{match[1]}" if match else place


def _explain(message: str, place: str) -> str:
    import difflib

    match = re.search(r"unknown field `([^`]+)`", message)
    where = place.removeprefix("$").lstrip(".") or "the rule"
    if match:
        near = difflib.get_close_matches(match[1], RuleSource.__struct_fields__, 1)
        return f"{where} has no field {match[1]}" + (f"; did you mean {near[0]}?" if near else "")
    return f"{where}: {message[0].lower()}{message[1:]}"


class _Compile:
    """Compiles one rule's expressions and gives their faults the file's own lines."""

    def __init__(self, path: str, marks: _Marks, runtimes: frozenset[str]) -> None:
        self.path, self.marks, self.runtimes = path, marks, runtimes
        self.names: dict[str, Kind] = {}
        self.groups: set[str] = set()

    def place(self, where: str) -> tuple[int, int]:
        return self.marks.place(where)

    def runtime_names(self, where: str, names: list[str]) -> None:
        """Raises RuleError for a name that is no runtime."""
        for number, name in enumerate(names):
            if name not in self.runtimes:
                hint = _nearest(name, self.runtimes)
                raise RuleError(self.path, f"there is no runtime {name}{hint}", *self.place(f"{where}[{number}]"))

    def pattern(self, where: str, source: LineSource) -> Pattern:
        texts = [source.text] if isinstance(source.text, str) else source.text
        if not texts or not all(texts):
            raise RuleError(self.path, "text holds no literal", *self.place(f"{where}.text"))
        if source.match is not None:
            try:
                self.groups.update(_group_names(source.match))
            except ValueError as error:
                raise RuleError(self.path, f"match is no RE2 pattern: {error}", *self.place(f"{where}.match")) from None
        return Pattern(tuple(texts), source.match)

    def log(self, where: str, source: LogSource) -> Log:
        self.runtime_names(f"{where}.runtimes", source.runtimes)
        near = [
            Line(self.pattern(f"{where}.near[{number}]", one), one.lines or NEAR_LINES)
            for number, one in enumerate(source.near)
        ]
        not_ = [Line(self.pattern(f"{where}.not[{number}]", one), one.lines or 0) for number, one in enumerate(source.not_)]
        pattern = self.pattern(where, source)
        when = self.condition(f"{where}.when", source.when) if source.when is not None else None
        if when is not None and not reads_log(when):
            raise RuleError(self.path, "the condition of a line reads log, run or shortage", *self.place(f"{where}.when"))
        return Log(pattern, source.runtimes, source.generic, near, not_, when)

    def error(self, where: str, text: str, start: int, error: ConditionError) -> RuleError:
        """``start`` is where in the scalar's text the expression begins."""
        rows = text[start:].splitlines(keepends=True)
        before = text[:start] + "".join(rows[: error.line - 1]) + "".join(rows[error.line - 1 : error.line])[: error.column - 1]
        return RuleError(self.path, str(error), *self.marks.inside(where, before))

    def condition(self, where: str, text: str) -> Any:
        try:
            tree, names = compile_condition(text, self.runtimes, self.names, frozenset(self.groups))
        except ConditionError as error:
            raise self.error(where, text, 0, error) from None
        if where == "$.when":
            self.names = names
        return tree

    def template(self, where: str, text: str) -> Template:
        pieces: Template = []
        end = 0
        for match in _PLACEHOLDER.finditer(text):
            pieces.append(text[end : match.start()])
            try:
                pieces.append(list(compile_value(match[1], self.runtimes, self.names, frozenset(self.groups))))
            except ConditionError as error:
                raise self.error(where, text, match.start(1), error) from None
            end = match.end()
        pieces.append(text[end:])
        return [piece for piece in pieces if piece != ""]


def _compile(rule_id: str, path: str, source: RuleSource, marks: _Marks, runtimes: frozenset[str]) -> Rule:
    compiler = _Compile(path, marks, runtimes)
    compiler.runtime_names("$.runtimes", source.runtimes)
    log = [compiler.log(f"$.log[{number}]", one) for number, one in enumerate(source.log)]
    if source.when is None and not log:
        raise RuleError(path, "a rule has a condition under when, or lines under log", 1, 1)
    when = compiler.condition("$.when", source.when) if source.when is not None else None
    steps = []
    for number, step in enumerate(source.fix):
        where = f"$.fix[{number}]"
        for key in step.run:
            if key not in RUN_KEYS:
                hint = _nearest(key, RUN_KEYS)
                raise RuleError(path, f"a command cannot be for {key}{hint}", *marks.place(f"{where}.run.{key}"))
        steps.append(
            Step(
                do=compiler.template(f"{where}.do", step.do),
                run={key: compiler.template(f"{where}.run.{key}", text) for key, text in step.run.items()},
                cost=step.cost,
                when=compiler.condition(f"{where}.when", step.when) if step.when else None,
            )
        )
    texts = Texts(
        title=compiler.template("$.title", source.title),
        evidence=[compiler.template(f"$.evidence[{i}]", text) for i, text in enumerate(source.evidence)],
        why=compiler.template("$.why", source.why),
        fix=steps,
        verify=compiler.template("$.verify", source.verify),
        refs=source.refs,
    )
    packed = msgspec.Raw(msgspec.msgpack.encode(texts))
    needs_log = (bool(log) and not source.when_alone) or when is None or reads_log(when)
    return Rule(rule_id, source.kind, source.severity, source.runtimes, when, log, needs_log, source.explains, packed)


def _nearest(word: str, words: Iterable[str]) -> str:
    import difflib

    near = difflib.get_close_matches(word, list(words), 1)
    return f"; did you mean {near[0]}?" if near else ""


def _group_names(match: str) -> list[str]:
    return [name if isinstance(name, str) else name.decode() for name in compile_match(match).groupindex]


def load_folder(folder: str, runtimes: frozenset[str]) -> list[Loaded]:
    """Every rule of a folder. Raises RuleError at the first fault."""
    return [load_file(rule_id, path, runtimes) for rule_id, path in find(folder)]


# --- examples ---------------------------------------------------------------------------------


def example_machine(data: dict[str, Any]) -> Machine:
    """The machine of an example: what is not written is unknown, a table lists all there is.

    Raises ValueError with the field's path where it is misspelt or of the wrong type.
    """
    complete = _complete(data, Machine, "machine")
    try:
        return msgspec.convert(complete, Machine)
    except msgspec.ValidationError as error:
        raise ValueError(str(error)) from None


def _complete(data: Any, struct: type, where: str) -> Any:
    import difflib

    if not isinstance(data, dict):
        return data
    fields = fields_of(struct)
    complete = {}
    for name, value in data.items():
        if name == "unknown":
            return data
        if name not in fields:
            near = difflib.get_close_matches(str(name), fields, 1)
            raise ValueError(f"{where} has no field {name}" + (f"; did you mean {near[0]}?" if near else ""))
        complete[name] = _complete_value(value, fields[name], f"{where}.{name}")
    return complete


def _complete_value(value: Any, kind: Kind, where: str) -> Any:
    if kind.shape == "struct":
        return _complete(value, kind.of, where)
    if kind.shape == "table" and isinstance(value, dict):
        return {REST: None, **value}
    if kind.shape == "runtimes" and isinstance(value, dict):
        return {name: _complete(item, kind.of.of, f"{where}.{name}") for name, item in value.items()}
    if kind.shape == "list" and isinstance(value, list) and kind.of.shape == "struct":
        return [_complete(item, kind.of.of, f"{where}[{i}]") for i, item in enumerate(value)]
    return value


def cycle(rules: dict[str, list[str]]) -> Optional[list[str]]:
    """A circle in the ``explains`` graph, as ids; None if there is none."""
    state: dict[str, int] = {}
    trail: list[str] = []

    def visit(rule_id: str) -> Optional[list[str]]:
        state[rule_id] = 1
        trail.append(rule_id)
        for other in rules.get(rule_id, ()):
            if state.get(other) == 1:
                return [*trail[trail.index(other) :], other]
            if other in rules and other not in state:
                found = visit(other)
                if found:
                    return found
        trail.pop()
        state[rule_id] = 2
        return None

    for rule_id in rules:
        if rule_id not in state:
            found = visit(rule_id)
            if found:
                return found
    return None
