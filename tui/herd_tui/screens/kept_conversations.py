"""The conversations that were kept: the list, the search over all of them, the one of last time."""

from __future__ import annotations

from textual import on

from herd.chat import Conversation
from herd.history import Summary
from herd_tui.screens.conversation_actions import ConversationActions
from herd_tui.widgets.conversation_list import ConversationList
from herd_tui.work import beside


class KeptConversations(ConversationActions):
    """A screen with the list of conversations on it."""

    def __init__(self) -> None:
        super().__init__()
        self._lists = 0
        """How often the list was asked for."""
        self._sought = ""
        """What the list of conversations was searched for."""
        self.recent: tuple[str, ...] = ()
        """The models of the conversations, the last ones first."""

    async def open(self, conversation: Conversation, place: int | None = None) -> None:
        """Show a conversation from its end, or the turn of this place in it."""
        raise NotImplementedError

    def action_conversations(self) -> None:
        """Show the list and go there, or hide it."""
        box = self.query_one(ConversationList)
        box.toggle_class("-shown" if self.has_class("-narrow") else "-hidden")
        if box.display:
            box.focus_list()
        else:
            self.focus_main()

    def list_anew(self) -> None:
        """Read the list again."""
        sought = self._sought
        self._lists += 1
        number = self._lists

        def show(summaries: tuple[Summary, ...]) -> None:
            if number == self._lists:  # else a newer one is on its way
                self._show_list(summaries)

        beside(self, lambda: self.herd.history.search(sought), show, group="list")

    @on(ConversationList.Sought)
    def _seek(self, event: ConversationList.Sought) -> None:
        self._sought = event.text
        self.list_anew()

    def _show_list(self, summaries: tuple[Summary, ...]) -> None:
        models = [each.model for each in summaries if each.model]
        self.recent = tuple(dict.fromkeys(models))
        self.query_one(ConversationList).show(summaries, self.conversation.id)

    @on(ConversationList.Left)
    def _leave(self) -> None:
        self.query_one(ConversationList).remove_class("-shown")
        self.focus_main()

    @on(ConversationList.Chosen)
    def _choose(self, event: ConversationList.Chosen) -> None:
        def found(conversation: Conversation | None) -> None:
            if conversation:
                self.call_later(self.open, conversation, event.place)

        beside(self, lambda: self.herd.history.find(event.id), found, group="history")
        self.query_one(ConversationList).remove_class("-shown")
        self.focus_main()

    def last(self) -> Conversation:
        """The conversation of last time; a new one where there is none."""
        summaries = self.herd.history.all()
        found = self.herd.history.find(summaries[0].id) if summaries else None
        if found and found.model:
            return found
        first = self.herd.first_model()
        return Conversation(model=str(first.reference) if first else None)
