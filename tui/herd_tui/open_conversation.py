"""The open conversation: what was said in it, and the answers that are under way.

Whoever changes it does so here, and the screen is told. Answers of other conversations stay
under way; how one of them ended is said in a notice.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from herd.chat import Conversation, Role
from herd.talk import Talk
from herd.words import one_line
from herd_tui import captions
from herd_tui.drawing import Drawing
from herd_tui.pace import Pace
from herd_tui.screens.base import HerdScreen
from herd_tui.widgets.conversation_view import ConversationView
from herd_tui.work import beside

NO_MODEL = "No model is installed yet. F2 opens the library: enter installs the one you choose."
WELCOME = (
    "Ask something below. enter sends; ctrl+o lets another model answer, and the conversation "
    "stays."
)


class OpenConversation:
    """What is said in the open conversation, drawn into the screen's view of it."""

    def __init__(
        self, screen: HerdScreen, *, moved: Callable[[], None], changed: Callable[[], None]
    ) -> None:
        """Begin with an empty conversation.

        Args:
            screen: It has a ConversationView.
            moved: Called when the status of the conversation is another.
            changed: Called when what the list shows of it is another, too.
        """
        self.now = Conversation()
        self.used: int | None = None
        """Tokens of the context that it takes, once a model counted."""
        self.left_out = 0
        """Turns of it that the model did not see any more."""
        self._screen = screen
        self._moved = moved
        self._changed = changed
        self._drawings: dict[str, Drawing] = {}
        """Answers under way, by the conversation they belong to."""
        self._turn = asyncio.Lock()
        """Who may change what the view shows: the clock that draws, or what opens and adds."""
        self._pace = Pace()

    @property
    def talk(self) -> Talk | None:
        """The answer under way in it."""
        drawing = self._drawings.get(self.now.id)
        return drawing.talk if drawing else None

    def talks(self) -> tuple[Talk, ...]:
        """Every answer under way, also of conversations that are not open."""
        return tuple(drawing.talk for drawing in self._drawings.values())

    async def open(self, conversation: Conversation, place: int | None = None) -> None:
        """Show a conversation from its end, or the turn of this place in it.

        An answer that is under way in it goes on being drawn.
        """
        async with self._turn:
            self.now = conversation
            self.used, self.left_out = None, 0
            if talk := self.talk:
                self.now = talk.question.with_model(conversation.model or "")
                self._drawings[conversation.id] = Drawing(talk, self._view)
            await self._view.show(self.now.turns, WELCOME if conversation.model else NO_MODEL)
            if place is not None:
                await self._view.go_to(place)
        self._changed()

    async def reopen(self) -> None:
        """Draw it anew."""
        await self.open(self.now)

    async def answer(self, talk: Talk) -> None:
        """Show a question, and its answer as it comes."""
        async with self._turn:
            self.now = talk.question
            self._drawings[self.now.id] = Drawing(talk, self._view)
            await self._view.show(self.now.turns)
        self._changed()

    def keep(self, conversation: Conversation) -> None:
        """Go on with a changed conversation; it is saved if something was said in it."""
        self.now = conversation
        self._changed()
        if any(turn.role is Role.USER for turn in conversation.turns):
            history = self._screen.herd.history
            beside(
                self._screen,
                lambda: history.save(conversation),
                lambda _: self._changed(),
                group="save",
            )

    def switch(self, model: str) -> None:
        """Let this model answer from now on."""
        switched = self.now.with_model(model)
        if self.talk:
            self.now = switched  # what the answer ends with takes it over
            self._moved()
        else:
            self.keep(switched)

    async def draw(self) -> None:
        """Draw what came since the last time; called on a clock."""
        if not self._drawings or not self._pace.begins():
            return
        async with self._turn:
            for id_, drawing in list(self._drawings.items()):
                if id_ == self.now.id:
                    await self._draw(drawing)
                elif drawing.talk.is_over:
                    del self._drawings[id_]
                    self._report(drawing.talk)
        self._screen.call_after_refresh(self._pace.ends)

    async def _draw(self, drawing: Drawing) -> None:
        talk = drawing.talk
        is_over = talk.is_over
        await drawing.step()
        self.used = captions.used(talk.answer) or self.used
        self.left_out = talk.answer.began.left_out if talk.answer.began else self.left_out
        if not is_over:
            self._moved()
            return
        del self._drawings[self.now.id]
        model, self.now = self.now.model, talk.conversation
        if model and model != self.now.model:
            self.switch(model)
        if talk.error:
            await self._view.complain(captions.trouble(talk.error))
        self._changed()

    def _report(self, talk: Talk) -> None:
        """Say how an answer ended that nobody was looking at."""
        notify, title = self._screen.notify, one_line(talk.question.title)
        if talk.error:
            notify(captions.trouble(talk.error), title=title, severity="error", markup=False)
        else:
            notify(f"“{title}” was answered.", markup=False)
        self._changed()

    @property
    def _view(self) -> ConversationView:
        return self._screen.query_one(ConversationView)
