"""Models as their config.json and their tensors' names tell them, made from the few sizes of ``fixtures/fit/vllm_public.json``."""

from __future__ import annotations

import json
import math
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

from llmdoctor.facts.model import ModelInfo, Tensor
from llmdoctor.models.transformers_config import fill_from_config

FIXTURE = Path(__file__).resolve().parent.parent.parent / "fixtures" / "fit" / "vllm_public.json"
PUBLIC = json.loads(FIXTURE.read_text())
_BYTES = {"BF16": 2, "F16": 2, "F32": 4, "I32": 4, "I64": 8, "U8": 1, "F8_E4M3": 1, "I8": 1}


def _tensor(name: str, *shape: int, kind: str = "BF16") -> Tensor:
    return Tensor(name, kind, tuple(shape), math.prod(shape) * _BYTES[kind])


def _linear(name: str, out: int, into: int, packing: str) -> list[Tensor]:
    """One matrix, as the quantizer stores it."""
    if packing == "awq":
        return [
            _tensor(f"{name}.qweight", into, out // 8, kind="I32"), _tensor(f"{name}.qzeros", into // 128, out // 8, kind="I32"),
            _tensor(f"{name}.scales", into // 128, out, kind="F16"),
        ]  # fmt: skip
    if packing == "gptq":
        return [
            _tensor(f"{name}.qweight", into // 8, out, kind="I32"), _tensor(f"{name}.qzeros", into // 128, out // 8, kind="I32"),
            _tensor(f"{name}.scales", into // 128, out, kind="F16"), _tensor(f"{name}.g_idx", into, kind="I32"),
        ]  # fmt: skip
    if packing == "fp8":
        return [_tensor(f"{name}.weight", out, into, kind="F8_E4M3"), _tensor(f"{name}.weight_scale", out, 1)]
    if packing == "fp8-blocks":
        scale = _tensor(f"{name}.weight_scale_inv", -(-out // 128), -(-into // 128), kind="F32")
        return [_tensor(f"{name}.weight", out, into, kind="F8_E4M3"), scale]
    if packing == "int8":
        return [_tensor(f"{name}.weight", out, into, kind="I8"), _tensor(f"{name}.weight_scale", out, 1)]
    return [_tensor(f"{name}.weight", out, into)]


def _layer(sizes: dict[str, Any], number: int) -> list[Tensor]:
    config, at, packing = sizes["config"], f"model.layers.{number}.", sizes.get("packing", "")
    hidden, heads = config["hidden_size"], config["num_attention_heads"]
    kv = config.get("num_key_value_heads", heads)
    head = config.get("head_dim") or hidden // heads
    found = []
    if "qkv" in sizes.get("fused", ()):
        found += _linear(f"{at}self_attn.qkv_proj", (heads + 2 * kv) * head, hidden, packing)
    else:
        for name, count in (("q_proj", heads), ("k_proj", kv), ("v_proj", kv)):
            found += _linear(f"{at}self_attn.{name}", count * head, hidden, packing)
            if sizes.get("bias"):
                found.append(_tensor(f"{at}self_attn.{name}.bias", count * head))
    found += _linear(f"{at}self_attn.o_proj", hidden, heads * head, packing)
    if config["model_type"] == "gpt_oss":
        found += [_tensor(f"{at}self_attn.o_proj.bias", hidden), _tensor(f"{at}self_attn.sinks", heads)]
    if sizes.get("qk_norm"):
        found += [_tensor(f"{at}self_attn.{name}.weight", head) for name in ("q_norm", "k_norm")]
    norms = ["input_layernorm", "post_attention_layernorm"]
    norms += ["pre_feedforward_layernorm", "post_feedforward_layernorm"] if sizes.get("four_norms") else []
    found += [_tensor(f"{at}{name}.weight", hidden) for name in norms]
    return found + _feed_forward(config, at, packing, hidden, sizes)


def _feed_forward(config: dict[str, Any], at: str, packing: str, hidden: int, sizes: dict[str, Any]) -> list[Tensor]:
    wide = config["intermediate_size"]
    if config["model_type"] == "gpt_oss":
        count, block = config["num_local_experts"], 32
        return [
            _tensor(f"{at}mlp.router.weight", count, hidden), _tensor(f"{at}mlp.router.bias", count),
            _tensor(f"{at}mlp.experts.gate_up_proj_blocks", count, 2 * wide, hidden // block, block // 2, kind="U8"),
            _tensor(f"{at}mlp.experts.gate_up_proj_scales", count, 2 * wide, hidden // block, kind="U8"),
            _tensor(f"{at}mlp.experts.gate_up_proj_bias", count, 2 * wide),
            _tensor(f"{at}mlp.experts.down_proj_blocks", count, hidden, wide // block, block // 2, kind="U8"),
            _tensor(f"{at}mlp.experts.down_proj_scales", count, hidden, wide // block, kind="U8"),
            _tensor(f"{at}mlp.experts.down_proj_bias", count, hidden),
        ]  # fmt: skip
    experts = config.get("num_experts")
    if experts:
        found = [_tensor(f"{at}mlp.gate.weight", experts, hidden)]
        narrow = config["moe_intermediate_size"]
        for expert in range(experts):
            for name, out, into in (("gate_proj", narrow, hidden), ("up_proj", narrow, hidden), ("down_proj", hidden, narrow)):
                found += _linear(f"{at}mlp.experts.{expert}.{name}", out, into, packing)
        return found
    if "gate_up" in sizes.get("fused", ()):
        found = _linear(f"{at}mlp.gate_up_proj", 2 * wide, hidden, packing)
    else:
        found = _linear(f"{at}mlp.gate_proj", wide, hidden, packing) + _linear(f"{at}mlp.up_proj", wide, hidden, packing)
    return found + _linear(f"{at}mlp.down_proj", hidden, wide, packing)


@cache
def model(name: str) -> ModelInfo:
    sizes = PUBLIC["models"][name]
    config = {"torch_dtype": "bfloat16", **sizes["config"]}
    hidden, words = config["hidden_size"], config["vocab_size"]
    tensors = [_tensor("model.embed_tokens.weight", words, hidden), _tensor("model.norm.weight", hidden)]
    for number in range(config["num_hidden_layers"]):
        tensors += _layer(sizes, number)
    if not config.get("tie_word_embeddings"):
        tensors.append(_tensor("lm_head.weight", words, hidden))
    info = ModelInfo(path=name, format="safetensors", files=[], tensors=tensors)
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "config.json").write_text(json.dumps(config))
        fill_from_config(info, folder)
    return info
