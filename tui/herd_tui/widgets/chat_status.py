"""The line between a conversation and its prompt: who answers, what happens, how full it is."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.content import Content
from textual.widgets import Static

from herd.words import one_line


class ChatStatus(Horizontal):
    """Model and state on the left, the context meter on the right."""

    def __init__(self, *, id: str) -> None:  # noqa: A002  # Textual's name
        super().__init__(id=id)
        self._shown = ("", "", "")

    def compose(self) -> ComposeResult:
        """The two ends."""
        yield Static(id="chat-model", markup=False)
        yield Static(id="chat-meter", markup=False)

    @property
    def shown(self) -> str:
        """What stands there, as one text."""
        return "  ".join(self._shown)

    def show(self, model: str, state: str, meter: str) -> None:
        """Show the three; called often, so what is shown already costs nothing."""
        if (model, state, meter) == self._shown:
            return
        text = Content.assemble((one_line(model), "bold"), f"  {state}" if state else "")
        self.query_one("#chat-model", Static).update(text)
        self.query_one("#chat-meter", Static).update(Content(meter))
        self._shown = (model, state, meter)  # not before: a screen that comes has no ends yet
