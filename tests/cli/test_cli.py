"""The command line as users meet it, in processes of its own: statuses, bad input, closed pipes, odd terminals."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent


def run(*arguments: str, cwd: Path = ROOT, **environment: str) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "PYTHONPATH": str(ROOT), **environment}
    return subprocess.run(
        [sys.executable, "-m", "llmdoctor", *arguments],
        cwd=cwd,
        env=env,
        capture_output=True,
        text=True,
        timeout=60,
        encoding="utf-8",
    )


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("saved") / "machine.json"
    done = run("check", "--save", str(path))
    assert done.returncode in (0, 1), done.stderr
    return path


def test_version() -> None:
    done = run("--version")
    assert (done.returncode, done.stdout) == (0, "llmdoctor 0.1.0\n")


def test_check_on_this_machine_in_every_format() -> None:
    outcomes = {form: run("check", "--format", form) for form in ("terminal", "json", "markdown")}
    data = json.loads(outcomes["json"].stdout)
    assert {done.returncode for done in outcomes.values()} == {int(any(f["severity"] == "error" for f in data["findings"]))}
    assert all(done.stderr == "" for done in outcomes.values())
    for finding in data["findings"]:
        assert finding["title"] in outcomes["terminal"].stdout.replace("\n", " ") or len(finding["title"]) > 60
        assert finding["id"] in outcomes["terminal"].stdout and finding["id"] in outcomes["markdown"].stdout
    assert data["passed"] > 50


def test_saved_machine_gives_the_same_findings(saved: Path) -> None:
    assert saved.stat().st_mode & 0o777 == 0o600 or os.name == "nt"
    live = json.loads(run("check", "--format", "json").stdout)
    again = json.loads(run("check", "--from", str(saved), "--format", "json").stdout)
    assert [one["id"] for one in again["findings"]] == [one["id"] for one in live["findings"]]
    assert again["machine"]["cpu"]["model"] == live["machine"]["cpu"]["model"]
    assert {one["id"] for one in again["not_checked"]} == {one["id"] for one in live["not_checked"]}


def test_json_of_check_is_a_saved_machine_too(tmp_path: Path) -> None:
    live = run("check", "--format", "json")
    (tmp_path / "check.json").write_text(live.stdout, encoding="utf-8")
    again = run("check", "--from", str(tmp_path / "check.json"), "--format", "json")
    assert [one["id"] for one in json.loads(again.stdout)["findings"]] == [
        one["id"] for one in json.loads(live.stdout)["findings"]
    ]


def test_nothing_private_is_saved(saved: Path) -> None:
    text = saved.read_text()
    import getpass
    import socket

    for name in (getpass.getuser(), socket.gethostname()):
        if len(name) > 3 and name not in ("root", "ubuntu"):
            assert f"/{name}/" not in text and f'"{name}"' not in text


def _damaged() -> dict[str, bytes]:
    return {
        "empty": b"",
        "text": b"hello there",
        "list": b"[1, 2]",
        "foreign": b'{"name": "package", "version": "1.0"}',
        "cut": b'{"format": "llmdoctor-recording", "schema_version": 1, "tool_version": "0", "answers": [{"kind": "fi',
        "newer": b'{"format": "llmdoctor-recording", "schema_version": 99, "tool_version": "9", "answers": [{"kind": "file", "key": ["/x"]}]}',
        "no-answers": b'{"format": "llmdoctor-recording", "schema_version": 1, "tool_version": "0", "answers": []}',
        "wrong-type": b'{"format": "llmdoctor-recording", "schema_version": 1, "tool_version": "0", "answers": [{"kind": 7}]}',
        "deep": b"[" * 200_000,
        "binary": bytes(range(256)) * 50,
        "bad-machine": b'{"schema_version": 1, "machine": {"os": {}, "cpu": {"avx2": "maybe"}}}',
        "escape": b'{"\x1b[2J": 1}',
    }


@pytest.mark.parametrize("name", _damaged())
def test_bad_recording_is_one_line_and_status_2(name: str, tmp_path: Path) -> None:
    path = tmp_path / f"{name}.json"
    path.write_bytes(_damaged()[name])
    done = run("check", "--from", str(path))
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"llmdoctor: {path}") and done.stderr.count("\n") == 1
    assert "Traceback" not in done.stderr and "\x1b" not in done.stderr


def test_a_strangers_recording_reaches_the_terminal_as_text_alone(tmp_path: Path) -> None:
    fixture = ROOT / "fixtures" / "machines" / "faults" / "h100-nvml-mismatch.json"
    text = fixture.read_text(encoding="utf-8").replace('"580.159.04\\n"', '"580.\\u0000\\u001b[31m159\\u202e.04\\n"')
    assert "u001b" in text
    (tmp_path / "evil.json").write_text(text, encoding="utf-8")
    for form in ("terminal", "markdown", "json"):
        done = run("check", "--from", str(tmp_path / "evil.json"), "--format", form)
        assert done.returncode == 1, done.stderr
        assert not {"\x1b", "\x00", "\u202e"} & set(done.stdout)


@pytest.mark.skipif(os.name != "posix", reason="closed descriptors of POSIX shells")
def test_a_closed_standard_output() -> None:
    done = subprocess.run(["sh", "-c", f"{sys.executable} -m llmdoctor check >&-"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode in (0, 1) and done.stderr == ""


def test_huge_recording_is_refused_without_reading_it(tmp_path: Path) -> None:
    path = tmp_path / "huge.json"
    with open(path, "wb") as file:
        file.truncate(3 << 30)
    done = run("check", "--from", str(path))
    assert done.returncode == 2 and "too large" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        (["check", "--from", "/nope.json"], "/nope.json: no such file"),
        (["check", "--from", "/"], "/: is a folder"),
        (["check", "--save", "/nope/deeper/x.json"], "/nope/deeper/x.json cannot be written"),
        (["check", "--rules", "/nope"], "/nope: no such folder"),
        (["check", "--rules", str(ROOT / "README.md")], "README.md: is not a folder of rules"),
        (["check", "--formt", "json"], "--formt"),
        (["check", "--format", "xml"], "xml"),
        (["check", "--only", "drivr"], "did you mean driver?"),
        (["chekc"], "chekc"),
        (["rules", "show", "driver.uvm-not-laoded"], "did you mean driver.uvm-not-loaded?"),
        (["compare", "/a", "/b"], "/a: no such file"),
    ],
)
def test_bad_usage_is_one_line_and_status_2(arguments: list[str], part: str) -> None:
    done = run(*arguments)
    assert done.returncode == 2, done.stderr
    assert part in done.stderr and done.stderr.count("\n") == 1 and "Traceback" not in done.stderr


def test_a_teams_faulty_rule_names_file_line_and_column(tmp_path: Path) -> None:
    (tmp_path / "team").mkdir()
    (tmp_path / "team" / "x.yaml").write_text(
        "title: T\nkind: cause\nseverity: error\nwhen: os.famly == 'linux'\nwhy: w\nfix: []\nsince: '1'\n"
    )
    done = run("check", "--rules", str(tmp_path))
    assert done.returncode == 2
    assert f"{tmp_path}/team/x.yaml:4:7: Os has no field famly; did you mean family?" in done.stderr


def test_a_teams_own_rule_is_judged_beside_the_others(tmp_path: Path) -> None:
    (tmp_path / "team").mkdir()
    (tmp_path / "team" / "mine.yaml").write_text(
        "title: Ours\nkind: cause\nseverity: warning\nwhen: has(os.family)\nwhy: w\nfix: [{do: d}]\nsince: '1'\n"
    )
    done = run("check", "--rules", str(tmp_path), "--format", "json", "--fail-on", "warning")
    assert "team.mine" in [one["id"] for one in json.loads(done.stdout)["findings"]]
    assert done.returncode == 1
    assert run("check", "--rules", str(tmp_path), "--only", "team").returncode == 0


@pytest.mark.parametrize(
    "environment",
    [
        {"LANG": "C", "LC_ALL": "C", "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"},
        {"TERM": "dumb", "COLUMNS": "40"},
        {"COLUMNS": "0"},
        {"HOME": "/nonexistent"},
        {"HOME": ""},
        {"PATH": ""},
        {"PYTHONWARNINGS": "error"},
    ],
    ids=str,
)
def test_odd_surroundings(environment: dict[str, str]) -> None:
    done = run("check", **environment)
    assert done.returncode in (0, 1), done.stderr
    assert done.stderr == "" and "checks passed" in done.stdout.replace("\n", " ")


@pytest.mark.skipif(os.name != "posix", reason="closed pipes and shells of POSIX systems")
@pytest.mark.parametrize("form", ["terminal", "json", "markdown"])
def test_a_closed_pipe_is_no_error(form: str) -> None:
    command = f"{sys.executable} -m llmdoctor check --format {form} | head -c 1 >/dev/null; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", command], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() in ("0", "1", "141")
    assert done.stderr == ""


def test_check_writes_nothing(tmp_path: Path) -> None:
    work, home = tmp_path / "work", tmp_path / "home"
    work.mkdir()
    home.mkdir()
    done = run("check", cwd=work, HOME=str(home), TMPDIR=str(work), XDG_CACHE_HOME=str(home / "cache"))
    assert done.returncode in (0, 1), done.stderr
    assert list(work.iterdir()) == [] and list(home.iterdir()) == []


def test_compare(saved: Path, tmp_path: Path) -> None:
    same = run("compare", str(saved), str(saved))
    assert (same.returncode, same.stdout) == (0, "Nothing that matters differs.\n")
    data = json.loads(saved.read_text())
    for entry in data["answers"]:
        if entry["kind"] == "env" and entry["key"] == ["CUDA_VISIBLE_DEVICES"]:
            entry.pop("error", None)
            entry["value"] = "7"
        if entry["kind"] == "system" and entry["key"] == ["env_names"]:
            entry["value"].append("CUDA_VISIBLE_DEVICES")
    if not any(entry["kind"] == "env" and entry["key"] == ["CUDA_VISIBLE_DEVICES"] for entry in data["answers"]):
        data["answers"].append({"kind": "env", "key": ["CUDA_VISIBLE_DEVICES"], "value": "7"})
    (tmp_path / "other.json").write_text(json.dumps(data))
    other = run("compare", str(saved), str(tmp_path / "other.json"))
    assert other.returncode == 1
    assert "env[CUDA_VISIBLE_DEVICES]" in other.stdout and "-> 7" in other.stdout


def test_rules_commands(tmp_path: Path) -> None:
    listed = run("rules", "list", "--area", "driver").stdout
    assert "driver.uvm-not-loaded" in listed and "gpu." not in listed.split()
    assert "uvm" in run("rules", "show", "driver.uvm-not-loaded").stdout
    made = run("rules", "new", "team.first", "--rules", str(tmp_path))
    assert made.returncode == 0, made.stderr
    assert run("rules", "new", "team.first", "--rules", str(tmp_path)).returncode == 2
    tested = run("rules", "test", "--rules", str(tmp_path))
    assert (tested.returncode, tested.stdout.strip()) == (0, "2 examples of 1 rules, 0 failed")
