"""Plants faults on a machine with an NVIDIA GPU and looks whether ``llmdoctor check`` names each as the first finding.

    sudo python benchmarks/plant_faults.py [--smoke] [--save FOLDER] [--only NAME]

With ``--smoke`` it is ``llmdoctor smoke`` that has to fail in the right level and to name the cause; kernels that compute wrong are
among the faults then.

Needs root for mount namespaces (``unshare -m``): a fault exists only inside the namespace of one check
and is gone with it. Nothing on the machine is changed, and no setting of the card is touched. Prints a
table; exit status 1 if a first finding is not the root cause that was planted, or if the healthy
machine gets a finding of warning or above.
"""

from __future__ import annotations

import argparse
import glob
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from typing import Any, NamedTuple, Optional

HERE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


class Fault(NamedTuple):
    name: str
    expected: tuple[str, ...]
    """Ids that may stand first; empty: no finding of warning or above."""
    mounts: str = ""
    """Shell lines run in the new mount namespace before the check."""
    environment: dict[str, Optional[str]] = {}
    before: str = ""
    """Shell line before the check in the same shell, such as a ulimit."""
    holder: str = ""
    """Python source of a process that runs meanwhile."""
    as_nobody: bool = False
    """Run the check as the user nobody: as root the driver's library makes missing nodes by itself."""
    level: str = "driver"
    """Of the smoke test, that has to fail; empty: none."""
    wrong_kernel: tuple[str, str, str] = ("", "", "")
    """A PTX file, and what in it is replaced by what."""


def first_library(soname: str) -> Optional[str]:
    """The path that the loader takes for this soname."""
    text = subprocess.run(["ldconfig", "-p"], capture_output=True, text=True).stdout
    found = re.search(rf"{re.escape(soname)} \(libc6,x86-64\S*\) => (\S+)", text)
    return found[1] if found else None


def hide(path: str) -> str:
    """Puts an empty file in the place of ``path``; it then exists but is nothing that it should be."""
    return f"mount --bind {EMPTY} {shlex.quote(os.path.realpath(path))}"


def without(*names: str) -> str:
    """A /dev of its own without these nodes."""
    drop = " ".join(f"$t/{name}" for name in names)
    return f"t=$(mktemp -d); mount -t tmpfs tmpfs $t; cp -a /dev/nvidia* $t/; cp -a /dev/null /dev/zero /dev/urandom /dev/random /dev/tty $t/; mkdir -p $t/shm $t/pts; chmod 755 $t; rm -f {drop}; mount --rbind $t /dev"


def forbidden(name: str) -> str:
    """A /dev of its own in which only root may use this node."""
    return without("none") + f"; chmod 0600 /dev/{name}"


def loose_library(folder: str, target: str, soname: str) -> str:
    os.makedirs(folder, exist_ok=True)
    link = os.path.join(folder, soname)
    if not os.path.lexists(link):
        os.symlink(target, link)
    return folder


def other_version(folder: str) -> Optional[str]:
    """A copy of libnvidia-ml that says it is of another version: NVML then really answers with a mismatch."""
    library = first_library("libnvidia-ml.so.1")
    if library is None:
        return None
    real = os.path.realpath(library)
    found = re.search(r"\.so\.(\d+\.\d+(?:\.\d+)?)$", real)
    version = (
        found[1]
        if found
        else subprocess.run(
            ["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"], capture_output=True, text=True
        ).stdout.split()[0]
    )
    other = version[:-1] + ("1" if version[-1] != "1" else "2")
    with open(real, "rb") as file:
        data = file.read()
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, "libnvidia-ml.so.1"), "wb") as file:
        file.write(data.replace(version.encode(), other.encode()))
    return folder


HOLDER = """
import ctypes, sys, time
cuda = ctypes.CDLL("libcuda.so.1"); cuda.cuInit(0)
context = ctypes.c_void_p(); cuda.cuDevicePrimaryCtxRetain(ctypes.byref(context), 0); cuda.cuCtxSetCurrent(context)
free = ctypes.c_size_t(); total = ctypes.c_size_t(); cuda.cuMemGetInfo_v2(ctypes.byref(free), ctypes.byref(total))
pointer = ctypes.c_uint64(); print(cuda.cuMemAlloc_v2(ctypes.byref(pointer), ctypes.c_size_t(int(free.value * 0.95))), flush=True)
time.sleep(120)
"""
BRIM = HOLDER.replace("int(free.value * 0.95)", "free.value - (64 << 20)")


def faults(scratch: str) -> list[Fault]:
    cuda, nvml = first_library("libcuda.so.1"), first_library("libnvidia-ml.so.1")
    found = [
        Fault("healthy", ()),
        Fault("healthy-as-nobody", (), as_nobody=True),
        Fault("uvm-made-by-root", (), without("nvidia-uvm", "nvidia-uvm-tools")),
        Fault("uvm-missing", ("driver.uvm-not-loaded",), without("nvidia-uvm", "nvidia-uvm-tools"), as_nobody=True),
        Fault("uvm-covered", ("driver.uvm-not-loaded",), hide("/dev/nvidia-uvm")),
        Fault("uvm-covered-by-null", ("driver.uvm-not-loaded",), "mount --bind /dev/null /dev/nvidia-uvm"),
        Fault("nvidiactl-covered-by-null", ("driver.device-nodes-missing",), "mount --bind /dev/null /dev/nvidiactl"),
        Fault("uvm-without-rights", ("driver.device-node-permission",), forbidden("nvidia-uvm"), as_nobody=True),
        Fault("nvidiactl-missing", ("driver.device-nodes-missing",), without("nvidiactl"), as_nobody=True),
        Fault("nvidiactl-covered", ("driver.device-nodes-missing",), hide("/dev/nvidiactl")),
        Fault("nvidia0-missing", ("driver.device-nodes-missing",), without("nvidia0"), as_nobody=True),
        Fault("nvidia0-covered", ("driver.device-nodes-missing",), hide("/dev/nvidia0")),
        Fault("visible-empty", ("env.cuda-visible-devices-hides-gpu",), environment={"CUDA_VISIBLE_DEVICES": ""}),
        Fault("visible-minus-1", ("env.cuda-visible-devices-hides-gpu",), environment={"CUDA_VISIBLE_DEVICES": "-1"}),
        Fault("visible-7", ("env.cuda-visible-devices-invalid",), environment={"CUDA_VISIBLE_DEVICES": "7"}),
        Fault(
            "visible-bad-uuid",
            ("env.cuda-visible-devices-invalid",),
            environment={"CUDA_VISIBLE_DEVICES": "GPU-00000000-1111-2222-3333-444444444444"},
        ),
        Fault("vram-held", ("oom.other-process",), holder=HOLDER, level=""),
        Fault("vram-full", ("oom.other-process",), holder=BRIM),
        Fault("address-space", ("oom.address-space",), before="ulimit -v 4194304"),
        Fault("cgroup-limit", ("oom.container-limit",), before=CGROUP, level=""),
        Fault(
            "cpu-torch",
            ("cuda.torch-cpu-build",),
            environment={"VIRTUAL_ENV": cpu_torch(os.path.join(scratch, "cpu-env"))},
            level="",
        ),
    ]
    if cuda:
        found.append(Fault("libcuda-covered", ("driver.library-missing",), hide(cuda)))
        found.append(Fault("libcuda-gone", ("driver.library-missing",), gone(cuda, "libcuda.so")))
    if nvml:
        found.append(Fault("libnvidia-ml-covered", ("driver.library-missing",), hide(nvml), level=""))
        found.append(Fault("libnvidia-ml-gone", ("driver.library-missing",), gone(nvml, "libnvidia-ml.so"), level=""))
        folder = other_version(os.path.join(scratch, "other"))
        found.append(
            Fault("nvml-mismatch", ("driver.nvml-version-mismatch",), environment={"LD_LIBRARY_PATH": folder}, level="")
        )
    stubs = glob.glob("/usr/local/cuda*/**/stubs/libcuda.so", recursive=True)
    if stubs:
        folder = loose_library(os.path.join(scratch, "stubs"), stubs[0], "libcuda.so.1")
        found.append(Fault("stub-first", ("driver.stub-libcuda",), environment={"LD_LIBRARY_PATH": folder}))
    compat = glob.glob("/usr/local/cuda*/compat/libcuda.so.1")
    if compat:
        found.append(
            Fault(
                "compat-first",
                ("cuda.ld-library-path-shadows", "driver.forward-compat-unsupported-hw", "driver.two-installations"),
                environment={"LD_LIBRARY_PATH": os.path.dirname(compat[0])},
            )
        )
    return found


WRONG_KERNELS = [
    Fault("wrong-int8", ("gpu.wrong-results",), level="inference", wrong_kernel=("sm_61", "dp4a.s32.s32", "dp4a.u32.u32")),
    Fault("wrong-float32", ("gpu.wrong-results",), level="inference", wrong_kernel=("sm_50", "ex2.approx", "sin.approx")),
    Fault("wrong-pattern", ("gpu.vram-corrupt",), level="memory", wrong_kernel=("sm_50", "-1431655766", "-1431655765")),
    Fault("no-kernels", ("gpu.test-fails",), level="memory", wrong_kernel=("sm_50", ".target sm_50", ".target sm_999")),
]
"""Each stands for a GPU or a driver that computes wrong, or refuses: the kernel says something else than its source."""


def with_wrong_kernel(folder: str, file: str, old: str, new: str) -> str:
    """A copy of the package in which one kernel is another."""
    shutil.copytree(os.path.join(HERE, "llmdoctor"), os.path.join(folder, "llmdoctor"))
    shutil.copytree(os.path.join(HERE, "rules"), os.path.join(folder, "rules"))
    path = os.path.join(folder, "llmdoctor", "smoke", "kernels", file + ".ptx")
    with open(path) as source:
        text = source.read()
    assert old in text, (file, old)
    with open(path, "w") as target:
        target.write(text.replace(old, new, 1 if old.startswith("-") else -1))
    return folder


def gone(library: str, start: str) -> str:
    """The library's folder as it is, without the files of this name."""
    folder = os.path.dirname(os.path.realpath(library))
    return (
        f"t=$(mktemp -d); mount -t tmpfs tmpfs $t; mkdir $t/up $t/work; "
        f"mount -t overlay overlay -o lowerdir={folder},upperdir=$t/up,workdir=$t/work {folder} && rm -f {folder}/{start}*"
    )


def cpu_torch(folder: str) -> str:
    """A stand-in for an environment with PyTorch's CPU build: the files that tell what it is, without its libraries."""
    site = os.path.join(folder, "lib", f"python3.{sys.version_info[1]}", "site-packages")
    os.makedirs(os.path.join(site, "torch"), exist_ok=True)
    os.makedirs(os.path.join(site, "torch-2.11.0+cpu.dist-info"), exist_ok=True)
    os.makedirs(os.path.join(folder, "bin"), exist_ok=True)
    with open(os.path.join(folder, "pyvenv.cfg"), "w") as file:
        file.write(f"home = {os.path.dirname(sys.executable)}\nversion = {sys.version.split()[0]}\n")
    with open(os.path.join(site, "torch", "version.py"), "w") as file:
        file.write(
            "__version__ = '2.11.0+cpu'\ndebug = False\ncuda: Optional[str] = None\nhip: Optional[str] = None\nxpu: Optional[str] = None\n"
        )
    with open(os.path.join(site, "torch-2.11.0+cpu.dist-info", "METADATA"), "w") as file:
        file.write("Metadata-Version: 2.1\nName: torch\nVersion: 2.11.0+cpu\n")
    return folder


CGROUP = (
    "c=/sys/fs/cgroup/llmdoctor-fault; mkdir -p $c; echo 4294967296 > $c/memory.max || "
    "{ c=/sys/fs/cgroup/memory/llmdoctor-fault; mkdir -p $c; echo 4294967296 > $c/memory.limit_in_bytes; }; echo $$ > $c/cgroup.procs"
)
CGROUPS = ("/sys/fs/cgroup/llmdoctor-fault", "/sys/fs/cgroup/memory/llmdoctor-fault")
EMPTY = ""


def run(fault: Fault, command: str, save: Optional[str], scratch: str) -> tuple[int, dict[str, Any], str, float]:
    environment = dict(os.environ)
    for name, value in fault.environment.items():
        environment[name] = value or ""
    package = with_wrong_kernel(os.path.join(scratch, fault.name), *fault.wrong_kernel) if fault.wrong_kernel[0] else HERE
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, (package, environment.get("PYTHONPATH"))))
    command = f"{shlex.quote(sys.executable)} -m llmdoctor {command} --format json"
    if save:
        command += " --save " + shlex.quote(os.path.join(save, fault.name + ".json"))
    script = "; ".join(part for part in (fault.mounts, fault.before) if part)
    if fault.as_nobody:
        command = "setpriv --reuid=65534 --regid=65534 --clear-groups " + command
        environment["HOME"] = "/nonexistent"
    script = (f"{{ {script}; }} >&2; " if script else "") + "exec " + command
    argv = ["unshare", "-m", "bash", "-c", script] if fault.mounts else ["bash", "-c", script]
    holder = None
    if fault.holder:
        holder = subprocess.Popen([sys.executable, "-c", fault.holder], stdout=subprocess.PIPE)
        assert holder.stdout is not None
        holder.stdout.readline()
    try:
        started = time.monotonic()
        done = subprocess.run(argv, capture_output=True, text=True, env=environment, cwd=package, timeout=120)
        seconds = time.monotonic() - started
    finally:
        if holder is not None:
            holder.kill()
            holder.wait()
        for group in CGROUPS:
            if os.path.isdir(group):
                os.rmdir(group)
    try:
        return done.returncode, json.loads(done.stdout), done.stderr, seconds
    except ValueError:
        return done.returncode, {}, done.stderr + done.stdout[-2000:], seconds


def judge_check(fault: Fault, result: dict[str, Any]) -> tuple[bool, str]:
    serious = [one for one in result.get("findings", []) if one["severity"] != "info"]
    first = serious[0]["id"] if serious else "-"
    lines = [f"first: {first}"]
    for one in serious[:4]:
        lines.append(f"        {one['severity']}: {one['id']} explains {one['explains']}")
        lines += [f"          - {item['text'][:160]}" for item in one["evidence"][:3]]
    return bool(result) and (first in fault.expected if fault.expected else not serious), "\n".join(lines)


def judge_smoke(fault: Fault, result: dict[str, Any]) -> tuple[bool, str]:
    failed = [level for level in result.get("levels", []) if level["status"] == "fail"]
    lines = [", ".join(f"{level['name']} {level['status']}" for level in result.get("levels", []))]
    for level in failed:
        lines += [f"        {level['finding'] and level['finding']['id']}"] + [
            f"          - {text[:160]}" for text in level["evidence"]
        ]
    if not fault.expected or not fault.level:
        return bool(result) and not failed and not result["findings"], "\n".join(lines)
    found = failed[0]["finding"] if failed else None
    return bool(found) and failed[0]["name"] == fault.level and found["id"] in fault.expected, "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--smoke", action="store_true", help="judge llmdoctor smoke in place of llmdoctor check")
    parser.add_argument("--save", help="folder for the recordings of each fault")
    parser.add_argument("--only", action="append", help="names of faults")
    options = parser.parse_args()
    global EMPTY
    wrong = 0
    with tempfile.TemporaryDirectory() as scratch:
        os.chmod(scratch, 0o755)  # noqa: S103 - for the faults that run as nobody
        EMPTY = os.path.join(scratch, "empty")
        open(EMPTY, "w").close()
        for fault in faults(scratch) + (WRONG_KERNELS if options.smoke else []):
            if options.only and fault.name not in options.only:
                continue
            status, result, errors, seconds = run(fault, "smoke" if options.smoke else "check", options.save, scratch)
            good, told = (judge_smoke if options.smoke else judge_check)(fault, result)
            wrong += not good
            print(f"{'ok   ' if good else 'WRONG'} {fault.name:22} {seconds:5.2f} s  exit {status}  {told}", flush=True)
            if not good:
                print("        expected:", fault.expected or "nothing", fault.level, errors.strip()[-600:])
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
