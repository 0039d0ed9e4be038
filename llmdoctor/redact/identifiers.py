"""Numbers and names that tell one machine, card or network from all others."""

from __future__ import annotations

import ipaddress
import re

from .finder import Finder, pattern

_VERSION_WORDS = re.compile(
    rb"(?:version|driver|release|build|firmware|vbios|bios|package|cudnn|cublas|cusparse|cufft|curand|cusolver|nvrtc|nvtx|nccl|cutlass"
    rb"|toolkit|runtime|cuda|wddm|directx|windows|chrome|chromium|electron|node|sdk|dll|==|>=|<=|~=|-cu\d\d|\bver\b|\bv|\.so\.|nvidia-[\w-]+)"
    rb"[\"'\])]*[\s:=(\"'\[,]*\Z",
    re.I,
)
"""Right before four numbers with dots between them: they are a version."""
_BEFORE = 48
_PUBLIC_V4 = frozenset((b"8.8.8.8", b"8.8.4.4", b"1.1.1.1", b"1.0.0.1", b"9.9.9.9", b"169.254.169.254"))
"""Resolvers that everybody uses, and the clouds' address for metadata."""
_DOCKER = (172, 17)
"""Docker's default bridge: the same on every machine. https://docs.docker.com/engine/network/drivers/bridge/"""
_PRIVATE = tuple(
    ipaddress.ip_network(one) for one in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16", "100.64.0.0/10")
)
"""RFC 1918, 3927 and 6598: told apart from addresses of the internet, since that may explain a fault."""


def _before(match: re.Match[bytes]) -> bytes:
    return match.string[max(match.start() - _BEFORE, 0) : match.start()].rpartition(b"\n")[2]


def _keep_v4(match: re.Match[bytes]) -> bool:
    text = match[0]
    parts = text.split(b".")
    if text in _PUBLIC_V4 or any(len(part) > 1 and part[:1] == b"0" for part in parts):
        return True
    first, second, *rest = map(int, parts)
    if max(first, second, *rest) > 255 or first in (0, 127, 255) or 224 <= first < 240 or (first, second) == _DOCKER:
        return True  # no address, this machine, a mask, a group of addresses
    return _VERSION_WORDS.search(_before(match)) is not None


def _is_private(match: re.Match[bytes]) -> bool:
    address = ipaddress.IPv4Address(match[0].decode())
    return any(address in network for network in _PRIVATE)


def _keep_but_public(match: re.Match[bytes]) -> bool:
    return _keep_v4(match) or _is_private(match)


def _keep_but_private(match: re.Match[bytes]) -> bool:
    return _keep_v4(match) or not _is_private(match)


def _keep_v6(match: re.Match[bytes]) -> bool:
    try:
        address = ipaddress.IPv6Address(match[0].decode())
    except ValueError:
        return True
    # C++ names (c10::Error) and times are made of the same letters: what is handed out begins with 2, 3 or f (RFC 4291).
    return not (address.is_global or address.is_private or address.is_link_local) or not re.match(
        rb"[23f][0-9a-f]{3}:", match[0], re.I
    )


def _keep_mac(match: re.Match[bytes]) -> bool:
    digits = match[0].translate(None, b":-.").lower()
    if not digits.strip(b"0") or not digits.strip(b"f"):
        return True
    # Dates and times in names of files look like it, without letters.
    return b":" not in match[0] and digits.isdigit()


UUID_PLACEHOLDER = b"00000000-0000-4000-8000-"
"""A card's UUID keeps its form when it is replaced: programs and rules tell by it that it is one."""
_PUBLIC_UUIDS = (
    b"-e325-11ce-bfc1-08002be10318",  # Windows' device setup classes, the same everywhere: learn.microsoft.com, "System-Defined Device Setup Classes"
    b"00000000-0000-0000-0000-000000000000",
    b"ffffffff-ffff-ffff-ffff-ffffffffffff",
)


def _keep_uuid(match: re.Match[bytes]) -> bool:
    lower = match[0].lower()
    return lower.startswith(UUID_PLACEHOLDER) or lower.endswith(_PUBLIC_UUIDS)


_NO_SERIAL = re.compile(
    rb"(?:n/?a|none|null|unknown|not .*|to be filled.*|default string|0+|\[.*|console.*|port.*|number.*|tty\w*|driver.*|unavailable.*|standard.*)",
    re.I,
)
_SERIAL_NAMES = (
    r"(?:chassis |system |board |product |baseboard |gpu |disk |drive |bios |module )?serial(?:[ _-]?(?:number|no|num|short|nr))?(?: \([\w ]+\))?"
    r"|service[ _]tag|asset[ _]tag|product[ _]?id|machine[ _-]?id|boot[ _]id|host[ _]?id|machineguid|provisioning udid|imei|board_serial|iosplatformserialnumber|chassis_serial|product_serial|id_serial(?:_short)?|serial_number"
)


def _keep_serial(match: re.Match[bytes]) -> bool:
    return _NO_SERIAL.fullmatch(match[match.lastindex or 0].strip()) is not None


_SSID = r"""(?<![\w])(?:e?ssid|wifi(?:[ _-]name|_ssid)?|current wi-?fi network|access point name)\\*["']?\s*[:=]\s*\\*["']?([^"'\n,\\]*[^\s"'\n,\\])"""

_OCTET = r"(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)"
_V4_SHAPE = rf"\b[1-9]\d{{0,2}}(?:\.{_OCTET}){{3}}\b"
"""llama.cpp's times (0.00.179.042) are no address."""
_SHAPE = "|".join(
    (
        _V4_SHAPE, r"\b[23f][0-9a-f]{3}:[0-9a-f:]{2}", r"[0-9a-f]{2}(?:[:-][0-9a-f]{2}){5}", r"[0-9a-f]{8}-[0-9a-f]{4}-",
        r"[0-9a-f]{4}\.[0-9a-f]{4}\.[0-9a-f]{4}",
    )
)  # fmt: skip
"""Of all that has no literal: one pass finds the lines for each of them."""
_NO_MORE = r"(?![\w]|\.\d|-[\w~])"
_V4 = pattern(rf"(?<![\w.+-])\d{{1,3}}(?:\.\d{{1,3}}){{3}}{_NO_MORE}")
FINDERS = (
    Finder("ip", (), _V4, _keep_but_public, _SHAPE),
    Finder("private-ip", (), _V4, _keep_but_private, _SHAPE),
    Finder("ipv6", (), pattern(r"(?<![\w:.])[0-9a-f]{4}:(?:[0-9a-f]{0,4}:){1,6}[0-9a-f]{0,4}(?![\w:])"), _keep_v6, _SHAPE),
    Finder(
        "mac", (),
        pattern(r"(?<![0-9a-f:-])([0-9a-f]{2}([:-])[0-9a-f]{2}(?:\2[0-9a-f]{2}){4}(?:\2[0-9a-f]{2}\2[0-9a-f]{2})?)(?![0-9a-f]|[:-][0-9a-f])"),
        _keep_mac,
        _SHAPE,
    ),
    Finder("mac", (), pattern(r"(?<![\w.])[0-9a-f]{4}\.[0-9a-f]{4}\.[0-9a-f]{4}(?![\w.])"), _keep_mac, _SHAPE),
    Finder("mac", ("enx", "wlx"), pattern(r"(?<![a-z0-9])(?:enx|wlx)([0-9a-f]{12})(?![0-9a-z])")),
    Finder("uuid", (), pattern(r"(?<![0-9a-f])[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}(?![0-9a-f])"), _keep_uuid, _SHAPE),
    Finder("serial", ("serial ",), pattern(r"\bserial (?:number )?(\d{8,})\b")),
    Finder("account", ("arn:aws",), pattern(r"arn:aws[\w-]*:[\w-]*:[\w-]*:(\d{12})")),
    Finder("sid", ("s-1-5-21-",), pattern(r"S-1-5-21-([\d-]{10,})")),
    Finder(
        "serial", ("serial", "service tag", "asset", "machine", "product", "host id", "hostid", "boot id", "boot_id", "imei", "udid"),
        pattern(rf"(?<![\w])[\w-]*?(?:{_SERIAL_NAMES})\\*[\"']?\s*(?:[:=]|REG_SZ)\s*\\*[\"']?([^\s\"'\n,;\\][^\"'\n,;\\]*)"), _keep_serial,
    ),
    Finder("ssid", ("ssid", "wifi", "wi-fi"), pattern(_SSID)),
)  # fmt: skip
