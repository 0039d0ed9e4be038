"""Package managers' logs, and what changed since the boot."""

from __future__ import annotations

from typing import Any, Callable, Optional

import pytest

from llmdoctor.facts.fact import Unknown
from llmdoctor.probes import changes
from llmdoctor.probes.changes import Event, is_driver, is_kernel, parse_dnf, parse_dpkg, parse_pacman, parse_rpm, parse_zypp
from tests.fakes import error, fake_host


@pytest.mark.parametrize(
    ("parse", "line", "expected"),
    [
        (
            parse_dpkg,
            "2026-05-01 10:00:00 upgrade libnvidia-compute-550:amd64 550.54.15-0ubuntu1 550.90.07-0ubuntu1",
            ("2026-05-01T10:00:00", "upgrade", "libnvidia-compute-550", "550.54.15-0ubuntu1", "550.90.07-0ubuntu1"),
        ),
        (
            parse_dpkg,
            "2026-05-01 10:00:00 upgrade nvidia-driver:amd64 560.35.03-1 550.90.07-1",
            ("2026-05-01T10:00:00", "downgrade", "nvidia-driver", "560.35.03-1", "550.90.07-1"),
        ),
        (
            parse_dpkg,
            "2026-05-01 10:00:00 install linux-image-6.8.0-50-generic:amd64 <none> 6.8.0-50.51",
            ("2026-05-01T10:00:00", "install", "linux-image-6.8.0-50-generic", None, "6.8.0-50.51"),
        ),
        (
            parse_dpkg,
            "2026-05-01 10:00:00 remove ollama:amd64 0.5.1 <none>",
            ("2026-05-01T10:00:00", "remove", "ollama", "0.5.1", None),
        ),
        (parse_dpkg, "2026-05-01 10:00:00 upgrade nvidia-driver:amd64 550.90.07-1 550.90.07-1", None),
        (parse_dpkg, "2026-05-01 10:00:00 purge nvidia-driver:amd64 <none> <none>", None),
        (parse_dpkg, "2026-05-01 10:00:00 status installed libc-bin:amd64 2.36-9", None),
        (
            parse_pacman,
            "[2026-03-20T02:18:50-0300] [ALPM] upgraded nvidia (550.54.14-3 -> 550.67-2)",
            ("2026-03-20T02:18:50-03:00", "upgrade", "nvidia", "550.54.14-3", "550.67-2"),
        ),
        (
            parse_pacman,
            "[2019-07-16 21:07] [ALPM] installed nvidia (430.26)",
            ("2019-07-16T21:07:00", "install", "nvidia", None, "430.26"),
        ),
        (
            parse_pacman,
            "[2026-03-20T02:18:50+0100] [ALPM] removed ollama (0.5.1-1)",
            ("2026-03-20T02:18:50+01:00", "remove", "ollama", "0.5.1-1", None),
        ),
        (parse_pacman, "[2026-03-20T02:18:55-0300] [ALPM-SCRIPTLET] >>> Updating module dependencies.", None),
        (
            parse_zypp,
            "2026-08-27 11:12:25|install|kernel-default|7.2.0-1.1|x86_64|root@box|repo-oss|0ab|",
            ("2026-08-27T11:12:25", "install", "kernel-default", None, "7.2.0-1.1"),
        ),
        (
            parse_zypp,
            "2026-08-27 11:12:25|remove |nvidia-compute-G06|550.67-1|x86_64|root@box|",
            ("2026-08-27T11:12:25", "remove", "nvidia-compute-G06", "550.67-1", None),
        ),
        (parse_zypp, "# 2026-08-27 11:12:25 kernel-default-7.2.0 installed ok", None),
        (
            parse_dnf,
            "2026-01-10T08:00:02+0000 SUBDEBUG Installed: kernel-core-5.14.0-503.el9.x86_64",
            ("2026-01-10T08:00:02+00:00", "install", "kernel-core", None, "5.14.0-503.el9"),
        ),
        (
            parse_dnf,
            "2026-02-14T09:30:12Z SUBDEBUG Upgrade: akmod-nvidia-3:560.35.03-1.fc40.x86_64\n"
            "2026-02-14T09:30:14Z SUBDEBUG Upgraded: akmod-nvidia-3:550.67-1.fc40.x86_64",
            ("2026-02-14T09:30:12+00:00", "upgrade", "akmod-nvidia", "550.67-1.fc40", "560.35.03-1.fc40"),
        ),
        (parse_dnf, "2026-02-14T09:30:16+0000 INFO warning: /etc/x created as /etc/x.rpmnew", None),
        (parse_rpm, "1700000000 nvidia-driver 570.86.15-1.fc41", ("2023-11-14T22:13:20+00:00", "install", "nvidia-driver", None, "570.86.15-1.fc41")),
        (parse_rpm, "error: rpmdb is locked", None),
    ],
)  # fmt: skip
def test_lines(parse: Callable[[str], list[Event]], line: str, expected: Optional[tuple[Any, ...]]) -> None:
    events = [(event.when.isoformat(), *event[1:]) for event in parse(line + "\n")]
    assert events == ([] if expected is None else [expected])


@pytest.mark.parametrize(
    ("package", "driver", "kernel"),
    [
        ("nvidia-driver-550", True, False),
        ("libnvidia-compute-550", True, False),
        ("nvidia-dkms-550-open", True, False),
        ("nvidia-utils", True, False),
        ("nvidia", True, False),
        ("nvidia-open", True, False),
        ("nvidia-open-dkms", True, False),
        ("akmod-nvidia", True, False),
        ("nvidia-kernel-dkms", True, False),
        ("libcuda1", True, False),
        ("xorg-x11-drv-nvidia-cuda", True, False),
        ("nvidia-driver-G06-kmp-default", True, False),
        ("linux-modules-nvidia-550-6.8.0-50-generic", False, False),
        ("nvidia-container-toolkit", False, False),
        ("nvidia-cuda-toolkit", False, False),
        ("nvidia-settings", False, False),
        ("linux-image-6.8.0-50-generic", False, True),
        ("linux", False, True),
        ("linux-zen", False, True),
        ("linux-firmware", False, False),
        ("kernel-core", False, True),
        ("kernel-headers", False, False),
    ],
)
def test_which_packages_are_driver_and_kernel(package: str, driver: bool, kernel: bool) -> None:
    assert (is_driver(package), is_kernel(package)) == (driver, kernel)


def _log(text: str, path: str = "/var/log/dpkg.log") -> dict[Any, Any]:
    return {("grep", path, changes._TELLING): text.splitlines(), ("system", "local_offset_s"): 7200}


BOOT = 1777622400.0  # 2026-05-01 08:00:00 UTC, 10:00 where this machine is
NOW = BOOT + 86400
OLD = "2026-04-01 10:00:00 upgrade vim:amd64 1 2\n"


@pytest.mark.parametrize(
    ("text", "driver", "kernel"),
    [
        (OLD + "2026-05-01 10:00:01 upgrade nvidia-driver-550:amd64 550.54.15-0 550.90.07-0\n", True, False),
        (OLD + "2026-05-01 09:59:59 upgrade nvidia-driver-550:amd64 550.54.15-0 550.90.07-0\n", False, False),
        (OLD + "2026-05-01 11:00:00 install linux-image-6.8.0-51-generic:amd64 <none> 6.8.0-51.52\n", False, True),
    ],
)
def test_since_boot(text: str, driver: bool, kernel: bool) -> None:
    facts = changes.probe(fake_host(_log(text)), BOOT, NOW)
    assert (facts.driver_changed_since_boot, facts.kernel_changed_since_boot) == (driver, kernel)


def test_a_log_that_begins_after_the_boot_cannot_say_no() -> None:
    facts = changes.probe(fake_host(_log("2026-05-01 11:00:00 install vim:amd64 <none> 2\n")), BOOT, NOW)
    assert isinstance(facts.driver_changed_since_boot, Unknown)
    assert facts.recent == []


def test_recent_is_newest_first_within_its_window_and_of_what_matters() -> None:
    text = (
        "2026-03-01 10:00:00 upgrade cuda-toolkit:amd64 1 2\n"
        "2026-04-20 10:00:00 upgrade ollama:amd64 0.5.1 0.6.0\n"
        "2026-05-01 12:00:00 upgrade libc6:amd64 2.39-0 2.39-1\n"
        "2026-05-01 12:00:00 upgrade vim:amd64 1 2\n"
    )
    recent = changes.probe(fake_host(_log(text)), BOOT, NOW).recent
    assert isinstance(recent, list)
    assert [(one.when, one.package, one.since_boot) for one in recent] == [
        ("2026-05-01T12:00:00", "libc6", True),
        ("2026-04-20T10:00:00", "ollama", False),
    ]


def test_rpm_is_asked_where_no_log_tells() -> None:
    command = (
        "command",
        3000,
        "rpm",
        "-qa",
        "--queryformat",
        r"%{INSTALLTIME} %{NAME} %{VERSION}-%{RELEASE}\n",
        *changes._RPM_NAMES,
    )
    stdout = f"{int(BOOT) + 60} akmod-nvidia 570.86.15-1.fc41\n{int(BOOT) - 60} kernel-core 6.12.4-200.fc41\n"
    host = fake_host({("which", "rpm"): ["/usr/bin/rpm"], command: {"status": 0, "stdout": stdout, "stderr": ""}})
    facts = changes.probe(host, BOOT, NOW)
    assert (facts.driver_changed_since_boot, facts.kernel_changed_since_boot) == (True, False)


@pytest.mark.parametrize("answers", [{}, {("grep", "/var/log/dpkg.log", changes._TELLING): error("no permission")}])
def test_no_log_is_unknown(answers: dict[Any, Any]) -> None:
    facts = changes.probe(fake_host(answers), BOOT, NOW)
    assert isinstance(facts.recent, Unknown) and isinstance(facts.driver_changed_since_boot, Unknown)


def test_an_unknown_time_of_boot_stays_unknown() -> None:
    facts = changes.probe(fake_host(_log(OLD)), Unknown("no /proc"), NOW)
    assert isinstance(facts.kernel_changed_since_boot, Unknown)
