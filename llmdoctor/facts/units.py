"""How quantities are shown: binary units for bytes, the unit in a field's name for the rest."""

from __future__ import annotations

from typing import Any

_KIB, _MIB, _GIB = 1 << 10, 1 << 20, 1 << 30

_SUFFIXES = (
    ("_celsius", " °C"),
    ("_watts", " W"),
    ("_mhz", " MHz"),
    ("_mts", " MT/s"),
    ("_percent", " %"),
    ("_ms", " ms"),
    ("_s", " s"),
)


def show_bytes(count: float) -> str:
    """``23.5 GiB``, ``512 MiB``, ``16 KiB``, ``12 B``; IEC 80000-13 binary units."""
    magnitude = abs(count)
    if magnitude >= _GIB:
        return f"{count / _GIB:.1f} GiB"
    if magnitude >= _MIB:
        return f"{count / _MIB:.0f} MiB"
    if magnitude >= _KIB:
        return f"{count / _KIB:.0f} KiB"
    return f"{count:.0f} B"


def show(field: str, value: Any) -> str:
    """A fact's value in words, by the unit that its field's name ends with."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value is None:
        return "none"
    if isinstance(value, (int, float)):
        if field.endswith("_bytes_per_s"):
            return f"{value / 1e9:.0f} GB/s"
        if field.endswith("_bytes"):
            return show_bytes(value)
        number = f"{value:.1f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)
        for suffix, unit in _SUFFIXES:
            if field.endswith(suffix):
                return number + unit
        return number
    if isinstance(value, (list, tuple)):
        return ", ".join(show(field, item) for item in value) or "none"
    return str(value)
