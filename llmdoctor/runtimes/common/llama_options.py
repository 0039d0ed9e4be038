"""Options of llama-server, which several runtimes start. Source: common/arg.cpp of llama.cpp."""

from __future__ import annotations

ALIASES = {
    "-m": "--model", "-c": "--ctx-size", "-ngl": "--n-gpu-layers", "--gpu-layers": "--n-gpu-layers", "-np": "--parallel",
    "-fa": "--flash-attn", "-ctk": "--cache-type-k", "-ctv": "--cache-type-v", "-b": "--batch-size", "-ub": "--ubatch-size",
    "-t": "--threads", "-tb": "--threads-batch", "-ts": "--tensor-split", "-sm": "--split-mode", "-mg": "--main-gpu",
    "-dev": "--device", "-cmoe": "--cpu-moe", "-ncmoe": "--n-cpu-moe", "-ot": "--override-tensor", "-nkvo": "--no-kv-offload",
    "-hf": "--hf-repo", "-hfr": "--hf-repo", "-mm": "--mmproj", "-md": "--model-draft", "-ngld": "--n-gpu-layers-draft",
    "--gpu-layers-draft": "--n-gpu-layers-draft", "-kvu": "--kv-unified", "-a": "--alias", "-n": "--predict",
}  # fmt: skip
"""Short and old spellings to the long one."""
