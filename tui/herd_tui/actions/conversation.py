"""What can be done with the open conversation as a whole, from copying it to deleting it."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from herd.chat import Conversation, Turn
from herd.export import file_name
from herd.model import Installed
from herd.places import expanded
from herd.talk import Talk
from herd.words import count, one_line
from herd_tui import choices
from herd_tui.conversation_files import take_over, write
from herd_tui.open_conversation import OpenConversation
from herd_tui.screens.ask import Ask
from herd_tui.screens.base import HerdScreen
from herd_tui.screens.compare import Compare
from herd_tui.screens.pick import Pick
from herd_tui.screens.question import Question
from herd_tui.screens.settings import Settings
from herd_tui.work import beside

_FENCE = re.compile(r"^(`{3,}|~{3,})[^\n]*\n(.*?)^\1[`~]*\s*$", re.DOTALL | re.MULTILINE)


class ConversationActions:
    """Asks what must be asked, and changes the open conversation."""

    def __init__(self, screen: HerdScreen, opened: OpenConversation) -> None:
        self._screen = screen
        self._opened = opened

    def copy(self) -> None:
        """Copy the last answer."""
        if answer := self._opened.now.last_answer:
            self._copy(answer.text, "The answer is in the clipboard.")

    def copy_code(self) -> None:
        """Copy the last block of code of the last answer."""
        answer = self._opened.now.last_answer
        code = _last_code(answer.text) if answer else None
        if code is None:
            self._say("There is no code in the last answer.")
        else:
            self._copy(code, "The code is in the clipboard.")

    def switch(self, recent: tuple[str, ...]) -> None:
        """Choose who answers from now on.

        Args:
            recent: The models that answered last; they stand first.
        """

        def offer(models: tuple[Installed, ...]) -> None:
            items = choices.models(
                models,
                current=self._opened.now.model or "",
                loaded=self._screen.warm,
                recent=recent,
                memory=self._screen.host.memory,
            )
            self._screen.app.push_screen(
                Pick("Who answers from now on?", items, "the conversation stays"),
                lambda name: self._opened.switch(name) if name else None,
            )

        beside(self._screen, self._screen.herd.store.installed, offer, group="models")

    def compare(self) -> None:
        """Choose who answers the last question beside the one that did."""
        beside(self._screen, self._screen.herd.store.installed, self._rivals, group="models")

    def _rivals(self, held: tuple[Installed, ...]) -> None:
        answer = self._opened.now.last_answer
        others = [each for each in held if answer and str(each.reference) != answer.model]
        if not others:
            self._say("No other model is installed; f2 shows what there is.")
            return
        items = choices.models(
            others,
            current="",
            loaded=self._screen.warm,
            recent=(),
            memory=self._screen.host.memory,
        )
        self._screen.app.push_screen(
            Pick("Who answers the same question?", items, "you keep one of the two answers"),
            lambda name: self._compare(name) if name else None,
        )

    def _compare(self, name: str) -> None:
        asked = replace(self._opened.now, turns=self._opened.now.asked, model=name)
        herd = self._screen.herd
        beside(self._screen, lambda: herd.aside(asked), self._show_both, group="ask")

    def _show_both(self, talk: Talk) -> None:
        answer = self._opened.now.last_answer
        if answer is None:
            return

        def kept(turn: Turn | None) -> None:
            if turn:
                chosen = talk.question.with_turn(turn)
                self._opened.keep(replace(self._opened.now, turns=chosen.turns, model=turn.model))
                self._screen.call_later(self._opened.reopen)

        self._screen.app.push_screen(Compare(talk.question.turns[-1], answer, talk), kept)

    def rename(self) -> None:
        """Give the conversation another title."""

        def named(title: str | None) -> None:
            if title:
                self._opened.keep(replace(self._opened.now, title=title))

        ask = Ask("Title of this conversation", self._opened.now.title)
        self._screen.app.push_screen(ask, named)

    def pin(self) -> None:
        """Show it first in the list, or not any more."""
        self._opened.keep(replace(self._opened.now, is_pinned=not self._opened.now.is_pinned))

    def settings(self) -> None:
        """Set the system prompt and the sampling."""

        def done(conversation: Conversation | None) -> None:
            if conversation:
                # Turns may have come meanwhile: take what was set, and nothing else.
                self._opened.keep(
                    replace(
                        self._opened.now.with_system(conversation.system),
                        sampling=conversation.sampling,
                    )
                )

        self._screen.app.push_screen(Settings(self._opened.now), done)

    def delete(self, then: Callable[[], None]) -> None:
        """Ask, then forget the conversation.

        Args:
            then: Called when it is gone.
        """
        history, gone = self._screen.herd.history, self._opened.now.id

        def answered(sure: bool | None) -> None:
            if sure:
                beside(self._screen, lambda: history.remove(gone), lambda _: then(), group="save")

        text = f"“{one_line(self._opened.now.title)}” is gone for good then."
        question = Question("Delete this conversation?", text, "Delete")
        self._screen.app.push_screen(question, answered)

    def export(self) -> None:
        """Write the conversation into a file."""
        conversation = self._opened.now

        def named(text: str | None) -> None:
            if text:
                path = expanded(text)
                beside(self._screen, lambda: write(path, conversation), self._say, group="save")

        ask = Ask(
            "Write this conversation to",
            str(Path.cwd() / file_name(conversation)),
            "a name that ends with .json has everything; any other is Markdown",
        )
        self._screen.app.push_screen(ask, named)

    def import_chats(self, then: Callable[[], None]) -> None:
        """Take over what another program exported.

        Args:
            then: Called when it is in the history.
        """
        history = self._screen.herd.history

        def named(text: str | None) -> None:
            if text:
                path = expanded(text)
                beside(self._screen, lambda: take_over(path, history), taken, group="save")

        def taken(number: int) -> None:
            were = "was" if number == 1 else "were"
            self._say(f"{count(number, 'conversation')} {were} taken over.")
            then()

        ask = Ask("Take over ChatGPT's conversations.json", hint="its path")
        self._screen.app.push_screen(ask, named)

    def _copy(self, text: str, said: str) -> None:
        self._screen.app.copy_to_clipboard(text)
        self._say(said)

    def _say(self, text: str) -> None:
        self._screen.notify(text, markup=False)


def _last_code(text: str) -> str | None:
    """The last fenced block of code (CommonMark 4.5), None if there is none."""
    blocks = _FENCE.findall(text)
    return blocks[-1][1] if blocks else None
