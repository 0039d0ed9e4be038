"""A machine as rows to read: every fact with its path, its value in words, and what it means."""

from __future__ import annotations

import ast
import inspect
import re
from functools import lru_cache
from typing import Any, Iterator, NamedTuple

import msgspec

from ..facts import machine as facts
from ..facts.fact import NOT_RECORDED, REST, Unknown
from ..facts.machine import Machine
from ..facts.units import show

MAX_VALUE_CHARS = 4000
"""Of one value; a PATH or a command line may be long."""


class Row(NamedTuple):
    area: str
    path: str
    """Empty in the row that begins an area."""
    label: str
    value: str
    state: str
    """``value``, ``absent``, ``unknown`` or ``area``."""
    depth: int = 1
    meaning: str = ""
    """Key for ``meanings``: ``Gpu.name``."""


def rows(machine: Machine) -> list[Row]:
    """All areas, each beginning with a row of its own."""
    found: list[Row] = []
    for name in machine.__struct_fields__:
        if name in ("schema_version", "recorded_at"):
            continue
        found += area_rows(name, getattr(machine, name))
    return found


def area_rows(name: str, value: Any) -> list[Row]:
    """One field of Machine."""
    inside = list(_rows(name, name, name, value, 1, f"Machine.{name}"))
    known = sum(row.state == "value" for row in inside)
    unknown = sum(row.state == "unknown" for row in inside)
    says = f"{known} known" + (f", {unknown} unknown" if unknown else "")
    return [Row(name, "", TITLES.get(name, name), says, "area", 0), *inside]


TITLES = {
    "os": "Operating system", "container": "Container", "container_engine": "Container engine", "cpu": "CPU", "memory": "Memory",
    "disks": "Disks", "gpus": "GPUs", "driver": "NVIDIA driver", "cuda": "CUDA", "rocm": "ROCm", "vulkan": "Vulkan", "intel": "Intel",
    "env": "Environment variables", "kernel_log": "Kernel log", "network": "Network", "changes": "Recent changes",
    "python_envs": "Python environments", "runtimes": "Runtimes",
    "smoke": "Smoke test",
    "watch": "A command that was watched",
}  # fmt: skip
"""The fields of Machine, in the order in which they are shown."""


def _rows(area: str, path: str, label: str, value: Any, depth: int, meaning: str) -> Iterator[Row]:
    if isinstance(value, msgspec.Struct) and not isinstance(value, Unknown):
        if depth > 1:
            yield Row(area, path, label, _name_of(value), "group", depth)
        kind = type(value).__name__
        for field in value.__struct_fields__:
            inner = depth + 1 if depth > 1 else depth
            yield from _rows(area, f"{path}.{field}", field, getattr(value, field), inner, f"{kind}.{field}")
    elif isinstance(value, dict):
        if depth > 1:
            yield Row(area, path, label, "" if value else "none", "group", depth)
        for key, one in value.items():
            if key == REST:
                if one is not None:
                    yield _row(area, f"{path}[*]", "all others", one, depth + (depth > 1), meaning)
                continue
            if isinstance(one, facts.Runtime) and one.installed is False:
                yield Row(area, f"{path}.{key}", key, "not installed", "absent", depth, meaning)
                continue
            yield from _rows(
                area, f"{path}[{key}]", key, one, depth + 1 if isinstance(one, msgspec.Struct) else depth + (depth > 1), meaning
            )
    elif isinstance(value, (list, tuple)) and value and isinstance(value[0], msgspec.Struct):
        if depth > 1:
            yield Row(area, path, label, str(len(value)), "group", depth)
        for number, one in enumerate(value):
            yield from _rows(area, f"{path}[{number}]", f"{number}", one, depth + 1, meaning)
    else:
        yield _row(area, path, label, value, depth, meaning)


def _row(area: str, path: str, field: str, value: Any, depth: int, meaning: str) -> Row:
    label = _UNIT.sub("", field).replace("_", " ") if meaning.endswith("." + field) else field
    if isinstance(value, Unknown):
        why = value.unknown if value is not NOT_RECORDED else "not recorded"
        return Row(area, path, label, f"unknown: {why}", "unknown", depth, meaning)
    if value is None:
        return Row(area, path, label, "none", "absent", depth, meaning)
    return Row(area, path, label, show(field, value)[:MAX_VALUE_CHARS], "value", depth, meaning)


def _name_of(value: msgspec.Struct) -> str:
    """What tells one item of a list from the next."""
    for field in ("name", "path", "package", "process", "executable", "number", "pid", "vendor"):
        known = getattr(value, field, None)
        if known is not None and not isinstance(known, Unknown):
            return str(known)
    return ""


@lru_cache(maxsize=1)
def meanings() -> dict[str, str]:
    """What each field means: the docstrings that stand below the fields of ``facts/machine.py``. Empty where its source is not there."""
    try:
        tree = ast.parse(inspect.getsource(facts))
    except (OSError, TypeError, SyntaxError):
        return {}
    found = {}
    for kind in tree.body:
        if isinstance(kind, ast.ClassDef):
            for field, below in zip(kind.body, kind.body[1:]):
                if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name) and _is_text(below):
                    text = below.value.value  # type: ignore[attr-defined]
                    found[f"{kind.name}.{field.target.id}"] = " ".join(text.replace("``", "").split())
    return found


def _is_text(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


_UNIT = re.compile(r"_(?:bytes_per_s|bytes|celsius|watts|mhz|mts|percent|ms|s|1m)$")
"""The value says it again."""
_OTHERWISE = {
    "runtimes": "each runtime's own files, processes, port and service",
    "smoke": "the GPU itself, by llmdoctor smoke",
    "watch": "the command itself, by llmdoctor run",
}
_PROBES = {"gpus": ("nvidia", "amd", "pci"), "disks": ("disk",), "os": ("system",), "env": ("environment",), "driver": ("driver", "driver_install")}  # fmt: skip


@lru_cache(maxsize=64)
def source_of(area: str) -> str:
    """Which probe reads an area, and from what, in that probe's own words."""
    from importlib import import_module

    if area in _OTHERWISE:
        return _OTHERWISE[area]
    told = []
    for name in _PROBES.get(area, (area,)):
        try:
            text = import_module(f"llmdoctor.probes.{name}").__doc__ or ""
        except ImportError:
            continue
        _, _, after = text.partition("Sources:")
        told.append(" ".join((after or text.partition(": ")[2] or text).replace("``", "").split()).rstrip("."))
    return "; ".join(filter(None, told))
