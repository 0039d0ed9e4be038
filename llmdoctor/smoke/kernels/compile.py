"""Makes the PTX files of the CUDA sources beside them. For those who change a kernel; nothing of llmdoctor calls it.

    pip download --no-deps nvidia-cuda-nvrtc-cu11==11.8.89 && unzip nvidia_cuda_nvrtc_cu11-*.whl
    python llmdoctor/smoke/kernels/compile.py nvidia/cuda_nvrtc/lib/libnvrtc.so.11.2

NVRTC 11.8 because it still knows Maxwell; no GPU is needed. The version that it writes into a file (``.version 7.8``) is set
back to the oldest that knows all instructions used, so that old drivers take it: PTX ISA 6.0 came with CUDA 9.0 (driver 384),
6.3 with CUDA 10.0 (driver 410) (NVIDIA, "PTX ISA", Release Notes). ``ptxas`` refuses an instruction that is too new for the
version told, and so proves that this holds.
"""

from __future__ import annotations

import ctypes
import hashlib
import re
import sys
from pathlib import Path

HERE = Path(__file__).parent
ISA = {"sm_50": "6.0", "sm_53": "6.0", "sm_61": "6.0", "sm_70": "6.3"}


def source_hash(target: str) -> str:
    """SHA-256 of what a PTX file is made of; it stands in that file's first line."""
    return hashlib.sha256((HERE / f"{target}.cu").read_bytes() + (HERE / "gemm.cuh").read_bytes()).hexdigest()


def compile_one(nvrtc: ctypes.CDLL, target: str) -> str:
    program = ctypes.c_void_p()
    source = (HERE / f"{target}.cu").read_bytes()
    header = (ctypes.c_char_p * 1)((HERE / "gemm.cuh").read_bytes())
    name = (ctypes.c_char_p * 1)(b"gemm.cuh")
    nvrtc.nvrtcCreateProgram(ctypes.byref(program), source, f"{target}.cu".encode(), 1, header, name)
    options = [f"--gpu-architecture=compute_{target[3:]}".encode(), b"--std=c++17"]
    status = nvrtc.nvrtcCompileProgram(program, len(options), (ctypes.c_char_p * len(options))(*options))
    size = ctypes.c_size_t()
    if status:
        nvrtc.nvrtcGetProgramLogSize(program, ctypes.byref(size))
        log = ctypes.create_string_buffer(size.value)
        nvrtc.nvrtcGetProgramLog(program, log)
        raise SystemExit(log.value.decode())
    nvrtc.nvrtcGetPTXSize(program, ctypes.byref(size))
    text = ctypes.create_string_buffer(size.value)
    nvrtc.nvrtcGetPTX(program, text)
    lines = [line for line in text.value.decode().splitlines() if not line.startswith("//") and line.strip()]
    ptx = re.sub(r"(?m)^\.version .*$", f".version {ISA[target]}", "\n".join(lines))
    return f"// source {source_hash(target)}\n{ptx}\n"


def main() -> None:
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    nvrtc = ctypes.CDLL(sys.argv[1])
    for target in ISA:
        (HERE / f"{target}.ptx").write_text(compile_one(nvrtc, target))


if __name__ == "__main__":
    main()
