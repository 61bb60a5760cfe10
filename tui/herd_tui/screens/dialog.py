"""A screen over the others that asks or shows one thing."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

from textual.screen import ModalScreen

Outcome = TypeVar("Outcome")


class Dialog(ModalScreen[Outcome]):
    """Gives back one thing, or nothing."""

    CSS_PATH = Path(__file__).parent.parent / "dialogs.tcss"
