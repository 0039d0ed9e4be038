"""Logs are read whatever they are packed in, and what is no log is named in one line."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
from pathlib import Path

import msgspec
import pytest
import zstandard

from llmdoctor.logs import stream

TEXT = "first line\nsecond: CUDA error: out of memory\nthird\n"


def read(raw: bytes) -> bytes:
    return b"".join(stream.blocks(io.BytesIO(raw), "a.log"))


@pytest.mark.parametrize(
    "raw",
    [
        TEXT.encode(),
        gzip.compress(TEXT.encode()),
        bz2.compress(TEXT.encode()),
        lzma.compress(TEXT.encode()),
        zstandard.compress(TEXT.encode()),
        zstandard.compress(TEXT[:11].encode()) + zstandard.compress(TEXT[11:].encode()),
        TEXT.encode("utf-16"),
        TEXT.encode("utf-16-le"),
        TEXT.encode("utf-16-be"),
        gzip.compress(TEXT.encode("utf-16")),
        b"first \x1b[31mline\x1b[0m\nsecond: \x1b[1;33mCUDA error\x1b[0m: out of memory\n\x1b]0;title\x07third\n",
    ],
    ids=["plain", "gzip", "bzip2", "xz", "zstd", "zstd frames", "utf-16", "utf-16-le", "utf-16-be", "both", "escapes"],
)
def test_every_packing_gives_the_same_text(raw: bytes) -> None:
    assert read(raw).decode() == TEXT


def test_docker_and_journald_json_keep_their_line_numbers() -> None:
    docker = [
        msgspec.json.encode({"log": line + "\n", "stream": "stderr", "time": "2026-01-01T00:00:00Z"})
        for line in TEXT.splitlines()
    ]
    assert read(b"\n".join([*docker[:2], b"{broken", docker[2], b""])).decode().splitlines() == [
        "first line", "second: CUDA error: out of memory", "{broken", "third",
    ]  # fmt: skip
    journal = {"__REALTIME_TIMESTAMP": "1", "MESSAGE": list(b"caf\xe9 \xff"), "SYSLOG_IDENTIFIER": "ollama"}
    assert read(msgspec.json.encode(journal) + b"\n").decode() == "ollama: caf\ufffd \ufffd\n"


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b"GGUF\x03\x00\x00\x00" + bytes(500), "a.log: is no text but a GGUF model"),
        (bytes(range(256)) * 400, "a.log: is no text"),
        (b"\x7fELF" + bytes(900), "a.log: is no text but a program"),
        (b"\x1f\x8b\x08\x00garbage", "a.log: cannot be read"),
    ],
)
def test_what_is_no_log(raw: bytes, message: str) -> None:
    with pytest.raises(stream.LogError, match=message):
        read(raw)


def test_a_damaged_packing_is_read_up_to_there() -> None:
    whole = "".join(f"line {number} of many, each unlike the others: {number * 7919}\n" for number in range(400_000))
    part = read(gzip.compress(whole.encode())[:-5000])
    assert part and whole.encode().startswith(part)


def test_one_endless_line_and_an_endless_file_take_constant_memory() -> None:
    largest = max(len(block) for block in stream.blocks(io.BytesIO(b"a" * 20_000_000), "a.log"))
    assert largest <= 2 * stream.BLOCK_BYTES
    lines = b"some line\n" * 2_000_000
    assert max(len(block) for block in stream.blocks(io.BytesIO(lines), "a.log")) <= 2 * stream.BLOCK_BYTES


@pytest.mark.parametrize(
    ("name", "message"),
    [("", "is a folder"), ("nothing.log", "cannot be read: No such file"), ("a\0b", "is no name of a file")],
)
def test_what_cannot_be_opened(tmp_path: Path, name: str, message: str) -> None:
    with pytest.raises(stream.LogError, match=message):
        stream.open_file(f"{tmp_path}/{name}")
