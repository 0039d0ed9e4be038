"""How each program keeps its models in folders. Names and sizes alone are read, no model's header.

Sources: https://huggingface.co/docs/huggingface_hub/guides/manage-cache (``models--OWNER--NAME/snapshots/COMMIT``);
https://github.com/janhq/jan, extensions/llamacpp-extension/src/index.ts (``model.yml``, paths relative to the data folder);
https://lmstudio.ai/docs/app/basics/import-model (``publisher/repository/file.gguf``);
https://github.com/oobabooga/text-generation-webui, README (files, and folders for what has several files).
"""

from __future__ import annotations

import re
from collections import deque
from typing import Iterator, NamedTuple, Optional

from ..host.host import Host, Stat
from ..models import ollama_manifest
from ..models.error import ModelError
from ..runtimes.common.places import join, parent

MAX_FOLDERS = 4096
"""Folders looked into below one place: a look must end, whatever lies there."""
MAX_SNAPSHOTS = 16
HUB_PREFIX = "models--"
_GGUF = re.compile(r"(.+?)(?:-\d{5}-of-(\d{5}))?\.gguf", re.I | re.S)
_NO_MODEL = re.compile(r"mmproj|^imatrix|^ggml-vocab-", re.I)
"""GGUF files that go with a model: its eyes, its importance matrix, llama.cpp's own tests' vocabularies."""
_NO_WEIGHTS = re.compile(r"^(?:adapter_|consolidated)", re.I)
"""Safetensors beside a model's own: a LoRA adapter, or the same weights again in Mistral's names."""
_FILE = re.compile(
    r"\.(?:gguf|ggml|safetensors|bin|pth?|json|jsonl|ya?ml|txt|md|jinja|model|py|png|jpe?g|log|onnx|zip|lock|part|incomplete)$",
    re.I,
)
"""Names that are not worth a try at listing what is inside."""
_MODEL_PATH = re.compile(r"^model_path:[ \t]*(?:'([^'\n]+)'|\"([^\"\n]+)\"|([^'\"\s][^\n]*?))[ \t]*$", re.M)


class FoundModel(NamedTuple):
    """A model that lies on this machine."""

    name: str
    """As its program names it: ``llama3.1:8b``, ``publisher/repo/file.gguf``, ``org/name``."""
    runtime: str
    """Whose folder it lies in: a runtime's name, ``huggingface`` for the cache that several share, or empty."""
    path: str
    """The GGUF file (of a split one the first part), or the folder of a model in safetensors."""
    bytes: int
    """All parts together."""
    manifest: Optional[str] = None
    """Path of Ollama's manifest (see ``models.ollama_manifest``); absent for others."""


def ollama(host: Host, runtime: str, folder: str) -> Iterator[FoundModel]:
    """Those that are whole enough to be told: no cloud models, none of a damaged manifest."""
    for tag in ollama_manifest.tags(host, folder):
        try:
            model = ollama_manifest.read_manifest(host, tag.manifest)
        except ModelError:
            continue
        yield FoundModel(str(tag.name), runtime, model.path, model.bytes, tag.manifest)


def plain(host: Host, runtime: str, folder: str, depth: int = 3) -> Iterator[FoundModel]:
    """GGUF files and folders of safetensors, named by their path in the folder; a Hugging Face cache in it, too."""
    for path, names in _walk(host, folder, depth):
        inside = path[len(folder.rstrip("/\\")) + 1 :].replace("\\", "/")
        for name, where, size in _models_in(host, path, names):
            yield FoundModel("/".join(filter(None, (inside, name))) or _last(folder), runtime, where, size)
        yield from hub(host, runtime, path, names)


def hub(host: Host, runtime: str, folder: str, names: Optional[list[str]] = None) -> Iterator[FoundModel]:
    """The Hugging Face hub's cache."""
    for name in _names(host, folder) if names is None else names:
        if name.startswith(HUB_PREFIX):
            yield from hub_repository(host, runtime, join(folder, name))


def hub_repository(host: Host, runtime: str, folder: str) -> Iterator[FoundModel]:
    """One repository of the hub's cache. A file that was loaded at an older commit lies in that one's snapshot alone."""
    repository = _last(folder)[len(HUB_PREFIX) :].replace("--", "/")
    told: set[str] = set()
    for snapshot in _snapshots(host, folder):
        for model in plain(host, runtime, snapshot, depth=2):
            name = repository if model.path == snapshot else f"{repository}/{model.name}"
            if name not in told:
                told.add(name)
                yield model._replace(name=name)


def jan(host: Host, runtime: str, folder: str) -> Iterator[FoundModel]:
    """``llamacpp/models/ID/model.yml`` names the file, which an imported model keeps where it was; else files in folders."""
    data = parent(parent(folder))
    for path, names in _walk(host, folder, 4):
        name = path[len(folder) + 1 :].replace("\\", "/")
        text = host.text(join(path, "model.yml")) if "model.yml" in names else None
        listed = _MODEL_PATH.search(text) if isinstance(text, str) else None
        if listed is None:
            found = [(f"{name}/{file}".lstrip("/"), where, size) for file, where, size in _models_in(host, path, names)]
        else:
            file = listed[1] or (listed[2] or listed[3]).replace("\\\\", "\\")
            where = file if is_absolute(file) else join(data, file)
            beside = _models_in(host, parent(where), _names(host, parent(where)))
            found = [(name, one, size) for _, one, size in beside if one == where]
        for name_of_one, where, size in found:
            yield FoundModel(name_of_one, runtime, where, size)


def is_absolute(path: str) -> bool:
    return path.startswith(("/", "\\")) or bool(re.match(r"[A-Za-z]:[/\\]", path))


def _walk(host: Host, folder: str, depth: int) -> Iterator[tuple[str, list[str]]]:
    """A folder and those below it, with the names in each."""
    waiting = deque([(folder, depth)])
    for _ in range(MAX_FOLDERS):
        if not waiting:
            return
        path, deeper = waiting.popleft()
        names = _names(host, path)
        if "model_index.json" in names:
            continue  # of a pipeline that makes images: its parts are no language models
        yield path, names
        if deeper and len(waiting) < MAX_FOLDERS:
            waiting += [(join(path, one), deeper - 1) for one in names if _may_be_folder(one)]


def _may_be_folder(name: str) -> bool:
    return not name.startswith((".", HUB_PREFIX)) and not _FILE.search(name)


def _models_in(host: Host, path: str, names: list[str]) -> Iterator[tuple[str, str, int]]:
    """Models among these names of a folder: name in it (empty for the folder itself), path, bytes."""
    weights = [name for name in names if name.lower().endswith(".safetensors") and not _NO_WEIGHTS.match(name)]
    if weights and "config.json" in names:
        yield "", path, sum(_size(host, join(path, name)) or 0 for name in weights)
    parts: dict[tuple[str, Optional[str]], list[str]] = {}
    for name in names:
        found = _GGUF.fullmatch(name)
        if found and not _NO_MODEL.search(name):
            parts.setdefault((found[1], found[2]), []).append(name)
    for group in parts.values():
        sizes = [size for name in group if (size := _size(host, join(path, name))) is not None]
        if sizes:
            yield group[0], join(path, group[0]), sum(sizes)


def _size(host: Host, path: str) -> Optional[int]:
    """None for what is no file."""
    known = host.stat(path)
    return known.size_bytes if isinstance(known, Stat) and known.kind == "file" else None


def _snapshots(host: Host, repository: str) -> list[str]:
    """That of the branch main first, then the newest."""
    root = join(repository, "snapshots")
    main = host.line(join(repository, "refs/main"))

    def order(path: str) -> tuple[bool, float]:
        known = host.stat(path)
        return _last(path) != main, -known.modified_s if isinstance(known, Stat) else 0.0

    return sorted((join(root, name) for name in _names(host, root)), key=order)[:MAX_SNAPSHOTS]


def _names(host: Host, folder: str) -> list[str]:
    names = host.entries(folder)
    return names if isinstance(names, list) else []


def _last(path: str) -> str:
    return re.split(r"[/\\]", path.rstrip("/\\"))[-1]
