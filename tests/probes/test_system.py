from __future__ import annotations

from typing import Any

import pytest

from llmdoctor.facts.fact import Unknown
from llmdoctor.facts.machine import Os
from llmdoctor.probes import system, system_linux, system_macos, system_windows, virtualization, wsl
from tests.fakes import Key, error, fake_host

UBUNTU = """\
PRETTY_NAME="Ubuntu 24.04.1 LTS"
NAME="Ubuntu"
VERSION_ID="24.04"
ID=ubuntu
ID_LIKE=debian
"""
UNAME = {"system": "Linux", "release": "6.8.0-45-generic", "version": "#45-Ubuntu SMP", "machine": "x86_64"}
STAT = {
    "kind": "dir", "size_bytes": 0, "mode": 0o755, "uid": 0, "gid": 0, "modified_s": 0.0, "readable": True, "writable": True,
    "executable": True,
}  # fmt: skip
EFI = "/sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c"
DESKTOP: dict[Key, Any] = {
    ("file", "/etc/os-release"): UBUNTU,
    ("system", "uname"): UNAME,
    ("file", "/proc/sys/kernel/osrelease"): "6.8.0-45-generic\n",
    ("system", "glibc"): "glibc 2.39",
    ("system", "uid"): 1000,
    ("system", "groups"): ["ada", "render", "video"],
    ("system", "encoding"): "utf-8",
    ("system", "now"): 1_800_000_000,
    ("system", "rlimit", "NOFILE"): 1024,
    ("system", "tmp"): "/tmp",
    ("realpath", "/tmp"): "/tmp",
    ("env", "LC_ALL"): "",
    ("env", "LANG"): "de_DE.UTF-8",
    ("file", "/proc/uptime"): "86400.55 170000.1\n",
    (
        "file",
        "/proc/self/mountinfo",
    ): "25 1 259:2 / / rw - ext4 /dev/nvme0n1p2 rw\n26 25 0:40 / /tmp rw,noexec - tmpfs tmpfs rw\n",
    ("file", "/proc/cpuinfo"): "processor\t: 0\nflags\t\t: fpu vme avx2\n",
    ("file", "/sys/class/dmi/id/sys_vendor"): "LENOVO\n",
    ("list", "/sys/firmware"): ["acpi", "dmi", "efi", "memmap"],
    ("bytes", EFI, 4, 1): "01",
    ("file", "/sys/kernel/security/lockdown"): "none [integrity] confidentiality\n",
    ("stat", "/run/reboot-required"): STAT,
    ("file", "/run/reboot-required.pkgs"): "linux-base\nnvidia-dkms-550\nlinux-base\n",
    ("list", "/lib/modules"): ["6.8.0-45-generic", "6.8.0-48-generic"],
    ("file", "/sys/firmware/acpi/platform_profile"): "low-power\n",
    ("list", "/sys/class/power_supply"): ["AC", "BAT0", "hidpp_battery_0"],
    ("file", "/sys/class/power_supply/AC/type"): "Mains\n",
    ("file", "/sys/class/power_supply/AC/online"): "0\n",
    ("file", "/sys/class/power_supply/BAT0/type"): "Battery\n",
    ("file", "/sys/class/power_supply/BAT0/status"): "Discharging\n",
    ("file", "/sys/class/power_supply/hidpp_battery_0/type"): "Battery\n",
    ("file", "/sys/class/power_supply/hidpp_battery_0/scope"): "Device\n",
}


def test_a_laptop_with_ubuntu() -> None:
    assert system.probe(fake_host(DESKTOP)) == Os(
        family="linux",
        name="Ubuntu 24.04.1 LTS",
        distribution="ubuntu",
        distribution_like=["debian"],
        package_manager="apt",
        version="24.04",
        kernel="6.8.0-45-generic",
        architecture="x86_64",
        glibc_version="2.39",
        wsl_version=None,
        virtualization=None,
        is_root=False,
        groups=["ada", "render", "video"],
        locale="de_DE.UTF-8",
        filesystem_encoding="utf-8",
        uptime_s=86400,
        secure_boot=True,
        kernel_lockdown="integrity",
        reboot_required=True,
        reboot_required_packages=["linux-base", "nvidia-dkms-550"],
        running_kernel_is_installed=True,
        power_plan="low-power",
        on_battery=True,
        long_paths_enabled=None,
        user_path_is_ascii=True,
        open_files_limit=1024,
        clock_is_plausible=True,
        tmp_noexec=True,
        selinux=None,
    )


@pytest.mark.parametrize(
    ("changes", "field", "expected"),
    [
        ({("list", "/sys/firmware"): ["acpi", "memmap"]}, "secure_boot", None),
        ({("list", "/sys/firmware"): []}, "secure_boot", Unknown("/sys/firmware is hidden here")),
        ({("bytes", EFI, 4, 1): "00"}, "secure_boot", False),
        ({("bytes", EFI, 4, 1): error("no permission")}, "secure_boot", Unknown("no permission")),
        ({("list", "/lib/modules"): ["6.8.0-48-generic"]}, "running_kernel_is_installed", False),
        ({("env", "container"): "podman", ("list", "/lib/modules"): ["6.1.0"]}, "running_kernel_is_installed", None),
        (
            {("stat", "/run/reboot-required"): error("absent")},
            "reboot_required",
            Unknown("nothing on this system marks a pending reboot"),
        ),
        (
            {
                ("stat", "/run/reboot-required"): error("absent"),
                ("stat", "/usr/share/update-notifier/notify-reboot-required"): STAT,
            },
            "reboot_required",
            False,
        ),
        ({("file", "/sys/class/power_supply/AC/online"): "1\n"}, "on_battery", False),
        ({("list", "/sys/class/power_supply"): ["hidpp_battery_0"]}, "on_battery", None),
        ({("file", "/sys/fs/selinux/enforce"): "1"}, "selinux", "enforcing"),
        ({("system", "now"): 86400}, "clock_is_plausible", False),
        ({("env", "OLLAMA_MODELS"): "/home/ada/модели"}, "user_path_is_ascii", False),
        ({("env", "LC_ALL"): "C"}, "locale", "C"),
        ({("system", "uid"): 0}, "is_root", True),
        (
            {("file", "/sys/kernel/security/lockdown"): error("absent"), ("list", "/sys/kernel/security"): ["lsm"]},
            "kernel_lockdown",
            None,
        ),
        (
            {("file", "/sys/kernel/security/lockdown"): error("absent")},
            "kernel_lockdown",
            Unknown("securityfs is not mounted here"),
        ),
        ({("file", "/etc/os-release"): error("no permission")}, "distribution", Unknown("no permission")),
        ({("file", "/etc/os-release"): "ID=frobnix\n", ("which", "pacman"): ["/usr/bin/pacman"]}, "package_manager", "pacman"),
        (
            {
                ("file", "/sys/firmware/acpi/platform_profile"): error("absent"),
                ("file", "/var/lib/power-profiles-daemon/state.ini"): "[State]\nCpuDriver=intel_pstate\nProfile=power-saver\n",
            },
            "power_plan",
            "power-saver",
        ),
    ],
)
def test_single_facts(changes: dict[Key, Any], field: str, expected: object) -> None:
    assert getattr(system.probe(fake_host({**DESKTOP, **changes})), field) == expected


@pytest.mark.parametrize(
    ("identities", "expected"),
    [
        (["linuxmint", "ubuntu", "debian"], "apt"),
        (["rocky", "rhel", "centos", "fedora"], "dnf"),
        (["cachyos", "arch"], "pacman"),
        (["opensuse-tumbleweed", "opensuse", "suse"], "zypper"),
        (["nixos"], "nix"),
        (["alpine"], "apk"),
        (["somebodys-own", "arch"], "pacman"),
        ([""], None),
    ],
)
def test_package_managers(identities: list[str], expected: object) -> None:
    assert system_linux.package_manager(identities) == expected


def test_quoting_of_os_release() -> None:
    values = system_linux.parse_os_release('A=\'single $x\'\nB="d\\$ \\"q\\" \\\\"\nC=plain\n\n# no\nD=""\nbroken\n')
    assert values == {"A": "single $x", "B": 'd$ "q" \\', "C": "plain", "D": ""}


@pytest.mark.parametrize(
    ("names", "flag", "expected"),
    [
        (["LENOVO", "20XW"], False, None),
        (["QEMU", "Standard PC (Q35 + ICH9, 2009)", "SeaBIOS"], True, "kvm"),
        (["QEMU", "Standard PC"], False, "kvm"),  # the bit is hidden so that a driver does not see it
        (["VMware, Inc.", "VMware7,1"], True, "vmware"),
        (["innotek GmbH", "VirtualBox"], True, "virtualbox"),
        (["Microsoft Corporation", "Virtual Machine"], True, "hyperv"),
        (["Microsoft Corporation", "Surface Pro 9"], False, None),
        (["Xen", "HVM domU"], True, "xen"),
        (["Amazon EC2", "g5.xlarge"], True, "kvm"),
        (["Amazon EC2", "g5.metal"], False, None),
        (["Xenon Systems", "Nitro"], False, None),
        ([], True, "vm"),
        ([], False, None),
        (["Raspberry Pi 5"], None, None),
    ],
)
def test_virtualization(names: list[str], flag: object, expected: object) -> None:
    assert virtualization.by_names(names, flag) == expected  # type: ignore[arg-type]


def test_virtualization_without_any_sign_is_unknown() -> None:
    assert isinstance(virtualization.by_names([], None), Unknown)


# --- WSL ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("release", "expected"),
    [
        ("5.15.167.4-microsoft-standard-WSL2", 2),
        ("6.6.87.2-microsoft-standard-WSL2+", 2),
        ("4.19.128-microsoft-standard", 2),
        ("4.4.0-22621-Microsoft", 1),
        ("6.8.0-45-generic", None),
        ("6.5.0-1025-azure", None),
    ],
)
def test_wsl_version(release: str, expected: object) -> None:
    assert wsl.version_of_release(release) == expected


def test_wsl_with_a_kernel_of_ones_own() -> None:
    host = fake_host(
        {("file", "/proc/sys/kernel/osrelease"): "6.10.0-mine", ("stat", "/proc/sys/fs/binfmt_misc/WSLInterop"): STAT}
    )
    assert wsl.version(host) == 2


def test_wsl_is_linux_and_no_guest() -> None:
    found = system.probe(
        fake_host(
            {
                **DESKTOP,
                ("file", "/proc/sys/kernel/osrelease"): "5.15.167.4-microsoft-standard-WSL2\n",
                ("file", "/proc/cpuinfo"): "processor\t: 0\nflags\t\t: fpu hypervisor avx2\n",
            }
        )
    )
    assert (found.family, found.wsl_version, found.virtualization) == ("linux", 2, None)
    assert (found.secure_boot, found.running_kernel_is_installed) == (None, None)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[wsl2]\nmemory=8GB\n", 8 << 30),
        ("\ufeff[wsl2]\r\nMemory = 512MB # half\r\n", 512 << 20),
        ("[WSL2]\nprocessors=4\n", None),
        ("[experimental]\nmemory=8GB\n", None),
        ("[wsl2]\n#memory=8GB\n", None),
        ("[wsl2]\nmemory=17179869184\n", 16 << 30),
        ("[wsl2]\nmemory=all\n", Unknown(".wslconfig has an unreadable memory size: all")),
    ],
)
def test_wslconfig(text: str, expected: object) -> None:
    assert wsl.parse_memory_limit(text) == expected


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        (
            {
                ("env", "PATH"): "/usr/bin:/mnt/c/Users/Ada Lovelace/AppData/Local/Microsoft/WindowsApps",
                ("file", "/mnt/c/Users/Ada Lovelace/.wslconfig"): "[wsl2]\nmemory=6GB\n",
            },
            6 << 30,
        ),
        (
            {
                ("list", "/mnt/c/Users"): ["Ada", "Default", "Public", "desktop.ini"],
                ("file", "/mnt/c/Users/Ada/.wslconfig"): "[wsl2]\nmemory=4GB",
            },
            4 << 30,
        ),
        (
            {
                ("list", "/mnt/c/Users"): ["Ada", "Bob"],
                ("file", "/mnt/c/Users/Ada/.wslconfig"): "[wsl2]\nmemory=4GB",
                ("file", "/mnt/c/Users/Bob/.wslconfig"): "[wsl2]\nmemory=5GB",
            },
            Unknown("several Windows users have a .wslconfig with different limits"),
        ),
        ({("list", "/mnt/c/Users"): ["Ada"]}, None),
        ({}, Unknown("the Windows drive is not mounted here")),
        (
            {
                ("file", "/etc/wsl.conf"): "[automount]\nroot = /win/\n",
                ("list", "/win/c/Users"): ["Ada"],
                ("file", "/win/c/Users/Ada/.wslconfig"): "[wsl2]\nmemory=4GB",
            },
            4 << 30,
        ),
    ],
)
def test_wsl_memory_limit(answers: dict[Key, Any], expected: object) -> None:
    assert wsl.memory_limit(fake_host(answers)) == expected


# --- Windows and macOS ----------------------------------------------------------------------------

CURRENT = "HKLM\\SOFTWARE\\Microsoft\\Windows NT\\CurrentVersion"
WINDOWS: dict[Key, Any] = {
    ("system", "platform"): "windows",
    ("system", "home"): "C:\\Users\\Jürgen",
    ("system", "now"): 1_800_000_000,
    ("winapi", "rtl_get_version"): {"major": 10, "minor": 0, "build": 22631},
    ("winapi", "registry", CURRENT, "ProductName"): "Windows 10 Pro",
    ("winapi", "machine"): {"process": 0, "native": 0x8664},
    ("winapi", "is_admin"): False,
    ("winapi", "ansi_code_page"): 1252,
    ("winapi", "tick_count_ms"): 7_200_500,
    ("winapi", "registry", "HKLM\\SYSTEM\\CurrentControlSet\\Control\\SecureBoot\\State", "UEFISecureBootEnabled"): 1,
    ("winapi", "registry", "HKLM\\SYSTEM\\CurrentControlSet\\Control\\FileSystem", "LongPathsEnabled"): 0,
    ("winapi", "active_power_scheme"): {"guid": "A1841308-3541-4FAB-BC81-F71556F20B4A", "name": "Energiesparmodus"},
    ("winapi", "power_status"): {"ac_line": 1, "battery_flag": 8, "saver": 0},
    ("winapi", "registry", "HKLM\\HARDWARE\\DESCRIPTION\\System\\BIOS", "SystemManufacturer"): "ASUS",
}


def test_windows() -> None:
    found = system.probe(fake_host(WINDOWS))
    assert (found.family, found.name, found.version) == ("windows", "Windows 11 Pro", "10.0.22631")
    assert (found.architecture, found.filesystem_encoding, found.uptime_s) == ("x86_64", "cp1252", 7200)
    assert (found.secure_boot, found.long_paths_enabled, found.reboot_required) == (True, False, False)
    assert (found.power_plan, found.on_battery) == ("Power saver", False)
    assert found.user_path_is_ascii is False
    assert (found.virtualization, found.wsl_version, found.glibc_version) == (None, None, None)


@pytest.mark.parametrize(
    ("changes", "field", "expected"),
    [
        ({("winapi", "power_status"): {"ac_line": 1, "battery_flag": 128}}, "on_battery", None),
        ({("winapi", "power_status"): {"ac_line": 0, "battery_flag": 1}}, "on_battery", True),
        ({("winapi", "ansi_code_page"): 65001}, "filesystem_encoding", "utf-8"),
        ({("winapi", "active_power_scheme"): {"guid": "12", "name": "ASUS Silent"}}, "power_plan", "ASUS Silent"),
        ({("winapi", "registry_key", system_windows._PENDING_KEYS[1]): True}, "reboot_required", True),
        (
            {("winapi", "registry_key", system_windows._PENDING_KEYS[1]): error("no permission")},
            "reboot_required",
            Unknown("no permission"),
        ),
        ({("winapi", "machine"): {"native": 0xAA64, "process": 0}}, "architecture", "aarch64"),
        ({("winapi", "rtl_get_version"): {"major": 10, "minor": 0, "build": 19045}}, "name", "Windows 10 Pro"),
    ],
)
def test_windows_single_facts(changes: dict[Key, Any], field: str, expected: object) -> None:
    assert getattr(system.probe(fake_host({**WINDOWS, **changes})), field) == expected


SYSCTL = """\
hw.ncpu: 8
hw.logicalcpu: 8
kern.osproductversion: 15.1
kern.boottime: { sec = 1799990000, usec = 5 } Fri Jan 15 01:00:00 2027
kern.hv_vmm_present: 0
sysctl.proc_translated: 0
"""


def mac(sysctl_text: str, **more: Any) -> dict[Key, Any]:
    from llmdoctor.probes.sysctl import COMMAND

    return {
        ("system", "platform"): "macos",
        ("system", "now"): 1_800_000_000,
        ("system", "uname"): {
            "system": "Darwin",
            "release": "24.1.0",
            "version": "Darwin Kernel RELEASE_ARM64_T6000",
            "machine": "arm64",
        },
        ("command", 3000, *COMMAND): {"status": 1, "stdout": sysctl_text, "stderr": "sysctl: unknown oid 'iogpu'\n"},
        ("command", 3000, "/usr/bin/pmset", "-g", "batt"): {
            "status": 0,
            "stdout": "Now drawing from 'AC Power'\n -InternalBattery-0 (id=1)\t100%; charged;\n",
            "stderr": "",
        },
    }


def test_macos() -> None:
    found = system.probe(fake_host(mac(SYSCTL)))
    assert (found.family, found.name, found.version, found.kernel) == ("macos", "macOS", "15.1", "24.1.0")
    assert (found.architecture, found.uptime_s, found.on_battery, found.virtualization) == ("aarch64", 10_000, False, None)
    assert system_macos.parse_power_source("Now drawing from 'AC Power'\n") is None


def test_macos_without_its_commands_is_unknown() -> None:
    found = system.probe(fake_host({("system", "platform"): "macos"}))
    assert isinstance(found.version, Unknown) and isinstance(found.on_battery, Unknown) and isinstance(found.uptime_s, Unknown)


def test_another_system_is_unknown_throughout() -> None:
    found = system.probe(fake_host({("system", "platform"): "other"}))
    assert all(isinstance(getattr(found, field), Unknown) for field in Os.__struct_fields__)


@pytest.mark.parametrize("platform", ["linux", "windows", "macos"])
@pytest.mark.parametrize("otherwise", ["absent", "no permission"])
def test_a_machine_that_answers_nothing(platform: str, otherwise: str) -> None:
    found = system.probe(fake_host({("system", "platform"): platform}, otherwise))
    assert found.family == platform
