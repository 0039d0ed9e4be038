"""Runs the levels of the smoke test one after another, each in a process of its own, and gathers what they saw.

A level that fails ends its GPU's part: the next ones are skipped. Levels are asked through the Host, so that a recording
replays them.
"""

from __future__ import annotations

import time
from typing import Any, Callable, NamedTuple, Optional, Union

from ..catalogs.pcie import link_bytes_per_s
from ..facts.fact import NOT_RECORDED, Fact, Unknown
from ..facts.machine import NOT_RUN, Gpu, Machine, Smoke, SmokeCpu, SmokeGpu, SmokeLevel, SmokeRuntime
from ..facts.units import show, show_bytes
from ..host.host import Host, Story
from . import runtimes
from . import story as stories

LEVELS = ("driver", "memory", "inference", "cpu")
"""Of a test without further wishes, in their order. ``vram`` and ``runtime`` have to be asked for: they take more memory and time."""

_WORKER = "llmdoctor.smoke.worker"
_TRIAL, _OLLAMA = "llmdoctor.smoke.trial", "llmdoctor.smoke.ollama_trial"
ROOM_BYTES = 192 << 20
"""Of VRAM, that the memory level takes where so much is free. The other levels take less; the driver's own context comes on top."""
LEFT_FREE_BYTES = 256 << 20
"""That the level ``vram`` leaves to others."""
MAX_THREADS = 16
"""More do not read RAM faster on machines with up to eight channels."""

Progress = Callable[[str, Optional[int]], None]
"""Told the name of the level that begins, and its GPU."""


class Options(NamedTuple):
    levels: tuple[str, ...] = LEVELS
    gpu: Optional[int] = None
    """Only this one; all that CUDA shows otherwise."""
    deadline_s: float = 30.0
    """For all levels together. NVIDIA documents 1 to 3 s of initialisation for each GPU where nothing keeps the driver awake
    ("Driver Persistence"), and each of three levels may meet it."""


class NoSuchGpu(ValueError):
    """The GPU asked for is not among those that CUDA shows."""


def test(host: Host, machine: Machine, options: Optional[Options] = None, progress: Optional[Progress] = None) -> Smoke:
    """What works on this machine and how fast it is; ``machine`` gives the peaks to compare with. Raises NoSuchGpu."""
    return _Test(host, machine, options or Options(), progress or (lambda name, gpu: None)).run()


def again(host: Host, machine: Machine) -> Smoke:
    """The test that a recording holds: levels and GPUs that were not tested then are left out."""
    smoke = test(host, machine, Options(("driver", "memory", "vram", "inference", "cpu", "runtime")))
    assert isinstance(smoke.levels, list)
    smoke.levels = [
        level
        for level in smoke.levels
        if level.evidence != [NOT_RECORDED.unknown]
        and (level.name, level.status) not in (("vram", "skip"), ("runtime", "skip"))
    ]
    return smoke


class _Test:
    def __init__(self, host: Host, machine: Machine, options: Options, progress: Progress) -> None:
        self._host, self._machine, self._options, self._progress = host, machine, options, progress
        self._end = time.monotonic() + options.deadline_s
        self._levels: list[SmokeLevel] = []

    def run(self) -> Smoke:
        gpus = self._driver()
        for gpu in gpus:
            self._gpu_levels(gpu)
        return Smoke(levels=self._levels, gpus=gpus, cpu=self._cpu(), runtimes=self._runtimes(bool(gpus)))

    def _ask(self, name: str, gpu: Optional[int], room: int) -> tuple[Optional[SmokeLevel], Story]:
        """The level as far as it is known, and what the worker said; no level where nobody could be asked."""
        self._progress(name, gpu)
        deadline_ms = max(int((self._end - time.monotonic()) * 1000), 1000)
        story: Fact[Story] = self._host.worker(_WORKER, name, -1 if gpu is None else gpu, room, deadline_ms=deadline_ms)
        if isinstance(story, Story):
            level = stories.level(name, gpu, story)
            self._levels.append(level)
            return level, story
        reason = story.unknown if isinstance(story, Unknown) else "nothing to ask"
        self._skip(name, gpu, reason)
        return None, Story(words=[])

    def _skip(self, name: str, gpu: Optional[int], why: str) -> None:
        self._levels.append(SmokeLevel(name=name, gpu=gpu, status="skip", evidence=[why]))

    def _wanted(self, *names: str) -> tuple[str, ...]:
        return tuple(name for name in names if name in self._options.levels)

    # -- driver --------------------------------------------------------------------------------

    def _driver(self) -> list[SmokeGpu]:
        """Tests the driver level and gives the GPUs that it opened. The others need it, so it is always run before them."""
        later = self._wanted("memory", "vram", "inference", "runtime")
        if not later and not self._wanted("driver"):
            return []
        why = _nothing_to_test(self._machine)
        if why is not None:
            for name in self._wanted("driver", "memory", "vram", "inference"):
                self._skip(name, None, why)
            return []
        level, story = self._ask("driver", None, 0)
        if level is None:
            return []
        seen = stories.together(story)
        gpus = [one["gpu"] for one in stories.saw(story) if isinstance(one.get("gpu"), dict)]
        broken = [failed for failed in stories.failures(story) if "gpu" in failed]
        if gpus and broken:  # the start succeeded and some can be opened: the level is told of each
            level = SmokeLevel(name="driver", gpu=None, status="pass", ms=level.ms)
            self._levels[-1:] = [level]
            for failed in broken:
                other = SmokeLevel(name="driver", gpu=int(failed["gpu"]), ms=0.0)
                stories.fail_by_call(other, failed)
                self._levels.append(other)
        if isinstance(version := seen.get("cuda_version"), int):
            level.evidence.insert(0, f"The driver serves CUDA {version // 1000}.{version % 1000 // 10}.")
        if seen.get("count") == 0 and level.status == "pass":
            level.status = "fail"
            level.evidence.append("The driver starts and shows no GPU.")
        hiding = self._machine.env.get("CUDA_VISIBLE_DEVICES")
        if isinstance(hiding, str):
            level.evidence.append(f"CUDA_VISIBLE_DEVICES is {hiding!r}.")
        wanted = self._options.gpu
        if wanted is not None and level.status == "pass" and not 0 <= wanted < seen.get("count", 0):
            raise NoSuchGpu(f"there is no GPU {wanted}: CUDA shows {_numbers(seen.get('count', 0))}")
        for gpu in gpus:
            level.evidence.append(
                f"GPU {gpu['index']}: {gpu['name']}, compute capability {gpu['compute_capability']}, "
                f"{show_bytes(gpu['free_bytes'])} of {show_bytes(gpu['total_bytes'])} free."
            )
        if level.status == "fail":
            for name in self._wanted("memory", "vram", "inference"):
                self._skip(name, None, "The driver level failed.")
        self._room = {gpu["index"]: _room(gpu["free_bytes"]) for gpu in gpus}
        return [self._about(gpu) for gpu in gpus if wanted is None or gpu["index"] == wanted]

    def _about(self, gpu: dict[str, Any]) -> SmokeGpu:
        found = SmokeGpu(index=gpu["index"], name=gpu["name"], uuid=gpu["uuid"], compute_capability=gpu["compute_capability"])
        known = _same(self._machine, gpu["uuid"])
        if known is not None:
            found.peak_read_bytes_per_s = known.memory_bandwidth_bytes_per_s
            found.busy_percent = known.utilization_percent
            generation, width = known.pcie_generation_max, known.pcie_width
            if isinstance(generation, int) and isinstance(width, int):
                found.peak_link_bytes_per_s = link_bytes_per_s(generation, width)
        return found

    # -- a GPU ---------------------------------------------------------------------------------

    def _gpu_levels(self, gpu: SmokeGpu) -> None:
        failed: Optional[str] = None
        assert isinstance(gpu.index, int)
        for name in self._wanted("memory", "vram", "inference"):
            if failed is not None:
                self._skip(name, gpu.index, f"The {failed} level failed.")
                continue
            room = {"memory": self._room[gpu.index], "vram": LEFT_FREE_BYTES}.get(name, 0)
            level, story = self._ask(name, gpu.index, room)
            if level is None:
                continue
            _note_speeds(gpu, story)
            if level.status == "fail":
                failed = name
            else:
                level.evidence += _seen_on_gpu(name, story, gpu)

    # -- CPU -----------------------------------------------------------------------------------

    def _cpu(self) -> SmokeCpu:
        found = SmokeCpu()
        if not self._wanted("cpu"):
            return found
        cores = self._machine.cpu.allowed_cores
        level, story = self._ask("cpu", None, min(cores if isinstance(cores, int) else 1, MAX_THREADS))
        seen = stories.together(story)
        if level is not None and level.status == "pass" and "read_bytes_per_s" in seen:
            found.read_bytes_per_s = seen["read_bytes_per_s"]
            level.evidence = [
                f"The same text, {seen['tokens']} tokens.",
                f"Reading RAM: {show('_bytes_per_s', seen['read_bytes_per_s'])} with {seen['threads']} threads.",
            ]
        return found

    # -- runtimes ------------------------------------------------------------------------------

    def _runtimes(self, gpu_works: bool) -> Union[list[SmokeRuntime], Unknown]:
        if not self._wanted("runtime"):
            return NOT_RUN
        found = []
        for name, state in runtimes.running(self._machine):
            self._skip(f"runtime:{name}", None, f"{state} It is not disturbed.")
        for trial in runtimes.trials(self._host, self._machine):
            name = f"runtime:{trial.name}"
            if trial.skipped:
                self._skip(name, None, trial.skipped)
                continue
            self._progress(name, None)
            # The trial ends its program in time by itself, so that it can say what was seen until then.
            deadline_ms = (runtimes.TRIAL_S + 10) * 1000
            if trial.kind == "ollama":
                story = self._host.worker(_OLLAMA, trial.program, deadline_ms=deadline_ms)
            else:
                story = self._host.worker(_TRIAL, trial.kind, trial.program, runtimes.TRIAL_S, deadline_ms=deadline_ms)
            if not isinstance(story, Story):
                self._skip(name, None, story.unknown if isinstance(story, Unknown) else "nothing to ask")
                continue
            runtime, words, failed = runtimes.result(trial, story)
            if runtime.ran_on == "cpu" and gpu_works:
                failed = True
                words.append("A GPU that works is here, and it was not used.")
            found.append(runtime)
            self._levels.append(
                SmokeLevel(name=name, gpu=None, status="fail" if failed else "pass", ms=story.ms, evidence=words)
            )
        if not any(level.name.startswith("runtime:") for level in self._levels):
            self._skip(
                "runtime", None, "Nothing that could be tried is installed: no llama-bench, llama-cpp-python or PyTorch."
            )
        return found


def _nothing_to_test(machine: Machine) -> Optional[str]:
    """Why there is no NVIDIA GPU to test; None if there may be one."""
    if machine.driver.hardware_present is not False:
        return None
    others = [gpu for gpu in machine.gpus if isinstance(gpu.name, str)] if isinstance(machine.gpus, list) else []
    if others:
        return f"This test speaks to NVIDIA GPUs; here is {others[0].name}."
    return "No NVIDIA GPU is here."


def _numbers(count: int) -> str:
    return "none" if count == 0 else "GPU 0" if count == 1 else f"0 to {count - 1}"


def _room(free_bytes: int) -> int:
    """Half of what is free at most."""
    return min(ROOM_BYTES, free_bytes // 2)


def _same(machine: Machine, uuid: str) -> Optional[Gpu]:
    gpus: Union[list[Gpu], Any] = machine.gpus
    return next((gpu for gpu in gpus if gpu.uuid == uuid), None) if isinstance(gpus, list) else None


_SPEEDS = ("copy_bytes_per_s", "read_bytes_per_s", "to_ram_bytes_per_s", "from_ram_bytes_per_s")
_PRODUCTS = {
    "float32": "float32_operations_per_s",
    "float16": "float16_operations_per_s",
    "int8": "int8_operations_per_s",
    "float16 tensor core": "tensor_operations_per_s",
}


def _note_speeds(gpu: SmokeGpu, story: Story) -> None:
    seen = stories.together(story)
    for name in _SPEEDS:
        if isinstance(seen.get(name), int):
            setattr(gpu, name, seen[name])
    for one in stories.saw(story):
        product = one.get("product")
        if isinstance(product, dict) and product.get("name") in _PRODUCTS:
            setattr(gpu, _PRODUCTS[product["name"]], product.get("operations_per_s"))
        if one.get("lacks") in _PRODUCTS:
            setattr(gpu, _PRODUCTS[one["lacks"]], None)


def _seen_on_gpu(name: str, story: Story, gpu: SmokeGpu) -> list[str]:
    seen = stories.together(story)
    if name == "inference":
        products = [
            f"{product} {value / 1e12:.1f}"
            for product, field in _PRODUCTS.items()
            if isinstance(value := getattr(gpu, field), int)
        ]
        return [
            f"{seen.get('tokens')} tokens as the reference has them, {seen.get('repeats')} times alike; "
            f"logits off by {seen.get('logit_error', 0):.0e} at most.",
            f"Matrix products are right, in trillions of operations per second: {', '.join(products)}.",
        ]
    found = [f"{show_bytes(seen.get('tested_bytes', 0))} written, copied and read back without a wrong bit."]
    if name == "memory":
        found.append(
            f"Within VRAM: copying {show('_bytes_per_s', gpu.copy_bytes_per_s)}, "
            f"reading {show('_bytes_per_s', gpu.read_bytes_per_s)}{_share(gpu.read_bytes_per_s, gpu.peak_read_bytes_per_s)}."
        )
        found.append(
            f"To RAM {show('_bytes_per_s', gpu.to_ram_bytes_per_s)}, "
            f"from RAM {show('_bytes_per_s', gpu.from_ram_bytes_per_s)}{_share(gpu.from_ram_bytes_per_s, gpu.peak_link_bytes_per_s)}."
        )
    return found


def _share(speed: Fact[int], peak: Fact[int]) -> str:
    if not isinstance(speed, int) or not isinstance(peak, int) or not peak:
        return ""
    return f" ({speed / peak:.0%} of the {show('_bytes_per_s', peak)} that it can do at most)"
