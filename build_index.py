"""Build hook: compiles rules/ into llmdoctor/rules.index, so that a start parses no YAML."""

from __future__ import annotations

import sys
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class IndexHook(BuildHookInterface):  # type: ignore[type-arg]
    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        sys.path.insert(0, self.root)
        try:
            from llmdoctor.diagnosis.index import write

            write()
        finally:
            sys.path.remove(self.root)
