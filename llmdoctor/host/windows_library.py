"""Windows' own libraries, loaded from System32 alone."""

from __future__ import annotations

import ctypes
from typing import Any


def library(name: str) -> Any:
    """A system library from System32 alone: never one that lies beside the program or in the working folder."""
    search_system32 = 0x00000800  # LOAD_LIBRARY_SEARCH_SYSTEM32
    return getattr(ctypes, "WinDLL")(name, use_last_error=True, winmode=search_system32)  # noqa: B009 - Windows only
