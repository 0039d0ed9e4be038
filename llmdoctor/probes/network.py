"""Fact ``network``: proxies, names and ports as far as local requests are concerned. Nothing is sent.

Sources: https://curl.se/docs/manpage.html (environment), https://learn.microsoft.com/troubleshoot/windows-server/networking
(excludedportrange), hosts(5), nsswitch.conf(5).
"""

from __future__ import annotations

import re
from typing import Optional

from ..facts.fact import Fact, Unknown, all_unknown
from ..facts.machine import Network
from ..host.host import Host
from ..redact.variables import clean_value
from .lift import lift, text_or_none

RUNTIME_PORTS = (1234, 1337, 4891, 5000, 5001, 7860, 8000, 8080, 11434)
"""Defaults, by the runtimes' own documents: LM Studio, Jan, GPT4All, text-generation-webui's API, koboldcpp,
text-generation-webui, vLLM, llama-server, Ollama."""

_PROXY_NAMES = ("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY")
_INTERNET_SETTINGS = "HKCU\\Software\\Microsoft\\Windows\\CurrentVersion\\Internet Settings"
_RANGE = re.compile(r"^\s*(\d{1,5})\s+(\d{1,5})(?:\s+\*)?\s*$", re.M)
_LOOPBACK = re.compile(r"^(?:::ffff:)?127(?:\.\d{1,3}){3}$")
_SCUTIL = re.compile(r"^\s*(\w+) : (\S+)\s*$", re.M)
_EXCEPTION = re.compile(r"^\s*\d+ : (\S+)\s*$", re.M)


def bypasses_localhost(no_proxy: Optional[str]) -> bool:
    """Whether both ``localhost`` and ``127.0.0.1`` are exempt. Go's programs always exempt them; curl and Python
    go by this list.

    >>> bypasses_localhost("localhost,127.0.0.1,::1"), bypasses_localhost("localhost"), bypasses_localhost("*")
    (True, False, True)
    """
    entries = {entry.strip().lower().partition(":")[0] or entry for entry in re.split(r"[,;\s]+", no_proxy or "") if entry}
    if "*" in entries or "<local>" in entries:
        return True
    name = bool(entries & {"localhost", ".localhost", "localhost."})
    return name and any(entry in ("127.0.0.1", "127.*") or entry.startswith("127.0.0.0/") for entry in entries)


def parse_excluded_ranges(text: str) -> list[tuple[int, int]]:
    """Numbers alone are read from netsh's table: its heading is translated."""
    return [(int(low), int(high)) for low, high in _RANGE.findall(text) if int(low) <= int(high)]


def localhost_is_loopback(hosts: str) -> Optional[bool]:
    """By a hosts file; None if it does not name localhost.

    >>> localhost_is_loopback("127.0.0.1 localhost\\n::1 localhost ip6-localhost\\n")
    True
    """
    found: Optional[bool] = None
    for line in hosts.splitlines():
        words = line.partition("#")[0].split()
        if len(words) > 1 and "localhost" in (word.lower() for word in words[1:]):
            address = words[0].partition("%")[0]
            loopback = address == "::1" or bool(_LOOPBACK.match(address))
            found = loopback if found is None else found and loopback
    return found


def _hosts_ok(host: Host, platform: str) -> Fact[bool]:
    folder = "C:\\Windows\\System32\\drivers\\etc\\hosts" if platform == "windows" else "/etc/hosts"
    found = lift(localhost_is_loopback, host.text(folder))
    if found is not None:
        return found
    if platform == "windows":  # its resolver answers localhost by itself
        return True
    switch = host.text("/etc/nsswitch.conf")
    if isinstance(switch, str) and re.search(r"^hosts:.*\b(?:myhostname|resolve)\b", switch, re.M):
        return True  # nss-myhostname(8) and nss-resolve(8) answer localhost by themselves
    return Unknown("the hosts file does not name localhost")


def _from_environment(host: Host) -> tuple[Fact[str], Fact[str]]:
    """Proxy for http and the exemptions, cleaned."""
    proxy: Fact[str] = None
    for name in _PROXY_NAMES:
        value = host.env(name)
        if text_or_none(value) or isinstance(value, Unknown):
            proxy = clean_value(name, value) if isinstance(value, str) else value
            break
    exempt = text_or_none(host.env("no_proxy"))
    return proxy, exempt if exempt else host.env("NO_PROXY")


def _from_registry(host: Host) -> tuple[Fact[str], Fact[str]]:
    enabled = host.winapi("registry", _INTERNET_SETTINGS, "ProxyEnable")
    if not enabled or isinstance(enabled, Unknown):
        return (enabled if isinstance(enabled, Unknown) else None), None
    server = host.winapi("registry", _INTERNET_SETTINGS, "ProxyServer")
    return lift(lambda text: clean_value("HTTP_PROXY", text), server), host.winapi(
        "registry", _INTERNET_SETTINGS, "ProxyOverride"
    )


def parse_scutil(text: str) -> tuple[Optional[str], Optional[str]]:
    """macOS' ``scutil --proxy``: the http proxy and its exceptions."""
    values = dict(_SCUTIL.findall(text))
    if values.get("HTTPEnable") != "1" or "HTTPProxy" not in values:
        return None, None
    port = f":{values['HTTPPort']}" if "HTTPPort" in values else ""
    return values["HTTPProxy"] + port, ",".join(_EXCEPTION.findall(text)) or None


def _from_scutil(host: Host) -> tuple[Fact[str], Fact[str]]:
    done = host.run("/usr/sbin/scutil", "--proxy")
    if done is None or isinstance(done, Unknown):
        why = done or Unknown("there is no scutil program")
        return why, why
    return parse_scutil(done.stdout)


def _excluded_ports(host: Host) -> Fact[list[int]]:
    done = host.run("netsh", "int", "ipv4", "show", "excludedportrange", "protocol=tcp")
    if done is None or isinstance(done, Unknown):
        return done or Unknown("there is no netsh program")
    if not done.ok:
        return Unknown("netsh failed")
    ranges = parse_excluded_ranges(done.stdout)
    return [port for port in RUNTIME_PORTS if any(low <= port <= high for low, high in ranges)]


def probe(host: Host) -> Network:
    platform = host.platform()
    if platform not in ("linux", "windows", "macos"):
        return all_unknown(Network, "this operating system is not known to llmdoctor")
    proxy, exempt = _from_environment(host)
    if proxy is None and platform != "linux":
        proxy, exempt = _from_registry(host) if platform == "windows" else _from_scutil(host)
    bypass: Fact[bool] = None
    if proxy is not None:
        unread = next((fact for fact in (proxy, exempt) if isinstance(fact, Unknown)), None)
        bypass = unread or bypasses_localhost(exempt if isinstance(exempt, str) else None)
    return Network(
        http_proxy=proxy,
        no_proxy=exempt,
        proxy_bypasses_localhost=bypass,
        excluded_ports=_excluded_ports(host) if platform == "windows" else None,
        hosts_localhost_ok=_hosts_ok(host, platform),
    )
