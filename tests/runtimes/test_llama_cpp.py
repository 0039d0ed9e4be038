"""llama.cpp. The replies are those of a llama-server that was run with a tiny model and two slots."""

from __future__ import annotations

from typing import Any

import pytest

from llmdoctor.facts.fact import REST, Unknown
from llmdoctor.facts.machine import LoadedModel, PythonEnv
from llmdoctor.host.host import HttpReply
from llmdoctor.runtimes import llama_cpp

from .scene import around, host_with, listener, process

PROPS = {
    "default_generation_settings": {"params": {"seed": 4294967295, "n_predict": -1, "lora": []}, "n_ctx": 256},
    "total_slots": 2, "model_alias": "tiny.gguf", "model_ftype": "all F32", "model_path": "/m/tiny.gguf",
    "modalities": {"vision": False, "video": False, "audio": False}, "endpoint_slots": True, "endpoint_props": True,
    "chat_template": "{%- for message in messages -%}", "bos_token": "<s>", "build_info": "b6500-1a2b3c4d", "is_sleeping": False,
}  # fmt: skip
MODELS = {
    "models": [{"name": "tiny.gguf", "model": "tiny.gguf", "type": "model", "capabilities": ["completion"]}],
    "object": "list",
    "data": [
        {
            "id": "tiny.gguf", "aliases": ["tiny.gguf"], "object": "model", "created": 1795400077, "owned_by": "llamacpp",
            "meta": {"vocab_type": 1, "n_vocab": 300, "n_ctx": 256, "n_ctx_train": 512, "n_params": 120640, "size": 482560},
        }
    ],
}  # fmt: skip
PROGRAM = "/home/ada/llama.cpp/build/bin/llama-server"
TOLD = Unknown("llama-server does not tell")


def server(*arguments: str, **more: Any) -> Any:
    return process(9, PROGRAM, *arguments, **more)


def test_a_running_server() -> None:
    host = host_with(
        PROGRAM,
        "/home/ada/llama.cpp/build/bin/libggml-cuda.so",
        "/home/ada/llama.cpp/build/bin/libggml-cpu.so",
        "/home/ada/.cache/llama.cpp/org_repo_x.gguf",
        http={(8081, "/props"): PROPS, (8081, "/v1/models"): MODELS},
    )
    one = server("-m", "/m/tiny.gguf", "--port", "8081", "-ngl", "20", "-fa", "on", "--api-key", "k",
                 environment={"CUDA_VISIBLE_DEVICES": "0", "PATH": "/bin"})  # fmt: skip
    seen = llama_cpp.probe(host, around([one], [listener(8081, 9, "llama-server", "0.0.0.0")]))
    assert (seen.path, seen.packaging, seen.version, seen.api_version) == (PROGRAM, "source", "b6500", "b6500-1a2b3c4d")
    assert (seen.port, seen.listen_address, seen.running, seen.backends) == (8081, "0.0.0.0", True, ["cpu", "cuda"])
    assert seen.settings == {
        REST: None, "CUDA_VISIBLE_DEVICES": "0", "--model": "/m/tiny.gguf", "--port": "8081", "--n-gpu-layers": "20",
        "--flash-attn": "on", "--api-key": "<hidden>", "total_slots": "2", "n_ctx": "256", "model_path": "/m/tiny.gguf",
    }  # fmt: skip
    assert seen.loaded_models == [
        LoadedModel(name="tiny.gguf", size_bytes=482560, vram_bytes=TOLD, context_length=256, gpu_layers=TOLD, expires_at=None)
    ]
    assert isinstance(seen.models, list) and [model.name for model in seen.models] == ["org_repo_x.gguf"]


@pytest.mark.parametrize(
    ("reply", "why"),
    [
        (HttpReply(status=401, body={"error": {"code": 401}}), "it asks for an API key"),
        (HttpReply(status=503, body={"error": {"message": "Loading model"}}), "/props answered with status 503"),
    ],
)
def test_a_server_that_does_not_tell(reply: HttpReply, why: str) -> None:
    host = host_with(PROGRAM, http={(8080, "/props"): reply, (8080, "/v1/models"): reply})
    seen = llama_cpp.probe(host, around([server("-m", "x")], [listener(8080, 9)]))
    assert (seen.api_error, seen.loaded_models) == (why, Unknown(f"its API did not answer: {why}"))


def test_a_router_lists_what_is_not_loaded_too() -> None:
    body = {"data": [{"id": "a", "status": {"value": "loaded"}}, {"id": "b", "status": {"value": "unloaded"}}, {"id": "c"}]}
    loaded = llama_cpp.parse_models(body)
    assert isinstance(loaded, list) and [model.name for model in loaded] == ["a", "c"]


@pytest.mark.parametrize(
    ("path", "version", "packaging"),
    [
        ("/opt/homebrew/Cellar/llama.cpp/6500/bin/llama-server", "b6500", "brew"),
        ("/home/ada/llama-b6765/build/bin/llama-server", "b6765", "source"),
        ("/home/ada/llama-b6765-bin-ubuntu-vulkan-x64/llama-server", "b6765", "archive"),
        ("/opt/llama/llama-server", Unknown("not asked: the program would start its GPU backends to tell"), "archive"),
    ],
)
def test_version_without_starting_it(path: str, version: Any, packaging: str) -> None:
    seen = llama_cpp.probe(host_with(path, answers={("which", "llama-server"): [path]}), around())
    assert (seen.version, seen.packaging, seen.running) == (version, packaging, False)


def test_only_a_python_package() -> None:
    env = PythonEnv(
        path="/v", kind="venv", owner=None, packages={"llama-cpp-python": "0.3.16", REST: None}, llama_cpp_python_backend="cuda"
    )
    seen = llama_cpp.probe(host_with(), around(python_envs=[env]))
    assert (seen.installed, seen.path, seen.version) == (True, "/v", "llama-cpp-python 0.3.16")
    assert (seen.packaging, seen.backends, seen.running) == ("pip", ["cuda"], False)


def test_the_engine_of_another_app_is_not_llama_cpp() -> None:
    inside = "/home/ada/.local/share/Jan/data/llamacpp/backends/b1/linux-x64/llama-server"
    host = host_with(inside, answers={("which", "llama-server"): [inside]})
    assert llama_cpp.probe(host, around([process(3, inside, "-m", "x")])).installed is False


@pytest.mark.parametrize(
    ("info", "build"), [("b6500-1a2b3c4", "b6500"), ("b0-unknown", None), ("b11549", "b11549"), (None, None), ("dev", None)]
)
def test_build(info: str | None, build: str | None) -> None:
    assert llama_cpp.parse_build(info) == build
