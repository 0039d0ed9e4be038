"""GGUF headers: what they tell, and that damaged and hostile ones end in one clear line."""

from __future__ import annotations

import random
import struct
import time
from pathlib import Path
from typing import Any

import pytest

from llmdoctor.models.error import ModelError
from llmdoctor.models.gguf import MAX_KEPT_ITEMS, read_header
from llmdoctor.models.gguf_model import read_model

from .gguf_files import LLAMA, TENSORS, Floats, gguf, text, value, write


@pytest.mark.parametrize("version", [1, 2, 3])
def test_what_a_header_tells(tmp_path: Path, version: int) -> None:
    info = read_model(str(write(tmp_path / "a.gguf", version=version)))
    assert (info.name, info.architecture, info.quantization, info.layers, info.n_ctx_train) == (
        "Tiny",
        "llama",
        "Q4_K_M",
        2,
        4096,
    )
    assert (info.embedding, info.heads, info.kv_heads, info.head_dim_k, info.head_dim_v) == (512, [8, 8], [2, 2], 64, 64)
    assert (info.vocabulary, info.feed_forward, info.experts, info.sliding_window) == (3, [1024, 1024], None, None)
    assert [(one.name, one.type, one.shape, one.bytes) for one in info.tensors][:2] == [
        ("token_embd.weight", "Q4_K", (512, 3), 3 * 2 * 144), ("blk.0.attn_q.weight", "Q6_K", (512, 512), 512 * 2 * 210),
    ]  # fmt: skip
    assert info.parameters == 512 * 3 + 512 * 512 + 512


@pytest.mark.parametrize(
    ("pairs", "field", "expected"),
    [
        ({"llama.attention.head_count_kv": [2, 0]}, "kv_heads", [2, 0]),
        ({"llama.attention.key_length": 128}, "head_dim_k", 128),
        ({"llama.attention.key_length": 128}, "head_dim_v", 64),
        ({"llama.expert_count": 8, "llama.expert_used_count": 2}, "experts_used", 2),
        ({"llama.expert_count": 0}, "experts", None),
        ({"llama.attention.sliding_window": 1024}, "sliding_window", 1024),
        ({"general.file_type": 1024 + 7}, "quantization", "Q8_0"),
        ({"general.file_type": 999}, "quantization", "Q6_K"),  # unknown: what takes most bytes
        ({"tokenizer.ggml.tokens": ["t"] * 5000}, "vocabulary", 5000),
        ({"tokenizer.ggml.tokens": ["t" * 300] * 2000 + ["x"] * 2000}, "vocabulary", 4000),
        ({"llama.vocab_size": 32000}, "vocabulary", 32000),
    ],
)
def test_keys_and_their_defaults(tmp_path: Path, pairs: dict[str, Any], field: str, expected: Any) -> None:
    info = read_model(str(write(tmp_path / "a.gguf", {**LLAMA, **pairs})))
    assert getattr(info, field) == expected


def test_long_arrays_are_passed_over_and_short_ones_kept(tmp_path: Path) -> None:
    pairs = {**LLAMA, "a.long": Floats([0.5] * (MAX_KEPT_ITEMS + 1)), "a.short": Floats([0.5, 0.25]), "z.after": "here"}
    metadata = read_model(str(write(tmp_path / "a.gguf", pairs))).metadata
    assert (metadata["a.long"], metadata["a.short"], metadata["z.after"]) == ([MAX_KEPT_ITEMS + 1], [0.5, 0.25], "here")


def test_a_split_model_is_one(tmp_path: Path) -> None:
    names = [tmp_path / f"big-0000{number}-of-00003.gguf" for number in (1, 2, 3)]
    write(names[0], {**LLAMA, "split.count": 3})
    write(names[1], {"split.no": 1}, {"blk.1.attn_q.weight": ("Q8_0", (512, 512))})
    info = read_model(str(names[1]))
    assert (info.architecture, info.split, info.missing, len(info.tensors)) == ("llama", (2, 3), [names[2].name], 4)
    assert [one.path for one in info.files] == [str(names[0]), str(names[1])]


PAIR = text("general.architecture") + value("llama")


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "is empty"),
        (b"GG", "is no GGUF file"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "git-lfs pointer"),
        (b"<!DOCTYPE html><html>", "is a web page"),
        (b"tjgg\x03\x00\x00\x00" + b"\0" * 64, "is a GGJT file of mid 2023"),
        (b"PK\x03\x04" + b"\0" * 64, "zip archive"),
        (b"GGUF" + struct.pack(">I", 3) + b"\0" * 64, "big-endian"),
        (b"GGUF" + struct.pack("<I", 9) + b"\0" * 64, "GGUF version 9"),
        (b"GGUF" + struct.pack("<IQQ", 3, 1 << 40, 0), "claims 1099511627776 tensors"),
        (b"GGUF" + struct.pack("<IQQ", 3, 0, 1 << 40), "1099511627776 keys; it is damaged"),
        (b"GGUF" + struct.pack("<IQQ", 3, 0, 1) + struct.pack("<Q", 1 << 50), "a key is 1125899906842624 bytes long"),
        (b"GGUF" + struct.pack("<IQQ", 3, 0, 1) + text("a") + struct.pack("<I", 77), "unknown type 77"),
        (b"GGUF" + struct.pack("<IQQ", 3, 0, 1) + text("a") + struct.pack("<IIQ", 9, 4, 1 << 60), "claims 1152921504606846976 items"),
        (b"GGUF" + struct.pack("<IQQ", 3, 0, 1) + text("a") + struct.pack("<IIQ", 9, 8, 1 << 60), "1152921504606846976 texts"),
        (b"GGUF" + struct.pack("<IQQ", 3, 0, 1) + text("a") + struct.pack("<IIQ", 9, 9, 2), "holds the unknown type 9"),
        (b"GGUF" + struct.pack("<IQQ", 3, 0, 2) + PAIR, "ends within its header"),
        (b"GGUF" + struct.pack("<IQQ", 3, 1, 0) + text("t") + struct.pack("<I", 99), "claims 99 dimensions"),
        (b"GGUF" + struct.pack("<IQQ", 3, 1, 0) + text("t") + struct.pack("<IQIQ", 1, 32, 4, 0), "unknown type 4 (Q4_2, which"),
        (b"GGUF" + struct.pack("<IQQ", 3, 1, 0) + text("t") + struct.pack("<IQIQ", 1, 33, 2, 0), "no whole blocks of Q4_0"),
        (b"GGUF" + struct.pack("<IQQ", 3, 1, 0) + text("t") + struct.pack("<IQQIQ", 2, 1 << 40, 1 << 40, 0, 0), "elements; the file is damaged"),
        (gguf({"general.alignment": 3}, {}), "has the alignment 3"),
        (gguf({**LLAMA, "llama.block_count": 1 << 30}, TENSORS), "claims 1073741824 layers"),
        (gguf(LLAMA, TENSORS)[:-1000], "is cut off: its tensors need"),
    ],
)  # fmt: skip
def test_bad_files_end_in_one_line_that_names_them(tmp_path: Path, content: bytes, says: str) -> None:
    path = tmp_path / "bad.gguf"
    path.write_bytes(content)
    with pytest.raises(ModelError) as caught:
        read_model(str(path))
    assert str(caught.value).startswith(f"{path}: ") and says in str(caught.value) and "\n" not in str(caught.value)


def test_the_same_tensor_twice(tmp_path: Path) -> None:
    part = {"blk.0.attn_q.weight": ("F32", (4,))}
    for number in (1, 2):
        write(tmp_path / f"m-0000{number}-of-00002.gguf", LLAMA, part)
    with pytest.raises(ModelError, match=r"holds the tensor blk\.0\.attn_q\.weight twice"):
        read_model(str(tmp_path / "m-00001-of-00002.gguf"))


def test_no_file_and_a_folder(tmp_path: Path) -> None:
    for path in (tmp_path / "none.gguf", tmp_path):
        with pytest.raises(ModelError, match="cannot be read"):
            read_header(str(path))


def test_damaged_headers_never_crash_nor_take_long(tmp_path: Path) -> None:
    """3,000 of them: cut off, bits flipped, bytes replaced by extremes, parts repeated. All end in a header or a ModelError."""
    whole = gguf({**LLAMA, "tokenizer.ggml.tokens": [f"t{i}" for i in range(1500)], "x": Floats([1.0] * 2000)}, TENSORS)
    header = len(whole) - sum(3 * 2 * 144 + 512 * 2 * 210 + 2048 for _ in range(1))
    dice = random.Random(20261123)
    path = tmp_path / "f.gguf"
    slowest = 0.0
    outcomes = set()
    for _ in range(3000):
        data = bytearray(whole[: dice.randrange(8, header)] if dice.random() < 0.3 else whole)
        for _ in range(dice.randrange(1, 6)):
            at = dice.randrange(4, min(len(data), 400) if dice.random() < 0.7 else min(len(data), header))
            data[at : at + dice.choice((1, 4, 8))] = dice.choice((b"\xff" * 8, b"\0" * 8, bytes([dice.randrange(256)])))
        path.write_bytes(bytes(data))
        started = time.perf_counter()
        try:
            read_model(str(path))
            outcomes.add("read")
        except ModelError as error:
            assert str(error).startswith(str(path)) and "\n" not in str(error)
            outcomes.add("refused")
        slowest = max(slowest, time.perf_counter() - started)
    assert outcomes == {"read", "refused"} and slowest < 1
