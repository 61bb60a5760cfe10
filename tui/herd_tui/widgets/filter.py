"""The filter line of a list."""

from __future__ import annotations

from textual.binding import Binding
from textual.widgets import Input, OptionList


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


def step(box: OptionList, by: int) -> None:
    """Move the cursor of a list while the filter over it keeps the focus."""
    if by > 0:
        box.action_cursor_down()
    else:
        box.action_cursor_up()
