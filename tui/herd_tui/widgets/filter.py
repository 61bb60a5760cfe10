"""The filter line of a list."""

from __future__ import annotations

from textual.widgets import Input


class Filter(Input):
    """What is typed sifts the list; enter is left to the screen."""

    def __init__(self, placeholder: str, *, id: str) -> None:  # noqa: A002  # Textual's name
        super().__init__(placeholder=placeholder, id=id, compact=True)
        self.select_on_focus = False
