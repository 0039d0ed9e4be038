"""The compiled knowledge base: one file read at start, built from the YAML sources when the package is built.

Parsing hundreds of YAML files at every start would cost more than the whole check may take. In a
checkout whose sources are newer than the index they are compiled in memory instead, so that an edit
always holds; ``llmdoctor rules compile`` makes the index fresh again.
"""

from __future__ import annotations

import os
import zlib
from typing import Optional

import msgspec

from .rule import Rule

FORMAT = 3
"""Raised when the compiled form changes: an index of another format is not read."""

_PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
INDEX_PATH = os.path.join(_PACKAGE, "rules.index")


class Index(msgspec.Struct, array_like=True):
    format: int
    fingerprint: int
    """CRC of the names, sizes and times of the source files."""
    rules: list[Rule]


def source_folder() -> str:
    """Where the YAML sources lie: inside the installed package, or beside it in a checkout."""
    installed = os.path.join(_PACKAGE, "rules")
    return installed if os.path.isdir(installed) else os.path.join(os.path.dirname(_PACKAGE), "rules")


def is_installed() -> bool:
    """Whether the sources lie inside the installed package, where nobody edits them."""
    return os.path.isdir(os.path.join(_PACKAGE, "rules"))


def _fingerprint(folder: str) -> int:
    crc = 0
    for area in sorted(os.scandir(folder), key=lambda entry: entry.name):
        if not area.is_dir():
            continue
        for entry in sorted(os.scandir(area.path), key=lambda entry: entry.name):
            status = entry.stat()
            crc = zlib.crc32(f"{area.name}/{entry.name} {status.st_size} {status.st_mtime_ns}".encode(), crc)
    return crc


def build(folder: Optional[str] = None) -> Index:
    """Compiles all sources. Raises ``sources.RuleError``."""
    from ..runtimes import runtime_names
    from .sources import load_folder

    folder = folder or source_folder()
    return Index(FORMAT, _fingerprint(folder), [loaded.rule for loaded in load_folder(folder, runtime_names())])


def write(path: str = INDEX_PATH) -> Index:
    """Builds the index and puts it in place in one step."""
    index = build()
    temporary = f"{path}.{os.getpid()}"
    with open(temporary, "wb") as file:
        file.write(msgspec.msgpack.encode(index))
    os.replace(temporary, path)
    return index


def load() -> list[Rule]:
    """The built-in rules: from the index where it is there and fresh, else from the sources."""
    in_checkout = not is_installed()
    try:
        with open(INDEX_PATH, "rb") as file:
            index = msgspec.msgpack.decode(file.read(), type=Index)
        if index.format == FORMAT and not (in_checkout and index.fingerprint != _fingerprint(source_folder())):
            return index.rules
    except (OSError, msgspec.MsgspecError):
        pass  # no index, or one of another version: the sources decide
    return build().rules


def load_with(folder: Optional[str]) -> list[Rule]:
    """The built-in rules and a team's own beside them; an id of the team's replaces the built-in one.

    Raises ``sources.RuleError`` for a fault in the team's files.
    """
    rules = load()
    if folder is None:
        return rules
    from ..runtimes import runtime_names
    from .sources import load_folder

    own = [loaded.rule for loaded in load_folder(folder, runtime_names())]
    replaced = {rule.id for rule in own}
    return [rule for rule in rules if rule.id not in replaced] + own
