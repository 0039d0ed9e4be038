"""Opens a log, whatever it is packed in, and streams it as UTF-8 in blocks of whole lines, in constant memory.

Understood: plain text, gzip, bzip2, xz, zstd (RFC 8878 magic number), UTF-8, UTF-16 with and without its mark (PowerShell's
``>``), Docker's and journald's JSON lines, escape sequences of terminals. Line numbers are those that an editor shows.
"""

from __future__ import annotations

import codecs
import io
import os
import re
import stat
from typing import IO, Any, Callable, Iterator, Optional, cast

import msgspec

BLOCK_BYTES = 1 << 20
MAX_UNPACKED_BYTES = 64 << 30
"""Where reading of a packed log ends: a bomb of zeros unpacks a thousandfold."""
_SNIFF_BYTES = 64 << 10
_ESCAPES = re.compile(rb"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b\n]*(?:\x07|\x1b\\)?|[@-Z\\-_])")
_ODD = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f]")
_MODELS = ((b"GGUF", "a GGUF model"), (b"PK\x03\x04", "a zip archive"), (b"\x7fELF", "a program"), (b"MZ", "a program"))


class LogError(ValueError):
    """A log that cannot be read, as one line for the user."""


class _DockerLine(msgspec.Struct):
    log: str = ""


class _JournalLine(msgspec.Struct):
    MESSAGE: Any = ""
    SYSLOG_IDENTIFIER: Any = ""


def open_file(path: str) -> IO[bytes]:
    """A log for ``blocks``. Raises LogError for what is no readable file."""
    try:
        is_folder = stat.S_ISDIR(os.stat(path).st_mode)
        file = None if is_folder else open(path, "rb")  # noqa: SIM115 - the caller closes it
    except OSError as error:
        raise LogError(f"{path}: cannot be read: {error.strerror or error}") from None
    except ValueError:
        raise LogError(f"{path!r}: is no name of a file") from None
    if file is None:
        raise LogError(f"{path}: is a folder; name a log file in it")
    return file


def blocks(raw: IO[bytes], name: str) -> Iterator[bytes]:
    """Blocks of whole lines, each ending in a line feed (but where one line is longer than a block, and at the end).

    What is damaged is read up to there. Raises LogError, named by ``name``, for what is no text and where nothing can be read.
    """
    something = False
    try:
        for block in _clean(_records(_text(_unpacked(raw, name), name))):
            something = True
            yield block
    except LogError:
        raise
    except (OSError, EOFError, ValueError) as error:
        if not something:
            raise LogError(f"{name}: cannot be read: {error}") from None


def _unpacked(raw: IO[bytes], name: str) -> IO[bytes]:
    start = _peek(raw, 8)
    if start[0].startswith(b"\x1f\x8b"):
        import gzip

        return cast(IO[bytes], gzip.GzipFile(fileobj=start[1]))
    if start[0].startswith(b"BZh"):
        import bz2

        return cast(IO[bytes], bz2.BZ2File(start[1]))
    if start[0].startswith(b"\xfd7zXZ\x00"):
        import lzma

        return cast(IO[bytes], lzma.LZMAFile(start[1]))
    if start[0].startswith(b"\x28\xb5\x2f\xfd"):
        return _zstd(start[1], name)
    return start[1]


def _zstd(raw: IO[bytes], name: str) -> IO[bytes]:
    import zstandard

    try:
        # As much memory as the format's own tool grants a window: zstd(1), --long.
        return cast(
            IO[bytes], zstandard.ZstdDecompressor(max_window_size=128 << 20).stream_reader(raw, read_across_frames=True)
        )
    except zstandard.ZstdError as error:
        raise LogError(f"{name}: {error}") from None


def _peek(raw: IO[bytes], size: int) -> tuple[bytes, IO[bytes]]:
    start = b""
    while len(start) < size and (part := raw.read(size - len(start))):
        start += part
    return start, cast(IO[bytes], io.BufferedReader(_Rest(start, raw), BLOCK_BYTES))


class _Rest(io.RawIOBase):
    """The bytes that were looked at, then the rest of the stream."""

    def __init__(self, start: bytes, rest: IO[bytes]) -> None:
        self._start, self._rest = start, rest

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if self._start:
            part = self._start[: len(buffer)]
            self._start = self._start[len(part) :]
        else:
            part = self._rest.read(len(buffer))
        buffer[: len(part)] = part
        return len(part)


def _text(stream: IO[bytes], name: str) -> Iterator[bytes]:
    """UTF-8 bytes in parts of any length."""
    start, stream = _peek(stream, _SNIFF_BYTES)
    encoding = _encoding(start, name)
    decode: Optional[Callable[[bytes, bool], str]] = None
    if encoding:
        decode = codecs.getincrementaldecoder(encoding)("replace").decode
    total = 0
    while part := stream.read(BLOCK_BYTES):
        total += len(part)
        if total > MAX_UNPACKED_BYTES:
            raise LogError(f"{name}: longer than {MAX_UNPACKED_BYTES >> 30} GiB unpacked; the rest is not read")
        yield decode(part, False).encode("utf-8", "replace") if decode else part


def _encoding(start: bytes, name: str) -> Optional[str]:
    """``utf-16`` or the like; None for UTF-8 and its kin. Raises LogError for what is no text."""
    if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    sample = start[:4096]
    half = max(len(sample) // 2, 1)
    for encoding, zeros, letters in (("utf-16-le", sample[1::2], sample[::2]), ("utf-16-be", sample[::2], sample[1::2])):
        if zeros.count(0) > half * 0.7 and letters.count(0) < half * 0.1:
            return encoding
    if len(_ODD.findall(start)) > len(start) * 0.05:
        kind = next((kind for magic, kind in _MODELS if start.startswith(magic)), "")
        raise LogError(f"{name}: is no text" + (f" but {kind}" if kind else ""))
    return None


def _records(parts: Iterator[bytes]) -> Iterator[bytes]:
    """Blocks of whole lines; of JSON lines the message alone."""
    rest = b""
    unpack: Optional[Callable[[bytes], bytes]] = None
    first = True
    for part in parts:
        block = rest + part
        end = block.rfind(b"\n") + 1
        if end == 0 and len(block) < BLOCK_BYTES:
            rest = block
            continue
        end = end or len(block)
        block, rest = block[:end], block[end:]
        if first:
            unpack, first = _unpacker(block), False
        yield unpack(block) if unpack else block
    if rest:
        unpack = _unpacker(rest) if first else unpack
        yield unpack(rest) if unpack else rest


def _unpacker(block: bytes) -> Optional[Callable[[bytes], bytes]]:
    line = block.lstrip(b"\xef\xbb\xbf").split(b"\n", 1)[0].strip()
    if not line.startswith(b"{"):
        return None
    if line.startswith(b'{"log":') and b'"stream":' in line:
        docker = msgspec.json.Decoder(_DockerLine)
        return lambda block: _each(block, lambda raw: docker.decode(raw).log)
    if b'"MESSAGE"' in line and b'"__REALTIME_TIMESTAMP"' in line:
        journal = msgspec.json.Decoder(_JournalLine)
        return lambda block: _each(block, lambda raw: _journal_text(journal.decode(raw)))
    return None


def _journal_text(line: _JournalLine) -> str:
    # journald gives a message that is no UTF-8 as a list of bytes: systemd.journal-fields(7), "Journal JSON Format".
    message = line.MESSAGE
    if isinstance(message, list):
        message = bytes(one & 255 for one in message if isinstance(one, int)).decode("utf-8", "replace")
    return f"{line.SYSLOG_IDENTIFIER}: {message}"


def _each(block: bytes, message: Callable[[bytes], str]) -> bytes:
    """One line for one line, so that line numbers stay those of the file."""
    found = []
    for raw in block.splitlines():
        try:
            found.append(message(raw).strip("\r\n").replace("\n", " ").encode())
        except (msgspec.MsgspecError, UnicodeDecodeError):
            found.append(raw)
    return b"\n".join(found) + (b"\n" if block.endswith(b"\n") else b"")


def _clean(found: Iterator[bytes]) -> Iterator[bytes]:
    for block in found:
        yield _ESCAPES.sub(b"", block) if b"\x1b" in block else block
