"""Fact ``rocm``: AMD's compute stack: its version, the device nodes and rights that it needs, its kernels.

Sources: https://rocm.docs.amd.com (installation: /opt/rocm, groups render and video, /dev/kfd and render nodes), the
names of rocBLAS' kernel files.
"""

from __future__ import annotations

import re

from ..facts.fact import Fact, Unknown
from ..facts.machine import Rocm
from ..host.host import Host
from . import shared_library
from .lift import lift, text_or_none, whole

_HIP_SONAMES = ("libamdhip64.so.7", "libamdhip64.so.6", "libamdhip64.so.5")
_ROCBLAS_FOLDERS = ("lib/rocblas/library", "lib64/rocblas/library")
_SYSTEM_ROCBLAS = ("/usr/lib/x86_64-linux-gnu/rocblas", "/usr/lib64/rocblas", "/usr/lib/rocblas")
_WINDOWS_ROOT = r"C:\Program Files\AMD\ROCm"


def parse_supported(names: list[str]) -> list[str]:
    """gfx targets in the names of rocBLAS' kernel files."""
    return sorted({found for name in names for found in re.findall(r"gfx[0-9a-f]{3,4}", name)})


def _root(host: Host) -> Fact[str]:
    """ROCm's folder as AMD installs it; None where it comes in the distribution's own folders, or not at all."""
    for path in (text_or_none(host.env("ROCM_PATH")), "/opt/rocm"):
        if path and host.exists(path) is True:
            return path
    entries = host.entries("/opt")
    if isinstance(entries, list):
        versions = sorted(
            (name for name in entries if re.fullmatch(r"rocm-[\d.]+", name)),
            key=lambda name: list(map(int, re.findall(r"\d+", name))),
        )
        return f"/opt/{versions[-1]}" if versions else None
    return entries


def _version(host: Host, root: Fact[str]) -> Fact[str]:
    if isinstance(root, str):
        # ``6.2.4-130``: the build number behind the hyphen says nothing to a user.
        info = text_or_none(host.line(f"{root}/.info/version"))
        if info is not None:
            return info.partition("-")[0]
        by_name = re.search(r"rocm-([\d.]+)$", str(host.realpath(root)))
        return by_name[1] if by_name else Unknown(f"{root} does not tell its version")
    doubt: Fact[str] = root
    for soname in _HIP_SONAMES:
        path = shared_library.find(host, soname)
        doubt = path or doubt
        if isinstance(path, str):
            full = re.search(r"\.so\.(\d+\.\d+)", str(host.realpath(path)))
            return full[1] if full else soname.rpartition(".")[2]
    return doubt


def _kernels(host: Host, root: Fact[str], version: Fact[str]) -> Fact[list[str]]:
    if not isinstance(version, str):
        return version if root is None else Unknown("ROCm's version is unknown")
    folders = [f"{root}/{folder}" for folder in _ROCBLAS_FOLDERS] if isinstance(root, str) else []
    for base in _SYSTEM_ROCBLAS:
        inside = host.entries(base)
        if isinstance(inside, list):
            # Debian and Ubuntu put the library's version between.
            folders += [f"{base}/library", *(f"{base}/{name}/library" for name in inside if name != "library")]
    for folder in folders:
        names = host.entries(folder)
        if isinstance(names, list) and names:
            return parse_supported(names)
    return Unknown("no rocBLAS folder was found")


def _may_use(host: Host, path: str) -> Fact[bool]:
    stat = host.stat(path)
    return stat if stat is None or isinstance(stat, Unknown) else stat.readable and stat.writable


def _all(facts: list[Fact[bool]]) -> Fact[bool]:
    """False if one is; else unknown if one is; else true."""
    if any(fact is False for fact in facts):
        return False
    return next((fact for fact in facts if isinstance(fact, Unknown)), True)


def _render_nodes(host: Host) -> list[str]:
    """Render nodes of AMD's cards."""
    names = host.entries("/dev/dri")
    nodes = [name for name in names if name.startswith("renderD")] if isinstance(names, list) else []
    return [f"/dev/dri/{name}" for name in nodes if host.line(f"/sys/class/drm/{name}/device/vendor") == "0x1002"]


def _in_group(host: Host, nodes: list[str]) -> Fact[bool]:
    owners = {stat.group for stat in map(host.stat, nodes) if stat is not None and not isinstance(stat, Unknown)}
    owners &= {"render", "video"}
    groups = host.system("groups")
    if not owners or not isinstance(groups, list):
        return groups if owners else None
    return bool(owners & set(groups))


def _windows_rocm(host: Host) -> Rocm:
    versions = host.entries(_WINDOWS_ROOT)
    newest = sorted(name for name in versions if whole(name.split(".")[0]) is not None) if isinstance(versions, list) else []
    folder = f"{_WINDOWS_ROOT}\\{newest[-1]}" if newest else None
    kernels = host.entries(f"{folder}\\bin\\rocblas\\library") if folder else None
    return Rocm(
        version=newest[-1] if newest else (versions if isinstance(versions, Unknown) else None),
        kfd=None,
        render_nodes_accessible=None,
        amdgpu_loaded=None,
        user_in_render_group=None,
        supported_gfx=lift(parse_supported, kernels),
        hsa_override=host.env("HSA_OVERRIDE_GFX_VERSION"),
    )


def probe(host: Host) -> Rocm:
    """What ROCm needs and what of it is there."""
    platform = host.platform()
    if platform == "windows":
        return _windows_rocm(host)
    if platform != "linux":
        return Rocm(**dict.fromkeys(Rocm.__struct_fields__))
    root = _root(host)
    version = _version(host, root)
    nodes = _render_nodes(host)
    access = [_may_use(host, node) for node in nodes]
    return Rocm(
        version=version,
        kfd=_may_use(host, "/dev/kfd"),
        render_nodes_accessible=_all(access) if nodes else None,
        amdgpu_loaded=host.exists("/sys/module/amdgpu"),
        user_in_render_group=_in_group(host, ["/dev/kfd", *nodes]),
        supported_gfx=_kernels(host, root, version),
        hsa_override=host.env("HSA_OVERRIDE_GFX_VERSION"),
    )
