"""Whether a snap or flatpak app may reach the GPU.

Sources: flatpak-metadata(5) (``[Context] devices=``), flatpak-override(1), snapd's opengl interface.
"""

from __future__ import annotations

from typing import Iterable, Optional

from ...facts.fact import Fact, Unknown
from ...host.host import Host


def parse_devices(text: str) -> tuple[set[str], set[str]]:
    """Devices that a metadata or override file grants and takes away.

    >>> parse_devices("[Context]\\nshared=network;\\ndevices=dri;!all;")
    ({'dri'}, {'all'})
    """
    section = ""
    granted: set[str] = set()
    denied: set[str] = set()
    for line in text.splitlines():
        line = line.strip()
        if line.startswith("["):
            section = line
        elif section == "[Context]" and line.startswith("devices="):
            for word in line.partition("=")[2].split(";"):
                (denied if word.startswith("!") else granted).add(word.lstrip("!"))
    return granted - {""}, denied - {""}


def flatpak_folder(host: Host, app: str) -> Optional[str]:
    """Where a flatpak app is installed, for all users or for this one; None if it is not."""
    for root in ("/var/lib/flatpak", host.in_home(".local/share/flatpak")):
        if root and host.exists(f"{root}/app/{app}/current/active/metadata") is True:
            return f"{root}/app/{app}/current/active"
    return None


def flatpak_gpu_access(host: Host, folder: str, app: str) -> Fact[bool]:
    """``dri`` or ``all`` among the devices of the app's metadata, with the system's and the user's overrides."""
    metadata = host.text(f"{folder}/metadata")
    if not isinstance(metadata, str):
        return metadata
    devices, _ = parse_devices(metadata)
    own = host.in_home(f".local/share/flatpak/overrides/{app}")
    for path in (f"/var/lib/flatpak/overrides/{app}", own):
        text = host.text(path) if path else None
        if isinstance(text, str):
            granted, denied = parse_devices(text)
            devices = (devices | granted) - denied
    return bool(devices & {"dri", "all"})


def parse_snap_connections(text: str, interface: str = "opengl") -> Optional[bool]:
    """Whether a plug of this interface is connected; None if the snap has no such plug.

    The table of ``snap connections NAME`` has the columns Interface, Plug, Slot and Notes; ``-`` stands for none.
    """
    slots = [words[2] for words in map(str.split, text.splitlines()) if len(words) >= 3 and words[0] == interface]
    return any(slot != "-" for slot in slots) if slots else None


def snap_gpu_access(host: Host, snap: str) -> Fact[bool]:
    done = host.run("snap", "connections", snap)
    if done is None or isinstance(done, Unknown):
        return done if isinstance(done, Unknown) else Unknown("no snap command")
    if not done.ok:
        return Unknown("snap connections failed")
    connected = parse_snap_connections(done.stdout)
    return False if connected is None else connected


def snap_version(text: str) -> Optional[str]:
    """``version`` of a snap's meta/snap.yaml."""
    lines: Iterable[str] = text.splitlines()
    value = next((line.partition(":")[2].strip(" '\"") for line in lines if line.startswith("version:")), "")
    return value or None
