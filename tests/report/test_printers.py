"""One diagnosis, many printers: all say the same, on any width, any encoding, and nothing from outside adds structure."""

from __future__ import annotations

import io
import json
import sys
from typing import Any

import msgspec
import pytest

from llmdoctor.facts.finding import Diagnosis, Evidence, Finding, NotChecked, Step
from llmdoctor.facts.machine import Cpu, Driver, Gpu, Machine, Memory, Os, Runtime
from llmdoctor.report import output
from llmdoctor.report.document import lines, verdict
from llmdoctor.report.markdown import render
from llmdoctor.report.plain import rows


def finding(rule_id: str = "driver.root", **fields: Any) -> Finding:
    values: dict[str, Any] = {
        "title": "The root cause",
        "kind": "cause",
        "severity": "error",
        "confidence": "confirmed",
        "evidence": [
            Evidence(text="module 550.1, library 550.2"),
            Evidence(text="driver.version = 550.1", source="driver.version"),
        ],
        "why": "Because both must match.",
        "fix": [Step(do="Restart.", run="sudo reboot", cost="a reboot")],
        "verify": "nvidia-smi",
        "refs": ["https://example.org/1"],
    }
    return Finding(id=rule_id, **{**values, **fields})


def diagnosis(**fields: Any) -> Diagnosis:
    machine = Machine(
        os=Os(family="linux", name="Ubuntu 24.04", kernel="6.8.0", architecture="x86_64"),
        cpu=Cpu(model="Ryzen 9", logical_cores=32, avx2=True, avx512f=False),
        memory=Memory(total_bytes=64 << 30, available_bytes=48 << 30),
        gpus=[Gpu(name="NVIDIA GeForce RTX 4090", vendor="nvidia", vram_total_bytes=24 << 30, vram_free_bytes=23 << 30)],
        driver=Driver(version="550.90.07", cuda_version="12.4"),
        runtimes={"ollama": Runtime(installed=True, version="0.12.3", running=True)},
    )
    return Diagnosis(tool_version="0.1.0", machine=machine, **{"passed": 100, **fields})


def test_terminal_form_says_all() -> None:
    one = diagnosis(
        findings=[finding(explains=["driver.sign"])],
        explained=[finding("driver.sign", title="A sign of it")],
        not_checked=[
            NotChecked(id="gpu.x", reason="gpus: no permission"),
            NotChecked(id="gpu.y", reason="gpus: no permission"),
        ],
    )
    text = "\n".join(rows(lines(one, 812.0), 200))
    assert text.startswith("1 error found. First: The root cause\n")
    for part in (
        "Ubuntu 24.04; kernel 6.8.0; Ryzen 9, 32 cores AVX2; RAM 64.0",
        "NVIDIA GeForce RTX 4090 (24.0 GiB, 23.0 GiB free); driver 550.90.07; CUDA 12.4",
        "Runtimes: ollama 0.12.3 (running)",
        "1. ERROR: The root cause",
        "- module 550.1, library 550.2",
        "1) Restart. (costs: a reboot)",
        "$ sudo reboot",
        "This also explains:\n     - A sign of it (driver.sign)",
        "Not checked (2):\n  - gpus: no permission: gpu.x, gpu.y",
        "100 checks passed in 0.81 s.",
    ):
        assert part in text
    assert "driver.version = 550.1" not in text  # the rule's own evidence says it already


@pytest.mark.parametrize(
    ("fields", "role", "part"),
    [
        ({}, "verdict-ok", "No problem found in 100 checks."),
        ({"not_checked": [NotChecked(id="a.b", reason="r")]}, "verdict-ok", "100 checks; 1 could not be made."),
        ({"passed": 0}, "verdict-warning", "Nothing could be checked."),
        ({"passed": 1, "not_checked": [NotChecked(id="a.b", reason="r")] * 5}, "verdict-warning", "but 5 could not be made"),
        ({"findings": [finding(severity="info")]}, "verdict-ok", "No problem found in 101 checks."),
        ({"findings": [finding(), finding(severity="warning")]}, "verdict-error", "1 error and 1 warning found."),
    ],
)
def test_verdict_never_sells_unknown_as_fine(fields: dict[str, Any], role: str, part: str) -> None:
    assert verdict(diagnosis(**fields))[0] == role
    assert part in verdict(diagnosis(**fields))[1]


def test_no_gpu_is_a_state_and_says_what_works() -> None:
    one = diagnosis()
    one.machine.gpus = []
    text = "\n".join(rows(lines(one), 200))
    assert "GPU: none found; models run on the CPU, files up to about 40.0 GiB fit the available RAM" in text
    one.machine.memory = Memory(total_bytes=64 << 30, available_bytes=48 << 30, configured_mts=5600, channels=2)
    assert "about 18 tokens/s at best with a 5 GB model" in "\n".join(rows(lines(one), 200))


@pytest.mark.parametrize("width", [20, 40, 80, 200])
def test_rows_keep_the_width_except_commands_and_long_words(width: int) -> None:
    one = diagnosis(findings=[finding()], not_checked=[NotChecked(id="gpu.x", reason="gpus: no permission to read it")])
    for row in rows(lines(one), width):
        if len(row) > width:
            assert row.lstrip().startswith("$ ") or max(map(len, row.split())) > width - 10


class Stream(io.TextIOWrapper):
    def __init__(self, encoding: str) -> None:
        super().__init__(io.BytesIO(), encoding=encoding)

    def written(self) -> str:
        self.flush()
        buffer = self.buffer
        assert isinstance(buffer, io.BytesIO)
        return buffer.getvalue().decode(self.encoding)


@pytest.mark.parametrize("form", ["terminal", "json", "markdown"])
@pytest.mark.parametrize("encoding", ["ascii", "utf-8", "cp437"])
def test_every_encoding(form: str, encoding: str, monkeypatch: pytest.MonkeyPatch) -> None:
    one = diagnosis(findings=[finding(title="Grün → 中文 💥 39 °C")])
    stream = Stream(encoding)
    monkeypatch.setattr(sys, "stdout", stream)
    output.show(one, form)
    text = stream.written()
    if form == "json":
        assert json.loads(text)["findings"][0]["title"] == "Grün → 中文 💥 39 °C"
    else:
        assert "39" in text


def test_json_has_the_contracts_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = Stream("utf-8")
    monkeypatch.setattr(sys, "stdout", stream)
    output.show(diagnosis(findings=[finding()]), "json")
    data = json.loads(stream.written())
    assert {"schema_version", "tool_version", "machine", "runs", "findings", "not_checked", "timings_ms"} <= data.keys()
    keys = {"id", "title", "severity", "confidence", "runtime", "evidence", "why", "fix", "verify", "refs", "explains"}
    assert keys <= data["findings"][0].keys()
    assert data["findings"][0]["evidence"][0] == {"text": "module 550.1, library 550.2", "source": None, "line": None}
    assert msgspec.convert(data["machine"], Machine) == diagnosis().machine


def test_markdown_from_a_hostile_machine_adds_nothing() -> None:
    one = diagnosis(
        findings=[finding(title="<script>x</script> [a](http://b) # `c`", evidence=[Evidence(text="1\n# big\n- x")])]
    )
    one.machine.os.name = "<img src=x> @everyone"
    one.findings[0].fix[0].run = "```\n# out"
    text = render(one)
    assert "<script>" not in text and "<img" not in text and "[a](" not in text and " @everyone" not in text
    assert "\n# big" not in text
    assert "   ````sh\n   ```\n   # out\n   ````" in text


@pytest.mark.parametrize(
    ("environment", "tty", "colour"),
    [
        ({"TERM": "xterm-256color"}, True, True),
        ({"TERM": "xterm-256color"}, False, False),
        ({"TERM": "dumb"}, True, False),
        ({"TERM": "xterm", "NO_COLOR": "1"}, True, False),
        ({}, True, False),
    ],
)
def test_colour_only_where_wanted(environment: dict[str, str], tty: bool, colour: bool) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return tty

    assert output.wants_colour(Terminal(), environment) is colour
