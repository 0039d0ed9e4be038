"""What differs between two machines, or one machine at two times, the telling things first."""

from __future__ import annotations

from typing import Any, Iterable, Iterator

import msgspec

from ..facts.fact import Unknown
from ..facts.finding import Finding
from ..facts.machine import Machine
from ..facts.units import show
from .engine import judge
from .rule import Rule

# By what most often breaks a machine that worked: the driver, what CUDA says, the cards, then programs, then the rest.
_ORDER = (
    "driver.version", "driver.kernel_module", "driver.", "gpus", "cuda.", "os.kernel", "os.", "env", "runtimes", "python_envs",
    "container", "rocm", "vulkan", "memory", "cpu", "disks", "kernel_log", "network", "changes",
)  # fmt: skip
_RESTLESS = (
    "available_bytes", "free_bytes", "used_bytes", "swap_free_bytes", "committed_bytes", "_celsius", "power_draw_watts",
    "sm_clock_mhz", "utilization_percent", "throttle_reasons", "load_1m", "uptime_s", "memory_current_bytes", "recorded_at", ".pid",
    "rss_bytes", "free_inodes", "pcie_generation", "seconds_since_boot", "expires_at", ".state",
)  # fmt: skip
"""Ends of the names of facts that change from minute to minute on a healthy machine."""

MAX_SHOWN_CHARS = 80


class Difference(msgspec.Struct):
    path: str
    before: str
    after: str


class Comparison(msgspec.Struct):
    appeared: list[Finding]
    """Found in the second and not in the first, best first."""
    disappeared: list[Finding]
    differences: list[Difference]


def _leaves(value: Any, path: str, field: str) -> Iterator[tuple[str, str, Any]]:
    if isinstance(value, msgspec.Struct) and not isinstance(value, Unknown):
        for name in value.__struct_fields__:
            yield from _leaves(getattr(value, name), f"{path}.{name}" if path else name, name)
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _leaves(item, f"{path}[{key}]", field)
    elif isinstance(value, list) and value and isinstance(value[0], msgspec.Struct):
        for number, item in enumerate(value):
            yield from _leaves(item, f"{path}[{_name(item, number)}]", field)
    else:
        yield path, field, value


def _name(item: Any, number: int) -> str:
    """By which an entry is known again in the other list: its own path, where it has one."""
    for name in ("uuid", "path", "pci_id"):
        value = getattr(item, name, None)
        if isinstance(value, str):
            return value
    return str(number)


def _shown(field: str, value: Any) -> str:
    if isinstance(value, Unknown):
        return f"unknown ({value.unknown})"
    text = "absent" if value is None else show(field, value)
    return text if len(text) <= MAX_SHOWN_CHARS else text[: MAX_SHOWN_CHARS - 1] + "…"


_MISSING = object()


def compare(first: Machine, second: Machine, rules: Iterable[Rule], everything: bool = False) -> Comparison:
    """Findings and facts that differ. ``everything`` counts restless facts too."""
    rules = list(rules)
    before, after = judge(first, rules), judge(second, rules)
    had, has = {one.id for one in before.findings}, {one.id for one in after.findings}
    left = {path: (field, value) for path, field, value in _leaves(first, "", "")}
    right = {path: (field, value) for path, field, value in _leaves(second, "", "")}
    found = []
    for path in dict.fromkeys((*left, *right)):
        field = (left.get(path) or right[path])[0]
        a, b = left.get(path, ("", _MISSING))[1], right.get(path, ("", _MISSING))[1]
        if {id(a), id(b)} & {id(_MISSING)} and [] in (a, b):
            continue  # an empty list against one whose entries are told one by one
        if a == b or (not everything and path.endswith(_RESTLESS)):
            continue
        words = ["not there" if side is _MISSING else _shown(field, side) for side in (a, b)]
        found.append(Difference(path, *words))
    found.sort(key=lambda one: _place(one.path))
    return Comparison(
        appeared=[one for one in after.findings if one.id not in had],
        disappeared=[one for one in before.findings if one.id not in has],
        differences=found,
    )


def _place(path: str) -> tuple[int, str]:
    return next((number for number, start in enumerate(_ORDER) if path.startswith(start)), len(_ORDER)), path
