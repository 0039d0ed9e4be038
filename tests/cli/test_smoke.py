"""``llmdoctor smoke`` as a user calls it: what it prints, its exit status, and the cause that it names."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from llmdoctor.diagnosis import index
from llmdoctor.diagnosis.smoke import report
from llmdoctor.smoke import levels

from ..smoke.stories import DRIVER, INFERENCE, MEMORY, host, machine, story

MACHINES = Path(__file__).parent.parent.parent / "fixtures" / "machines"
HEALTHY = MACHINES / "healthy" / "h100-smoke.json"


def smoke(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "llmdoctor", "smoke", *arguments], capture_output=True, text=True)


def with_test(tmp_path: Path, machine: str, **levels: dict[str, Any]) -> str:
    """A recorded machine with what the levels said on it."""
    recording = json.loads((MACHINES / machine).read_text())
    places = {"driver": (-1, 0), "memory": (0, 192 << 20), "inference": (0, 0)}
    recording["answers"] += [
        {"kind": "worker", "key": ["llmdoctor.smoke.worker", name, *places[name], 1], "value": told}
        for name, told in levels.items()
    ]
    path = tmp_path / "machine.json"
    path.write_text(json.dumps(recording))
    return str(path)


def test_a_healthy_card() -> None:
    done = smoke("--from", str(HEALTHY))
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.rstrip().endswith("GPU 0 computes right.")
    report = json.loads(smoke("--from", str(HEALTHY), "--format", "json").stdout)
    assert [(level["name"], level["status"], level["finding"]) for level in report["levels"]] == [
        ("driver", "pass", None), ("memory", "pass", None), ("inference", "pass", None), ("cpu", "pass", None),
    ]  # fmt: skip
    assert all(level["ms"] > 0 and level["evidence"] for level in report["levels"])
    assert report["gpus"][0]["read_bytes_per_s"] > 2e12
    assert report["findings"] == []


FAILED_INIT = story([{"doing": "cuInit"}, {"failed": {"function": "cuInit", "code": 999, "detail": ""}}, {"done": True}])
NO_DEVICE = story([{"doing": "cuInit"}, {"failed": {"function": "cuInit", "code": 100, "detail": ""}}, {"done": True}])
FULL = story([DRIVER[0], DRIVER[1], {"failed": {"function": "cuDevicePrimaryCtxRetain", "code": 2, "detail": "", "gpu": 0}}, {"done": True}])  # fmt: skip
WRONG = story([*INFERENCE[:3], {"wrong": {"what": "repeat"}}, {"done": True}])
BITS = story([*MEMORY[:3], {"wrong": {"what": "written", "count": 1, "first_byte": 0, "bits": "0x00000001"}}, {"done": True}])
CRASH = story(INFERENCE[:3], status=-11)


@pytest.mark.parametrize(
    ("machine", "levels", "level", "cause"),
    [
        ("faults/h100-uvm-missing.json", {"driver": FAILED_INIT}, "driver", "driver.uvm-not-loaded"),
        ("faults/h100-visible-empty.json", {"driver": NO_DEVICE}, "driver", "env.cuda-visible-devices-hides-gpu"),
        ("faults/h100-nvidiactl-missing.json", {"driver": NO_DEVICE}, "driver", "driver.device-nodes-missing"),
        ("faults/h100-vram-held.json", {"driver": FULL}, "driver", "oom.other-process"),
        ("healthy/h100-as-user.json", {"driver": FULL}, "driver", "oom.card-full"),
        ("healthy/h100-as-user.json", {"driver": story(DRIVER), "memory": BITS}, "memory", "gpu.vram-corrupt"),
        ("healthy/h100-as-user.json", {"driver": story(DRIVER), "memory": story(MEMORY), "inference": WRONG}, "inference", "gpu.wrong-results"),
        ("healthy/h100-as-user.json", {"driver": story(DRIVER), "memory": story(MEMORY), "inference": CRASH}, "inference", "gpu.test-fails"),
    ],
)  # fmt: skip
def test_the_level_that_fails_and_its_cause(
    tmp_path: Path, machine: str, levels: dict[str, Any], level: str, cause: str
) -> None:
    path = with_test(tmp_path, machine, **levels)
    done = smoke("--from", path, "--format", "json")
    assert done.returncode == 1, done.stderr
    failed = [one for one in json.loads(done.stdout)["levels"] if one["status"] == "fail"]
    assert [(one["name"], one["finding"]["id"]) for one in failed] == [(level, cause)]
    shown = smoke("--from", path).stdout
    assert cause in shown and shown.rstrip().split("\n")[-1].startswith("Failed: ")


def test_a_slow_link_is_told_beside_levels_that_pass() -> None:
    seen = machine()
    seen.os.virtualization = seen.os.wsl_version = None
    slow = [{"saw": dict.fromkeys(one["saw"], 3000000000)} if "ram_bytes" in str(one) else one for one in MEMORY]
    seen.smoke = levels.test(host(memory=story(slow)), seen)
    told = report(seen, index.load())
    assert [level.status for level in told.levels] == ["pass"] * 4
    assert [finding.id for finding in told.findings] == ["gpu.link-slow"]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--from", str(MACHINES / "healthy" / "h100-as-user.json")], "holds no smoke test"),
        (["--from", str(HEALTHY), "--gpu", "0"], "need this machine"),
        (["--from", "no such file"], "no such file"),
        (["--level", "everything"], "'everything' is not one of"),
        (["--gpu", "-1"], "--gpu"),
        (["--deadline", "0"], "--deadline"),
    ],
)
def test_bad_input(arguments: list[str], says: str) -> None:
    done = smoke(*arguments)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1 and says in done.stderr
