"""Which TCP ports are listened on, and a plain GET on one of them, on this machine alone."""

from __future__ import annotations

import os
import socket
from typing import Any, Optional

import msgspec

from .text import clean

MAX_BODY_BYTES = 1 << 20


def parse_proc_net_tcp(text: str, v6: bool) -> list[tuple[str, int, int]]:
    """(address, port, inode) of the listening sockets in /proc/net/tcp or tcp6.

    Format: Documentation/networking/proc_net_tcp.rst of Linux; state 0A is LISTEN, addresses are
    hexadecimal words in host byte order.
    """
    found = []
    for line in text.splitlines()[1:]:
        words = line.split()
        if len(words) < 10 or words[3] != "0A":
            continue
        address, _, port = words[1].partition(":")
        try:
            raw = bytes.fromhex(address)
            ordered = b"".join(raw[i : i + 4][::-1] for i in range(0, len(raw), 4))
            shown = socket.inet_ntop(socket.AF_INET6 if v6 else socket.AF_INET, ordered)
            found.append((shown, int(port, 16), int(words[9])))
        except (ValueError, OSError):
            continue
    return found


def _owners(inodes: set[int]) -> dict[int, int]:
    """Socket inode to pid, as far as this user may see other processes' files."""
    owners: dict[int, int] = {}
    wanted = {f"socket:[{inode}]": inode for inode in inodes}
    for pid in os.listdir("/proc"):
        if not pid.isdigit():
            continue
        try:
            for handle in os.listdir(f"/proc/{pid}/fd"):
                inode = wanted.get(os.readlink(f"/proc/{pid}/fd/{handle}"))
                if inode is not None:
                    owners[inode] = int(pid)
        except OSError:
            continue  # another user's process, or one that just ended
        if len(owners) == len(wanted):
            break
    return owners


def listeners() -> list[dict[str, Any]]:
    """As ``host.Listener`` describes them, by port."""
    from .processes import name_of

    if not os.path.isdir("/proc/net"):
        return _from_psutil()
    sockets: list[tuple[str, int, int]] = []
    for path, v6 in (("/proc/net/tcp", False), ("/proc/net/tcp6", True)):
        try:
            with open(path, encoding="ascii", errors="replace") as file:
                sockets += parse_proc_net_tcp(file.read(MAX_BODY_BYTES), v6)
        except OSError:
            continue
    owners = _owners({inode for _, _, inode in sockets}) if sockets else {}
    found = []
    for address, port, inode in sockets:
        pid = owners.get(inode)
        found.append({"port": port, "address": address, "pid": pid, "process": name_of(pid) if pid else None})
    return sorted(found, key=lambda one: (one["port"], one["address"]))


def _from_psutil() -> list[dict[str, Any]]:
    import psutil

    from .processes import name_of

    return [
        {
            "port": connection.laddr.port,
            "address": connection.laddr.ip,
            "pid": connection.pid,
            "process": name_of(connection.pid) if connection.pid else None,
        }
        for connection in psutil.net_connections("tcp")
        if connection.status == psutil.CONN_LISTEN and connection.laddr
    ]


def http_get(port: int, path: str, deadline_s: float) -> Optional[dict[str, Any]]:
    """Status and body of a GET on 127.0.0.1; JSON is parsed. None if nobody listens there.

    No proxy, no redirect, at most 1 MiB. Raises OSError where the server does not answer in time.
    """
    import http.client
    import time

    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=deadline_s)
    end = time.monotonic() + deadline_s
    try:
        connection.request("GET", path, headers={"Accept": "application/json", "User-Agent": "llmdoctor"})
        response = connection.getresponse()
        body = b""
        while len(body) < MAX_BODY_BYTES:
            part = response.read1(65536)
            if not part:
                break
            body += part
            if time.monotonic() > end:
                raise TimeoutError(f"no whole answer within {deadline_s:.1f} s")
    except ConnectionRefusedError:
        return None
    except TimeoutError as error:
        raise OSError(None, f"no answer within {deadline_s:.1f} s") from error
    except http.client.HTTPException as error:
        raise OSError(None, f"no HTTP server answers ({type(error).__name__})") from error
    finally:
        connection.close()
    try:
        content: Any = msgspec.json.decode(body)
    except msgspec.DecodeError:
        content = clean(body)
    return {"status": response.status, "body": content}
