"""A GPU as a plan sees it: this machine's, or one that somebody thinks of."""

from __future__ import annotations

from typing import NamedTuple, Optional


class Target(NamedTuple):
    name: str
    free_bytes: int
    total_bytes: Optional[int] = None
    bandwidth_bytes_per_s: Optional[int] = None
    """Theoretical peak of its memory, or what stands in its place where the smoke test measured it."""
