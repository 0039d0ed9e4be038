"""Runs the levels of the smoke test one after another, each in a process of its own, and gathers what they saw.

A level that fails ends its GPU's part: the next ones are skipped. Levels are asked through the Host, so that a recording
replays them.
"""

from __future__ import annotations

import time
from typing import Callable, NamedTuple, Optional, Union

from ..facts.fact import NOT_RECORDED, Fact, Unknown
from ..facts.machine import NOT_RUN, Machine, Smoke, SmokeCpu, SmokeGpu, SmokeLevel, SmokeRuntime
from ..facts.units import show, show_bytes
from ..host.host import Host, Story
from . import runtimes
from . import story as stories
from .speeds import about, gpus_of, in_words, note_speeds

LEVELS = ("driver", "memory", "inference", "cpu")
"""Of a test without further wishes, in their order. ``vram`` and ``runtime`` have to be asked for: they take more memory and time."""

_WORKER, _HIP = "llmdoctor.smoke.worker", "llmdoctor.smoke.hip_worker"
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

    def _ask(self, name: str, gpu: Optional[int], room: int, worker: str = _WORKER) -> tuple[Optional[SmokeLevel], Story]:
        """The level as far as it is known, and what the worker said; no level where nobody could be asked."""
        self._progress(name, gpu)
        deadline_ms = max(int((self._end - time.monotonic()) * 1000), 1000)
        story: Fact[Story] = self._host.worker(worker, name, -1 if gpu is None else gpu, room, deadline_ms=deadline_ms)
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
        if self._machine.driver.hardware_present is False:
            self._without_nvidia()
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
        return [about(self._machine, gpu) for gpu in gpus if wanted is None or gpu["index"] == wanted]

    def _without_nvidia(self) -> None:
        amd = next((gpu for gpu in gpus_of(self._machine) if gpu.vendor == "amd"), None)
        others = [gpu.name for gpu in gpus_of(self._machine) if isinstance(gpu.name, str)]
        if amd is None or not self._wanted("driver", "memory"):
            why = (
                f"This test speaks to NVIDIA and AMD GPUs; here is {others[0]}."
                if others and amd is None
                else "No NVIDIA GPU is here."
            )
            for name in self._wanted("driver", "memory", "vram", "inference"):
                self._skip(name, None, why)
            return
        level, story = self._ask("driver", None, 0, _HIP)
        if level is None:
            return
        cards = [one["gpu"] for one in stories.saw(story) if isinstance(one.get("gpu"), dict)]
        level.evidence += [f"GPU {card['index']}: {card['name']}, {show_bytes(card['free_bytes'])} free." for card in cards]
        for card in cards if level.status == "pass" and self._wanted("memory") else []:
            memory, told = self._ask("memory", card["index"], _room(card["free_bytes"]), _HIP)
            if memory is not None and memory.status == "pass":
                tested = show_bytes(stories.together(told).get("tested_bytes", 0))
                memory.evidence.append(f"{tested} written, copied and read back without a wrong bit.")
        for name in self._wanted("vram", "inference"):
            self._skip(name, None, "There are no kernels for AMD here; --level runtime tries what is installed.")

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
            note_speeds(gpu, story)
            if level.status == "fail":
                failed = name
            else:
                level.evidence += in_words(name, story, gpu)

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
            runtime, words, failed = runtimes.result(trial, story, gpus_of(self._machine))
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


def _numbers(count: int) -> str:
    return "none" if count == 0 else "GPU 0" if count == 1 else f"0 to {count - 1}"


def _room(free_bytes: int) -> int:
    """Half of what is free at most."""
    return min(ROOM_BYTES, free_bytes // 2)
