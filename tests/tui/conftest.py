"""What was copied stays in the test: no clipboard is touched."""

from __future__ import annotations

import pytest

from llmdoctor.tui.app import DoctorApp


@pytest.fixture
def copied(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    texts: list[str] = []
    monkeypatch.setattr(DoctorApp, "copy_to_clipboard", lambda self, text: texts.append(text))
    return texts
