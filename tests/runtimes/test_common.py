"""The helpers that the runtimes share."""

from __future__ import annotations

import doctest
from importlib import import_module
from typing import Any

import pytest

from llmdoctor.facts.fact import REST, Table, Unknown
from llmdoctor.host.host import Completed
from llmdoctor.runtimes.common import backends, models, places, ports, processes, sandbox, units
from tests.fakes import error, fake_host

from .scene import FOLDER, around, host_with, listener, process

_COMMON = ("backends", "places", "processes", "sandbox", "units")


@pytest.mark.parametrize(
    "name", [*(f"common.{one}" for one in _COMMON), "ollama", "gpt4all", "text_generation_webui"]
)  # fmt: skip
def test_examples_in_the_docstrings(name: str) -> None:
    done = doctest.testmod(import_module(f"llmdoctor.runtimes.{name}"))
    assert done.attempted and not done.failed


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        (["--api-key", "s3cret", "--port", "1"], ["--api-key", "<hidden>", "--port", "1"]),
        (["--api-key=s3cret"], ["--api-key=<hidden>"]),
        (["--hf-token", "abc", "-hft", "abc"], ["--hf-token", "<hidden>", "-hft", "<hidden>"]),
        (["--hordekey", "k", "--gradio-auth", "u:p"], ["--hordekey", "<hidden>", "--gradio-auth", "<hidden>"]),
        (["--password", "--quiet"], ["--password", "--quiet"]),
        (["-p", "dear diary", "--temp", "0"], ["-p", "<hidden>", "--temp", "0"]),
        (["--api-key-file", "/etc/keys"], ["--api-key-file", "/etc/keys"]),
        (["--ssl-keyfile", "/etc/k.pem"], ["--ssl-keyfile", "/etc/k.pem"]),
        (["--cache-type-k", "q8_0", "--max-tokens", "5"], ["--cache-type-k", "q8_0", "--max-tokens", "5"]),
        (["http://u:p@host/x"], ["http://host/x"]),
    ],
)
def test_secrets_leave_the_command_line(given: list[str], shown: list[str]) -> None:
    assert processes.hide_secrets(given) == shown


@pytest.mark.parametrize(
    ("text", "name", "value"),
    [
        ("A=1\n", "A", None),  # outside of [Service]
        ("[Service]\nEnvironment=A=1\nEnvironment=\nEnvironment=B=2", "A", None),
        ('[Service]\nEnvironment="OLLAMA_MODELS=/my models" C=3', "OLLAMA_MODELS", "/my models"),
        ("[Service]\nEnvironment='A=x y'", "A", "x y"),
        ("[Service]\n#Environment=A=1", "A", None),
        ("[Service]\nEnvironment=A=1 \\\n B=2", "B", "2"),
        ('[Service]\nEnvironment="A=say \\"hi\\""', "A", 'say "hi"'),
    ],
)
def test_variables_of_a_unit_file(text: str, name: str, value: str | None) -> None:
    assert units.parse_unit([text])[1].get(name) == value


UNIT = "[Unit]\nDescription=x\n[Service]\nExecStart=/usr/local/bin/ollama serve\nUser=ollama\nEnvironment=OLLAMA_HOST=0.0.0.0\n"
SHOW = ("command", 3000, "systemctl", "show", "--no-pager", "-p",
        "LoadState,ActiveState,SubState,NRestarts,ExecMainStatus,User,Environment,EnvironmentFiles", "ollama.service")  # fmt: skip


def test_a_unit_with_the_manager() -> None:
    shown = "ActiveState=activating\nNRestarts=17\nUser=ollama\nEnvironment=OLLAMA_HOST=0.0.0.0 HF_HOME=/x\n"
    host = host_with(
        "/run/systemd/system/",
        files={"/etc/systemd/system/ollama.service": UNIT},
        answers={SHOW: {"status": 0, "stdout": shown, "stderr": ""}},
    )
    unit = units.find(host, around(), ("ollama.service",))
    assert unit is not None and (unit.state, unit.restarts, unit.user) == ("activating", 17, "ollama")
    assert unit.environment == {"OLLAMA_HOST": "0.0.0.0", "HF_HOME": "/x", REST: None}


def test_a_unit_without_a_manager_is_read_from_its_files() -> None:
    drop_in = "[Service]\nEnvironment=OLLAMA_HOST=127.0.0.1:9\nEnvironmentFile=-/etc/default/ollama\n"
    host = host_with(
        files={
            "/etc/systemd/system/ollama.service": UNIT,
            "/etc/systemd/system/ollama.service.d/override.conf": drop_in,
            "/etc/default/ollama": "# c\nOLLAMA_DEBUG='1'\n",
        }
    )
    unit = units.find(host, around(), ("ollama.service",))
    assert unit is not None and isinstance(unit.state, Unknown)
    assert unit.environment == {"OLLAMA_HOST": "127.0.0.1:9", "OLLAMA_DEBUG": "1", REST: None}


def test_no_unit_file_starts_no_command() -> None:
    assert units.find(host_with("/run/systemd/system/"), around(), ("ollama.service",)) is None


@pytest.mark.parametrize(
    ("listeners", "pids", "expected"),
    [
        ([], [1], (80, None, None, False, False)),
        ([listener(80, 1)], [1], (80, "127.0.0.1", None, True, True)),
        ([listener(80, 1), listener(80, 1, address="::")], [1], (80, "::", None, True, True)),
        ([listener(99, 1)], [1], (99, "127.0.0.1", None, True, True)),
        ([listener(80, 2, "nginx")], [1], (80, None, "nginx", False, False)),
        ([listener(80, 2)], [1], (80, None, "process 2", False, False)),
        ([listener(80, 2, "docker-proxy", "0.0.0.0")], [], (80, "0.0.0.0", Unknown("the listener belongs to another user"), True, False)),
        ([listener(80, None)], [], (80, "127.0.0.1", Unknown("the listener belongs to another user"), True, False)),
        (Unknown("hidden"), [1], (80, Unknown("hidden"), Unknown("hidden"), False, False)),
    ],
)  # fmt: skip
def test_who_listens(listeners: Any, pids: list[int], expected: tuple[Any, ...]) -> None:
    assert ports.port_state(around(listeners=listeners), pids, 80) == expected


def test_ports_of_an_app_for_itself_do_not_count() -> None:
    state = ports.port_state(around(listeners=[listener(41343, 1)]), [1], 1234, strict=True)
    assert state == (1234, None, None, False, False)


def test_a_server_bound_to_one_address_is_not_asked() -> None:
    state = ports.port_state(around(listeners=[listener(80, 1, address="192.168.0.9")]), [1], 80)
    api = ports.Api(fake_host({}, otherwise="must not be asked"), state)
    assert api.get("/") is None and "192.168.0.9 alone" in str(api.error)


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (error("no answer within 0.5 s"), "no answer within 0.5 s"),
        ({"status": 401, "body": ""}, "it asks for an API key"),
        ({"status": 503, "body": {}}, "/v1 answered with status 503"),
        (error("absent"), "port 80 refused the connection"),
    ],
)
def test_why_an_api_did_not_answer(answer: Any, why: str) -> None:
    api = ports.Api(fake_host({("http", 80, "/v1", 500): answer}), ports.PortState(80, "::", None, True, True))
    assert api.get("/v1") is None and api.error == why and not api.answered


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/opt/homebrew/Cellar/ollama/0.12.3/bin/ollama", "brew"),
        ("/nix/store/8x8mxwvvd9ch63bzh8c0q5v1nq5qvy0f-ollama-0.12.3/bin/ollama", "nix"),
        ("/snap/ollama/27/bin/ollama", "snap"),
        ("/usr/bin/ollama", "package"),
        ("/usr/local/bin/ollama", None),
        ("/Applications/Ollama.app/Contents/Resources/ollama", "app"),
        ("/home/ada/llama.cpp/build/bin/llama-server", "source"),
        ("/home/ada/Applications/LM-Studio-0.3.30-2-x64.AppImage", "appimage"),
        ("/home/ada/miniconda3/envs/x/bin/llama-server", "conda"),
    ],
)
def test_packaging_by_path(path: str, kind: str | None) -> None:
    assert places.packaging(path, "linux") == kind


@pytest.mark.parametrize(
    ("path", "version"),
    [
        ("/opt/homebrew/Cellar/ollama/0.12.3_1/bin/ollama", "0.12.3"),
        ("/nix/store/8x8mxwvvd9ch63bzh8c0q5v1nq5qvy0f-ollama-cuda-0.12.3/bin/ollama", "0.12.3"),
        ("/usr/local/bin/ollama", None),
    ],
)
def test_versions_that_a_path_names(path: str, version: str | None) -> None:
    assert places.version_in_path(path) == version


def test_versions_of_package_managers() -> None:
    dpkg = host_with(
        "/var/lib/dpkg/info/ollama.list",
        answers={
            ("command", 3000, "dpkg-query", "-W", "-f=${Version}", "ollama"): {"status": 0, "stdout": "2:0.9.1-3", "stderr": ""}
        },
    )
    assert places.package_version(dpkg, ("ollama",)) == "0.9.1"
    pacman = host_with("/var/lib/pacman/local/ollama-cuda-0.12.3-1/", "/var/lib/pacman/local/ollama-0.12.3-1/")
    assert places.package_version(pacman, ("ollama",)) == "0.12.3"
    assert places.package_version(host_with(), ("ollama",)) is None


def test_a_program_found_twice_stands_once() -> None:
    host = host_with(
        "/usr/bin/ollama",
        "/bin/ollama",
        "/usr/local/bin/ollama",
        answers={("which", "ollama"): ["/bin/ollama", "/usr/bin/ollama"], ("realpath", "/bin/ollama"): "/usr/bin/ollama"},
    )
    assert places.programs(host, around(), ("ollama",)) == ["/bin/ollama", "/usr/local/bin/ollama"]
    hidden = fake_host({("which", "x"): error("PATH is not set")})
    assert places.programs(hidden, around(), ("x",)) == Unknown("PATH is not set")


@pytest.mark.parametrize(
    ("names", "found"),
    [
        (["libggml-base.so", "libggml-cpu.so", "libggml-vulkan.so"], ["cpu", "vulkan"]),
        (["ggml-cuda.dll", "cudart64_13.dll", "ggml-cpu-haswell.dll"], ["cpu", "cuda_v13"]),
        (["libggml-cuda.so", "libcudart.so.11.0", "libcublas.so.12"], ["cuda"]),
        (["libggml-hip.so.0"], ["rocm"]),
        (["libcudart.so.12"], []),
    ],
)
def test_backends_by_libraries(names: list[str], found: list[str]) -> None:
    assert backends.by_libraries(names) == found


@pytest.mark.parametrize(
    ("metadata", "override", "access"),
    [
        ("[Context]\ndevices=all;\n", None, True),
        ("[Context]\ndevices=dri;\n", "[Context]\ndevices=!dri;\n", False),
        ("[Context]\nshared=network;\n", "[Context]\ndevices=dri;\n", True),
        ("[Context]\nshared=network;\n", None, False),
    ],
)
def test_gpu_of_a_flatpak(metadata: str, override: str | None, access: bool) -> None:
    files = {"/f/metadata": metadata}
    if override:
        files["/home/ada/.local/share/flatpak/overrides/a.b.C"] = override
    assert sandbox.flatpak_gpu_access(host_with(files=files), "/f", "a.b.C") is access


@pytest.mark.parametrize(
    ("table", "access"),
    [
        ("Interface  Plug           Slot     Notes\nnetwork    ollama:network  :network  -\nopengl     ollama:opengl  :opengl  -", True),
        ("Interface  Plug           Slot     Notes\nopengl     ollama:opengl  -        -", False),
        ("Interface  Plug           Slot     Notes\nnetwork    ollama:network  :network  -", False),
    ],
)  # fmt: skip
def test_gpu_of_a_snap(table: str, access: bool) -> None:
    done = Completed(status=0, stdout=table, stderr="")
    host = fake_host({("command", 3000, "snap", "connections", "ollama"): {"status": 0, "stdout": done.stdout, "stderr": ""}})
    assert sandbox.snap_gpu_access(host, "ollama") is access


@pytest.mark.parametrize(
    ("mode", "owner", "uid", "expected"),
    [
        (0o755, 1000, 998, True),
        (0o700, 1000, 998, False),
        (0o750, 1000, 998, Unknown("depends on whether ollama owns /home/ada or is in its group")),
        (0o700, 998, 998, True),
        (0o700, 1000, 0, True),
        (0o700, 1000, None, Unknown("depends on whether ollama owns /home/ada or is in its group")),
    ],
)
def test_may_a_service_enter_a_folder(mode: int, owner: int, uid: int | None, expected: Any) -> None:
    home = {**FOLDER, "mode": mode, "uid": owner}
    host = host_with("/home/ada/models/", answers={("stat", "/home/ada"): home})
    assert models.accessible_to(host, "/home/ada/models", uid, "ollama") == expected


def test_walk_finds_models_and_half_finished_downloads() -> None:
    root = "/home/ada/.lmstudio/models"
    host = host_with(f"{root}/org/repo/a.gguf", f"{root}/org/repo/downloading_b.gguf.part", f"{root}/org/repo/config.json")
    found, partial = models.gguf_models(host, root)
    assert isinstance(found, list) and [(one.name, one.size_bytes) for one in found] == [("org/repo/a.gguf", 1000)]
    assert partial == [f"{root}/org/repo/downloading_b.gguf.part"]
    assert models.gguf_models(host_with(), root) == (None, None)


def test_shell_only() -> None:
    shell: Table = {"OLLAMA_NUM_PARALLEL": "4", "OLLAMA_HOST": "1.2.3.4", "PATH": "/bin", "HF_TOKEN": "hf_x", REST: None}
    assert processes.shell_only(shell, {"OLLAMA_HOST": "0.0.0.0", REST: None}) == {
        "OLLAMA_NUM_PARALLEL": "4",
        "HF_TOKEN": "<hidden>",
        REST: None,
    }
    hidden = Unknown("not readable")
    assert processes.shell_only(shell, {REST: hidden}) == {REST: hidden}


def test_a_process_of_another_user() -> None:
    facts = processes.facts_of([process(7, "/usr/local/bin/ollama", "serve", environment=None)], "linux")
    assert isinstance(facts, list) and isinstance(facts[0].uses_gpu_library, Unknown)
    mine = processes.facts_of([process(7, "/x/ollama", libraries=["libcuda.so.1"])], "linux")
    assert isinstance(mine, list) and mine[0].uses_gpu_library is True
