"""Safetensors headers: a model's folder, one file, or any shard of a split one, without the tensors.

Format: https://github.com/huggingface/safetensors#format, and what its reader refuses (safetensors/src/tensor.rs,
``read_metadata`` and ``validate``). A split model's shards are named in ``model.safetensors.index.json``
(https://huggingface.co/docs/safetensors/en/metadata_parsing); what the tensors mean stands in ``config.json``.
"""

from __future__ import annotations

import json
import os
import re
from typing import Annotated, Any, NamedTuple, Optional

import msgspec

from ..facts.model import ModelFile, ModelInfo, Tensor
from .error import ModelError
from .transformers_config import fill_from_config

MAX_HEADER_BYTES = 100_000_000
"""MAX_HEADER_SIZE of tensor.rs; an index is held to it too."""
MAX_TENSORS = 1 << 19
"""Of a whole model; one with 384 experts in 60 layers, each weight in four parts, has 280,000."""
MAX_SHARDS = 4096
MAX_ELEMENTS = 1 << 60
DTYPE_BITS = {
    "BOOL": 8, "F4": 4, "F6_E2M3": 6, "F6_E3M2": 6, "U8": 8, "I8": 8, "F8_E5M2": 8, "F8_E4M3": 8, "F8_E8M0": 8, "F8_E4M3FNUZ": 8,
    "F8_E5M2FNUZ": 8, "I16": 16, "U16": 16, "F16": 16, "BF16": 16, "I32": 32, "U32": 32, "F32": 32, "C64": 64, "F64": 64, "I64": 64,
    "U64": 64,
}  # fmt: skip
"""Bits of an element (``Dtype::bitsize`` of tensor.rs)."""
_INDEX = ".safetensors.index.json"
_NOTES = "__metadata__"
"""The header's one key that is no tensor."""
_START_BYTES = 64
_OTHER_STARTS = (
    (b"version https://git-lfs", "is a git-lfs pointer, not the model; fetch it with git lfs pull"),
    (b"<!doctype", "is a web page, not a model"), (b"<html", "is a web page, not a model"),
    (b"access to model", "is a refusal of the site it came from, not a model; log in there and accept the model's terms"),
    (b"entry not found", "is an error text of the site it came from, not a model"),
    (b"gguf", "is a GGUF file, not safetensors"), (b"pk\x03\x04", "is a zip archive (a PyTorch checkpoint), not safetensors"),
)  # fmt: skip

_Size = Annotated[int, msgspec.Meta(ge=0)]


class _Entry(msgspec.Struct, gc=False):
    """A tensor in the header. Defaults only, since the notes are read as if they were one."""

    dtype: str = ""
    shape: tuple[_Size, ...] = ()
    data_offsets: tuple[_Size, _Size] = (0, 0)


class _Header(msgspec.Struct):
    """Of a header only the notes, as they stand there."""

    notes: msgspec.Raw = msgspec.field(name=_NOTES)


class _Index(msgspec.Struct):
    weight_map: dict[str, str]
    """Tensor to shard."""


_TABLE = msgspec.json.Decoder(dict[str, _Entry])
_NOTES_DECODER = msgspec.json.Decoder(_Header)
_INDEX_DECODER = msgspec.json.Decoder(_Index)

_Sizes = dict[tuple[str, tuple[int, ...]], int]
"""Bytes by type and shape: a model has few of them and many tensors."""


class _Parts(NamedTuple):
    folder: str
    names: list[str]
    """File names of all parts that there should be."""


def read_folder(path: str) -> ModelInfo:
    """A model by its folder, its file, or any shard. Shards that are not there are told, shards cut off are errors.

    Raises ModelError for what is no safetensors, is damaged, or is not as long as its own header says.
    """
    folder, names = _parts_of(path)
    files: list[ModelFile] = []
    tensors: list[Tensor] = []
    missing: list[str] = []
    sizes: _Sizes = {}
    for name in names:
        part = os.path.join(folder, name)
        if len(names) > 1 and not os.path.exists(part):
            missing.append(name)
            continue
        size, found = _read_file(part, sizes)
        files.append(ModelFile(part, size))
        tensors += found
        if len(tensors) > MAX_TENSORS:
            raise ModelError(f"{path}: claims more than {MAX_TENSORS} tensors; it is damaged")
    _unique(path, tensors)
    info = ModelInfo(
        path=path,
        format="safetensors",
        files=files,
        tensors=tensors,
        split=(len(files), len(names)),
        missing=missing,
    )
    fill_from_config(info, folder)
    return info


def _read_file(path: str, sizes: _Sizes) -> tuple[int, list[Tensor]]:
    """The file's length and its tensors, in the order of their data."""
    try:
        with open(path, "rb", buffering=0) as file:
            size = os.fstat(file.fileno()).st_size
            start = file.read(_START_BYTES)
            _refuse_other(path, start)
            length = int.from_bytes(start[:8], "little")
            if size < 8 or length + 8 > size:
                raise ModelError(f"{path}: ends within its header (at byte {size}); the download is not complete")
            raw = start[8 : 8 + length] + file.read(max(0, length + 8 - _START_BYTES))
    except OSError as error:
        raise ModelError(f"{path}: cannot be read: {error.strerror or error}") from None
    return size, _tensors(path, raw, size - 8 - length, sizes)


def _refuse_other(path: str, start: bytes) -> None:
    """Raises ModelError for what cannot be a header: taken as its length, a text's first eight bytes are beyond all bounds."""
    if not start:
        raise ModelError(f"{path}: is empty")
    if int.from_bytes(start[:8], "little") <= MAX_HEADER_BYTES and start[8:9] in (b"", b"{"):
        return
    begins = start.lower()
    known = next((text for other, text in _OTHER_STARTS if begins.startswith(other)), None)
    raise ModelError(f"{path}: {known or 'is no safetensors file, or damaged (no header where one should begin)'}")


def _tensors(path: str, raw: bytes, data_bytes: int, sizes: _Sizes) -> list[Tensor]:
    """Tensors of a header that follow each other without gaps through all of the data, as the format demands."""
    # Before anything is built from it: an entry has one brace, and commas by its dimensions.
    if raw.count(b"{") > MAX_TENSORS + 2 or raw.count(b",") > MAX_TENSORS * 16:
        raise ModelError(f"{path}: claims more than {MAX_TENSORS} tensors; it is damaged")
    table = _table(path, raw)
    _no_key_twice(path, raw, (b'"dtype"', b'"shape"', b'"data_offsets"'), len(table))
    tensors = []
    at = 0
    for name, entry in sorted(table.items(), key=_data_offsets):
        kind, shape, (begin, end) = entry.dtype, entry.shape, entry.data_offsets
        size = sizes.get((kind, shape))
        if size is None:
            size = sizes[(kind, shape)] = _bytes_of(path, name, kind, shape)
        if end - begin != size:
            raise ModelError(
                f"{path}: the tensor {name} takes {end - begin} bytes, {kind} {list(shape)} needs {size}; it is damaged"
            )
        if begin != at:
            fault = "overlaps another" if begin < at else f"begins {begin - at} bytes after the one before"
            raise ModelError(f"{path}: the tensor {name} {fault}; it is damaged")
        at = end
        tensors.append(Tensor(name, kind, shape, size))
    if at > data_bytes:
        raise ModelError(
            f"{path}: is cut off: its tensors need {at} bytes, {data_bytes} of them are there ({at - data_bytes} are missing)"
        )
    if at < data_bytes:
        raise ModelError(f"{path}: has {data_bytes - at} bytes after its last tensor; it is damaged")
    return tensors


def _table(path: str, raw: bytes) -> dict[str, _Entry]:
    try:
        # What is skipped is not looked at by the decoder, but refused by others.
        raw.decode()
        try:
            table = _TABLE.decode(raw)
        except msgspec.ValidationError:
            # Notes may hold a key "shape" with a text.
            table = _TABLE.decode(raw.replace(bytes(_NOTES_DECODER.decode(raw).notes), b"{}", 1))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ModelError(f"{path}: has a damaged header: {error}") from None
    table.pop(_NOTES, None)
    return table


def _data_offsets(item: tuple[str, _Entry]) -> tuple[int, int]:
    return item[1].data_offsets


def _bytes_of(path: str, name: str, kind: str, shape: tuple[int, ...]) -> int:
    bits = DTYPE_BITS.get(kind)
    if bits is None:
        raise ModelError(f"{path}: the tensor {name} has the unknown type {kind[:40]!r}")
    elements = _elements(shape)
    if elements > MAX_ELEMENTS:
        raise ModelError(f"{path}: the tensor {name} has {elements} elements or more; it is damaged")
    if elements * bits % 8:
        raise ModelError(f"{path}: the tensor {name} takes no whole bytes ({elements} of {kind}); it is damaged")
    return elements * bits // 8


def _elements(shape: tuple[int, ...]) -> int:
    """Their number; stops above MAX_ELEMENTS, so that a long list of large sizes costs nothing."""
    if 0 in shape:
        return 0
    elements = 1
    for size in shape:
        elements *= size
        if elements > MAX_ELEMENTS:
            break
    return elements


def _no_key_twice(path: str, raw: bytes, marks: tuple[bytes, ...], count: int) -> None:
    """Raises ModelError where a JSON object has a key twice: which of the two counts differs between readers.

    Every entry writes each mark once, so where there are as many marks as entries, none was swallowed. Only where that says
    nothing (a key written with escapes, a name that is itself a mark) all is read again, in the slow way.
    """
    if b"\\" not in raw and raw.count(_NOTES.encode()) < 2 and all(raw.count(mark) == count for mark in marks):
        return
    try:
        json.loads(raw, object_pairs_hook=_refuse_twins)
    except ModelError as error:
        raise ModelError(f"{path}: {error}") from None
    except (ValueError, RecursionError):
        raise ModelError(f"{path}: has a damaged header") from None


def _refuse_twins(pairs: list[tuple[str, Any]]) -> None:
    seen: set[str] = set()
    for key, _ in pairs:
        if key in seen:
            raise ModelError(f"holds the key {key[:200]} twice; it is damaged")
        seen.add(key)


def _unique(path: str, tensors: list[Tensor]) -> None:
    if len({one.name for one in tensors}) == len(tensors):
        return
    seen: set[str] = set()
    for one in tensors:
        if one.name in seen:
            raise ModelError(f"{path}: holds the tensor {one.name} in two of its files; they do not belong together")
        seen.add(one.name)


# --- which files make up a model ---------------------------------------------------------------

_SHARD = re.compile(r"(.*)-(\d{5})-of-(\d{5})\.safetensors", re.DOTALL)


def _parts_of(path: str) -> _Parts:
    if not os.path.isdir(path):
        folder, name = os.path.split(path)
        if name.endswith(_INDEX):
            return _Parts(folder, _shards_of_index(path))
        return _Parts(folder, _shards_with(folder, name))
    try:
        present = sorted(os.listdir(path))
    except OSError as error:
        raise ModelError(f"{path}: cannot be read: {error.strerror or error}") from None
    index = _first(present, f"model{_INDEX}", _INDEX)
    # Transformers takes the whole file before an index (modeling_utils.py, _get_resolved_checkpoint_files).
    if "model.safetensors" in present or not index:
        weights = _first(present, "model.safetensors", ".safetensors")
        if not weights:
            raise ModelError(f"{path}: {_what_is_there(present)}")
        return _Parts(path, _shards_with(path, weights))
    return _Parts(path, _shards_of_index(os.path.join(path, index)))


def _first(names: list[str], usual: str, ending: str) -> Optional[str]:
    return usual if usual in names else next((name for name in names if name.endswith(ending)), None)


def _what_is_there(names: list[str]) -> str:
    for endings, kind in (
        ((".gguf",), "GGUF; name that file"),
        ((".bin", ".pth", ".pt"), "PyTorch checkpoints, which are not read here"),
    ):
        if any(name.endswith(endings) for name in names):
            return f"holds no .safetensors file, but {kind}"
    return "holds no .safetensors file"


def _shards_with(folder: str, name: str) -> list[str]:
    """All shards of the model that this file belongs to: by the index, else by the numbers in its name."""
    found = _SHARD.fullmatch(name)
    if not found:
        return [name]
    index = os.path.join(folder, f"{found[1]}{_INDEX}")
    if os.path.exists(index):
        names = _shards_of_index(index)
        if name in names:
            return names
    count = int(found[3])
    if not 1 <= count <= MAX_SHARDS:
        return [name]
    return [f"{found[1]}-{number:05d}-of-{count:05d}.safetensors" for number in range(1, count + 1)]


def _shards_of_index(path: str) -> list[str]:
    try:
        with open(path, "rb") as file:
            raw = file.read(MAX_HEADER_BYTES + 1)
    except OSError as error:
        raise ModelError(f"{path}: cannot be read: {error.strerror or error}") from None
    if not raw.lstrip().startswith(b"{"):
        _refuse_other(path, raw[:_START_BYTES])
    if len(raw) > MAX_HEADER_BYTES:
        raise ModelError(f"{path}: has more than {MAX_HEADER_BYTES} bytes; it is damaged or no index")
    if raw.count(b":") > MAX_TENSORS * 2:
        raise ModelError(f"{path}: claims more than {MAX_TENSORS} tensors; it is damaged")
    try:
        weights = _INDEX_DECODER.decode(raw).weight_map
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ModelError(f"{path}: is a damaged index: {error}") from None
    _no_key_twice(path, raw, (b'.safetensors"',), len(weights))
    names = sorted(set(weights.values()))
    if not names or len(names) > MAX_SHARDS:
        raise ModelError(f"{path}: names {len(names)} files; it is damaged")
    for name in names:
        # A shard lies beside its index: a name with a path in it would have us read any file of the machine.
        if not name.endswith(".safetensors") or not name.isprintable() or re.search(r"[/\\:]", name):
            raise ModelError(f"{path}: names the file {name[:200]!r}, which is no shard; it is damaged")
    return names
