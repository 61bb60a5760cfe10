"""Where one types: it grows with the text; enter sends, shift+enter or ctrl+j breaks the line."""

from __future__ import annotations

from dataclasses import dataclass

from textual import events
from textual.message import Message
from textual.widgets import TextArea

from herd_tui.commands import begun_with


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
        if event.key == "tab" and self.text.startswith("/"):
            event.stop()
            event.prevent_default()
            self._complete()
            return
        await super()._on_key(event)

    def _complete(self) -> None:
        """Write as much of a command as there is no choice about."""
        slashes = [each.slash for each in begun_with(self.text[1:])]
        if slashes:
            shared = slashes[0]
            while not all(each.startswith(shared) for each in slashes):
                shared = shared[:-1]
            self.text = f"/{shared}"
            self.move_cursor(self.document.end)
