"""The chat: a conversation, and whichever model answers next."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical

from herd.chat import Conversation, begun
from herd.errors import HerdError
from herd.talk import Talk
from herd.words import one_line
from herd_tui import captions
from herd_tui.actions.conversation import ConversationActions
from herd_tui.actions.conversations import KeptConversations
from herd_tui.actions.question import NextQuestion
from herd_tui.commands import Scope, begun_with, bindings
from herd_tui.open_conversation import OpenConversation
from herd_tui.pace import FRAME
from herd_tui.palette import node_of
from herd_tui.screens.base import HerdScreen
from herd_tui.widgets.chat_status import ChatStatus
from herd_tui.widgets.conversation_list import ConversationList
from herd_tui.widgets.conversation_view import ConversationView
from herd_tui.widgets.key_line import KeyLine
from herd_tui.widgets.prompt import Prompt
from herd_tui.widgets.slash_list import SlashList
from herd_tui.widgets.top_bar import TopBar
from herd_tui.widgets.transfers import TransfersPane
from herd_tui.work import beside

if TYPE_CHECKING:
    from herd.engine import State
    from herd.job import Job


class ChatScreen(HerdScreen):
    """Conversations, the open one, the prompt."""

    SCOPE: ClassVar[Scope] = Scope.CHAT
    BINDINGS = bindings(Scope.CHAT)
    CSS_PATH = Path(__file__).parent.parent / "chat.tcss"

    def __init__(self) -> None:
        super().__init__()
        self._opened = OpenConversation(self, moved=self._tell, changed=self._changed)
        self._kept = KeptConversations(self, self._opened)
        self._actions = ConversationActions(self, self._opened)
        self.question = NextQuestion(self, self._opened, moved=self._tell)
        self._states: dict[str, State] = {}
        """What each model does, as the engine last said."""
        self._possible: tuple[object, ...] = ()
        """What decides which commands there are; the footer is costly to make anew."""

    def compose(self) -> ComposeResult:
        """The parts."""
        yield TopBar("chat")
        with Horizontal(id="chat"):
            yield ConversationList(id="conversation-list")
            with Vertical(id="conversation-side"):
                yield ConversationView(id="conversation")
                yield SlashList(id="slash-list")
                yield ChatStatus(id="chat-status")
                yield Prompt(id="prompt")
        yield TransfersPane()
        yield KeyLine()

    def on_mount(self) -> None:
        """Open the conversation of last time, unless another one was asked for."""
        self.set_interval(FRAME, self._opened.draw)
        self.focus_main()
        if self.conversation.model:
            self.call_later(self._open, self.conversation)
        else:
            beside(self, self._kept.last, self._open, group="history")
        beside(self, self._prepare, lambda _: None, group="prepare")

    def _prepare(self) -> None:
        """Have a process at hand, so that the first answer begins sooner."""
        with suppress(HerdError):  # the first question tells
            self.herd.engine.prepare()

    def glance(self, jobs: tuple[Job, ...]) -> None:
        """Show what changes by itself, the models too."""
        super().glance(jobs)
        self._look()
        self._tell()

    def _look(self) -> None:
        self._states = {state.reference: state for state in self.herd.states}

    def focus_main(self) -> None:
        """One types into the prompt."""
        self.query_one(Prompt).focus()

    @property
    def conversation(self) -> Conversation:
        """The open one."""
        return self._opened.now

    @property
    def talk(self) -> Talk | None:
        """The answer under way in the open conversation."""
        return self._opened.talk

    def talks(self) -> tuple[Talk, ...]:
        """Every answer under way, also of conversations that are not open."""
        return self._opened.talks()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Only what can be done now."""
        match action:
            case "stop":
                return bool(self.talk or self.question.caption())
            case "go_on":
                return begun(self.conversation.turns) is not None and self.talk is None
            case "copy" | "copy_code":
                return self.conversation.last_answer is not None
            case "compare":
                return self.conversation.last_answer is not None and self.talk is None
            case "regenerate" | "delete" | "edit" | "rename" | "pin" | "export":
                return bool(self.conversation.asked) and self.talk is None
            case "settings":
                return self.talk is None
            case "page":
                return isinstance(self.focused, Prompt)
        return True

    def begin(self, model: str | None = None) -> None:
        """Begin a conversation with this model, or with the one that answers here."""
        conversation = Conversation(model=model or self.conversation.model)
        if self.is_mounted:
            self.call_later(self._open, conversation)
        else:
            self._opened.now = conversation

    async def _open(self, conversation: Conversation) -> None:
        await self._opened.open(conversation)

    # The answer.

    def action_stop(self) -> None:
        """End the answer, or leave the question that is being put together."""
        if self.talk:
            self.talk.stop()
        else:
            self.question.leave()

    def action_regenerate(self) -> None:
        """Ask the last question again."""
        self._ask(replace(self.conversation, turns=self.conversation.asked))

    def action_go_on(self) -> None:
        """Let the model go on with the answer that is not finished."""
        self._ask(self.conversation)

    def _ask(self, conversation: Conversation) -> None:
        beside(self, lambda: self.herd.talk(conversation), self._asked, group="ask")

    async def _asked(self, talk: Talk) -> None:
        self.question.sent()
        await self._opened.answer(talk)

    # The question.

    def action_edit(self) -> None:
        """Take the last question into the prompt again; once more: the one before it."""
        self.question.edit()

    def action_prompt(self) -> None:
        """Begin with a prompt of the library."""
        self.question.choose_prompt()

    def action_attach(self) -> None:
        """Put a text file into the question, or show an image with it."""
        self.question.ask_what_to_attach()

    @on(Prompt.Changed)
    def _offer_slashes(self) -> None:
        self.query_one(SlashList).show(self.query_one(Prompt).text)

    @on(Prompt.Sent)
    async def _send(self, event: Prompt.Sent) -> None:
        if event.text.startswith("/") and not _begins_with_a_path(event.text):
            await self._run_slash(event.text[1:].strip())
        elif self.talk:
            self.notify("The answer is not over yet; escape stops it.", markup=False)
        else:
            self._ask(self.question.asked(event.text))

    async def _run_slash(self, word: str) -> None:
        name, _, rest = one_line(word).partition(" ")
        found = begun_with(name) if name else ()
        command = found[0] if len(found) == 1 else None
        node = node_of(command, self) if command else None
        if command is None or node is None:
            self.notify(f"There is no command /{name}; F1 lists them.", markup=False)
            return
        if rest and command.slash == "attach":
            self.question.attach(rest.strip())
        elif rest:
            words = f"/{command.slash} takes nothing behind it; enter alone runs it."
            self.notify(words, markup=False)
            return
        elif not node.check_action(command.call, ()):
            self.notify(command.not_now or f"{command.name}: not now.", markup=False)
        else:
            await self.app.run_action(command.call, node)
        self.query_one(Prompt).clear()

    # The conversation as a whole.

    def action_new(self) -> None:
        """Begin a conversation."""
        self.begin()
        self.focus_main()

    async def action_page(self, direction: int) -> None:
        """Scroll the conversation."""
        await self.query_one(ConversationView).page(direction)

    def action_switch(self) -> None:
        """Choose another model."""
        self._actions.switch(self._kept.recent)

    def action_copy(self) -> None:
        """Copy the last answer."""
        self._actions.copy()

    def action_copy_code(self) -> None:
        """Copy the last block of code of the last answer."""
        self._actions.copy_code()

    def action_compare(self) -> None:
        """Choose who answers the last question beside the one that did."""
        self._actions.compare()

    def action_rename(self) -> None:
        """Give the conversation another title."""
        self._actions.rename()

    def action_pin(self) -> None:
        """Show it first in the list, or not any more."""
        self._actions.pin()

    def action_settings(self) -> None:
        """Set the system prompt and the sampling."""
        self._actions.settings()

    def action_delete(self) -> None:
        """Ask, then forget the conversation."""
        self._actions.delete(self.begin)

    def action_export(self) -> None:
        """Write the conversation into a file."""
        self._actions.export()

    def action_import_chats(self) -> None:
        """Take over what another program exported."""
        self._actions.import_chats(self._kept.read)

    # The list of conversations.

    def action_conversations(self) -> None:
        """Show the list and go there, or hide it."""
        self._kept.toggle()

    @on(ConversationList.Sought)
    def _seek(self, event: ConversationList.Sought) -> None:
        self._kept.seek(event.text)

    @on(ConversationList.Left)
    def _leave(self) -> None:
        self._kept.leave()

    @on(ConversationList.Chosen)
    def _choose(self, event: ConversationList.Chosen) -> None:
        self._kept.choose(event.id, event.place)

    # What is shown of all that.

    def _changed(self) -> None:
        self.question.follow()
        self._tell()
        self._kept.read()

    def _tell(self) -> None:
        """Say who answers, what happens and how full the context is."""
        talk, model = self.talk, self.conversation.model or "no model"
        if talk is None:
            self._look()
        now = self._states.get(model)
        context = now.ready.context if now and now.ready else self.herd.config.context
        if talk:
            state = captions.under_way(talk, now)
        else:
            state = self.question.caption() or captions.at_rest(now)
        meter = captions.meter(self._opened.used, context, self._opened.left_out)
        self.query_one(ChatStatus).show(model, state, meter)
        conversation = self.conversation
        possible = (
            *(conversation.id, len(conversation.turns)),
            *(talk is None, self.question.replaces, self.question.images),
        )
        if possible != self._possible:
            self._possible = possible
            self.refresh_bindings()


def _begins_with_a_path(text: str) -> bool:
    """Whether the slash begins a path, as in "/etc/hosts is what?", and no command."""
    return "/" in text[1:].partition(" ")[0]
