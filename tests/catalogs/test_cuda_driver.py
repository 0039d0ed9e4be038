"""Drivers, CUDA versions and cards: the published tables, and that they agree with each other."""

from __future__ import annotations

import pytest

from llmdoctor.catalogs.cuda_driver import (
    TOOLKIT_DRIVERS,
    driver_max_cuda,
    first_driver_branch,
    last_driver_branch,
    min_driver,
    open_modules,
    toolkit_driver,
    version_tuple,
)
from llmdoctor.catalogs.toolkit import TOOLKITS, can_target, first_toolkit, toolkit


@pytest.mark.parametrize(
    ("cuda", "os_family", "driver"),
    [
        ("12.4", "linux", "525.60.13"),
        ("12.4.1", "linux", "525.60.13"),
        ("12.8", "windows", "528.33"),
        ("12.0", "windows", "527.41"),
        ("11.8", "linux", "450.80.02"),
        ("11.8", "windows", "452.39"),
        ("11.0", "linux", "450.36.06"),
        ("13.0", "linux", "580.65.06"),
        ("13.5", "linux", "580.65.06"),
        ("13.0", "windows", "580"),
        ("10.2", "linux", "440.33"),
        ("12", "linux", "525.60.13"),
        ("5.0", "linux", None),
        ("99.0", "linux", None),
        ("", "linux", None),
        ("12.4", "macos", None),
    ],
)
def test_min_driver(cuda: str, os_family: str, driver: str | None) -> None:
    assert min_driver(cuda, os_family) == driver


@pytest.mark.parametrize("os_family", ["linux", "windows"])
def test_min_driver_rises_with_the_cuda_version_and_never_exceeds_the_toolkits_own(os_family: str) -> None:
    before: tuple[int, ...] = ()
    for cuda, _, _ in TOOLKIT_DRIVERS:
        floor = min_driver(cuda, os_family)
        assert floor is not None
        assert version_tuple(floor) >= before
        before = version_tuple(floor)
        own = toolkit_driver(cuda, os_family)
        if own is not None:
            assert version_tuple(floor) <= version_tuple(own)


def test_versions_parse_and_rise() -> None:
    for column in (0, 1):
        versions = [version_tuple(row[column] or "") for row in TOOLKIT_DRIVERS]
        assert versions == sorted(versions)
        assert all(len(version) >= 2 for version in versions)
    assert version_tuple("550.90.07") == (550, 90, 7)
    assert version_tuple("") == ()


@pytest.mark.parametrize(
    ("driver", "os_family", "cuda"),
    [
        ("535.183.01", "linux", "12.2"),
        ("550.90.07", "linux", "12.4"),
        ("565.57.01", "linux", "12.6"),
        ("570.86.16", "linux", "12.8"),
        ("580.95.05", "linux", "13.0"),
        ("595.45.04", "linux", "13.2"),
        ("610.43.02", "linux", "13.3"),
        ("470.256.02", "linux", "11.4"),
        ("390.157", "linux", "9.1"),
        ("304.137", "linux", None),
        ("551.61", "windows", "12.4"),
        ("581.15", "windows", "13.0"),
        ("591.44", "windows", "13.1"),
        ("unknown", "linux", None),
    ],
)
def test_driver_max_cuda(driver: str, os_family: str, cuda: str | None) -> None:
    assert driver_max_cuda(driver, os_family) == cuda


@pytest.mark.parametrize(
    ("capability", "first", "last", "open_"),
    [
        ("2.1", None, 390, "impossible"),
        ("3.5", None, 470, "impossible"),
        ("5.2", 343, 580, "impossible"),
        ("6.1", 367, 580, "impossible"),
        ("7.0", 384, 580, "impossible"),
        ("7.5", 410, None, "possible"),
        ("8.9", 520, None, "possible"),
        ("9.0", 515, None, "possible"),
        ("10.0", 570, None, "required"),
        ("12.0", 570, None, "required"),
    ],
)
def test_branches(capability: str, first: int | None, last: int | None, open_: str) -> None:
    assert first_driver_branch(capability) == first
    assert last_driver_branch(capability) == last
    assert open_modules(capability) == open_


def test_no_capability_no_branch() -> None:
    assert last_driver_branch("?") is None
    assert open_modules("?") is None


@pytest.mark.parametrize(
    ("cuda", "capability", "expected"),
    [
        ("12.4", "12.0", False),
        ("12.8", "12.0", True),
        ("12.8", "5.0", True),
        ("13.0", "6.1", False),
        ("13.0", "7.5", True),
        ("11.8", "3.5", True),
        ("12.0", "3.7", False),
        ("99.9", "8.6", None),
        ("12.4", "?", None),
    ],
)
def test_can_target(cuda: str, capability: str, expected: bool | None) -> None:
    assert can_target(cuda, capability) is expected


@pytest.mark.parametrize(
    ("capability", "cuda"), [("7.5", "10.0"), ("8.6", "11.1"), ("8.9", "11.8"), ("12.0", "12.8"), ("12.1", "12.9")]
)
def test_first_toolkit(capability: str, cuda: str) -> None:
    assert first_toolkit(capability) == cuda


def test_toolkits_are_in_order_and_agree_with_the_drivers() -> None:
    versions = [version_tuple(entry.cuda) for entry in TOOLKITS]
    assert versions == sorted(set(versions))
    assert {entry.cuda for entry in TOOLKITS} >= {cuda for cuda, _, _ in TOOLKIT_DRIVERS if version_tuple(cuda) >= (8, 0)} - {
        "7.0",
        "7.5",
    }
    known = [entry.max_gcc for entry in TOOLKITS if entry.max_gcc is not None]
    assert known == sorted(known)
    assert toolkit("12.4.131") == toolkit("12.4")
    for capability in ("5.2", "6.1", "7.0", "7.5", "8.0", "8.6", "8.9", "10.0", "12.0"):
        cuda, branch = first_toolkit(capability), first_driver_branch(capability)
        if cuda is not None and branch is not None and version_tuple(cuda) > (8, 0):
            driver = toolkit_driver(cuda, "linux")
            assert driver is not None and branch <= version_tuple(driver)[0]
