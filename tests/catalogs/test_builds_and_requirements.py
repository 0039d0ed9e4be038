"""PyTorch's wheels, ROCm's targets, runtimes' requirements and ports."""

from __future__ import annotations

import pytest

from llmdoctor.catalogs.cuda_driver import version_tuple
from llmdoctor.catalogs.gpus import amd_architecture
from llmdoctor.catalogs.ports import DEFAULT_PORTS, default_port, runtimes_of_port
from llmdoctor.catalogs.rocm import (
    OVERRIDES,
    ROCM_TARGETS,
    RUNTIME_TARGETS,
    override_of,
    override_target,
    rocm_targets,
    runtime_targets,
)
from llmdoctor.catalogs.runtime_requirements import REQUIREMENTS, requirement, requirements_of
from llmdoctor.catalogs.torch_builds import runs_on, torch_architectures


@pytest.mark.parametrize(
    ("torch", "cuda", "os_family", "expected"),
    [
        ("2.6.0+cu124", "12.4", "linux", "sm_50 sm_60 sm_70 sm_75 sm_80 sm_86 sm_90"),
        ("2.6.0+cu124", "12.4", "windows", "sm_50 sm_60 sm_61 sm_70 sm_75 sm_80 sm_86 sm_90"),
        ("2.7.1+cu128", "12.8", "linux", "sm_75 sm_80 sm_86 sm_90 sm_100 sm_120 compute_120"),
        ("2.7.1+cu126", "12.6", "windows", "sm_50 sm_60 sm_61 sm_70 sm_75 sm_80 sm_86 sm_90"),
        ("2.8.0+cu129", "12.9", "linux", "sm_70 sm_75 sm_80 sm_86 sm_90 sm_100 sm_120 compute_120"),
        ("2.10.0+cu128", "12.8", "linux", "sm_70 sm_75 sm_80 sm_86 sm_90 sm_100 sm_120"),
        ("2.10.0", "12.8", "windows", "sm_70 sm_75 sm_80 sm_86 sm_90 sm_100 sm_120"),
        ("2.11.0+cu128", "12.8", "linux", "sm_75 sm_80 sm_86 sm_90 sm_100 sm_120"),
        ("2.11.0+cu126", "12.6", "linux", "sm_50 sm_60 sm_70 sm_75 sm_80 sm_86 sm_90"),
        ("2.9.1+cu130", "13.0", "linux", "sm_75 sm_80 sm_86 sm_90 sm_100 sm_120 compute_120"),
        ("2.9.1+cu130", "13.0", "windows", "sm_75 sm_80 sm_86 sm_90 sm_100 sm_120"),
        ("1.13.1+cu117", "11.7", "linux", "sm_37 sm_50 sm_60 sm_70 sm_75 sm_80 sm_86"),
        ("2.9.0.dev20250901+cu130", "13.0", "linux", "sm_75 sm_80 sm_86 sm_90 sm_100 sm_120 compute_120"),
    ],
)
def test_torch_architectures(torch: str, cuda: str, os_family: str, expected: str) -> None:
    assert torch_architectures(torch, cuda, os_family) == expected.split()


@pytest.mark.parametrize(
    ("torch", "cuda", "os_family"),
    [
        ("2.7.1", "12.1", "linux"),
        ("9.9", "12.8", "linux"),
        ("2.7.1", "12.8", "macos"),
        ("", "", "linux"),
        ("1.0", "10.0", "linux"),
    ],
)
def test_builds_that_are_not_recorded(torch: str, cuda: str, os_family: str) -> None:
    assert torch_architectures(torch, cuda, os_family) is None


def test_arm_wheels_hold_server_cards_only() -> None:
    found = torch_architectures("2.9.1", "13.0", "linux", "aarch64")
    assert found == ["sm_80", "sm_90", "sm_100", "sm_110", "sm_120", "compute_120"]


def test_sm_120_came_with_2_7_and_cuda_12_8() -> None:
    for minor in range(0, 15):
        for cuda in ("11.8", "12.1", "12.4", "12.6"):
            assert "sm_120" not in (torch_architectures(f"2.{minor}.0", cuda, "linux") or [])
    assert "sm_120" in (torch_architectures("2.7.0", "12.8", "linux") or [])


@pytest.mark.parametrize(
    ("targets", "card", "expected"),
    [
        ("sm_50 sm_60 sm_86 sm_90", "12.0", False),
        ("sm_80 sm_86", "8.9", True),
        ("sm_86", "8.0", False),
        ("sm_60", "6.1", True),
        ("sm_75 compute_90", "12.0", True),
        ("compute_90", "8.9", False),
        ("sm_90a", "9.0", True),
        ("sm_90a", "10.0", False),
        ("sm_120", "12.1", True),
        ("sm_75", "?", None),
        ("", "8.6", False),
    ],
)
def test_runs_on(targets: str, card: str, expected: bool | None) -> None:
    assert runs_on(targets.split(), card) is expected


def test_rocm_targets() -> None:
    assert rocm_targets("4.0") is None
    assert "gfx1100" in (rocm_targets("6.2.4") or ())
    assert "gfx1201" not in (rocm_targets("6.2.4") or ())
    assert "gfx1201" in (rocm_targets("7.1") or ())
    assert all(amd_architecture(target) for _, targets in ROCM_TARGETS for target in targets)


def test_runtime_targets() -> None:
    assert "gfx906" in (runtime_targets("ollama", "0.9.6", "linux") or ())
    assert "gfx906" not in (runtime_targets("ollama", "v0.33.0", "linux") or ("gfx906",))
    assert "gfx908" not in (runtime_targets("ollama", "0.33.1", "windows") or ("gfx908",))
    assert runtime_targets("ollama", "0.1.0", "linux") is None
    assert runtime_targets("nothing", "1.0", "linux") is None
    assert all(amd_architecture(target) for *_, targets in RUNTIME_TARGETS for target in targets)


@pytest.mark.parametrize(
    ("version", "target"),
    [("10.3.0", "gfx1030"), ("11.0.0", "gfx1100"), ("9.0.10", "gfx90a"), ("11.5.1", "gfx1151"), ("11", None), ("", None)],
)
def test_override_target(version: str, target: str | None) -> None:
    assert override_target(version) == target


def test_overrides_stay_in_their_family() -> None:
    assert override_of("gfx1031") == "10.3.0"
    assert override_of("gfx1100") is None
    for target, version in OVERRIDES.items():
        stand_in = override_target(version)
        assert stand_in is not None
        assert amd_architecture(stand_in) == amd_architecture(target)


@pytest.mark.parametrize(
    ("runtime", "backend", "version", "capability", "driver"),
    [
        ("ollama", "cuda_v12", "0.12.6", "5.0", "531"),
        ("ollama", "cuda_v12", "0.33.0", "5.0", "550"),
        ("ollama", "cuda_v13", "0.13.0", "7.5", "580"),
        ("ollama", "cuda", "", "5.0", "550"),
        ("llama.cpp", "cuda_v12", "b6000", "5.0", "525"),
        ("vllm", "cuda", "0.14.0", "7.0", None),
        ("vllm", "cuda", "0.23.1", "7.5", None),
        ("flash-attn", "cuda", "2.7.4", "8.0", None),
        ("bitsandbytes", "cuda", "0.45.0", "5.0", None),
        ("bitsandbytes", "cuda", "0.50.0", "6.0", None),
    ],
)
def test_requirements(runtime: str, backend: str, version: str, capability: str | None, driver: str | None) -> None:
    row = requirement(runtime, backend, version)
    assert row is not None
    assert (row.min_compute_capability, row.min_driver) == (capability, driver)


def test_requirements_have_sources_and_stand_in_order() -> None:
    assert requirement("ollama", "cuda_v13", "0.5.0") is None
    assert requirement("nothing", "cuda") is None
    assert {row.backend for row in requirements_of("ollama", "0.33")} >= {"cuda", "cuda_v12", "cuda_v13", "cpu"}
    lmstudio = requirement("lmstudio", "cpu")
    assert lmstudio is not None and lmstudio.cpu == "avx2"
    seen: dict[tuple[str, str], tuple[int, ...]] = {}
    for row in REQUIREMENTS:
        assert row.source
        assert row.cpu in (None, "avx", "avx2")
        key, since = (row.runtime, row.backend), version_tuple(row.since)
        assert since >= seen.get(key, ())
        seen[key] = since


def test_ports() -> None:
    assert len(DEFAULT_PORTS) == 8
    assert default_port("ollama") == 11434
    assert default_port("text-generation-webui") == 5000
    assert default_port("nothing") is None
    assert runtimes_of_port(1234) == ["lmstudio"]
    assert runtimes_of_port(1) == []
