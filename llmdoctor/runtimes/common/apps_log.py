"""What tells that a log is LM Studio's, Jan's or GPT4All's: apps whose engines print the lines that matter.

LM Studio's and Jan's servers name themselves in every line; the readers look for the lines of their start, of loads and of
errors alone, so that a long healthy log costs nothing.
"""

from __future__ import annotations

from typing import Mapping

from ...logs.reader import Builder, Reader
from .log_tools import GIB, failed, guarded, is_runtime, path, runtime

Groups = Mapping[str, str]


def _lmstudio_app(b: Builder, groups: Groups, line: int) -> None:
    runtime(b, "lmstudio", line)
    place = groups.get("place", "")
    if place:
        path(b, place, line)


def _lmstudio_failed(b: Builder, groups: Groups, line: int) -> None:
    runtime(b, "lmstudio", line)
    failed(b, line)


_SYSTEMS = {"win32": "windows", "darwin": "macos", "linux": "linux", "windows": "windows", "mac": "macos"}


def _lmstudio_report(b: Builder, groups: Groups, line: int) -> None:
    """The report that versions before 0.3 showed with an error. Their GB are GiB."""
    runtime(b, "lmstudio", line)
    size = round(float(groups["gib"]) * GIB)
    if groups["what"].startswith("ram"):
        b.set("ram_total_bytes" if groups["what"] == "ram_capacity" else "ram_free_bytes", size, line)


def _lmstudio_system(b: Builder, groups: Groups, line: int) -> None:
    """Stands in the same report, a few lines on; in other logs it says nothing of us."""
    if b.run.runtime == "lmstudio":
        b.set("os", _SYSTEMS[groups["system"]], line)


def _lmstudio_update(b: Builder, groups: Groups, line: int) -> None:
    runtime(b, "lmstudio", line)
    b.set("version", groups["version"], line)
    if "system" in groups:
        b.set("os", _SYSTEMS[groups["system"]], line)


def _lmstudio_version(b: Builder, groups: Groups, line: int) -> None:
    runtime(b, "lmstudio", line)
    b.set("version", groups["version"], line)


LMSTUDIO: tuple[Reader, ...] = guarded((
    Reader(
        ("LMSInternal]", "LMSAuthenticator]", "LM Studio\\resources\\app", "LM Studio.app/Contents", "mount_LM-Stu", "mount_LM_Stu",
         "llmworker.js", "HTTP server listening on port"),
        r"\[LMS(?:Internal|Authenticator)\]|(?P<place>[A-Za-z]:\\[^:\"]*LM Studio|/Applications/LM Studio\.app)|\.mount_LM|llmworker\.js|\[LM STUDIO SERVER\]",
        _lmstudio_app,
    ),
    Reader(("Starting LM Studio", "App version: "), r"(?:Starting LM Studio|LM Studio.*App version:?) v?(?P<version>\d[\d.+\w-]*)", _lmstudio_version),
    Reader(
        ("versions-prod.lmstudio.ai/update/",),
        r"lmstudio\.ai/update/(?P<system>linux|win32|windows|darwin|mac)/\w+/(?P<version>\d[\d.]*)", _lmstudio_update,
    ),
    Reader(("[AppUpdater] Current version: ",), r"\[AppUpdater\] Current version: (?P<version>\d[\d.]*)", _lmstudio_update),
    Reader(("[LM Studio] GPU Configuration", "[LM Studio] Live GPU memory info"), r"\[LM Studio\]", _lmstudio_app),
    Reader(
        ('"ram_capacity"', '"ram_unused"', '"vram_recommended_capacity"', '"vram_unused"'),
        r"\"(?P<what>v?ram_\w+)\": \"(?P<gib>[\d.]+) GB\"", _lmstudio_report,
    ),
    Reader(('"platform": "',), r"\"platform\": \"(?P<system>win32|darwin|linux)\"", _lmstudio_system),
    Reader(
        ("Failed to load the model", "Engine protocol runtime ", "The model has crashed without additional information"),
        "\U0001f972 Failed to load the model|Engine protocol runtime .* exited before becoming healthy|model has crashed without additional",
        _lmstudio_failed,
    ),
    Reader(("Endpoint=loadModel]",), r"Endpoint=loadModel\] Error in", _lmstudio_failed),
))  # fmt: skip

JAN: tuple[Reader, ...] = guarded((
    Reader(
        ("Jan/data/llamacpp", "Jan\\data\\llamacpp", "Jan\\\\data\\\\llamacpp", "Attempting to launch server", "[CORTEX]::Spawn",
         "[CORTEX]:: Spawn", "[CORTEX]::CPU", "[CORTEX]::Error", "tauri_plugin_llamacpp::commands][ERROR"),
        r"tauri_plugin_llamacpp|\[CORTEX\]|[/\\]Jan[/\\]+data[/\\]+llamacpp", is_runtime("jan"),
    ),
    Reader(("Jan version", "jan_version"), r"[jJ]an[ _]version:? *\"?v?(?P<version>\d+\.\d+\.\d+)", is_runtime("jan")),
))  # fmt: skip

GPT4ALL: tuple[Reader, ...] = guarded((
    Reader(
        ("nomic.ai", "gpt4all-chat", "deserializing chat"),
        r"nomic\.ai[/\\]+GPT4All|gpt4all-chat|\[(?:Debug|Warning)\] \(.*\): deserializing chat", is_runtime("gpt4all"),
    ),
))  # fmt: skip
