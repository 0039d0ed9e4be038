"""What others send is hostile until shown otherwise: each trick is refused in one line."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest

from llmdoctor.survey import saved
from llmdoctor.survey.saved import MARK, open_case
from llmdoctor.survey.storage import StorageError, open_saved, write_bundle

RECORDING = (Path(__file__).resolve().parents[2] / "fixtures" / "machines" / "healthy" / "h100-as-root.json").read_bytes()


def bundle(path: Path, *members: tuple[zipfile.ZipInfo | str, bytes]) -> str:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return str(path)


def with_mode(name: str, mode: int) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    info.create_system = 3
    info.external_attr = mode << 16
    return info


TRICKS: dict[str, list[tuple[zipfile.ZipInfo | str, bytes]]] = {
    "lead out": [("recording.json", RECORDING), ("../evil", b"x")],
    "lead out of": [("/etc/passwd", b"x")],
    "would lead": [("logs/../../x.log", b"x")],
    "lead": [("logs\\..\\x.log", b"x")],
    "out of the bundle": [("C:evil", b"x")],
    "link": [(with_mode("logs/a.log", 0o120777), b"/etc/passwd")],
    "device": [(with_mode("logs/a.log", 0o020666), b"")],
    "holds 101 files": [(f"logs/{number}.log", b"x") for number in range(101)],
    "neither": [("something.txt", b"x")],
    "is not JSON": [("recording.json", b"{")],
    "newer llmdoctor": [
        ("recording.json", b'{"format":"llmdoctor-recording","schema_version":99,"tool_version":"9","answers":[]}')
    ],
    "holds no answers": [
        ("recording.json", b'{"format":"llmdoctor-recording","schema_version":1,"tool_version":"1","answers":[]}')
    ],
    "is damaged": [("recording.json", b'{"schema_version":1,"machine":{"os":{"family":[1]}}}')],
    "not JSON": [("recording.json", b"[" * 200_000)],
}


@pytest.mark.parametrize("reason", TRICKS)
def test_tricks_of_bundles(reason: str, tmp_path: Path) -> None:
    path = bundle(tmp_path / "b.zip", *TRICKS[reason])
    with pytest.raises(StorageError) as refused:
        open_case(path, 20)
    assert reason in str(refused.value) and path in str(refused.value) and "\n" not in str(refused.value)


def test_a_bomb(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(saved, "MAX_MEMBER_BYTES", 1 << 20)
    path = bundle(tmp_path / "b.zip", ("logs/a.log", b"0" * (5 << 20)))
    with pytest.raises(StorageError, match="unpacks to more than 1 MiB"):
        open_case(path, 20)
    # What its own header says of its size is not believed: the same with a lie in both places that tell it.
    raw = Path(path).read_bytes().replace((5 << 20).to_bytes(4, "little"), (10).to_bytes(4, "little"))
    Path(path).write_bytes(raw)
    with pytest.raises(StorageError):
        open_case(path, 20)


def test_two_files_of_one_name(tmp_path: Path) -> None:
    with pytest.warns(UserWarning):
        path = bundle(tmp_path / "b.zip", ("logs/a.log", b"x"), ("logs/a.log", b"y"))
    with pytest.raises(StorageError, match="same name"):
        open_case(path, 20)


@pytest.mark.parametrize("size", [30, 200, 5000])
def test_a_torn_bundle(size: int, tmp_path: Path) -> None:
    path = tmp_path / "b.zip"
    bundle(path, ("recording.json", RECORDING))
    path.write_bytes(path.read_bytes()[:size])
    with pytest.raises(StorageError, match="damaged bundle"):
        open_case(str(path), 20)


def test_escape_sequences_do_not_come_through(tmp_path: Path) -> None:
    path = tmp_path / "issue.md"
    path.write_text("```\n\x1b]0;own\x07\x1b[2Jhello \u202eolleh\n```\n")
    assert open_case(str(path), 20).logs[0].content == b"```\nhello olleh\n```\n"
    name = bundle(tmp_path / "b.zip", ("logs/\x1b[2J/../x", b"x"))
    with pytest.raises(StorageError) as refused:
        open_case(name, 20)
    assert "\x1b" not in str(refused.value)


def test_of_our_own_report_only_its_logs_are_logs(tmp_path: Path) -> None:
    facts = json.dumps({"schema_version": 1, "machine": {"os": {"family": "windows"}, "cpu": {}}})
    path = tmp_path / "issue.md"
    path.write_text(
        f"{MARK}\n**CUDA out of memory**\n\n````text\na\n```\nb\n````\n\n```sh\nrm x\n```\n\n```json\n{facts}\n```\n"
    )
    case = open_case(str(path), 20)
    assert case.seen is not None and case.seen.machine.os.family == "windows"
    assert case.logs[0].content.decode().split("\n")[4:7] == ["a", "```", "b"]
    assert case.logs[0].content.decode().split() == ["a", "```", "b"]


def test_an_issue_of_a_newer_version_says_so(tmp_path: Path) -> None:
    path = tmp_path / "issue.md"
    path.write_text(f'{MARK}\n```json\n{{"schema_version": 99, "machine": {{"os": {{}}}}}}\n```\n')
    with pytest.raises(StorageError, match="line 3 was written by a newer llmdoctor"):
        open_case(str(path), 20)


def test_an_old_machine_opens_with_its_new_fields_unknown(tmp_path: Path) -> None:
    path = tmp_path / "b.zip"
    write_bundle(
        str(path), {"recording.json": b'{"schema_version": 1, "machine": {"os": {"family": "linux", "gone": 1}}, "later": 2}'}
    )
    machine = open_saved(str(path), 20).machine
    assert machine.os.family == "linux" and repr(machine.cpu.avx2) == "Unknown(unknown='not recorded')"


@pytest.mark.parametrize("content", [b"", b"\n\n", b"\0\1\2PK", b"\x89PNG\r\n\0\0"])
def test_what_is_nothing_of_this(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "x.bin"
    path.write_bytes(content)
    with pytest.raises(StorageError) as refused:
        open_case(str(path), 20)
    assert "\n" not in str(refused.value)
