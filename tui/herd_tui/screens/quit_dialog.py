"""Asks whether to leave although installs are under way."""

from __future__ import annotations

from herd.words import count
from herd_tui.screens.question import Question


class QuitDialog(Question):
    """Asks whether to leave although installs are under way."""

    def __init__(self, running: int) -> None:
        super().__init__(
            f"{count(running, 'install')} under way",
            "What was fetched is kept, and they go on when herd is opened again.",
            "Quit",
            "Stay",
        )
