"""What each runtime's own builds need: compute capability, driver, processor.

Each row carries its source, as of 2026-11. A row holds for its version and later ones, until the next row of the
same runtime and backend. A blank field means that the source states no such requirement, not that there is none.
"""

from __future__ import annotations

from typing import NamedTuple

from .cuda_driver import version_tuple


class Requirement(NamedTuple):
    """What one backend of one runtime needs, from one version on."""

    runtime: str
    """A runtime's name, or a Python package's."""
    backend: str
    """``cuda``, ``cuda_v11``, ``cuda_v12``, ``cuda_v13``, ``cpu``, or a feature of a package."""
    since: str
    """First version for which it holds; empty: all that we know of."""
    min_compute_capability: str | None
    max_compute_capability: str | None
    """The newest card that the row is about; None: also newer ones, whose code the driver compiles from PTX."""
    min_driver: str | None
    """NVIDIA driver version or branch as the source states it, for Linux and Windows alike."""
    cpu: str | None
    """Processor feature without which it does not start: ``avx`` or ``avx2``."""
    source: str


_OLLAMA_DOC = "https://github.com/ollama/ollama/blob/main/docs/gpu.mdx"
_OLLAMA_PRESETS = "https://github.com/ollama/ollama CMakePresets.json"
_LLAMA_PRESETS = "https://github.com/ollama/ollama/blob/main/llama/server/CMakePresets.json"
_COMPATIBILITY = "https://docs.nvidia.com/deploy/cuda-compatibility/minor-version-compatibility.html"
_LLAMA_CPP = "https://github.com/ggml-org/llama.cpp ggml/src/ggml-cuda/CMakeLists.txt, .github/workflows/release.yml"
_BNB = "https://huggingface.co/docs/bitsandbytes/v0.50.0/installation"

REQUIREMENTS: tuple[Requirement, ...] = (
    # Ollama: docs/gpu.md at the commits that changed it; cuda_v13 came with 0.11.11 (commit 17a023f34)
    Requirement("ollama", "cuda", "0.9.3", "5.0", None, "531", None, "docs/gpu.md of ollama v0.9.3 (commit 1c6669e64)"),
    Requirement("ollama", "cuda", "0.30.11", "5.0", None, "550", None, "docs/gpu.mdx of ollama v0.30.11 (commit f22ec2ec4)"),
    Requirement("ollama", "cuda_v12", "0.9.3", "5.0", None, "531", None, _OLLAMA_PRESETS + ", docs/gpu.md"),
    Requirement("ollama", "cuda_v12", "0.30.11", "5.0", None, "550", None, _OLLAMA_DOC + ", " + _LLAMA_PRESETS),
    Requirement("ollama", "cuda_v13", "0.11.11", "7.5", None, "580", None, _OLLAMA_PRESETS + ", " + _COMPATIBILITY),
    Requirement("ollama", "cuda-legacy-jit", "0.30.11", "5.0", "6.2", "570", None, _OLLAMA_DOC),
    Requirement("ollama", "cpu", "0.30.0", None, None, None, None, _LLAMA_PRESETS + " (GGML_CPU_ALL_VARIANTS)"),
    # llama.cpp's release archives: the processor part is built in variants, the plain x86-64 one is always there
    Requirement("llama.cpp", "cuda_v12", "", "5.0", None, "525", None, _LLAMA_CPP + "; " + _COMPATIBILITY),
    Requirement("llama.cpp", "cuda_v13", "", "7.5", None, "580", None, _LLAMA_CPP + "; " + _COMPATIBILITY),
    Requirement("llama.cpp", "cpu", "", None, None, None, None, _LLAMA_CPP + " (GGML_CPU_ALL_VARIANTS)"),
    # desktop programs
    Requirement("lmstudio", "cpu", "", None, None, None, "avx2", "https://lmstudio.ai/docs/app/system-requirements (x64)"),
    Requirement("gpt4all", "cpu", "", None, None, None, "avx", "https://github.com/nomic-ai/gpt4all gpt4all-chat/system_requirements.md (first CPUs with AVX)"),
    Requirement("koboldcpp", "cpu", "", None, None, None, "avx2", "https://github.com/LostRuins/koboldcpp README (--noavx2, oldpc builds)"),
    # Python
    Requirement("vllm", "cuda", "", "7.0", None, None, None, "https://docs.vllm.ai/en/v0.14.0/getting_started/installation/gpu/"),
    Requirement("vllm", "cuda", "0.23", "7.5", None, None, None, "docs/getting_started/installation/gpu.cuda.inc.md of vllm 0.23"),
    Requirement("flash-attn", "cuda", "2.0", "8.0", None, None, None, "https://github.com/Dao-AILab/flash-attention README (Ampere, Ada, Hopper)"),
    Requirement("bitsandbytes", "cuda", "0.39.1", "5.0", None, None, None, "https://huggingface.co/docs/bitsandbytes/v0.43.0/installation"),
    Requirement("bitsandbytes", "cuda", "0.48.0", "6.0", None, None, None, "https://huggingface.co/docs/bitsandbytes/v0.48.1/installation"),
    Requirement("bitsandbytes", "llm.int8", "", "7.5", None, None, None, _BNB),
    Requirement("exllamav2", "flash-attn", "", "8.0", None, None, None, "https://github.com/turboderp-org/exllamav2 README, via flash-attn 2"),
    Requirement("exllamav3", "flash-attn", "", "8.0", None, None, None, "https://github.com/turboderp-org/exllamav3 README, via flash-attn 2"),
    Requirement("triton", "cuda", "2.0", "7.0", None, None, None, "https://github.com/pytorch/pytorch torch/_inductor/exc.py"),
    Requirement("bfloat16", "cuda", "", "8.0", None, None, None, "CUDA C++ Programming Guide, arithmetic instructions by compute capability"),
    Requirement("fp8", "cuda", "", "8.9", None, None, None, "https://docs.vllm.ai/en/latest/features/quantization/ (FP8 W8A8)"),
)  # fmt: skip
"""Rows of one runtime and backend stand in rising order of ``since``."""


def requirement(runtime: str, backend: str, version: str = "") -> Requirement | None:
    """The row that holds for this version (the newest row without one); None if there is none.

    A version below the first row's ``since`` has no row: what it needed is not recorded.
    """
    rows = [row for row in REQUIREMENTS if row.runtime == runtime and row.backend == backend]
    if not version:
        return rows[-1] if rows else None
    wanted = version_tuple(version.lstrip("vb"))
    fitting = [row for row in rows if version_tuple(row.since) <= wanted]
    return fitting[-1] if fitting else None


def requirements_of(runtime: str, version: str = "") -> list[Requirement]:
    """The rows of all backends of a runtime that hold for this version."""
    backends = dict.fromkeys(row.backend for row in REQUIREMENTS if row.runtime == runtime)
    found = (requirement(runtime, backend, version) for backend in backends)
    return [row for row in found if row is not None]
