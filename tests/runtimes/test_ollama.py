"""Ollama: the usual installations, its service, its API, its models."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from llmdoctor.facts.fact import REST, Unknown
from llmdoctor.facts.machine import LoadedModel, LocalModel
from llmdoctor.runtimes import ollama
from tests.fakes import Key

from .scene import FOLDER, around, host_with, listener, process

PROGRAM = "/usr/local/bin/ollama"
UNIT_PATH = "/etc/systemd/system/ollama.service"
UNIT = '[Unit]\n[Service]\nExecStart=/usr/local/bin/ollama serve\nUser=ollama\nEnvironment="PATH=/usr/bin"\n'
SHOW: Key = ("command", 3000, "systemctl", "show", "--no-pager", "-p",
             "LoadState,ActiveState,SubState,NRestarts,ExecMainStatus,User,Environment,EnvironmentFiles", "ollama.service")  # fmt: skip
VERSION: Key = ("command", 1000, PROGRAM, "--version")
PS = {
    "models": [
        {
            "name": "qwen3:8b", "model": "qwen3:8b", "size": 6_000_000_000, "size_vram": 4_500_000_000, "digest": "ab",
            "details": {"family": "qwen3"}, "expires_at": "2026-11-23T02:20:11.5+01:00", "context_length": 4096,
        }
    ]
}  # fmt: skip


def done(stdout: str, stderr: str = "") -> dict[str, Any]:
    return {"status": 0, "stdout": stdout, "stderr": stderr}


def service(pid: int = 500, **more: Any) -> Any:
    return process(pid, PROGRAM, "serve", uid=998, **{"environment": None, **more})


def test_a_service_of_the_install_script_seen_by_another_user() -> None:
    lib = "/usr/local/lib/ollama"
    host = host_with(
        PROGRAM,
        "/run/systemd/system/",
        f"{lib}/libggml-base.so",
        f"{lib}/libggml-cpu-haswell.so",
        f"{lib}/cuda_v12/libggml-cuda.so",
        f"{lib}/cuda_v13/libcudart.so.13",  # a copy that lacks ggml's own library does not count
        f"{lib}/rocm/libggml-hip.so",
        files={UNIT_PATH: UNIT},
        http={(11434, "/api/version"): {"version": "0.12.3"}, (11434, "/api/ps"): PS},
        answers={
            ("which", "ollama"): [PROGRAM],
            SHOW: done("ActiveState=active\nNRestarts=3\nUser=ollama\nEnvironment=PATH=/usr/bin OLLAMA_KV_CACHE_TYPE=q8_0\n"),
            ("stat", "/usr/share/ollama"): {**FOLDER, "uid": 998, "mode": 0o755},
            ("stat", "/usr/share/ollama/.ollama/models"): FOLDER,
        },
    )
    shell: dict[str, Any] = {"OLLAMA_NUM_PARALLEL": "4", "PATH": "/bin"}
    seen = ollama.probe(host, around([service()], [listener(11434, 500, "ollama")], shell))
    assert (seen.installed, seen.path, seen.packaging) == (True, PROGRAM, "script")
    assert (seen.running, seen.version, seen.api_version, seen.api_error) == (True, "0.12.3", "0.12.3", None)
    assert (seen.port, seen.listen_address, seen.port_taken_by) == (11434, "127.0.0.1", None)
    assert (seen.service_unit, seen.service_state, seen.service_user, seen.restarts) == (
        "ollama.service",
        "active",
        "ollama",
        3,
    )
    assert seen.backends == ["cpu", "cuda_v12", "rocm"]
    assert seen.settings == {"OLLAMA_KV_CACHE_TYPE": "q8_0", REST: None}
    assert seen.shell_only_settings == {"OLLAMA_NUM_PARALLEL": "4", REST: None}
    assert seen.models_path == "/usr/share/ollama/.ollama/models"
    assert seen.loaded_models == [
        LoadedModel(name="qwen3:8b", size_bytes=6_000_000_000, vram_bytes=4_500_000_000, context_length=4096,
                    gpu_layers=None, expires_at="2026-11-23T02:20:11.5+01:00")
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("printed", "version"),
    [
        (done("ollama version is 0.12.3\n"), "0.12.3"),
        (done("Warning: could not connect to a running Ollama instance\nWarning: client version is 0.11.0\n"), "0.11.0"),
        (done("ollama version is 0.12.3\nWarning: client version is 0.5.4\n"), "0.5.4"),
        (done("x\ufffd\n"), Unknown("ollama --version printed no version")),
    ],
)
def test_version_where_nothing_runs(printed: dict[str, Any], version: Any) -> None:
    host = host_with(PROGRAM, answers={("which", "ollama"): [PROGRAM], VERSION: printed})
    seen = ollama.probe(host, around())
    assert (seen.installed, seen.running, seen.loaded_models, seen.version) == (True, False, None, version)
    assert (seen.packaging, seen.listen_address, seen.service_unit) == ("archive", None, None)


@pytest.mark.parametrize("address", ["192.168.1.5:11434", "http://gpu-box", "https://ollama.com"])
def test_another_machine_is_never_asked(address: str) -> None:
    host = host_with(PROGRAM, answers={("which", "ollama"): [PROGRAM], VERSION: done("ollama version is 9.9.9")})
    seen = ollama.probe(host, around(env={"OLLAMA_HOST": address}))
    assert seen.version == Unknown("not asked, since OLLAMA_HOST points to another machine")


@pytest.mark.parametrize(
    ("listeners", "http", "taken", "address", "error"),
    [
        ([listener(11434, 9, "nginx")], {}, "nginx", None, None),
        ([listener(11434, None)], {(11434, "/api/version"): {"hello": 1}}, Unknown("the listener belongs to another user"),
         Unknown("the listener belongs to another user"), "the listener does not answer as Ollama does"),
        ([listener(11434, None)], {(11434, "/api/version"): {"version": "0.1"}, (11434, "/api/ps"): {"models": []}},
         None, "127.0.0.1", None),
    ],
)  # fmt: skip
def test_the_port_without_a_process_of_its_own(listeners: Any, http: Any, taken: Any, address: Any, error: Any) -> None:
    host = host_with(PROGRAM, http=http, answers={("which", "ollama"): [PROGRAM]})
    seen = ollama.probe(host, around(listeners=listeners))
    assert (seen.port_taken_by, seen.listen_address, seen.api_error) == (taken, address, error)


def test_a_container_is_told_by_its_port_alone() -> None:
    host = host_with(http={(11434, "/api/version"): {"version": "0.12.0"}, (11434, "/api/ps"): {"models": None}})
    seen = ollama.probe(host, around(listeners=[listener(11434, 77, "docker-proxy", "0.0.0.0")]))
    assert (seen.installed, seen.packaging, seen.running, seen.api_version) == (True, "docker", True, "0.12.0")
    assert seen.listen_address == "0.0.0.0" and seen.loaded_models == []
    assert isinstance(seen.version, Unknown) and isinstance(seen.backends, Unknown)


def test_leftovers_are_not_an_installation() -> None:
    host = host_with("/home/ada/.ollama/models/manifests/", files={UNIT_PATH: UNIT})
    assert ollama.probe(host, around()).installed is False


def test_a_server_started_by_hand_and_its_models() -> None:
    root = "/data/models"
    sha = "sha256:" + "a" * 64
    manifest = {
        "layers": [
            {"mediaType": "application/vnd.ollama.image.model", "digest": sha, "size": 4000},
            {"mediaType": "application/vnd.ollama.image.params", "digest": "sha256:b", "size": 96},
        ]
    }
    text = msgspec.json.encode(manifest).decode()
    host = host_with(
        PROGRAM,
        f"{root}/blobs/sha256-{'c' * 64}-partial",
        f"{root}/blobs/sha256-{'c' * 64}-partial-0",
        files={
            f"{root}/manifests/registry.ollama.ai/library/qwen3/8b": text,
            f"{root}/manifests/hf.co/bartowski/x-GGUF/Q4_K_M": "not json",
        },
        http={(9000, "/api/version"): {"version": "0.12.3"}, (9000, "/api/ps"): {"models": []}},
        answers={("which", "ollama"): [PROGRAM]},
    )
    env = {"OLLAMA_HOST": "0.0.0.0:9000", "OLLAMA_MODELS": root, "OLLAMA_API_KEY": "<hidden>"}
    server = process(4, PROGRAM, "serve", environment=env, executable_deleted=True)
    runner = process(5, PROGRAM, "runner", "--model", "x", "--port", "40001", environment=env, parent=4)
    seen = ollama.probe(host, around([server, runner], [listener(9000, 4, address="::"), listener(40001, 5)]))
    assert (seen.port, seen.listen_address, seen.settings["OLLAMA_MODELS"]) == (9000, "::", root)
    assert seen.models == [
        LocalModel(name="hf.co/bartowski/x-GGUF:Q4_K_M", path=None, size_bytes=None),
        LocalModel(name="qwen3:8b", path=f"{root}/blobs/sha256-{'a' * 64}", size_bytes=4096),
    ]
    assert seen.incomplete_downloads == [f"sha256-{'c' * 64}-partial"] and seen.models_path_accessible is True
    assert isinstance(seen.processes, list) and seen.processes[0].executable_deleted is True
    assert isinstance(seen.version, Unknown), "the file on disk is another than the one that runs"


def test_models_of_a_service_in_a_home_folder_that_it_may_not_enter() -> None:
    host = host_with(
        PROGRAM,
        "/home/ada/models/",
        "/run/systemd/system/",
        files={UNIT_PATH: UNIT},
        answers={
            ("which", "ollama"): [PROGRAM],
            ("stat", "/home/ada"): {**FOLDER, "mode": 0o700},
            SHOW: done("ActiveState=failed\nNRestarts=0\nUser=ollama\nEnvironment=OLLAMA_MODELS=/home/ada/models\n"),
            ("stat", "/usr/share/ollama"): {**FOLDER, "uid": 998},
        },
    )
    seen = ollama.probe(host, around())
    assert (seen.service_state, seen.running, seen.models_path_accessible) == ("failed", False, False)


def test_windows() -> None:
    program = "C:\\Users\\ada\\AppData\\Local\\Programs\\Ollama\\ollama.exe"
    log = "C:\\Users\\ada\\AppData\\Local\\Ollama\\server.log"
    known: dict[Key, Any] = {
        ("system", "platform"): "windows",
        ("system", "home"): "C:\\Users\\ada",
        ("env", "LOCALAPPDATA"): "C:\\Users\\ada\\AppData\\Local",
        ("which", "ollama"): [program],
        ("stat", program): FOLDER,
        ("stat", log): FOLDER,
        ("list", "C:\\Users\\ada\\AppData\\Local\\Programs\\Ollama\\lib\\ollama"): [
            "cuda_v13",
            "ggml-cpu-haswell.dll",
            "vulkan",
        ],
        ("stat", "C:\\Users\\ada\\AppData\\Local\\Programs\\Ollama\\lib\\ollama"): FOLDER,
        ("list", "C:\\Users\\ada\\AppData\\Local\\Programs\\Ollama\\lib\\ollama\\cuda_v13"): ["ggml-cuda.dll"],
        ("list", "C:\\Users\\ada\\AppData\\Local\\Programs\\Ollama\\lib\\ollama\\vulkan"): ["ggml-vulkan.dll"],
        ("winapi", "uninstall_version", "Ollama version"): "0.12.6",
    }
    seen = ollama.probe(host_with(platform="windows", answers=known), around(platform="windows"))
    assert (seen.packaging, seen.version, seen.backends) == ("app", "0.12.6", ["cpu", "cuda_v13", "vulkan"])
    assert (seen.models_path, seen.log_paths) == ("C:\\Users\\ada\\.ollama\\models", [log])
