"""The commands that a `/` in the prompt may become, shown while one types it."""

from __future__ import annotations

from textual.content import Content
from textual.widgets import Static

from herd_tui.commands import begun_with

_MOST = 8
"""Lines; the rest is told by its number."""


class SlashList(Static):
    """Between the conversation and its prompt; not there unless a command is being typed."""

    def __init__(self, *, id: str) -> None:  # noqa: A002  # Textual's name
        super().__init__(id=id, markup=False)
        self.display = False

    def show(self, typed: str) -> None:
        """Show what fits to the text of the prompt, or nothing where that is no command."""
        found = begun_with(typed[1:]) if typed.startswith("/") and "\n" not in typed else ()
        self.display = bool(found)
        lines = [
            Content.assemble((f"/{each.slash:<9}", "bold"), (each.help, "dim"))
            for each in found[:_MOST]
        ]
        if len(found) > _MOST:
            lines.append(Content.styled(f"and {len(found) - _MOST} more; F1 lists them", "dim"))
        self.update(Content("\n").join(lines))
