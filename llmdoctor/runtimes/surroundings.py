"""What every runtime's probe is given beside the Host: looks that are made once for all of them."""

from __future__ import annotations

import msgspec

from ..facts.fact import Fact, Table
from ..facts.machine import PythonEnv
from ..host.host import Listener, Process


class Surroundings(msgspec.Struct, frozen=True):
    processes: Fact[list[Process]]
    """``Host.processes``: those of GPU programs and runtimes."""
    listeners: Fact[list[Listener]]
    """``Host.listeners``."""
    python_envs: Fact[list[PythonEnv]]
    env: Table
    """Steering variables of this shell (``Machine.env``)."""
    platform: str
    """``linux``, ``windows``, ``macos`` or ``other``."""
