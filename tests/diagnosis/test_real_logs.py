"""Logs that real programs printed: the first finding is what was done to them."""

from __future__ import annotations

import pytest

from llmdoctor.diagnosis.log_engine import judge_logs

from .test_logs import LOGS, READER, RULES

CAUSES = {
    "llama-b11434-compute": "oom.compute-buffer",
    "llama-b11434-compute-quiet": "oom.compute-buffer",
    "llama-b11434-ctx-too-large": "oom.kv-cache",
    "llama-b11434-ctx-too-large-quiet": "oom.kv-cache",
    "llama-b11434-cvd": "env.cuda-visible-devices-hides-gpu",
    "llama-b11434-flag": "runtime.flag-unknown",
    "llama-b11434-full-card": "oom.other-process",
    "llama-b11434-full-card-kv": "oom.other-process",
    "llama-b11434-full-card-quiet": "oom.weights",
    "llama-b11434-mlock": "runtime.flag-unknown",
    "llama-b11434-parallel": "oom.parallel-slots",
    "llama-b11434-tsplit": "runtime.flag-unknown",
    "llama-b11434-vquant": "config.kv-quant-needs-flash-attn",
    "llama-b11549-ctx-exceeded": "config.context-too-small",
    "llama-b11549-ctx-ulimit": "oom.kv-cache",
    "llama-b11549-embed": "config.context-too-small",
    "llama-b11549-empty": "file.truncated",
    "llama-b11549-ggml": "file.unsupported-version",
    "llama-b11549-lfs": "file.not-a-model",
    "llama-b11549-nofile": "file.not-found",
    "llama-b11549-port": "net.port-in-use",
    "llama-b11549-shard": "file.missing-shard",
    "llama-b11549-trunc": "file.truncated",
    "llama-b11549-unkarch": "runtime.outdated-for-model",
    "llama-b11549-v1": "file.unsupported-version",
    "llama-b11549-vquant-nofa": "config.kv-quant-needs-flash-attn",
    "llama-b11549-weights-ulimit": "oom.address-space",
    "torch-arch": "cuda.build-lacks-gpu-arch",
    "torch-bad-device": "env.cuda-visible-devices-invalid",
    "torch-cvd": "env.cuda-visible-devices-hides-gpu",
    "torch-cvd5": "env.cuda-visible-devices-hides-gpu",
    "torch-device-assert": "cuda.device-side-assert",
    "torch-fa2-missing": "deps.flash-attn-missing",
    "torch-fragmentation": "oom.fragmentation",
    "torch-full-card": "oom.other-process",
    "torch-illegal": "cuda.illegal-memory-access",
    "torch-nvcc-arch": "build.arch-list-wrong",
    "torch-oom-forward": "oom.compute-buffer",
    "torch-oom-weights": "oom.weights",
    "transformers-accelerate": "deps.accelerate-missing",
    "transformers-badjson": "file.missing-config",
    "transformers-bnb": "deps.accelerate-missing",
    "transformers-bnbcuda": "cuda.torch-cpu-build",
    "transformers-cpu-build": "cuda.torch-cpu-build",
    "transformers-fa2": "deps.flash-attn-missing",
    "transformers-hub": "net.dns",
    "transformers-lfs": "file.not-a-model",
    "transformers-nocfg": "file.missing-config",
    "transformers-notok": "file.missing-tokenizer",
    "transformers-tocuda": "cuda.torch-cpu-build",
    "transformers-trunc": "file.truncated",
    "transformers-unk": "deps.transformers-too-old",
}
"""File name to the id of the first finding."""


def test_every_log_stands_here() -> None:
    assert {path.stem for path in (LOGS / "real").glob("*.log")} == set(CAUSES)


@pytest.mark.parametrize("name", CAUSES)
def test_first_finding(name: str) -> None:
    chapters = READER.read(name, [(LOGS / "real" / f"{name}.log").read_bytes()])
    outcome = judge_logs(None, RULES, [(chapters, "elsewhere")])
    assert [one.id for one in outcome.findings][:1] == [CAUSES[name]]
