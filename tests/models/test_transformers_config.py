"""config.json and the notes of quantizers: what they tell of a model, and that odd and hostile ones do no harm."""

from __future__ import annotations

import json
import random
import struct
from pathlib import Path
from typing import Any, Optional

import pytest

from llmdoctor.facts.fact import Unknown
from llmdoctor.facts.model import NOT_IN_FILE, ModelInfo
from llmdoctor.models.error import ModelError
from llmdoctor.models.safetensors import read_folder

FULL, SLIDING, CHUNKED, LINEAR = "full_attention", "sliding_attention", "chunked_attention", "linear_attention"
TENSOR = {"w": ("F16", [2, 2], 8)}


def model(
    folder: Path, config: Any, tensors: dict[str, tuple[str, list[int], int]] = TENSOR, **others: dict[str, Any]
) -> ModelInfo:
    """A folder with these tensors (type, shape, bytes), this config.json and other JSON files, read."""
    header: dict[str, Any] = {}
    at = 0
    for name, (kind, shape, size) in tensors.items():
        header[name] = {"dtype": kind, "shape": shape, "data_offsets": [at, at + size]}
        at += size
    raw = json.dumps(header).encode()
    (folder / "model.safetensors").write_bytes(struct.pack("<Q", len(raw)) + raw + b"\0" * at)
    if config is not None:
        (folder / "config.json").write_bytes(config if isinstance(config, bytes) else json.dumps(config).encode())
    for name, content in others.items():
        (folder / f"{name}.json").write_text(json.dumps(content))
    return read_folder(str(folder))


def shape(layers: int = 4, **more: Any) -> dict[str, Any]:
    return {
        "model_type": "any", "num_hidden_layers": layers, "hidden_size": 64, "num_attention_heads": 8, "num_key_value_heads": 2,
        "intermediate_size": 128, "vocab_size": 1000, "max_position_embeddings": 4096, **more,
    }  # fmt: skip


LLAMA = {  # as Transformers 5 writes it
    "dtype": None, "head_dim": 128, "hidden_size": 4096, "id2label": {"0": "LABEL_0"}, "intermediate_size": 14336,
    "max_position_embeddings": 131072, "model_type": "llama", "num_attention_heads": 32, "num_hidden_layers": 32,
    "num_key_value_heads": 8, "rope_parameters": {"rope_theta": 500000.0, "rope_type": "default"}, "vocab_size": 128256,
}  # fmt: skip
QWEN2 = {
    "hidden_size": 3584, "intermediate_size": 18944, "layer_types": [FULL] * 28, "max_position_embeddings": 32768, "max_window_layers": 28,
    "model_type": "qwen2", "num_attention_heads": 28, "num_hidden_layers": 28, "num_key_value_heads": 4, "sliding_window": None,
    "torch_dtype": "bfloat16", "use_sliding_window": False, "vocab_size": 152064,
}  # fmt: skip
GEMMA3_4B = {  # leaves out what Gemma3TextConfig has by itself
    "model_type": "gemma3", "torch_dtype": "bfloat16", "vision_config": {"hidden_size": 1152, "num_hidden_layers": 27},
    "text_config": {
        "hidden_size": 2560, "intermediate_size": 10240, "model_type": "gemma3_text", "num_hidden_layers": 34, "sliding_window": 1024,
    },
}  # fmt: skip
DEEPSEEK_V3 = {
    "hidden_size": 7168, "intermediate_size": 18432, "kv_lora_rank": 512, "max_position_embeddings": 163840, "model_type": "deepseek_v3",
    "n_routed_experts": 256, "num_attention_heads": 128, "num_experts_per_tok": 8, "num_hidden_layers": 61, "num_key_value_heads": 128,
    "qk_nope_head_dim": 128, "qk_rope_head_dim": 64, "v_head_dim": 128, "vocab_size": 129280, "moe_intermediate_size": 2048,
    "quantization_config": {"activation_scheme": "dynamic", "fmt": "e4m3", "quant_method": "fp8", "weight_block_size": [128, 128]},
}  # fmt: skip


def test_a_dense_model(tmp_path: Path) -> None:
    info = model(tmp_path, LLAMA)
    assert (info.architecture, info.layers, info.n_ctx_train, info.embedding, info.vocabulary) == (
        "llama", 32, 131072, 4096, 128256,
    )  # fmt: skip
    assert (info.heads, info.kv_heads, info.head_dim_k, info.head_dim_v) == ([32] * 32, [8] * 32, 128, 128)
    assert (info.feed_forward, info.experts, info.experts_used, info.sliding_window) == ([14336] * 32, None, None, None)
    assert (info.quantization, info.parameters, info.metadata["layer_types"]) == ("F16", 4, [FULL] * 32)
    assert info.metadata["rope_parameters"] == LLAMA["rope_parameters"] and "id2label" not in info.metadata


def test_a_window_that_is_not_used(tmp_path: Path) -> None:
    info = model(tmp_path, QWEN2)
    assert (info.head_dim_k, info.kv_heads, info.sliding_window, info.metadata["dtype"]) == (128, [4] * 28, None, "bfloat16")


def test_a_multimodal_model_is_told_by_its_language_model(tmp_path: Path) -> None:
    info = model(tmp_path, GEMMA3_4B)
    assert (info.architecture, info.metadata["model_type"], info.metadata["dtype"]) == ("gemma3", "gemma3_text", "bfloat16")
    assert (info.layers, info.embedding, info.heads[0], info.kv_heads[0], info.head_dim_k) == (34, 2560, 8, 4, 256)
    assert (info.vocabulary, info.n_ctx_train, info.sliding_window) == (262208, 131072, 1024)
    assert info.metadata["layer_types"] == ([SLIDING] * 5 + [FULL]) * 5 + [SLIDING] * 4


@pytest.mark.parametrize("key", ["text_config", "llm_config", "language_config"])
def test_names_of_the_language_model(tmp_path: Path, key: str) -> None:
    info = model(tmp_path, {"model_type": "outer", "vocab_size": 5, key: shape(2, vocab_size=None)})
    assert (info.architecture, info.layers, info.vocabulary) == ("outer", 2, 5)


def test_a_language_model_two_levels_down(tmp_path: Path) -> None:
    assert model(tmp_path, {"model_type": "omni", "thinker_config": {"text_config": shape(3)}}).layers == 3


def test_latent_attention_and_experts(tmp_path: Path) -> None:
    info = model(tmp_path, DEEPSEEK_V3, {"a.weight": ("F8_E4M3", [128, 128], 16384), "a.weight_scale_inv": ("F32", [1, 1], 4)})
    assert (info.head_dim_k, info.head_dim_v, info.experts, info.experts_used) == (192, 128, 256, 8)
    assert (info.metadata["kv_lora_rank"], info.metadata["qk_rope_head_dim"]) == (512, 64)
    assert (info.quantization, info.parameters) == ("fp8 128x128", 16384)


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        (  # gpt2
            {"n_layer": 2, "n_embd": 64, "n_head": 4, "n_inner": None, "n_positions": 1024},
            {"layers": 2, "heads": [4, 4], "kv_heads": [4, 4], "head_dim_k": 16, "feed_forward": [256, 256], "n_ctx_train": 1024},
        ),
        (  # falcon-7b, falcon-40b
            {"num_hidden_layers": 1, "num_attention_heads": 71, "multi_query": True, "new_decoder_architecture": False},
            {"kv_heads": [1]},
        ),
        (
            {"num_hidden_layers": 1, "num_attention_heads": 128, "multi_query": True, "new_decoder_architecture": True, "num_kv_heads": 8},
            {"kv_heads": [8]},
        ),
        (  # chatglm
            {"num_layers": 1, "num_attention_heads": 32, "multi_query_attention": True, "multi_query_group_num": 2, "kv_channels": 128,
             "padded_vocab_size": 65024, "seq_length": 8192, "ffn_hidden_size": 13696},
            {"kv_heads": [2], "head_dim_v": 128, "vocabulary": 65024, "n_ctx_train": 8192, "feed_forward": [13696]},
        ),
        (  # dbrx
            {"n_layers": 1, "d_model": 64, "n_heads": 8, "attn_config": {"kv_n_heads": 2}, "ffn_config": {"moe_num_experts": 16, "moe_top_k": 4}},
            {"kv_heads": [2], "experts": 16, "experts_used": 4},
        ),
        (  # openelm
            {"num_transformer_layers": 2, "model_dim": 64, "head_dim": 16, "num_query_heads": [4, 8], "num_kv_heads": [1, 2]},
            {"heads": [4, 8], "kv_heads": [1, 2], "head_dim_k": 16},
        ),
        (  # nemotron-nas
            {"num_hidden_layers": 2, "num_attention_heads": 64, "num_key_value_heads": None,
             "block_configs": [{"attention": {"n_heads_in_group": 8, "no_op": False}}, {"attention": {"n_heads_in_group": None, "no_op": True}}]},
            {"kv_heads": [8, 0]},
        ),
        (shape(2, num_key_value_heads=None), {"kv_heads": [8, 8]}),
        (shape(2, intermediate_size=[128, 256]), {"feed_forward": [128, 256]}),
        (shape(2, num_local_experts=8, num_experts_per_tok=2), {"experts": 8, "experts_used": 2}),
        (shape(2, num_experts=128, num_experts_per_tok=8), {"experts": 128, "experts_used": 8}),
        (shape(2, num_experts=64, moe_topk=[1, 6]), {"experts": 64, "experts_used": 6}),
        (shape(2, num_local_experts=0, num_experts_per_tok=0), {"experts": None, "experts_used": None}),
    ],
)  # fmt: skip
def test_other_names_of_the_same(tmp_path: Path, config: dict[str, Any], expected: dict[str, Any]) -> None:
    info = model(tmp_path, config)
    assert {name: getattr(info, name) for name in expected} == expected


@pytest.mark.parametrize(
    ("config", "kinds", "window"),
    [
        (shape(4, sliding_window=32), [SLIDING] * 4, 32),
        (shape(4, sliding_window=None), [FULL] * 4, None),
        (shape(4, sliding_window=32, use_sliding_window=False), [FULL] * 4, None),
        (shape(4, sliding_window=32, model_type="qwen2"), [FULL] * 4, None),
        (shape(4, sliding_window=32, use_sliding_window=True, max_window_layers=3, model_type="qwen2"), [FULL] * 3 + [SLIDING], 32),
        (shape(4, sliding_window=32, sliding_window_pattern=4), [SLIDING] * 3 + [FULL], 32),
        (shape(4, sliding_window=32, sliding_window_pattern=1), [FULL] * 4, None),
        (shape(4, sliding_window=32, sliding_window_pattern="LLG"), [SLIDING, SLIDING, FULL, SLIDING], 32),
        (shape(4, sliding_window=32, model_type="gemma2"), [SLIDING, FULL] * 2, 32),
        (shape(4, sliding_window=32, model_type="gpt_oss", layer_types=[FULL, SLIDING] * 2), [FULL, SLIDING] * 2, 32),
        (shape(4, sliding_window=32, layer_types=[FULL] * 4), [FULL] * 4, None),
        (shape(2, sliding_window=32, layer_types=[SLIDING, FULL, FULL]), [SLIDING, FULL], 32),  # one more for guessing ahead
        (shape(2, sliding_window=32, layer_types=[FULL]), [SLIDING] * 2, 32),  # too short to believe
        (shape(4, attention_chunk_size=32, model_type="llama4_text", no_rope_layers=[]), [CHUNKED] * 3 + [FULL], 32),
        (shape(4, attention_chunk_size=32, no_rope_layers=[1, 0, 1, 1]), [CHUNKED, FULL, CHUNKED, CHUNKED], 32),
    ],
)  # fmt: skip
def test_which_layers_have_a_window(tmp_path: Path, config: dict[str, Any], kinds: list[str], window: Optional[int]) -> None:
    info = model(tmp_path, config)
    assert (info.metadata["layer_types"], info.sliding_window) == (kinds, window)
    assert info.kv_heads == [2] * len(kinds)


@pytest.mark.parametrize(
    ("keys", "kinds"),
    [
        ({"layer_types": [LINEAR, LINEAR, FULL, "conv"]}, [LINEAR, LINEAR, FULL, "conv"]),
        ({"layers_block_type": ["mamba", "attention", "mamba", "hybrid"]}, ["mamba", FULL, "mamba", "hybrid"]),
        ({"hybrid_override_pattern": "M-*E"}, ["mamba", "mlp", FULL, "moe"]),
        ({"attn_type_list": [0, 1, 0, 1]}, [LINEAR, FULL, LINEAR, FULL]),
        ({"full_attn_idxs": [2]}, ["conv", "conv", FULL, "conv"]),
        ({"attn_layer_indices": [0, 3]}, [FULL, "mamba", "mamba", FULL]),
        ({"linear_attn_config": {"full_attn_layers": [4]}}, [LINEAR, LINEAR, LINEAR, FULL]),
        ({"attn_layer_period": 2, "attn_layer_offset": 1}, ["mamba", FULL, "mamba", FULL]),
        ({"full_attention_interval": 2}, [LINEAR, FULL, LINEAR, FULL]),
        ({"model_type": "qwen3_next", "linear_num_value_heads": 32}, [LINEAR, LINEAR, LINEAR, FULL]),
        ({"layer_types": ["new_thing"] * 4}, ["new_thing"] * 4),
    ],
)
def test_layers_without_attention_have_no_kv_heads(tmp_path: Path, keys: dict[str, Any], kinds: list[str]) -> None:
    info = model(tmp_path, shape(4, **keys))
    assert info.metadata["layer_types"] == kinds
    assert info.kv_heads == [2 if kind in (FULL, "hybrid", "new_thing") else 0 for kind in kinds]


# --- quantization ------------------------------------------------------------------------------

GROUPS = {"group_0": {"weights": {"num_bits": 4, "type": "int", "group_size": 128, "strategy": "group"}}}
QWEIGHT = {"a.qweight": ("I32", [16, 8], 512), "a.qzeros": ("I32", [1, 1], 4), "a.g_idx": ("I32", [128], 512)}
BYTES = {
    "a.weight": ("U8", [64, 1], 64),
    "a.weight.absmax": ("F32", [2], 8),
    "a.weight.quant_state.bitsandbytes__nf4": ("U8", [9], 9),
}


@pytest.mark.parametrize(
    ("notes", "label"),
    [
        ({"quant_method": "gptq", "bits": 4, "group_size": 128, "desc_act": True}, "gptq 4-bit g128"),
        ({"quant_method": "gptq", "bits": 8, "group_size": -1}, "gptq 8-bit"),
        ({"quant_method": "awq", "bits": 4, "group_size": 64, "version": "gemm"}, "awq 4-bit g64"),
        ({"quant_method": "exl2", "bits": 4.25, "head_bits": 6}, "exl2 4.25-bit"),
        ({"quant_method": "exl3", "bits": 3.0, "head_bits": 6}, "exl3 3-bit"),
        ({"quant_method": "bitsandbytes", "load_in_4bit": True, "bnb_4bit_quant_type": "nf4"}, "bitsandbytes 4-bit nf4"),
        ({"quant_method": "bitsandbytes", "load_in_8bit": True}, "bitsandbytes 8-bit"),
        ({"load_in_8bit": True}, "bitsandbytes 8-bit"),
        ({"quant_method": "fp8", "weight_block_size": [128, 128]}, "fp8 128x128"),
        ({"quant_method": "fbgemm_fp8"}, "fbgemm_fp8"),
        ({"quant_method": "compressed-tensors", "format": "pack-quantized", "config_groups": GROUPS}, "compressed-tensors pack-quantized 4-bit g128"),
        ({"quant_method": "mxfp4", "modules_to_not_convert": ["lm_head"]}, "mxfp4"),
        ({"quant_method": "modelopt", "quant_algo": "NVFP4", "config_groups": {"g": {"weights": {"num_bits": 4, "group_size": 16}}}}, "nvfp4 g16"),
        ({"quant_method": "modelopt", "quant_algo": "FP8"}, "fp8"),
        ({"quant_method": "hqq", "quant_config": {"weight_quant_params": {"nbits": 4, "group_size": 64}}}, "hqq 4-bit g64"),
        ({"quant_method": "aqlm", "num_codebooks": 1, "nbits_per_codebook": 16, "in_group_size": 8}, "aqlm 2-bit"),
        ({"quant_method": "intel/auto-round", "bits": 2, "group_size": 32}, "auto-round 2-bit g32"),
        ({"quant_method": "brand_new", "bits": "many", "group_size": None}, "brand_new"),
        ({"quant_method": "gptq", "bits": True}, "gptq"),
        ({"quant_method": "gptq", "bits": 1e-300}, "gptq"),
        ({"quant_method": 5}, "unknown"),
    ],
)  # fmt: skip
def test_labels_of_quantized_models(tmp_path: Path, notes: dict[str, Any], label: str) -> None:
    assert model(tmp_path, shape(quantization_config=notes)).quantization == label


@pytest.mark.parametrize(
    ("others", "label"),
    [
        ({"quantize_config": {"bits": 4, "group_size": 128, "desc_act": False}}, "gptq 4-bit g128"),
        ({"quantize_config": {"bits": 4, "group_size": 128, "quant_method": "AWQ"}}, "awq 4-bit g128"),
        ({"quant_config": {"w_bit": 4, "q_group_size": 128, "zero_point": True}}, "awq 4-bit g128"),
        ({"hf_quant_config": {"producer": {}, "quantization": {"quant_algo": "NVFP4", "group_size": 16}}}, "nvfp4 g16"),
        ({"quantize_config": {}}, "F16"),
    ],
)
def test_notes_in_files_of_their_own(tmp_path: Path, others: dict[str, Any], label: str) -> None:
    assert model(tmp_path, shape(), **others).quantization == label


def test_mlx(tmp_path: Path) -> None:
    notes = {"group_size": 64, "bits": 4}
    tensors = {"a.weight": ("U32", [8, 2], 64), "a.scales": ("F16", [2], 4), "a.biases": ("F16", [2], 4)}
    info = model(tmp_path, shape(quantization=notes, quantization_config=notes), tensors)
    assert (info.quantization, info.parameters) == ("mlx 4-bit g64", 128)


@pytest.mark.parametrize(
    ("notes", "tensors", "expected"),
    [
        ({"quant_method": "gptq", "bits": 4}, {**QWEIGHT, **TENSOR}, 1024 + 4),
        ({"quant_method": "gptq", "bits": 8}, QWEIGHT, 512),
        ({"quant_method": "bitsandbytes", "load_in_4bit": True}, BYTES, 128),
        ({"quant_method": "bitsandbytes", "load_in_8bit": True}, {"a.weight": ("I8", [64], 64), "a.SCB": ("F32", [1], 4)}, 64),
        ({"quant_method": "mxfp4"}, {"e.gate_blocks": ("U8", [4, 16], 64), "e.gate_scales": ("U8", [4], 4)}, 128),
        (
            {"quant_method": "modelopt", "quant_algo": "NVFP4"},
            {"a.weight": ("U8", [64], 64), "a.weight_scale": ("F8_E4M3", [8], 8), "a.weight_scale_2": ("F32", [], 4)},
            128,
        ),
        (
            {"quant_method": "compressed-tensors", "config_groups": GROUPS},
            {"a.weight_packed": ("I32", [8], 32), "a.weight_scale": ("BF16", [1], 2), "a.weight_shape": ("I64", [2], 16)},
            64,
        ),
    ],
)
def test_parameters_of_packed_weights(tmp_path: Path, notes: dict[str, Any], tensors: dict[str, Any], expected: int) -> None:
    assert model(tmp_path, shape(quantization_config=notes), tensors).parameters == expected


@pytest.mark.parametrize("notes", [{"quant_method": "exl2", "bits": 4.0}, {"quant_method": "aqlm"}, {"quant_method": "gptq"}])
def test_parameters_that_cannot_be_counted_are_unknown(tmp_path: Path, notes: dict[str, Any]) -> None:
    assert isinstance(model(tmp_path, shape(quantization_config=notes)).parameters, Unknown)


# --- odd and hostile ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "is no JSON"),
        (b"{", "is no JSON"),
        (b"[1]", "holds no JSON object"),
        (b"[" * 100_000, "is no JSON"),
        (b'{"a": ' + b"9" * 5000 + b"}", "is no JSON"),
        (b'{"a": "\xff"}', "is no JSON"),
        (b"version https://git-lfs.github.com/spec/v1\n", "git-lfs pointer"),
        (b"\n<!DOCTYPE html>", "is a web page"),
        (b'{"a": "' + b"x" * (5 << 20) + b'"}', "has more than 4 MiB"),
    ],
)
def test_bad_configs_end_in_one_line_that_names_them(tmp_path: Path, content: bytes, says: str) -> None:
    with pytest.raises(ModelError) as caught:
        model(tmp_path, content)
    assert str(caught.value).startswith(f"{tmp_path / 'config.json'}: ")
    assert says in str(caught.value) and "\n" not in str(caught.value)


def test_more_layers_than_any_model_has(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="claims 1000000000 layers"):
        model(tmp_path, shape(10**9))


@pytest.mark.parametrize("value", [-1, 1 << 62, 1.5, True, "64", [], {}, None, [1, "2"]])
def test_values_that_are_no_sizes_are_not_told(tmp_path: Path, value: Any) -> None:
    config = shape(2, hidden_size=value, vocab_size=value, num_attention_heads=value, num_key_value_heads=value)
    info = model(tmp_path, {**config, "intermediate_size": value, "head_dim": value, "sliding_window": value})
    assert (info.embedding, info.vocabulary, info.head_dim_k) == (NOT_IN_FILE, NOT_IN_FILE, NOT_IN_FILE)
    assert (info.heads, info.kv_heads, info.feed_forward, info.sliding_window) == ([], [], [], None)


def test_long_lists_are_kept_as_their_length(tmp_path: Path) -> None:
    metadata = model(tmp_path, shape(long=list(range(5000)), nested={"long": [0] * 5000}, short=[1, 2])).metadata
    assert (metadata["long"], metadata["nested"], metadata["short"]) == ([5000], {"long": [5000]}, [1, 2])


def test_what_python_writes_beyond_json(tmp_path: Path) -> None:
    assert model(tmp_path, b'\xef\xbb\xbf{"num_hidden_layers": 2, "time_step_limit": [0.0, Infinity]}').layers == 2


def test_half_characters_can_be_printed(tmp_path: Path) -> None:
    info = model(tmp_path, b'{"model_type": "a\\ud800b", "x\\uDFFF": 1}')
    assert str(info.architecture).encode() and all(key.encode() for key in info.metadata)


def test_configs_with_anything_anywhere_never_crash(tmp_path: Path) -> None:
    """Every key of real configs, with values of all kinds. All end in a model or a ModelError."""
    dice = random.Random(20261125)
    values = [
        None,
        True,
        -1,
        0,
        1,
        7,
        1 << 70,
        1.5,
        float("inf"),
        float("nan"),
        "",
        "x",
        [],
        [None],
        [3] * 5000,
        {},
        {"a": 1},
        {"bits": []},
    ]
    texts = {
        **LLAMA,
        **QWEN2,
        **DEEPSEEK_V3,
        "text_config": GEMMA3_4B["text_config"],
        "attn_type_list": [1],
        "full_attn_idxs": [[1]],
    }
    texts |= {
        "block_configs": [1],
        "attn_layer_period": 0,
        "attn_layer_offset": 0,
        "sliding_window_pattern": 0,
        "linear_attn_config": 1,
    }
    model(tmp_path, shape())
    for _ in range(500):
        config = dict(texts)
        for _ in range(dice.randrange(1, 12)):
            config[dice.choice(list(texts))] = dice.choice(values)
        (tmp_path / "config.json").write_text(json.dumps(config))
        try:
            assert read_folder(str(tmp_path)).format == "safetensors"
        except ModelError as error:
            assert "\n" not in str(error)
