"""Where each installed runtime really computes: by the driver's account of whose memory grew, not by what the runtime says."""

from __future__ import annotations

import json
import re
from typing import Any, Iterator, NamedTuple, Optional, Sequence

from ..facts.fact import Unknown
from ..facts.machine import Gpu, Machine, PythonEnv, Runtime, SmokeRuntime
from ..facts.units import show_bytes
from ..host.host import Host, Story
from ..probes.python_places import join
from . import story as stories
from .speeds import gpus_of

TRIAL_S = 30
"""For one program: the first import of PyTorch from a slow disk takes 10 to 20 s."""
SEEN_ON_CARD_BYTES = 32 << 20
"""A card whose use grows by so much was used by the program, where the driver does not tell processes apart. A CUDA context alone
takes more than 100 MiB on every card that was measured."""

_LLM_PACKAGES = (
    "transformers",
    "vllm",
    "sglang",
    "exllamav2",
    "exllamav3",
    "bitsandbytes",
    "auto-gptq",
    "gptqmodel",
    "autoawq",
)


class Trial(NamedTuple):
    """One program to try, or the reason why it is not tried."""

    name: str
    """``llama.cpp``, ``llama-cpp-python``, ``torch`` or the runtime that is running."""
    kind: str = ""
    """As in ``smoke/trial.py``; empty: nothing is run."""
    program: str = ""
    skipped: str = ""


def trials(host: Host, machine: Machine) -> Iterator[Trial]:
    """What can be tried here without disturbing anybody."""
    llama = machine.runtimes.get("llama.cpp")
    if llama is not None and llama.installed is True:
        yield from _llama_cpp(host, llama)
    ollama = machine.runtimes.get("ollama")
    if ollama is not None and ollama.running is True and isinstance(ollama.port, int) and ollama.loaded_models == []:
        yield Trial("ollama", "ollama", str(ollama.port))
    environments = machine.python_envs if isinstance(machine.python_envs, list) else []
    for env in environments:
        python = _python(host, env)
        if python is None:
            continue
        if isinstance(env.packages.get("llama-cpp-python"), str):
            yield Trial("llama-cpp-python", "llama-cpp-python", python)
        if isinstance(env.torch_version, str) and _is_for_models(env):
            yield Trial("torch", "torch", python)


def _llama_cpp(host: Host, runtime: Runtime) -> Iterator[Trial]:
    if not isinstance(runtime.path, str) or not re.search(r"llama-\w+(?:\.exe)?$", runtime.path):
        return  # a Python package: tried as such
    bench = re.sub(r"llama-\w+(\.exe)?$", r"llama-bench\1", runtime.path)
    if host.exists(bench) is True:
        yield Trial("llama.cpp", "llama-bench", bench)
    else:
        yield Trial("llama.cpp", skipped=f"There is no llama-bench beside {runtime.path}.")


def _is_for_models(env: PythonEnv) -> bool:
    return env.owner is not None or env.active is True or any(isinstance(env.packages.get(name), str) for name in _LLM_PACKAGES)


def _python(host: Host, env: PythonEnv) -> Optional[str]:
    if not isinstance(env.path, str):
        return None
    names = ("Scripts/python.exe", "python.exe") if host.platform() == "windows" else ("bin/python3", "bin/python")
    paths = (join(host, env.path, name) for name in names)
    return next((path for path in paths if host.exists(path) is True), None)


def running(machine: Machine) -> Iterator[tuple[str, str]]:
    """Runtimes that hold a model now, and what is known of where it lies."""
    for name, runtime in machine.runtimes.items():
        loaded = runtime.loaded_models if isinstance(runtime.loaded_models, list) else []
        if runtime.running is not True or not loaded:
            continue
        held = _held(machine, name)
        models = ", ".join(str(model.name) for model in loaded if isinstance(model.name, str)) or "a model"
        if held is None:
            yield name, f"It holds {models}; the driver does not tell processes apart here."
        elif held:
            yield name, f"It holds {models}, with {show_bytes(held)} of VRAM by the driver's account."
        else:
            yield name, f"It holds {models}, and no VRAM by the driver's account."


def _held(machine: Machine, runtime: str) -> Optional[int]:
    nvidia = [gpu for gpu in gpus_of(machine) if gpu.vendor == "nvidia"]
    if not nvidia or any(not isinstance(gpu.processes, list) for gpu in nvidia):
        return None
    sizes = [one.vram_bytes for gpu in nvidia for one in gpu.processes or [] if one.runtime == runtime]  # type: ignore[union-attr]
    return None if any(not isinstance(size, int) for size in sizes) else sum(size for size in sizes if isinstance(size, int))


def result(trial: Trial, story: Story, gpus: Sequence[Gpu] = ()) -> tuple[SmokeRuntime, list[str], bool]:
    """What the trial shows, in words, and whether the program failed; ``gpus`` are those of the machine."""
    seen = stories.together(story)
    log = [str(words["line"]) for words in story.words if "line" in words]
    found = SmokeRuntime(name=trial.name, program=trial.program, log=log, tokens_per_s=_speed(log))
    if "unstartable" in seen:
        return found, [f"{trial.program} cannot be started: {seen['unstartable']}."], True
    if "status" not in seen:
        return found, [f"The test itself ended early. {story.last_line}".rstrip()], True
    found.own_vram_bytes = Unknown("the driver does not tell") if seen["own_vram_bytes"] is None else seen["own_vram_bytes"]
    found.card_growth_bytes = seen["card_growth_bytes"]
    if seen["timed_out"] or seen["status"]:
        ended = "did not come to an end in time" if seen["timed_out"] else f"ended with status {seen['status']}"
        last = [line for line in log if line.strip()][-2:]
        return found, [f"{'Ollama' if trial.kind == 'ollama' else trial.program} {ended}.", *last], True
    used = seen["own_vram_bytes"] if seen["own_vram_bytes"] is not None else seen["card_growth_bytes"]
    if seen["cards"] or not gpus:
        found.ran_on = "gpu" if used >= SEEN_ON_CARD_BYTES else "cpu"
    else:
        found.ran_on = Unknown(f"nothing here tells what {gpus[0].name} holds")
    return found, _in_words(trial, found, used, seen), False


def _in_words(trial: Trial, found: SmokeRuntime, used: int, seen: dict[str, Any]) -> list[str]:
    if found.ran_on == "gpu":
        where = f"It ran on the GPU: by the driver's account it held {show_bytes(used)} of VRAM."
    elif seen["cards"]:
        where = "It ran on the CPU: by the driver's account it held no VRAM."
    elif found.ran_on == "cpu":
        where = "It ran on the CPU; no GPU is here."
    else:
        where = "It came to its end; where it ran cannot be told here."
    subject = f"The server on port {trial.program}" if trial.kind == "ollama" else trial.program
    words = [f"{subject}, {seen['seconds']:.1f} s.", where]
    if isinstance(seen.get("says_vram_bytes"), int):
        words.append(
            f"It says itself that {show_bytes(seen['says_vram_bytes'])} of {show_bytes(seen['says_bytes'])} are in VRAM."
        )
    if "left" in seen:
        words.append(f"The tiny model could not be deleted: {seen['left']}")
    told = _json(found.log)
    if isinstance(found.tokens_per_s, float):
        words.append(f"{found.tokens_per_s:.0f} tokens per second of the tiny model.")
    if told and "torch" in told:
        built = f"built for {told['built_for']}" if told.get("built_for") else "built without GPU support"
        words.append(f"PyTorch {told['torch']}, {built}; its product is off by {told['off_by']:.0e} at most.")
    elif told and "backends" in told:
        words.append(f"It names its back ends: {told['backends']}.")
    return words


def _json(log: list[str]) -> dict[str, Any]:
    """The last JSON object that the program printed."""
    for line in reversed(log):
        if line.startswith("{"):
            try:
                value = json.loads(line)
            except ValueError:
                continue
            if isinstance(value, dict):
                return value
    return {}


def _speed(log: list[str]) -> Optional[float]:
    """Tokens per second: llama-bench's line for generation, or what our own script says."""
    told = _json(log)
    value = told.get("tokens_per_s") or (told.get("avg_ts") if told.get("n_gen") else None)
    return float(value) if isinstance(value, (int, float)) else None
