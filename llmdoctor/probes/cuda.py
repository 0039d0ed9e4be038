"""CUDA toolkits, nvcc, cuDNN, and what LD_LIBRARY_PATH puts before the system's libraries.

Sources: CUDA Installation Guide for Linux and for Windows (folders, CUDA_HOME and CUDA_PATH), the toolkit's version.json
(version.txt up to 11.0), cuDNN's header cudnn_version.h, Debian's package nvidia-cuda-toolkit (whose /usr/bin/nvcc is a script
of one line that calls the real one).
"""

from __future__ import annotations

import re
from typing import Optional, Union

import msgspec

from ..facts.fact import Fact, Unknown, all_unknown
from ..facts.machine import Cuda, CudaToolkit, Library
from ..host.host import Completed, Host
from . import libraries

_ROOTS = (("/usr/local", "cuda"), ("/opt", "cuda"), ("/usr/lib", "cuda"))
_SHADOWING = ("libcuda.so.1", "libcudart.so.11.0", "libcudart.so.12", "libcudart.so.13", "libcublas.so.11", "libcublas.so.12",
              "libcublas.so.13", "libcudnn.so.8", "libcudnn.so.9")  # fmt: skip
_HEADERS = ("/usr/include/cudnn_version.h", "/usr/include/x86_64-linux-gnu/cudnn_version.h",
            "/usr/include/aarch64-linux-gnu/cudnn_version.h", "/usr/local/cuda/include/cudnn_version.h")  # fmt: skip


def parse_version_json(text: str) -> Optional[str]:
    """The toolkit's version, major and minor, in its version.json; None if it is no such file.

    >>> parse_version_json('{"cuda": {"name": "CUDA SDK", "version": "12.4.1"}}')
    '12.4'
    """
    try:
        data = msgspec.json.decode(text)
    except msgspec.DecodeError:
        return None
    version = data.get("cuda", {}).get("version") if isinstance(data, dict) and isinstance(data.get("cuda"), dict) else None
    return ".".join(version.split(".")[:2]) if isinstance(version, str) else None


def parse_version_txt(text: str) -> Optional[str]:
    """The same of the version.txt that toolkits up to 11.0 have.

    >>> parse_version_txt("CUDA Version 10.2.89")
    '10.2'
    """
    match = re.match(r"CUDA Version (\d+\.\d+)", text)
    return match[1] if match else None


def parse_wrapper(text: str) -> Optional[str]:
    """Path of the nvcc that a script hands over to; None if it does not say.

    >>> parse_wrapper('#!/bin/sh\\n\\nexec /usr/lib/nvidia-cuda-toolkit/bin/nvcc "$@"')
    '/usr/lib/nvidia-cuda-toolkit/bin/nvcc'
    """
    match = re.search(r"^\s*exec\s+(/[^\s\"'$]*/nvcc)\b", text, re.M)
    return match[1] if match else None


def parse_nvcc(text: str) -> Optional[str]:
    """The release that ``nvcc --version`` prints."""
    match = re.search(r"\brelease (\d+\.\d+)", text)
    return match[1] if match else None


def parse_cudnn_header(text: str) -> Optional[str]:
    """``9.1.0`` of cudnn_version.h."""
    numbers = [re.search(rf"#define\s+CUDNN_{word}\s+(\d+)", text) for word in ("MAJOR", "MINOR", "PATCHLEVEL")]
    return ".".join(match[1] for match in numbers if match) if all(numbers) else None


def _written_version(host: Host, folder: str) -> Optional[str]:
    """The version that a toolkit's own folder states; None if it states none."""
    for name, parse in (("version.json", parse_version_json), ("version.txt", parse_version_txt)):
        text = host.text(f"{folder}/{name}")
        if isinstance(text, str) and (version := parse(text)):
            return version
    return None


def _toolkit(host: Host, folder: str) -> CudaToolkit:
    version = _written_version(host, folder)
    if version is None:
        match = re.search(r"cuda-(\d+\.\d+)$", folder)
        version = match[1] if match else None
    return CudaToolkit(path=folder, version=version or Unknown("version.json does not tell"))


def _toolkits(host: Host) -> Fact[list[CudaToolkit]]:
    found: list[CudaToolkit] = []
    doubt: Optional[Unknown] = None
    for parent, start in _ROOTS:
        names = host.entries(parent)
        doubt = names if isinstance(names, Unknown) else doubt
        for name in names if isinstance(names, list) else []:
            folder = f"{parent}/{name}"
            if not name.startswith(start) or host.exists(f"{folder}/bin/nvcc") is not True:
                continue
            real = host.realpath(folder)
            path = real if isinstance(real, str) else folder
            if path not in {one.path for one in found}:
                found.append(_toolkit(host, path))
    return found if found or doubt is None else doubt


def _windows_toolkits(host: Host) -> Fact[list[CudaToolkit]]:
    root = r"C:\Program Files\NVIDIA GPU Computing Toolkit\CUDA"
    names = host.entries(root)
    if not isinstance(names, list):
        return names if isinstance(names, Unknown) else []
    return [CudaToolkit(path=f"{root}\\{name}", version=name.lstrip("v")) for name in names if re.match(r"^v\d", name)]


def _nvcc(host: Host, cuda: Cuda) -> None:
    paths = host.which("nvcc")
    if not isinstance(paths, list) or not paths:
        cuda.nvcc_path = cuda.nvcc_version = paths if isinstance(paths, Unknown) else None
        return
    cuda.nvcc_path = paths[0]
    path = _behind_wrapper(host, paths[0])
    if isinstance(path, Unknown):
        cuda.nvcc_version = path
        return
    real = host.realpath(path)
    root = real.rsplit("/bin/", 1)[0] if isinstance(real, str) and "/bin/" in real else None
    version = _written_version(host, root) if root is not None else None
    if version is None:
        done = host.run(path, "--version")
        version = parse_nvcc(done.stdout) if isinstance(done, Completed) else None
    cuda.nvcc_version = version or Unknown("nvcc does not tell its version")


def _behind_wrapper(host: Host, path: str) -> Union[str, Unknown]:
    """The program itself: a script is read and never run, for it may do anything."""
    if host.bytes_at(path, 0, 2) != b"#!":
        return path
    text = host.text(path)
    inner = parse_wrapper(text) if isinstance(text, str) else None
    if inner is None or host.bytes_at(inner, 0, 4) != b"\x7fELF":
        return Unknown("the nvcc on PATH is a script, which was not run")
    return inner


def _cudnn(host: Host) -> Fact[str]:
    doubt: Optional[Unknown] = None
    for path in _HEADERS:
        text = host.text(path)
        doubt = text if isinstance(text, Unknown) else doubt
        if isinstance(text, str) and (version := parse_cudnn_header(text)):
            return version
    for soname in ("libcudnn.so.9", "libcudnn.so.8"):
        known = host.library_candidates(soname)
        doubt = known if isinstance(known, Unknown) else doubt
        if isinstance(known, list) and known:
            real = host.realpath(known[0])
            match = re.search(r"\.so\.(\d+(?:\.\d+)+)$", real) if isinstance(real, str) else None
            return match[1] if match else soname.rsplit(".", 1)[-1]
    return doubt


def _shadowing(host: Host) -> Fact[list[Library]]:
    variable = host.env("LD_LIBRARY_PATH")
    if not isinstance(variable, str):
        return variable if isinstance(variable, Unknown) else []
    found: list[Library] = []
    # A folder that is named twice is searched once.
    for folder in dict.fromkeys(part.rstrip("/") for part in re.split("[:;]", variable) if part):
        names = host.entries(folder)
        for soname in _SHADOWING:
            if isinstance(names, list) and soname in names:
                library = libraries.read(host, f"{folder}/{soname}", soname, "LD_LIBRARY_PATH")
                if library is not None and library.path not in {one.path for one in found}:
                    found.append(library)
    return found


def probe(host: Host) -> Cuda:
    """What of CUDA is installed for those who build or link against it. Runs nvcc only where its version is not written down."""
    platform = host.fact("system", "platform")
    if isinstance(platform, Unknown):
        return all_unknown(Cuda, platform.unknown)
    cuda = Cuda()
    cuda.toolkits = _windows_toolkits(host) if platform == "windows" else _toolkits(host) if platform == "linux" else []
    _nvcc(host, cuda)
    home = host.env("CUDA_HOME")
    cuda.cuda_home = home if home is not None else host.env("CUDA_PATH")
    cuda.cuda_home_exists = host.exists(cuda.cuda_home) if isinstance(cuda.cuda_home, str) else cuda.cuda_home
    linux = platform == "linux"
    cuda.cudnn_version = _cudnn(host) if linux else None
    cuda.libraries_on_ld_library_path = _shadowing(host) if linux else None
    cuda.host_compiler_max_gcc = None
    if isinstance(cuda.nvcc_version, str) and linux:
        from ..catalogs.toolkit import toolkit

        known = toolkit(cuda.nvcc_version)
        newest = known.max_gcc if known is not None else None
        cuda.host_compiler_max_gcc = (
            newest if newest is not None else Unknown(f"CUDA {cuda.nvcc_version} is not in the catalogue")
        )
    return cuda
