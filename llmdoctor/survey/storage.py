"""Saved machines: writing one without private data, and opening one that may come from a stranger."""

from __future__ import annotations

import os
import re
import time
from typing import Any

import msgspec

from .. import __version__
from ..facts.machine import SCHEMA_VERSION, Machine
from ..host import recording
from ..host.host import Host
from ..host.live import Live
from ..host.text import clean, clean_json
from ..redact.redactor import Redactor
from ..smoke import levels
from .survey import Seen, look


class StorageError(ValueError):
    """A file that cannot be written, or that is no saved machine: one line that names it."""


class Recorder:
    """A Host on this machine that keeps what was asked, so that it can be saved."""

    def __init__(self, live: Live) -> None:
        self._live = live
        self._recorder = recording.Recorder(live)
        self.host = Host(self._recorder)
        self.now = Host(live.now)
        """The same machine, asked anew at each question and not recorded."""

    @classmethod
    def live(cls) -> Recorder:
        return cls(Live())

    def close(self) -> None:
        self._live.close()

    def save(self, path: str, note: str = "") -> dict[str, int]:
        """Writes the recording, redacted, readable by its owner alone. Says how much was hidden, by kind."""
        redactor = self.redactor()
        write_private(path, self.recording(redactor, note))
        return redactor.counts

    def redactor(self) -> Redactor:
        """One that knows who uses this machine and what it is called."""
        user, hostname = self.host.system("user"), self.host.system("hostname")
        return Redactor([user] if isinstance(user, str) else (), [hostname] if isinstance(hostname, str) else ())

    def recording(self, redactor: Redactor, note: str = "") -> bytes:
        """All questions and answers so far as the file's content, redacted."""
        entries = self._recorder.entries()
        redact_entries(entries, redactor)
        record = recording.Recording(
            tool_version=__version__, note=note, recorded_at=time.strftime("%Y-%m-%dT%H:%M:%S%z"), answers=entries
        )
        # One question a line: two recordings can be compared with a line-by-line diff.
        head = msgspec.json.encode(msgspec.structs.replace(record, answers=[]))
        assert head.endswith(b"[]}")
        body = b",\n".join(msgspec.json.encode(entry) for entry in entries)
        return head[:-2] + b"\n" + body + b"\n]}\n"


def redact_entries(entries: list[recording.Entry], redactor: Redactor) -> None:
    """Takes what is private out of questions and answers alike, so that a replay asks for what is there."""
    for entry in entries:
        redactor.learn(entry.key)
        redactor.learn({_name_of(entry): entry.value})
    for entry in entries:
        name = _name_of(entry)
        entry.key = redactor.value(entry.key)
        entry.value = _redact_bytes(entry.value, redactor) if entry.kind == "bytes" else redactor.named(name, entry.value)
        entry.error = redactor.text(entry.error) if entry.error else None


def _name_of(entry: recording.Entry) -> str:
    """What the answer is, by the question: a variable, a function of NVML, a file's name."""
    return re.split(r"[\\/]", str(entry.key[0]))[-1] if entry.key else ""


def _redact_bytes(value: Any, redactor: Redactor) -> Any:
    """Bytes stand as hexadecimal text; a script's first lines may name its owner's home."""
    try:
        text = bytes.fromhex(value).decode() if isinstance(value, str) else "\0"
    except ValueError:
        return value
    return value if "\0" in text else redactor.text(text).encode().hex()


def write_private(path: str, content: bytes) -> None:
    """Writes a file that its owner alone may read, whole or not at all. Raises StorageError."""
    temporary = f"{path}.{os.getpid()}.part"
    try:
        with open(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(content)
        os.replace(temporary, path)
    except OSError as error:
        raise StorageError(f"{path} cannot be written: {(error.strerror or str(error)).lower()}") from None


def write_bundle(path: str, files: dict[str, bytes]) -> None:
    """Writes a bundle, as ``survey/saved.py`` reads it. Raises StorageError."""
    import io
    import zipfile

    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, part in files.items():
            archive.writestr(name, part)
    write_private(path, content.getvalue())


def open_saved(path: str, deadline_s: float) -> Seen:
    """A saved machine: a recording, which today's probes read anew, the JSON that ``check`` printed, a bundle of ``report``,
    or the text of an issue with a report in it.

    Raises StorageError with one line that names the file and what is wrong with it.
    """
    from .saved import open_case

    seen = open_case(path, deadline_s).seen
    if seen is None:
        raise StorageError(f"{path} is no saved machine: it holds logs alone; llmdoctor diagnose --from reads them")
    return seen


def seen_from(name: str, data: Any, deadline_s: float) -> Seen:
    """The machine in a JSON value. Raises StorageError, named by ``name``."""
    if not isinstance(data, dict):
        raise StorageError(f"{name} is no saved machine: the file holds a JSON {type(data).__name__}, not an object")
    if data.get("format") == recording.FORMAT:
        return _from_recording(name, data, deadline_s)
    machine = data.get("machine", data)
    if not isinstance(machine, dict) or "schema_version" not in data or not {"os", "cpu"} & machine.keys():
        raise StorageError(f"{name} is no saved machine: neither a recording of --save nor the JSON of check")
    _check_version(name, data["schema_version"])
    try:
        return Seen(msgspec.convert(machine, Machine), {})
    except (msgspec.ValidationError, RecursionError) as error:
        raise StorageError(f"{name} is damaged: {clean(str(error).encode())}") from None


def read_bounded(path: str) -> bytes:
    """A file from a stranger, whole. Raises StorageError."""
    try:
        if not os.path.isfile(path):
            why = "is a folder" if os.path.isdir(path) else "no such file" if not os.path.exists(path) else "is no regular file"
            raise StorageError(f"{path}: {why}")
        size = os.path.getsize(path)
        if size > recording.MAX_FILE_BYTES:
            raise StorageError(
                f"{path} is too large for a saved machine ({size >> 20} MiB, at most {recording.MAX_FILE_BYTES >> 20})"
            )
        with open(path, "rb") as file:
            return file.read(recording.MAX_FILE_BYTES)
    except (OSError, ValueError) as error:
        if isinstance(error, StorageError):
            raise
        raise StorageError(f"{path} cannot be read: {(getattr(error, 'strerror', None) or str(error)).lower()}") from None


def decode(name: str, raw: bytes) -> Any:
    """A JSON value from a stranger: nothing in it can reach a terminal as more than text. Raises StorageError."""
    try:
        return clean_json(msgspec.json.decode(raw))
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        reason = "it is empty" if not raw.strip() else clean(str(error).encode())
        raise StorageError(f"{name} is not JSON: {reason}") from None


def _check_version(path: str, version: object) -> None:
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        raise StorageError(f"{path} is damaged: schema_version is {version!r}")
    if version > SCHEMA_VERSION:
        raise StorageError(f"{path} was written by a newer llmdoctor (schema {version}, this one reads {SCHEMA_VERSION})")


def _from_recording(path: str, data: dict[str, Any], deadline_s: float) -> Seen:
    _check_version(path, data.get("schema_version"))
    try:
        record = msgspec.convert(data, recording.Recording)
    except (msgspec.ValidationError, RecursionError) as error:
        raise StorageError(f"{path} is damaged: {error}") from None
    if not record.answers:
        raise StorageError(f"{path} is damaged: it holds no answers")
    host = Host(recording.replay(record))
    seen = look(host, deadline_s)
    seen.machine.recorded_at = record.recorded_at
    if any(entry.kind == "worker" for entry in record.answers):
        seen.machine.smoke = levels.again(host, seen.machine)
    return seen
