"""A Diagnosis as lines with roles. Every text printer prints these, so all of them say the same."""

from __future__ import annotations

import re
from typing import Iterator, NamedTuple, Optional

from ..facts.fact import Unknown
from ..facts.finding import Diagnosis, Finding, NotChecked
from ..facts.machine import Gpu, Machine, SmokeLevel
from ..facts.run import Run
from ..facts.units import show_bytes

MAX_REASONS = 8
"""Groups of unchecked rules that are spelled out; JSON has them all."""
MAX_EVIDENCE = 6
MAX_DEVICES = 4
_PARTS = (("weights", "weights"), ("kv_cache", "KV cache"), ("compute", "compute"))


class Line(NamedTuple):
    role: str
    """``verdict-ok``, ``verdict-error``, ``verdict-warning``, ``machine``, ``error``, ``warning``, ``info``, ``evidence``,
    ``why``, ``step``, ``command``, ``label``, ``folded``, ``note``, ``blank``."""
    text: str
    indent: int = 0
    prefix: str = ""
    """A marker before the first row of the text, such as ``- ``; it is never the only carrier of a meaning."""


def verdict(diagnosis: Diagnosis) -> tuple[str, str]:
    """(role, sentence). Nothing checked is never called healthy."""
    if diagnosis.logs:
        return _verdict_of_logs(diagnosis)
    counts = {severity: sum(1 for one in diagnosis.findings if one.severity == severity) for severity in ("error", "warning")}
    checked = diagnosis.passed + len(diagnosis.findings) + len(diagnosis.explained)
    if counts["error"] or counts["warning"]:
        parts = [f"{number} {word}{'s' if number > 1 else ''}" for word, number in counts.items() if number]
        first = diagnosis.findings[0]
        return f"verdict-{first.severity}", f"{' and '.join(parts)} found. First: {first.title}"
    if checked == 0:
        return "verdict-warning", "Nothing could be checked."
    if len(diagnosis.not_checked) > checked:
        return "verdict-warning", (f"No problem found in {checked} checks, but {len(diagnosis.not_checked)} could not be made.")
    rest = f"; {len(diagnosis.not_checked)} could not be made" if diagnosis.not_checked else ""
    return "verdict-ok", f"No problem found in {checked} checks{rest}."


def _verdict_of_logs(diagnosis: Diagnosis) -> tuple[str, str]:
    serious = [one for one in diagnosis.findings if one.severity != "info"]
    where = ", ".join(log.name for log in diagnosis.logs)
    if serious:
        first = serious[0]
        sure = {"likely": "Likely: ", "possible": "Possibly: "}.get(first.confidence, "")
        return f"verdict-{first.severity}", f"{sure}{first.title}"
    if any(run.outcome == "failed" or run.exits for run in diagnosis.runs):
        return "verdict-warning", f"The run failed, but none of {diagnosis.passed} known causes was recognised in {where}."
    if any(isinstance(run.runtime, str) or isinstance(run.engine, str) for run in diagnosis.runs):
        return "verdict-ok", f"No trouble found in {where}: none of {diagnosis.passed} known causes left a trace."
    return "verdict-warning", (
        f"Nothing recognised in {where}: no line of a runtime that llmdoctor knows, and none of {diagnosis.passed} known causes."
    )


def log_lines(diagnosis: Diagnosis) -> list[str]:
    """What was read, and what each log says of its run."""
    origin = {
        "here": "of this machine", "maybe": "perhaps of this machine: its facts may confirm, and rule nothing out",
        "elsewhere": "of another machine: this one's facts are left out",
    }  # fmt: skip
    found = [f"Log: {log.name} ({log.lines} line{'s' * (log.lines != 1)}), {origin[log.machine]}" for log in diagnosis.logs]
    return found + ["Run: " + text for run in diagnosis.runs if (text := run_line(run))]


def run_line(run: Run) -> str:
    """A run in one line: who, which model, how much of it where, how it ended."""
    words = []
    if isinstance(run.runtime, str) or isinstance(run.engine, str):
        name = run.runtime if isinstance(run.runtime, str) else run.engine
        words.append(f"{name} {run.version}" if isinstance(run.version, str) else str(name))
    model = run.model if isinstance(run.model, str) else run.architecture
    if isinstance(model, str):
        words.append(re.split(r"[\\/]", model)[-1])
    if isinstance(run.quantization, str):
        words.append(run.quantization)
    if isinstance(run.n_ctx, int):
        words.append(f"n_ctx {run.n_ctx}")
    if isinstance(run.gpu_layers_offloaded, int) and isinstance(run.layers_total, int):
        words.append(f"{run.gpu_layers_offloaded} of {run.layers_total} layers on the GPU")
    for device in run.devices[:MAX_DEVICES]:
        parts = [(word, getattr(device, f"{name}_bytes")) for name, word in _PARTS]
        told = [f"{word} {show_bytes(size)}" for word, size in parts if isinstance(size, int)]
        free = f"{show_bytes(device.free_bytes)} free" if isinstance(device.free_bytes, int) else ""
        if told or free:
            words.append(f"{device.name}: {', '.join([*told, *([free] if free else [])])}")
    words += [f"ended: {one.spelling}{f' ({one.names[0]})' if len(one.names) == 1 else ''}" for one in run.exits[-1:]]
    return "; ".join(words)


def _known(value: object, otherwise: str = "unknown") -> str:
    return otherwise if value is None or isinstance(value, Unknown) else str(value)


def machine_lines(machine: Machine) -> list[str]:
    """The machine in three lines: system, GPUs, runtimes."""
    os, cpu, memory = machine.os, machine.cpu, machine.memory
    system = [_known(os.name, _known(os.family, "unknown system"))]
    if isinstance(os.kernel, str) and os.family == "linux":
        system.append(f"kernel {os.kernel}")
    if isinstance(os.wsl_version, int):
        system.append(f"WSL{os.wsl_version}")
    if isinstance(machine.container.kind, str):
        system.append(f"in {machine.container.kind}")
    extensions = next(
        (
            name
            for name, has in (("AVX-512", cpu.avx512f), ("AVX2", cpu.avx2), ("AVX", cpu.avx), ("NEON", cpu.neon))
            if has is True
        ),
        "no AVX" if cpu.avx is False and os.architecture == "x86_64" else "",
    )
    cores = f"{cpu.logical_cores} cores" if isinstance(cpu.logical_cores, int) else ""
    system.append(" ".join(part for part in (_known(cpu.model, "unknown CPU") + ",", cores, extensions) if part).rstrip(","))
    if isinstance(memory.total_bytes, int):
        free = f" ({show_bytes(memory.available_bytes)} available)" if isinstance(memory.available_bytes, int) else ""
        system.append(f"RAM {show_bytes(memory.total_bytes)}{free}")
    elif isinstance(memory.total_bytes, Unknown):
        system.append(f"RAM unknown ({memory.total_bytes.unknown})")
    found = ["System: " + "; ".join(system), "GPU: " + _gpus(machine), "Runtimes: " + _runtimes(machine)]
    if isinstance(machine.smoke.levels, list):
        found.append("Smoke test: " + _smoke(machine.smoke.levels))
    return found


def _smoke(levels: list[SmokeLevel]) -> str:
    """``driver ok; memory ok; inference failed``; of several GPUs each."""
    words = {"pass": "ok", "fail": "failed", "skip": "skipped"}
    return "; ".join(
        f"{level.name}{f' on GPU {level.gpu}' if isinstance(level.gpu, int) else ''} {words[level.status]}" for level in levels
    )


def _gpu(gpu: Gpu) -> str:
    words = [_known(gpu.name, f"{_known(gpu.vendor, 'unknown')} GPU {_known(gpu.pci_device, '')}".strip())]
    if isinstance(gpu.vram_total_bytes, int) and gpu.integrated is not True:
        free = f", {show_bytes(gpu.vram_free_bytes)} free" if isinstance(gpu.vram_free_bytes, int) else ""
        words.append(f"({show_bytes(gpu.vram_total_bytes)}{free})")
    elif isinstance(gpu.error, str):
        words.append(f"({gpu.error})")
    return " ".join(words)


def _gpus(machine: Machine) -> str:
    gpus = machine.gpus
    if isinstance(gpus, Unknown):
        return f"unknown ({gpus.unknown})"
    if not gpus:
        return _without_gpu(machine)
    names = [_gpu(gpu) for gpu in gpus]
    if len(names) > 1 and len(set(names)) == 1:
        names = [f"{len(gpus)} x {names[0]}"]
    words = [", ".join(names)]
    driver = machine.driver
    if isinstance(driver.version, str):
        words.append(f"driver {driver.version}")
    if isinstance(driver.cuda_version, str):
        words.append(f"CUDA {driver.cuda_version}")
    return "; ".join(words)


def _without_gpu(machine: Machine) -> str:
    """No GPU is a state, not an error: what still works, by the machine's own numbers."""
    available = machine.memory.available_bytes
    if not isinstance(available, int):
        return "none found; models run on the CPU"
    # A model needs about 1.2 times its file: weights, KV cache and buffers at a short context (M = P x Q/8 x 1.2).
    fits = show_bytes(available / 1.2)
    text = f"none found; models run on the CPU, files up to about {fits} fit the available RAM"
    memory = machine.memory
    if isinstance(memory.configured_mts, int) and isinstance(memory.channels, int) and memory.channels > 0:
        # 8 bytes a transfer and channel (JEDEC DDR4/DDR5: 64 data bits).
        bandwidth = memory.configured_mts * 1e6 * 8 * memory.channels
        text += f"; about {bandwidth / 5e9:.0f} tokens/s at best with a 5 GB model"
    return text


def _runtimes(machine: Machine) -> str:
    found = []
    for name, runtime in machine.runtimes.items():
        if runtime.installed is True:
            version = f" {runtime.version}" if isinstance(runtime.version, str) else ""
            running = {True: " (running)", False: " (not running)"}.get(runtime.running is True, "")
            found.append(f"{name}{version}{running if not isinstance(runtime.running, Unknown) else ''}")
    return ", ".join(found) or "none of those that we know is installed"


def evidence_lines(finding: Finding) -> list[str]:
    """A rule's own sentences and the lines of the log; the bare facts only where there are neither."""
    shown = [one for one in finding.evidence if one.source is None or one.line is not None] or finding.evidence
    return [f"line {one.line}: {one.text}" if one.line is not None else one.text for one in shown[:MAX_EVIDENCE]]


def finding_lines(finding: Finding, explained: dict[str, Finding], number: int) -> Iterator[Line]:
    where = f" ({finding.runtime})" if finding.runtime else ""
    yield Line(finding.severity, f"{finding.title}{where}", 0, f"{number}. {finding.severity.upper()}: ")
    yield Line("note", f"{finding.id}, {finding.confidence}", 3)
    for text in evidence_lines(finding):
        yield Line("evidence", text, 3, "- ")
    if finding.severity == "info" and not finding.explains:
        # Worth knowing, no trouble: the whole text stands in JSON and Markdown.
        for step in finding.fix[:1]:
            yield Line("step", step.do, 3, "- ")
        return
    if finding.why:
        yield Line("label", "Why:", 3)
        yield Line("why", finding.why, 5)
    if finding.fix:
        yield Line("label", "What to do:", 3)
    for count, step in enumerate(finding.fix, 1):
        cost = f" (costs: {step.cost})" if step.cost and step.cost != "nothing" else ""
        yield Line("step", step.do + cost, 5, f"{count}) ")
        for row in (step.run or "").splitlines():
            yield Line("command", row, 8, "$ ")
    if finding.verify:
        yield Line("label", "Then check:", 3)
        yield Line("why", finding.verify, 5)
    if finding.explains:
        yield Line("label", "This also explains:", 3)
        for other in finding.explains:
            yield Line("folded", f"{explained[other].title} ({other})" if other in explained else other, 5, "- ")
    for ref in finding.refs[:3]:
        yield Line("note", ref, 3, "see ")


def grouped(not_checked: list[NotChecked]) -> list[tuple[str, list[str]]]:
    """Reasons with the ids that hang on them, the commonest first."""
    groups: dict[str, list[str]] = {}
    for one in not_checked:
        groups.setdefault(one.reason, []).append(one.id)
    return sorted(groups.items(), key=lambda pair: (-len(pair[1]), pair[0]))


def subject_lines(diagnosis: Diagnosis) -> list[str]:
    """What was judged: the logs, and the machine where its facts took part."""
    logs = log_lines(diagnosis)
    with_machine = not diagnosis.logs or any(log.machine == "here" for log in diagnosis.logs)
    return logs + (machine_lines(diagnosis.machine) if with_machine else [])


def lines(diagnosis: Diagnosis, duration_ms: Optional[float] = None) -> Iterator[Line]:
    """The whole report, top down."""
    role, sentence = verdict(diagnosis)
    yield Line(role, sentence)
    yield Line("blank", "")
    for text in subject_lines(diagnosis):
        yield Line("machine", text)
    explained = {finding.id: finding for finding in diagnosis.explained}
    for number, finding in enumerate(diagnosis.findings, 1):
        yield Line("blank", "")
        yield from finding_lines(finding, explained, number)
    if diagnosis.not_checked:
        yield Line("blank", "")
        yield Line("label", f"Not checked ({len(diagnosis.not_checked)}):")
        groups = grouped(diagnosis.not_checked)
        for reason, ids in groups[:MAX_REASONS]:
            yield Line("note", f"{reason}: {', '.join(ids[:4])}{f' and {len(ids) - 4} more' if len(ids) > 4 else ''}", 2, "- ")
        if len(groups) > MAX_REASONS:
            yield Line("note", f"{len(groups) - MAX_REASONS} more reasons; --format json lists them all", 2)
    yield Line("blank", "")
    took = f" in {duration_ms / 1000:.2f} s" if duration_ms is not None else ""
    what = f"{diagnosis.passed} other causes left no trace" if diagnosis.logs else f"{diagnosis.passed} checks passed"
    yield Line("note", f"{what}{took}. llmdoctor {diagnosis.tool_version}; nothing was changed or sent.")
