"""CUDA, NVML and Xid numbers against what the vendors' headers say."""

from __future__ import annotations

import pytest

from llmdoctor.catalogs.code import CodeMeaning
from llmdoctor.catalogs.cuda_errors import DRIVER, RUNTIME_NAMES, RUNTIME_ONLY, cuda_error_by_name, driver_error, runtime_error
from llmdoctor.catalogs.nvml_errors import NVML, nvml_error, nvml_error_by_name
from llmdoctor.catalogs.xid import XIDS, xid, xids_of_kind


@pytest.mark.parametrize(
    ("code", "name"),
    [
        (2, "CUDA_ERROR_OUT_OF_MEMORY"),
        (3, "CUDA_ERROR_NOT_INITIALIZED"),
        (34, "CUDA_ERROR_STUB_LIBRARY"),
        (100, "CUDA_ERROR_NO_DEVICE"),
        (222, "CUDA_ERROR_UNSUPPORTED_PTX_VERSION"),
        (802, "CUDA_ERROR_SYSTEM_NOT_READY"),
        (803, "CUDA_ERROR_SYSTEM_DRIVER_MISMATCH"),
        (804, "CUDA_ERROR_COMPAT_NOT_SUPPORTED_ON_DEVICE"),
        (999, "CUDA_ERROR_UNKNOWN"),
    ],
)
def test_driver_errors(code: int, name: str) -> None:
    found = driver_error(code)
    assert found is not None
    assert (found.number, found.name) == (code, name)
    assert cuda_error_by_name(name) == found


@pytest.mark.parametrize(
    ("code", "name"),
    [
        (35, "cudaErrorInsufficientDriver"),
        (98, "cudaErrorInvalidDeviceFunction"),
        (100, "cudaErrorNoDevice"),
        (2, "cudaErrorMemoryAllocation"),
        (700, "cudaErrorIllegalAddress"),
        (209, "cudaErrorNoKernelImageForDevice"),
    ],
)
def test_runtime_errors(code: int, name: str) -> None:
    found = runtime_error(code)
    assert found is not None
    assert found.name == name
    assert cuda_error_by_name(name) == found


def test_what_is_the_runtimes_alone_is_no_driver_error() -> None:
    assert driver_error(35) is None
    assert driver_error(12345) is None
    assert runtime_error(12345) is None
    assert cuda_error_by_name("CUDA_ERROR_NONSENSE") is None


def test_the_runtimes_names_have_a_meaning_in_the_drivers_table() -> None:
    assert set(RUNTIME_NAMES) <= set(DRIVER)
    assert not set(RUNTIME_NAMES) & set(RUNTIME_ONLY)


def test_nvml() -> None:
    assert nvml_error(18) == nvml_error_by_name("NVML_ERROR_LIB_RM_VERSION_MISMATCH")
    assert nvml_error(15) == CodeMeaning(15, "NVML_ERROR_GPU_IS_LOST", "the card fell off the bus or cannot be reached")
    assert nvml_error(777) is None
    assert nvml_error_by_name("NVML_NONSENSE") is None


def test_nvml_numbers_are_those_of_pynvml() -> None:
    pynvml = pytest.importorskip("pynvml")
    theirs = {v: n for n, v in vars(pynvml).items() if n.startswith(("NVML_ERROR_", "NVML_SUCCESS")) and isinstance(v, int)}
    ours = {code: name for code, (name, _) in NVML.items()}
    assert {code: ours.get(code) for code in ours if code in theirs} == {c: theirs[c] for c in ours if c in theirs}


@pytest.mark.parametrize(
    ("number", "kind"),
    [
        (13, "application"), (31, "application"), (43, "application"), (45, "info"), (48, "hardware"), (62, "hardware"),
        (63, "info"), (64, "hardware"), (74, "hardware"), (79, "hardware"), (92, "hardware"), (94, "hardware"),
        (95, "hardware"), (109, "application"), (119, "driver"), (120, "driver"), (140, "hardware"), (154, "info"),
        (130, "application"), (54, "hardware"),
    ],
)  # fmt: skip
def test_xid_kinds(number: int, kind: str) -> None:
    entry = xid(number)
    assert entry is not None
    assert entry.number == number
    assert entry.kind == kind
    assert number in xids_of_kind(kind)


def test_every_xid_says_what_it_means_and_what_to_do() -> None:
    assert xid(0) is None
    assert max(XIDS) >= 170
    for number, entry in XIDS.items():
        assert entry.number == number
        assert entry.kind in ("hardware", "application", "driver", "info")
        assert entry.name and entry.meaning and entry.action


@pytest.mark.parametrize("table", [DRIVER, RUNTIME_ONLY, NVML])
def test_one_line_each(table: dict[int, tuple[str, str]]) -> None:
    names = [name for name, _ in table.values()]
    assert len(set(names)) == len(names)
    assert all(meaning and "\n" not in meaning and len(meaning) <= 100 for _, meaning in table.values())
