"""Where programs and folders lie, how they were installed, and which version their package names."""

from __future__ import annotations

import re
from typing import Iterable, Optional

import msgspec

from ...facts.fact import Fact, Unknown
from ...host.host import Host
from ..surroundings import Surroundings

_CELLAR = re.compile(r"/Cellar/[^/]+/([^/]+)/")
_NIX = re.compile(r"/nix/store/[a-z0-9]{32}-(.+?)-(\d[^/]*?)(?:-[a-z]+)?(?:/|$)")
_PLIST_VERSION = re.compile(r"<key>CFBundleShortVersionString</key>\s*<string>([^<]{1,40})</string>")
_PACKAGED = ("/usr/bin/", "/usr/lib/", "/usr/lib64/", "/usr/libexec/", "/usr/share/")
_UNIX_PROGRAM_FOLDERS = ("/usr/local/bin", "/usr/bin", "/opt/homebrew/bin", "/home/linuxbrew/.linuxbrew/bin")
VERSION = re.compile(r"\d+(?:\.\d+)+(?:[-+.]?[A-Za-z0-9]+)*")


def join(folder: str, *parts: str) -> str:
    """A path below a folder, with the slashes that the folder is written with."""
    separator = "\\" if "\\" in folder and "/" not in folder else "/"
    return separator.join((folder.rstrip("/\\"), *(part.replace("/", separator) for part in parts)))


def parent(path: str) -> str:
    """The folder that a path lies in."""
    return re.sub(r"[/\\][^/\\]*$", "", path.rstrip("/\\")) or "/"


def windows_folder(host: Host, variable: str, *parts: str) -> Optional[str]:
    """A path below ``LOCALAPPDATA`` or the like; None where the variable is not set."""
    value = host.env(variable)
    return join(value, *parts) if isinstance(value, str) and value else None


def first_existing(host: Host, paths: Iterable[Optional[str]]) -> Fact[str]:
    """The first of the paths that exists. None if none does; Unknown if one of them may not be looked at."""
    hidden: Fact[str] = None
    for path in paths:
        if path is None:
            continue
        there = host.exists(path)
        if there is True:
            return path
        if isinstance(there, Unknown):
            hidden = hidden or there
    return hidden


def existing(host: Host, paths: Iterable[Optional[str]]) -> list[str]:
    """Those of the paths that exist, in order."""
    return [path for path in paths if path is not None and host.exists(path) is True]


def programs(host: Host, around: Surroundings, names: Iterable[str], places: Iterable[Optional[str]] = ()) -> Fact[list[str]]:
    """Programs of these names: on PATH first, in its order, then in the usual folders and in ``places``.
    One that several paths lead to stands once. Unknown only if nothing was found and PATH could not be searched."""
    candidates: list[str] = []
    failed: Fact[str] = None
    for name in names:
        on_path = host.which(name)
        if isinstance(on_path, Unknown):
            failed = on_path
        candidates += on_path if isinstance(on_path, list) else []
        if around.platform != "windows":
            candidates += [f"{folder}/{name}" for folder in _UNIX_PROGRAM_FOLDERS]
    candidates += [path for path in places if path is not None]
    found: list[str] = []
    seen: set[str] = set()
    for path in candidates:
        if host.exists(path) is not True:
            continue
        real = host.realpath(path)
        key = real if isinstance(real, str) else path
        if key not in seen:
            seen.add(key)
            found.append(path)
    return failed if isinstance(failed, Unknown) and not found else found


def real(host: Host, path: str) -> str:
    """The path with links followed, or as it is where that cannot be told."""
    followed = host.realpath(path)
    return followed if isinstance(followed, str) else path


def packaging(path: str, platform: str) -> Optional[str]:
    """How a program was installed, as far as its real path tells; None if it does not."""
    slashed = path.replace("\\", "/")
    for sign, kind in (
        ("/snap/", "snap"),
        ("/nix/store/", "nix"),
        ("/Cellar/", "brew"),
        ("/homebrew/", "brew"),
        ("/linuxbrew/", "brew"),
        ("/flatpak/", "flatpak"),
        (".AppImage", "appimage"),
        ("/.mount_", "appimage"),  # where an AppImage mounts itself while it runs
        (".app/", "app"),
        ("/envs/", "conda"),
        ("conda", "conda"),
        ("/site-packages/", "pip"),
        ("/build/bin/", "source"),
    ):
        if sign in slashed:
            return kind
    if platform == "windows" and ("/Programs/" in slashed or "/Program Files" in slashed):
        return "app"
    if slashed.startswith(_PACKAGED):
        return "package"
    return None


def version_in_path(path: str) -> Optional[str]:
    """The version that Homebrew's Cellar or the Nix store write into a path."""
    for pattern, group in ((_CELLAR, 1), (_NIX, 2)):
        match = pattern.search(path)
        if match:
            return match[group].partition("_")[0] if pattern is _CELLAR else match[group]
    return None


def package_version(host: Host, names: Iterable[str]) -> Fact[str]:
    """The version of the first of these packages that dpkg, pacman or rpm has installed; None if none has."""
    names = list(names)
    for name in names:
        if host.exists(f"/var/lib/dpkg/info/{name}.list") is True:
            done = host.run("dpkg-query", "-W", "-f=${Version}", name)
            if done is not None and not isinstance(done, Unknown) and done.ok and done.stdout.strip():
                return clean_package_version(done.stdout)
    local = host.entries("/var/lib/pacman/local")
    if isinstance(local, list):
        for name in names:
            entry = next((one for one in local if re.fullmatch(re.escape(name) + r"-[^-]+-[^-]+", one)), None)
            if entry:
                return clean_package_version(entry[len(name) + 1 :])
    elif host.exists("/usr/bin/rpm") is True and host.exists("/var/lib/dpkg/status") is not True:
        done = host.run("rpm", "-q", "--qf", "%{VERSION}\\n", *names)
        if done is not None and not isinstance(done, Unknown):
            lines = [line for line in done.stdout.splitlines() if re.match(r"\d", line)]
            return lines[0].strip() if lines else None
    return None


def clean_package_version(text: str) -> str:
    """Upstream's version: without epoch and the distribution's own revision.

    >>> clean_package_version("1:0.12.3-2")
    '0.12.3'
    """
    return re.sub(r"-[^-]*$", "", text.strip().partition(":")[2] or text.strip())


def plist_version(text: str) -> Optional[str]:
    """``CFBundleShortVersionString`` of an app's Info.plist in its XML form."""
    match = _PLIST_VERSION.search(text)
    return match[1] if match else None


def app_version(host: Host, program: str) -> Fact[str]:
    """Version of the macOS app bundle that a program lies in; None if it lies in none."""
    bundle, sign, _ = program.partition(".app/")
    if not sign:
        return None
    text = host.text(f"{bundle}.app/Contents/Info.plist")
    if isinstance(text, str):
        return plist_version(text) or Unknown("its Info.plist is in a binary format")
    return text


def package_json_version(text: str) -> Optional[str]:
    """``version`` of an Electron app's package.json."""
    try:
        value = msgspec.json.decode(text)
    except msgspec.DecodeError:
        return None
    version = value.get("version") if isinstance(value, dict) else None
    return version if isinstance(version, str) and VERSION.match(version) else None


def windows_uninstall_version(host: Host, title: str) -> Fact[str]:
    """``DisplayVersion`` of the installed program whose ``DisplayName`` starts with this title."""
    return text_fact(host.winapi("uninstall_version", title))


def text_fact(value: Fact[object]) -> Fact[str]:
    """A fact of plain JSON as text: what is no text is absent."""
    return value if isinstance(value, (str, Unknown)) else None


def json_file(host: Host, path: str) -> Fact[object]:
    """A JSON file's content; Unknown if it is not JSON."""
    text = host.text(path)
    if not isinstance(text, str):
        return text
    try:
        value: object = msgspec.json.decode(text)
    except msgspec.DecodeError:
        return Unknown(f"{path} is not valid JSON")
    return value
