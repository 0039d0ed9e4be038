"""What KoboldCpp itself prints around llama.cpp's lines, from 1.40 to 1.114.

Formats: LostRuins/koboldcpp, koboldcpp.py (``Namespace(…)`` is Python's print of all options) and gpttype_adapter.cpp.
"""

from __future__ import annotations

import re
from typing import Mapping

from ...logs.reader import Builder, Reader
from .log_tools import MIB, device, failed, gpus, guarded, is_runtime, path, ready, runtime

Groups = Mapping[str, str]

_CACHE = {"0": "f16", "1": "q8_0", "2": "q4_0", "3": "bf16"}


def _boot(b: Builder, groups: Groups, line: int) -> None:
    runtime(b, "koboldcpp", line, "llama.cpp")
    b.set("version", groups["version"], line)


def _options(b: Builder, groups: Groups, line: int) -> None:
    runtime(b, "koboldcpp", line, "llama.cpp")
    text = groups["options"]
    options = dict(re.findall(r"(\w+)=('[^']*'|\"[^\"]*\"|-?[\w.]+)", text))
    model = (options.get("model_param") or options.get("model") or "").strip("'\"").replace("\\\\", "\\")
    if model and model != "None":
        b.set("model", model, line)
        path(b, model, line)
    for name, field in (
        ("contextsize", "n_ctx"), ("gpulayers", "gpu_layers_requested"), ("threads", "n_threads"),
        ("blasbatchsize", "n_batch"), ("batchsize", "n_batch"),
    ):  # fmt: skip
        if re.fullmatch(r"-?\d+", options.get(name, "")):
            b.set(field, int(options[name]), line)
    cache = _CACHE.get(options.get("quantkv", ""))
    if cache and "quantkv" in options:
        b.set("cache_type_k", cache, line)
    for name, field, value in (
        ("flashattention", "flash_attention", True), ("noflashattention", "flash_attention", False), ("usemlock", "use_mlock", True),
        ("nommap", "use_mmap", False), ("usemmap", "use_mmap", True),
    ):  # fmt: skip
        if options.get(name) == "True":
            b.set(field, value, line)


def _card_memory(b: Builder, groups: Groups, line: int) -> None:
    """Of the first card; later lines of llama.cpp name the card and tell it again."""
    cards = gpus(b)
    card = cards[0] if cards else device(b, "CUDA0")
    size = int(groups["mb"]) * MIB
    if groups["kind"] == "Free":
        card.free_bytes = size
    elif not cards:
        card.total_bytes = size


def _ram(b: Builder, groups: Groups, line: int) -> None:
    b.set("ram_free_bytes", int(groups["mb"]) * MIB, line)


def _system(b: Builder, groups: Groups, line: int) -> None:
    system = {"Windows": "windows", "Linux": "linux", "Darwin": "macos"}.get(groups["system"])
    if system:
        b.set("os", system, line)


def _fit(b: Builder, groups: Groups, line: int) -> None:
    b.set("n_ctx_source", "fit", line)
    b.set("gpu_layers_requested", int(groups["layers"]), line, again=True)


def _outcome(b: Builder, groups: Groups, line: int) -> None:
    runtime(b, "koboldcpp", line)
    if groups.get("ok") == "True":
        ready(b, line)
    else:
        failed(b, line)


READERS: tuple[Reader, ...] = guarded((
    Reader(("Welcome to KoboldCpp",), r"Welcome to KoboldCpp - Version (?P<version>\d[\w.-]*)", _boot, begins="boot"),
    Reader(
        ('File "koboldcpp.py"', "Initializing dynamic library: koboldcpp"), r"koboldcpp", is_runtime("koboldcpp", "llama.cpp"),
    ),
    Reader(("Namespace(",), r"Namespace\((?P<options>.*(?:contextsize|gpulayers)=.*)", _options),
    Reader(
        ("Detected Available GPU Memory: ", "Detected Free GPU Memory: "),
        r"Detected (?P<kind>Available|Free) GPU Memory: (?P<mb>\d+) MB", _card_memory,
    ),
    Reader(("Detected Available RAM: ",), r"Detected Available RAM: (?P<mb>\d+) MB", _ram),
    Reader(("System: Windows", "System: Linux", "System: Darwin"), r"^System: (?P<system>\w+)", _system),
    Reader(("Autofit Result: ",), r"Autofit Result: -c (?P<n_ctx>\d+) -ngl (?P<layers>-?\d+)", _fit),
    Reader(("Load Text Model OK: ", "Load Model OK: "), r"Load (?:Text )?Model OK: (?P<ok>True|False)", _outcome),
    Reader(("Could not load text model: ", "ERROR: Could not load"), r"(?i)could not load", _outcome),
))  # fmt: skip
