"""What leaves a screen on the user's wish: a command to the clipboard, a source to the browser."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Optional

if TYPE_CHECKING:
    from .app import DoctorApp


def copy_command(app: DoctorApp, command: Optional[str]) -> None:
    if command is None:
        app.notify("There is no command here to copy.", markup=False)
    else:
        app.copy(command, "the command")


def open_source(app: DoctorApp, url: Optional[str]) -> None:
    """In the browser of this desktop; over SSH and on a console, where a text browser would take the terminal, its address
    is copied."""
    if url is None or not url.startswith("https://"):
        app.notify("There is no source here to open.", markup=False)
        return
    desktop = sys.platform in ("win32", "darwin") or any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY"))
    if desktop and not os.environ.get("SSH_CONNECTION"):
        import webbrowser

        app.background.start("open", lambda: webbrowser.open(url), lambda _: None)
        app.notify(url, title="Opened in the browser", markup=False)
    else:
        app.copy(url, "the source's address")
