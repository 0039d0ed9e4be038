"""GGUF headers, versions 1 to 3: metadata and the table of tensors, without the tensors.

Format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md; version 1 has 32-bit lengths (ggml-org/llama.cpp, commit
of version 2, August 2023). A split model's parts are named ``NAME-00001-of-00003.gguf`` and carry ``split.*`` keys
(ggml-org/llama.cpp, tools/gguf-split).
"""

from __future__ import annotations

import os
import re
import struct
from typing import Any, NamedTuple, Optional

from ..catalogs.ggml_types import GGML_TYPES, REMOVED
from ..facts.model import Tensor
from .error import ModelError

MAGIC = b"GGUF"
MAX_HEADER_BYTES = 256 << 20
"""The largest header seen has 20 MB (256k tokens with scores and merges); beyond this a file is not read on."""
MAX_PAIRS = 1 << 16
MAX_TENSORS = 1 << 20
MAX_DIMENSIONS = 4
"""GGML_MAX_DIMS of ggml.h."""
MAX_KEPT_ITEMS = 1024
"""Arrays up to here are kept (per-layer values), longer ones (vocabularies) are passed over."""
MAX_TEXT_BYTES = 1 << 20
_CHUNK_BYTES = 1 << 20
_SCALARS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
_TEXT, _ARRAY = 8, 9
_OTHER_MAGIC = (
    (b"version https://git-lfs", "is a git-lfs pointer, not the model; fetch it with git lfs pull"),
    (b"<!DOCTYPE", "is a web page, not a model"), (b"<html", "is a web page, not a model"),
    (b"lmgg", "is a GGML file of before 2023; no program reads it today"), (b"fmgg", "is a GGMF file of early 2023; no program reads it today"),
    (b"tjgg", "is a GGJT file of mid 2023; no program reads it today"), (b"PK\x03\x04", "is a zip archive (a PyTorch checkpoint), not GGUF"),
)  # fmt: skip


class Header(NamedTuple):
    """What a GGUF file tells before its tensors' data."""

    version: int
    metadata: dict[str, Any]
    """Values by key; of a long array its length as ``Length``."""
    tensors: list[Tensor]
    data_offset: int
    """Where the tensors' data begins."""
    needed_bytes: int
    """How long the file has to be for its tensors."""
    file_bytes: int


class Length(int):
    """How many items an array has that was passed over."""


def read_header(path: str) -> Header:
    """The header of one file. Raises ModelError for what is none, is damaged, or is of another byte order."""
    try:
        with open(path, "rb") as file:
            return _Reader(path, file, os.fstat(file.fileno()).st_size).header()
    except OSError as error:
        raise ModelError(f"{path}: cannot be read: {error.strerror or error}") from None


class _Reader:
    def __init__(self, path: str, file: Any, size: int) -> None:
        self.path, self.file, self.size = path, file, size
        self.buffer = b""
        self.at = 0
        self.wide = True
        """64-bit lengths, since version 2."""

    def error(self, text: str) -> ModelError:
        return ModelError(f"{self.path}: {text}")

    def need(self, count: int) -> None:
        """Makes ``count`` bytes from here available. Raises ModelError where the file ends before, or the header is beyond all sense."""
        end = self.at + count
        if end <= len(self.buffer):
            return
        if end > self.size:
            raise self.error(f"ends within its header (at byte {self.size}); the download is not complete")
        if end > MAX_HEADER_BYTES:
            raise self.error(f"has a header of more than {MAX_HEADER_BYTES >> 20} MiB; it is damaged or no model")
        # Twice as much each time, so that growing costs no more than the header's length.
        wanted = max(end - len(self.buffer), _CHUNK_BYTES, len(self.buffer))
        self.buffer += self.file.read(wanted)
        if end > len(self.buffer):
            raise self.error(f"ends within its header (at byte {len(self.buffer)}); the download is not complete")

    def number(self, code: str) -> Any:
        size = struct.calcsize(f"<{code}")
        self.need(size)
        (value,) = struct.unpack_from(f"<{code}", self.buffer, self.at)
        self.at += size
        return value

    def length(self) -> int:
        return int(self.number("Q" if self.wide else "I"))

    def text(self, what: str, most: int = MAX_TEXT_BYTES) -> str:
        size = self.length()
        if size > most:
            raise self.error(f"{what} is {size} bytes long; the file is damaged")
        self.need(size)
        raw = self.buffer[self.at : self.at + size]
        self.at += size
        return raw.decode("utf-8", "replace")

    def skip(self, count: int) -> None:
        self.need(count)
        self.at += count

    def header(self) -> Header:
        self.need(min(self.size, 16))
        if not self.buffer.startswith(MAGIC):
            raise self.error(_what_it_is(self.buffer))
        self.at = 4
        version = self.number("I")
        if version & 0xFFFF == 0 and version:
            raise self.error("is GGUF for big-endian machines (s390x); it cannot be read here")
        if not 1 <= version <= 3:
            raise self.error(f"is GGUF version {version}; versions 1 to 3 are known")
        self.wide = version > 1
        tensor_count, pair_count = self.length(), self.length()
        if tensor_count > MAX_TENSORS or pair_count > MAX_PAIRS:
            raise self.error(f"claims {tensor_count} tensors and {pair_count} keys; it is damaged")
        metadata: dict[str, Any] = {}
        for _ in range(pair_count):
            key = self.text("a key", 65535)
            metadata[key] = self.value(key, self.number("I"))
        tensors = []
        end = 0
        for _ in range(tensor_count):
            tensor, offset = self.tensor()
            tensors.append(tensor)
            end = max(end, offset + tensor.bytes)
        alignment = metadata.get("general.alignment", 32)
        if not isinstance(alignment, int) or alignment <= 0 or alignment & (alignment - 1) or alignment > 1 << 20:
            raise self.error(f"has the alignment {alignment!r}; it is damaged")
        data = (self.at + alignment - 1) // alignment * alignment
        return Header(version, metadata, tensors, data, data + end if tensors else self.at, self.size)

    def value(self, key: str, kind: int) -> Any:
        if kind in _SCALARS:
            return self.number(_SCALARS[kind])
        if kind == _TEXT:
            return self.text(f"the text of {key}")
        if kind != _ARRAY:
            raise self.error(f"the value of {key} has the unknown type {kind}; the file is damaged")
        item, count = self.number("I"), self.length()
        if item == _TEXT:
            return self.texts(key, count)
        if item not in _SCALARS:
            raise self.error(f"the array {key} holds the unknown type {item}; the file is damaged")
        size = struct.calcsize(f"<{_SCALARS[item]}")
        if count * size > self.size:
            raise self.error(f"the array {key} claims {count} items; the file is damaged or cut off")
        if count > MAX_KEPT_ITEMS:
            self.skip(count * size)
            return Length(count)
        self.need(count * size)
        values = struct.unpack_from(f"<{count}{_SCALARS[item]}", self.buffer, self.at)
        self.at += count * size
        return list(values)

    def texts(self, key: str, count: int) -> Any:
        if count * (8 if self.wide else 4) > self.size:
            raise self.error(f"the array {key} claims {count} texts; the file is damaged or cut off")
        if count <= MAX_KEPT_ITEMS:
            return [self.text(f"a text of {key}") for _ in range(count)]
        # A vocabulary has hundreds of thousands: only their lengths are looked at, as quickly as Python can. A text of up to 255
        # bytes has its whole length in one byte; so many of them fit into what is read that no bounds need be looked at.
        step = 8 if self.wide else 4
        left = count
        while left:
            self.need(min((step + 255) * min(left, 4096), self.size - self.at))
            buffer, at = self.buffer, self.at
            safe = min(left, (len(buffer) - at) // (step + 255))
            done = safe
            for number in range(safe):
                if buffer[at + 1]:
                    done = number
                    break
                at += step + buffer[at]
            self.at = at
            left -= done
            if left and (done < safe or safe == 0):
                self.skip(self.long_text(key))
                left -= 1
        return Length(count)

    def long_text(self, key: str) -> int:
        size = self.length()
        if size > MAX_TEXT_BYTES:
            raise self.error(f"a text of {key} is {size} bytes long; the file is damaged")
        return size

    def tensor(self) -> tuple[Tensor, int]:
        name = self.text("a tensor's name", 1024)
        dimensions = self.number("I")
        if dimensions > MAX_DIMENSIONS:
            raise self.error(f"the tensor {name} claims {dimensions} dimensions; the file is damaged")
        shape = tuple(self.length() for _ in range(dimensions))
        kind = self.number("I")
        offset = self.number("Q")
        known = GGML_TYPES.get(kind)
        if known is None:
            past = f" ({REMOVED[kind]}, which llama.cpp no longer reads)" if kind in REMOVED else ""
            raise self.error(f"the tensor {name} has the unknown type {kind}{past}")
        elements = 1
        for one in shape:
            elements *= one
            if elements > 1 << 60:
                raise self.error(f"the tensor {name} has {shape} elements; the file is damaged")
        row = shape[0] if shape else 1
        if row % known.block:
            raise self.error(f"the tensor {name} has rows of {row}, no whole blocks of {known.name}; the file is damaged")
        size = elements // known.block * known.block_bytes
        if offset > 1 << 60:
            raise self.error(f"the tensor {name} lies at {offset}; the file is damaged")
        return Tensor(name, known.name, shape, size), offset


def _what_it_is(start: bytes) -> str:
    if not start:
        return "is empty"
    known = next((text for magic, text in _OTHER_MAGIC if start.startswith(magic[: len(start)]) and len(start) >= 4), None)
    return known or "is no GGUF file (it does not begin with GGUF)"


_PART = re.compile(r"-(\d{5})-of-(\d{5})\.gguf$")


def parts_of(path: str) -> list[str]:
    """All parts that a split model's name promises, in order; the file itself where it is no part."""
    found = _PART.search(path)
    if not found:
        return [path]
    start, count = path[: found.start()], int(found[2])
    if not 1 <= count <= 99999 or count > 4096:
        return [path]
    return [f"{start}-{number:05d}-of-{count:05d}.gguf" for number in range(1, count + 1)]


def text_of(metadata: dict[str, Any], key: str) -> Optional[str]:
    value = metadata.get(key)
    return value if isinstance(value, str) and value else None


def number_of(metadata: dict[str, Any], key: str) -> Optional[int]:
    value = metadata.get(key)
    return value if isinstance(value, int) and not isinstance(value, (bool, Length)) and 0 <= value < 1 << 62 else None
