"""The samples in the docstrings of the probes hold."""

import doctest
from types import ModuleType

import pytest

from llmdoctor.host import windows, windows_gpu
from llmdoctor.probes import (
    cgroup,
    container_engine,
    cpu,
    memory,
    network,
    ram_modules,
    sysctl,
    system_linux,
    system_macos,
    system_windows,
    wsl,
)

MODULES = (
    cgroup, container_engine, cpu, memory, network, ram_modules, sysctl, system_linux, system_macos, system_windows, wsl,
    windows, windows_gpu,
)  # fmt: skip


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.__name__)
def test_samples(module: ModuleType) -> None:
    result = doctest.testmod(module)
    assert result.attempted > 0
    assert result.failed == 0
