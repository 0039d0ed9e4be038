"""vLLM, text-generation-webui and koboldcpp."""

from __future__ import annotations

from typing import Any

import pytest

from llmdoctor.facts.fact import REST, Unknown
from llmdoctor.facts.machine import PythonEnv
from llmdoctor.host.host import HttpReply
from llmdoctor.runtimes import koboldcpp, vllm
from llmdoctor.runtimes import text_generation_webui as webui

from .scene import around, host_with, listener, process

# --- vLLM -------------------------------------------------------------------------------------

METRICS = """# HELP vllm:cache_config_info Information of the LLMEngine CacheConfig
# TYPE vllm:cache_config_info gauge
vllm:cache_config_info{block_size="16",cache_dtype="auto",gpu_memory_utilization="0.9",num_gpu_blocks="2146",sliding_window="None"} 1.0
# TYPE vllm:num_requests_running gauge
vllm:num_requests_running{model_name="m"} 0.0
"""
VLLM_MODELS = {
    "data": [
        {"id": "Qwen/Qwen3-8B", "object": "model", "owned_by": "vllm", "parent": None, "max_model_len": 40960},
        {"id": "my-lora", "parent": "Qwen/Qwen3-8B", "max_model_len": None},
    ]
}


def env(**more: Any) -> PythonEnv:
    values = {"path": "/v", "kind": "venv", "active": False, "packages": {"vllm": "0.11.0", REST: None}, "torch_cuda": "12.8"}
    return PythonEnv(**{**values, "torch_hip": None, **more})


@pytest.mark.parametrize(
    "arguments",
    [
        ("/v/bin/python3", "/v/bin/vllm", "serve", "Qwen/Qwen3-8B", "--port", "9000", "-tp", "2", "--api-key", "k"),
        ("/v/bin/python3", "-m", "vllm.entrypoints.openai.api_server", "--model", "Qwen/Qwen3-8B", "--port=9000", "-tp", "2"),
    ],
)
def test_vllm_that_serves(arguments: tuple[str, ...]) -> None:
    host = host_with(
        "/home/ada/.cache/huggingface/hub/models--Qwen--Qwen3-8B/blobs/abc.incomplete",
        http={(9000, "/version"): {"version": "0.11.0"}, (9000, "/v1/models"): VLLM_MODELS, (9000, "/metrics"): METRICS},
    )
    server = process(80, *arguments, environment={"VLLM_USE_V1": "1", "HF_TOKEN": "<hidden>"})
    worker = process(81, "VLLM::EngineCore", executable="/usr/bin/python3.12")
    seen = vllm.probe(host, around([server, worker], [listener(9000, 80, address="0.0.0.0")], python_envs=[env()]))
    assert (seen.path, seen.version, seen.api_version, seen.packaging, seen.backends) == (
        "/v",
        "0.11.0",
        "0.11.0",
        "pip",
        ["cuda_v12"],
    )
    assert (seen.settings["--model"], seen.settings["--tensor-parallel-size"]) == ("Qwen/Qwen3-8B", "2")
    assert (seen.settings["num_gpu_blocks"], seen.settings["VLLM_USE_V1"]) == ("2146", "1")
    assert "sliding_window" not in seen.settings
    assert isinstance(seen.loaded_models, list)
    assert [(one.name, one.context_length) for one in seen.loaded_models] == [("Qwen/Qwen3-8B", 40960)]
    assert isinstance(seen.processes, list) and [one.pid for one in seen.processes] == [80, 81]
    assert isinstance(seen.models, list) and seen.models[0].name == "Qwen/Qwen3-8B"
    assert seen.incomplete_downloads == ["/home/ada/.cache/huggingface/hub/models--Qwen--Qwen3-8B/blobs/abc.incomplete"]


def test_vllm_that_still_loads() -> None:
    server = process(80, "/v/bin/python3", "/v/bin/vllm", "serve", "m")
    seen = vllm.probe(host_with(), around([server], python_envs=[env()]))
    assert (seen.running, seen.port, seen.listen_address) == (True, 8000, None)
    assert seen.loaded_models == Unknown("its API did not answer: it does not listen yet")


@pytest.mark.parametrize(
    ("more", "backends"),
    [
        ({"packages": {"vllm": "0.11.0+cu126"}}, ["cuda_v12"]),
        ({"packages": {"vllm": "0.11.0+cpu"}}, ["cpu"]),
        ({"packages": {"vllm": "0.11.0"}, "torch_hip": "6.3", "torch_cuda": None}, ["rocm"]),
        ({"packages": {"vllm": "0.11.0"}, "torch_cuda": None, "torch_is_cpu_build": True}, ["cpu"]),
        ({"packages": {"vllm": "0.11.0"}, "torch_cuda": Unknown("x")}, Unknown("torch does not tell what it was built for")),
    ],
)
def test_vllms_backend(more: dict[str, Any], backends: Any) -> None:
    assert vllm.probe(host_with(), around(python_envs=[env(**more)])).backends == backends


def test_the_active_environment_comes_first() -> None:
    seen = vllm.probe(host_with(), around(python_envs=[env(), env(path="/w", active=True)]))
    assert (seen.path, seen.other_paths) == ("/w", ["/v"])


# --- text-generation-webui --------------------------------------------------------------------

ROOT = "/home/ada/text-generation-webui"


def test_webui_of_the_one_click_installer() -> None:
    python = f"{ROOT}/installer_files/env/bin/python3.13"
    host = host_with(
        f"{ROOT}/server.py",
        f"{ROOT}/installer_files/env/",
        f"{ROOT}/user_data/models/x.gguf",
        files={
            f"{ROOT}/user_data/CMD_FLAGS.txt": "# persistent\n--api --n_ctx 16384 --api-key secret\n",
            f"{ROOT}/.git/HEAD": "ref: refs/heads/main\n",
            f"{ROOT}/.git/refs/heads/main": "1dcde41d" + "0" * 32,
        },
        http={(5000, "/v1/internal/model/info"): {"model_name": "x.gguf", "lora_names": [], "loader": "llama.cpp"}},
    )
    packages: Any = {"llama-cpp-binaries": "0.124.0+cu124", "exllamav3": "0.0.28+cu128.torch2.9.0", REST: None}
    inside = PythonEnv(path=f"{ROOT}/installer_files/env", packages=packages, torch_cuda="12.8")
    running = [
        process(90, python, "server.py", "--listen", "--loader", "llama.cpp"),
        process(
            91, f"{ROOT}/installer_files/env/lib/python3.13/site-packages/llama_cpp_binaries/bin/llama-server", "--port", "41"
        ),
    ]
    listeners = [listener(41, 91), listener(5000, 90), listener(7860, 90, address="0.0.0.0")]
    seen = webui.probe(host, around(running, listeners, python_envs=[inside]))
    assert (seen.path, seen.packaging, seen.version) == (ROOT, "script", "commit 1dcde41d00")
    assert (seen.port, seen.listen_address, seen.selected_engine) == (5000, "127.0.0.1", "llama.cpp")
    assert (seen.backends, seen.api_error) == (["cuda_v12"], None)
    assert (seen.settings["--ctx-size"], seen.settings["--api-key"], seen.settings["--listen"]) == ("16384", "<hidden>", "true")
    assert isinstance(seen.loaded_models, list) and seen.loaded_models[0].name == "x.gguf"
    assert isinstance(seen.models, list) and seen.models[0].name == "x.gguf"


def test_webui_without_its_api() -> None:
    host = host_with(f"{ROOT}/server.py", f"{ROOT}/portable_env/")
    seen = webui.probe(host, around([process(90, f"{ROOT}/portable_env/bin/python3", "server.py")], [listener(7861, 90)]))
    assert (seen.packaging, seen.port, seen.loaded_models) == ("archive", 7861, Unknown("its API is off (--api)"))


# --- koboldcpp --------------------------------------------------------------------------------

KOBOLD = "/home/ada/Downloads/koboldcpp-linux-x64"
KOBOLD_VERSION = {"result": "KoboldCpp", "version": "1.98", "protected": False, "txt2img": False}


def kobold_http(model: str) -> dict[tuple[int, str], Any]:
    return {
        (5002, "/api/extra/version"): KOBOLD_VERSION,
        (5002, "/api/v1/model"): {"result": model},
        (5002, "/api/extra/true_max_context_length"): {"value": 8192},
    }


def test_koboldcpp_that_serves() -> None:
    host = host_with(KOBOLD, http=kobold_http("koboldcpp/Qwen3-8B-Q4_K_M"))
    running = [process(95, KOBOLD, "/m/q.gguf", "5002", "--gpulayers", "20", "--usecublas", "lowvram", "0", "--password", "p")]
    seen = koboldcpp.probe(host, around(running, [listener(5002, 95, address="::")]))
    assert (seen.path, seen.version, seen.packaging) == (KOBOLD, "1.98", "archive")
    assert (seen.port, seen.listen_address, seen.backends) == (5002, "::", ["cpu", "cuda", "vulkan"])
    assert (seen.settings["--model"], seen.settings["--usecublas"], seen.settings["--password"]) == (
        "/m/q.gguf",
        "lowvram 0",
        "<hidden>",
    )
    assert isinstance(seen.loaded_models, list)
    assert [(one.name, one.context_length, one.gpu_layers) for one in seen.loaded_models] == [("Qwen3-8B-Q4_K_M", 8192, 20)]


def test_koboldcpp_without_a_model() -> None:
    host = host_with(KOBOLD, http=kobold_http("inactive"))
    seen = koboldcpp.probe(host, around([process(95, KOBOLD, "--port", "5002")], [listener(5002, 95)]))
    assert seen.loaded_models == []


def test_another_program_on_koboldcpps_port() -> None:
    seen = koboldcpp.probe(host_with(KOBOLD), around(listeners=[listener(5001, 8, "docker-registry")]))
    assert (seen.running, seen.port_taken_by, seen.loaded_models) == (False, "docker-registry", None)


def test_koboldcpp_from_its_sources() -> None:
    root = "/home/ada/koboldcpp"
    host = host_with(
        f"{root}/koboldcpp_cublas.so",
        f"{root}/koboldcpp_default.so",
        files={f"{root}/koboldcpp.py": 'import os\nKcppVersion = "1.76"\n'},
    )
    seen = koboldcpp.probe(host, around())
    assert (seen.version, seen.packaging, seen.backends) == ("1.76", "source", ["cpu", "cuda"])


def test_a_koboldcpp_that_answers_with_an_error() -> None:
    host = host_with(KOBOLD, http={(5001, "/api/extra/version"): HttpReply(status=404, body="no")})
    seen = koboldcpp.probe(host, around([process(95, KOBOLD)], [listener(5001, 95)]))
    assert seen.api_error == "/api/extra/version answered with status 404" and isinstance(seen.loaded_models, Unknown)
