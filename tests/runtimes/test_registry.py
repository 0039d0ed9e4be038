"""All runtimes together: they are found, quick where absent, and calm whatever they are answered."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from llmdoctor.catalogs.ports import DEFAULT_PORTS
from llmdoctor.facts.fact import REST, Unknown
from llmdoctor.facts.machine import PythonEnv, Runtime
from llmdoctor.host.host import Host
from llmdoctor.host.question import ABSENT, Answer, Question
from llmdoctor.runtimes import RuntimeModule, all_runtimes, owner_of, runtime_names
from tests.fakes import fake_host

from .scene import FILE, around, listener, process

MODULES = all_runtimes()
NAMES = [module.NAME for module in MODULES]


def test_every_runtime_that_the_catalogue_names_is_found_once() -> None:
    assert sorted(NAMES) == sorted(DEFAULT_PORTS)
    assert runtime_names() == frozenset(NAMES)


@pytest.mark.parametrize("module", MODULES, ids=NAMES)
@pytest.mark.parametrize("platform", ["linux", "windows", "macos"])
def test_absent_is_absent_in_every_field_and_asks_little(module: RuntimeModule, platform: str) -> None:
    asked: list[Question] = []

    def backend(question: Question) -> Answer:
        asked.append(question)
        homes = {"platform": platform, "home": "C:\\Users\\ada" if platform == "windows" else "/home/ada"}
        if question.kind == "system" and question.key[0] in homes:
            return Answer(value=homes[str(question.key[0])])
        return Answer(value=[]) if question.kind == "which" else Answer(error=ABSENT)

    runtime = module.probe(Host(backend), around(platform=platform))
    values = msgspec.structs.asdict(runtime)
    assert values.pop("installed") is False
    assert values.pop("settings") == {REST: None} and values.pop("shell_only_settings") == {REST: None}
    assert set(values.values()) == {None}
    assert not [question for question in asked if question.kind in ("command", "http", "processes")]
    assert len([question for question in asked if question.kind not in ("system",)]) < 80


@pytest.mark.parametrize("module", MODULES, ids=NAMES)
def test_nothing_can_be_looked_at(module: RuntimeModule) -> None:
    hidden = Unknown("no permission")
    runtime = module.probe(
        fake_host({}, otherwise="no permission"), around(processes=hidden, listeners=hidden, python_envs=hidden)
    )
    assert isinstance(runtime.installed, Unknown) and isinstance(runtime.running, Unknown)
    assert runtime.port_taken_by is None or isinstance(runtime.port_taken_by, Unknown)


# What a hostile or broken machine may answer, in the place of anything.
GARBAGE: list[Any] = [
    [], {}, "", "{}", "[1, 2]", "null", 7, -1, True, [1, None, {"name": 3}],
    {"status": 200, "body": {"models": [3, None, {"name": 5, "size": -1, "size_vram": "x"}], "data": [[], 1, {"id": 3}]}},
    {"status": 200, "body": {"models": None, "data": None, "version": {}, "result": []}},
    {"status": 200, "body": "x" * 100000}, {"status": 500, "body": None}, {**FILE, "kind": "dir"},
]  # fmt: skip
RUNNING = [
    process(11, "/usr/local/bin/ollama", "serve"),
    process(12, "/usr/local/bin/llama-server", "-m", "x.gguf", "--port"),
    process(13, "/opt/LM-Studio/lm-studio"),
    process(14, "/usr/bin/Jan"),
    process(15, "/home/ada/text-generation-webui/env/bin/python", "server.py", "--api"),
    process(16, "/home/ada/koboldcpp-linux-x64", "x.gguf", "99999999"),
    process(17, "/v/bin/python", "/v/bin/vllm", "serve"),
    process(18, "/home/ada/gpt4all/bin/chat"),
]


@pytest.mark.parametrize("module", MODULES, ids=NAMES)
@pytest.mark.parametrize("garbage", GARBAGE, ids=lambda one: msgspec.json.encode(one)[:40].decode())
def test_garbage_gives_a_runtime_that_can_be_saved(module: RuntimeModule, garbage: Any) -> None:
    def backend(question: Question) -> Answer:
        if question == Question("system", ("platform",)):
            return Answer(value="linux")
        if question == Question("system", ("home",)):
            return Answer(value="/home/ada")
        return Answer(value=garbage)

    listeners = [
        listener(DEFAULT_PORTS[name][-1], 11 + number)
        for number, name in enumerate(
            ("ollama", "llama.cpp", "lmstudio", "jan", "text-generation-webui", "koboldcpp", "vllm", "gpt4all")
        )
    ]
    runtime = module.probe(Host(backend), around(RUNNING, listeners, python_envs=[PythonEnv(packages={"vllm": "0.9"})]))
    assert runtime.installed is True and runtime.running is True
    assert msgspec.json.decode(msgspec.json.encode(runtime), type=Runtime) == runtime


@pytest.mark.parametrize(
    ("one", "name"),
    [
        *zip(RUNNING, ["ollama", "llama.cpp", "lmstudio", "jan", "text-generation-webui", "koboldcpp", "vllm", "gpt4all"]),
        (process(1, "/usr/local/lib/ollama/llama-server", "--port", "40000"), "ollama"),
        (process(1, "/usr/local/bin/ollama", "runner", "--model", "x"), "ollama"),
        (process(1, "/home/ada/.local/share/Jan/data/llamacpp/backends/b6765/linux-vulkan-x64/build/bin/llama-server"), "jan"),
        (process(1, "/data/models/llamacpp/backends/b1/linux-x64/llama-server"), "jan"),
        (process(1, "/home/jan/llama.cpp/build/bin/llama-server", "-m", "x"), "llama.cpp"),
        (process(1, "/home/ada/.lmstudio/extensions/backends/llama.cpp-linux-1.5/llama-server"), "lmstudio"),
        (process(1, "/v/lib/python3.11/site-packages/llama_cpp_binaries/bin/llama-server"), "text-generation-webui"),
        (process(1, "/usr/bin/python3.11", "-m", "vllm.entrypoints.openai.api_server", "--model", "x"), "vllm"),
        (process(1, "VLLM::EngineCore", executable="/usr/bin/python3.11"), "vllm"),
        (process(1, "python3", "koboldcpp.py", "--model", "x.gguf", executable="/usr/bin/python3.11"), "koboldcpp"),
        # programs that only speak of a runtime
        (process(1, "/usr/bin/vim", "/home/ada/.lmstudio/settings.json"), None),
        (process(1, "/usr/bin/less", "/usr/lib/ollama/README"), None),
        (process(1, "/usr/bin/python3", "chat_with.py", "--backend", "vllm"), None),
        (process(1, "/home/ada/.lmstudio/bin/lms", "ps"), None),
    ],
)
def test_a_process_belongs_to_one_runtime(one: Any, name: str | None) -> None:
    assert owner_of(one) == name
    assert sum(module.owns(one) for module in MODULES) == (name is not None)
