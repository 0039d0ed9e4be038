"""Fact ``vulkan``: the loader and the drivers that are registered with it; nothing is loaded.

Source: Vulkan-Loader, docs/LoaderDriverInterface.md (https://github.com/KhronosGroup/Vulkan-Loader), which names the
variables, folders and registry keys below.
"""

from __future__ import annotations

import re
from typing import Optional

from ..facts.fact import Fact, Unknown, all_unknown
from ..facts.machine import Vulkan
from ..host.host import Host
from . import shared_library

_FOLDERS = (
    "/etc/vulkan/icd.d",
    "/usr/local/etc/vulkan/icd.d",
    "/usr/local/share/vulkan/icd.d",
    "/usr/share/vulkan/icd.d",
    "/run/opengl-driver/share/vulkan/icd.d",
)
_HOME_FOLDERS = (".config/vulkan/icd.d", ".local/share/vulkan/icd.d")
_OVERRIDES = ("VK_DRIVER_FILES", "VK_ICD_FILENAMES")
"""Lists of manifests (files or folders) that take the place of all folders; the first that is set counts."""

_SOFTWARE = re.compile(r"lvp_|lavapipe|swrast|swiftshader|vk_swiftshader|llvmpipe", re.I)
_MAC_LOADERS = ("/opt/homebrew/lib/libvulkan.1.dylib", "/usr/local/lib/libvulkan.1.dylib")
_WINDOWS_LOADER = r"C:\Windows\System32\vulkan-1.dll"


def is_software(manifest: str) -> bool:
    """Whether a manifest's name is that of a renderer on the processor."""
    return bool(_SOFTWARE.search(manifest))


def names(paths: list[str]) -> list[str]:
    """File names of manifests, each once, in order."""
    return list(dict.fromkeys(re.split(r"[\\/]", path)[-1] for path in paths))


def _override(host: Host) -> Optional[list[str]]:
    for variable in _OVERRIDES:
        value = host.env(variable)
        if isinstance(value, str) and value:
            manifests: list[str] = []
            for path in value.split(";" if host.platform() == "windows" else ":"):
                inside = None if path.endswith(".json") else host.entries(path)
                manifests += inside if isinstance(inside, list) else [path]
            return [path for path in manifests if path.endswith(".json")]
    return None


def _registered(host: Host) -> Fact[list[str]]:
    override = _override(host)
    if override is not None:
        return override
    if host.platform() == "windows":
        listed = host.winapi("vulkan_drivers")
        return listed if isinstance(listed, (list, Unknown)) else Unknown("the registry names no driver folder")
    own = [path for path in map(host.in_home, _HOME_FOLDERS) if path is not None]
    found: list[str] = []
    for folder in (*_FOLDERS, *own):
        inside = host.entries(folder)
        if isinstance(inside, list):
            found += [name for name in inside if name.endswith(".json")]
    return found


def _loader(host: Host, platform: str) -> Fact[str]:
    if platform == "linux":
        return shared_library.find(host, "libvulkan.so.1")
    for path in (_WINDOWS_LOADER,) if platform == "windows" else _MAC_LOADERS:
        there = host.exists(path)
        if there:
            return there if isinstance(there, Unknown) else path
    return None


def probe(host: Host) -> Vulkan:
    platform = host.platform()
    if platform == "other":
        return all_unknown(Vulkan, "not on this operating system")
    manifests = _registered(host)
    if not isinstance(manifests, list):
        return Vulkan(loader=_loader(host, platform), icds=manifests, software_only=manifests)
    icds = names(manifests)
    return Vulkan(
        loader=_loader(host, platform),
        icds=icds,
        software_only=all(map(is_software, icds)) if icds else None,
    )
