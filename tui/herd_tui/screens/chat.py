"""The chat: a conversation, and whichever model answers next."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical

from herd.chat import Conversation, Role, Turn, begun
from herd.errors import HerdError
from herd.model import Installed
from herd.talk import Talk
from herd.words import one_line
from herd_tui import captions, choices
from herd_tui.commands import Scope, begun_with, bindings
from herd_tui.drawing import Drawing
from herd_tui.pace import FRAME, Pace
from herd_tui.palette import node_of
from herd_tui.screens.kept_conversations import KeptConversations
from herd_tui.screens.pick import Pick
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

NO_MODEL = "No model is installed yet. F2 opens the library: enter installs the one you choose."
WELCOME = (
    "Ask something below. enter sends; ctrl+o lets another model answer, and the conversation "
    "stays."
)


class ChatScreen(KeptConversations):
    """Conversations, the open one, the prompt."""

    SCOPE: ClassVar[Scope] = Scope.CHAT
    BINDINGS = bindings(Scope.CHAT)
    CSS_PATH = Path(__file__).parent.parent / "chat.tcss"

    def __init__(self) -> None:
        super().__init__()
        self.conversation = Conversation()
        self._turn = asyncio.Lock()
        """Who may change what the view shows: the clock that draws, or what opens and adds."""
        self._drawings: dict[str, Drawing] = {}
        """Answers under way, by the conversation they belong to."""
        self._used: int | None = None
        """Tokens of the context that the open conversation takes, once a model counted."""
        self._left_out = 0
        """Turns of it that the model did not see any more."""
        self._states: dict[str, State] = {}
        """What each model does, as the engine last said."""
        self._pace = Pace()
        self._edited: int | None = None
        """The place of the question that is being edited."""
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
        self.set_interval(FRAME, self._draw)
        self.focus_main()
        if self.conversation.model:
            self.call_later(self.open, self.conversation)
        else:
            beside(self, self.last, self.open, group="history")
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
    def talk(self) -> Talk | None:
        """The answer under way in the open conversation."""
        drawing = self._drawings.get(self.conversation.id)
        return drawing.talk if drawing else None

    def talks(self) -> tuple[Talk, ...]:
        """Every answer under way, also of conversations that are not open."""
        return tuple(drawing.talk for drawing in self._drawings.values())

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Only what can be done now."""
        match action:
            case "stop":
                return bool(self.talk or self.images) or self._edited is not None
            case "go_on":
                return begun(self.conversation.turns) is not None and self.talk is None
            case "regenerate":
                return bool(self.conversation.asked) and self.talk is None
            case "copy" | "copy_code":
                return self.conversation.last_answer is not None
            case "compare":
                return self.conversation.last_answer is not None and self.talk is None
            case "delete" | "edit" | "rename" | "pin" | "export":
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
            self.call_later(self.open, conversation)
        else:
            self.conversation = conversation

    async def open(self, conversation: Conversation, place: int | None = None) -> None:
        """Show a conversation; an answer that is under way in it goes on being drawn."""
        async with self._turn:
            await self._open(conversation)
            if place is not None:
                await self.query_one(ConversationView).go_to(place)
        self._tell()
        self.list_anew()

    async def _open(self, conversation: Conversation) -> None:
        self.conversation = conversation
        self._used, self._left_out = None, 0
        self._edited = None
        view = self.query_one(ConversationView)
        if talk := self.talk:
            self.conversation = talk.question.with_model(conversation.model or "")
            self._drawings[conversation.id] = Drawing(talk, view)
        await view.show(self.conversation.turns, WELCOME if conversation.model else NO_MODEL)

    def action_stop(self) -> None:
        """End the answer, or leave the question that is being edited."""
        if self.talk:
            self.talk.stop()
        elif self._edited is not None:
            self._edited = None
            self.query_one(Prompt).clear()
            self._tell()
        elif self.images:
            self.show_images(())

    def action_new(self) -> None:
        """Begin a conversation."""
        self.begin()
        self.focus_main()

    def action_regenerate(self) -> None:
        """Ask the last question again."""
        self._ask(replace(self.conversation, turns=self.conversation.asked))

    def action_go_on(self) -> None:
        """Let the model go on with the answer that is not finished."""
        self._ask(self.conversation)

    def action_switch(self) -> None:
        """Choose another model."""
        beside(self, self.herd.store.installed, self._offer, group="models")

    def action_edit(self) -> None:
        """Take the last question into the prompt again; once more: the one before it."""
        turns = self.conversation.turns
        asked = [at for at, turn in enumerate(turns) if turn.role is Role.USER]
        earlier = [at for at in asked if self._edited is None or at < self._edited]
        if not earlier:
            return
        self._edited = earlier[-1]
        self.query_one(Prompt).text = turns[self._edited].text
        self.focus_main()
        self._tell()

    async def action_page(self, direction: int) -> None:
        """Scroll the conversation."""
        await self.query_one(ConversationView).page(direction)

    @on(Prompt.Changed)
    def _offer_slashes(self) -> None:
        self.query_one(SlashList).show(self.query_one(Prompt).text)

    @on(Prompt.Sent)
    async def _send(self, event: Prompt.Sent) -> None:
        if event.text.startswith("/") and not _begins_with_a_path(event.text):
            await self._run_slash(event.text[1:].strip())
        elif self.talk:
            self.notify("The answer is not over yet; escape stops it.", markup=False)
        elif self._edited is not None:
            self._ask(self.conversation.branch(self._edited, event.text))
        else:
            asked = Turn(Role.USER, event.text, images=self.images)
            self._ask(self.conversation.with_turn(asked))

    async def _run_slash(self, word: str) -> None:
        name, _, rest = one_line(word).partition(" ")
        found = begun_with(name) if name else ()
        command = found[0] if len(found) == 1 else None
        node = node_of(command, self) if command else None
        if command is None or node is None:
            self.notify(f"There is no command /{name}; F1 lists them.", markup=False)
            return
        if rest and command.slash == "attach":
            self.attach(rest.strip())
        elif rest:
            words = f"/{command.slash} takes nothing behind it; enter alone runs it."
            self.notify(words, markup=False)
            return
        else:
            await self.app.run_action(command.call, node)
        self.query_one(Prompt).clear()

    def _ask(self, conversation: Conversation) -> None:
        beside(self, lambda: self.herd.talk(conversation), self._begun, group="ask")

    async def _begun(self, talk: Talk) -> None:
        view = self.query_one(ConversationView)
        async with self._turn:
            self.conversation = talk.question
            self._edited, self.images = None, ()
            self._drawings[self.conversation.id] = Drawing(talk, view)
            self.query_one(Prompt).clear()
            await view.show(self.conversation.turns)
        self._tell()
        self.list_anew()

    async def _draw(self) -> None:
        """Draw what came since the last time; called on a clock."""
        if not self._drawings or not self._pace.begins():
            return
        async with self._turn:
            for id_, drawing in list(self._drawings.items()):
                if id_ == self.conversation.id:
                    await self._draw_open(drawing)
                elif drawing.talk.is_over:
                    del self._drawings[id_]
                    self._report(drawing.talk)
        self.call_after_refresh(self._pace.ends)

    async def _draw_open(self, drawing: Drawing) -> None:
        talk = drawing.talk
        is_over = talk.is_over
        await drawing.step()
        self._used = captions.used(talk.answer) or self._used
        self._left_out = talk.answer.began.left_out if talk.answer.began else self._left_out
        if is_over:
            del self._drawings[self.conversation.id]
            model, self.conversation = self.conversation.model, talk.conversation
            if model and model != self.conversation.model:
                self._switch(model)
            if talk.error:
                await self.query_one(ConversationView).complain(captions.trouble(talk.error))
            self.list_anew()
        self._tell()

    def _report(self, talk: Talk) -> None:
        """Say how an answer ended that nobody was looking at."""
        title = one_line(talk.question.title)
        if talk.error:
            self.notify(captions.trouble(talk.error), title=title, severity="error", markup=False)
        else:
            self.notify(f"“{title}” was answered.", markup=False)
        self.list_anew()

    def _tell(self) -> None:
        """Say who answers, what happens and how full the context is."""
        talk, model = self.talk, self.conversation.model or "no model"
        if talk is None:
            self._look()
        now = self._states.get(model)
        context = now.ready.context if now and now.ready else self.herd.config.context
        state = captions.under_way(talk, now) if talk else captions.at_rest(now)
        if self._edited is not None and not talk:
            state = "edit: enter branches off"
        if self.images and not talk:
            state = captions.shown_with(self.images)
        meter = captions.meter(self._used, context, self._left_out)
        self.query_one(ChatStatus).show(model, state, meter)
        conversation = self.conversation
        possible = (
            *(conversation.id, len(conversation.turns)),
            *(talk is None, self._edited, self.images),
        )
        if possible != self._possible:
            self._possible = possible
            self.refresh_bindings()

    def _offer(self, models: tuple[Installed, ...]) -> None:
        items = choices.models(
            models,
            current=self.conversation.model or "",
            loaded=self.warm,
            recent=self.recent,
            memory=self.host.memory,
        )
        self.app.push_screen(
            Pick("Who answers from now on?", items, "the conversation stays"),
            lambda name: self._switch(name) if name else None,
        )

    def _switch(self, model: str) -> None:
        switched = self.conversation.with_model(model)
        if self.talk:
            self.conversation = switched  # what the answer ends with takes it over
            self._tell()
        else:
            self.keep(switched)

    def began(self) -> None:
        """Begin a conversation in place of one that is gone."""
        self.begin()

    def reopen(self) -> None:
        """Draw the conversation anew."""
        self.call_later(self.open, self.conversation)

    def changed(self) -> None:
        """Show what changed of the conversation and in the list."""
        self._tell()
        self.list_anew()


def _begins_with_a_path(text: str) -> bool:
    """Whether the slash begins a path, as in "/etc/hosts is what?", and no command."""
    return "/" in text[1:].partition(" ")[0]
