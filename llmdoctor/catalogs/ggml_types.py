"""ggml's tensor types: numbers as they stand in GGUF files, elements and bytes of a block.

Source: ggml-org/llama.cpp, ggml/include/ggml.h (``enum ggml_type``) and ggml/src/ggml-common.h (the block structures).
"""

from __future__ import annotations

from typing import NamedTuple


class GgmlType(NamedTuple):
    name: str
    block: int
    """Elements of a block; rows are whole blocks."""
    block_bytes: int


_QK = 256

GGML_TYPES: dict[int, GgmlType] = {
    0: GgmlType("F32", 1, 4), 1: GgmlType("F16", 1, 2), 2: GgmlType("Q4_0", 32, 18), 3: GgmlType("Q4_1", 32, 20),
    6: GgmlType("Q5_0", 32, 22), 7: GgmlType("Q5_1", 32, 24), 8: GgmlType("Q8_0", 32, 34), 9: GgmlType("Q8_1", 32, 36),
    10: GgmlType("Q2_K", _QK, 84), 11: GgmlType("Q3_K", _QK, 110), 12: GgmlType("Q4_K", _QK, 144), 13: GgmlType("Q5_K", _QK, 176),
    14: GgmlType("Q6_K", _QK, 210), 15: GgmlType("Q8_K", _QK, 292), 16: GgmlType("IQ2_XXS", _QK, 66), 17: GgmlType("IQ2_XS", _QK, 74),
    18: GgmlType("IQ3_XXS", _QK, 98), 19: GgmlType("IQ1_S", _QK, 50), 20: GgmlType("IQ4_NL", 32, 18), 21: GgmlType("IQ3_S", _QK, 110),
    22: GgmlType("IQ2_S", _QK, 82), 23: GgmlType("IQ4_XS", _QK, 136), 24: GgmlType("I8", 1, 1), 25: GgmlType("I16", 1, 2),
    26: GgmlType("I32", 1, 4), 27: GgmlType("I64", 1, 8), 28: GgmlType("F64", 1, 8), 29: GgmlType("IQ1_M", _QK, 56),
    30: GgmlType("BF16", 1, 2), 34: GgmlType("TQ1_0", _QK, 54), 35: GgmlType("TQ2_0", _QK, 66), 39: GgmlType("MXFP4", 32, 17),
    40: GgmlType("NVFP4", 64, 36), 41: GgmlType("Q1_0", 128, 18), 42: GgmlType("Q2_0", 64, 18),
}  # fmt: skip
"""Types that files of today hold."""

REMOVED = {
    4: "Q4_2",
    5: "Q4_3",
    31: "Q4_0_4_4",
    32: "Q4_0_4_8",
    33: "Q4_0_8_8",
    36: "IQ4_NL_4_4",
    37: "IQ4_NL_4_8",
    38: "IQ4_NL_8_8",
}
"""Types that llama.cpp once wrote and no longer reads (2023, and repacked ones of 2024)."""

BY_NAME = {one.name: one for one in GGML_TYPES.values()}


def row_bytes(kind: GgmlType, elements: int) -> int:
    """Bytes of a row.

    >>> row_bytes(BY_NAME["Q4_K"], 4096), row_bytes(BY_NAME["F16"], 5)
    (2304, 10)
    """
    return elements // kind.block * kind.block_bytes
