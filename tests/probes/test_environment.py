from __future__ import annotations

import pytest

from llmdoctor.facts.fact import Unknown, look_up
from llmdoctor.probes import environment
from llmdoctor.redact.variables import HIDDEN, clean_value
from tests.fakes import error, fake_host


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("CUDA_VISIBLE_DEVICES", "0,1", "0,1"),
        ("OLLAMA_HOST", "0.0.0.0:11434", "0.0.0.0:11434"),
        ("PATH", "/usr/bin:/opt/token-tools/bin", "/usr/bin:/opt/token-tools/bin"),
        ("HF_TOKEN", "hf_abcdefghijklmnopqrstuvwx", HIDDEN),
        ("VLLM_API_KEY", "x", HIDDEN),
        ("OLLAMA_ORIGINS", "http://ada:pw@box.example", "http://box.example"),
        ("HTTPS_PROXY", "http://ada:s3cret@proxy.example:3128", "http://proxy.example:3128"),
        ("http_proxy", "ada:s3cret@proxy.example:3128", "proxy.example:3128"),
        ("http_proxy", "proxy.example:3128", "proxy.example:3128"),
        # A secret in a variable whose name says nothing.
        ("LLAMA_ARGS", "--api-key abc123 -ngl 99", f"--api-key {HIDDEN} -ngl 99"),
        ("GRADIO_ARGS", "--listen --api_key=abc123", f"--listen --api_key={HIDDEN}"),
        ("HF_HOME", "/data/hf_abcdefghijklmnopqrstuvwx", f"/data/{HIDDEN}"),
        ("HF_ENDPOINT", "https://mirror.example/?token=abc&x=1", f"https://mirror.example/?token={HIDDEN}&x=1"),
    ],
)
def test_values_lose_their_secrets(name: str, value: str, expected: str) -> None:
    assert clean_value(name, value) == expected
    assert clean_value(name, expected) == expected


def test_the_table_says_that_all_others_are_absent() -> None:
    table = environment.probe(
        fake_host(
            {
                ("system", "env_names"): ["CUDA_VISIBLE_DEVICES", "HF_TOKEN", "SHELL"],
                ("env", "CUDA_VISIBLE_DEVICES"): "",
                ("env", "HF_TOKEN"): "hf_abc",
                ("env", "SHELL"): "/bin/sh",
            }
        )
    )
    assert table == {"CUDA_VISIBLE_DEVICES": "", "HF_TOKEN": HIDDEN, "*": None}
    assert look_up(table, "OLLAMA_HOST") is None


def test_names_that_nobody_could_read_leave_all_unknown() -> None:
    table = environment.probe(fake_host({("system", "env_names"): error("not recorded")}))
    assert look_up(table, "CUDA_VISIBLE_DEVICES") == Unknown("not recorded")
