"""One turn of a conversation on the screen: a question as it was typed, an answer as Markdown."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Collapsible, Static

from herd.chat import Role, Turn
from herd.image import named
from herd.words import count, plain
from herd_tui.captions import stamp
from herd_tui.widgets.prose import Prose


class Thought(Collapsible):
    """What a model thought before it answered; folded, for it is rarely what one wants."""

    def __init__(self, text: str) -> None:
        words = count(len(text.split()), "word")
        said = Static(Content(plain(text)), markup=False)
        super().__init__(said, title=f"thought, {words}", collapsed=True)


class TurnView(Vertical):
    """A turn."""

    def __init__(self, turn: Turn) -> None:
        super().__init__(classes=f"turn -{turn.role}")
        self.turn = turn
        self._is_coming = False

    def compose(self) -> ComposeResult:
        """Who speaks, and what."""
        if self.turn.role is Role.ASSISTANT:
            yield Static(Content(stamp(self.turn)), classes="stamp", markup=False)
            if self.turn.thought:
                yield Thought(self.turn.thought)
            yield Prose(self.turn.text)
        else:
            if self.turn.role is Role.SYSTEM:
                yield Static(Content("system prompt"), classes="stamp", markup=False)
            for each in self.turn.images:
                yield Static(Content(f"image: {named(each)}"), classes="stamp", markup=False)
            yield Static(Content(plain(self.turn.text)), classes="said", markup=False)

    def come(self) -> None:
        """Say that it is being written."""
        if not self._is_coming:
            self._is_coming = True
            self.query_one(".stamp", Static).update(Content(stamp(self.turn, is_coming=True)))

    async def show(self, turn: Turn) -> None:
        """Say anew who spoke: the numbers are known once the answer is over."""
        if turn.thought and not self.turn.thought:
            await self.mount(Thought(turn.thought), before=self.query_one(Prose))
        self.turn = turn
        self.query_one(".stamp", Static).update(Content(stamp(turn)))
        self.query_one(Prose).finish()

    def append(self, text: str) -> None:
        """Draw the next words."""
        self.query_one(Prose).append(text)
