"""The desktop apps: LM Studio, Jan and GPT4All."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from llmdoctor.facts.fact import REST, Unknown
from llmdoctor.host.host import HttpReply
from llmdoctor.runtimes import gpt4all, jan, lmstudio

from .scene import around, host_with, listener, process


def text(value: Any) -> str:
    return msgspec.json.encode(value).decode()


# --- LM Studio --------------------------------------------------------------------------------

HOME = "/home/ada/.lmstudio"
APPIMAGE = "/home/ada/Apps/LM-Studio-0.3.30-2-x64.AppImage"
LM_FILES = {
    f"{HOME}/.internal/app-install-location.json": text({"path": APPIMAGE, "argv": [APPIMAGE], "cwd": "/home/ada"}),
    f"{HOME}/.internal/http-server-config.json": text({"port": 4321, "networkInterface": "127.0.0.1", "cors": False}),
    f"{HOME}/.internal/backend-preferences-v1.json": text(
        [{"model_format": "gguf", "name": "llama.cpp-linux-x86_64-vulkan-avx2", "version": "1.58.0"}]
    ),
    f"{HOME}/settings.json": text({"downloadsFolder": "/data/lm", "defaultContextLength": {"type": "custom", "value": 8192}}),
}
LM_PLACES = (
    APPIMAGE,
    f"{HOME}/extensions/backends/llama.cpp-linux-x86_64-nvidia-cuda12-avx2-1.58.0/",
    f"{HOME}/extensions/backends/llama.cpp-linux-x86_64-vulkan-avx2-1.58.0/",
    f"{HOME}/extensions/backends/llama.cpp-linux-x86_64-avx2-1.58.0/",
    f"{HOME}/extensions/backends/vendor/",
    f"{HOME}/server-logs/2026-10/2026-10-31.1.log",
    f"{HOME}/server-logs/2026-11/2026-11-02.1.log",
    "/data/lm/org/repo/x.gguf",
    "/data/lm/org/repo/downloading_y.gguf.part",
)
LM_MODELS = {
    "object": "list",
    "data": [
        {"id": "qwen2-vl-7b", "type": "vlm", "state": "not-loaded", "max_context_length": 32768},
        {"id": "llama-3.1-8b", "type": "llm", "state": "loaded", "max_context_length": 131072, "loaded_context_length": 4096},
    ],
}


def test_lm_studio_that_serves() -> None:
    host = host_with(*LM_PLACES, files=LM_FILES, http={(4321, "/api/v0/models"): LM_MODELS})
    app = process(30, "/tmp/.mount_LM-StuX/lm-studio", "--no-sandbox")
    seen = lmstudio.probe(host, around([app], [listener(4321, 30), listener(41343, 30)]))
    assert (seen.path, seen.version, seen.packaging) == (APPIMAGE, "0.3.30+2", "appimage")
    assert (seen.selected_engine, seen.backends) == (
        "llama.cpp-linux-x86_64-vulkan-avx2@1.58.0",
        ["cpu", "cuda_v12", "vulkan"],
    )
    assert (seen.port, seen.listen_address, seen.api_error, seen.running) == (4321, "127.0.0.1", None, True)
    assert seen.settings == {
        REST: None, "port": "4321", "networkInterface": "127.0.0.1", "cors": "false", "downloadsFolder": "/data/lm",
        "defaultContextLength": "custom 8192",
    }  # fmt: skip
    assert isinstance(seen.loaded_models, list) and len(seen.loaded_models) == 1
    assert (seen.loaded_models[0].name, seen.loaded_models[0].context_length) == ("llama-3.1-8b", 4096)
    assert isinstance(seen.models, list) and [one.name for one in seen.models] == ["org/repo/x.gguf"]
    assert seen.incomplete_downloads == ["/data/lm/org/repo/downloading_y.gguf.part"]
    assert seen.log_paths == [f"{HOME}/server-logs/2026-11/2026-11-02.1.log"]


def test_lm_studio_whose_server_is_off() -> None:
    host = host_with(*LM_PLACES, files=LM_FILES)
    app = process(30, "/tmp/.mount_LM-StuX/lm-studio")
    seen = lmstudio.probe(host, around([app], [listener(41343, 30), listener(4321, 8, "python3")]))
    assert (seen.listen_address, seen.port_taken_by) == (None, "python3")
    assert seen.loaded_models == Unknown("its local server is off")


def test_lm_studio_of_which_only_the_folder_is_found() -> None:
    host = host_with("/mnt/big/lms/models/", files={"/home/ada/.lmstudio-home-pointer": "/mnt/big/lms\n"})
    seen = lmstudio.probe(host, around())
    assert (seen.installed, seen.path, seen.running, seen.models) == (True, "/mnt/big/lms", False, [])
    assert isinstance(seen.version, Unknown) and isinstance(seen.packaging, Unknown)


@pytest.mark.parametrize(
    ("body", "engine"),
    [
        ([{"model_format": "safetensors", "name": "mlx"}, {"model_format": "gguf", "name": "l", "version": "2"}], "l@2"),
        ([{"model_format": "safetensors", "name": "mlx", "version": "1"}], "mlx@1"),
        ([], None),
        ({"name": "x"}, None),
    ],
)
def test_lm_studios_engine(body: Any, engine: str | None) -> None:
    assert lmstudio.parse_preferences(body) == engine


# --- Jan --------------------------------------------------------------------------------------

JAN = "/data/jan"
PROVIDERS = {
    "state": {
        "providers": [
            {"provider": "openai", "settings": [{"key": "api-key", "controller_props": {"value": "sk-secret"}}]},
            {
                "provider": "llamacpp",
                "settings": [
                    {"key": "version_backend", "controller_props": {"value": "b6765/linux-vulkan-common_cpus-x64"}},
                    {"key": "ctx_size", "controller_props": {"value": 8192}},
                    {"key": "chat_template", "controller_props": {"value": "private"}},
                ],
            },
        ]
    },
    "version": 9,
}
JAN_STORE = text(
    {
        "setting-local-api-server": text(
            {"state": {"serverPort": 1400, "serverHost": "127.0.0.1", "apiKey": "s"}, "version": 0}
        ),
        "model-provider": text(PROVIDERS),
    }
)


def test_jan_with_a_model_loaded() -> None:
    worker = f"{JAN}/llamacpp/backends/b6765/linux-vulkan-common_cpus-x64/build/bin/llama-server"
    host = host_with(
        "/usr/bin/Jan",
        "/var/lib/dpkg/info/jan.list",
        worker,
        f"{JAN}/llamacpp/backends/b6765/linux-cuda-12-common_cpus-x64/build/bin/llama-server",
        f"{JAN}/llamacpp/models/org/x/model.gguf",
        f"{JAN}/logs/app.log",
        files={"/home/ada/.local/share/Jan/settings.json": text({"data_folder": JAN}), f"{JAN}/settings.json": JAN_STORE},
        http={(1400, "/v1/models"): HttpReply(status=401, body="")},
        answers={
            ("command", 3000, "dpkg-query", "-W", "-f=${Version}", "jan"): {"status": 0, "stdout": "0.7.3-1", "stderr": ""}
        },
    )
    started = process(61, worker, "-m", f"{JAN}/llamacpp/models/org/x/model.gguf", "-a", "org/x", "-c", "8192", "-ngl", "99")
    seen = jan.probe(host, around([process(60, "/usr/bin/Jan"), started], [listener(1400, 60), listener(3999, 61)]))
    assert (seen.path, seen.version, seen.packaging) == ("/usr/bin/Jan", "0.7.3", "package")
    assert (seen.selected_engine, seen.backends) == ("b6765/linux-vulkan-common_cpus-x64", ["cuda_v12", "vulkan"])
    assert (seen.port, seen.api_error, seen.running) == (1400, "it asks for an API key", True)
    assert seen.settings == {
        REST: None, "serverPort": "1400", "serverHost": "127.0.0.1", "ctx_size": "8192",
        "version_backend": "b6765/linux-vulkan-common_cpus-x64",
    }  # fmt: skip
    assert isinstance(seen.loaded_models, list)
    assert [(one.name, one.context_length, one.gpu_layers) for one in seen.loaded_models] == [("org/x", 8192, 99)]
    assert seen.log_paths == [f"{JAN}/logs/app.log"]


def test_jan_as_a_flatpak_without_the_gpu() -> None:
    root = "/var/lib/flatpak/app/ai.jan.Jan/current/active"
    metainfo = '<component><releases><release version="0.7.3" date="2025-11-01"/></releases></component>'
    host = host_with(
        files={
            f"{root}/metadata": "[Context]\nshared=network;\n",
            f"{root}/files/share/metainfo/ai.jan.Jan.metainfo.xml": metainfo,
        }
    )
    seen = jan.probe(host, around())
    assert (seen.installed, seen.packaging, seen.version, seen.sandbox_gpu_access) == (True, "flatpak", "0.7.3", False)


def test_an_older_jan_keeps_its_settings_where_nobody_reads_them() -> None:
    host = host_with("/usr/bin/Jan", "/home/ada/.local/share/Jan/data/llamacpp/models/")
    seen = jan.probe(host, around())
    assert isinstance(seen.settings[REST], Unknown) and isinstance(seen.selected_engine, Unknown)
    assert seen.sandbox_gpu_access is None and seen.models == []


# --- GPT4All ----------------------------------------------------------------------------------


def test_gpt4all() -> None:
    ini = "[General]\nchatTheme=Dark\ndevice=CUDA: NVIDIA GeForce RTX 3060\nlastVersionStarted=3.10.0\nnetworkPort=4892\nserverChat=true\n"
    ini += "[localdocs]\nnomicAPIKey=nk-secret\n[model-Llama-3.gguf]\ngpuLayers=20\n"
    data = "/home/ada/.local/share/nomic.ai/GPT4All"
    host = host_with(
        "/home/ada/gpt4all/bin/chat",
        "/home/ada/gpt4all/lib/libllamamodel-mainline-cpu.so",
        "/home/ada/gpt4all/lib/libllamamodel-mainline-cuda.so",
        "/home/ada/gpt4all/lib/libllamamodel-mainline-kompute.so",
        f"{data}/Llama-3.gguf",
        f"{data}/incomplete-Phi.gguf",
        f"{data}/log.txt",
        files={"/home/ada/.config/nomic.ai/GPT4All.ini": ini},
    )
    app = process(70, "/home/ada/gpt4all/bin/chat")
    seen = gpt4all.probe(host, around([app], [listener(4892, 70)]))
    assert (seen.version, seen.packaging, seen.backends) == ("3.10.0", "app", ["cpu", "cuda", "vulkan"])
    assert (seen.port, seen.listen_address, seen.selected_engine) == (4892, "127.0.0.1", "CUDA: NVIDIA GeForce RTX 3060")
    assert seen.settings["model-Llama-3.gguf/gpuLayers"] == "20" and "nk-secret" not in str(seen.settings)
    assert isinstance(seen.models, list) and [one.name for one in seen.models] == ["Llama-3.gguf"]
    assert seen.incomplete_downloads == [f"{data}/incomplete-Phi.gguf"] and seen.log_paths == [f"{data}/log.txt"]
    assert isinstance(seen.loaded_models, Unknown)
