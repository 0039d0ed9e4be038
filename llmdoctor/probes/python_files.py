"""The files of a Python environment: texts, names and headers in, values out.

Sources: the names of ``.dist-info`` and ``.egg-info`` folders (PyPA's "Recording installed projects", "Name
normalization"), torch/version.py as PyTorch's setup.py writes it, llama-cpp-python's llama_cpp/lib, PEP 405 (pyvenv.cfg),
ELF, PE and Mach-O headers.
"""

from __future__ import annotations

import re
from typing import NamedTuple, Optional

from ..facts.fact import Fact, Unknown

TELLING = frozenset(
    (
        "torch", "torchvision", "torchaudio", "torch-directml", "intel-extension-for-pytorch", "transformers", "accelerate",
        "bitsandbytes", "flash-attn", "xformers", "triton", "triton-windows", "pytorch-triton-rocm", "vllm", "sglang",
        "flashinfer-python", "llama-cpp-python", "llama-cpp-binaries", "exllamav2", "exllamav3", "auto-gptq", "gptqmodel",
        "autoawq", "autoawq-kernels", "optimum", "onnxruntime", "onnxruntime-gpu", "ctransformers", "open-webui", "peft",
        "kernels", "deepspeed", "unsloth", "tensorrt-llm", "mlx", "mlx-lm", "gpt4all", "airllm", "hqq", "tensorflow", "cupy",
        "sentence-transformers", "compressed-tensors", "llmcompressor",
    )
)  # fmt: skip
"""An environment that holds one of these has to do with models."""
COMPANIONS = frozenset(
    ("numpy", "protobuf", "sentencepiece", "tokenizers", "safetensors", "huggingface-hub", "pynvml", "nvidia-ml-py", "tiktoken",
     "einops", "gguf", "mistral-common", "pydantic", "setuptools", "packaging", "ninja", "datasets", "diffusers", "numba")
)  # fmt: skip
"""Told where they are, but of no weight by themselves."""
_FAMILIES = ("nvidia-", "llama-cpp-python-", "cupy-cuda")
"""NVIDIA's libraries as packages (``nvidia-cublas-cu12``), and renamed builds."""


def normalised(name: str) -> str:
    """A distribution's name as PyPI compares it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def parse_site_packages(entries: list[str]) -> dict[str, str]:
    """Name to version of every distribution by its metadata folder: ``torch-2.6.0+cu124.dist-info``."""
    found: dict[str, str] = {}
    for entry in entries:
        match = re.match(r"(.+?)-(\d[^-]*)(?:-py[\d.]+)?\.(?:dist|egg)-info$", entry)
        if match:
            found.setdefault(normalised(match[1]), match[2])
    return found


def matters(name: str) -> bool:
    return name in TELLING or name in COMPANIONS or name.startswith(_FAMILIES)


def parse_torch_version(text: str) -> dict[str, Optional[str]]:
    """``__version__``, ``cuda``, ``hip`` and ``xpu`` of torch/version.py: ``cuda: Optional[str] = '12.4'``, or ``= None``."""
    pattern = r"^(__version__|cuda|hip|xpu)\s*(?::[^=\n]+)?=\s*(?:['\"]([^'\"]*)['\"]|None)"
    return {match[1]: match[2] for match in re.finditer(pattern, text, re.M)}


def parse_pyvenv(text: str) -> dict[str, str]:
    """``key = value`` lines of pyvenv.cfg, keys in lower case."""
    pairs = (line.split("=", 1) for line in text.splitlines() if "=" in line)
    return {key.strip().lower(): value.strip() for key, value in pairs}


def parse_python_version(settings: dict[str, str]) -> Optional[str]:
    """Of pyvenv.cfg: ``version = 3.11.2``; virtualenv and uv write ``version_info = 3.11.2.final.0``."""
    match = re.match(r"\d+\.\d+(?:\.\d+)?", settings.get("version") or settings.get("version_info") or "")
    return match[0] if match else None


def llama_cpp_backend(names: list[str]) -> Fact[str]:
    """By the libraries in llama_cpp/lib. Since ggml's backends are libraries of their own (0.3.2, November 2024), a build
    without one is for the processor alone; before, one library held everything."""
    text = " ".join(names).lower()
    for sign, backend in (("cuda", "cuda"), ("hip", "hip"), ("sycl", "sycl"), ("vulkan", "vulkan"), ("metal", "metal")):
        if f"ggml-{sign}" in text:
            return backend
    return "cpu" if "ggml-base" in text or "ggml-cpu" in text else Unknown("an old build of one library, which does not tell")


class Program(NamedTuple):
    bits: int
    processors: tuple[str, ...]


_MACH_O = {0x01000007: "x86_64", 0x0100000C: "aarch64"}
_PE = {0x8664: (64, "x86_64"), 0xAA64: (64, "aarch64"), 0x014C: (32, "i686")}
_ELF = {0x3E: "x86_64", 0xB7: "aarch64", 0x03: "i686"}


def parse_program(header: bytes) -> Optional[Program]:
    """Of an executable's first KiB: word size and processors; None if it is a script or something else."""
    if header[:4] == b"\x7fELF" and len(header) > 19:
        return Program(64 if header[4] == 2 else 32, (_ELF.get(int.from_bytes(header[18:20], "little"), "other"),))
    if header[:4] == b"\xcf\xfa\xed\xfe":
        return Program(64, (_MACH_O.get(int.from_bytes(header[4:8], "little"), "other"),))
    if header[:4] == b"\xca\xfe\xba\xbe":
        count = min(int.from_bytes(header[4:8], "big"), 8)
        kinds = [int.from_bytes(header[8 + 20 * at : 12 + 20 * at], "big") for at in range(count)]
        return Program(64, tuple(_MACH_O.get(kind, "other") for kind in kinds))
    if header[:2] == b"MZ":
        at = int.from_bytes(header[0x3C:0x40], "little")
        known = _PE.get(int.from_bytes(header[at + 4 : at + 6], "little")) if header[at : at + 4] == b"PE\0\0" else None
        return Program(known[0], (known[1],)) if known else None
    return None
