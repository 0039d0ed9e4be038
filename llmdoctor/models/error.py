"""Why a model's files cannot be read."""

from __future__ import annotations

from ..host.text import clean_text


class ModelError(ValueError):
    """One line for the user, which begins with the file's path."""

    def __init__(self, text: str) -> None:
        # Names of keys and tensors come from the file and may hold anything.
        super().__init__(clean_text(text).replace("\n", " ").replace("\t", " "))
