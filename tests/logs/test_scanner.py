"""One pass finds every pattern of every rule, with the right line and groups, whatever the log holds."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmdoctor.logs.scanner import Pattern, Scanner, compile_match

OOM = Pattern(("cudaMalloc failed",), r"allocating (?P<mib>[\d.]+) MiB")
PLAIN = Pattern(("out of memory", "Out of memory"))


def scan(log: str, *patterns: Pattern, block: int = 1 << 20) -> list[tuple[int, Pattern]]:
    lines = log.encode().splitlines(keepends=True)
    blocks: list[bytes] = [b""]
    for line in lines:
        if len(blocks[-1]) > block:
            blocks.append(b"")
        blocks[-1] += line
    return [(hit.line, hit.pattern) for hit in Scanner(patterns).scan(blocks)]


def test_lines_groups_and_overlapping_literals() -> None:
    log = "a\nallocating 3.5 MiB on device 0: cudaMalloc failed: out of memory\r\nb\nOut of memory and cudaMalloc failed\n"
    hits = list(Scanner([OOM, PLAIN]).scan([log.encode()]))
    assert [(hit.line, hit.pattern is PLAIN, hit.groups) for hit in hits] == [
        (2, False, {"mib": "3.5"}), (2, True, {}), (4, True, {}),
    ]  # fmt: skip
    assert hits[0].text == "allocating 3.5 MiB on device 0: cudaMalloc failed: out of memory"


def test_a_line_counts_once_however_often_it_holds_a_literal() -> None:
    assert scan("out of memory, out of memory, Out of memory", PLAIN) == [(1, PLAIN)]


@given(
    st.lists(
        st.sampled_from(["out of memory", "fine", "Out of memory é", "", "cudaMalloc failed: allocating 1 MiB", "x" * 300])
    ),
    st.integers(1, 500),
)
def test_lines_are_those_that_a_plain_search_finds(lines: list[str], block: int) -> None:
    expected = [(number, PLAIN) for number, line in enumerate(lines, 1) if re.search("[Oo]ut of memory", line)]
    expected += [(number, OOM) for number, line in enumerate(lines, 1) if "cudaMalloc" in line]
    assert sorted(scan("\n".join(lines), PLAIN, OOM, block=block), key=str) == sorted(expected, key=str)


def test_a_hostile_line_is_looked_at_around_the_literal_only() -> None:
    hits = list(Scanner([PLAIN]).scan([b"a" * 3_000_000 + b" out of memory " + b"b" * 3_000_000]))
    assert len(hits) == 1 and "out of memory" in hits[0].text and len(hits[0].text) < 20_000


def test_text_is_clean() -> None:
    (hit,) = Scanner([PLAIN]).scan(["\x07out of memory \u202egnp\x9b\n".encode()])
    assert hit.text == "out of memory gnp"


@pytest.mark.parametrize("pattern", ["(", r"(?=x)", r"(a)\1"])
def test_what_is_not_re2_is_refused(pattern: str) -> None:
    with pytest.raises(ValueError):
        compile_match(pattern)


def test_no_pattern_can_hang() -> None:
    scanner = Scanner([Pattern(("aaaaaa",), "(a|a)*(a|aa)+$x")])
    assert list(scanner.scan([b"a" * 2_000_000 + b"!"])) == []
