"""What every screen is: a container that is told when the machine was looked at."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, cast

from textual.containers import Vertical

from .background import Background

if TYPE_CHECKING:
    from .app import DoctorApp
    from .session import Session


class Pane(Vertical):
    HELP: ClassVar[str] = ""
    """What the screen is for and its keys, a line each; shown by ``?``."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.session = session
        self.background = Background(self)

    @property
    def doctor(self) -> DoctorApp:
        return cast("DoctorApp", self.app)

    def looked(self) -> None:
        """The machine was looked at: ``session.diagnosis`` is new. Called once at the start, too, where it is there already."""

    def heard(self, name: str, value: object) -> None:
        """A probe has answered, while others are still looking."""

    def focus_first(self) -> None:
        """Puts the focus where a user of this screen begins."""
        for widget in self.query("*"):
            if widget.focusable:
                widget.focus()
                return
