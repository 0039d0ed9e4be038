"""Command lines of servers: read, and written with other settings."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from llmdoctor.fit import server_command
from llmdoctor.fit.command import CommandError


@pytest.mark.parametrize(
    ("line", "engine", "model", "fields"),
    [
        ("vllm serve M --max-model-len 32K --gpu-memory-utilization 0.85 -tp 2", "vllm", "M", {"max_model_len": 32768, "gpu_memory_utilization": 0.85, "tensor_parallel_size": 2}),
        ("CUDA_VISIBLE_DEVICES=1 vllm serve M --max_model_len=8k --enforce-eager --kv-cache-dtype fp8", "vllm", "M", {"max_model_len": 8000, "enforce_eager": True, "kv_cache_dtype": "fp8"}),
        ("python -m vllm.entrypoints.openai.api_server --model M --dtype half --max-num-seqs 64", "vllm", "M", {"dtype": "float16", "max_num_seqs": 64}),
        ("python3 -m sglang.launch_server --model-path M --tp 4 --mem-fraction-static 0.8 --context-length 4096", "sglang", "M", {"tensor_parallel_size": 4, "gpu_memory_utilization": 0.8, "max_model_len": 4096}),
        ("python main.py --model-name M --max-seq-len 16384 --cache-mode 8,4", "exllamav3", "M", {"max_seq_len": 16384, "cache_mode": "8,4"}),
        ("python server.py --model M --loader ExLlamav2_HF --ctx-size 8192 --cache-type q8", "exllamav2", "M", {"max_seq_len": 8192, "cache_mode": "Q8"}),
        ("python server.py --model M --loader ExLlamav3 --cache-type q8_q4", "exllamav3", "M", {"cache_mode": "8,4"}),
    ],
)  # fmt: skip
def test_lines_as_they_are_pasted(line: str, engine: str, model: str, fields: dict[str, Any]) -> None:
    found = server_command.read(line.split())
    assert (found.engine, found.model, found.notes) == (engine, model, [])
    assert {name: getattr(found.settings, name) for name in fields} == fields


@pytest.mark.parametrize(
    "line", ["llama-server -m a.gguf", "ollama run a", "python server.py --model a.gguf", "vllm bench serve", "ls -la"]
)
def test_lines_of_other_programs_are_left_to_others(line: str) -> None:
    assert server_command.find(line.split()) is None


def test_flags_that_are_not_known_are_named_and_harmless_ones_are_not() -> None:
    found = server_command.read(
        ["vllm", "serve", "M", "--port", "8000", "--cpu-offload-gb", "4", "--enable-lora", "--api-key", "x"]
    )
    assert found.notes == ["Not reckoned with: --cpu-offload-gb, --enable-lora."]


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("vllm serve --max-model-len 5", "it names no model"), ("vllm serve M --max-model-len", "wants a value"),
        ("vllm serve M --max-model-len many", "is no whole number"), ("vllm serve M --gpu-memory-utilization 1.5", "no share"),
        ("vllm serve M --tensor-parallel-size 0", "no number of GPUs"), ("vllm serve M -pp 99999999", "no number of GPUs"),
        ("vllm serve M --max-num-seqs 0", "less than 1"), ("vllm serve M --max-model-len 0", "less than 1"),
        ("vllm serve M --dtype int3", "is no dtype"), ("vllm serve M --kv-cache-dtype q4", "is no kv_cache_dtype"),
    ],
)  # fmt: skip
def test_what_cannot_be_understood(line: str, says: str) -> None:
    with pytest.raises(CommandError, match=says):
        server_command.read(line.split())


@pytest.mark.parametrize(
    ("line", "fields", "written"),
    [
        ("vllm serve M --max-model-len 9000 --port 1", {"max_model_len": 4096}, "vllm serve M --max-model-len 4096 --port 1"),
        ("vllm serve M --max_model_len=9000", {"max_model_len": 4096}, "vllm serve M --max_model_len=4096"),
        ("A=b vllm serve M", {"gpu_memory_utilization": 0.8, "enforce_eager": True}, "A=b vllm serve M --gpu-memory-utilization 0.8 --enforce-eager"),
    ],
)  # fmt: skip
def test_the_same_line_with_other_settings(line: str, fields: dict[str, Any], written: str) -> None:
    found = server_command.read(line.split())
    assert server_command.rewrite(found, msgspec.structs.replace(found.settings, **fields)) == written
