"""Running processes that belong to GPU programs and runtimes."""

from __future__ import annotations

import os
import re
from typing import Any, Optional

from ..redact.variables import steering
from .text import clean

WORDS = (
    "ollama", "llama", "lm-studio", "lmstudio", "lm studio", "lms", "jan", "text-generation", "oobabooga", "koboldcpp",
    "vllm", "gpt4all", "nv-fabricmanager", "nvidia-persistenced", "nvidia-smi", "sglang", "tabbyapi", "exllama", "mlc_llm",
    "open-webui", "dockerd",
)  # fmt: skip
"""A process is looked at if one of these stands in its name or command line as a word of its own."""

_WORD = re.compile(r"(?<![a-z])(?:" + "|".join(map(re.escape, WORDS)) + r")(?![a-z])", re.I)
_LIBRARY = re.compile(
    r"/((?:libcuda|libcudart|libcublas|libnvidia-ml|libvulkan|libamdhip64|libhsa-runtime64|libggml|libze_loader)[^/\s]*)$"
)
MAX_PROCESSES = 256


def _read(path: str, limit: int = 65536) -> Optional[bytes]:
    try:
        with open(path, "rb", buffering=0) as file:
            return file.read(limit)
    except OSError:
        return None


def name_of(pid: int) -> Optional[str]:
    """The program's name; None if there is no such process or it cannot be seen."""
    if os.path.isdir("/proc/self"):
        link = _link(f"/proc/{pid}/exe")
        if link:
            return os.path.basename(link.removesuffix(" (deleted)"))
        comm = _read(f"/proc/{pid}/comm")
        return clean(comm).strip() if comm else None
    import psutil

    try:
        return str(psutil.Process(pid).name())
    except psutil.Error:
        return None


def _link(path: str) -> Optional[str]:
    try:
        return os.readlink(path)
    except OSError:
        return None


def _words(raw: bytes) -> list[str]:
    """The texts of a file of NUL-ended texts, such as cmdline and environ."""
    return [clean(part) for part in raw.split(b"\0") if part]


def _libraries(pid: str) -> list[str]:
    maps = _read(f"/proc/{pid}/maps", 4 << 20)
    found: list[str] = []
    for line in (maps or b"").decode("utf-8", "replace").splitlines():
        match = _LIBRARY.search(line)
        if match and match[1] not in found:
            found.append(match[1])
    return found


def _one(pid: str, name: str, arguments: list[str]) -> Optional[dict[str, Any]]:
    status = clean(_read(f"/proc/{pid}/status") or b"")
    if not status:
        return None
    fields = dict(line.split(":", 1) for line in status.splitlines() if ":" in line)
    link = _link(f"/proc/{pid}/exe")
    environ = _read(f"/proc/{pid}/environ", 1 << 20)
    environment = None
    if environ is not None:
        pairs = (item.partition("=") for item in _words(environ) if "=" in item)
        environment = steering({name: value for name, _, value in pairs})
    rss = fields.get("VmRSS", "0").split()
    return {
        "pid": int(pid),
        "name": name,
        "executable": link.removesuffix(" (deleted)") if link else None,
        "executable_deleted": bool(link and link.endswith(" (deleted)")),
        "arguments": arguments,
        "state": fields.get("State", "?").strip()[:1] or "?",
        "rss_bytes": int(rss[0]) * 1024 if rss and rss[0].isdigit() else 0,
        "uid": int(fields.get("Uid", "-1").split()[0]),
        "parent": int(fields.get("PPid", "0")),
        "libraries": _libraries(pid),
        "environment": environment,
        "cgroup": clean(_read(f"/proc/{pid}/cgroup") or b"").strip().splitlines()[-1:][0] if link else None,
    }


def _from_proc() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    own = {str(os.getpid()), str(os.getppid())}
    for pid in os.listdir("/proc"):
        if not pid.isdigit() or pid in own:
            continue
        raw = _read(f"/proc/{pid}/cmdline")
        if not raw:
            continue  # a kernel thread or a process that ended
        arguments = _words(raw)[:256]
        # The first words tell the program and its script; later ones are prompts and paths that only look alike.
        if not _WORD.search(" ".join(arguments[:6])[:1000]):
            continue
        comm = clean(_read(f"/proc/{pid}/comm") or b"").strip()
        one = _one(pid, comm, arguments)
        if one is not None:
            found.append(one)
        if len(found) >= MAX_PROCESSES:
            break
    return sorted(found, key=lambda one: one["pid"])


def _from_psutil() -> list[dict[str, Any]]:
    import psutil

    found: list[dict[str, Any]] = []
    for process in psutil.process_iter(["pid", "name", "exe", "cmdline", "memory_info", "ppid"]):
        facts = process.info
        arguments = [str(word) for word in facts["cmdline"] or []]
        if not _WORD.search(" ".join([facts["name"] or "", *arguments[:6]])[:1000]):
            continue
        try:
            environment: Optional[dict[str, str]] = steering(process.environ())
        except (psutil.Error, OSError):
            environment = None
        found.append(
            {
                "pid": facts["pid"],
                "name": facts["name"] or "",
                "executable": facts["exe"],
                "arguments": arguments,
                "rss_bytes": facts["memory_info"].rss if facts["memory_info"] else 0,
                "parent": facts["ppid"] or 0,
                "environment": environment,
            }
        )
        if len(found) >= MAX_PROCESSES:
            break
    return found


def relevant() -> list[dict[str, Any]]:
    """Processes as ``host.Process`` describes them, by pid. From /proc where there is one, else through psutil."""
    return _from_proc() if os.path.isdir("/proc/self") else _from_psutil()
