"""An answer on the screen: what came since the last look is drawn, many tokens at a time."""

from __future__ import annotations

from herd.chat import Role, Turn
from herd.talk import Talk
from herd_tui.widgets.conversation_view import ConversationView
from herd_tui.widgets.turn_view import TurnView


class Drawing:
    """Draws one talk into a view that ends with its question."""

    def __init__(self, talk: Talk, view: ConversationView) -> None:
        self.talk = talk
        self._view = view
        self._turn: TurnView | None = None
        self._drawn = 0
        """Characters of the answer that are on the screen."""

    async def step(self) -> None:
        """Draw what came; the numbers of the answer once it is over."""
        is_over = self.talk.is_over
        if began := self.talk.answer.began:
            await self._view.mark_left_out(began.left_out)
        text = self.talk.answer.text.lstrip()
        if len(text) > self._drawn:
            await self._append(text)
        if is_over and self._turn:
            await self._turn.show(self.talk.answer.turn)

    async def _append(self, text: str) -> None:
        if self._turn is None:
            turn = Turn(Role.ASSISTANT, "", self.talk.answer.turn.model, is_complete=False)
            self._turn = await self._view.add(turn)
        if self.talk.answer.is_speaking:  # where it goes on, its beginning was there before
            self._turn.come()
        self._turn.append(text[self._drawn :])
        self._drawn = len(text)
