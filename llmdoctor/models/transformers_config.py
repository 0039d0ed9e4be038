"""``config.json`` of a Transformers model, and the notes of quantizers beside it, as facts of ModelInfo.

Names of keys and what a missing one stands for: huggingface/transformers 4.57, src/transformers/models/*/configuration_*.py
(``attribute_map`` for other names of the same thing) and cache_utils.py, ``DynamicCache`` (which layers keep a window);
quantizers: utils/quantization_config.py. Models that bring their own code use older names; those are listed here too.
"""

from __future__ import annotations

import json
import math
import os
import re
from typing import Any, Optional, TypeGuard

from ..facts.fact import Fact, Unknown
from ..facts.model import NOT_IN_FILE, ModelInfo, Tensor
from .error import ModelError

MAX_CONFIG_BYTES = 4 << 20
"""A usual one has 2 KB; this leaves room for the names of all layers that a quantizer left out."""
MAX_LAYERS = 4096
MAX_NUMBER = 1 << 40
"""Sizes and counts beyond are not believed."""
MAX_KEPT_ITEMS = 1024
"""Lists up to here are kept in metadata, of longer ones the length."""

_TEXT_MODELS = ("text_config", "llm_config", "language_config", "thinker_config")
"""Where a multimodal model describes its language model; thinker_config has a text_config of its own."""
_LABELS = frozenset({"id2label", "label2id"})
"""Names of classes, which no language model has."""

# Names of the same thing, the usual one first.
_LAYERS = ("num_hidden_layers", "n_layer", "n_layers", "num_layers", "num_transformer_layers")
_HIDDEN = ("hidden_size", "n_embd", "d_model", "model_dim")
_HEADS = ("num_attention_heads", "n_head", "n_heads", "num_heads", "num_query_heads")
_KV_HEADS = ("num_key_value_heads", "num_kv_heads", "n_head_kv", "num_key_value_heads_per_layer")
_HEAD_DIM = ("head_dim", "attention_head_dim", "kv_channels", "d_kv")
_FEED_FORWARD = ("intermediate_size", "n_inner", "ffn_dim", "ffn_hidden_size", "d_ff")
_CONTEXT = (
    "max_position_embeddings",
    "n_positions",
    "max_seq_len",
    "seq_length",
    "max_sequence_length",
    "n_ctx",
    "max_context_length",
)
_VOCABULARY = ("vocab_size", "padded_vocab_size")
_EXPERTS = ("num_local_experts", "n_routed_experts", "num_experts", "moe_num_experts", "num_routed_experts")
_EXPERTS_USED = (
    "num_experts_per_tok",
    "num_experts_per_token",
    "experts_per_token",
    "moe_topk",
    "moe_top_k",
    "moe_k",
    "top_k_experts",
)

_DEFAULTS: dict[str, dict[str, int]] = {
    "llama": {
        "vocab_size": 32000, "hidden_size": 4096, "intermediate_size": 11008, "num_hidden_layers": 32, "num_attention_heads": 32,
        "max_position_embeddings": 2048,
    },
    "mistral": {
        "vocab_size": 32000, "hidden_size": 4096, "intermediate_size": 14336, "num_hidden_layers": 32, "num_attention_heads": 32,
        "num_key_value_heads": 8, "max_position_embeddings": 131072,
    },
    "gemma": {
        "vocab_size": 256000, "hidden_size": 3072, "intermediate_size": 24576, "num_hidden_layers": 28, "num_attention_heads": 16,
        "num_key_value_heads": 16, "head_dim": 256, "max_position_embeddings": 8192,
    },
    "gemma2": {
        "vocab_size": 256000, "hidden_size": 2304, "intermediate_size": 9216, "num_hidden_layers": 26, "num_attention_heads": 8,
        "num_key_value_heads": 4, "head_dim": 256, "max_position_embeddings": 8192, "sliding_window": 4096,
    },
    "gemma3_text": {
        "vocab_size": 262208, "hidden_size": 2304, "intermediate_size": 9216, "num_hidden_layers": 26, "num_attention_heads": 8,
        "num_key_value_heads": 4, "head_dim": 256, "max_position_embeddings": 131072, "sliding_window": 4096,
    },
}  # fmt: skip
"""What a missing key stands for. A config nested in a multimodal one leaves out what is equal to it."""

_FULL, _SLIDING, _CHUNKED = "full_attention", "sliding_attention", "chunked_attention"
_PATTERNS = {
    "gemma2": 2, "gemma3_text": 6, "gemma3n_text": 5, "cohere2": 4, "gpt_oss": 2, "olmo3": 4, "exaone4": 4, "llama4_text": 4,
    "qwen3_next": 4, "qwen3_5_text": 4, "qwen3_5_moe_text": 4,
}  # fmt: skip
"""By model_type: each layer of this number sees everything, those between do not."""
_WITHOUT_CACHE = frozenset({"linear_attention", "mamba", "mamba2", "conv", "recurrent", "mlp", "moe"})
"""Layers that keep no keys and values. A name that is not known counts as attention: better too much memory than too little."""
_HYBRID_LETTERS = {"M": "mamba", "*": _FULL, "-": "mlp", "E": "moe"}
"""``hybrid_override_pattern`` of Nemotron-H."""

_PAGE_BYTES = 256
_SURROGATES = re.compile(rb"\\u[dD][89a-fA-F][0-9a-fA-F]{2}")

Config = dict[str, Any]


def fill_from_config(info: ModelInfo, folder: str) -> None:
    """Sets what config.json tells; without one only what the tensors tell. Raises ModelError for a damaged one.

    ``metadata`` gets the language model's keys (of a multimodal model over those around it), and of what stands under several
    names or only in the model's code: ``layer_types`` with one item a layer, ``dtype``, ``quantization_config``.
    """
    whole = _read(os.path.join(folder, "config.json")) or {}
    config = _language_model(whole)
    model = _text(config, "model_type") or ""
    for key, value in _DEFAULTS.get(model, {}).items():
        config.setdefault(key, value)
    notes = _quantizer_notes(config, folder)
    info.quantization = _fact(_label(notes) if notes else _most_bytes(info.tensors))
    info.parameters = _parameters(info.tensors, notes)
    info.metadata = {key: _bounded(value) for key, value in config.items() if key not in _LABELS}
    if notes:
        info.metadata["quantization_config"] = _bounded(notes)
    dtype = _text(config, "dtype") or _text(config, "torch_dtype")
    if dtype:
        info.metadata["dtype"] = dtype.removeprefix("torch.")
    info.architecture = _fact(_text(whole, "model_type"))
    info.n_ctx_train = _fact(_number(config, _CONTEXT))
    info.embedding = _fact(_number(config, _HIDDEN))
    info.vocabulary = _fact(_number(config, _VOCABULARY))
    info.experts = _number({**_within(config, "ffn_config"), **config}, _EXPERTS) or None
    info.experts_used = (_largest({**_within(config, "ffn_config"), **config}, _EXPERTS_USED) or None) if info.experts else None
    layers = _number(config, _LAYERS)
    if layers is not None:
        if layers > MAX_LAYERS:
            raise ModelError(f"{info.path}: claims {layers} layers; it is damaged")
        info.layers = layers
        _fill_layers(info, config, model, layers)


def _fill_layers(info: ModelInfo, config: Config, model: str, layers: int) -> None:
    hidden = _number(config, _HIDDEN)
    kinds = _layer_types(config, model, layers)
    info.heads = _per_layer(config, _HEADS, layers)
    kv_heads = _kv_heads(config, info.heads, layers) or info.heads
    info.kv_heads = [0 if kind in _WITHOUT_CACHE else heads for kind, heads in zip(kinds, kv_heads)]
    info.feed_forward = _per_layer(config, _FEED_FORWARD, layers)
    if not info.feed_forward and hidden and any(key in config for key in _FEED_FORWARD):
        # n_inner and ffn_hidden_size of null: GPT-2's four times.
        info.feed_forward = [4 * hidden] * layers
    most = max(info.heads, default=0)
    head_dim = _number(config, _HEAD_DIM) or (hidden // most if hidden and most else None)
    rotated, plain = _number(config, ("qk_rope_head_dim",)), _number(config, ("qk_nope_head_dim",))
    if rotated is not None and plain is not None:
        info.head_dim_k = rotated + plain
    else:
        info.head_dim_k = _fact(head_dim)
    info.head_dim_v = _fact(_number(config, ("v_head_dim",)) or head_dim)
    if _SLIDING in kinds or _CHUNKED in kinds:
        info.sliding_window = _window(config)
    info.metadata["layer_types"] = kinds


# --- reading -----------------------------------------------------------------------------------


def _read(path: str) -> Optional[Config]:
    """None where there is no such file."""
    try:
        with open(path, "rb") as file:
            raw = file.read(MAX_CONFIG_BYTES + 1)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ModelError(f"{path}: cannot be read: {error.strerror or error}") from None
    if raw.startswith(b"version https://git-lfs"):
        raise ModelError(f"{path}: is a git-lfs pointer, not the file; fetch it with git lfs pull")
    if raw[:_PAGE_BYTES].lstrip().lower().startswith((b"<!doctype", b"<html")):
        raise ModelError(f"{path}: is a web page, not a model's config")
    if len(raw) > MAX_CONFIG_BYTES:
        raise ModelError(f"{path}: has more than {MAX_CONFIG_BYTES >> 20} MiB; it is damaged or no config")
    # Halves of characters, which nothing can print.
    raw = _SURROGATES.sub(rb"\\ufffd", raw)
    try:
        # Not msgspec, which refuses the Infinity that Python's writers put into configs of Mamba models.
        found = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise ModelError(f"{path}: is no JSON: {str(error)[:200]}") from None
    if not isinstance(found, dict):
        raise ModelError(f"{path}: holds no JSON object")
    return found


def _language_model(config: Config) -> Config:
    """The keys of the language model, over those of the model around it."""
    merged = dict(config)
    for _ in range(3):
        inner = next((merged.pop(key) for key in _TEXT_MODELS if isinstance(merged.get(key), dict)), None)
        if inner is None:
            break
        merged |= {key: value for key, value in inner.items() if value is not None or key not in merged}
    return merged


def _bounded(value: Any, depth: int = 8) -> Any:
    if isinstance(value, list):
        return [len(value)] if len(value) > MAX_KEPT_ITEMS or not depth else [_bounded(one, depth - 1) for one in value]
    if isinstance(value, dict):
        if len(value) > MAX_KEPT_ITEMS or not depth:
            return {}
        return {key: _bounded(one, depth - 1) for key, one in value.items()}
    return value


def _fact(value: Any) -> Fact[Any]:
    return NOT_IN_FILE if value is None else value


def _text(config: Config, key: str) -> Optional[str]:
    value = config.get(key)
    return value if isinstance(value, str) and value else None


def _within(config: Config, key: str) -> Config:
    value = config.get(key)
    return value if isinstance(value, dict) else {}


def _is_number(value: Any) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < MAX_NUMBER


def _number(config: Config, keys: tuple[str, ...]) -> Optional[int]:
    return next((config[key] for key in keys if _is_number(config.get(key))), None)


def _largest(config: Config, keys: tuple[str, ...]) -> Optional[int]:
    """As ``_number``, and of a list with one item a layer the largest."""
    for key in keys:
        value = config.get(key)
        if isinstance(value, list):
            numbers = [one for one in value if _is_number(one)]
            if numbers:
                return max(numbers)
    return _number(config, keys)


def _per_layer(config: Config, keys: tuple[str, ...], layers: int) -> list[int]:
    """One item a layer, of a list or of a single number; none where the config does not say."""
    for key in keys:
        value = config.get(key)
        if _is_number(value):
            return [value] * layers
        # Longer where layers for guessing ahead are counted too.
        if isinstance(value, list) and len(value) >= layers and all(map(_is_number, value)):
            return value[:layers]
    return []


# --- attention ---------------------------------------------------------------------------------


def _kv_heads(config: Config, heads: list[int], layers: int) -> list[int]:
    """None where there are as many as heads."""
    if config.get("multi_query") is True and not config.get("new_decoder_architecture"):
        return [1] * layers
    if config.get("multi_query_attention") is True:
        return _per_layer(config, ("multi_query_group_num",), layers)
    blocks = config.get("block_configs")
    if isinstance(blocks, list) and len(blocks) == layers == len(heads):
        return [_block_kv_heads(block, count) for block, count in zip(blocks, heads)]
    return _per_layer(config, _KV_HEADS, layers) or _per_layer(_within(config, "attn_config"), ("kv_n_heads",), layers)


def _block_kv_heads(block: Any, heads: int) -> int:
    """Of a layer of Nemotron-NAS, where a search removed attention from some."""
    attention = _within(block, "attention") if isinstance(block, dict) else {}
    if attention.get("no_op") is True or attention.get("replace_with_linear") is True:
        return 0
    return heads // (_number(attention, ("n_heads_in_group",)) or 1)


def _layer_types(config: Config, model: str, layers: int) -> list[str]:
    """What each layer is, in the words of Transformers' ``layer_types``."""
    told = _told_types(config, layers)
    if told:
        return told
    window = _window(config)
    if window and config.get("use_sliding_window", not model.startswith("qwen")):
        kind = _CHUNKED if "attention_chunk_size" in config else _SLIDING
        return _windowed_types(config, model, layers, kind)
    period = _number(config, ("full_attention_interval",)) or (
        _PATTERNS.get(model) if "linear_num_value_heads" in config else None
    )
    return [_FULL if not period or not (layer + 1) % period else "linear_attention" for layer in range(layers)]


def _told_types(config: Config, layers: int) -> list[str]:
    """From the keys of hybrid models that name each layer, or those with attention."""
    for key in ("layer_types", "layers_block_type"):
        value = config.get(key)
        if isinstance(value, list) and len(value) >= layers and all(isinstance(one, str) and len(one) < 64 for one in value):
            return [_FULL if one == "attention" else one for one in value[:layers]]
    letters = _text(config, "hybrid_override_pattern")
    if letters and len(letters) >= layers:
        return [_HYBRID_LETTERS.get(letter, _FULL) for letter in letters[:layers]]
    marks = config.get("attn_type_list")
    if isinstance(marks, list) and len(marks) >= layers:
        return [_FULL if mark else "linear_attention" for mark in marks[:layers]]
    for key, other in (("full_attn_idxs", "conv"), ("attn_layer_indices", "mamba")):
        chosen = config.get(key)
        if isinstance(chosen, list):
            numbers = set(filter(_is_number, chosen))
            return [_FULL if layer in numbers else other for layer in range(layers)]
    chosen = _within(config, "linear_attn_config").get("full_attn_layers")
    if isinstance(chosen, list):
        numbers = set(filter(_is_number, chosen))
        return [_FULL if layer + 1 in numbers else "linear_attention" for layer in range(layers)]
    period, offset = _number(config, ("attn_layer_period",)), _number(config, ("attn_layer_offset",))
    if period and offset is not None:
        return [_FULL if layer % period == offset else "mamba" for layer in range(layers)]
    return []


def _windowed_types(config: Config, model: str, layers: int, kind: str) -> list[str]:
    """Of a model with a window: every layer, every one but each n-th, or only the later ones."""
    no_rope = config.get("no_rope_layers")
    if kind == _CHUNKED and isinstance(no_rope, list) and len(no_rope) >= layers:
        return [kind if rope else _FULL for rope in no_rope[:layers]]
    pattern = _text(config, "sliding_window_pattern")
    if pattern:
        return [kind if pattern[layer % len(pattern)] == "L" else _FULL for layer in range(layers)]
    period = _number(config, ("sliding_window_pattern", "_sliding_window_pattern")) or _PATTERNS.get(model)
    if period:
        return [kind if (layer + 1) % period else _FULL for layer in range(layers)]
    first = _number(config, ("max_window_layers",)) or 0
    return [kind if layer >= first else _FULL for layer in range(layers)]


def _window(config: Config) -> Optional[int]:
    """Tokens; chunks too, since a chunk's cache is as long as a window's (DynamicCache)."""
    return _number(config, ("sliding_window", "attention_chunk_size")) or None


# --- quantization ------------------------------------------------------------------------------

_METHODS = {
    "gptqmodel": "gptq", "bitsandbytes_4bit": "bitsandbytes", "bitsandbytes_8bit": "bitsandbytes", "compressed_tensors": "compressed-tensors",
    "intel/auto-round": "auto-round", "modelopt_fp4": "modelopt", "nvfp4": "modelopt",
}  # fmt: skip
_BITS = ("bits", "w_bit", "nbits", "num_bits", "wbits")
_GROUP = ("group_size", "q_group_size", "in_group_size", "weight_group_size")


def _quantizer_notes(config: Config, folder: str) -> Config:
    """How the weights were quantized, with ``quant_method`` set; empty where nobody says they were.

    Older quantizers wrote a file of their own beside config.json, MLX a key without the method's name.
    """
    notes = _within(config, "quantization_config") or _within(config, "compression_config")
    if notes:
        method = (
            _text(notes, "quant_method") or _text(notes, "quant_type") or ("mlx" if "quantization" in config else "unknown")
        )
        if method == "unknown" and (notes.get("load_in_4bit") is True or notes.get("load_in_8bit") is True):
            method = "bitsandbytes"
        return {**notes, "quant_method": _METHODS.get(method.lower(), method.lower())}
    if _within(config, "quantization"):
        return {**_within(config, "quantization"), "quant_method": "mlx"}
    for name, method in (("quantize_config.json", "gptq"), ("quant_config.json", "awq"), ("hf_quant_config.json", "modelopt")):
        notes = _read(os.path.join(folder, name)) or {}
        if notes:
            notes = _within(notes, "quantization") or notes
            told = (_text(notes, "quant_method") or ("awq" if "w_bit" in notes else method)).lower()
            return {**notes, "quant_method": _METHODS.get(told, told)}
    return {}


def _label(notes: Config) -> str:
    """Method, bits and group size: ``gptq 4-bit g128``."""
    method = str(notes["quant_method"])[:40]
    bits, group = _bits(notes), _group(notes)
    parts = [method]
    if method == "modelopt":
        parts = [(_text(notes, "quant_algo") or method).lower()[:40]]
    elif method == "compressed-tensors":
        parts.append((_text(notes, "format") or "")[:40])
    elif method == "bitsandbytes" and bits == 4:
        parts = [method, "4-bit", (_text(notes, "bnb_4bit_quant_type") or "")[:8]]
        bits = None
    if bits is not None and method not in ("fp8", "mxfp4", "modelopt", "fbgemm_fp8"):
        parts.append(f"{bits:g}-bit")
    if group:
        parts.append(f"g{group}")
    block = notes.get("weight_block_size")
    if isinstance(block, list) and len(block) == 2 and all(map(_is_number, block)):
        parts.append(f"{block[0]}x{block[1]}")
    return " ".join(part for part in parts if part)


def _bits(notes: Config) -> Optional[float]:
    """Of a weight, averaged where the quantizer mixes (exl2, exl3)."""
    if notes["quant_method"] == "bitsandbytes":
        return 4 if notes.get("load_in_4bit") is True or notes.get("_load_in_4bit") is True else 8
    if notes["quant_method"] == "aqlm":
        codes, size, width = (_number(notes, (key,)) for key in ("num_codebooks", "nbits_per_codebook", "in_group_size"))
        return codes * size / width if codes and size and width else None
    scheme = _scheme(notes)
    value = next((scheme[key] for key in _BITS if key in scheme), None)
    return value if isinstance(value, (int, float)) and not isinstance(value, bool) and 1 <= value <= 64 else None


def _group(notes: Config) -> Optional[int]:
    """Weights that share a scale; None for whole rows (-1) and where it is not said."""
    return None if notes["quant_method"] == "aqlm" else _number(_scheme(notes), _GROUP) or None


def _scheme(notes: Config) -> Config:
    """Where bits and group size stand: of several groups of layers the first one's weights (compressed-tensors), or nested (hqq)."""
    groups = _within(notes, "config_groups")
    first = next((one for one in groups.values() if isinstance(one, dict)), {})
    params = _within(_within(notes, "quant_config"), "weight_quant_params")
    return _within(first, "weights") or params or notes


def _most_bytes(tensors: list[Tensor]) -> Optional[str]:
    """The type that takes most of the bytes."""
    sizes: dict[str, int] = {}
    for one in tensors:
        sizes[one.type] = sizes.get(one.type, 0) + one.bytes
    return max(sizes, key=lambda name: sizes[name]) if sizes else None


_COUNTED = frozenset(
    {"gptq", "awq", "auto-round", "bitsandbytes", "fp8", "fbgemm_fp8", "compressed-tensors", "mxfp4", "modelopt", "mlx", "hqq"}
)
_PACKED = re.compile(r"\.(?:qweight|weight_packed|weight|W_q)$|_blocks$")
_TYPE_BITS = {"I32": 32, "U32": 32, "U8": 8}
"""Types that hold several weights of fewer bits. An I8 weight is one of 8."""
_SCALES = re.compile(
    r"(?:_scales?|\.scales?|\.qzeros|\.g_idx|scale_inv|scale_2|\.weight_shape|\.weight_zero_point|\.absmax|\.quant_map"
    r"|\.nested_\w+|\.quant_state\.\w+|\.biases|\.SCB|\.weight_format)$"
)


def _parameters(tensors: list[Tensor], notes: Config) -> Fact[int]:
    """Elements of all tensors; of quantized ones the weights that are packed in them, without scales and zero points."""
    if not tensors:
        return NOT_IN_FILE
    if not notes:
        return sum(math.prod(one.shape) for one in tensors)
    bits = {"mxfp4": 4, "modelopt": 4}.get(notes["quant_method"]) or _bits(notes)
    if notes["quant_method"] not in _COUNTED or not bits:
        bits = 8 if notes["quant_method"] in ("fp8", "fbgemm_fp8") else None
    if bits is None:
        return Unknown(f"{notes['quant_method'][:40]} packs its weights")
    total = 0
    for one in tensors:
        if _SCALES.search(one.name):
            continue
        packed = _TYPE_BITS.get(one.type) if _PACKED.search(one.name) else None
        total += int(math.prod(one.shape) * packed / bits) if packed else math.prod(one.shape)
    return total
