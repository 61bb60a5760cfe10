"""Where one types: it grows with the text; enter sends, shift+enter or ctrl+j breaks the line."""

from __future__ import annotations

from dataclasses import dataclass

from textual import events
from textual.message import Message
from textual.widgets import TextArea


class Prompt(TextArea):
    """The text area under a conversation."""

    @dataclass
    class Sent(Message):
        """The person pressed enter."""

        text: str

    def __init__(self, *, id: str) -> None:  # noqa: A002  # Textual's name
        super().__init__(
            id=id,
            placeholder="Ask something, or type / for commands",
            soft_wrap=True,
            show_line_numbers=False,
            compact=True,
            highlight_cursor_line=False,
        )

    async def _on_key(self, event: events.Key) -> None:
        if event.key in ("shift+enter", "ctrl+j", "alt+enter"):
            event.stop()
            event.prevent_default()
            self.insert("\n")
            return
        if event.key == "enter":
            event.stop()
            event.prevent_default()
            if text := self.text.strip():
                self.post_message(self.Sent(text))
            return
        await super()._on_key(event)
