"""The condition language: what parses, what it says of misspelt fields, and its three values."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmdoctor.diagnosis.condition import ConditionError, compile_condition
from llmdoctor.diagnosis.evaluate import Evaluator, parse_version
from llmdoctor.diagnosis.sources import example_machine
from llmdoctor.facts.fact import Unknown

RUNTIMES = frozenset(("ollama", "llama.cpp"))

MACHINE = {
    "os": {"family": "linux", "wsl_version": None, "locale": {"unknown": "no permission"}},
    "cpu": {"avx2": False, "logical_cores": 8},
    "memory": {"total_bytes": 16 << 30, "available_bytes": 4 << 30},
    "driver": {"version": "550.90.07", "uvm": None, "cuda_version": "12.4"},
    "gpus": [
        {
            "name": "old",
            "compute_capability": "5.2",
            "vram_total_bytes": 4 << 30,
            "ecc_uncorrectable": {"unknown": "not asked"},
        },
        {"name": "new", "compute_capability": "12.0", "vram_total_bytes": 16 << 30, "ecc_uncorrectable": 0},
    ],
    "env": {"CUDA_VISIBLE_DEVICES": "0", "OLLAMA_HOST": "0.0.0.0"},
    "runtimes": {"ollama": {"installed": True, "settings": {"A": "1"}}},
}


def value_of(source: str, machine: dict[str, Any] = MACHINE) -> Any:
    tree, _ = compile_condition(source, RUNTIMES)
    value = Evaluator(example_machine(machine)).evaluate(tree).value
    return "unknown" if isinstance(value, Unknown) else value


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("os.family == 'linux'", True),
        ("driver.uvm == None", True),
        ("driver.uvm == False", False),
        ("has(driver.uvm)", False),
        ("not has(driver.uvm)", True),
        ("os.glibc_version == None", "unknown"),
        ("has(os.glibc_version)", "unknown"),
        # One decisive side decides, whatever the order.
        ("os.glibc_version == '2' and os.family == 'windows'", False),
        ("os.family == 'windows' and os.glibc_version == '2'", False),
        ("os.glibc_version == '2' or os.family == 'linux'", True),
        ("os.family == 'linux' and os.glibc_version == '2'", "unknown"),
        ("not (os.glibc_version == '2')", "unknown"),
        # Absent is not a small number.
        ("os.wsl_version < 2", False),
        ("os.wsl_version >= 0", False),
        ("memory.available_bytes * 4 == memory.total_bytes", True),
        ("memory.available_bytes / 0 > 1", False),
        ("0.2 < memory.available_bytes / memory.total_bytes < 0.3", True),
        # Versions compare by number, not by text.
        ("version(driver.version) < version('1000.1')", True),
        ("version(driver.cuda_version) == version('12.4.0')", True),
        ("version(os.name) > version('1')", "unknown"),
        # Lists.
        ("len(gpus) == 2", True),
        ("any(g.vram_total_bytes > 8 * 1024 * 1024 * 1024 for g in gpus)", True),
        ("all(g.vram_total_bytes > 8 * 1024 * 1024 * 1024 for g in gpus)", False),
        ("any(g.ecc_uncorrectable > 0 for g in gpus)", "unknown"),
        ("any(g.ecc_uncorrectable == 0 for g in gpus)", True),
        ("all(g.ecc_uncorrectable == 0 for g in gpus if g.name == 'new')", True),
        ("sum(g.vram_total_bytes for g in gpus) == 20 * 1024 * 1024 * 1024", True),
        ("min(version(g.compute_capability) for g in gpus) == 5", False),
        ("max(g.vram_total_bytes for g in gpus if g.name == 'none') > 0", False),
        ("any(d.free_bytes < 1 for d in disks)", "unknown"),
        ("gpus[0].name == 'old' and gpus[7].name == None", True),
        ("'ol' in gpus[0].name", True),
        ("os.family in ('linux', 'macos')", True),
        ("os.family not in ('linux', 'macos')", False),
        # Tables: what is not listed is absent in an example.
        ("env['CUDA_VISIBLE_DEVICES'] == '0'", True),
        ("env['HIP_VISIBLE_DEVICES'] == None", True),
        ("'OLLAMA_HOST' in env", True),
        ("'NOPE' in env", False),
        ("len(env) == 2", True),
        ("any(starts_with(name, 'OLLAMA_') for name in env)", True),
        ("any(text == '0.0.0.0' for text in env.values())", True),
        # Runtimes.
        ("runtimes['ollama'].installed", True),
        ("runtimes['llama.cpp'].installed", "unknown"),
        ("runtimes['ollama'].settings['A'] == '1'", True),
        ("any(r.installed for r in runtimes.values())", True),
        ("starts_with(driver.version, '550.') if has(driver.version) else False", True),
        ("lower(gpus[1].name) == 'new'", True),
        ("(os.family == 'linux'\n and cpu.avx2 == False)", True),
    ],
)
def test_value(source: str, expected: Any) -> None:
    assert value_of(source) == expected


@pytest.mark.parametrize(
    ("source", "part"),
    [
        ("drivr.version == None", "did you mean driver?"),
        ("driver.verison == None", "did you mean version?"),
        ("any(g.vram_total_byte > 1 for g in gpus)", "did you mean vram_total_bytes?"),
        ("gpus.name == 'x'", "use any("),
        ("runtimes['olama'].installed", "did you mean ollama?"),
        ("cpu.avx2 == 'yes'", "never equal"),
        ("cpu.logical_cores", "is not true or false"),
        ("os.name + 1 == 2", "is not a number"),
        ("driver.version", "is not true or false"),
        ("__import__('os').system('true')", "not part of the condition language"),
        ("(lambda: True)()", "not part of the condition language"),
        ("[g for g in gpus] == []", "ListComp"),
        ("2 ** 99999999 > 1", "operator"),
        ("os.__class__ == None", "no field __class__"),
        ("f'{os.name}' == 'x'", "JoinedStr"),
        ("verison(os.name) == None", "did you mean version?"),
        ("version() == None", "takes 1"),
        ("(" * 500, "not an expression"),
        ("not " * 60 + "cpu.avx2", "too deeply"),
        ("cpu.avx2 or " * 500 + "cpu.avx2", "longer than"),
        ("any(any(any(a.name == b.name for c in gpus) for b in gpus) for a in gpus)", "more than 2 loops"),
        ("os.family ==", "not an expression"),
        ("", "not an expression"),
        ("b'x' == os.name", "not allowed"),
    ],
)
def test_does_not_parse(source: str, part: str) -> None:
    with pytest.raises(ConditionError, match=None) as caught:
        compile_condition(source, RUNTIMES)
    assert part in str(caught.value)


def test_error_names_the_place() -> None:
    with pytest.raises(ConditionError) as caught:
        compile_condition("os.family == 'linux'\nand driver.verison == None", RUNTIMES)
    assert (caught.value.line, caught.value.column) == (2, 5)


def test_only_what_decided_is_evidence() -> None:
    tree, _ = compile_condition("cpu.avx2 == False or driver.version == 'x'", RUNTIMES)
    result = Evaluator(example_machine(MACHINE)).evaluate(tree)
    assert [read.path for read in result.reads] == ["cpu.avx2"]
    tree, _ = compile_condition("any(g.name == 'new' and g.compute_capability == '12.0' for g in gpus)", RUNTIMES)
    result = Evaluator(example_machine(MACHINE)).evaluate(tree)
    assert [read.path for read in result.reads] == ["gpus[1].name", "gpus[1].compute_capability"]
    assert [(name, item.name) for name, item, _ in result.witnesses] == [("g", "new")]


def test_unknown_names_the_fact_and_the_reason() -> None:
    tree, _ = compile_condition("os.locale == 'C'", RUNTIMES)
    assert Evaluator(example_machine(MACHINE)).evaluate(tree).value == Unknown("os.locale: no permission")


def test_long_lists_end() -> None:
    tree, _ = compile_condition("any(any(a.name == b.uuid for b in gpus) for a in gpus)", RUNTIMES)
    machine = example_machine({"gpus": [{"name": str(i), "uuid": "x"} for i in range(2000)]})
    assert isinstance(Evaluator(machine).evaluate(tree).value, Unknown)


@pytest.mark.parametrize(
    ("text", "version"), [("v0.12.3-rc1", (0, 12, 3)), ("2.6.0+cu124", (2, 6)), ("none", None), ("12", (12,)), ("0.0", (0,))]
)
def test_parse_version(text: str, version: Any) -> None:
    assert parse_version(text) == version


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet=st.sampled_from("abgosxe019 .,()[]'\"=<>!+-*/%{}\n_nrdtifuv"), max_size=60))
def test_any_text_gives_a_tree_or_a_condition_error(source: str) -> None:
    try:
        tree, _ = compile_condition(source, RUNTIMES)
    except ConditionError:
        return
    Evaluator(example_machine(MACHINE)).evaluate(tree)
