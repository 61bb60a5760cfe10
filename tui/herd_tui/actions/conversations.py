"""The conversations that were kept: the list, the search over all of them, the one of last time."""

from __future__ import annotations

from herd.chat import Conversation
from herd.history import Summary
from herd_tui.open_conversation import OpenConversation
from herd_tui.screens.base import HerdScreen
from herd_tui.widgets.conversation_list import ConversationList
from herd_tui.work import beside


class KeptConversations:
    """Reads the history and fills the screen's list of conversations."""

    def __init__(self, screen: HerdScreen, opened: OpenConversation) -> None:
        self.recent: tuple[str, ...] = ()
        """The models of the conversations, the last ones first."""
        self._screen = screen
        self._opened = opened
        self._reads = 0
        """How often the list was read."""
        self._sought = ""
        """What the list was searched for."""

    def toggle(self) -> None:
        """Show the list and go there, or hide it."""
        box = self._list
        box.toggle_class("-shown" if self._screen.has_class("-narrow") else "-hidden")
        if box.display:
            box.focus_list()
        else:
            self._screen.focus_main()

    def leave(self) -> None:
        """Go back to where one types."""
        self._list.remove_class("-shown")
        self._screen.focus_main()

    def seek(self, text: str) -> None:
        """Show the conversations in which these words occur."""
        self._sought = text
        self.read()

    def read(self) -> None:
        """Read the list again."""
        history, sought = self._screen.herd.history, self._sought
        self._reads += 1
        number = self._reads

        def show(summaries: tuple[Summary, ...]) -> None:
            if number == self._reads:  # else a newer one is on its way
                self._show(summaries)

        beside(self._screen, lambda: history.search(sought), show, group="list")

    def choose(self, id_: str, place: int | None) -> None:
        """Open the conversation that was chosen, at this place in it."""
        history = self._screen.herd.history

        def found(conversation: Conversation | None) -> None:
            if conversation:
                self._screen.call_later(self._opened.open, conversation, place)

        beside(self._screen, lambda: history.find(id_), found, group="history")
        self.leave()

    def last(self) -> Conversation:
        """The conversation of last time; a new one where there is none."""
        herd = self._screen.herd
        summaries = herd.history.all()
        found = herd.history.find(summaries[0].id) if summaries else None
        if found and found.model:
            return found
        first = herd.first_model()
        return Conversation(model=str(first.reference) if first else None)

    def _show(self, summaries: tuple[Summary, ...]) -> None:
        models = [each.model for each in summaries if each.model]
        self.recent = tuple(dict.fromkeys(models))
        self._list.show(summaries, self._opened.now.id)

    @property
    def _list(self) -> ConversationList:
        return self._screen.query_one(ConversationList)
