"""The way to the terminal app, which is another front end and knows nothing of this one.

It imports no click: bare `herd` comes here without the tree of verbs.
"""

from __future__ import annotations

import importlib
import sys
from typing import TYPE_CHECKING, Protocol, cast

from herd.cli.session import Session
from herd.cli.terminal import is_terminal
from herd.errors import BadUsage

if TYPE_CHECKING:
    from herd.core import Herd


class Front(Protocol):
    """What herd_tui offers."""

    def run(self, herd: Herd, model: str | None = None) -> None:
        """Open the app: the library, or a chat with the model."""


def is_seen() -> bool:
    """Whether somebody could see the app."""
    return is_terminal(sys.stdin) and is_terminal(sys.stdout)


def open_app(session: Session, model: str | None) -> None:
    """Open the app and come back when the person leaves it.

    Raises:
        BadUsage: there is no terminal.
    """
    if not is_seen():
        raise BadUsage(
            "The app needs a terminal.", '`herd run MODEL "a question"` answers without one.'
        )
    session.keep_log()
    # By name: the two front ends are independent of each other, and textual costs 170 ms.
    front = cast("Front", importlib.import_module("herd_tui"))
    front.run(session.herd, model)
