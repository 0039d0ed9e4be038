"""The issue forms of the projects, with their headings in their order, so that a report can be pasted as it is.

Read in 2026-11 from each project's .github/ISSUE_TEMPLATE: ollama/ollama 10_bug_report.yml, ggml-org/llama.cpp 011-bug-results.yml,
oobabooga/text-generation-webui bug_report_template.yml, lmstudio-ai/lmstudio-bug-tracker bug_report.md, janhq/jan 1-bug-report.md,
vllm-project/vllm 400-bug-report.yml; LostRuins/koboldcpp's as it stands in its newest issues.
"""

from __future__ import annotations

from typing import Iterator

from ..facts.machine import Gpu, Machine
from .issue import Layout, Report, Room, findings, folded, free, logs, machine, summary
from .machine_table import rows as machine_rows
from .markdown import escape

TELL = "_Please describe what you did, what you expected and what happened instead._"
"""The one thing that only the reporter can know."""
_NOTHING = "_No response_"
"""What GitHub writes for a field that was left empty."""

_OS = {"linux": "Linux", "windows": "Windows", "macos": "macOS"}


def layout_for(project: str) -> Layout:
    """The project's own form. Raises KeyError for a project without one."""
    return FORMS[project]


def _ollama(report: Report, room: Room) -> Iterator[str]:
    facts = report.diagnosis.machine
    yield from _heading("What is the issue?", [*_told(report), *machine(report)])
    yield from _heading("Relevant log output", logs(report, room))
    yield from _heading("OS", [", ".join(_systems(facts, "WSL2", "Docker"))])
    yield from _heading("GPU", [_vendors(facts, "Nvidia")])
    yield from _heading("CPU", [_cpu_maker(facts)])
    yield from _heading("Ollama version", [_version(report, "ollama")])
    yield from folded(report, room)


def _llama_cpp(report: Report, room: Room) -> Iterator[str]:
    facts = report.diagnosis.machine
    yield from _heading("Name and Version", [_version(report, "llama.cpp")])
    yield from _heading("Operating systems", ["Mac" if facts.os.family == "macos" else _OS.get(str(facts.os.family), "Other")])
    yield from _heading("GGML backends", [_backends(report)])
    yield from _heading("Hardware", _rows(facts, "CPU", "GPU"))
    yield from _heading("Models", [escape(text) for text in _models(report)])
    yield from _heading("Problem description & steps to reproduce", [*_told(report), *_commands(report), *machine(report)])
    yield from _heading("First Bad Commit", [])
    yield from _heading("Relevant log output", logs(report, room))
    yield from folded(report, room)


def _text_generation_webui(report: Report, room: Room) -> Iterator[str]:
    yield from _heading("Describe the bug", _told(report))
    yield from _heading("Is there an existing issue for this?", ["- [ ] I have searched the existing issues"])
    yield from _heading("Reproduction", [TELL])
    yield from _heading("Screenshot", [])
    yield from _heading("Logs", logs(report, room))
    yield from _heading("System Info", machine(report))
    yield from folded(report, room)


def _lmstudio(report: Report, room: Room) -> Iterator[str]:
    yield from _bold("Which version of LM Studio?", [f"LM Studio {_version(report, 'lmstudio')}"])
    yield from _bold("Which operating system?", _rows(report.diagnosis.machine, "OS"))
    yield from _bold("What is the bug?", [*_told(report), *machine(report)])
    yield from _bold("Screenshots", [])
    yield from _bold("Logs", logs(report, room))
    yield from _bold("To Reproduce", [TELL])
    yield from folded(report, room)


def _jan(report: Report, room: Room) -> Iterator[str]:
    facts = report.diagnosis.machine
    yield f"**Version:** {_version(report, 'jan')}"
    yield ""
    yield from _heading("Describe the Bug", [*_told(report), *machine(report)], "##")
    yield from _heading("Steps to Reproduce", ["1. " + TELL], "##")
    yield from _heading("Screenshots / Logs", logs(report, room), "##")
    family = facts.os.family
    boxes = (("MacOS", "macos"), ("Windows", "windows"), ("Linux", "linux"))
    yield from _heading("Operating System", [f"- [{'x' if family == name else ' '}] {word}" for word, name in boxes], "##")
    yield from folded(report, room)


def _vllm(report: Report, room: Room) -> Iterator[str]:
    yield from _heading("Your current environment", machine(report))
    yield from _heading("🐛 Describe the bug", [*_told(report), *_commands(report), *logs(report, room)])
    yield from _heading("Before submitting a new issue...", ["- [ ] " + "I have searched for relevant issues."])
    yield from folded(report, room)


def _koboldcpp(report: Report, room: Room) -> Iterator[str]:
    yield from _bold("Describe the Issue", _told(report))
    yield from _bold("Additional Information:", [*machine(report), "", *_commands(report), *logs(report, room)])
    yield from folded(report, room)


FORMS: dict[str, Layout] = {
    "ollama": _ollama, "llama.cpp": _llama_cpp, "text-generation-webui": _text_generation_webui, "lmstudio": _lmstudio,
    "jan": _jan, "vllm": _vllm, "koboldcpp": _koboldcpp, "": free,
}  # fmt: skip


def _heading(title: str, body: list[str] | Iterator[str], level: str = "###") -> Iterator[str]:
    rows = list(body)
    yield from (f"{level} {title}", "", *(rows if any(rows) else [_NOTHING]), "")


def _bold(title: str, body: list[str] | Iterator[str]) -> Iterator[str]:
    rows = list(body)
    yield from (f"**{title}**", "", *(rows if any(rows) else [_NOTHING]), "")


def _told(report: Report) -> list[str]:
    """The place for the reporter's own words, then what the doctor found."""
    return [TELL, "", *summary(report), *findings(report)]


def _rows(facts: Machine, *words: str) -> list[str]:
    return [f"{escape(what)}: {escape(value)}  " for what, value in machine_rows(facts) if what.startswith(words)]


def _systems(facts: Machine, wsl: str, docker: str) -> list[str]:
    found = [_OS.get(str(facts.os.family), str(facts.os.name) if isinstance(facts.os.name, str) else "unknown")]
    found += [wsl] if facts.os.wsl_version == 2 else []
    return found + ([docker] if facts.container.kind == "docker" else [])


def _gpus(facts: Machine) -> list[Gpu]:
    return facts.gpus if isinstance(facts.gpus, list) else []


def _vendors(facts: Machine, nvidia: str) -> str:
    names = {"nvidia": nvidia, "amd": "AMD", "intel": "Intel", "apple": "Apple"}
    return ", ".join(dict.fromkeys(names.get(str(gpu.vendor), "Other") for gpu in _gpus(facts)))


def _cpu_maker(facts: Machine) -> str:
    model = facts.cpu.model if isinstance(facts.cpu.model, str) else ""
    return next((maker for maker in ("Intel", "AMD", "Apple") if maker.lower() in model.lower()), "Other")


def _version(report: Report, runtime: str) -> str:
    """What runs by itself, else what is installed, else what the log says."""
    known = report.diagnosis.machine.runtimes.get(runtime)
    told = [one.version for one in report.diagnosis.runs if one.runtime == runtime or one.engine == runtime]
    found = [*([known.api_version, known.version] if known is not None else []), *told]
    return next((escape(one) for one in found if isinstance(one, str)), "unknown")


def _backends(report: Report) -> str:
    names = {"cuda": "CUDA", "rocm": "HIP", "vulkan": "Vulkan", "metal": "Metal", "sycl": "SYCL", "cpu": "CPU"}
    used = [
        names[str(device.backend)] for run in report.diagnosis.runs for device in run.devices if str(device.backend) in names
    ]
    return ", ".join(dict.fromkeys(used))


def _models(report: Report) -> list[str]:
    found = []
    for run in report.diagnosis.runs:
        words = [one for one in (run.model, run.quantization) if isinstance(one, str)]
        found += [" ".join(words)] if words else []
    return found


def _commands(report: Report) -> list[str]:
    from .markdown import fenced

    lines = [run.command_line for run in report.diagnosis.runs if isinstance(run.command_line, str)]
    return [row for line in lines for row in [*fenced(line, "sh"), ""]]
