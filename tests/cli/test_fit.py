"""``llmdoctor fit`` as a user sees it."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from ..fit.measured import write_model
from ..fit.test_transformers import write_folder
from ..models.gguf_files import write
from .test_cli import run


@pytest.fixture(scope="module")
def llama(tmp_path_factory: pytest.TempPathFactory) -> str:
    return write_model("llama3.1-8b-q4_k_m", str(tmp_path_factory.mktemp("m")))


def test_it_fits(llama: str) -> None:
    done = run("fit", llama, "--vram", "24GiB")
    assert done.returncode == 0 and done.stderr == ""
    assert done.stdout.startswith("It fits, with 18.0 GiB to spare.") and "Up to 131072 tokens" in done.stdout


def test_it_does_not_and_what_would_make_it(llama: str) -> None:
    done = run("fit", llama, "-c", "131072", "--vram", "12GiB")
    assert done.returncode == 1 and done.stdout.startswith("It does not fit: 9.1 GiB are missing.")
    assert f"llama-server -m {llama} -c 52736 -ngl 99" in done.stdout


def test_the_numbers_for_programs(llama: str) -> None:
    done = run("fit", llama, "-c", "8192", "--vram", "8", "--vram", "6GB", "--format", "json")
    data = json.loads(done.stdout)
    assert [one["free_bytes"] for one in data["devices"]] == [8 << 30, 6 * 10**9]
    for one in [*data["devices"], data["ram"]]:
        parts = ("weights_bytes", "kv_cache_bytes", "compute_bytes", "overhead_bytes")
        assert one["total_bytes"] == sum(one[name] for name in parts)
    assert sum(one["kv_cache_bytes"] for one in data["devices"]) == 1 << 30
    assert data["settings"]["n_ctx"] == 8192 and data["model"]["quantization"] == "Q4_K_M" and data["longest_context"] > 8192


def test_planning_by_name_and_other_quantisations(llama: str) -> None:
    done = run("fit", llama, "--gpu", "RTX 3060", "--compare")
    assert done.returncode == 0 and "RTX 3060" in done.stdout and "tokens per second (an estimate)" in done.stdout
    rows = [line.split() for line in done.stdout.splitlines() if "tokens/s" in line]
    assert [row[0] for row in rows if row[0] != "*"][:2] == ["F16", "Q8_0"] and any(row[:2] == ["*", "Q4_K_M"] for row in rows)
    assert "does not fit" in done.stdout and "hardly any loss" in done.stdout


def test_a_folder_of_safetensors(tmp_path: Path) -> None:
    folder = write_folder("qwen2.5-7b", str(tmp_path))
    asked = ("--runtime", "transformers", "--dtype", "bfloat16", "--batch", "4", "--ctx", "2064", "--format", "json")
    data = json.loads(run("fit", *asked, "--vram", "80", folder).stdout)
    part = data["devices"][0]
    assert data["engine"] == "transformers" and data["settings"]["batch"] == 4 and part["fits"]
    assert part["weights_bytes"] + part["kv_cache_bytes"] + part["compute_bytes"] == pytest.approx(16952735744, rel=0.0002)
    small = run("fit", folder, "-c", "16384", "--gpu", "RTX 4080", "--dtype", "float32")
    assert small.returncode == 1 and small.stdout.startswith("It does not fit")
    assert run("fit", folder, "--runtime", "llama.cpp", "--vram", "8").returncode == 2


def test_a_pasted_command_and_what_to_change_in_it(llama: str) -> None:
    done = run("fit", "--gpu", "RTX 3060", "--", "llama-server", "-m", llama, "-c", "131072", "--port", "8081", "-np", "1")
    assert done.returncode == 1 and f"llama-server -m {llama} -c 52736 --port 8081 -np 1" in done.stdout
    assert run("fit", "--gpu", "RTX 3060", "--", "llama-server", "-c", "5").stderr.endswith("it names no model (-m FILE)\n")


def test_a_server_with_a_pool(tmp_path: Path) -> None:
    folder = write_folder("qwen2.5-7b", str(tmp_path))
    asked = ("--runtime", "vllm", "--engine-version", "0.11.0", "--ctx", "8192", "--format", "json", "--vram", "24")
    done = run("fit", folder, *asked)
    data = json.loads(done.stdout)
    part, pool = data["devices"][0], data["pool"]
    assert done.returncode == 0 and data["engine"] == "vllm" and data["fits"] and data["why"] is None
    assert part["weights_bytes"] / (1 << 30) == pytest.approx(14.2487, rel=0.0001)
    assert part["total_bytes"] == sum(
        part[name] for name in ("weights_bytes", "kv_cache_bytes", "compute_bytes", "overhead_bytes")
    )
    assert pool["tokens"] == part["kv_cache_bytes"] // (57344 * 16) * 16 and pool["concurrency"] > 1
    assert data["settings"]["max_num_seqs"] == 256 and data["settings"]["gpu_memory_utilization"] == 0.9


def test_a_pasted_line_of_a_server_that_would_not_start(tmp_path: Path) -> None:
    folder = write_folder("qwen2.5-7b", str(tmp_path))
    done = run(
        "fit", "--vram", "24", "--", "vllm", "serve", folder, "--gpu-memory-utilization", "0.65", "--cpu-offload-gb", "2"
    )
    assert (
        done.returncode == 1
        and done.stdout.startswith("It does not start: ")
        and "Not reckoned with: --cpu-offload-gb." in done.stdout
    )
    assert f"vllm serve {folder} --gpu-memory-utilization 0.95 --cpu-offload-gb 2" in done.stdout
    line = ("python", "main.py", "--model-name", folder, "--max-seq-len", "8192", "--cache-mode", "8,4")
    assert run("fit", "--vram", "24", "--", *line).stdout.startswith("It fits")
    line = ("python", "-m", "sglang.launch_server", "--model-path", folder, "--context-length", "8192")
    done = run("fit", "--vram", "24", "--", *line)
    assert done.returncode == 0 and "The cache holds" in done.stdout


def test_models_are_found_by_name(llama: str, tmp_path: Path) -> None:
    """In a home made for the test, as LM Studio lays them out."""
    folder = tmp_path / ".lmstudio" / "models" / "someone" / "Llama-GGUF"
    folder.mkdir(parents=True)
    os.symlink(llama, folder / "Llama-Q4_K_M.gguf")
    home = {"HOME": str(tmp_path), "USERPROFILE": str(tmp_path)}
    listed = run("fit", **home)
    assert listed.returncode == 0 and "4.6 GiB" in listed.stdout and "Llama" in listed.stdout
    assert run("fit", "Llama-Q4_K_M", "--vram", "24", **home).stdout.startswith("It fits")
    assert run("fit", "llama-q4_k_n", "--vram", "24", **home).returncode == 2


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["none.gguf"], "none.gguf: no such file, and no model of this name is on this machine"),
        (["MODEL", "--vram", "much"], "'much' is no size"),
        (["MODEL", "--vram", "8", "-ts", "a,b"], "--tensor-split: 'a,b' is no list of numbers"),
        (["MODEL", "--vram", "8", "-ctk", "q3"], "'q3' is not one of"),
        (["PART", "--vram", "8"], "2 of 3 parts are missing: p-00002-of-00003.gguf, p-00003-of-00003.gguf"),
        (["POINTER"], "is a git-lfs pointer"),
        (["MODEL", "--gpu", "RTX 9999"], "'RTX 9999' is not in the catalogue"),
        (["MODEL", "--runtime", "transformers", "--vram", "8"], "needs a folder of safetensors"),
        (["MODEL", "--runtime", "vllm", "--vram", "8"], "a folder of safetensors is reckoned with, this is a GGUF file"),
        (
            ["--vram", "8", "--", "vllm", "serve", "org/name"],
            "org/name: no such file, and no model of this name is on this machine",
        ),
        (["--vram", "8", "--", "vllm", "serve", "M", "--max-model-len", "long"], "'long' is no whole number"),
    ],
)
def test_bad_input_is_one_line_and_status_2(arguments: list[str], says: str, llama: str, tmp_path: Path) -> None:
    part = write(tmp_path / "p-00001-of-00003.gguf")
    pointer = tmp_path / "pointer.gguf"
    pointer.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n")
    names = {"MODEL": llama, "PART": str(part), "POINTER": str(pointer)}
    done = run("fit", *(names.get(one, one) for one in arguments))
    assert done.returncode == 2 and says in done.stderr and done.stderr.count("\n") == 1 and done.stdout == ""
