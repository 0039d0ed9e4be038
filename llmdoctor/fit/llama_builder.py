"""The parts of which llama.cpp's layers are built, and what all layers share: inputs, masks, places of weights."""

from __future__ import annotations

from typing import Iterable, Mapping, NamedTuple, Optional, Sequence

from ..facts.model import ModelInfo
from ..facts.prediction import Settings
from .ggml import HOST, Graph, Tensor, shape_of
from .llama_layers import Layer


class Unlike(ValueError):
    """A file of this kind should have a tensor that this one has not."""


class Sizes(NamedTuple):
    """Of one batch and of the memory behind it."""

    tokens: int
    outputs: int
    streams: int
    """Separate caches, one for each slot, unless they share one."""
    slots: int
    flash: bool


class Builder:
    """Describes tensors; the graph takes them up when they are needed."""

    def __init__(
        self, info: ModelInfo, cells: Mapping[Optional[int], int], sizes: Sizes, settings: Settings, homes: Mapping[str, int],
        cache_home: Sequence[int], layer_home: Sequence[int], layers: Iterable[Layer],
    ) -> None:  # fmt: skip
        self.info, self.cells, self.sizes, self.settings = info, cells, sizes, settings
        self.homes, self.cache_home, self.layer_home = homes, cache_home, layer_home
        self.architecture = info.architecture if isinstance(info.architecture, str) else ""
        self.transposed = not settings.flash_attention
        """Whether values lie transposed in the cache: not where flash attention was asked for, though the GPU may lack a kernel."""
        self.widest_values = max((layer.v for layer in layers), default=1)
        self.stored = {one.name: one for one in info.tensors}
        self.embedding = info.embedding if isinstance(info.embedding, int) else 0
        self.graph = g = Graph()
        self.pin: Optional[int] = None
        """The GPU of the layer, for norms, where all layers are on GPUs."""
        # With sections for time, height and width a position has four numbers.
        several = 4 if f"{self.architecture}.rope.dimension_sections" in info.metadata else 1
        self.positions = g.input("I32", sizes.tokens * several)
        self.temperature = g.input("F32", 1, 1, sizes.tokens)
        """By which queries are multiplied, token by token, where a kind does so."""
        self.states = g.input("I32", sizes.slots)
        self.state_rows = g.view(self.states, self.states.shape)
        self.other_states = g.view(self.states, shape_of(sizes.slots - 1), None, 4)
        self.picked = g.input("I32", sizes.outputs)
        self.deep: Optional[Tensor] = None
        """Embeddings of images for several layers, where a kind has them."""
        self.layer_inputs: Optional[Tensor] = None
        """Embeddings for each layer, where a kind has them."""
        self.masks: dict[Optional[int], Tensor] = {}
        self.indices: dict[tuple[Optional[int], bool], Tensor] = {}
        self.rotations: dict[tuple[Optional[int], bool], Tensor] = {}
        self._weights: dict[str, Tensor] = {}

    def has(self, name: str) -> bool:
        return f"{name}.weight" in self.stored

    def need(self, name: str) -> Tensor:
        found = self.weight(name)
        if found is None:
            raise Unlike(f"{name} is missing")
        return found

    def product(self, name: str, x: Tensor) -> Tensor:
        """As ``linear``, of a weight that must be there."""
        found = self.linear(name, x)
        if found is None:
            raise Unlike(f"{name}.weight is missing")
        return found

    def number(self, key: str, default: int = 0) -> int:
        value = self.info.metadata.get(f"{self.architecture}.{key}")
        return value if isinstance(value, int) and not isinstance(value, bool) else default

    def weight(self, name: str, place_of: Optional[str] = None) -> Optional[Tensor]:
        stored = self.stored.get(name)
        if stored is None:
            return None
        key = place_of or name
        found = self._weights.get(key)
        if found is None:
            shape = shape_of(*stored.shape) if len(stored.shape) <= 4 else shape_of(*stored.shape[:4])
            found = self._weights[key] = Tensor("none", stored.type, shape, home=self.homes.get(key, HOST), weight=True)
        return found

    def factors(self, number: int) -> Optional[Tensor]:
        """By which positions are scaled: each device that has layers has a copy."""
        for name in ("rope_freqs.weight", "rope_factors_long.weight"):
            stored, home = self.stored.get(name), self.layer_home[number]
            if stored is not None:
                key = f"{name} {home}"
                if key not in self._weights:
                    self._weights[key] = Tensor("none", stored.type, shape_of(*stored.shape[:4]), home=home, weight=True)
                return self._weights[key]
        return None

    def linear(self, name: str, x: Tensor) -> Optional[Tensor]:
        """A product with a weight and what is added to it."""
        weight = self.weight(f"{name}.weight")
        if weight is None:
            return None
        made = self.graph.mul_mat(weight, x)
        bias = self.weight(f"{name}.bias")
        return made if bias is None else self.graph.op("add", made, made, bias)

    def norm(self, x: Tensor, name: str) -> Tensor:
        g = self.graph
        plain = f"{self.architecture}.attention.layer_norm_rms_epsilon" not in self.info.metadata
        made = g.op("norm" if plain else "rms_norm", x, x)
        if self.pin is not None and not name.endswith("post_ffw_norm"):
            g.pinned[made] = self.pin
        for part, what in ((".weight", "mul"), ("", "mul"), (".bias", "add")):
            weight = self.weight(name + part)
            if weight is not None:
                made = g.op(what, made, made, weight)
        return made

    def pick(self, x: Tensor) -> Tensor:
        return self.graph.op("get_rows", shape_of(x.shape[0], self.sizes.outputs), x, self.picked)

    def add(self, a: Tensor, b: Tensor) -> Tensor:
        return self.graph.op("add", a, a, b)

    def head(self, slides: bool = False) -> tuple[int, int]:
        k, v = (one if isinstance(one, int) else 0 for one in (self.info.head_dim_k, self.info.head_dim_v))
        if slides:
            k, v = self.number("attention.key_length_swa", k), self.number("attention.value_length_swa", v)
        return k, v
