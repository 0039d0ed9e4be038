"""Settings as llama.cpp's programs take them."""

from __future__ import annotations

import shlex

from ..facts.prediction import ALL_LAYERS, Settings


def llama_server(path: str, settings: Settings) -> str:
    parts = ["llama-server", "-m", shlex.quote(path), "-c", str(settings.n_ctx)]
    parts += ["-ngl", "99" if settings.gpu_layers >= ALL_LAYERS else str(settings.gpu_layers)]
    if settings.cache_type_k != "f16" or settings.cache_type_v != "f16":
        parts += ["-fa", "on", "-ctk", settings.cache_type_k, "-ctv", settings.cache_type_v]
    elif not settings.flash_attention:
        parts += ["-fa", "off"]
    if settings.n_parallel > 1:
        parts += ["-np", str(settings.n_parallel)]
    if settings.kv_unified:
        parts += ["-kvu"]
    if settings.swa_full:
        parts += ["--swa-full"]
    if not settings.kv_offload:
        parts += ["--no-kv-offload"]
    if settings.cpu_moe_layers:
        parts += ["--n-cpu-moe", str(settings.cpu_moe_layers)]
    if settings.n_ubatch != 512:
        parts += ["-ub", str(settings.n_ubatch)]
    if settings.tensor_split:
        parts += ["-ts", ",".join(f"{one:g}" for one in settings.tensor_split)]
    return " ".join(parts)
