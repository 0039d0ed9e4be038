"""One door to all catalogues of codes: everything that a printed code may stand for.

HTTP statuses: RFC 9110; 499 is nginx's and Gin's note that the client left.
"""

from __future__ import annotations

import re
from typing import Callable, NamedTuple, Optional

from . import ntstatus, signals
from .code import CodeMeaning
from .cuda_errors import cuda_error_by_name, driver_error, runtime_error
from .hip_errors import HIP, hip_error
from .nvml_errors import nvml_error, nvml_error_by_name
from .windows_errors import ERRNO, WINDOWS, errno, windows_error
from .xid import xid

HTTP: dict[int, tuple[str, str]] = {
    400: (
        "Bad Request",
        "the server does not understand the request: often a wrong parameter or a prompt longer than the context",
    ),
    401: ("Unauthorized", "a key or login is missing or wrong"),
    403: (
        "Forbidden",
        "not allowed: an origin that is not permitted (CORS), a licence not accepted, or a key without this right",
    ),
    404: ("Not Found", "no such path or model: check the address (with or without /v1) and the model's name"),
    405: ("Method Not Allowed", "the path exists, but not for this method (GET against POST)"),
    408: ("Request Timeout", "the request took too long to arrive"),
    412: ("Precondition Failed", "Ollama's registry: the model needs a newer version of Ollama"),
    413: ("Content Too Large", "the request is larger than the server takes"),
    422: ("Unprocessable Content", "the request is well formed but a value is not valid"),
    429: ("Too Many Requests", "a rate limit"),
    499: ("client closed the connection", "the program that asked did not wait for the answer"),
    500: ("Internal Server Error", "the server failed; its own log says why"),
    502: ("Bad Gateway", "a proxy stands between, and the server behind it did not answer"),
    503: ("Service Unavailable", "the server is busy, still loads the model, or its queue is full"),
    504: ("Gateway Timeout", "a proxy stands between, and the server behind it took too long"),
}


class Meaning(NamedTuple):
    kind: str
    """Where this code is met."""
    number: str
    name: str
    meaning: str


_NUMBER = re.compile(r"-?(?:0x[0-9a-f]+|\d+(?:\.\d+)?(?:e\+?\d+)?)", re.I)


def meanings(text: str) -> list[Meaning]:
    """All that a code may stand for, the likeliest first; a word before the number (``CUDA``, ``NVML``, ``Xid`` …) says which.

    >>> [one.name for one in meanings("Xid 79")], [one.name for one in meanings("exit code 137")]
    (['FELL_OFF_BUS'], ['SIGKILL'])
    """
    words = text.strip().strip("()[]:.,")
    named = _by_name(words.split()[-1] if words else "")
    if named:
        return named
    match = None
    for match in _NUMBER.finditer(words):  # noqa: B007 - the last one counts: "cudaMalloc failed: CUDA error 2"
        pass
    if match is None:
        return []
    before = words[: match.start()].lower()
    spelling = match[0]
    number: Optional[int] = int(spelling, 0) if re.fullmatch(r"-?(?:0x[0-9a-fA-F]+|\d+)", spelling) else None
    for hints, kinds in _HINTS:
        if any(hint in before for hint in hints):
            return [one for kind in kinds for one in kind(spelling, number)]
    return [one for kind in (_exit, _cuda, _http, _windows, _xid) for one in kind(spelling, number)]


def _by_name(word: str) -> list[Meaning]:
    word = word.strip("()[]:.,'\"")
    upper = word.upper()
    for number, (name, meaning) in signals.SIGNALS.items():
        if upper == name:
            return [Meaning("signal", str(number), name, meaning)]
    for kind, table in (("Windows error", WINDOWS), ("errno", ERRNO), ("HIP error", HIP)):
        for number, (name, meaning) in table.items():
            if word.lower() == name.lower():
                return [Meaning(kind, str(number), name, meaning)]
    for kind, found in (("CUDA error", cuda_error_by_name(word)), ("NVML error", nvml_error_by_name(upper))):
        if found is not None:
            return [Meaning(kind, str(found.number), found.name, found.meaning)]
    return _ntstatus(upper) if upper.startswith(("STATUS_", "DBG_", "DELAYLOAD_", "CLR_", "CPP_")) else []


def _one(kind: str, found: Optional[CodeMeaning]) -> list[Meaning]:
    return [Meaning(kind, str(found.number), found.name, found.meaning)] if found is not None else []


def _ntstatus(spelling: str) -> list[Meaning]:
    known = [ntstatus.ntstatus(code) for code in ntstatus.decode(spelling)]
    return [Meaning("Windows exit code", f"0x{one.number:08X}", one.name, one.meaning) for one in known if one is not None]


def _exit(spelling: str, number: Optional[int]) -> list[Meaning]:
    if number is not None and -64 <= number <= 255:
        found = signals.of_exit_status(number)
        return [Meaning("exit status", spelling, found.name, found.meaning)] if found else []
    return _ntstatus(spelling)


def _signal(spelling: str, number: Optional[int]) -> list[Meaning]:
    return _one("signal", signals.by_number(number)) if number is not None else []


def _cuda(spelling: str, number: Optional[int]) -> list[Meaning]:
    if number is None:
        return []
    found = driver_error(number) or runtime_error(number)
    other = runtime_error(number)
    both = [one for one in (found, other) if one is not None]
    return [Meaning("CUDA error", str(one.number), one.name, one.meaning) for one in both[: 1 if _same(both) else 2]]


def _same(both: list[CodeMeaning]) -> bool:
    return len({one.meaning for one in both}) < 2


def _http(spelling: str, number: Optional[int]) -> list[Meaning]:
    entry = HTTP.get(number) if number is not None else None
    return [Meaning("HTTP status", spelling, *entry)] if entry else []


def _windows(spelling: str, number: Optional[int]) -> list[Meaning]:
    return _one("Windows error", windows_error(number)) if number is not None else []


def _errno(spelling: str, number: Optional[int]) -> list[Meaning]:
    return _one("errno", errno(number)) if number is not None else []


def _os_error(spelling: str, number: Optional[int]) -> list[Meaning]:
    """Rust's ``os error N`` is errno or a Windows error, by the system."""
    return [*_windows(spelling, number), *(_errno(spelling, number) if number is not None and number < 200 else [])]


def _xid(spelling: str, number: Optional[int]) -> list[Meaning]:
    found = xid(number) if number is not None else None
    return [Meaning("NVIDIA Xid", str(found.number), found.name, f"{found.meaning}; {found.action}")] if found else []


def _nvml(spelling: str, number: Optional[int]) -> list[Meaning]:
    return _one("NVML error", nvml_error(number)) if number is not None else []


def _hip(spelling: str, number: Optional[int]) -> list[Meaning]:
    return _one("HIP error", hip_error(number)) if number is not None else []


_Kind = Callable[[str, Optional[int]], list[Meaning]]

_HINTS: tuple[tuple[tuple[str, ...], tuple[_Kind, ...]], ...] = (
    (("xid",), (_xid,)),
    (("nvml",), (_nvml,)),
    (("hip", "rocm"), (_hip,)),
    (("cuda", "cu_", "cudart"), (_cuda,)),
    (("winerror", "windows error"), (_windows,)),
    (("errno",), (_errno,)),
    (("os error",), (_os_error,)),
    (("http", "status code"), (_http,)),
    (("signal",), (_signal,)),
    (("exit", "code"), (_exit,)),
)
"""Words before the number that say what it is."""
