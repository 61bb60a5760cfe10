"""Two models answer the same question, side by side; one of the answers is kept."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widgets import Static

from herd.chat import Turn
from herd.talk import Talk
from herd.words import one_line
from herd_tui import captions
from herd_tui.drawing import Drawing
from herd_tui.pace import FRAME, Pace
from herd_tui.screens.dialog import Dialog
from herd_tui.widgets.conversation_view import ConversationView


class Compare(Dialog[Turn | None]):
    """Gives back the answer to keep, None to keep the one that was there."""

    BINDINGS = [
        Binding("1,left", "keep_left", "Keep the left one", show=False),
        Binding("2,right", "keep_right", "Keep the right one", show=False),
        Binding("escape", "keep_left", "Close", show=False),
    ]

    def __init__(self, question: Turn, answer: Turn, talk: Talk) -> None:
        """Show both.

        Args:
            question: What both were asked.
            answer: What was answered already.
            talk: The other model's answer, under way.
        """
        super().__init__()
        self._question, self._answer, self._talk = question, answer, talk
        self._pace = Pace()
        self._drawing: Drawing | None = None

    def compose(self) -> ComposeResult:
        """The question over two columns."""
        with Vertical(classes="dialog -large"):
            title = Content(one_line(self._question.text)[:90])
            yield Static(title, classes="dialog-title", markup=False)
            with Horizontal(id="columns"):
                yield ConversationView(id="left")
                yield ConversationView(id="right")
            yield Static("", id="compare-foot", classes="dialog-foot", markup=False)

    async def on_mount(self) -> None:
        """Draw the one, begin to draw the other."""
        right = self.query_one("#right", ConversationView)
        self._drawing = Drawing(self._talk, right)
        await self.query_one("#left", ConversationView).show((self._answer,))
        self.set_interval(FRAME, self._draw)

    def on_unmount(self) -> None:
        """Nobody waits for it any more."""
        self._talk.stop()

    def action_keep_left(self) -> None:
        """Keep what was there."""
        self.dismiss(None)

    def action_keep_right(self) -> None:
        """Keep the other answer, once it is over."""
        turn = self._talk.answer.turn
        if self._talk.is_over and turn.text:
            self.dismiss(turn)

    async def _draw(self) -> None:
        if self._drawing is None or not self._pace.begins():
            return
        is_over = self._talk.is_over
        await self._drawing.step()
        self.call_after_refresh(self._pace.ends)
        foot = self.query_one("#compare-foot", Static)
        foot.update(Content(self._foot(is_over=is_over)))
        if is_over:
            self._drawing = None

    def _foot(self, *, is_over: bool) -> str:
        if self._talk.error:
            return captions.trouble(self._talk.error)
        if not is_over:
            return f"the right one {captions.under_way(self._talk)}   1 keeps the left one"
        return "1 keeps the left one   2 keeps the right one"
