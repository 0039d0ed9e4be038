"""Environment variables: which of them steer GPUs and runtimes, and which values must not be shown."""

from __future__ import annotations

import re

from .tokens import TOKEN_TEXT

_PREFIXES = (
    "CUDA_", "CUDNN_", "NVIDIA_", "NCCL_", "HIP_", "HSA_", "ROCR_", "ROCM_", "AMD_", "GPU_", "GGML_", "LLAMA_", "OLLAMA_",
    "PYTORCH_", "TORCH_", "HF_", "HUGGINGFACE_", "TRANSFORMERS_", "VLLM_", "VK_", "ONEAPI_", "ZE_", "ZES_", "SYCL_",
    "MKL_", "OMP_", "OPENBLAS_", "BNB_", "BITSANDBYTES_", "TRITON_", "XLA_", "LMS_", "JAN_", "KOBOLD", "GRADIO_",
    "EXLLAMA", "MAX_JOBS", "CMAKE_ARGS", "CMAKE_CUDA", "__NV_", "__GLX_", "DRI_PRIME", "RAY_",
)  # fmt: skip
_NAMES = frozenset(
    (
        "LD_LIBRARY_PATH", "LD_PRELOAD", "PATH", "PYTHONPATH", "PYTHONHOME", "PYTHONNOUSERSITE", "PYTHONIOENCODING",
        "PYTHONUTF8", "VIRTUAL_ENV", "CONDA_PREFIX", "CONDA_DEFAULT_ENV", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY",
        "NO_PROXY", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "LANG", "LC_ALL", "LC_CTYPE", "TMPDIR", "TEMP", "TMP", "CC", "CXX",
        "KUBERNETES_SERVICE_HOST", "WSL_DISTRO_NAME", "HOST", "PORT",
    )
)  # fmt: skip
_SECRET = re.compile(r"(?:KEY|TOKEN|SECRET|PASSW|CREDENTIAL|AUTH)(?!.*(?:PATH|FILE|SIZE|MAX|NUM|COUNT|LEN)$)", re.I)
_CREDENTIALS = re.compile(r"(?<=://)[^/@\s]+@")
SECRET_OPTION = re.compile(
    r"((?:--?|[?&\s;,\"']|^)[\w-]*(?:api[-_]?key|token|secret|password|passwd)(?:=|:\s*|\s+))(?!<)[^\s&;,'\"]+", re.I
)
"""The value of an option or setting whose name says that it is a secret."""
_SECRET_WORDS = ("key", "token", "secret", "passw")
_BARE_CREDENTIALS = re.compile(r"^[^/@\s]+:[^/@\s]*@")
"""A proxy that is written without its scheme: ``user:password@host:3128``."""

HIDDEN = "<hidden>"


def is_steering(name: str) -> bool:
    """Whether this variable can change how a GPU program or a runtime behaves."""
    upper = name.upper()
    return upper in _NAMES or upper.startswith(_PREFIXES)


def without_secrets(text: str) -> str:
    """Text without token-shaped values and without the values of secret-bearing options."""
    cleaned = TOKEN_TEXT.sub(HIDDEN, text)
    lower = cleaned.lower()
    if any(word in lower for word in _SECRET_WORDS):
        cleaned = SECRET_OPTION.sub(lambda match: match.group(1) + HIDDEN, cleaned)
    return cleaned


def clean_value(name: str, value: str) -> str:
    """The value without secrets: hidden whole where the name says so; elsewhere whatever looks like a token, the value of
    a secret-bearing option, and a URL's credentials are taken out."""
    if _SECRET.search(name):
        return HIDDEN
    cleaned = without_secrets(_CREDENTIALS.sub("", value))
    return _BARE_CREDENTIALS.sub("", cleaned) if name.upper().endswith("_PROXY") else cleaned


def steering(environment: dict[str, str]) -> dict[str, str]:
    """The steering variables of an environment, cleaned."""
    return {name: clean_value(name, value) for name, value in environment.items() if is_steering(name)}
