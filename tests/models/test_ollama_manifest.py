"""Names, manifests and blobs of Ollama's, in trees that are made here, whole and hostile."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Optional

import pytest

from llmdoctor.host.host import Host
from llmdoctor.host.live import Live
from llmdoctor.models.error import ModelError
from llmdoctor.models.ollama_manifest import Name, parse_name, read_manifest, read_params, tags

KIND = "application/vnd.ollama.image."


def digest(letter: str) -> str:
    return "sha256:" + letter * 64


def layer(kind: str, letter: str, size: int = 100) -> dict[str, Any]:
    return {"mediaType": KIND + kind, "digest": digest(letter), "size": size}


def write_manifest(models: Path, name: str, content: Any) -> str:
    """``name``: HOST/NAMESPACE/MODEL/TAG."""
    path = models / "manifests" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
    return str(path)


def write_blob(models: Path, letter: str, content: bytes = b"GGUF", mark: str = "-") -> str:
    path = models / "blobs" / digest(letter).replace(":", mark)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return str(path)


@pytest.fixture
def host() -> Host:
    return Host(Live())


@pytest.mark.parametrize(
    ("text", "whole", "shown"),
    [
        ("llama3.1", ("registry.ollama.ai", "library", "llama3.1", "latest"), "llama3.1:latest"),
        ("llama3.1:8b", ("registry.ollama.ai", "library", "llama3.1", "8b"), "llama3.1:8b"),
        ("ada/tiny:q4_0", ("registry.ollama.ai", "ada", "tiny", "q4_0"), "ada/tiny:q4_0"),
        ("hf.co/ada/tiny-GGUF:Q4_K_M", ("hf.co", "ada", "tiny-GGUF", "Q4_K_M"), "hf.co/ada/tiny-GGUF:Q4_K_M"),
        ("https://hf.co/ada/tiny", ("hf.co", "ada", "tiny", "latest"), "hf.co/ada/tiny:latest"),
        ("registry.ollama.ai/library/phi4", ("registry.ollama.ai", "library", "phi4", "latest"), "phi4:latest"),
        ("localhost:5000/ada/tiny:1", ("localhost:5000", "ada", "tiny", "1"), "localhost:5000/ada/tiny:1"),
    ],
)
def test_names_have_defaults(text: str, whole: tuple[str, ...], shown: str) -> None:
    name = parse_name(text)
    assert name == Name(*whole) and str(name) == shown


@pytest.mark.parametrize(
    "text",
    ["", ":8b", "a:", "a:b:c", "../x", "a/../b", "..", "a/b/c/d", "/a", "a/", "a b", "a\\b", "x" * 81, "a:.", "a\n", "a\0"],
)
def test_what_no_name_can_be(text: str) -> None:
    assert parse_name(text) is None


def test_names_are_compared_without_case_and_with_both_hosts_of_the_hub() -> None:
    one, other = parse_name("hf.co/Ada/Tiny:q4_k_m"), parse_name("huggingface.co/ada/tiny:Q4_K_M")
    assert one and other and one.folded == other.folded


def test_a_manifest_leads_to_its_blobs(tmp_path: Path, host: Host) -> None:
    layers = [
        layer("model", "a", 700),
        layer("projector", "b"),
        layer("adapter", "c"),
        layer("params", "d"),
        layer("template", "e"),
    ]
    path = write_manifest(
        tmp_path, "registry.ollama.ai/library/llava/7b", {"schemaVersion": 2, "layers": [*layers, layer("license", "f")]}
    )
    weights = write_blob(tmp_path, "a")
    params = {
        "num_ctx": 8192,
        "num_gpu": 20,
        "temperature": 0.5,
        "use_mmap": False,
        "stop": ["<|im_end|>"],
        "odd": {"a": 1},
        "none": None,
    }
    write_blob(tmp_path, "d", json.dumps(params).encode())
    model = read_manifest(host, path)
    assert (model.path, model.bytes, model.has_template) == (weights, 700, True)
    assert [Path(one).name for one in (*model.projectors, *model.adapters)] == ["sha256-" + "b" * 64, "sha256-" + "c" * 64]
    assert read_params(host, model) == {"num_ctx": 8192, "num_gpu": 20, "temperature": 0.5, "use_mmap": False}


@pytest.mark.parametrize(("mark", "there"), [("-", True), (":", True), ("-", False)])
def test_blobs_are_written_in_two_ways(tmp_path: Path, host: Host, mark: str, there: bool) -> None:
    path = write_manifest(tmp_path, "h/n/m/t", {"layers": [{**layer("model", "a"), "digest": digest("a").replace(":", mark)}]})
    written = write_blob(tmp_path, "a", mark=mark) if there else str(tmp_path / "blobs" / ("sha256-" + "a" * 64))
    model = read_manifest(host, path)
    assert model.path == written
    assert (model.projectors, model.adapters, model.params, model.has_template) == ([], [], None, False)
    assert read_params(host, model) == {}


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "is no manifest"),
        (b"not json", "is no manifest"),
        (b"\xff\xfe\x00", "is no manifest"),
        (b"[]", "is no manifest"),
        (b'{"layers": {}}', "is no manifest"),
        (b'{"layers": [7]}', "is no manifest"),
        (b'{"layers": [{"mediaType": 7}]}', "is no manifest"),
        (b'{"layers": [{"size": -1}]}', "is no manifest"),
        (b'{"layers": [{"size": 1e400}]}', "is no manifest"),
        (b'{"layers": [], "x": ' + b"[" * 200_000 + b"]" * 200_000 + b"}", "is no manifest"),
        (b'{"layers": []}' + b" " * (2 << 20) + b"x", "names no GGUF|is no manifest"),
        (b"{}", "cloud"),
        (b'{"layers": null}', "cloud"),
        ({"layers": [layer("tensor", "a")]}, "files of their own"),
        ({"layers": [{**layer("model", "a"), "digest": "sha256:../../../../etc/passwd"}]}, "cannot be"),
        ({"layers": [{**layer("model", "a"), "digest": digest("a") + "/../x"}]}, "cannot be"),
        ({"layers": [{**layer("model", "a"), "digest": "\x1b[31m" + "x" * 9999}]}, "cannot be"),
        ({"layers": [layer("model", "a"), {**layer("projector", "b"), "digest": ""}]}, "cannot be"),
    ],
)
def test_hostile_manifests_are_refused_in_one_line(tmp_path: Path, host: Host, content: Any, why: str) -> None:
    path = write_manifest(tmp_path, "h/n/m/t", content)
    with pytest.raises(ModelError, match=why) as raised:
        read_manifest(host, path)
    text = str(raised.value)
    assert text.startswith(path) and "\n" not in text and "\x1b" not in text and len(text) < len(path) + 250


@pytest.mark.parametrize("content", [None, b"", b"[]", b'"x"', b'{"a": ' + b"[" * 100_000])
def test_hostile_params_are_refused(tmp_path: Path, host: Host, content: Optional[bytes]) -> None:
    path = write_manifest(tmp_path, "h/n/m/t", {"layers": [layer("model", "a"), layer("params", "d")]})
    if content is not None:
        write_blob(tmp_path, "d", content)
    with pytest.raises(ModelError, match="d" * 64):
        read_params(host, read_manifest(host, path))


def test_params_without_end_are_cut(tmp_path: Path, host: Host) -> None:
    path = write_manifest(tmp_path, "h/n/m/t", {"layers": [layer("model", "a"), layer("params", "d")]})
    write_blob(tmp_path, "d", json.dumps({f"key{number}": number for number in range(5000)}).encode())
    assert len(read_params(host, read_manifest(host, path))) == 256


def test_a_missing_manifest_and_one_that_is_a_folder(tmp_path: Path, host: Host) -> None:
    (tmp_path / "manifests/h/n/m/folder").mkdir(parents=True)
    for name, why in (("nothing", "is not there"), ("folder", "cannot be read")):
        with pytest.raises(ModelError, match=why):
            read_manifest(host, str(tmp_path / "manifests/h/n/m" / name))


def test_tags_are_listed_and_strange_files_are_not(tmp_path: Path, host: Host) -> None:
    for name in (
        "registry.ollama.ai/library/phi4/latest",
        "hf.co/ada/tiny/Q8_0",
        "h/n/.DS_Store/x",
        "h/n/m/bad name",
        "h/n/m/.t",
    ):
        write_manifest(tmp_path, name, {})
    (tmp_path / "manifests/.DS_Store").write_bytes(b"x")
    assert [str(tag.name) for tag in tags(host, str(tmp_path))] == ["hf.co/ada/tiny:Q8_0", "phi4:latest"]
    assert list(tags(host, str(tmp_path / "nowhere"))) == []
