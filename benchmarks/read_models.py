"""How long it takes to read models: one file, a model of 400 GB in many files, a folder of a thousand.

    python benchmarks/read_models.py

The files are made here: true headers of the size that large models have, and holes for the weights, so that they take little disk.
Each figure is the best of five, beside Python's own start in the same run; exit status 1 if one is over its limit.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Callable

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from llmdoctor.models.gguf_model import read_model  # noqa: E402
from llmdoctor.models.safetensors import read_folder  # noqa: E402
from tests.models.gguf_files import header  # noqa: E402

WORDS = 128_256
"""Tokens of Llama 3's vocabulary: the bulk of a header."""
LAYERS = 126
"""Of Llama 3.1 405B (its config.json): 16,384 wide, 53,248 in the feed-forward part, heads of 128."""
_SHAPES = {
    "attn_q": (16384, 16384), "attn_k": (16384, 1024), "attn_v": (16384, 1024), "attn_output": (16384, 16384),
    "ffn_gate": (16384, 53248), "ffn_up": (16384, 53248), "ffn_down": (53248, 16384), "attn_norm": (16384,), "ffn_norm": (16384,),
}  # fmt: skip


def best(action: Callable[[], object]) -> float:
    found = []
    for _ in range(5):
        started = time.perf_counter()
        action()
        found.append(time.perf_counter() - started)
    return min(found)


def small_gguf(path: Path, name: str) -> None:
    pairs = {
        "general.architecture": "llama", "general.name": name, "llama.block_count": 32, "llama.context_length": 8192,
        "llama.embedding_length": 4096, "llama.feed_forward_length": 14336, "llama.attention.head_count": 32,
        "llama.attention.head_count_kv": 8, "tokenizer.ggml.tokens": [f"token{number}" for number in range(WORDS // 4)],
    }  # fmt: skip
    tensors = {f"blk.{layer}.{part}.weight": ("Q4_K", (4096, 4096)) for layer in range(32) for part in list(_SHAPES)[:7]}
    start, size = header(pairs, {"token_embd.weight": ("Q4_K", (4096, WORDS // 4)), **tensors})
    with path.open("wb") as file:
        file.write(start)
        file.truncate(size)


def large_gguf(folder: Path) -> str:
    """Llama 3.1 405B in Q8_0, 400 GB in nine files, as llama-gguf-split writes them."""
    parts = 9
    pairs = {
        "general.architecture": "llama", "llama.block_count": LAYERS, "llama.context_length": 131072, "llama.embedding_length": 16384,
        "llama.feed_forward_length": 53248, "llama.attention.head_count": 128, "llama.attention.head_count_kv": 8,
        "tokenizer.ggml.tokens": [f"token{number}" for number in range(WORDS)],
    }  # fmt: skip
    every = {f"blk.{layer}.{name}.weight": shape for layer in range(LAYERS) for name, shape in _SHAPES.items()}
    every = {"token_embd.weight": (16384, WORDS), **every, "output_norm.weight": (16384,), "output.weight": (16384, WORDS)}
    names = list(every)
    for part in range(parts):
        mine = names[part * len(names) // parts : (part + 1) * len(names) // parts]
        own = {"split.no": part, "split.count": parts, "split.tensors.count": len(names), **(pairs if part == 0 else {})}
        start, size = header(own, {name: ("F32" if len(every[name]) == 1 else "Q8_0", every[name]) for name in mine})
        with (folder / f"large-{part + 1:05}-of-{parts:05}.gguf").open("wb") as file:
            file.write(start)
            file.truncate(size)
    return str(folder / f"large-00001-of-{parts:05}.gguf")


def large_safetensors(folder: Path) -> str:
    """The same in BF16 as Hugging Face's 191 files."""
    (folder / "config.json").write_text(json.dumps({
        "architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": 16384, "intermediate_size": 53248,
        "num_attention_heads": 128, "num_key_value_heads": 8, "num_hidden_layers": LAYERS, "vocab_size": WORDS,
        "max_position_embeddings": 131072, "torch_dtype": "bfloat16", "rms_norm_eps": 1e-5,
    }))  # fmt: skip
    hf = {"attn_q": "self_attn.q_proj", "attn_k": "self_attn.k_proj", "attn_v": "self_attn.v_proj", "attn_output": "self_attn.o_proj",
          "ffn_gate": "mlp.gate_proj", "ffn_up": "mlp.up_proj", "ffn_down": "mlp.down_proj", "attn_norm": "input_layernorm",
          "ffn_norm": "post_attention_layernorm"}  # fmt: skip
    every = [(f"model.layers.{layer}.{hf[name]}.weight", shape) for layer in range(LAYERS) for name, shape in _SHAPES.items()]
    every = [
        ("model.embed_tokens.weight", (16384, WORDS)),
        *every,
        ("model.norm.weight", (16384,)),
        ("lm_head.weight", (16384, WORDS)),
    ]
    parts, weight_map = 191, {}
    for part in range(parts):
        name = f"model-{part + 1:05}-of-{parts:05}.safetensors"
        head, at = {}, 0
        for tensor, shape in every[part * len(every) // parts : (part + 1) * len(every) // parts]:
            size = 2 * shape[0] * (shape[1] if len(shape) > 1 else 1)
            head[tensor] = {"dtype": "BF16", "shape": list(reversed(shape)), "data_offsets": [at, at + size]}
            weight_map[tensor], at = name, at + size
        raw = json.dumps(head).encode()
        with (folder / name).open("wb") as file:
            file.write(len(raw).to_bytes(8, "little") + raw)
            file.truncate(8 + len(raw) + at)
    (folder / "model.safetensors.index.json").write_text(json.dumps({"metadata": {}, "weight_map": weight_map}))
    return str(folder)


def main() -> int:
    over = False

    def say(name: str, seconds: float, limit: float) -> None:
        nonlocal over
        over |= seconds > limit
        print(
            f"{'ok  ' if seconds <= limit else 'OVER'} {name:52} {seconds * 1000:7.0f} ms   limit {limit * 1000:.0f}",
            flush=True,
        )

    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        start = best(lambda: subprocess.run([sys.executable, "-c", "pass"], check=True))
        print(f"     python -c pass {start * 1000:37.0f} ms")
        large = large_gguf(folder)
        say("header of 431 GB in nine GGUF files", best(lambda: read_model(large)), 0.05)
        (folder / "hf").mkdir()
        hf = large_safetensors(folder / "hf")
        say("headers of 812 GB in 191 safetensors files", best(lambda: read_folder(hf)), 0.05)
        one = folder / "one.gguf"
        small_gguf(one, "one")
        command = [sys.executable, "-m", "llmdoctor", "fit", "--vram", "24GiB", str(one)]
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        whole = best(lambda: subprocess.run(command, env=environment, cwd=folder, stdout=subprocess.DEVNULL, check=False))
        say("llmdoctor fit of one file, the whole process", whole, 0.25)
        home = folder / "home"
        (home / "models").mkdir(parents=True)
        with one.open("rb") as file:
            head = file.read(2 << 20)
        for number in range(1000):
            with (home / "models" / f"m{number}.gguf").open("wb") as file:
                file.write(head)
                file.truncate(one.stat().st_size)
        listing = [sys.executable, "-m", "llmdoctor", "fit"]
        found = subprocess.run(listing, env={**environment, "HOME": str(home), "LLAMA_CACHE": str(home / "models")}, cwd=folder, capture_output=True, text=True)  # fmt: skip
        say(f"a folder of 1,000 models: {found.stdout.count('.gguf') + found.stdout.count('m99')} lines",
            best(lambda: subprocess.run(listing, env={**environment, "HOME": str(home), "LLAMA_CACHE": str(home / "models")}, cwd=folder, capture_output=True)), 2.0)  # fmt: skip
    return int(over)


if __name__ == "__main__":
    sys.exit(main())
