"""Command lines as people paste them."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from llmdoctor.facts.prediction import ALL_LAYERS
from llmdoctor.fit.command import CommandError, is_command, ollama_context, read, rewrite


@pytest.mark.parametrize(
    ("line", "model", "settings"),
    [
        (
            "./build/bin/llama-server -m a.gguf -c 8192 -ngl 20 -np 2 -fa off",
            "a.gguf",
            {"n_ctx": 8192, "gpu_layers": 20, "n_parallel": 2, "flash_attention": False, "kv_unified": False},
        ),
        ("llama-server --model=a.gguf --ctx-size=4096", "a.gguf", {"n_ctx": 4096, "n_parallel": 4, "kv_unified": True}),
        ("llama-cli -m a.gguf -ngl -1 -fa -b 256", "a.gguf", {"gpu_layers": ALL_LAYERS, "flash_attention": True, "n_ubatch": 256}),
        ("llama-cli -m a.gguf -ctk q8_0 -ctv q8_0 -nkvo -cmoe", "a.gguf", {"cache_type_v": "q8_0", "kv_offload": False, "cpu_moe_layers": 4096}),
        ("C:\\tools\\llama-server.exe -m a.gguf -ts 3,1", "a.gguf", {"tensor_split": [3.0, 1.0]}),
        ("python3 koboldcpp.py --model k.gguf --contextsize 16384 --quantkv 1 --flashattention", "k.gguf", {"n_ctx": 16384, "cache_type_k": "q8_0", "cache_type_v": "q8_0", "flash_attention": True}),
        ("python server.py --model w.gguf --gpu-layers 10 --cache-type fp16", "w.gguf", {"n_ctx": 8192, "gpu_layers": 10, "cache_type_k": "f16"}),
        ("OLLAMA_CONTEXT_LENGTH=32768 OLLAMA_NUM_PARALLEL=2 ollama run llama3.1:8b", "llama3.1:8b", {"n_ctx": 32768, "n_parallel": 2}),
    ],
)  # fmt: skip
def test_what_a_line_asks_for(line: str, model: str, settings: dict[str, Any]) -> None:
    command = read(line.split())
    assert is_command(line.split()) and command.model == model
    assert {name: getattr(command.settings, name) for name in settings} == settings


@pytest.mark.parametrize(
    ("line", "changed", "becomes"),
    [
        ("llama-server -m a.gguf -c 8192", {"n_ctx": 4096}, "llama-server -m a.gguf -c 4096"),
        ("llama-server --ctx-size=8192 -m a.gguf", {"n_ctx": 4096}, "llama-server --ctx-size=4096 -m a.gguf"),
        ("llama-cli -m 'a b.gguf'", {"gpu_layers": 12}, "llama-cli -m 'a b.gguf' -ngl 12"),
        ("llama-cli -m a.gguf -fa off", {"flash_attention": True}, "llama-cli -m a.gguf -fa on"),
        (
            "koboldcpp --model k.gguf",
            {"cache_type_k": "q8_0", "cache_type_v": "q8_0", "flash_attention": True},
            "koboldcpp --model k.gguf --quantkv 1 --flashattention",
        ),
        (
            "OLLAMA_CONTEXT_LENGTH=8192 ollama run m",
            {"n_ctx": 4096, "cache_type_k": "q8_0", "cache_type_v": "q8_0"},
            "OLLAMA_CONTEXT_LENGTH=4096 OLLAMA_KV_CACHE_TYPE=q8_0 ollama run m",
        ),
    ],
)
def test_the_same_line_with_other_settings(line: str, changed: dict[str, Any], becomes: str) -> None:
    import shlex

    command = read(shlex.split(line))
    assert rewrite(command, msgspec.structs.replace(command.settings, **changed)) == becomes


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("llama-server -c 4096", "it names no model (-m FILE)"),
        ("llama-cli -m a.gguf -c many", "'many' is no whole number"),
        ("llama-cli -m", "-m wants a value"),
        ("llama-cli -m a.gguf -ctk q9", "'q9' is no cache type"),
        ("lms load x", "the memory of LM Studio is not modelled yet"),
        ("make all", "'make' is no program that llmdoctor knows"),
        ("ollama serve", "ollama run MODEL is what can be reckoned"),
        ("A=1 B=2", "there is no program in it"),
    ],
)
def test_lines_that_cannot_be_understood(line: str, says: str) -> None:
    with pytest.raises(CommandError) as error:
        read(line.split())
    assert str(error.value) == says


def test_a_single_word_is_a_model() -> None:
    assert not is_command(["llama3.1:8b"]) and not is_command([]) and is_command(["llama-server"])


@pytest.mark.parametrize(
    ("gib", "trained", "tokens"), [(8, 131072, 4096), (24, 131072, 32768), (80, 131072, 131072), (80, 1 << 20, 262144)]
)
def test_the_context_that_ollama_chooses(gib: int, trained: int, tokens: int) -> None:
    assert ollama_context(gib << 30, trained) == tokens
