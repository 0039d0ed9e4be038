"""The runtimes that we know, one module each.

A module here is a runtime: it has ``NAME`` (its key everywhere), ``TITLE`` (for people), ``owns(process)``
and ``probe(host, surroundings)``. Modules are found by a scan, so a new runtime is one new file.
What several of them need lies in ``common/``.
"""

from __future__ import annotations

from functools import lru_cache
from importlib import import_module
from pkgutil import iter_modules
from typing import Optional, Protocol, cast

from ..facts.machine import Runtime
from ..host.host import Host, Process
from ..logs.reader import Reader
from .surroundings import Surroundings


class RuntimeModule(Protocol):
    """What a runtime's module offers."""

    NAME: str
    TITLE: str

    def owns(self, process: Process) -> bool:
        """Whether this process is the runtime's server, app or worker."""
        ...

    def probe(self, host: Host, around: Surroundings) -> Runtime:
        """All facts about the runtime. Never raises; quick where it is not installed."""
        ...


@lru_cache(maxsize=1)
def all_runtimes() -> tuple[RuntimeModule, ...]:
    """Every runtime's module, by file name."""
    names = sorted(one.name for one in iter_modules(__path__) if not one.ispkg)
    modules = (import_module(f"{__name__}.{name}") for name in names)
    return tuple(cast(RuntimeModule, module) for module in modules if hasattr(module, "NAME"))


def runtime_names() -> frozenset[str]:
    """Names of all runtimes that we know, as they stand under ``machine.runtimes``."""
    return frozenset(module.NAME for module in all_runtimes())


def owner_of(process: Process) -> Optional[str]:
    """Name of the runtime that a process belongs to; None if to none that we know."""
    return next((module.NAME for module in all_runtimes() if module.owns(process)), None)


@lru_cache(maxsize=1)
def all_readers() -> tuple[Reader, ...]:
    """What every runtime knows of its log's lines, each reader once: several runtimes share an engine."""
    return tuple(dict.fromkeys(reader for module in all_runtimes() for reader in getattr(module, "READERS", ())))
