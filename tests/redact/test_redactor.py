"""What must be hidden is hidden everywhere the same, and what explains a fault survives."""

from __future__ import annotations

import pytest

from llmdoctor.redact.redactor import Redactor
from llmdoctor.redact.variables import clean_value, is_steering

UUID = "GPU-2ad36958-1111-5ff8-d0a2-892177235397"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("/home/ada/models/llama.gguf", "/home/<user-1>/models/llama.gguf"),
        ("ada@lovelace:~$ ollama", "<user-1>@<host-1>:~$ ollama"),
        # The name inside other words is no name.
        ("adapter Canada ada-lib", "adapter Canada <user-1>-lib"),
        ("mail ada.l@example.org now", "mail <email-1> now"),
        ("hf_abcdefghijklmnopqrstuv", "<token-1>"),
        ("Authorization: Bearer abc.def-12345678", "Authorization: <credentials-1>"),
        ("http://ada:pass@proxy:3128", "http://<credentials-1>@proxy:3128"),
        ("link/ether 52:54:00:12:34:56 brd", "link/ether <mac-1> brd"),
        (UUID, "GPU-00000000-0000-4000-8000-000000000001"),
        # What must survive.
        ("driver 550.90.07, Windows 31.0.15.1, build 10.0.22631", "driver 550.90.07, Windows 31.0.15.1, build 10.0.22631"),
        ("0.0.0.0:11434 127.0.0.1 ::1", "0.0.0.0:11434 127.0.0.1 ::1"),
        ("12:34:56.789 2026-11-01T10:00:00", "12:34:56.789 2026-11-01T10:00:00"),
        ("0000:01:00.0 10de:2684", "0000:01:00.0 10de:2684"),
    ],
)
def test_text(text: str, expected: str) -> None:
    redactor = Redactor(["ada"], ["lovelace"])
    hidden = redactor.text(text)
    assert hidden == expected
    assert redactor.text(hidden) == hidden
    assert Redactor(["ada"], ["lovelace"]).text(hidden) == hidden


def test_same_value_same_placeholder_in_keys_and_values() -> None:
    redactor = Redactor()
    redactor.learn(["/home/hopper/x", "C:\\Users\\Alan\\y"])
    hidden = redactor.value({"/home/hopper/a": [UUID, UUID.lower()], "b": "Alan and hopper, not hopperful"})
    assert hidden == {
        "/home/<user-1>/a": ["GPU-00000000-0000-4000-8000-000000000001", "gpu-00000000-0000-4000-8000-000000000001"],
        "b": "<user-2> and <user-1>, not hopperful",
    }
    assert redactor.counts == {"user": 3, "uuid": 2}


@pytest.mark.parametrize("name", ["root", "ubuntu", "vm", ""])
def test_names_that_are_nobodys_stay(name: str) -> None:
    assert Redactor([name], [name]).text(f"/home/{name}/x {name}") == f"/home/{name}/x {name}"


@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [
        ("HF_TOKEN", "hf_x", "<hidden>"),
        ("VLLM_API_KEY", "abc", "<hidden>"),
        ("HF_TOKEN_PATH", "/x", "/x"),
        ("OLLAMA_HOST", "0.0.0.0", "0.0.0.0"),
        ("https_proxy", "http://a:b@host:1", "http://host:1"),
        ("CUDA_VISIBLE_DEVICES", "0", "0"),
    ],
)
def test_variables(name: str, value: str, shown: str) -> None:
    assert is_steering(name)
    assert clean_value(name, value) == shown


@pytest.mark.parametrize("name", ["HOME_ADDRESS", "AWS_SECRET_ACCESS_KEY", "PS1", "MAIL"])
def test_other_variables_are_not_read(name: str) -> None:
    assert not is_steering(name)
