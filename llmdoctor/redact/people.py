"""Names of people and machines, and of private projects in paths of models.

What is found here is learnt and then searched everywhere as a whole word, so these need to find a name once.
"""

from __future__ import annotations

import re
from typing import Iterator

from ..catalogs.public_names import FOLDERS, HOSTS, MODEL_WORDS, NOBODY
from .finder import Finder, W, one_of, pattern

_nobody = one_of(NOBODY)

_SEP = r"(?:[\\/]{1,4}|%2f|%5c(?:%5c)?)"
_HOME_LITERALS = tuple(folder + end for folder in ("home", "users", "media", "settings") for end in ("/", "\\", "%2f", "%5c"))
_HOMES = rf"(?:(?<=[\\/])|(?<=%2f)|(?<=%5c))(?:home|users|media|documents and settings){_SEP}"
_PART = r"[^\\/\s\"'`:;,|<>()\[\]{}%*?=$&]"
# Windows allows a space in a user's name: only where a separator follows, or it would swallow the line.
_HOME = pattern(rf"{_HOMES}(?:((?:{_PART}|%[0-9a-f]{{2}}(?<!%2f)(?<!%5c))+(?: (?:{_PART})+){{0,3}})(?={_SEP})|((?:{_PART})+))")


def _is_no_home(match: re.Match[bytes]) -> bool:
    name = match[match.lastindex or 0].rstrip(b".").lower()
    return (
        not name
        or name in (b"all users", b"default user", b"cdrom", b"linuxbrew", b"x")
        or name.decode("utf-8", "replace") in NOBODY
    )


_USER_KEYS = r"(?:[A-Z_]*USER(?:NAME)?|LOGNAME|user_?name|user|login|owner|account|account_?name|author)"
_HOST_KEYS = r"(?:HOSTNAME|COMPUTERNAME|USERDOMAIN(?:_ROAMINGPROFILE)?|LOGONSERVER|host_?name|host name|node_?name|nodename|LocalHostName|computer_?name|machine_?name|server_?name|static hostname|logon server|dns suffix)"
_BETWEEN = r"\\*[\"']?\s*(?:[:=]|REG_SZ)\s*\\*[\"']?(?:\\\\)?"
_NAME = rf"[A-Za-z_\x80-\xff][{W}.+-]*[{W}]"
_BY_WORDS = r"(?:sudo(?:\[\d+\])?:\s+|accepted \w+ for |failed password for (?:invalid user )?|\bfor user |\bby user |\bof user |logged in as:? |session \w+ for |\buser )"
SHAPE = rf"(?:{_USER_KEYS.lower()}|{_HOST_KEYS.lower()}){_BETWEEN.lower()}|{_BY_WORDS}"
_TAIL = r"(?=[\s\"'\\,;)}\]]|$)"


def _is_no_host(match: re.Match[bytes]) -> bool:
    name = match[match.lastindex or 0].lower().rstrip(b".").decode("utf-8", "replace")
    if name in NOBODY or re.fullmatch(
        r"[\d.]+|v?\d.*|latest|version|next|main|master|sha256|tty\w*|.*\.(?:service|socket|target|py|so|js|sh)", name
    ):
        return True
    return _is_public_host(name)


def _is_public_host(name: str) -> bool:
    labels = name.split(".")
    return any(".".join(labels[start:]) in HOSTS for start in range(len(labels)))


def _is_no_email(match: re.Match[bytes]) -> bool:
    name, _, host = match[0].lower().partition(b"@")
    return (
        name == b"git"
        or host.endswith((b".service", b".socket", b".target", b".timer", b".scope", b".mount", b".device", b".slice"))
        or name in (b"noreply", b"no-reply")
    )


_MODEL_FILE = r"\.(?:gguf|ggml|safetensors|ckpt|onnx|llamafile)(?![\w])"
_STEP = r"[^\\/\s\"'`:=,;|<>(){}\[\]*?]+"
_DRIVE_STEP = r"[^\\/\"':*?<>|\r\n\t]+"
_MODEL_PATH = pattern(
    rf"(?<![\w.~-])(?:[A-Za-z]:(?:[\\/]{{1,4}}{_DRIVE_STEP})+?|~?(?:[\\/]{{1,4}}{_STEP}(?: {_STEP}){{0,3}})*[\\/]{{1,4}}{_STEP}|{_STEP}(?:[\\/]{{1,4}}{_STEP})*){_MODEL_FILE}"
)
_NUMBER = re.compile(
    r"v?\d+(?:\.\d+)*(?:x\d+)?[a-z]?\d*[a-z]?|[a-z]\d*|(?:iq|tq|q|w|int|fp|bf|f)\d\w*|[0-9a-f]{12,}|\d+(?:bit|bpw|tokens?|ctx|layers?|steps?)"
)
_PLACEHOLDER = re.compile(r"<[a-z0-9-]+>?")


def _is_public_word(word: str) -> bool:
    lower = word.lower()
    return lower in MODEL_WORDS or lower.rstrip("0123456789") in MODEL_WORDS or _NUMBER.fullmatch(lower) is not None


def _private_parts(name: str, offset: int) -> Iterator[tuple[int, int]]:
    """Of a model's name the runs of words that no public model has: ``llama-3-8b-<acme-merger>-v2``."""
    start = end = -1
    for match in re.finditer(r"[^\s_.+()-]+", name):
        if _is_public_word(match[0]) or _PLACEHOLDER.fullmatch(match[0]):
            if start >= 0:
                yield offset + start, offset + end
            start = -1
        else:
            start = match.start() if start < 0 else start
            end = match.end()
    if start >= 0:
        yield offset + start, offset + end


def _is_public_url(match: re.Match[bytes]) -> bool:
    host = re.match(r"//([^/:@]+)", match[0].decode("latin-1"))
    return (
        host is not None
        and match.string[max(match.start() - 1, 0) : match.start()] == b":"
        and _is_public_host(host[1].lower())
    )


def project_names(match: re.Match[bytes]) -> Iterator[tuple[int, int]]:
    """Where a path to a model file tells of a private project: folders and words of its name that are not public ones."""
    text = match[0].decode("latin-1")  # a byte a character: offsets stay
    if _is_public_url(match):
        return
    steps = list(re.finditer(r"[^\\/]+", text))
    for number, step in enumerate(steps):
        name, offset = step[0], match.start() + step.start()
        lower = name.lower()
        before = steps[number - 1][0].lower() if number else ""
        if number == len(steps) - 1:
            stem = name.rpartition(".")[0]
            yield from _private_parts(stem, offset)
        elif (
            lower in FOLDERS
            or lower in NOBODY
            or before in ("home", "users", "media")
            or re.fullmatch(r"[a-z]:|~|\.{1,2}|[0-9a-f]{12,}", lower)
        ):
            continue
        elif lower.startswith(("models--", "datasets--")):
            at = offset + len(name.split("--")[0]) + 2
            for part in name.split("--")[1:]:
                if part.lower() not in FOLDERS:
                    yield from _private_parts(part, at)
                at += len(part) + 2
        elif all(_is_public_word(word) or word.lower() in FOLDERS for word in re.findall(r"[^\s_.+()-]+", name)):
            continue
        elif any(word.lower() in MODEL_WORDS and len(word) > 2 for word in re.findall(r"[^\s_.+()-]+", name)):
            yield from _private_parts(name, offset)
        elif name.strip(".") and not _PLACEHOLDER.search(name):
            yield offset, offset + len(name)


PROJECTS = ((".gguf", ".ggml", ".safetensors", ".ckpt", ".onnx", ".llamafile"), _MODEL_PATH)

FINDERS = (
    Finder("email", ("@",), pattern(rf"(?<![{W}.+-])[{W}.+-]+@[{W}-]+(?:\.[{W}-]+)*\.[a-z]{{2,24}}(?![{W}])"), _is_no_email),
    Finder("user", _HOME_LITERALS, _HOME, _is_no_home),
    Finder("user", (), pattern(rf"(?<![\w-]){_USER_KEYS}{_BETWEEN}({_NAME}){_TAIL}"), _nobody, SHAPE),
    Finder("user", ("registered owner", "user name", "full name", "real name", "realname"), pattern(r"(?:registered owner|user name|full name|real ?name)\s*[:=]\s*(\S(?:[^\n]{0,60}\S)?)\s*$", re.I | re.M), _nobody),
    Finder("host", (), pattern(rf"(?<![\w-]){_HOST_KEYS}{_BETWEEN}({_NAME}){_TAIL}"), _is_no_host, SHAPE),
    Finder("host", ("computer name",), pattern(r"computer name\s*[:=]\s*(\S(?:[^\n]{0,60}\S)?)\s*$", re.I | re.M), _is_no_host),
    Finder("user", ("uid=", "gid="), pattern(r"\b(?:e?uid|e?gid|fsuid)=\d+\(([^)\s]+)\)"), _nobody),
    Finder(
        "user", (), pattern(rf"{_BY_WORDS}({_NAME})(?= : tty| from | on |\(uid=|['.,;]?\s*$|\s+by |\s*\()", re.I | re.M), _nobody, SHAPE,
    ),
    Finder("user", ("@",), pattern(rf"(?<![{W}.@/+:-])({_NAME})@(?={_NAME}(?:[:~$#>\])\s]|$))"), lambda match: _nobody(match) or match[1].lower() == b"git"),
    Finder("user", ("@",), pattern(rf"(?<![{W}.@/+-])({_NAME})@(?=\d{{1,3}}(?:\.\d{{1,3}}){{3}}(?!\.?\d)|\[[0-9a-f]{{0,4}}:)"), _nobody),
    Finder("host", ("@",), pattern(rf"(?<![{W}.@/+:-]){_NAME}@([A-Za-z0-9][{W}-]+)(?=[:~$#>\])\s]|$)"), _is_no_host),
    Finder("host", ("://",), pattern(rf"://(?:[^\s/@\"'<>]*@)?([A-Za-z0-9][{W}.-]*[A-Za-z0-9])"), _is_no_host),
    Finder("host", (".local", ".lan", ".internal", ".corp", ".intranet", ".home", ".ts.net", ".ngrok", ".localdomain"), pattern(rf"(?<![{W}.\\/-])((?:[{W}][{W}-]*\.)+(?:local|lan|internal|corp|intranet|home|home\.arpa|localdomain|ts\.net|ngrok\.io|ngrok\.app|ngrok-free\.app|ngrok-free\.dev))(?![{W}/-]|\.[{W}])"), _is_no_host),
    Finder("host", ("desktop-", "laptop-", "win-"), pattern(r"(?<![\w-])((?:DESKTOP|LAPTOP|WIN)-[A-Z0-9]{5,11})(?![\w-])", 0)),
    Finder("user", ("desktop-", "laptop-", "win-"), pattern(rf"(?<![\w-])(?:DESKTOP|LAPTOP|WIN)-[A-Z0-9]{{5,11}}\\{{1,2}}({_NAME})"), _nobody),
    Finder("host", ("linux ", "darwin "), pattern(rf"^(?:uname -a\s+)?(?:Linux|Darwin) ({_NAME}) \d+\.\d+", re.M), _is_no_host),
)  # fmt: skip

SYSLOG = re.compile(
    rb"^(?:[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d(?:\.\d+)?|\d{4}-\d\d-\d\dT[\d:.+-]{8,24}Z?) ([A-Za-z][\w.-]{1,62}) [^\s:\[\]]{1,64}(?:\[\d+\])?:",
    re.M,
)
"""A line's host in syslog's form (RFC 3164) and journalctl's short and short-iso forms."""

COLUMNS = (
    # ps aux; top -b; ps -ef.
    r"^([A-Za-z_][\w.+-]{1,31}) +\d+ +\d+\.\d +\d+\.\d +\d+ +\d+ \S+ +[A-Za-z<+]{1,6} ",
    r"^ *\d+ ([A-Za-z_][\w.+-]{1,31}) +(?:\d+|rt) +-?\d+ +[\d.]+[gmt]? +[\d.]+[gmt]? +[\d.]+[gmt]? [A-Z] ",
    r"^([A-Za-z_][\w.+-]{1,31}) +\d+ +\d+ +\d+ +\S+ +\S+ +\d\d:\d\d:\d\d ",
    # ls -l: owner and group.
    r"^[-dlcbps][-rwxsStT]{9}[.+@]? +\d+ ([A-Za-z_][\w.+-]{1,31}) +\S+ +\d",
    r"^[-dlcbps][-rwxsStT]{9}[.+@]? +\d+ \S+ +([A-Za-z_][\w.+-]{1,31}) +\d",
)  # fmt: skip
"""A user in a column of a listing, by the shape of the whole line, in RE2's syntax."""
