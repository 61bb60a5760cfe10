"""What a command is."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from textual.binding import Binding


class Scope(StrEnum):
    """Where a command works; the words head the help screen."""

    EVERYWHERE = "Everywhere"
    LIBRARY = "Library"
    CHAT = "Chat"
    TRANSFERS = "Transfers"


@dataclass(frozen=True)
class Command:
    """One thing that a person can ask for."""

    id: str
    """`scope.name`: its name in the configuration, where its key can be changed."""
    key: str
    """As Textual writes it; several are separated by commas; empty: only in the palette."""
    name: str
    """One or two words for the footer and the palette."""
    help: str
    """One sentence for the palette and the help screen."""
    scope: Scope
    action: str = ""
    """The method `action_<action>` of the scope's node; by default the second half of the id."""
    in_footer: bool = False
    goes_first: bool = False
    """Whether it goes before what the focused widget would do with the key."""
    slash: str = ""
    """What can be typed in a chat: `model` for `/model`."""
    in_palette: bool = True
    """False for what only makes sense as a key: moving about."""
    not_now: str = ""
    """What is said to whoever asks for it where it cannot be done; empty: nothing for its key."""

    @property
    def call(self) -> str:
        """The action as Textual runs it."""
        return self.action or self.id.partition(".")[2]

    @property
    def binding(self) -> Binding:
        """The binding of its key."""
        return Binding(
            self.key,
            self.call,
            self.name,
            show=self.in_footer,
            priority=self.goes_first,
            tooltip=self.help,
            id=self.id,
        )
