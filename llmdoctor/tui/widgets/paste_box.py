"""Takes a paste of any length without drawing it: a log of a megabyte is counted, not laid out."""

from __future__ import annotations

from textual import events
from textual.message import Message
from textual.widgets import Static


class PasteBox(Static, can_focus=True):
    """Keys do nothing here, so that a paste in a terminal without bracketed paste cannot press any."""

    class Pasted(Message):
        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

    def __init__(self) -> None:
        super().__init__("Paste here: Ctrl+Shift+V, Shift+Insert, or the middle mouse button", markup=False)

    def on_paste(self, event: events.Paste) -> None:
        event.stop()
        # Terminals send the Enter key's character for each line's end (xterm, "Bracketed Paste Mode").
        text = event.text.replace("\r\n", "\n").replace("\r", "\n")
        lines = text.count("\n") + 1
        self.update(f"{lines:,} line{'s' * (lines > 1)} received; reading …")
        self.post_message(self.Pasted(text))

    def check_consume_key(self, key: str, character: str | None) -> bool:
        return character is not None and character.isprintable()
