"""Opens what others send: a recording, the JSON of a command, a bundle, or the text of an issue. All of it is untrusted.

A bundle is a zip archive of ``recording.json``, ``diagnosis.json``, ``report.md`` and ``logs/*``. Nothing of it is written to
disk, what it unpacks to has a bound that does not trust its own figures, and names that could lead elsewhere are refused.
"""

from __future__ import annotations

import io
import re
import stat
import zipfile
from typing import NamedTuple, Optional

from ..host.text import clean, clean_text
from .storage import StorageError, decode, read_bounded, seen_from
from .survey import Seen

MAX_MEMBERS = 100
MAX_MEMBER_BYTES = 64 << 20
MAX_UNPACKED_BYTES = 256 << 20
MARK = "<!-- llmdoctor report -->"
"""The first line of a report; what stands outside its fences is our own prose and no log."""
_FENCE = re.compile(r"^ {0,3}(`{3,}|~{3,})[ \t]*([\w+-]*)")


class SavedLog(NamedTuple):
    name: str
    content: bytes
    runtime: Optional[str] = None


class Case(NamedTuple):
    """What somebody sent: a machine, logs, or both."""

    seen: Optional[Seen]
    logs: list[SavedLog]


def open_case(path: str, deadline_s: float) -> Case:
    """Raises StorageError with one line that names the file and what is wrong with it."""
    raw = read_bounded(path)
    if raw.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return _from_bundle(path, raw, deadline_s)
    start = raw.lstrip(b"\xef\xbb\xbf \t\r\n")
    if not path.lower().endswith((".md", ".txt", ".markdown", ".log")) and (
        start[:1] in (b"{", b"[", b"") or b"\0" in raw[:4096]
    ):
        return Case(seen_from(path, decode(path, raw), deadline_s), [])
    if b"\0" in raw[:4096] and not raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise StorageError(f"{path} is no saved machine: it is no text, no JSON and no bundle")
    return _from_issue(path, raw, deadline_s)


# -- bundles ------------------------------------------------------------------------------------


def _from_bundle(path: str, raw: bytes, deadline_s: float) -> Case:
    try:
        with zipfile.ZipFile(io.BytesIO(raw)) as archive:
            members = _checked(path, archive)
            left = MAX_UNPACKED_BYTES
            seen: Optional[Seen] = None
            logs: list[SavedLog] = []
            for member in members:
                is_log = member.filename.startswith("logs/") and not member.is_dir()
                if member.filename != "recording.json" and not is_log:
                    continue
                content = _unpacked(path, archive, member, min(left, MAX_MEMBER_BYTES))
                left -= len(content)
                if is_log:
                    logs.append(SavedLog(f"{path}: {member.filename}", content))
                else:
                    seen = seen_from(f"{path}: recording.json", decode(f"{path}: recording.json", content), deadline_s)
    except (zipfile.BadZipFile, zipfile.LargeZipFile, NotImplementedError, RuntimeError, EOFError, OSError) as error:
        raise StorageError(f"{path} is a damaged bundle: {clean(str(error).encode())}") from None
    except Exception as error:  # zlib, lzma and struct have their own errors for what is damaged
        if isinstance(error, StorageError):
            raise
        raise StorageError(f"{path} is a damaged bundle: {clean(str(error).encode())}") from None
    if seen is None and not logs:
        raise StorageError(f"{path} is no bundle of llmdoctor: it holds neither recording.json nor logs/")
    return Case(seen, logs)


def _checked(path: str, archive: zipfile.ZipFile) -> list[zipfile.ZipInfo]:
    members = archive.infolist()
    if len(members) > MAX_MEMBERS:
        raise StorageError(f"{path} is no bundle of llmdoctor: it holds {len(members)} files, at most {MAX_MEMBERS} are read")
    names = [member.filename for member in members]
    if len(set(names)) < len(names):
        raise StorageError(f"{path} is no bundle of llmdoctor: two of its files have the same name")
    for member in members:
        shown = clean_text(member.filename)[:80]
        if member.filename.startswith(("/", "\\")) or re.search(r"(?:^|[\\/])\.\.(?:[\\/]|$)|[:\\\x00-\x1f]", member.filename):
            raise StorageError(f"{path} is refused: its file {shown!r} would lead out of the bundle")
        # The upper half of the attributes is the mode where the archive was made on Unix: APPNOTE.TXT 4.4.15.
        kind = stat.S_IFMT(member.external_attr >> 16)
        if kind and not (stat.S_ISREG(kind) or stat.S_ISDIR(kind)):
            raise StorageError(f"{path} is refused: its file {shown!r} is a link or a device")
        if member.flag_bits & 1:
            raise StorageError(f"{path} is refused: its file {shown!r} is encrypted")
    return members


def _unpacked(path: str, archive: zipfile.ZipFile, member: zipfile.ZipInfo, most: int) -> bytes:
    with archive.open(member) as file:
        content = file.read(most + 1)
    if len(content) > most:
        raise StorageError(f"{path} is refused: {clean_text(member.filename)[:80]!r} unpacks to more than {most >> 20} MiB")
    return content


# -- issues -------------------------------------------------------------------------------------


def _from_issue(path: str, raw: bytes, deadline_s: float) -> Case:
    encoding = "utf-16" if raw.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8"
    text = clean_text(raw.decode(encoding, "replace"))
    rows = text.split("\n")
    seen: Optional[Seen] = None
    is_ours = MARK in text
    kept = ["" if is_ours else row for row in rows]
    for info, start, end in _fences(rows):
        body = "\n".join(rows[start:end])
        if body.lstrip().startswith("{") and '"schema_version"' in body and '"machine"' in body:
            name = f"{path}, line {start + 1}"
            seen = seen or seen_from(name, decode(name, body.encode()), deadline_s)
            kept[start:end] = [""] * (end - start)
        elif is_ours and info == "text":
            kept[start:end] = rows[start:end]
    # Line numbers stay those of the issue's text, so that whoever reads the diagnosis finds them there.
    log = "\n".join(kept)
    logs = [SavedLog(path, log.encode())] if log.strip() else []
    if seen is None and not logs:
        raise StorageError(f"{path} holds neither a report of llmdoctor nor a log")
    return Case(seen, logs)


def _fences(rows: list[str]) -> list[tuple[str, int, int]]:
    """(info string, first row, row after the last) of each fenced block: CommonMark 0.31, "Fenced code blocks"."""
    found: list[tuple[str, int, int]] = []
    at = 0
    while at < len(rows):
        opening = _FENCE.match(rows[at])
        at += 1
        if opening is None:
            continue
        closing = re.compile(rf"^ {{0,3}}{re.escape(opening[1][0])}{{{len(opening[1])},}}[ \t]*$")
        start = at
        while at < len(rows) and not closing.match(rows[at]):
            at += 1
        found.append((opening[2].lower(), start, at))
        at += 1
    return found
