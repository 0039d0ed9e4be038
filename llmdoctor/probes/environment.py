"""Fact ``env``: the variables that steer GPUs and runtimes, without secrets."""

from __future__ import annotations

import re

from ..facts.fact import REST, Fact, Table, Unknown
from ..host.host import Host
from ..redact.variables import HIDDEN, is_steering
from ..redact.variables import clean_value as _clean_by_name

__all__ = ["HIDDEN", "clean_value", "is_steering", "probe"]

# Shapes that services document for their own secrets: Hugging Face, OpenAI-like, GitHub, GitLab, NVIDIA NGC, Slack,
# AWS access keys and JSON web tokens (RFC 7519).
_TOKEN = re.compile(
    r"\b(?:hf_[A-Za-z0-9]{16,}|sk-[A-Za-z0-9_-]{16,}|gh[opsur]_[A-Za-z0-9]{20,}|github_pat_[A-Za-z0-9_]{20,}"
    r"|glpat-[A-Za-z0-9_-]{16,}|nvapi-[A-Za-z0-9_-]{20,}|xox[abprs]-[A-Za-z0-9-]{10,}|AKIA[0-9A-Z]{16}"
    r"|eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*)"
)
_OPTION = re.compile(
    r"((?:--?|[?&\s;,]|^)[\w-]*(?:api[-_]?key|token|secret|password|passwd)(?:=|:\s*|\s+))(?!<)[^\s&;,'\"]+", re.I
)
_BARE_CREDENTIALS = re.compile(r"^[^/@\s]+:[^/@\s]*@")
"""A proxy that is written without its scheme: ``user:password@host:3128``."""


def clean_value(name: str, value: str) -> str:
    """The value without secrets: hidden whole where the name says so; elsewhere whatever looks like a token, the
    value of a secret-bearing option, and a URL's credentials are taken out."""
    cleaned = _TOKEN.sub(HIDDEN, _clean_by_name(name, value))
    if "key" in cleaned.lower() or "token" in cleaned.lower() or "secret" in cleaned.lower() or "passw" in cleaned.lower():
        cleaned = _OPTION.sub(lambda match: match.group(1) + HIDDEN, cleaned)
    if name.upper().endswith("_PROXY"):
        cleaned = _BARE_CREDENTIALS.sub("", cleaned)
    return cleaned


def probe(host: Host) -> Table:
    """Every steering variable that is set; ``*`` says that the others are not (or that nobody could tell)."""
    names = host.env_names()
    if isinstance(names, Unknown):
        return {REST: names}
    table: dict[str, Fact[str]] = {}
    for name in names or ():
        if is_steering(name):
            value = host.env(name)
            table[name] = clean_value(name, value) if isinstance(value, str) else value
    table[REST] = None
    return table
