"""Ollama's models on disk: a name leads to a manifest, the manifest to the blobs of its layers.

Sources: https://github.com/ollama/ollama, types/model/name.go (names and what is left out of them), manifest/paths.go
(``manifests/HOST/NAMESPACE/MODEL/TAG``, ``blobs/sha256-…``), manifest/layer.go and server/images.go (kinds of layers).
"""

from __future__ import annotations

import re
from itertools import islice
from typing import Annotated, Any, Iterator, NamedTuple, Optional, Union

import msgspec

from ..facts.fact import Unknown
from ..host.host import Host
from .error import ModelError

MAX_FOLDERS = 4096
"""Hosts, namespaces, models and tags that are looked at, each."""
MAX_PARAMS = 256
_KIND = "application/vnd.ollama.image."
_DIGEST = re.compile(r"sha256[:-]([0-9a-f]{64})")
_PART = r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,79}"
_NAME = re.compile(
    rf"(?:https?://)?(?:(?:([A-Za-z0-9_][A-Za-z0-9_.:-]{{0,349}})/)?([A-Za-z0-9_][A-Za-z0-9_-]{{0,79}})/)?({_PART})(?::({_PART}))?"
)
"""As ``isValidPart`` has it: no part begins with a dot, so that none leads out of the folder."""

Param = Union[bool, int, float, str]


class Name(NamedTuple):
    """A model's whole name."""

    host: str
    namespace: str
    model: str
    tag: str

    def __str__(self) -> str:
        """As ``ollama list`` writes it: without the default registry and namespace, with the tag."""
        ours = self.host == "registry.ollama.ai"
        before = (
            "" if ours and self.namespace == "library" else f"{self.namespace}/" if ours else f"{self.host}/{self.namespace}/"
        )
        return f"{before}{self.model}:{self.tag}"

    @property
    def folded(self) -> tuple[str, ...]:
        """For comparing: Ollama takes names without regard to case, and hf.co is short for huggingface.co."""
        host = self.host.lower()
        return ("hf.co" if host == "huggingface.co" else host, *(part.lower() for part in self[1:]))


class Tag(NamedTuple):
    """A model that a models folder names."""

    name: Name
    manifest: str
    """Path."""


class OllamaModel(NamedTuple):
    """What a manifest names, as paths of blobs."""

    path: str
    """The GGUF file."""
    bytes: int
    """Of the GGUF file, as the manifest has it."""
    projectors: list[str]
    adapters: list[str]
    params: Optional[str]
    """See ``read_params``."""
    has_template: bool


class _Layer(msgspec.Struct):
    media_type: str = msgspec.field(name="mediaType", default="")
    digest: str = ""
    size: Annotated[int, msgspec.Meta(ge=0, le=1 << 60)] = 0


class _Manifest(msgspec.Struct):
    layers: Optional[list[_Layer]] = None


_MANIFEST = msgspec.json.Decoder(_Manifest)
_PARAMS = msgspec.json.Decoder(dict[str, Any])


def parse_name(text: str) -> Optional[Name]:
    """The name with its defaults filled in; None for what cannot be one.

    >>> str(parse_name("llama3.1")), str(parse_name("hf.co/ada/tiny-GGUF:Q4_K_M")), parse_name("../x")
    ('llama3.1:latest', 'hf.co/ada/tiny-GGUF:Q4_K_M', None)
    """
    found = _NAME.fullmatch(text)
    if found is None:
        return None
    return Name(found[1] or "registry.ollama.ai", found[2] or "library", found[3], found[4] or "latest")


def tags(host: Host, folder: str) -> Iterator[Tag]:
    """All models that a models folder (OLLAMA_MODELS) names, whether their blobs are there or not."""
    level: list[tuple[str, ...]] = [()]
    root = _below(folder, "manifests")
    for _ in Name._fields:
        level = list(islice(((*parts, one) for parts in level for one in _names(host, _below(root, *parts))), MAX_FOLDERS))
    for parts in level:
        name = parse_name("/".join(parts[:3]) + f":{parts[3]}")
        if name is not None:
            yield Tag(name, _below(root, *parts))


def read_manifest(host: Host, path: str) -> OllamaModel:
    """The blobs of one model. Raises ModelError where the manifest cannot be read, is damaged, or names no GGUF."""
    folder = re.split(r"[/\\]manifests(?:[/\\][^/\\]+){4}$", path)[0]
    try:
        layers = _MANIFEST.decode(_text(host, path)).layers or []
    except (msgspec.DecodeError, RecursionError):
        raise ModelError(f"{path}: is no manifest of Ollama's, or damaged") from None
    models = [one for one in layers if one.media_type == _KIND + "model"]
    if not models:
        tensors = any(one.media_type == _KIND + "tensor" for one in layers)
        why = "its tensors lie in files of their own" if tensors else "it runs in Ollama's cloud, or is damaged"
        raise ModelError(f"{path}: names no GGUF file: {why}")

    def blobs(*kinds: str) -> list[str]:
        wanted = [_KIND + kind for kind in kinds]
        return [_blob(host, folder, path, one.digest) for one in layers if one.media_type in wanted]

    return OllamaModel(
        path=_blob(host, folder, path, models[-1].digest),  # Ollama takes the last, too
        bytes=models[-1].size,
        projectors=blobs("projector"),
        adapters=blobs("adapter"),
        params=next(iter(blobs("params")), None),
        has_template=any(one.media_type in (_KIND + "template", _KIND + "prompt") for one in layers),
    )


def read_params(host: Host, model: OllamaModel) -> dict[str, Param]:
    """What the model's own Modelfile sets (``num_ctx``, ``num_gpu`` …), lists such as ``stop`` left out. Raises ModelError."""
    if model.params is None:
        return {}
    try:
        values = _PARAMS.decode(_text(host, model.params))
    except (msgspec.DecodeError, RecursionError):
        raise ModelError(f"{model.params}: holds no parameters; it is damaged") from None
    return {key: value for key, value in islice(values.items(), MAX_PARAMS) if isinstance(value, (bool, int, float, str))}


def _blob(host: Host, folder: str, manifest: str, digest: str) -> str:
    found = _DIGEST.fullmatch(digest)
    if found is None:
        # It would become a path: https://nvd.nist.gov/vuln/detail/CVE-2024-37032
        raise ModelError(f"{manifest}: names the blob {digest[:80]!r}, which cannot be; it is damaged")
    path = _below(folder, "blobs", f"sha256-{found[1]}")
    old = _below(folder, "blobs", f"sha256:{found[1]}")
    # Early versions wrote the name with a colon; a later server renames such blobs when it starts (server/fixblobs.go).
    return old if host.exists(path) is False and host.exists(old) is True else path


def _text(host: Host, path: str) -> str:
    text = host.text(path)
    if isinstance(text, str):
        return text
    raise ModelError(f"{path}: {f'cannot be read: {text.unknown}' if isinstance(text, Unknown) else 'is not there'}")


def _names(host: Host, folder: str) -> list[str]:
    names = host.entries(folder)
    return names if isinstance(names, list) else []


def _below(folder: str, *parts: str) -> str:
    """A path with the slashes that the folder is written with."""
    separator = "\\" if "\\" in folder and "/" not in folder else "/"
    return separator.join((folder.rstrip("/\\"), *parts))
