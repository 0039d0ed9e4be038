"""The smoke test against PyTorch on the same card in the same run, fifty times over, and stopped in the middle.

    python benchmarks/smoke_gpu.py [--repeats 50]

Needs an NVIDIA GPU that nothing else uses; the ratios need PyTorch with CUDA. Prints the figures; exit status 1 if a run
fails, if something is left behind, or if copies reach less than nine tenths of PyTorch's.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, HERE)

from llmdoctor.smoke import levels  # noqa: E402
from llmdoctor.survey import storage, survey  # noqa: E402

TORCH = """
import json, torch
def best(action):
    found = []
    for _ in range(30):
        a, b = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
        a.record(); action(); b.record(); b.synchronize(); found.append(a.elapsed_time(b) / 1000)
    return min(found)
half = 96 << 20
x, y = (torch.empty(half, dtype=torch.uint8, device="cuda") for _ in range(2))
p, z = torch.empty(64 << 20, dtype=torch.uint8, pin_memory=True), torch.empty(64 << 20, dtype=torch.uint8, device="cuda")
print(json.dumps({"copy_bytes_per_s": 2 * half / best(lambda: y.copy_(x)),
  "from_ram_bytes_per_s": len(p) / best(lambda: z.copy_(p, non_blocking=True)), "to_ram_bytes_per_s": len(p) / best(lambda: p.copy_(z, non_blocking=True)),
  **{name: 2 * 2048 * 2048 * 1024 / best(lambda a=torch.randn(2048, 1024, device="cuda", dtype=t): a @ a.T)
     for name, t in (("float32_operations_per_s", torch.float32), ("tensor_operations_per_s", torch.float16))}}))
"""


def used_vram_mib() -> list[str]:
    words = ["nvidia-smi", "--query-gpu=memory.used", "--format=csv,noheader"]
    return subprocess.run(words, capture_output=True, text=True).stdout.split("\n")


def workers() -> int:
    return subprocess.run(["pgrep", "-fc", "llmdoctor.smoke.worker"], capture_output=True, text=True).stdout.strip() != "0"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=50)
    repeats = parser.parse_args().repeats
    bad = []
    recorder = storage.Recorder.live()
    machine = survey.look(recorder.host, 20).machine
    times, logits = [], set()
    before, handles = used_vram_mib(), len(os.listdir("/proc/self/fd"))
    for _ in range(repeats):
        started = time.monotonic()
        smoke = levels.test(recorder.host, machine, levels.Options(("driver", "memory", "inference")))
        times.append(time.monotonic() - started)
        assert isinstance(smoke.levels, list) and isinstance(smoke.gpus, list)
        bad += [f"{level.name}: {level.evidence}" for level in smoke.levels if level.status != "pass"]
        logits.add(tuple(smoke.levels[2].evidence[:1]))
    after = used_vram_mib(), len(os.listdir("/proc/self/fd"))
    print(
        f"{repeats} runs: {len(bad)} levels not passed; {min(times):.2f} to {max(times):.2f} s; {len(logits)} kind(s) of reply"
    )
    print(f"VRAM used before {before}, after {after[0]}; open files {handles}, {after[1]}")
    if after != (before, handles):
        bad.append("something is left behind")
    for by in (signal.SIGKILL, signal.SIGINT, signal.SIGTERM):
        process = subprocess.Popen(
            [sys.executable, "-m", "llmdoctor", "smoke", "--vram-test"],
            env={**os.environ, "PYTHONPATH": os.pathsep.join((HERE, os.environ.get("PYTHONPATH", "")))},
            stdout=subprocess.DEVNULL,
        )
        end = time.monotonic() + 20
        while not workers() and time.monotonic() < end:
            time.sleep(0.05)
        time.sleep(0.6)
        process.send_signal(by)
        process.wait(20)
        started = time.monotonic()
        while (workers() or used_vram_mib() != before) and time.monotonic() - started < 10:
            time.sleep(0.05)
        gone = not workers() and used_vram_mib() == before
        print(f"stopped by {by.name}: {'nothing left' if gone else 'LEFT BEHIND'} after {time.monotonic() - started:.1f} s")
        if not gone:
            bad.append(f"left behind after {by.name}")
    done = subprocess.run([sys.executable, "-c", TORCH], capture_output=True, text=True)
    if done.returncode == 0:
        gpu = smoke.gpus[0]
        for name, theirs in json.loads(done.stdout).items():
            ours = getattr(gpu, name)
            print(f"{name}: {ours / 1e9:.0f} of PyTorch's {theirs / 1e9:.0f} (1e9), {ours / theirs:.1%}")
            if name.endswith("bytes_per_s") and ours < 0.9 * theirs:
                bad.append(f"{name} is low")
    else:
        print("no PyTorch with CUDA here:", done.stderr.strip().split("\n")[-1])
    print("\n".join(bad) or "all well")
    return int(bool(bad))


if __name__ == "__main__":
    sys.exit(main())
