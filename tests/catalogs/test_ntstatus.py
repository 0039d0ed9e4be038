"""Every spelling of a Windows exit code that programs print."""

from __future__ import annotations

import pytest

from llmdoctor.catalogs.ntstatus import NTSTATUS, decode, ntstatus


@pytest.mark.parametrize(
    ("spelling", "code"),
    [
        ("0xC0000005", 0xC0000005),
        ("0xc0000005", 0xC0000005),
        ("C0000005", 0xC0000005),
        ("c000001d", 0xC000001D),
        ("(0xc0000135)", 0xC0000135),
        ("3221225477", 0xC0000005),
        ("-1073741819", 0xC0000005),
        ("-1073741795", 0xC000001D),
        ("-1073740791", 0xC0000409),
        ("0xFFFFFFFFC0000005", 0xC0000005),
        ("18446744072635809797", 0xC0000005),
        (-1073740791, 0xC0000409),
        (3221225781, 0xC0000135),
        (0xC06D007E, 0xC06D007E),
        ("40010004", 0x40010004),
        ("1073807364", 0x40010004),
        ("STATUS_HEAP_CORRUPTION", 0xC0000374),
        (137, 137),
        ("1", 1),
    ],
)
def test_exact_spellings(spelling: str | int, code: int) -> None:
    assert decode(spelling) == [code]


@pytest.mark.parametrize("code", sorted(NTSTATUS))
def test_every_code_in_every_spelling(code: int) -> None:
    signed = code - 2**32 if code >> 31 else code
    widened = signed % 2**64
    for spelling in (code, str(code), hex(code), f"{code:08X}", signed, str(signed), str(widened), hex(widened)):
        assert decode(spelling) == [code], spelling
    if code >> 31:
        for rounded in (int(float(widened)), f"{float(widened):.17g}", f"{widened:.0f}", repr(float(widened))):
            assert code in decode(rounded), rounded


def test_a_number_that_went_through_a_double_is_a_set() -> None:
    first = decode("18446744072635810000")
    assert {0xC0000005, 0xC000001D, 0xC0000135, 0xC0000142, 0xC0000374} <= set(first)
    assert 0xC0000409 not in first
    second = decode(18446744072635812000)
    assert 0xC0000409 in second
    assert 0xC0000005 not in second
    assert decode("18446744072642953000") == [0xC06D007E, 0xC06D007F]
    assert first == sorted(first)


@pytest.mark.parametrize("text", ["", "abc", "0xZZ", "exit", "1e999999999", "-", "99999999999999999999999", "NaN", "-1.0e300"])
def test_what_is_no_code(text: str) -> None:
    assert decode(text) == []


def test_an_unknown_code_has_no_meaning() -> None:
    assert ntstatus(0xC0000005) is not None
    assert ntstatus(1) is None
    assert decode("0xC0001234") == [0xC0001234]
    assert all(meaning and "\n" not in meaning for _, meaning in NTSTATUS.values())
