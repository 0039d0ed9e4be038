"""Measures what a user waits for, as ratios against Python itself or against ``nvidia-smi`` in the same run.

    python benchmarks/measure.py [-n RUNS]

Each figure is the median of whole processes, run in turn with what they are held against, so that a
machine whose speed drifts still gives a fair ratio. The limits are the project's budgets.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
PYTHON = sys.executable
LLMDOCTOR = shutil.which("llmdoctor", path=os.path.dirname(PYTHON)) or shutil.which("llmdoctor")
TOOL = [LLMDOCTOR] if LLMDOCTOR else [PYTHON, "-m", "llmdoctor"]


def once(command: list[str], environment: dict[str, str] | None = None) -> float:
    started = time.perf_counter()
    subprocess.run(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env={**os.environ, **(environment or {})}, cwd=ROOT
    )
    return time.perf_counter() - started


def in_turn(commands: list[Callable[[], float]], runs: int) -> list[list[float]]:
    for command in commands:
        command()  # warms the caches
    times: list[list[float]] = [[] for _ in commands]
    for _ in range(runs):
        for place, command in enumerate(commands):
            times[place].append(command())
    return times


def peak_bytes(command: list[str]) -> int:
    """Largest resident set of the command itself or of one of its children, bytes (Linux: ru_maxrss is in KiB)."""
    script = (
        "import resource, subprocess, sys; subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL);"
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
    )
    text = subprocess.run([PYTHON, "-c", script, *command], capture_output=True, text=True, cwd=ROOT).stdout
    return int(text.split()[-1]) * (1 if sys.platform == "darwin" else 1024)


def say(name: str, figure: str, limit: str, good: bool) -> None:
    print(f"{'ok  ' if good else 'OVER'} {name:44} {figure:34} limit {limit}", flush=True)


def many_rules(folder: str, times: int) -> None:
    """Copies of the built-in rules under other names, ``times`` of each."""
    source = os.path.join(ROOT, "rules")
    for area in os.listdir(source):
        os.makedirs(os.path.join(folder, area), exist_ok=True)
        for name in os.listdir(os.path.join(source, area)):
            with open(os.path.join(source, area, name), encoding="utf-8") as file:
                text = file.read()
            for number in range(times):
                with open(
                    os.path.join(folder, area, f"{name.removesuffix('.yaml')}-copy-{number}.yaml"), "w", encoding="utf-8"
                ) as file:
                    file.write(text)


TEN_TIMES = """
import sys, time
sys.path.insert(0, {root!r})
from llmdoctor.diagnosis import index
from llmdoctor.diagnosis.engine import judge
from llmdoctor.host.host import Host
from llmdoctor.host.live import Live
from llmdoctor.survey.survey import look
if {write}:
    index.source_folder = lambda: {folder!r}
    index.write({path!r})
else:
    index.INDEX_PATH = {path!r}
    index.source_folder = lambda: {folder!r}
    live = Live()
    machine = look(Host(live), 20).machine
    judge(machine, index.load())
    live.close()
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-n", type=int, default=11, help="runs of each command")
    runs = parser.parse_args().n
    print(f"{os.cpu_count()} cores, Python {sys.version.split()[0]}, {' '.join(TOOL)}")

    version, plain = in_turn([lambda: once([*TOOL, "--version"]), lambda: once([PYTHON, "-c", "pass"])], runs)
    ratio = statistics.median(a / b for a, b in zip(version, plain))
    say("llmdoctor --version / python -c pass", f"{ratio:.2f} ({statistics.median(version) * 1000:.0f} ms)", "3", ratio <= 3)

    check = [*TOOL, "check"]
    smi = shutil.which("nvidia-smi")
    if smi:
        mine, theirs = in_turn([lambda: once(check), lambda: once([smi])], runs)
        over = statistics.median(a - b for a, b in zip(mine, theirs))
        say("check - nvidia-smi", f"{over:.3f} s ({statistics.median(mine):.3f} s)", "0.3 s", over <= 0.3)
    else:
        (mine,) = in_turn([lambda: once(check)], runs)
        say("check without a GPU", f"{statistics.median(mine):.3f} s", "0.3 s", statistics.median(mine) <= 0.3)
    peak = peak_bytes(check)
    say("check, peak memory", f"{peak / (1 << 20):.0f} MiB", "60 MB", peak <= 60e6)

    with tempfile.TemporaryDirectory() as folder:
        hanging = os.path.join(folder, "nvidia-smi")
        with open(hanging, "w") as file:
            file.write("#!/bin/sh\nsleep 60\n")
        os.chmod(hanging, 0o700)
        environment = {"PATH": folder + os.pathsep + os.environ["PATH"]}
        seconds = once(check, environment)
        said = subprocess.run(check, capture_output=True, text=True, env={**os.environ, **environment}, cwd=ROOT).stdout
        named = "nvidia-smi" in said
        say("check with a hanging nvidia-smi", f"{seconds:.2f} s, {'named' if named else 'not named'}", "3.3 s", seconds <= 3.3)

    with tempfile.TemporaryDirectory() as folder:
        one, ten = os.path.join(folder, "one"), os.path.join(folder, "ten")
        many_rules(one, 1)
        many_rules(ten, 10)
        scripts = []
        for place in (one, ten):
            subprocess.run(
                [PYTHON, "-c", TEN_TIMES.format(root=ROOT, write=True, folder=place, path=place + ".index")], check=True
            )
            scripts.append(TEN_TIMES.format(root=ROOT, write=False, folder=place, path=place + ".index"))
        first, second = in_turn([lambda: once([PYTHON, "-c", scripts[0]]), lambda: once([PYTHON, "-c", scripts[1]])], runs)
        ratio = statistics.median(b / a for a, b in zip(first, second))
        say("check with ten times the rules / check", f"{ratio:.2f}", "2", ratio <= 2)


if __name__ == "__main__":
    main()
