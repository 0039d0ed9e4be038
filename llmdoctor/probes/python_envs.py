"""Fact ``python_envs``: which packages Python environments hold, read from their files; nothing is imported.

How the files read: ``python_files.py``; where environments lie: ``python_places.py``. The order of folders on sys.path:
https://docs.python.org/3/library/site.html, PEP 370 (user site), Debian's Python policy (dist-packages).
"""

from __future__ import annotations

import re
from typing import NamedTuple, Optional, Union

from ..facts.fact import REST, Fact, Table, Unknown
from ..facts.machine import PythonEnv
from ..host.host import Host
from .python_files import (
    TELLING,
    Program,
    llama_cpp_backend,
    matters,
    parse_program,
    parse_python_version,
    parse_pyvenv,
    parse_site_packages,
    parse_torch_version,
)
from .python_places import Place, base_name, join, places

_MOST_ENTRIES = 4096
"""A folder listing ends there (``Host.entries``): what is missing from it may be present."""
_NO_FOLDER = Unknown("its package folder was not found")


class _Site(NamedTuple):
    folder: str
    entries: Union[list[str], Unknown]


def _minor(version: Optional[str]) -> Optional[str]:
    return ".".join(version.split(".")[:2]) if version else None


def _version_by_name(folder: str) -> Optional[str]:
    """Of pyenv's ``3.11.7`` and of ``Python311`` on Windows."""
    match = re.fullmatch(r"3\.\d+\.\d+|[Pp]ython3(\d+)(?:-32)?", folder)
    return (f"3.{match[1]}" if match[1] else folder) if match else None


def _listed_minor(host: Host, prefix: str) -> Optional[str]:
    """Of the folder lib/python3.N, where there is exactly one."""
    names = host.entries(join(host, prefix, "lib"))
    found = [name[6:].rstrip("t") for name in names if re.fullmatch(r"python3\.\d+t?", name)] if isinstance(names, list) else []
    return found[0] if len(found) == 1 else None


def _sites(host: Host, prefix: str, kind: str, minor: Optional[str]) -> list[_Site]:
    """Package folders in the order of sys.path, those that are there."""
    if host.platform() == "windows":
        folders = [join(host, prefix, "Lib/site-packages")]
    elif minor is None:
        folders = []
    else:
        folders = [join(host, prefix, lib, f"python{minor}", "site-packages") for lib in ("lib64", "lib")]
        if kind == "system" and prefix == "/usr":
            local = [f"/usr/local/{lib}/python{minor}" for lib in ("lib64", "lib")]
            folders = [f"{base}/{name}" for base in local for name in ("dist-packages", "site-packages")] + folders
            folders.append("/usr/lib/python3/dist-packages")  # Debian
    sites: list[_Site] = []
    seen: set[str] = set()
    for folder in folders:
        entries = host.entries(folder)
        real = host.realpath(folder) if entries is not None else None
        key = real if isinstance(real, str) else folder
        if entries is not None and key not in seen:  # in a venv lib64 is a link to lib
            seen.add(key)
            sites.append(_Site(folder, entries))
    return sites


def _user_site(host: Host, minor: Optional[str]) -> Optional[_Site]:
    home = host.home()
    if minor is None or not isinstance(home, str):
        return None
    platform = host.platform()
    if platform == "windows":
        roaming = host.env("APPDATA")
        folder = (
            join(host, roaming, "Python", "Python" + minor.replace(".", ""), "site-packages")
            if isinstance(roaming, str)
            else ""
        )
    elif platform == "macos":
        folder = join(host, home, "Library/Python", minor, "lib/python/site-packages")
    else:
        folder = join(host, home, ".local/lib", f"python{minor}", "site-packages")
    entries = host.entries(folder) if folder else None
    return _Site(folder, entries) if entries is not None else None


def _python_path(host: Host) -> list[_Site]:
    """Folders that PYTHONPATH puts before all others, in this shell."""
    value = host.env("PYTHONPATH")
    if not isinstance(value, str):
        return []
    folders = [folder for folder in value.split(";" if host.platform() == "windows" else ":") if folder]
    sites = [(folder, host.entries(folder)) for folder in folders[:8]]
    return [_Site(folder, entries) for folder, entries in sites if entries is not None]


def _blind(sites: list[_Site]) -> Optional[Unknown]:
    """Why a package that was not seen may be there all the same; None if all folders were seen."""
    if not sites:
        return _NO_FOLDER
    return next((site.entries for site in sites if isinstance(site.entries, Unknown)), None)


def _packages(sites: list[_Site]) -> Table:
    """Packages that matter; the first folder on the path wins. ``*`` is unknown where a folder was not seen in full."""
    found: dict[str, str] = {}
    rest: Fact[str] = _blind(sites)
    for site in sites:
        if isinstance(site.entries, Unknown):
            continue
        if len(site.entries) >= _MOST_ENTRIES:
            rest = Unknown(f"{site.folder} has too many entries to list")
        for name, version in parse_site_packages(site.entries).items():
            if matters(name):
                found.setdefault(name, version)
    return {**found, REST: rest}


def _architectures(host: Host, version: str, cuda: str) -> Fact[list[str]]:
    if not re.search(r"\+cu\d+$", version):  # conda's, distributions' and NVIDIA's own builds bear no such mark
        return Unknown(f"torch {version} is not one of PyTorch's own builds")
    from ..catalogs.torch_builds import torch_architectures

    uname = host.system("uname")
    machine = uname.get("machine", "x86_64") if isinstance(uname, dict) else "x86_64"
    known = torch_architectures(version, cuda, host.platform(), machine)
    return Unknown(f"torch {version} is not in the catalogue") if known is None else known


def _torch(host: Host, env: PythonEnv, sites: list[_Site]) -> None:
    """Fills the torch fields from the copy that an import would take."""
    names = ("torch_version", "torch_cuda", "torch_hip", "torch_is_cpu_build", "torch_architectures")
    holders = [site for site in sites if isinstance(site.entries, list) and "torch" in site.entries]
    texts = [host.text(join(host, site.folder, "torch/version.py")) for site in holders]
    copies = [text for text in texts if text is not None]  # a folder without it is a leftover
    blind = _blind(sites)
    first: Fact[str] = copies[0] if copies else blind
    env.torch_copies = len(copies) if copies or blind is None else blind
    if not isinstance(first, str):
        for name in names:
            setattr(env, name, first)
        return
    platform = host.platform()
    facts = parse_torch_version(first)
    version = facts.get("__version__")
    cuda, hip = facts.get("cuda"), facts.get("hip")
    env.torch_version = version or Unknown("torch/version.py does not tell")
    env.torch_cuda, env.torch_hip = cuda, hip
    if platform == "macos":
        env.torch_is_cpu_build = None
    else:
        env.torch_is_cpu_build = (
            not (cuda or hip or facts.get("xpu")) if "cuda" in facts else Unknown("torch/version.py does not tell")
        )
    env.torch_architectures = _architectures(host, version, cuda) if version and cuda else None


def _llama_cpp(host: Host, sites: list[_Site]) -> Fact[str]:
    for site in sites:
        if isinstance(site.entries, list) and "llama_cpp" in site.entries:
            libraries = host.entries(join(host, site.folder, "llama_cpp/lib"))
            if isinstance(libraries, list):
                return llama_cpp_backend(libraries)
            return libraries or Unknown("an old build of one library, which does not tell")
    return _blind(sites)


def _program(host: Host, prefix: str, minor: Optional[str]) -> Optional[Program]:
    if host.platform() == "windows":
        names = ["Scripts/python.exe", "python.exe"]
    else:
        names = ["bin/python3", "bin/python", *([f"bin/python{minor}"] if minor else [])]
    for name in names:
        header = host.bytes_at(join(host, prefix, name), 0, 1024)
        program = parse_program(header) if isinstance(header, bytes) else None
        if program is not None:
            return program
    return None


def _x86_on_arm_mac(host: Host, program: Optional[Program]) -> Fact[bool]:
    if host.platform() != "macos":
        return None
    uname = host.system("uname")
    machine = uname.get("machine") if isinstance(uname, dict) else None
    # A translated program is told x86_64; Rosetta itself is installed on Apple's own processors alone.
    on_arm = machine == "arm64" or host.exists("/Library/Apple/usr/share/rosetta") is True
    if not on_arm:
        return False
    return Unknown("the interpreter could not be read") if program is None else "aarch64" not in program.processors


def _conda_version(host: Host, prefix: str) -> Optional[str]:
    names = host.entries(join(host, prefix, "conda-meta"))
    matches = (re.match(r"python-(\d+\.\d+\.\d+)-", name) for name in names) if isinstance(names, list) else iter(())
    return next((match[1] for match in matches if match), None)


def _shadows(user: Optional[_Site], own: Table) -> Fact[list[str]]:
    if user is None:
        return []
    if isinstance(user.entries, Unknown):
        return user.entries
    return sorted(name for name in parse_site_packages(user.entries) if matters(name) and name in own)


def read(host: Host, place: Place) -> PythonEnv:
    """All that the files of one environment tell."""
    cfg = host.text(join(host, place.prefix, "pyvenv.cfg"))
    settings = parse_pyvenv(cfg) if isinstance(cfg, str) else {}
    conda = _conda_version(host, place.prefix) if not settings else None
    kind = place.kind
    if kind == "?":
        kind = "venv" if settings else "conda" if conda else "embedded" if place.owner else "system"
    by_name = _version_by_name(base_name(place.prefix))
    version = parse_python_version(settings) or conda or by_name or place.minor or _listed_minor(host, place.prefix)
    minor = _minor(version)
    sites = _sites(host, place.prefix, kind, minor)
    own = _packages(sites)
    base = settings.get("home")
    shares = settings.get("include-system-site-packages", "").lower() == "true"
    if shares and base:
        real_base = base if host.platform() == "windows" else re.sub(r"/bin$", "", base)
        sites += _sites(host, real_base, "system", minor)
    # A virtual environment hides the user's own packages, unless it shares the system's; the variable hides them anywhere.
    sees_user_site = (
        (shares or not settings) and host.env("PYTHONNOUSERSITE") is None and place.owner != "text-generation-webui"
    )
    user = _user_site(host, minor) if sees_user_site else None
    path = [*(_python_path(host) if place.active else []), *([user] if user else []), *sites]
    program = _program(host, place.prefix, minor)
    env = PythonEnv(
        path=place.prefix,
        kind=kind,
        active=place.active,
        owner=place.owner,
        python_version=version or Unknown("neither its folders nor its settings tell"),
        bits=program.bits if program else Unknown("the interpreter could not be read"),
        x86_on_arm_mac=_x86_on_arm_mac(host, program),
        packages=_packages(path),
        llama_cpp_python_backend=_llama_cpp(host, path),
        user_site_shadows=_shadows(user, own),
    )
    _torch(host, env, path)
    return env


def _user_env(host: Host, site: _Site, minor: str) -> PythonEnv:
    env = PythonEnv(
        path=site.folder, kind="user", active=False, owner=None, python_version=minor, bits=None, x86_on_arm_mac=None,
        packages=_packages([site]), llama_cpp_python_backend=_llama_cpp(host, [site]), user_site_shadows=[],
    )  # fmt: skip
    _torch(host, env, [site])
    return env


def _user_minors(host: Host) -> list[str]:
    """Python versions for which this user has packages of their own."""
    folder = host.in_home("Library/Python" if host.platform() == "macos" else ".local/lib")
    roaming = host.env("APPDATA")
    if host.platform() == "windows":
        folder = join(host, roaming, "Python") if isinstance(roaming, str) else None
    names = host.entries(folder) if folder else None
    matches = (re.fullmatch(r"(?:python)?3\.?(\d+)", name.lower()) for name in names) if isinstance(names, list) else iter(())
    return [f"3.{match[1]}" for match in matches if match]


def _tells(env: PythonEnv) -> bool:
    """Whether it holds something for models, or may hold it unseen."""
    rest = env.packages[REST]
    return (
        bool(TELLING & env.packages.keys())
        or (rest is not None and rest != _NO_FOLDER)
        or (env.torch_version is not None and rest is None)
    )


def probe(host: Host) -> Fact[list[PythonEnv]]:
    """The active environment and those in use here first; of the others, those that hold something for models.

    Unknown only if neither the home folder nor any environment could be seen.
    """
    if host.platform() == "other":
        return Unknown("not on this operating system")
    found: list[PythonEnv] = []
    for place in places(host):
        env = read(host, place)
        if place.certain or _tells(env):
            found.append(env)
    for minor in _user_minors(host):
        site = _user_site(host, minor)
        if site is not None:
            env = _user_env(host, site, minor)
            if _tells(env):
                found.append(env)
    home = host.home()
    return home if not found and isinstance(home, Unknown) else found
