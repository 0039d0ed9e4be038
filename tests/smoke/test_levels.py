"""The levels in their order: what passes, what fails by what, and what is skipped and why."""

from __future__ import annotations

from typing import Any

import pytest

from llmdoctor.facts.machine import Driver, Gpu, Machine
from llmdoctor.smoke.levels import NoSuchGpu, Options, again
from llmdoctor.smoke.levels import test as run_test

from .stories import CPU, DRIVER, INFERENCE, MEMORY, host, machine, story


def levels(smoke: Any) -> dict[str, Any]:
    return {level.name: level for level in smoke.levels}


def failed(call: str, code: int, **more: Any) -> dict[str, Any]:
    return {"failed": {"function": call, "code": code, "detail": "", **more}}


def test_healthy() -> None:
    smoke = run_test(host(), machine())
    found = levels(smoke)
    assert [(level.name, level.gpu, level.status) for level in found.values()] == [
        ("driver", None, "pass"), ("memory", 0, "pass"), ("inference", 0, "pass"), ("cpu", None, "pass"),
    ]  # fmt: skip
    assert found["memory"].evidence == [
        "192 MiB written, copied and read back without a wrong bit.",
        "Within VRAM: copying 2691 GB/s, reading 2711 GB/s (81% of the 3352 GB/s that it can do at most).",
        "To RAM 55 GB/s, from RAM 55 GB/s (87% of the 63 GB/s that it can do at most).",
    ]
    assert "float16 tensor core 148.8" in found["inference"].evidence[1]
    assert smoke.gpus[0].tensor_operations_per_s == 148800141944976
    assert smoke.cpu.read_bytes_per_s == 50000000000


@pytest.mark.parametrize(
    ("level", "told", "shows", "fields"),
    [
        ("driver", story([DRIVER[0], failed("cuInit", 999), {"done": True}]), "CUDA_ERROR_UNKNOWN", {"failed_code": 999}),
        ("driver", story([{"doing": "cuInit"}, {"unloadable": "libcuda.so.1: no such file"}, {"done": True}]), "libcuda.so.1: no such file", {"failed_function": "dlopen"}),
        ("driver", story([{"saw": {"cuda_version": 13000, "count": 0}}, {"done": True}]), "shows no GPU", {"failed_code": None}),
        ("driver", story([{"doing": "cuInit"}], status=None, timed_out=True), "not come to an end", {"timed_out": True, "step": "cuInit"}),
        ("memory", story([*MEMORY[:2], failed("cuMemAlloc_v2", 2), {"done": True}]), "CUDA_ERROR_OUT_OF_MEMORY", {"failed_code": 2, "step": "allocating 201326592 bytes"}),
        ("memory", story([*MEMORY[:3], {"wrong": {"what": "copied", "count": 3, "first_byte": 4096, "bits": "0x00000400"}}, {"done": True}]), "first at byte 4096", {"failed_code": None}),
        ("inference", story(INFERENCE[:3], status=-11), "SIGSEGV", {"crashed_signal": 11, "step": "generating text"}),
        ("inference", story(INFERENCE[:3], status=0xC0000005), "STATUS_ACCESS_VIOLATION", {"crashed_signal": 0xC0000005}),
        ("inference", story([INFERENCE[0], failed("cuModuleLoadDataEx", 222, detail="Unsupported .version 6.0"), {"done": True}]), "compiler says: Unsupported .version 6.0", {"failed_code": 222}),
        ("inference", story([*INFERENCE[:3], {"wrong": {"what": "token", "at": 9, "is": 4, "should": 77}}, {"done": True}]), "Token 9 of the text is 4 and should be 77", {}),
        ("inference", story([*INFERENCE[:3], {"wrong": {"what": "logit", "off_by": float("nan"), "bound": 1e-4}}, {"done": True}]), "off by nan", {}),
        ("inference", story([{"wrong": {"what": "repeat"}}, {"done": True}]), "computed again", {}),
        ("inference", story([{"wrong": {"what": "int8 product", "count": 5, "row": 61, "column": 7}}, {"done": True}]), "5 results of the int8 product are wrong, the first in row 61", {}),
        ("cpu", story([], status=1, last_line="MemoryError"), "status 1. MemoryError", {}),
    ],
)  # fmt: skip
def test_failures(level: str, told: dict[str, Any], shows: str, fields: dict[str, Any]) -> None:
    found = levels(run_test(host(**{level: told}), machine()))
    assert found[level].status == "fail"
    assert shows in " ".join(found[level].evidence)
    for name, value in fields.items():
        assert getattr(found[level], name) == value
    order = list(found)
    for later in order[order.index(level) + 1 :]:
        # The CPU's part does not hang on the GPU's.
        assert found[later].status == ("pass" if later == "cpu" else "skip"), later
        assert later == "cpu" or found[later].evidence == [f"The {level} level failed."]


def test_one_of_two_cards_cannot_be_opened() -> None:
    second = failed("cuDevicePrimaryCtxRetain", 46, gpu=1)
    words = [
        DRIVER[0],
        {"saw": {"cuda_version": 13000, "count": 2}},
        *DRIVER[2:4],
        {"doing": "opening GPU 1"},
        second,
        DRIVER[4],
    ]
    smoke = run_test(host(driver=story(words)), machine())
    assert [(level.name, level.gpu, level.status) for level in smoke.levels] == [
        ("driver", None, "pass"), ("driver", 1, "fail"), ("memory", 0, "pass"), ("inference", 0, "pass"), ("cpu", None, "pass"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("seen", "why"),
    [
        (Machine(gpus=[], driver=Driver(hardware_present=False)), "No NVIDIA GPU is here."),
        (
            Machine(gpus=[Gpu(vendor="intel", name="Intel Arc A770")], driver=Driver(hardware_present=False)),
            "This test speaks to NVIDIA and AMD GPUs; here is Intel Arc A770.",
        ),
    ],
)
def test_nothing_to_test(seen: Machine, why: str) -> None:
    smoke = run_test(host(), seen, Options(("driver", "memory", "inference")))
    assert [(level.status, level.evidence) for level in smoke.levels] == [("skip", [why])] * 3


def test_a_gpu_that_is_not_there() -> None:
    with pytest.raises(NoSuchGpu, match="there is no GPU 3: CUDA shows GPU 0"):
        run_test(host(), machine(), Options(gpu=3))


def test_a_recording_shows_what_was_tested_and_no_more() -> None:
    only_cpu = host()
    backend = only_cpu._backend
    only_cpu._backend = lambda question: (
        backend(question) if "cpu" in question.key else backend(question._replace(kind="nothing"))
    )
    smoke = again(only_cpu, machine())
    assert [(level.name, level.status) for level in smoke.levels] == [("cpu", "pass")]
    assert CPU[1]["saw"]["tokens"] == 24
