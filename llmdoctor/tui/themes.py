"""Dark, light and high contrast. Without colour (NO_COLOR) Textual shows the same in grey; no colour carries a meaning alone.

Contrast of text to its ground is at least 4.5 to 1, in high contrast 7 to 1 (WCAG 2.2, 1.4.3 and 1.4.6).
"""

from __future__ import annotations

from textual.theme import Theme

DARK = Theme(
    name="dark",
    primary="#6cb6ff",
    secondary="#9aa7b8",
    accent="#6cb6ff",
    foreground="#dce3ec",
    background="#11161d",
    surface="#171d26",
    panel="#212a36",
    success="#6fd08c",
    warning="#f0b84a",
    error="#ff7b72",
    dark=True,
    variables={"weights": "#6cb6ff", "kv-cache": "#c297ff", "compute": "#f0b84a", "overhead": "#8b98a9", "others": "#7c889a"},
)
LIGHT = Theme(
    name="light",
    primary="#0a5cad",
    secondary="#4f5b69",
    accent="#0a5cad",
    foreground="#1b222b",
    background="#ffffff",
    surface="#f4f6f9",
    panel="#e4e9f0",
    success="#17733a",
    warning="#8a5300",
    error="#b3261e",
    dark=False,
    variables={"weights": "#0a5cad", "kv-cache": "#7a3fc0", "compute": "#a86500", "overhead": "#647284", "others": "#6f7b8a"},
)
CONTRAST = Theme(
    name="high contrast",
    primary="#00ffff",
    secondary="#ffffff",
    accent="#ffff00",
    foreground="#ffffff",
    background="#000000",
    surface="#000000",
    panel="#303030",
    success="#00ff66",
    warning="#ffff00",
    error="#ff9a9a",
    dark=True,
    variables={"weights": "#00ffff", "kv-cache": "#ff80ff", "compute": "#ffff00", "overhead": "#ffffff", "others": "#a0a0a0"},
)
ALL = (DARK, LIGHT, CONTRAST)
