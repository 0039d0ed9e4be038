"""Model files and half-finished downloads in a runtime's folders, within fixed bounds."""

from __future__ import annotations

from typing import Callable, Optional

from ...facts.fact import Fact, Unknown
from ...facts.machine import LocalModel
from ...host.host import Host
from .places import join

MAX_MODELS = 200
_MAX_FOLDERS = 300
"""Folders listed at most: a look must stay quick on a huge collection."""
_WEIGHTS = (".gguf", ".ggml")


def is_gguf(name: str) -> bool:
    return name.lower().endswith(_WEIGHTS)


def is_partial(name: str) -> bool:
    """Names of downloads that did not end: huggingface_hub's ``.incomplete``, LM Studio's ``downloading_``,
    browsers' and others' ``.part``, ``.partial``, ``.tmp``, ``.crdownload``, GPT4All's ``incomplete-``."""
    lower = name.lower()
    return lower.startswith(("downloading_", "incomplete-")) or lower.endswith(
        (".incomplete", ".part", ".partial", ".crdownload", ".tmp", ".download")
    )


def walk(host: Host, folder: str, depth: int, take: Callable[[str], bool]) -> Fact[list[str]]:
    """Paths below a folder, to this depth, whose name ``take`` accepts; None if the folder is not there.
    Only names without a dot are entered, or those that hold no file extension of ours: files are not listed."""
    first = host.entries(folder)
    if not isinstance(first, list):
        return first
    found: list[str] = []
    left = [_MAX_FOLDERS]

    def enter(path: str, names: list[str], deeper: int) -> None:
        for name in names:
            if len(found) >= MAX_MODELS:
                return
            whole = join(path, name)
            if take(name):
                found.append(whole)
            elif deeper > 0 and left[0] > 0 and not name.startswith(".") and not _is_file_name(name):
                left[0] -= 1
                inner = host.entries(whole)
                if isinstance(inner, list):
                    enter(whole, inner, deeper - 1)

    enter(folder, first, depth)
    return found


def _is_file_name(name: str) -> bool:
    ending = name.rpartition(".")[2].lower()
    return ending in (
        "json",
        "txt",
        "yml",
        "yaml",
        "md",
        "png",
        "jpg",
        "log",
        "safetensors",
        "bin",
        "model",
        "py",
        "jinja",
        "pt",
    )


def size_of(host: Host, path: str) -> Fact[int]:
    stat = host.stat(path)
    return stat if stat is None or isinstance(stat, Unknown) else stat.size_bytes


def gguf_models(host: Host, folder: Optional[str], depth: int = 3) -> tuple[Fact[list[LocalModel]], Fact[list[str]]]:
    """GGUF files below a folder, named by their path in it, and downloads that did not end."""
    if folder is None:
        return None, None
    paths = walk(host, folder, depth, lambda name: is_gguf(name) or is_partial(name))
    if not isinstance(paths, list):
        return paths, paths
    models = [
        LocalModel(name=path[len(folder) :].strip("/\\").replace("\\", "/"), path=path, size_bytes=size_of(host, path))
        for path in paths
        if not is_partial(path.replace("\\", "/").rpartition("/")[2])
    ]
    partial = [path for path in paths if is_partial(path.replace("\\", "/").rpartition("/")[2])]
    return models, partial


def readable(host: Host, path: Optional[str]) -> Fact[bool]:
    """Whether this user may list a folder; None if it is not there."""
    if path is None:
        return None
    stat = host.stat(path)
    if stat is None:
        return None
    if isinstance(stat, Unknown):
        return False if stat.unknown.startswith("no permission") else stat
    return stat.readable and stat.executable


def accessible_to(host: Host, path: str, uid: Optional[int], user: str) -> Fact[bool]:
    """Whether another user may enter and read a folder, by the permission bits of it and of all folders above.
    Where a group decides, and nobody can tell whether the user is in it, the answer is unknown."""
    if uid == 0:
        return True
    if host.stat(path) is None:
        return None
    parts = path.strip("/").split("/")
    above = ["/" + "/".join(parts[:count]) for count in range(1, len(parts) + 1)]
    undecided: Fact[bool] = True
    for number, folder in enumerate(above, start=1):
        stat = host.stat(folder)
        if stat is None or isinstance(stat, Unknown):
            return stat if isinstance(stat, Unknown) else None
        needed = 0o5 if number == len(above) else 0o1
        if uid is not None and stat.uid == uid:
            if (stat.mode >> 6) & needed != needed:
                return False
        elif stat.mode & needed != needed:
            if (stat.mode >> 3) & needed != needed and uid is not None:
                return False
            undecided = Unknown(f"depends on whether {user} owns {folder} or is in its group")
    return undecided
