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


def test_a_secret_over_the_edge_of_a_block_and_a_region_over_many() -> None:
    body = "\n".join("QUJD" * 16 for _ in range(30))
    text = f"a hf_abcdefghijklmnopqrstuv b\n-----BEGIN RSA PRIVATE KEY-----\n{body}\n-----END RSA PRIVATE KEY-----\nafter\n"
    for size in (7, 100, 5000):
        out = b"".join(Redactor().stream(text.encode()[at : at + size] for at in range(0, len(text), size))).decode()
        assert out.startswith("a <token-1> b\n") and out.endswith("\nafter\n")
        assert "QUJD" not in out and out.count("\n") == text.count("\n")


def test_an_endless_line_is_cut_and_the_next_one_is_there() -> None:
    blocks = [b"words x"] + [b"word " * 100_000] * 4 + [b'secret"}\n', b"next\n"]
    out = b"".join(Redactor().stream(blocks))
    assert len(out) < 1_100_000 and b"secret" not in out and out.endswith(b"<cut>\nnext\n")


def test_a_key_without_its_end_hides_no_whole_log() -> None:
    text = "-----BEGIN PRIVATE KEY-----\n" + "line\n" * 1000
    assert 600 < Redactor().text(text).count("line") < 1000


def test_numbers_of_placeholders_in_the_text_are_taken() -> None:
    assert Redactor().text("<user-3> /home/hopper/x <ip-1>") == "<user-3> /home/<user-4>/x <ip-1>"


def test_names_that_are_words_stay_out_of_their_place() -> None:
    assert Redactor(["max"]).text("/home/max/x --max-model-len 5, max 3") == "/home/<user-1>/x --max-model-len 5, max 3"


def test_a_longer_name_does_not_shadow_a_shorter_one() -> None:
    assert Redactor(["pierre", "pierre curie"]).text("pierre curielab pierre curie") == "<user-1> curielab <user-2>"


def test_a_value_counts_by_the_name_that_it_stands_under() -> None:
    value = {
        "DriverVersion": "31.0.15.1",
        "address": "31.0.15.1",
        "password": "hunter2",
        "serial": "AB12CD34",
        "n": 3,
        "l": [None, True],
    }
    assert Redactor().value(value) == {
        "DriverVersion": "31.0.15.1", "address": "<ip-1>", "password": "<secret-1>", "serial": "<serial-1>", "n": 3, "l": [None, True],
    }  # fmt: skip


def test_text_that_is_no_utf8_comes_through() -> None:
    raw = b"/home/hopper/\xff\xfe\n"
    assert b"".join(Redactor().stream([raw])) == b"/home/<user-1>/\xff\xfe\n"
