"""Replaces what is private by placeholders, the same value by the same placeholder everywhere.

Typed finders with boundaries: a user's name is replaced as a whole word and not inside others, and
versions, driver numbers and loopback addresses stay. Masking twice changes nothing.
"""

from __future__ import annotations

import re
from typing import Any

from .variables import SECRET_OPTION, TOKEN

_UUID = re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b", re.I)
_MAC = re.compile(r"(?<![0-9a-f:])(?:[0-9a-f]{2}:){5}[0-9a-f]{2}(?![0-9a-f:])", re.I)
_EMAIL = re.compile(r"\b[\w.+-]+@[\w-]+(?:\.[\w-]+)+\b")
_BEARER = re.compile(r"(?<=bearer )[A-Za-z0-9._~+/=-]{8,}", re.I)
_CREDENTIALS = re.compile(r"(?<=://)[^/@\s:<>]+:[^/@\s<>]+(?=@)")
_HOME = re.compile(r"(?:(?<=/home/)|(?<=/Users/)|(?<=\\Users\\)|(?<=\\\\Users\\\\))([^/\\\s\"':<>]+)")
_COMMON_NAMES = frozenset(
    (
        "root",
        "user",
        "users",
        "admin",
        "administrator",
        "ubuntu",
        "debian",
        "localhost",
        "linux",
        "windows",
        "public",
        "ollama",
        "shared",
        "default",
        "vm",
    )
)
"""Names that are nobody's: replacing them would hide nothing and spoil the text."""

_SERIAL = re.compile(r"(?<=SERIAL_NUMBER=)(?!<)[^\n]+|(?<=SERIAL_SHORT=)(?!<)[^\n]+")
"""In udev's properties of disks and memory modules."""

_KINDS = (("email", _EMAIL), ("token", TOKEN), ("token", _BEARER), ("mac", _MAC), ("serial", _SERIAL))


class Redactor:
    """Learns names as it goes; ``counts`` says what was hidden, by kind."""

    def __init__(self, user: str = "", hostname: str = "") -> None:
        self._known: dict[tuple[str, str], str] = {}
        self._names: dict[str, str] = {}
        self._pattern: re.Pattern[str] | None = None
        self.counts: dict[str, int] = {}
        self._learn("user", user)
        self._learn("host", hostname)

    def _learn(self, kind: str, name: str) -> None:
        if len(name) < 3 or name.lower() in _COMMON_NAMES or name in self._names or name.startswith("<"):
            return
        self._names[name] = self._placeholder(kind, name)
        words = "|".join(re.escape(word) for word in sorted(self._names, key=len, reverse=True))
        self._pattern = re.compile(rf"(?<![\w<-])(?:{words})(?![\w>]|-\d+>)")

    def _placeholder(self, kind: str, value: str) -> str:
        known = self._known.get((kind, value))
        if known is None:
            number = 1 + sum(1 for other, _ in self._known if other == kind)
            # A GPU's UUID keeps its form: programs and rules tell by it that it is one.
            known = f"00000000-0000-4000-8000-{number:012x}" if kind == "uuid" else f"<{kind}-{number}>"
            self._known[kind, value] = known
        return known

    def _count(self, kind: str) -> None:
        self.counts[kind] = self.counts.get(kind, 0) + 1

    def learn_from(self, value: Any) -> None:
        """Finds the user names in home folders of a JSON value, so that ``text`` replaces them everywhere."""
        if isinstance(value, str):
            for match in _HOME.finditer(value):
                self._learn("user", match[1])
        elif isinstance(value, dict):
            for key, item in value.items():
                self.learn_from(key)
                self.learn_from(item)
        elif isinstance(value, (list, tuple)):
            for item in value:
                self.learn_from(item)

    def text(self, text: str) -> str:
        """The text without what is private."""
        for kind, pattern in _KINDS:
            text = pattern.sub(lambda match, kind=kind: self._replace(kind, match[0]), text)  # type: ignore[misc]
        text = _CREDENTIALS.sub(lambda match: self._replace("credentials", match[0]), text)
        text = SECRET_OPTION.sub(lambda match: match[1] + self._replace("secret", match[0][len(match[1]) :]), text)
        text = _UUID.sub(self._uuid, text)
        if self._pattern is not None:
            text = self._pattern.sub(self._name, text)
        return text

    def _uuid(self, match: re.Match[str]) -> str:
        if match[0].startswith("00000000-0000-4000-8000-"):
            return match[0]  # a placeholder already
        return self._replace("uuid", match[0].lower())

    def _name(self, match: re.Match[str]) -> str:
        self._count("name")
        return self._names[match[0]]

    def _replace(self, kind: str, value: str) -> str:
        self._count(kind)
        return self._placeholder(kind, value)

    def value(self, value: Any) -> Any:
        """A JSON value with every text in it, keys too, redacted."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            return {self.text(str(key)): self.value(item) for key, item in value.items()}
        if isinstance(value, (list, tuple)):
            return [self.value(item) for item in value]
        return value
