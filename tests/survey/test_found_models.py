"""What a user types, and which of the models in made folders is meant by it."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from llmdoctor.facts.machine import Machine, Runtime
from llmdoctor.host.host import Host
from llmdoctor.host.live import Live
from llmdoctor.host.question import ABSENT, Answer, Question
from llmdoctor.models.error import ModelError
from llmdoctor.survey.found_models import all_models, find
from llmdoctor.survey.model_folders import FoundModel
from tests.models.test_ollama_manifest import layer, write_blob, write_manifest

REPO = "hub/models--ada--tiny/snapshots"


def host_at(home: Path, **env: str) -> Host:
    """This machine's files, with another home folder and these variables alone."""
    live = Live()

    def backend(question: Question) -> Answer:
        if question == Question("system", ("home",)):
            return Answer(value=str(home))
        if question.kind == "env":
            value = env.get(str(question.key[0]))
            return Answer(value=value) if value is not None else Answer(error=ABSENT)
        return live(question)

    return Host(backend)


def write(path: Path, size: int = 10) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x" * size)
    return path


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A machine with something of everything."""
    ollama = tmp_path / ".ollama/models"
    for name, letter in (("registry.ollama.ai/library/llama3.1/8b", "a"), ("registry.ollama.ai/ada/tiny/latest", "b")):
        write_manifest(ollama, name, {"layers": [layer("model", letter, 700)]})
        write_blob(ollama, letter)
    write_manifest(ollama, "hf.co/ada/tiny-GGUF/Q4_K_M", {"layers": [layer("model", "c", 300), layer("projector", "d")]})
    write_blob(ollama, "c")
    write_manifest(ollama, "registry.ollama.ai/library/gone/latest", {"layers": [layer("model", "e")]})
    write_manifest(ollama, "registry.ollama.ai/library/far/cloud", {"layers": []})

    hub = tmp_path / ".cache/huggingface"
    for name in (
        "config.json",
        "model-00001-of-00002.safetensors",
        "model-00002-of-00002.safetensors",
        "consolidated.safetensors",
    ):
        write(hub / REPO / "1111111111" / name)
    write(hub / "hub/models--ada--tiny/refs/main").write_text("1111111111\n")
    write(hub / REPO / "0000000000/config.json")
    write(hub / REPO / "0000000000/model.safetensors")
    for name in ("big-Q4_K_M.gguf", "big-Q8_0.gguf", "BF16/big-BF16-00001-of-00002.gguf", "BF16/big-BF16-00002-of-00002.gguf"):
        write(hub / "hub/models--bob--big-GGUF/snapshots/22" / name)
    write(hub / "hub/models--bob--big-GGUF/snapshots/22/mmproj-F16.gguf")
    write(hub / "hub/datasets--bob--words/snapshots/33/words.gguf")

    studio = tmp_path / ".lmstudio/models"
    write(studio / "pub/Qwen3-8B-GGUF/Qwen3-8B-Q4_K_M.gguf", 40)
    write(studio / "pub/Qwen3-8B-GGUF/mmproj-model-f16.gguf")
    write(studio / "pub/mlx-4bit/config.json")
    write(studio / "pub/mlx-4bit/model.safetensors", 50)

    jan = tmp_path / "jan/llamacpp/models"
    write(jan / "gemma-3/model.gguf", 60)
    write(jan / "gemma-3/model.yml").write_text(
        "name: Gemma 3\nmodel_path: llamacpp/models/gemma-3/model.gguf\nsize_bytes: 60\n"
    )
    outside = write(tmp_path / "elsewhere/imported.gguf", 61)
    write(jan / "org/imported/model.yml").write_text(f"embedding: false\nmodel_path: '{outside}'\n")
    write(jan / "loose/loose.gguf", 62)
    write(jan / "lost/model.yml").write_text("model_path: llamacpp/models/lost/model.gguf\n")

    webui = tmp_path / "text-generation-webui"
    write(webui / "user_data/models/flat-Q5_K_M.gguf", 70)
    write(webui / "models/old-folder/config.json")
    write(webui / "models/old-folder/gptq_model-4bit.safetensors", 71)
    write(webui / "models/old-folder/adapter_model.safetensors", 9)

    write(tmp_path / ".cache/llama.cpp/ggml-org_tiny-lm_tiny-lm-Q8_0.gguf", 80)
    write(tmp_path / "models/parts-00001-of-00003.gguf", 90)
    write(tmp_path / "models/parts-00003-of-00003.gguf", 90)
    write(tmp_path / "models/imatrix.gguf")
    write(tmp_path / "models/image/model_index.json")
    write(tmp_path / "models/image/unet/config.json")
    write(tmp_path / "models/image/unet/model.safetensors")
    return tmp_path


def machine_at(home: Path) -> Machine:
    webui = str(home / "text-generation-webui")
    return Machine(
        runtimes={
            "ollama": Runtime(models_path=str(home / ".ollama/models")),
            "jan": Runtime(models_path=str(home / "jan/llamacpp/models")),
            "text-generation-webui": Runtime(path=webui, models_path=f"{webui}/user_data/models"),
            "llama.cpp": Runtime(models_path=None),
        }
    )


def relative(home: Path, found: FoundModel) -> str:
    return found.path[len(str(home)) + 1 :]


def test_all_models_are_listed_once_by_their_programs_names(home: Path) -> None:
    found = all_models(host_at(home), machine_at(home))
    assert sorted((one.runtime, one.name, one.bytes) for one in found) == [
        ("", "parts-00001-of-00003.gguf", 180),
        ("huggingface", "ada/tiny", 20),
        ("huggingface", "bob/big-GGUF/BF16/big-BF16-00001-of-00002.gguf", 20),
        ("huggingface", "bob/big-GGUF/big-Q4_K_M.gguf", 10),
        ("huggingface", "bob/big-GGUF/big-Q8_0.gguf", 10),
        ("jan", "gemma-3", 60),
        ("jan", "loose/loose.gguf", 62),
        ("jan", "org/imported", 61),
        ("llama.cpp", "ggml-org_tiny-lm_tiny-lm-Q8_0.gguf", 80),
        ("lmstudio", "pub/Qwen3-8B-GGUF/Qwen3-8B-Q4_K_M.gguf", 40),
        ("lmstudio", "pub/mlx-4bit", 50),
        ("ollama", "ada/tiny:latest", 700),
        ("ollama", "gone:latest", 100),
        ("ollama", "hf.co/ada/tiny-GGUF:Q4_K_M", 300),
        ("ollama", "llama3.1:8b", 700),
        ("text-generation-webui", "flat-Q5_K_M.gguf", 70),
        ("text-generation-webui", "old-folder", 71),
    ]


BLOB = ".ollama/models/blobs/sha256-"
BIG = ".cache/huggingface/hub/models--bob--big-GGUF/snapshots/22"
TINY = ".cache/huggingface/hub/models--ada--tiny/snapshots/1111111111"
QWEN = ".lmstudio/models/pub/Qwen3-8B-GGUF/Qwen3-8B-Q4_K_M.gguf"


@pytest.mark.parametrize(
    ("typed", "path"),
    [
        ("llama3.1:8b", BLOB + "a" * 64),
        ("LLAMA3.1:8B", BLOB + "a" * 64),
        ("registry.ollama.ai/library/llama3.1:8b", BLOB + "a" * 64),
        ("ada/tiny:latest", BLOB + "b" * 64),
        ("hf.co/ada/tiny-GGUF:Q4_K_M", BLOB + "c" * 64),
        ("huggingface.co/Ada/tiny-GGUF:q4_k_m", BLOB + "c" * 64),
        ("bob/big-GGUF:Q8_0", f"{BIG}/big-Q8_0.gguf"),
        ("hf.co/bob/big-GGUF:q4_k_m", f"{BIG}/big-Q4_K_M.gguf"),
        ("big-GGUF@q8_0", f"{BIG}/big-Q8_0.gguf"),
        ("https://huggingface.co/bob/big-GGUF:BF16", f"{BIG}/BF16/big-BF16-00001-of-00002.gguf"),
        ("big-BF16", f"{BIG}/BF16/big-BF16-00001-of-00002.gguf"),
        ("big-BF16-00002-of-00002.gguf", f"{BIG}/BF16/big-BF16-00001-of-00002.gguf"),
        ("Qwen3-8B-Q4_K_M.gguf", QWEN),
        ("qwen3-8b-q4_k_m", QWEN),
        ("pub/qwen3-8b-gguf", QWEN),
        ("pub\\Qwen3-8B-GGUF\\Qwen3-8B-Q4_K_M.gguf", QWEN),
        ("mlx-4bit", ".lmstudio/models/pub/mlx-4bit"),
        ("gemma-3", "jan/llamacpp/models/gemma-3/model.gguf"),
        ("imported", "elsewhere/imported.gguf"),
        ("old-folder", "text-generation-webui/models/old-folder"),
        ("ggml-org/tiny-lm:Q8_0", ".cache/llama.cpp/ggml-org_tiny-lm_tiny-lm-Q8_0.gguf"),
        ("parts", "models/parts-00001-of-00003.gguf"),
        ("~/elsewhere/imported.gguf", "elsewhere/imported.gguf"),
        ("~/models", "models/parts-00001-of-00003.gguf"),
        ("ada/tiny", BLOB + "b" * 64),
        ("{home}/elsewhere", "elsewhere/imported.gguf"),
        ("{home}/elsewhere/imported.gguf", "elsewhere/imported.gguf"),
        ("{home}/.lmstudio/models/pub/mlx-4bit", ".lmstudio/models/pub/mlx-4bit"),
        ("{home}/.cache/huggingface/hub/models--ada--tiny", TINY),
        ("{home}/models/parts-00003-of-00003.gguf", "models/parts-00003-of-00003.gguf"),
    ],
)
def test_names_lead_to_paths(home: Path, typed: str, path: str) -> None:
    found = find(host_at(home), machine_at(home), typed.replace("{home}", str(home)))
    assert relative(home, found) == path


@pytest.mark.parametrize(
    ("typed", "why"),
    [
        ("llama3.1", r"no model of this name .*nearest: llama3\.1:8b"),
        ("llama3.1:70b", r"nearest: llama3\.1:8b"),
        ("qwen3-8b-q5_k_m", "nearest: pub/Qwen3-8B-GGUF/Qwen3-8B-Q4_K_M.gguf"),
        ("zzzzzzzzzz", "models of other names: 17$"),
        ("", "no model of this name"),
        ("a\0b", "no model of this name"),
        ("[x", "no model of this name"),
        ("bob/big-GGUF", r"means more than one model; .*big-Q4_K_M.gguf, .*"),
        ("gone", "sha256-e+ is not there; .*ollama pull gone:latest"),
        ("far:cloud", "names no GGUF file"),
        ("./no-such.gguf", r"\./no-such.gguf: no such file$"),
        ("{home}/jan/llamacpp/models/lost", "holds no model"),
        (
            "{home}/text-generation-webui",
            "holds more than one model; name one of them: models/old-folder, user_data/models/flat",
        ),
        ("/dev/null", "neither a file nor a folder"),
    ],
)
def test_what_is_not_there_or_not_clear_is_told_in_one_line(home: Path, typed: str, why: str) -> None:
    with pytest.raises(ModelError, match=why) as raised:
        find(host_at(home), machine_at(home), typed.replace("{home}", str(home)))
    assert "\n" not in str(raised.value) and "\0" not in str(raised.value)


@pytest.mark.parametrize(
    ("variables", "place"),
    [
        ({"HF_HUB_CACHE": "{home}/x"}, "x/models--ada--tiny/snapshots/11/tiny.gguf"),
        ({"HUGGINGFACE_HUB_CACHE": "{home}/x"}, "x/models--ada--tiny/snapshots/11/tiny.gguf"),
        ({"HF_HOME": "{home}/x"}, "x/hub/models--ada--tiny/snapshots/11/tiny.gguf"),
        ({"XDG_CACHE_HOME": "{home}/x"}, "x/huggingface/hub/models--ada--tiny/snapshots/11/tiny.gguf"),
        ({"LLAMA_CACHE": "{home}/x"}, "x/models--ada--tiny/snapshots/11/tiny.gguf"),
        ({"LLAMA_CACHE": "{home}/x"}, "x/ada_tiny_tiny.gguf"),
        ({"LOCALAPPDATA": "{home}/x"}, "x/llama.cpp/ada_tiny_tiny.gguf"),
        ({}, ".cache/lm-studio/models/ada/tiny/tiny.gguf"),
        ({}, "models/ada/tiny/tiny.gguf"),
    ],
)
def test_usual_places_follow_the_variables(tmp_path: Path, variables: dict[str, str], place: str) -> None:
    write(tmp_path / place)
    env = {name: value.format(home=tmp_path) for name, value in variables.items()}
    assert relative(tmp_path, find(host_at(tmp_path, **env), Machine(), "ada/tiny")) == place


def test_ollama_s_folder_follows_its_variable_and_its_server(tmp_path: Path) -> None:
    for folder, letter in (("mine", "a"), ("servers", "b")):
        write_manifest(tmp_path / folder, "registry.ollama.ai/library/phi4/latest", {"layers": [layer("model", letter)]})
        write_blob(tmp_path / folder, letter)
    host = host_at(tmp_path, OLLAMA_MODELS=str(tmp_path / "mine"))
    assert relative(tmp_path, find(host, Machine(), "phi4")) == "mine/blobs/sha256-" + "a" * 64
    machine = Machine(runtimes={"ollama": Runtime(models_path=str(tmp_path / "servers"))})
    found = find(host, machine, "phi4")
    assert relative(tmp_path, found) == "servers/blobs/sha256-" + "b" * 64
    assert found.manifest == str(tmp_path / "servers/manifests/registry.ollama.ai/library/phi4/latest")


@pytest.mark.parametrize(
    "runtime",
    [
        ("koboldcpp", Runtime(path="{home}/files/koboldcpp-linux-x64")),
        ("llama.cpp", Runtime(settings={"--models-dir": "{home}/files"})),
        ("llama.cpp", Runtime(settings={"model_path": "{home}/files/other.gguf"})),
        ("vllm", Runtime(settings={"--model": "{home}/files/tiny.gguf"})),
    ],
)
def test_what_a_runtime_was_started_with_is_looked_at(tmp_path: Path, runtime: tuple[str, Runtime]) -> None:
    name, facts = runtime
    facts = msgspec.json.decode(msgspec.json.encode(facts).replace(b"{home}", str(tmp_path).encode()), type=Runtime)
    write(tmp_path / "files/tiny.gguf")
    found = find(host_at(tmp_path), Machine(runtimes={name: facts}), "tiny")
    assert (relative(tmp_path, found), found.runtime) == ("files/tiny.gguf", name)


def test_copies_of_one_file_are_one_model_and_others_are_told_by_their_paths(tmp_path: Path) -> None:
    for folder, size in (("models/a", 10), (".lmstudio/models/a", 10)):
        write(tmp_path / folder / "same.gguf", size)
        write(tmp_path / folder / "other.gguf", size + len(folder))
    assert find(host_at(tmp_path), Machine(), "same").bytes == 10
    with pytest.raises(ModelError, match=r"more than one model.*/\.lmstudio/models/a/other.gguf, .*/models/a/other.gguf$"):
        find(host_at(tmp_path), Machine(), "other")


def test_a_folder_called_like_a_model_does_not_hide_it(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (home / "work/gemma-3").mkdir(parents=True)
    monkeypatch.chdir(home / "work")
    assert relative(home, find(host_at(home), machine_at(home), "gemma-3")) == "jan/llamacpp/models/gemma-3/model.gguf"
    write(home / "work/gemma-3/mine.gguf")
    assert find(host_at(home), machine_at(home), "gemma-3").path == "gemma-3/mine.gguf"


def test_files_of_older_commits_are_found_and_the_main_one_comes_first(tmp_path: Path) -> None:
    root = tmp_path / ".cache/huggingface/hub/models--ada--tiny"
    for place in ("11/old.gguf", "11/both.gguf", "22/both.gguf"):
        write(root / "snapshots" / place)
    write(root / "refs/main").write_text("22")
    found = {one.name: relative(root, one) for one in all_models(host_at(tmp_path), Machine())}
    assert found == {"ada/tiny/old.gguf": "snapshots/11/old.gguf", "ada/tiny/both.gguf": "snapshots/22/both.gguf"}


def test_strange_folders_do_no_harm(tmp_path: Path) -> None:
    models = tmp_path / "models"
    (models / "folder.gguf").mkdir(parents=True)
    (models / "loop").symlink_to(models)
    (models / "gone.gguf").symlink_to(tmp_path / "nowhere")
    write(models / "a\x1b[31mb\nc.gguf")
    (models / "bad").mkdir()
    (models / "bad/model.yml").write_bytes(b"model_path: " + b"x" * (2 << 20))
    machine = Machine(
        runtimes={"jan": Runtime(models_path=str(models)), "lmstudio": Runtime(models_path=str(models / "nowhere"))}
    )
    assert [(one.runtime, one.name) for one in all_models(host_at(tmp_path), machine)] == [("jan", "ab c.gguf")]
    with pytest.raises(ModelError, match="nearest") as raised:
        find(host_at(tmp_path), machine, "ab_c.gguf")
    assert not {"\x1b", "\n"} & set(str(raised.value))


def test_a_machine_without_models_says_so(tmp_path: Path) -> None:
    assert all_models(host_at(tmp_path), Machine()) == []
    with pytest.raises(ModelError, match=r"phi4: no such file, .*; none at all was found"):
        find(host_at(tmp_path), Machine(), "phi4")


def test_a_host_that_knows_nothing_finds_nothing() -> None:
    host = Host(lambda question: Answer(error="not recorded"))
    assert all_models(host, Machine()) == []
    with pytest.raises(ModelError, match="cannot be read: not recorded"):
        find(host, Machine(), "./a.gguf")


def test_a_thousand_models_are_listed(tmp_path: Path) -> None:
    for number in range(500):
        write(tmp_path / f".lmstudio/models/pub{number % 50}/repo-{number}/model-{number}-Q4_K_M.gguf")
        content = {"layers": [{**layer("model", "a"), "digest": f"sha256:{number:064x}"}]}
        write_manifest(tmp_path / ".ollama/models", f"registry.ollama.ai/library/model{number}/8b", content)
    assert len(all_models(host_at(tmp_path), Machine())) == 1000
    with pytest.raises(ModelError, match="nearest"):
        find(host_at(tmp_path), Machine(), "modle77:8b")
