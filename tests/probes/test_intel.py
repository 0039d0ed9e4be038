"""Level Zero, Intel's compute runtime and oneAPI."""

from __future__ import annotations

from typing import Any

import pytest

from llmdoctor.facts.fact import Unknown
from llmdoctor.probes import intel
from tests.fakes import error, fake_host

FILE: dict[str, Any] = {
    "kind": "file", "size_bytes": 1, "mode": 0o644, "uid": 0, "gid": 0, "modified_s": 0.0,
    "readable": True, "writable": False, "executable": False,
}  # fmt: skip
OPENCL = "/usr/lib/x86_64-linux-gnu/intel-opencl/libigdrcl.so"


@pytest.mark.parametrize(
    ("answers", "loader", "runtime", "root", "sourced"),
    [
        ({}, None, None, None, None),
        (
            {
                ("ld_cache", "libze_loader.so.1"): ["/lib64/libze_loader.so.1"],
                ("stat", "/usr/lib64/libze_intel_gpu.so.1"): FILE,
            },
            "/lib64/libze_loader.so.1",
            "/usr/lib64/libze_intel_gpu.so.1",
            None,
            None,
        ),
        ({("stat", OPENCL): FILE}, None, OPENCL, None, None),
        ({("stat", "/opt/intel/oneapi"): FILE}, None, None, "/opt/intel/oneapi", False),
        ({("env", "ONEAPI_ROOT"): "/opt/intel/oneapi/"}, None, None, "/opt/intel/oneapi", True),
    ],
)
def test_linux(answers: dict[Any, Any], loader: Any, runtime: Any, root: Any, sourced: Any) -> None:
    facts = intel.probe(fake_host(answers))
    assert (facts.level_zero_loader, facts.compute_runtime, facts.oneapi_root, facts.oneapi_sourced) == (
        loader,
        runtime,
        root,
        sourced,
    )


def test_a_blind_look_is_unknown() -> None:
    facts = intel.probe(fake_host({("stat", "/opt/intel/oneapi"): error("no permission")}))
    assert isinstance(facts.oneapi_root, Unknown) and isinstance(facts.oneapi_sourced, Unknown)


def test_other_systems() -> None:
    windows = intel.probe(fake_host({("system", "platform"): "windows", ("stat", r"C:\Windows\System32\ze_loader.dll"): FILE}))
    assert windows.level_zero_loader == r"C:\Windows\System32\ze_loader.dll" and isinstance(windows.compute_runtime, Unknown)
    assert intel.probe(fake_host({("system", "platform"): "macos"})).compute_runtime is None
