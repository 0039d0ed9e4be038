"""Python environments as their files describe them, on a machine made of answers."""

from __future__ import annotations

from typing import Any, Optional

import pytest

from llmdoctor.facts.fact import Fact, Unknown, look_up
from llmdoctor.facts.machine import PythonEnv
from llmdoctor.probes import python_envs
from llmdoctor.probes.python_files import (
    Program,
    llama_cpp_backend,
    normalised,
    parse_program,
    parse_python_version,
    parse_pyvenv,
    parse_site_packages,
    parse_torch_version,
)
from tests.fakes import error, fake_host

TORCH_CUDA = (
    "from typing import Optional\n\n__all__ = ['__version__', 'debug', 'cuda', 'git_version', 'hip']\n"
    "__version__ = '2.6.0+cu124'\ndebug = False\ncuda: Optional[str] = '12.4'\ngit_version = '2236df1'\n"
    "hip: Optional[str] = None\nxpu: Optional[str] = None\n"
)
TORCH_CPU = TORCH_CUDA.replace("+cu124", "+cpu").replace("'12.4'", "None")
TORCH_ROCM = TORCH_CPU.replace("+cpu", "+rocm6.2.4").replace("hip: Optional[str] = None", "hip: Optional[str] = '6.2.41134'")
TORCH_OLD = "__version__ = '1.8.1'\ndebug = False\ncuda = '10.2'\ngit_version = '56b43f4'\nhip = None\n"


@pytest.mark.parametrize(
    ("entries", "expected"),
    [
        (["torch-2.6.0+cu124.dist-info", "torch"], {"torch": "2.6.0+cu124"}),
        (["llama_cpp_python-0.3.16.dist-info"], {"llama-cpp-python": "0.3.16"}),
        (["torch-2.1.0-py3.11.egg-info"], {"torch": "2.1.0"}),
        (["flash_attn-2.7.4.post1.dist-info"], {"flash-attn": "2.7.4.post1"}),
        (["PyYAML-6.0.1.egg-info"], {"pyyaml": "6.0.1"}),
        (["nvidia_cublas_cu12-12.4.5.8.dist-info"], {"nvidia-cublas-cu12": "12.4.5.8"}),
        (["~orch-2.6.0.dist-info.bak", "__pycache__", "dist-info", "easy-install.pth"], {}),
    ],
)
def test_distributions(entries: list[str], expected: dict[str, str]) -> None:
    assert parse_site_packages(entries) == expected


@pytest.mark.parametrize(
    ("text", "version", "cuda", "hip"),
    [
        (TORCH_CUDA, "2.6.0+cu124", "12.4", None),
        (TORCH_CPU, "2.6.0+cpu", None, None),
        (TORCH_ROCM, "2.6.0+rocm6.2.4", None, "6.2.41134"),
        (TORCH_OLD, "1.8.1", "10.2", None),
        ("", None, None, None),
    ],
)
def test_torch_version(text: str, version: Optional[str], cuda: Optional[str], hip: Optional[str]) -> None:
    facts = parse_torch_version(text)
    assert (facts.get("__version__"), facts.get("cuda"), facts.get("hip")) == (version, cuda, hip)


@pytest.mark.parametrize(
    ("names", "backend"),
    [
        (["libggml-base.so", "libggml-cpu.so", "libggml-cuda.so", "libggml.so", "libllama.so"], "cuda"),
        (["ggml-base.dll", "ggml-cpu.dll", "ggml-vulkan.dll", "llama.dll"], "vulkan"),
        (["libggml-base.dylib", "libggml-blas.dylib", "libggml-metal.dylib"], "metal"),
        (["libggml-base.so", "libggml-hip.so"], "hip"),
        (["libggml-base.so", "libggml-sycl.so"], "sycl"),
        (["libggml-base.so", "libggml-cpu.so", "libllama.so"], "cpu"),
        (["libggml.so", "libllama.so"], Unknown("an old build of one library, which does not tell")),
    ],
)
def test_llama_cpp_python(names: list[str], backend: Fact[str]) -> None:
    assert llama_cpp_backend(names) == backend


ELF = b"\x7fELF\x02\x01\x01" + bytes(11) + b"\x3e\x00" + bytes(40)
MACH_X86 = b"\xcf\xfa\xed\xfe\x07\x00\x00\x01" + bytes(40)
MACH_BOTH = b"\xca\xfe\xba\xbe\x00\x00\x00\x02" + b"\x01\x00\x00\x07" + bytes(16) + b"\x01\x00\x00\x0c" + bytes(16)
PE_32 = b"MZ" + bytes(0x3A) + b"\x40\x00\x00\x00" + b"PE\0\0\x4c\x01" + bytes(40)


@pytest.mark.parametrize(
    ("header", "program"),
    [
        (ELF, Program(64, ("x86_64",))),
        (MACH_X86, Program(64, ("x86_64",))),
        (MACH_BOTH, Program(64, ("x86_64", "aarch64"))),
        (PE_32, Program(32, ("i686",))),
        (b"#!/bin/sh\nexec python", None),
        (b"", None),
        (b"MZ" + bytes(10), None),
    ],
)
def test_interpreters(header: bytes, program: Optional[Program]) -> None:
    assert parse_program(header) == program


def test_small_parsers() -> None:
    assert normalised("Llama_CPP.Python") == "llama-cpp-python"
    assert parse_python_version(parse_pyvenv("home = /usr/bin\nversion = 3.11.2\n")) == "3.11.2"
    assert parse_python_version(parse_pyvenv("uv = 0.5.1\nversion_info = 3.12.3.final.0\n")) == "3.12.3"
    assert parse_python_version({}) is None


# --- machines -----------------------------------------------------------------------------------

DIR: dict[str, Any] = {
    "kind": "dir", "size_bytes": 0, "mode": 0o755, "uid": 0, "gid": 0, "modified_s": 0.0,
    "readable": True, "writable": True, "executable": True,
}  # fmt: skip


def _env(prefix: str, site: str, entries: list[str], **files: str) -> dict[Any, Any]:
    """Answers of one environment; files by their path below its package folder, slashes as ``__``."""
    answers: dict[Any, Any] = {
        ("realpath", prefix): prefix,
        ("list", site): entries,
        ("realpath", site): site,
        ("bytes", f"{prefix}/bin/python3", 0, 1024): ELF.hex(),
    }
    for name, text in files.items():
        answers["file", f"{site}/{name.replace('__', '/')}.py"] = text
    return answers


def _venv(prefix: str, entries: list[str], cfg: str = "home = /usr/bin\nversion = 3.11.2\n", **files: str) -> dict[Any, Any]:
    return {
        **_env(prefix, f"{prefix}/lib/python3.11/site-packages", entries, **files),
        ("stat", f"{prefix}/pyvenv.cfg"): DIR,
        ("file", f"{prefix}/pyvenv.cfg"): cfg,
    }


def _probe(answers: dict[Any, Any]) -> list[PythonEnv]:
    found = python_envs.probe(fake_host(answers))
    assert isinstance(found, list)
    return found


VENV = "/home/ada/llm/.venv"
SYSTEM: dict[Any, Any] = {
    ("which", "python3"): ["/usr/bin/python3"],
    ("realpath", "/usr/bin/python3"): "/usr/bin/python3.11",
    ("realpath", "/usr"): "/usr",
    ("list", "/usr/lib/python3/dist-packages"): ["numpy-1.24.2.egg-info", "numpy"],
    ("realpath", "/usr/lib/python3/dist-packages"): "/usr/lib/python3/dist-packages",
    ("bytes", "/usr/bin/python3", 0, 1024): ELF.hex(),
}


def test_the_active_virtual_environment() -> None:
    answers = _venv(
        VENV, ["torch", "torch-2.6.0.dist-info", "numpy-2.1.0.dist-info", "rich-13.7.dist-info"], torch__version=TORCH_CUDA
    )
    answers["which", "python3"] = [f"{VENV}/bin/python3", "/usr/bin/python3"]
    (env,) = _probe(answers)
    assert (env.path, env.kind, env.active, env.python_version, env.bits) == (VENV, "venv", True, "3.11.2", 64)
    assert env.packages == {"torch": "2.6.0", "numpy": "2.1.0", "*": None}
    assert (env.torch_version, env.torch_cuda, env.torch_is_cpu_build, env.torch_copies) == ("2.6.0+cu124", "12.4", False, 1)
    assert isinstance(env.torch_architectures, list) and "sm_90" in env.torch_architectures
    assert (env.llama_cpp_python_backend, env.user_site_shadows, env.x86_on_arm_mac) == (None, [], None)


@pytest.mark.parametrize(
    ("text", "cpu", "hip", "architectures"),
    [(TORCH_CPU, True, None, None), (TORCH_ROCM, False, "6.2.41134", None), (TORCH_OLD, False, None, Unknown)],
)
def test_other_builds_of_torch(text: str, cpu: bool, hip: Optional[str], architectures: Any) -> None:
    answers = _venv(VENV, ["torch", "torch-2.6.0.dist-info"], torch__version=text)
    answers["which", "python3"] = [f"{VENV}/bin/python3"]
    (env,) = _probe(answers)
    assert (env.torch_is_cpu_build, env.torch_hip) == (cpu, hip)
    assert env.torch_architectures is None if architectures is None else isinstance(env.torch_architectures, architectures)


def test_the_system_python_of_debian() -> None:
    (env,) = _probe(SYSTEM)
    assert (env.path, env.kind, env.active, env.python_version) == ("/usr", "system", True, "3.11")
    assert env.packages == {"numpy": "1.24.2", "*": None}
    assert (env.torch_version, env.torch_copies) == (None, 0)


def test_the_users_own_packages_shadow_the_systems() -> None:
    site = "/home/ada/.local/lib/python3.11/site-packages"
    answers = {
        **SYSTEM,
        ("list", "/home/ada/.local/lib"): ["python3.11"],
        ("list", site): ["numpy-2.1.0.dist-info", "torch", "torch-2.6.0.dist-info"],
        ("file", f"{site}/torch/version.py"): TORCH_CPU,
    }
    system, user = _probe(answers)
    assert system.user_site_shadows == ["numpy"] and system.torch_is_cpu_build is True
    assert look_up(system.packages, "numpy") == "2.1.0"
    assert (user.kind, user.path, user.torch_version) == ("user", site, "2.6.0+cpu")
    hidden, _ = _probe({**answers, ("env", "PYTHONNOUSERSITE"): "1"})
    assert hidden.user_site_shadows == [] and hidden.torch_version is None


def test_text_generation_webuis_own_environment() -> None:
    prefix = "/home/ada/text-generation-webui/installer_files/env"
    site = f"{prefix}/lib/python3.11/site-packages"
    answers = {
        **SYSTEM,
        **_env(prefix, site, ["llama_cpp", "llama_cpp_python-0.3.16.dist-info", "transformers-4.50.0.dist-info"]),
        ("list", f"{prefix}/conda-meta"): ["history", "python-3.11.9-h955ad1f_0.json"],
        ("list", f"{site}/llama_cpp/lib"): ["libggml-base.so", "libggml-cpu.so"],
    }
    _, env = _probe(answers)
    assert (env.kind, env.owner, env.active) == ("conda", "text-generation-webui", False)
    assert (env.python_version, env.llama_cpp_python_backend) == ("3.11.9", "cpu")


def test_tools_and_conda_environments_are_told_where_they_hold_something() -> None:
    tools, conda = "/home/ada/.local/share/uv/tools", "/home/ada/miniconda3/envs/llm"
    answers = {
        **SYSTEM,
        ("list", tools): [".lock", "ruff", "vllm"],
        **_venv(f"{tools}/ruff", ["ruff-0.8.0.dist-info"]),
        **_venv(f"{tools}/vllm", ["vllm-0.8.4.dist-info"]),
        ("file", "/home/ada/.conda/environments.txt"): f"{conda}\n/gone\n",
        **_env(conda, f"{conda}/lib/python3.12/site-packages", ["torch-2.5.1-py3.12.egg-info"]),
        ("list", f"{conda}/conda-meta"): ["python-3.12.7-h5148396_0.json"],
    }
    assert [(env.path, env.kind, env.owner) for env in _probe(answers)[1:]] == [
        (conda, "conda", None),
        (f"{tools}/vllm", "uv", "vllm"),
    ]


def test_pyenvs_shim_is_followed_through_its_version_file() -> None:
    prefix = "/home/ada/.pyenv/versions/3.11.7"
    answers = {
        ("which", "python3"): ["/home/ada/.pyenv/shims/python3", "/usr/bin/python3"],
        ("file", "/home/ada/.pyenv/version"): "3.11.7\n",
        **_env(prefix, f"{prefix}/lib/python3.11/site-packages", []),
    }
    (env,) = _probe(answers)
    assert (env.path, env.active, env.python_version) == (prefix, True, "3.11.7")


def test_a_folder_that_may_not_be_read_is_unknown_not_empty() -> None:
    answers = _venv(VENV, [])
    answers["which", "python3"] = [f"{VENV}/bin/python3"]
    answers["list", f"{VENV}/lib/python3.11/site-packages"] = error("no permission")
    (env,) = _probe(answers)
    assert look_up(env.packages, "torch") == Unknown("no permission")
    assert isinstance(env.torch_version, Unknown) and isinstance(env.llama_cpp_python_backend, Unknown)


def test_two_copies_of_torch_on_the_path() -> None:
    answers = _venv(VENV, ["torch", "torch-2.6.0.dist-info"], torch__version=TORCH_CUDA)
    answers["which", "python3"] = [f"{VENV}/bin/python3"]
    answers["env", "PYTHONPATH"] = "/opt/pytorch:/gone"
    answers["list", "/opt/pytorch"] = ["setup.py", "torch"]
    answers["file", "/opt/pytorch/torch/version.py"] = TORCH_CPU
    (env,) = _probe(answers)
    assert (env.torch_copies, env.torch_version) == (2, "2.6.0+cpu")


def test_windows() -> None:
    prefix = "C:\\Users\\ada\\AppData\\Local\\Programs\\Python\\Python311"
    site = prefix + "\\Lib\\site-packages"
    answers = {
        ("system", "platform"): "windows",
        ("system", "home"): "C:\\Users\\ada",
        ("env", "APPDATA"): "C:\\Users\\ada\\AppData\\Roaming",
        ("which", "python"): ["C:\\Users\\ada\\AppData\\Local\\Microsoft\\WindowsApps\\python.exe"],
        ("env", "LOCALAPPDATA"): "C:\\Users\\ada\\AppData\\Local",
        ("list", "C:\\Users\\ada\\AppData\\Local\\Programs\\Python"): ["Launcher", "Python311"],
        ("realpath", prefix): prefix,
        ("list", site): ["torch", "torch-2.6.0.dist-info"],
        ("realpath", site): site,
        ("file", site + "\\torch\\version.py"): TORCH_CPU,
        ("bytes", prefix + "\\python.exe", 0, 1024): PE_32.hex(),
    }
    (env,) = _probe(answers)
    assert (env.path, env.python_version, env.bits, env.active) == (prefix, "3.11", 32, False)
    assert (env.torch_is_cpu_build, env.torch_version) == (True, "2.6.0+cpu")


def test_a_translated_python_on_an_apple_processor() -> None:
    answers = {
        **_venv(VENV, ["torch", "torch-2.6.0.dist-info"], torch__version=TORCH_CPU.replace("+cpu", "")),
        ("system", "platform"): "macos",
        ("system", "uname"): {"machine": "arm64"},
        ("which", "python3"): [f"{VENV}/bin/python3"],
        ("bytes", f"{VENV}/bin/python3", 0, 1024): MACH_X86.hex(),
    }
    (env,) = _probe(answers)
    assert env.x86_on_arm_mac is True and env.torch_is_cpu_build is None


def test_nothing_to_see() -> None:
    assert python_envs.probe(fake_host({})) == []
    assert isinstance(python_envs.probe(fake_host({("system", "home"): error("no home folder")})), Unknown)
