"""Kernel messages in the formats of journalctl, dmesg and rsyslog, and what becomes of a log that is not whole."""

from __future__ import annotations

from typing import Any, Optional

import pytest

from llmdoctor.facts.fact import Unknown
from llmdoctor.facts.machine import KernelLog
from llmdoctor.probes import kernel_log
from llmdoctor.probes.kernel_messages import parse, parse_oom_kills, parse_records, parse_xids, runtime_of
from tests.fakes import fake_host

BOOT = "[    0.000000] Linux version 6.8.0-50-generic (buildd@host) #51-Ubuntu SMP PREEMPT_DYNAMIC\n"


@pytest.mark.parametrize(
    ("line", "number", "pci", "text", "seconds"),
    [
        (
            "[ 5531.120000] box kernel: NVRM: Xid (PCI:0000:01:00): 79, pid='<unknown>', name=<unknown>, GPU has fallen off the bus.",
            79,
            "0000:01:00.0",
            "pid='<unknown>', name=<unknown>, GPU has fallen off the bus.",
            5531.12,
        ),
        ("[ 91.5] NVRM: Xid (0000:01:00): 13, 0001 00000000 0000a097", 13, "0000:01:00.0", "0001 00000000 0000a097", 91.5),
        (
            "[ 77.000001] NVRM: Xid (PCI:0000:C1:00 GPU-I:05): 94, pid=7194, Contained: CE User Channel (0x9). RST: No",
            94,
            "0000:c1:00.0",
            "pid=7194, Contained: CE User Channel (0x9). RST: No",
            77.000001,
        ),
        (
            "Oct 12 18:35:32 node7 kernel: [ 1234.500000] NVRM: Xid (PCI:0000:61:00): 119, pid=97, name=nvidia-smi, Timeout",
            119,
            "0000:61:00.0",
            "pid=97, name=nvidia-smi, Timeout",
            1234.5,
        ),
        (
            "2026-10-12T18:35:32.123456+02:00 node7 kernel: NVRM: Xid (PCI:0000:61:00): 43, pid=9, Ch 0000000a",
            43,
            "0000:61:00.0",
            "pid=9, Ch 0000000a",
            None,
        ),
    ],
)
def test_xids_of_every_format(line: str, number: int, pci: str, text: str, seconds: Optional[float]) -> None:
    (xid,) = parse_xids(parse_records(line))
    assert (xid.number, xid.pci_id, xid.text) == (number, pci, text)
    assert xid.seconds_since_boot == seconds if seconds is not None else isinstance(xid.seconds_since_boot, Unknown)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (  # Linux 5.0 and later, the machine's memory
            "[100.5] Out of memory: Killed process 25315 (ollama) total-vm:53312244kB, anon-rss:1000kB, file-rss:20kB,"
            " shmem-rss:4kB, UID:0 pgtables:69068kB oom_score_adj:0",
            ("ollama", 25315, 1024 * 1024, False, "ollama"),
        ),
        (  # a control group's
            "[100.5] Memory cgroup out of memory: Killed process 9 (llama-server) total-vm:8kB, anon-rss:4kB, file-rss:0kB",
            ("llama-server", 9, 4096, True, "llama.cpp"),
        ),
        (  # before 5.0: the reason in the line before
            "[100.5] Memory cgroup out of memory: Kill process 9 (VLLM::Worker) score 900 or sacrifice child\n"
            "[100.6] Killed process 9 (VLLM::Worker), UID 1000, total-vm:8kB, anon-rss:8kB, file-rss:0kB, shmem-rss:0kB",
            ("VLLM::Worker", 9, 8192, True, "vllm"),
        ),
        (  # a name with brackets
            "[100.5] Out of memory: Killed process 15925 ((resolved)) total-vm:1kB, anon-rss:2kB, file-rss:0kB",
            ("(resolved)", 15925, 2048, False, None),
        ),
    ],
)
def test_oom_kills(text: str, expected: tuple[Any, ...]) -> None:
    (kill,) = parse_oom_kills(parse_records(text))
    assert (kill.process, kill.pid, kill.rss_bytes, kill.cgroup, kill.runtime) == expected


@pytest.mark.parametrize(
    ("name", "runtime"),
    [
        ("ollama_llama_se", "ollama"),
        ("bash", None),
        ("janitor", None),
        ("koboldcpp-linux", "koboldcpp"),
        ("LM Studio", "lmstudio"),
    ],
)
def test_the_runtime_by_its_process_name(name: str, runtime: Optional[str]) -> None:
    assert runtime_of(name) == runtime


def test_python_may_be_any_runtime() -> None:
    assert isinstance(runtime_of("python3.11"), Unknown)


MISMATCH = "API mismatch: the client has the version 535.54.03, but this kernel module has the version 530.30.02"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (  # dmesg of today: one record on several lines
            "[ 7386.259769] NVRM: API mismatch: the client has the version 535.54.03, but\n"
            "               NVRM: this kernel module has the version 530.30.02.  Please\n"
            "               NVRM: make sure that this kernel module and all NVIDIA driver\n",
            MISMATCH,
        ),
        (  # rsyslog
            "Jun 30 11:07:05 gpu-0 kernel: NVRM: API mismatch: the client has the version 535.54.03, but#012NVRM: this kernel "
            "module has the version 530.30.02.  Please#012NVRM: make sure",
            MISMATCH,
        ),
        (  # old kernels: a record a line
            "[   10.1] NVRM: API mismatch: the client has the version 535.54.03, but\n"
            "[   10.1] NVRM: this kernel module has the version 530.30.02.  Please\n",
            MISMATCH,
        ),
        (  # since 590: the client is named
            "[    9.424670] box kernel: NVRM: API mismatch: the client 'kwin_wayland' (pid 1005)\n"
            "                             NVRM: has the version 595.84, but this kernel module has\n"
            "                             NVRM: the version 595.80.  Please make sure that this\n",
            "API mismatch: the client 'kwin_wayland' (pid 1005) has the version 595.84, but this kernel module has the version 595.80",
        ),
        ("[ 1.0] NVRM: loading NVIDIA UNIX x86_64 Kernel Module  550.90.07", None),
    ],
)
def test_a_client_of_another_version(text: str, expected: Optional[str]) -> None:
    assert parse(text).nvrm_api_mismatch == expected


@pytest.mark.parametrize(
    ("field", "text", "found"),
    [
        ("module_signature_rejected", "[ 1.0] Loading of unsigned module is rejected", True),
        ("module_signature_rejected", "[ 1.0] Loading of module with unavailable key is rejected", True),
        ("module_signature_rejected", "[ 1.0] nvidia: loading of unsigned module is rejected", True),
        ("module_signature_rejected", "[ 1.0] vboxdrv: loading of unsigned module is rejected", False),
        (
            "module_signature_rejected",
            "[ 1.0] Lockdown: modprobe: unsigned module loading is restricted; see man kernel_lockdown.7",
            True,
        ),
        (
            "module_signature_rejected",
            "[ 1.1] nvidia: module verification failed: signature and/or required key missing - tainting kernel",
            False,
        ),
        ("fell_off_bus", "[ 9.0] NVRM: GPU at 0000:01:00.0 has fallen off the bus.", True),
        (
            "fell_off_bus",
            "[ 1843.3] NVRM: The NVIDIA GPU 0000:b3:00.0\n"
            "               NVRM: (PCI ID: 10de:26b5) installed in this system has\n"
            "               NVRM: fallen off the bus and is not responding to commands.",
            True,
        ),
        ("fell_off_bus", "[ 9.0] NVRM: GPU 0000:01:00.0: ready", False),
        (
            "bar_unassigned",
            "[ 2.4] NVRM: This PCI I/O region assigned to your NVIDIA device is invalid:\n"
            "                NVRM: BAR1 is 0M @ 0x0 (PCI:0000:14:00.0)",
            True,
        ),
        ("bar_unassigned", "[ 2.4] pci 0000:01:00.0: BAR 1 [mem size 0x10000000 64bit pref]: can't assign; no space", True),
        (
            "bar_unassigned",
            "[ 2.4] pci 0000:01:00.0: BAR 1: no space for [mem size 0x400000000 64bit pref]\n"
            "[ 2.5] pci 0000:01:00.0: BAR 1: assigned [mem 0x380000000000-0x3803ffffffff 64bit pref]",
            False,
        ),
        ("bar_unassigned", "[ 2.4] pcieport 0000:05:01.0: BAR 5: no space for [mem size 0x00200000 64bit pref]", False),
    ],
)
def test_what_is_true_or_false(field: str, text: str, found: bool) -> None:
    assert getattr(parse(text, cards=["0000:01:00.0"]), field) is found


@pytest.mark.parametrize(
    ("field", "text", "part"),
    [
        ("gsp_failure", "[ 9.6] NVRM: RmInitAdapter: Cannot initialize GSP firmware RM", "Cannot initialize GSP"),
        ("gsp_failure", "[ 9.6] NVRM: GPU6 _kgspBootGspRm: unexpected WPR2 already up, cannot proceed", "WPR2"),
        (
            "gsp_failure",
            "[ 23.9] nvidia 0000:07:00.0: Direct firmware load for nvidia/570.144/gsp_ga10x.bin failed with error -2",
            "gsp_ga10x.bin",
        ),
        ("gsp_failure", "[ 9.6] NVRM: Failed to load gsp_log_ga10x.bin, no GSP-RM logs will be printed (non-fatal)", None),
        ("adapter_init_failure", "[ 9.6] NVRM: GPU 0000:98:00.0: RmInitAdapter failed! (0x62:0x65:1792)", "0x62:0x65"),
        (
            "gpu_unsupported_by_module",
            "[ 5.0] NVRM: The NVIDIA GPU 0000:01:00.0 (PCI ID: 10de:2b85)\n"
            "       NVRM: installed in this system requires use of the NVIDIA open kernel modules.",
            "open kernel modules",
        ),
        (
            "gpu_unsupported_by_module",
            "[ 5.0] NVRM: The NVIDIA NVIDIA GeForce GTX 1050 GPU installed in this system is\n"
            "       NVRM:  supported through the NVIDIA 580.xx Legacy drivers. Please\n",
            "580.xx Legacy",
        ),
        (
            "gpu_unsupported_by_module",
            "[ 5.0] NVRM: The NVIDIA GPU 0000:01:00.0 (PCI ID: 10de:1b80)\n"
            "[ 5.0] NVRM: installed in this system is not supported by open\n"
            "[ 5.0] NVRM: nvidia.ko because it does not include the required GPU\n",
            "not supported by open nvidia.ko",
        ),
        ("gpu_unsupported_by_module", "[ 5.0] NVRM: loading NVIDIA UNIX Open Kernel Module for x86_64  570.158.01", None),
    ],
)
def test_lines_that_are_kept(field: str, text: str, part: Optional[str]) -> None:
    line = getattr(parse(text), field)
    assert line is None if part is None else part in line


def test_amdgpu_and_hung_tasks_are_told_once_a_kind() -> None:
    log = parse(
        "[ 10.1] amdgpu 0000:03:00.0: amdgpu: ring gfx_0.0.0 timeout, signaled seq=7292300, emitted seq=7292304\n"
        "[ 20.1] amdgpu 0000:03:00.0: amdgpu: ring gfx_0.0.0 timeout, signaled seq=7292900, emitted seq=7292904\n"
        "[ 20.2] amdgpu 0000:03:00.0: amdgpu: GPU reset begin!\n"
        "[ 20.3] [drm:dc_dmub_srv_log_diagnostic_data [amdgpu]] *ERROR* dc_dmub_srv\n"
        "[ 30.0] INFO: task nvidia-modprobe:611 blocked for more than 122 seconds.\n"
        "[ 30.0] INFO: task jbd2/sda1-8:400 blocked for more than 122 seconds.\n"
    )
    assert [line[:30] for line in log.amdgpu_errors] == ["amdgpu 0000:03:00.0: amdgpu: r", "amdgpu 0000:03:00.0: amdgpu: G"]  # type: ignore[union-attr]
    assert log.hung_tasks == ["INFO: task nvidia-modprobe:611 blocked for more than 122 seconds."]


def test_what_an_earlier_boot_said_is_dropped() -> None:
    log = parse("[ 9.0] NVRM: Xid (PCI:0000:01:00): 79, GPU has fallen off the bus.\n" + BOOT + "[ 1.0] quiet\n")
    assert log.xids == [] and log.fell_off_bus is False


# --- which log ----------------------------------------------------------------------------------


def _done(stdout: str = "", stderr: str = "", status: int = 0) -> dict[str, Any]:
    return {"status": status, "stdout": stdout, "stderr": stderr}


JOURNAL = (
    "command", 3000, "journalctl", "-k", "-b", "0", "-o", "short-monotonic", "--no-pager", f"--grep={kernel_log._WANTED}",
)  # fmt: skip
DMESG = ("command", 3000, "dmesg")
HAS = {("which", "journalctl"): ["/usr/bin/journalctl"], ("which", "dmesg"): ["/usr/bin/dmesg"]}
XID = "[ 9.0] NVRM: Xid (PCI:0000:01:00): 79, GPU has fallen off the bus.\n"
HINT = "Hint: You are currently not seeing messages from other users and the system.\n"


def test_a_journal_without_a_telling_line_is_empty_not_unknown() -> None:
    log = kernel_log.probe(fake_host({**HAS, JOURNAL: _done(BOOT)}), gpu_hint=True)
    assert log.source == "journal"
    assert (log.xids, log.oom_kills, log.fell_off_bus, log.gsp_failure) == ([], [], False, None)


def test_no_rights_to_either_log_is_unknown() -> None:
    host = fake_host(
        {**HAS, JOURNAL: _done("", HINT, 1), DMESG: _done("", "dmesg: read kernel buffer failed: Operation not permitted", 1)}
    )
    log = kernel_log.probe(host, gpu_hint=True)
    assert isinstance(log.xids, Unknown) and log.xids.unknown.startswith("needs root: ")
    assert isinstance(log.source, Unknown)


def test_dmesg_serves_where_the_journal_may_not_be_read() -> None:
    log = kernel_log.probe(fake_host({**HAS, JOURNAL: _done("", HINT, 1), DMESG: _done(BOOT + XID)}), gpu_hint=True)
    assert log.source == "/dev/kmsg" and log.fell_off_bus is True and log.oom_kills == []


def test_a_ring_buffer_that_lost_the_boot_proves_only_what_it_shows() -> None:
    log = kernel_log.probe(fake_host({**HAS, DMESG: _done(XID)}), gpu_hint=True)
    assert [xid.number for xid in log.xids] == [79]  # type: ignore[union-attr]
    assert isinstance(log.oom_kills, Unknown) and isinstance(log.gsp_failure, Unknown)


def test_a_log_file_is_the_last_resort() -> None:
    text = "Oct 12 18:00:00 box kernel: " + BOOT + "Oct 12 18:35:32 box kernel: " + XID
    host = fake_host(
        {
            ("stat", "/var/log/kern.log"): {
                "kind": "file", "size_bytes": len(text), "mode": 0o640, "uid": 0, "gid": 4, "modified_s": 0.0,
                "readable": True, "writable": False, "executable": False,
            },
            ("bytes", "/var/log/kern.log", 0, 1 << 20): text.encode().hex(),
        }
    )  # fmt: skip
    log = kernel_log.probe(host, gpu_hint=True)
    assert log.source == "/var/log/kern.log" and log.fell_off_bus is True and log.oom_kills == []


@pytest.mark.parametrize(("platform", "absent", "unknown"), [("macos", "xids", None), ("windows", "oom_kills", "xids")])
def test_other_systems(platform: str, absent: str, unknown: Optional[str]) -> None:
    log = kernel_log.probe(fake_host({("system", "platform"): platform}), gpu_hint=True)
    assert getattr(log, absent) is None
    assert unknown is None or isinstance(getattr(log, unknown), Unknown)


def test_nothing_is_asked_where_nothing_is_at_stake() -> None:
    log = kernel_log.probe(fake_host({}), gpu_hint=False)
    assert isinstance(log, KernelLog) and isinstance(log.xids, Unknown)
