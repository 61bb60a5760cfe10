"""The filter line of a list."""

from __future__ import annotations

from textual.binding import Binding
from textual.widgets import Input


class Filter(Input, inherit_bindings=False):
    """What is typed sifts the list; enter is left to the screen.

    Enter must not be a priority binding of the screen instead: those run before the letters
    that were typed just before it have reached this widget.
    """

    BINDINGS = [
        binding
        for binding in Input.BINDINGS
        if isinstance(binding, Binding) and binding.key != "enter"
    ]

    def __init__(self, placeholder: str, *, id: str) -> None:  # noqa: A002  # Textual's name
        super().__init__(placeholder=placeholder, id=id, compact=True)
        self.select_on_focus = False
