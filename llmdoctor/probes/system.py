"""Fact ``os``: the operating system, its boot state and this user's surroundings."""

from __future__ import annotations

from typing import Optional

from ..facts.fact import Fact, Unknown, all_unknown
from ..facts.machine import Os
from ..host.host import Host
from .lift import lift, text_or_none

EARLIEST_PLAUSIBLE_S = 1_788_220_800
"""2026-09-01T00:00Z: this program did not exist before; a clock that says otherwise breaks TLS."""

_ARCHITECTURES = {"amd64": "x86_64", "x64": "x86_64", "arm64": "aarch64", "i386": "i686", "x86": "i686"}
_MODEL_FOLDERS = ("OLLAMA_MODELS", "HF_HOME", "HF_HUB_CACHE", "LLAMA_CACHE", "TEMP", "TMP", "TMPDIR")


def architecture(machine: str) -> str:
    """One name for one architecture: ``x86_64``, ``aarch64`` …"""
    return _ARCHITECTURES.get(machine.lower(), machine)


def _user_path_is_ascii(host: Host) -> Fact[bool]:
    home = host.home()
    if not isinstance(home, str):
        return home
    places = [home, *(text_or_none(host.env(name)) for name in _MODEL_FOLDERS)]
    return all(place is None or place.isascii() for place in places)


def _locale(host: Host) -> Fact[str]:
    # POSIX: LC_ALL overrides LC_CTYPE, which overrides LANG; an empty one counts as unset.
    for name in ("LC_ALL", "LC_CTYPE", "LANG"):
        value = host.env(name)
        if isinstance(value, Unknown) or text_or_none(value):
            return value
    return None


def _clock(now: object) -> Optional[bool]:
    return now >= EARLIEST_PLAUSIBLE_S if isinstance(now, (int, float)) else None


def probe(host: Host) -> Os:
    platform = host.platform()
    # Only the module of this system is loaded: start-up counts.
    if platform == "linux":
        from . import system_linux

        system = system_linux.probe(host)
    elif platform == "windows":
        from . import system_windows

        system = system_windows.probe(host)
    elif platform == "macos":
        from . import system_macos

        system = system_macos.probe(host)
    else:
        return all_unknown(Os, "this operating system is not known to llmdoctor")
    system.locale = _locale(host)
    system.user_path_is_ascii = _user_path_is_ascii(host)
    system.clock_is_plausible = lift(_clock, host.system("now"))
    if isinstance(system.architecture, str):
        system.architecture = architecture(system.architecture)
    return system
