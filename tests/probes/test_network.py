from __future__ import annotations

from typing import Any

import pytest

from llmdoctor.facts.fact import Unknown
from llmdoctor.probes import network
from tests.fakes import Key, error, fake_host

HOSTS = "127.0.0.1\tlocalhost\n127.0.1.1\tbox\n::1 localhost ip6-localhost\n"
NETSH = """
Protokoll tcp Portausschlussbereiche

Startport    Endport
----------    --------
     11400       11499
     50000       50059     *

* - Verwaltete Portausschlüsse.
"""


@pytest.mark.parametrize(
    ("variables", "proxy", "bypass"),
    [
        ({}, None, None),
        ({"http_proxy": "http://u:p@proxy.example:3128"}, "http://proxy.example:3128", False),
        ({"HTTPS_PROXY": "http://proxy.example", "NO_PROXY": "localhost,127.0.0.1"}, "http://proxy.example", True),
        ({"ALL_PROXY": "socks5://proxy.example", "no_proxy": "localhost"}, "socks5://proxy.example", False),
        ({"http_proxy": "", "no_proxy": ""}, None, None),
        ({"http_proxy": "http://p", "no_proxy": "localhost:11434, 127.0.0.0/8"}, "http://p", True),
    ],
)
def test_proxy_of_the_environment(variables: dict[str, str], proxy: object, bypass: object) -> None:
    found = network.probe(fake_host({("env", name): value for name, value in variables.items()}))
    assert (found.http_proxy, found.proxy_bypasses_localhost) == (proxy, bypass)
    assert found.excluded_ports is None


@pytest.mark.parametrize(
    ("hosts", "expected"),
    [
        (HOSTS, True),
        ("::1 localhost\n", True),
        ("# 127.0.0.1 localhost\n", None),
        ("192.168.1.5 localhost\n", False),
        ("127.0.0.1 localhost\n192.168.1.5 LOCALHOST\n", False),
        ("fe80::1%lo0 localhost\n127.0.0.1 localhost\n", False),
        ("", None),
    ],
)
def test_localhost_in_hosts(hosts: str, expected: object) -> None:
    assert network.localhost_is_loopback(hosts) is expected


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        ({("file", "/etc/hosts"): HOSTS}, True),
        ({("file", "/etc/hosts"): "", ("file", "/etc/nsswitch.conf"): "hosts: files myhostname dns\n"}, True),
        (
            {("file", "/etc/hosts"): "", ("file", "/etc/nsswitch.conf"): "hosts: files dns\n"},
            Unknown("the hosts file does not name localhost"),
        ),
        ({("file", "/etc/hosts"): error("no permission")}, Unknown("no permission")),
    ],
)
def test_localhost(answers: dict[Key, Any], expected: object) -> None:
    assert network.probe(fake_host(answers)).hosts_localhost_ok == expected


def test_windows() -> None:
    settings = "HKCU\\Software\\Microsoft\\Windows\\CurrentVersion\\Internet Settings"
    found = network.probe(
        fake_host(
            {
                ("system", "platform"): "windows",
                ("command", 3000, "netsh", "int", "ipv4", "show", "excludedportrange", "protocol=tcp"): {
                    "status": 0,
                    "stdout": NETSH,
                    "stderr": "",
                },
                ("file", "C:\\Windows\\System32\\drivers\\etc\\hosts"): "#\t127.0.0.1 localhost\n",
                ("winapi", "registry", settings, "ProxyEnable"): 1,
                ("winapi", "registry", settings, "ProxyServer"): "proxy.example:8080",
                ("winapi", "registry", settings, "ProxyOverride"): "*.corp.example;<local>",
            }
        )
    )
    assert found.excluded_ports == [11434]
    assert found.hosts_localhost_ok is True
    assert (found.http_proxy, found.proxy_bypasses_localhost) == ("proxy.example:8080", True)


def test_windows_without_netsh_is_unknown() -> None:
    found = network.probe(fake_host({("system", "platform"): "windows"}))
    assert isinstance(found.excluded_ports, Unknown)


def test_scutil() -> None:
    text = """<dictionary> {
  ExceptionsList : <array> {
    0 : *.local
    1 : 169.254/16
  }
  HTTPEnable : 1
  HTTPPort : 3128
  HTTPProxy : proxy.example
}
"""
    assert network.parse_scutil(text) == ("proxy.example:3128", "*.local,169.254/16")
    assert network.parse_scutil("<dictionary> {\n  HTTPEnable : 0\n}\n") == (None, None)
