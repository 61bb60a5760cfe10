"""The turns of a conversation, the newest at the bottom.

Only the last turns are put on the screen at first: a widget costs the same whether it is
seen or not. Going up at the top brings earlier ones. The view follows what is being said
while it stands at the bottom, and stays where it is once the person has scrolled.
"""

from __future__ import annotations

from collections.abc import Sequence

from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from herd.chat import Turn
from herd_tui import captions
from herd_tui.widgets.turn_view import TurnView

SHOWN = 8
"""Turns that are put on the screen at once."""


class ConversationView(VerticalScroll, can_focus=False):
    """Shows turns."""

    def __init__(self, *, id: str) -> None:  # noqa: A002  # Textual's name
        super().__init__(id=id)
        self._turns: tuple[Turn, ...] = ()
        self._first = 0
        """The oldest turn that is on the screen."""
        self._left_out = 0

    async def show(self, turns: Sequence[Turn], welcome: str = "") -> None:
        """Show these turns from the end, or a welcome where there are none.

        What is on the screen already stays there.
        """
        known = len(self._turns)
        if known and tuple(turns[:known]) == self._turns:
            for turn in turns[known:]:
                await self.add(turn)
            return
        self._turns = tuple(turns)
        self._first = max(0, len(self._turns) - SHOWN)
        self._left_out = 0
        await self.remove_children()
        if not self._turns:
            await self.mount(Static(Content(welcome), classes="welcome", markup=False))
            return
        await self.mount_all([TurnView(turn) for turn in self._turns[self._first :]])
        await self._say_earlier()
        self.anchor()

    async def add(self, turn: Turn) -> TurnView:
        """Put one more turn at the end."""
        await self.query(".welcome, .trouble").remove()
        self.query(".-found").remove_class("-found")
        view = TurnView(turn)
        self._turns = (*self._turns, turn)
        await self.mount(view)
        self.anchor()
        return view

    async def complain(self, text: str) -> None:
        """Say under the last turn what went wrong."""
        await self.query(".trouble").remove()
        await self.mount(Static(Content(text), classes="trouble", markup=False))

    async def mark_left_out(self, number: int) -> None:
        """Show which turns the model does not see any more."""
        if number == self._left_out:
            return
        self._left_out = number
        await self.query(".left-out").remove()
        views = list(self.query(TurnView))
        for at, view in enumerate(views, self._first):
            view.set_class(at < number, "-left-out")
        if number > self._first and number - self._first < len(views):
            note = Static(Content(captions.left_out(number)), classes="left-out", markup=False)
            await self.mount(note, before=views[number - self._first])

    async def page(self, direction: int) -> None:
        """Scroll by a page; at the top, bring earlier turns first."""
        if direction < 0 and self.scroll_y <= 0 and self._first:
            await self._bring_earlier()
        elif direction < 0:
            self.scroll_page_up(animate=False)
        else:
            self.scroll_page_down(animate=False)

    async def go_to(self, place: int) -> None:
        """Show the turn of this place at the top, marked until another one is gone to."""
        if not 0 <= place < len(self._turns):
            return
        if place < self._first:
            await self._bring(place)
        self.query(".-found").remove_class("-found")
        view = self.query(TurnView)[place - self._first]
        view.add_class("-found")
        self.release_anchor()
        self.call_after_refresh(lambda: self.scroll_to_widget(view, top=True, animate=False))

    async def _bring_earlier(self) -> None:
        bottom = self.virtual_size.height - self.scroll_y
        await self._bring(max(0, self._first - SHOWN))
        self.call_after_refresh(
            lambda: self.scroll_to(y=self.virtual_size.height - bottom, animate=False)
        )

    async def _bring(self, start: int) -> None:
        """Put the turns from `start` on the screen, too."""
        earlier = [TurnView(turn) for turn in self._turns[start : self._first]]
        await self.query(".earlier").remove()
        await self.mount_all(earlier, before=0)
        self._first = start
        await self._say_earlier()

    async def _say_earlier(self) -> None:
        if self._first:
            text = f"{self._first} earlier turns: page up"
            note = Static(Content(text), classes="earlier", markup=False)
            await self.mount(note, before=0)
