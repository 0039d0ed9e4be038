"""Safetensors folders: what they tell, and that damaged and hostile ones end in one clear line."""

from __future__ import annotations

import json
import math
import os
import random
import struct
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from llmdoctor.facts.model import NOT_IN_FILE
from llmdoctor.models.error import ModelError
from llmdoctor.models.safetensors import DTYPE_BITS, MAX_TENSORS, read_folder

Tensors = dict[str, tuple[str, list[int]]]

SMALL: Tensors = {"model.embed_tokens.weight": ("BF16", [6, 4]), "model.norm.weight": ("F32", [4]), "scalar": ("I64", [])}


def table(tensors: Tensors, notes: Any = None) -> dict[str, Any]:
    header: dict[str, Any] = {} if notes is None else {"__metadata__": notes}
    at = 0
    for name, (kind, shape) in tensors.items():
        size = math.prod(shape) * DTYPE_BITS[kind] // 8
        header[name] = {"dtype": kind, "shape": shape, "data_offsets": [at, at + size]}
        at += size
    return header


def framed(header: bytes, data: int = 0) -> bytes:
    return struct.pack("<Q", len(header)) + header + b"\0" * data


def packed(tensors: Tensors = SMALL, notes: Any = None) -> bytes:
    header = table(tensors, notes)
    end = max((one["data_offsets"][1] for name, one in header.items() if name != "__metadata__"), default=0)
    return framed(json.dumps(header).encode(), end)


def one(name: str = "a", dtype: str = "F32", shape: str = "[2]", offsets: str = "[0,8]") -> str:
    return f'"{name}":{{"dtype":"{dtype}","shape":{shape},"data_offsets":{offsets}}}'


def sharded(folder: Path, shards: dict[str, Tensors]) -> Path:
    weights = {name: shard for shard, tensors in shards.items() for name in tensors}
    for shard, tensors in shards.items():
        (folder / shard).write_bytes(packed(tensors, {"format": "pt"}))
    (folder / "model.safetensors.index.json").write_text(json.dumps({"metadata": {"total_size": 1}, "weight_map": weights}))
    return folder


SHARDS: dict[str, Tensors] = {
    f"model-0000{number}-of-00003.safetensors": {f"model.layers.{number}.mlp.up_proj.weight": ("BF16", [8, 4])}
    for number in (1, 2, 3)
}


# --- what is told ------------------------------------------------------------------------------


@pytest.mark.parametrize("notes", [None, {"format": "pt"}, {"shape": "a text", "data_offsets": "ab"}, {"dtype": "F32"}])
def test_what_a_header_tells(tmp_path: Path, notes: Any) -> None:
    (tmp_path / "model.safetensors").write_bytes(packed(SMALL, notes))
    info = read_folder(str(tmp_path))
    assert [tuple(tensor) for tensor in info.tensors] == [
        ("model.embed_tokens.weight", "BF16", (6, 4), 48), ("model.norm.weight", "F32", (4,), 16), ("scalar", "I64", (), 8),
    ]  # fmt: skip
    assert (info.format, info.parameters, info.quantization, info.split, info.missing) == (
        "safetensors",
        29,
        "BF16",
        (1, 1),
        [],
    )
    assert [(file.path, file.bytes) for file in info.files] == [
        (str(tmp_path / "model.safetensors"), os.path.getsize(tmp_path / "model.safetensors"))
    ]
    assert (info.architecture, info.layers) == (NOT_IN_FILE, NOT_IN_FILE)


@pytest.mark.parametrize(("kind", "bits"), DTYPE_BITS.items())
def test_every_type_has_its_size(tmp_path: Path, kind: str, bits: int) -> None:
    path = tmp_path / "a.safetensors"
    path.write_bytes(packed({"t": (kind, [2, 4]), "empty": (kind, [0, 4])}))
    assert [tensor.bytes for tensor in read_folder(str(path)).tensors] == [bits, 0]


@pytest.mark.parametrize(
    "header",
    [
        "{" + one() + "}" + " " * 7,
        "{" + one("b", offsets="[8,16]") + "," + one("a") + "}",  # not in the order of the data
        "{" + one(r"a\"dtype\"\"data_offsets\"") + "}",
        r'{"\u0061":{"\u0064type":"F32","shape":[2],"data_offsets":[0,8]}}',
        '{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8],"later":{"dtype":1}}}',
    ],
)
def test_odd_headers_that_are_right(tmp_path: Path, header: str) -> None:
    (tmp_path / "a.safetensors").write_bytes(framed(header.encode(), 16 if "[8,16]" in header else 8))
    assert all(tensor.bytes == 8 for tensor in read_folder(str(tmp_path / "a.safetensors")).tensors)


@pytest.mark.parametrize("named", ["", "model-00002-of-00003.safetensors", "model.safetensors.index.json"])
def test_shards_are_one_model(tmp_path: Path, named: str) -> None:
    sharded(tmp_path, SHARDS)
    (tmp_path / "consolidated.safetensors").write_bytes(packed())
    info = read_folder(str(tmp_path / named) if named else str(tmp_path))
    assert (info.split, info.missing, info.parameters) == ((3, 3), [], 96)
    assert [os.path.basename(file.path) for file in info.files] == list(SHARDS)


@pytest.mark.parametrize("index", [True, False])
@pytest.mark.parametrize("gone", [[1], [1, 2]])
def test_missing_shards_are_named(tmp_path: Path, index: bool, gone: list[int]) -> None:
    sharded(tmp_path, SHARDS)
    names = [list(SHARDS)[number] for number in gone]
    for name in names:
        (tmp_path / name).unlink()
    if not index:
        (tmp_path / "model.safetensors.index.json").unlink()
    info = read_folder(str(tmp_path))
    assert (info.missing, info.split, len(info.tensors)) == (names, (3 - len(gone), 3), 3 - len(gone))


def test_an_index_alone(tmp_path: Path) -> None:
    sharded(tmp_path, SHARDS)
    for name in SHARDS:
        (tmp_path / name).unlink()
    info = read_folder(str(tmp_path))
    assert (info.missing, info.split, info.files, info.parameters) == (list(SHARDS), (0, 3), [], NOT_IN_FILE)


def test_the_whole_file_comes_before_an_index(tmp_path: Path) -> None:
    sharded(tmp_path, SHARDS)
    (tmp_path / "model.safetensors").write_bytes(packed())
    assert read_folder(str(tmp_path)).parameters == 29


def test_a_file_brings_the_config_beside_it(tmp_path: Path) -> None:
    (tmp_path / "other.safetensors").write_bytes(packed())
    (tmp_path / "config.json").write_text('{"model_type": "llama", "num_hidden_layers": 2}')
    info = read_folder(str(tmp_path / "other.safetensors"))
    assert (info.architecture, info.layers, info.path) == ("llama", 2, str(tmp_path / "other.safetensors"))


# --- what is refused ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "is empty"),
        (b"abc", "ends within its header"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "git-lfs pointer"),
        (b"<!DOCTYPE html><html>", "is a web page"),
        (b"<HTML lang=en>", "is a web page"),
        (b"Entry not found", "is an error text"),
        (b"Access to model x/y is restricted.", "accept the model's terms"),
        (b"GGUF\x03\0\0\0" + b"\0" * 64, "is a GGUF file"),
        (b"PK\x03\x04" + b"\0" * 64, "zip archive"),
        (struct.pack("<Q", 1 << 62) + b"{}", "is no safetensors file"),
        (struct.pack("<Q", 2) + b"[]", "is no safetensors file"),
        (struct.pack("<Q", 0), "damaged header"),
        (struct.pack("<Q", 90) + b"{}", "ends within its header (at byte 10)"),
        (packed()[:40], "ends within its header"),
        (packed()[:-5], "is cut off: its tensors need 72 bytes, 67 of them are there (5 are missing)"),
        (packed() + b"\0\0", "2 bytes after its last tensor"),
        (framed(b'{"a":'), "damaged header"),
        (framed(b'{"a":' * 50_000), "damaged header"),
        (framed(b'{"\xff":{}}'), "damaged header"),
        (framed(b'{"__metadata__":{"a":"\xff"},' + one().encode() + b"}", 8), "damaged header"),
        (framed(b'{"a":{}}'), "unknown type ''"),
        (framed(b'{"a":5}'), "damaged header"),
        (framed(b"{" + one(dtype="Q4_K").encode() + b"}", 8), "unknown type 'Q4_K'"),
        (framed(b"{" + one(shape="[3]").encode() + b"}", 8), "takes 8 bytes, F32 [3] needs 12"),
        (framed(b"{" + one(shape="[-2]").encode() + b"}", 8), "damaged header"),
        (framed(b"{" + one(shape="[1.5]").encode() + b"}", 8), "damaged header"),
        (framed(b"{" + one(shape="[1099511627776,1099511627776]").encode() + b"}", 8), "elements or more"),
        (framed(b"{" + one(dtype="F4", shape="[3]", offsets="[0,1]").encode() + b"}", 1), "takes no whole bytes"),
        (framed(b"{" + one(offsets="[8,0]").encode() + b"}", 8), "takes -8 bytes"),
        (framed(b"{" + one(offsets="[0,8,9]").encode() + b"}", 8), "damaged header"),
        (framed(b"{" + one(offsets="[4,12]").encode() + b"}", 12), "begins 4 bytes after the one before"),
        (framed(b"{" + (one("a") + "," + one("b", offsets="[4,12]")).encode() + b"}", 12), "the tensor b overlaps another"),
        (framed(b"{" + (one("a") + "," + one("a")).encode() + b"}", 8), "holds the key a twice"),
        (framed(b"{" + (one("a") + "," + one(r"\u0061")).encode() + b"}", 8), "holds the key a twice"),
        (framed(b'{"a":{"dtype":"F32","dtype":"I32","shape":[2],"data_offsets":[0,8]}}', 8), "holds the key dtype twice"),
        (framed(b'{"__metadata__":{},"__metadata__":{},' + one().encode() + b"}", 8), "holds the key __metadata__ twice"),
        (framed(b"{" + one("a\\nb\\u001b[31mc", dtype="X").encode() + b"}", 8), "the tensor a bc has the unknown type"),
    ],
)  # fmt: skip
def test_bad_files_end_in_one_line_that_names_them(tmp_path: Path, content: bytes, says: str) -> None:
    path = tmp_path / "bad.safetensors"
    path.write_bytes(content)
    with pytest.raises(ModelError) as caught:
        read_folder(str(path))
    assert str(caught.value).startswith(f"{path}: ") and says in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "is empty"),
        (b"version https://git-lfs.github.com/spec/v1\n", "git-lfs pointer"),
        (b"<!doctype html>", "is a web page"),
        (b'{"weight_map": {}}', "names 0 files"),
        (b"{}", "is a damaged index"),
        (b'{"weight_map": {"a": 5}}', "is a damaged index"),
        (b'{"weight_map": {"a": "../../secret.safetensors"}}', "which is no shard"),
        (b'{"weight_map": {"a": "/etc/passwd"}}', "which is no shard"),
        (b'{"weight_map": {"a": "C:\\\\x.safetensors"}}', "which is no shard"),
        (b'{"weight_map": {"a": "a\\u0000.safetensors"}}', "which is no shard"),
        (b'{"weight_map": {"a": "x.safetensors", "a": "y.safetensors"}}', "holds the key a twice"),
        (b'{"weight_map": {' + b'"a":"b",' * (MAX_TENSORS * 2), "claims more than"),
        (json.dumps({"weight_map": {str(i): f"{i}.safetensors" for i in range(5000)}}).encode(), "names 5000 files"),
    ],
)
def test_bad_indexes_end_in_one_line_that_names_them(tmp_path: Path, content: bytes, says: str) -> None:
    path = tmp_path / "model.safetensors.index.json"
    path.write_bytes(content)
    with pytest.raises(ModelError) as caught:
        read_folder(str(tmp_path))
    assert str(caught.value).startswith(f"{path}: ") and says in str(caught.value) and "\n" not in str(caught.value)


def test_a_shard_cut_off_and_one_that_is_a_pointer(tmp_path: Path) -> None:
    sharded(tmp_path, SHARDS)
    path = tmp_path / list(SHARDS)[1]
    for content, says in (
        (path.read_bytes()[:-1], "is cut off"),
        (b"version https://git-lfs.github.com/spec/v1\n", "git-lfs pointer"),
    ):
        path.write_bytes(content)
        with pytest.raises(ModelError, match=says) as caught:
            read_folder(str(tmp_path))
        assert str(caught.value).startswith(f"{path}: ")


def test_the_same_tensor_in_two_shards(tmp_path: Path) -> None:
    sharded(tmp_path, SHARDS)
    (tmp_path / list(SHARDS)[1]).write_bytes(packed(SHARDS[next(iter(SHARDS))]))
    with pytest.raises(ModelError, match="in two of its files"):
        read_folder(str(tmp_path))


@pytest.mark.parametrize(
    ("names", "says"),
    [([], "holds no .safetensors file"), (["a.gguf"], "GGUF; name that file"), (["pytorch_model.bin"], "PyTorch checkpoints")],
)
def test_folders_without_safetensors(tmp_path: Path, names: list[str], says: str) -> None:
    for name in names:
        (tmp_path / name).touch()
    with pytest.raises(ModelError, match=says):
        read_folder(str(tmp_path))


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="cannot be read"):
        read_folder(str(tmp_path / "none.safetensors"))


@pytest.mark.parametrize("header", [b'"":{},' * (MAX_TENSORS + 3), b'"a":{"shape":[' + b"0," * (MAX_TENSORS * 16 + 1)])
def test_more_than_any_model_has_is_not_read(tmp_path: Path, header: bytes) -> None:
    path = tmp_path / "a.safetensors"
    path.write_bytes(framed(b"{" + header))
    with pytest.raises(ModelError, match="claims more than"):
        read_folder(str(path))


# --- damage and size ---------------------------------------------------------------------------


def test_damaged_headers_never_crash_nor_take_long(tmp_path: Path) -> None:
    """2,000 of them: cut off, bits flipped, pieces replaced, random. All end in a model or a ModelError."""
    whole = packed({f"model.layers.{i}.q.weight": ("BF16", [4, i + 1]) for i in range(20)}, {"format": "pt"})
    header = 8 + struct.unpack("<Q", whole[:8])[0]
    pieces = (
        b"\xff" * 8,
        b"\0" * 8,
        b'"',
        b"{",
        b"[",
        b"}",
        b"9" * 30,
        b"-1",
        b"1e999",
        b"\\u0000",
        b"\\ud800",
        b"null",
        b"F4",
        b",",
    )
    dice = random.Random(20261124)
    path = tmp_path / "f.safetensors"
    slowest = 0.0
    outcomes = set()
    for _ in range(2000):
        kind = dice.random()
        if kind < 0.1:
            data = bytearray(framed(b"{" + dice.randbytes(dice.randrange(200)), dice.randrange(20)))
        elif kind < 0.2:
            data = bytearray(whole[: dice.randrange(len(whole))])
        else:
            data = bytearray(whole)
            for _ in range(dice.randrange(1, 4)):
                at = dice.randrange(8, header)
                if dice.random() < 0.5:
                    data[at] ^= 1 << dice.randrange(8)
                else:
                    piece = dice.choice(pieces)
                    data[at : at + (len(piece) if dice.random() < 0.7 else 0)] = piece
            if dice.random() < 0.5:
                data[:8] = struct.pack("<Q", len(data) - (len(whole) - header) - 8)
        path.write_bytes(bytes(data))
        started = time.perf_counter()
        try:
            read_folder(str(path))
            outcomes.add("read")
        except ModelError as error:
            assert str(error).startswith(str(path)) and "\n" not in str(error)
            outcomes.add("refused")
        slowest = max(slowest, time.perf_counter() - started)
    assert outcomes == {"read", "refused"} and slowest < 1


@pytest.mark.skipif(sys.platform == "win32", reason="files are not sparse there")
def test_a_model_of_400_gb_is_told_at_once(tmp_path: Path) -> None:
    """160 shards with 1,600 tensors, as sparse files: only headers are read."""
    shards: dict[str, Tensors] = {
        f"model-{number:05d}-of-00160.safetensors": {
            f"model.layers.{number}.{i}.weight": ("BF16", [8192, 16384]) for i in range(10)
        }
        for number in range(1, 161)
    }
    for name, tensors in shards.items():
        header = json.dumps(table(tensors)).encode()
        with (tmp_path / name).open("wb") as file:
            file.write(framed(header))
            file.truncate(8 + len(header) + 10 * 8192 * 16384 * 2)
    weights = {name: shard for shard, tensors in shards.items() for name in tensors}
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps({"weight_map": weights}))
    started = time.perf_counter()
    info = read_folder(str(tmp_path))
    assert sum(tensor.bytes for tensor in info.tensors) == 160 * 10 * 8192 * 16384 * 2 and info.split == (160, 160)
    assert time.perf_counter() - started < 1
