"""What text-generation-webui (TextGen) itself prints around its loaders' lines, from 1.5 to 4.7.

Formats: oobabooga/text-generation-webui, server.py, modules/models.py, modules/llama_cpp_server.py.
"""

from __future__ import annotations

from typing import Mapping

from ...facts.run import NOT_IN_LOG
from ...logs.reader import Builder, Reader
from .log_tools import guarded, is_runtime, opened, ready, runtime

Groups = Mapping[str, str]

_NAME = "text-generation-webui"
_ENGINES = {
    "llama.cpp": "llama.cpp", "llamacpp_hf": "llama.cpp", "ik_llama.cpp": "llama.cpp", "exllamav2": "exllamav2",
    "exllamav2_hf": "exllamav2", "exllamav3": "exllamav3", "exllamav3_hf": "exllamav3", "transformers": "transformers",
    "exllama": "exllama", "exllama_hf": "exllama", "autogptq": "transformers", "autoawq": "transformers", "gptq-for-llama": "transformers",
    "ctransformers": "llama.cpp", "tensorrt-llm": "tensorrt-llm", "hqq": "transformers",
}  # fmt: skip


def _boot(b: Builder, groups: Groups, line: int) -> None:
    runtime(b, _NAME, line)


def _loading(b: Builder, groups: Groups, line: int) -> None:
    runtime(b, _NAME, line)
    b.set("model", groups["model"], line, again=True)
    b.run.engine = NOT_IN_LOG
    opened(b)


def _loader(b: Builder, groups: Groups, line: int) -> None:
    engine = _ENGINES.get(groups["loader"].lower())
    if engine:
        b.set("engine", engine, line, again=True)


def _settings(b: Builder, groups: Groups, line: int) -> None:
    runtime(b, _NAME, line, "llama.cpp")
    for group, field in (("layers", "gpu_layers_requested"), ("ctx", "n_ctx")):
        if groups[group].lstrip("-").isdigit() and groups[group] != "0":
            b.set(field, int(groups[group]), line)
    cache = {"fp16": "f16"}.get(groups["cache"], groups["cache"])
    b.set("cache_type_k", cache, line)
    b.set("cache_type_v", cache, line)


def _loaded(b: Builder, groups: Groups, line: int) -> None:
    runtime(b, _NAME, line)
    ready(b, line)


READERS: tuple[Reader, ...] = guarded((
    Reader(
        ("Starting Text generation web UI", "Starting TextGen", "Starting Text Generation Web UI"), r"Starting Text(?:Gen|\s?[gG]eneration)", _boot,
        begins="boot",
    ),
    Reader(
        ("text-generation-webui/", "text-generation-webui\\", "textgen-portable"),
        r"File \".*text-generation-webui[/\\]|textgen-portable", is_runtime(_NAME),
    ),
    Reader(('Loading "',), r'INFO[ :]+Loading "(?P<model>[^"]+)"\s*$', _loading, begins="load"),
    Reader(("LOADER: ", "Loader: "), r'(?:LOADER|Loader): "?(?P<loader>[\w.-]+)', _loader),
    Reader(("TRUNCATION LENGTH: ", "CONTEXT LENGTH: "), r"(?:TRUNCATION|CONTEXT) LENGTH: (?P<n_ctx>\d+)"),
    Reader(("Using gpu_layers=",), r"Using gpu_layers=(?P<layers>\S+) \| ctx_size=(?P<ctx>\S+) \| cache_type=(?P<cache>\w+)", _settings),
    Reader(("Loaded ",), r'INFO[ :]+Loaded (?:"[^"]+"|the model) in [\d.]+ seconds', _loaded),
))  # fmt: skip
