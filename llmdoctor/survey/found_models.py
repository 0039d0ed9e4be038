"""From the name that a user types to a model's path, and all models of this machine."""

from __future__ import annotations

import difflib
import re
from functools import partial
from typing import Callable, Iterator, NamedTuple, NoReturn, Optional

from ..facts.fact import Unknown
from ..facts.machine import Machine
from ..host.host import Host
from ..host.text import clean_text
from ..models import ollama_manifest
from ..models.error import ModelError
from ..runtimes.common.places import join, parent
from . import model_folders
from .model_folders import HUB_PREFIX, FoundModel, is_absolute

MAX_MODELS = 4096
_NAMED = 5
"""Models that an error names."""
_ENDING = re.compile(r"(?:-\d{5}-of-\d{5})?\.gguf$")
_SITE = re.compile(r"(?:https?://)?(?:hf\.co|huggingface\.co)/")
_HERE = re.compile(r"\.{0,2}[/\\]|\.{1,2}$|~|[a-z]:[/\\]", re.I)
"""How a text begins that can be nothing but a path."""

_Reader = Callable[[Host, str, str], Iterator[FoundModel]]


class _Place(NamedTuple):
    runtime: str
    folder: Optional[str]
    read: _Reader


def find(host: Host, machine: Machine, name: str) -> FoundModel:
    """The one model that is meant by a path or a name.

    A path that is there comes first; then Ollama's names, whose tag is ``latest`` where none is given; then names among all
    models found here: whole (``org/name``), the file's, a part that one model alone has, or ``org/name:Q4_K_M`` as llama.cpp
    has it. Case does not matter. Raises ModelError, with the nearest names, where no model or more than one is meant.
    """
    named = _by_path(host, name)
    if named is None:
        named = _by_tag(host, machine, name)
    if named is not None:
        return named
    found = all_models(host, machine)
    text = _SITE.sub("", name.lower().replace("\\", "/")).strip("/")
    return _the_one(name, _matches(found, text)) or _nothing(name, text, found)


def all_models(host: Host, machine: Machine) -> list[FoundModel]:
    """Every model in the runtimes' folders and in the usual places, the runtimes' own first; each file once in a runtime."""
    found: dict[tuple[str, str, str], FoundModel] = {}
    for place in _places(host, machine):
        for model in place.read(host, place.runtime, place.folder) if place.folder else ():
            if len(found) >= MAX_MODELS:
                return list(found.values())
            # Links make circles, and two places may hold the same file. Ollama alone has several names for one.
            real = host.realpath(model.path)
            key = (real if isinstance(real, str) else model.path, model.name if model.manifest else "", place.runtime)
            found.setdefault(key, model._replace(name=_showable(model.name)))
    return list(found.values())


def _showable(name: str) -> str:
    """A file's name may hold anything but slashes: line feeds, escape sequences, bytes that are no text."""
    return clean_text(name.encode("utf-8", "replace").decode()).replace("\n", " ").replace("\t", " ")


# --- where to look ----------------------------------------------------------------------------

_READERS: dict[str, _Reader] = {
    "ollama": model_folders.ollama,
    "jan": model_folders.jan,
    "vllm": model_folders.hub,
}
"""The others keep plain folders."""


def _places(host: Host, machine: Machine) -> Iterator[_Place]:
    """Each folder once: first those that the runtimes keep models in, then the usual ones, which outlive a runtime's removal,
    then those of which only the files count."""
    seen: set[tuple[str, bool]] = set()
    for place in (*_of_runtimes(machine), *_usual(host), *_beside(machine)):
        real = host.realpath(place.folder) if place.folder else None
        # Ollama and others may share a folder; their ways of reading it do not see each other's models.
        key = (real, place.read is model_folders.ollama) if isinstance(real, str) else None
        if key is not None and key not in seen:
            seen.add(key)
            yield place


def _of_runtimes(machine: Machine) -> Iterator[_Place]:
    for name, runtime in machine.runtimes.items():
        folder = runtime.models_path if isinstance(runtime.models_path, str) else None
        yield _Place(name, folder, _READERS.get(name, model_folders.plain))
        path = runtime.path if isinstance(runtime.path, str) else None
        if name == "text-generation-webui" and path:
            # Both may be there: an update moved ``models`` into ``user_data``, and left what users had put there.
            yield _Place(name, join(path, "user_data/models"), model_folders.plain)
            yield _Place(name, join(path, "models"), model_folders.plain)
        for key in ("--models-dir", "LLAMA_ARG_MODELS_DIR"):
            chosen = runtime.settings.get(key)
            yield _Place(name, chosen if isinstance(chosen, str) else None, model_folders.plain)


def _beside(machine: Machine) -> Iterator[_Place]:
    """Where running servers' models lie, and koboldcpp, which has no folder of its own for them."""
    for name, runtime in machine.runtimes.items():
        paths = [runtime.settings.get(key) for key in ("--model", "model_path", "LLAMA_ARG_MODEL")]
        for path in (*paths, runtime.path if name == "koboldcpp" else None):
            if isinstance(path, str) and is_absolute(path):
                yield _Place(name, parent(path), partial(model_folders.plain, depth=0))


def _usual(host: Host) -> Iterator[_Place]:
    """Sources: ollama docs/faq ("Where are models stored"), huggingface_hub constants.py, llama.cpp common/common.cpp
    (``fs_get_cache_directory``; since https://github.com/ggml-org/llama.cpp/pull/20775 it shares the hub's cache),
    https://lmstudio.ai/docs/app/basics/import-model."""

    def below(variable: str, *parts: str) -> Optional[str]:
        value = host.env(variable)
        return join(value, *parts) if isinstance(value, str) and value else None

    for folder in (
        below("OLLAMA_MODELS"), host.in_home(".ollama/models"), "/usr/share/ollama/.ollama/models", "/var/lib/ollama/.ollama/models",
        "/var/snap/ollama/common/models",
    ):  # fmt: skip
        yield _Place("ollama", folder, model_folders.ollama)
    for folder in (
        below("HF_HUB_CACHE"), below("HUGGINGFACE_HUB_CACHE"), below("HF_HOME", "hub"), below("XDG_CACHE_HOME", "huggingface/hub"),
        host.in_home(".cache/huggingface/hub"),
    ):  # fmt: skip
        yield _Place("huggingface", folder, model_folders.hub)
    for folder in (
        below("LLAMA_CACHE"), below("LOCALAPPDATA", "llama.cpp"), host.in_home("Library/Caches/llama.cpp"), host.in_home(".cache/llama.cpp"),
    ):  # fmt: skip
        yield _Place("llama.cpp", folder, model_folders.plain)
    for folder in (host.in_home(".lmstudio/models"), host.in_home(".cache/lm-studio/models")):
        yield _Place("lmstudio", folder, model_folders.plain)
    yield _Place("", host.in_home("models"), model_folders.plain)


# --- what is meant ----------------------------------------------------------------------------


def _by_path(host: Host, name: str) -> Optional[FoundModel]:
    path = (host.in_home(name[2:]) or name) if name.startswith(("~/", "~\\")) else name
    known = host.stat(path) if path else None
    certain = _HERE.match(name) is not None
    if known is None or isinstance(known, Unknown):
        if certain:
            raise ModelError(f"{path}: {f'cannot be read: {known.unknown}' if known else 'no such file'}")
        return None
    if known.kind == "file":
        return FoundModel(path, "", path, known.size_bytes)
    if known.kind != "dir":
        raise ModelError(f"{path}: is neither a file nor a folder")
    repository = re.split(r"[/\\]", path.rstrip("/\\"))[-1].startswith(HUB_PREFIX)
    inside = list((model_folders.hub_repository if repository else model_folders.plain)(host, "", path))
    own = next((model for model in inside if model.path == path), None)
    if own is None and not inside and certain:
        raise ModelError(f"{path}: holds no model (no GGUF file, and no safetensors with their config.json)")
    # A folder without a model may happen to be called like one that is meant.
    return own or _the_one(name, inside, "holds")


def _by_tag(host: Host, machine: Machine, name: str) -> Optional[FoundModel]:
    """A name of Ollama's; raises ModelError where it is there and cannot be read."""
    wanted = ollama_manifest.parse_name(name)
    if wanted is None:
        return None
    for place in _places(host, machine):
        if place.read is not model_folders.ollama or place.folder is None:
            continue
        for tag in ollama_manifest.tags(host, place.folder):
            if tag.name.folded == wanted.folded:
                model = ollama_manifest.read_manifest(host, tag.manifest)
                if host.exists(model.path) is False:
                    raise ModelError(f"{name}: its file {model.path} is not there; get it again with: ollama pull {tag.name}")
                return FoundModel(str(tag.name), place.runtime, model.path, model.bytes, tag.manifest)
    return None


def _matches(found: list[FoundModel], text: str) -> list[FoundModel]:
    """Models that the text may mean, by the first way of reading it that fits any."""
    bare = _ENDING.sub("", text)
    spelled = [(model, _ENDING.sub("", model.name.lower())) for model in found]
    repository, _, quantization = re.sub(r"@(?=[^@]*$)", ":", text).partition(":")
    token = re.compile(rf"(?:^|[-._/]){re.escape(quantization)}(?:[-./]|$)")
    # llama.cpp's older cache has no folders: it writes the slashes of the repository's name as underscores.
    flat = repository.replace("/", "_") + "_"

    def of_repository(name: str) -> bool:
        known = f"/{repository}/" in f"/{name}/" or ("/" in repository and name.startswith(flat))
        return known and (not quantization or token.search(name) is not None)

    ways: tuple[Callable[[str], bool], ...] = (
        lambda name: name == bare,
        lambda name: f"/{bare}/" in f"/{name}/",
        of_repository,
    )
    for fits in ways if bare else ():
        hits = [model for model, name in spelled if fits(name)]
        if hits:
            return hits
    return []


def _the_one(name: str, hits: list[FoundModel], what: str = "means") -> Optional[FoundModel]:
    """The first, where all are copies of the same file. Raises ModelError where they are not; None where there are none."""
    if len({(re.split(r"[/\\]", model.path)[-1], model.bytes) for model in hits}) > 1:
        names = [model.name for model in hits]
        # Different files of one name can be told apart by their paths alone.
        told = [model.path if names.count(model.name) > 1 else model.name for model in hits]
        raise ModelError(f"{name}: {what} more than one model; name one of them: {_listed(told)}")
    return hits[0] if hits else None


def _nothing(name: str, text: str, found: list[FoundModel]) -> NoReturn:
    spellings: dict[str, str] = {}
    for model in found:
        for spelling in (model.name.lower(), model.name.lower().rpartition("/")[2]):
            spellings.setdefault(spelling, model.name)
    start = re.split(r"[:@]", text)[0]
    within = [spelling for spelling in spellings if start and start in spelling]
    close = difflib.get_close_matches(text, spellings, _NAMED, 0.5)
    nearest = list(dict.fromkeys(spellings[one] for one in (*within, *close)))
    hint = (
        f"nearest: {_listed(nearest)}"
        if nearest
        else f"models of other names: {len(found)}"
        if found
        else "none at all was found"
    )
    raise ModelError(f"{name}: no such file, and no model of this name is on this machine; {hint}")


def _listed(names: list[str]) -> str:
    return ", ".join(names[:_NAMED]) + (f" and {len(names) - _NAMED} more" if len(names) > _NAMED else "")
