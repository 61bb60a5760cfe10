"""What can be done with the open conversation as a whole: names, settings, files, prompts."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path

from herd import image
from herd.attachment import attached
from herd.chat import Conversation, Role, Turn
from herd.errors import BadUsage, CannotRun
from herd.export import file_name
from herd.model import Installed
from herd.places import expanded
from herd.prompts import Prompt, library
from herd.talk import Talk
from herd.words import count, one_line
from herd_tui import choices
from herd_tui.conversation_files import take_over, write
from herd_tui.screens.ask import Ask
from herd_tui.screens.base import HerdScreen
from herd_tui.screens.compare import Compare
from herd_tui.screens.pick import Pick
from herd_tui.screens.question import Question
from herd_tui.screens.settings import Settings
from herd_tui.widgets.prompt import Prompt as PromptField
from herd_tui.work import beside


@dataclass(frozen=True)
class Image:
    """An image that the next question is asked with."""

    name: str
    """As a turn keeps it."""


Attachment = str | Image

_FENCE = re.compile(r"^(`{3,}|~{3,})[^\n]*\n(.*?)^\1[`~]*\s*$", re.DOTALL | re.MULTILINE)


class ConversationActions(HerdScreen):
    """A screen with a conversation on it."""

    conversation: Conversation
    images: tuple[str, ...] = ()
    """What is shown to the model with the next question."""

    def began(self) -> None:
        """Begin a conversation in place of one that is gone."""
        raise NotImplementedError

    def changed(self) -> None:
        """Show what changed of the conversation and in the list."""
        raise NotImplementedError

    def action_copy(self) -> None:
        """Copy the last answer."""
        if answer := self.conversation.last_answer:
            self._copy(answer.text, "The answer is in the clipboard.")

    def action_copy_code(self) -> None:
        """Copy the last block of code of the last answer."""
        answer = self.conversation.last_answer
        code = _last_code(answer.text) if answer else None
        if code is None:
            self.notify("There is no code in the last answer.", markup=False)
        else:
            self._copy(code, "The code is in the clipboard.")

    def action_compare(self) -> None:
        """Choose who answers the last question beside the one that did."""
        beside(self, self.herd.store.installed, self._rivals, group="models")

    def _rivals(self, held: tuple[Installed, ...]) -> None:
        answer = self.conversation.last_answer
        others = [each for each in held if answer and str(each.reference) != answer.model]
        if not others:
            self.notify("No other model is installed; f2 shows what there is.", markup=False)
            return
        items = choices.models(
            others, current="", loaded=self.warm, recent=(), memory=self.host.memory
        )
        self.app.push_screen(
            Pick("Who answers the same question?", items, "you keep one of the two answers"),
            lambda name: self._compare(name) if name else None,
        )

    def _compare(self, name: str) -> None:
        asked = replace(self.conversation, turns=self.conversation.asked, model=name)
        beside(self, lambda: self.herd.aside(asked), self._show_both, group="ask")

    def _show_both(self, talk: Talk) -> None:
        answer = self.conversation.last_answer
        if answer is None:
            return

        def kept(turn: Turn | None) -> None:
            if turn:
                chosen = talk.question.with_turn(turn)
                self.keep(replace(self.conversation, turns=chosen.turns, model=turn.model))
                self.reopen()

        self.app.push_screen(Compare(talk.question.turns[-1], answer, talk), kept)

    def reopen(self) -> None:
        """Draw the conversation anew."""
        raise NotImplementedError

    def action_rename(self) -> None:
        """Give the conversation another title."""

        def named(title: str | None) -> None:
            if title:
                self.keep(replace(self.conversation, title=title))

        self.app.push_screen(Ask("Title of this conversation", self.conversation.title), named)

    def action_pin(self) -> None:
        """Show it first in the list, or not any more."""
        self.keep(replace(self.conversation, is_pinned=not self.conversation.is_pinned))

    def action_settings(self) -> None:
        """Set the system prompt and the sampling."""

        def done(conversation: Conversation | None) -> None:
            if conversation:
                # Turns may have come meanwhile: take what was set, and nothing else.
                self.keep(
                    replace(
                        self.conversation.with_system(conversation.system),
                        sampling=conversation.sampling,
                    )
                )

        self.app.push_screen(Settings(self.conversation), done)

    def action_delete(self) -> None:
        """Ask, then forget the conversation."""
        text = f"“{one_line(self.conversation.title)}” is gone for good then."
        gone = self.conversation.id

        def answered(sure: bool | None) -> None:
            if sure:
                beside(
                    self,
                    lambda: self.herd.history.remove(gone),
                    lambda _: self.began(),
                    group="save",
                )

        self.app.push_screen(Question("Delete this conversation?", text, "Delete"), answered)

    def action_export(self) -> None:
        """Write the conversation into a file."""
        conversation = self.conversation

        def named(text: str | None) -> None:
            if text:
                path = expanded(text)
                beside(self, lambda: write(path, conversation), self._say, group="save")

        ask = Ask(
            "Write this conversation to",
            str(Path.cwd() / file_name(conversation)),
            "a name that ends with .json has everything; any other is Markdown",
        )
        self.app.push_screen(ask, named)

    def action_import_chats(self) -> None:
        """Take over what another program exported."""

        def named(text: str | None) -> None:
            if text:
                path = expanded(text)
                beside(self, lambda: take_over(path, self.herd.history), self._taken, group="save")

        self.app.push_screen(Ask("Take over ChatGPT's conversations.json", hint="its path"), named)

    def _taken(self, number: int) -> None:
        were = "was" if number == 1 else "were"
        self._say(f"{count(number, 'conversation')} {were} taken over.")
        self.changed()

    def action_attach(self) -> None:
        """Put a text file into the question, or show an image with it."""

        def named(text: str | None) -> None:
            if text:
                self.attach(text)

        title = "Attach a text file, or an image if the model sees"
        self.app.push_screen(Ask(title, hint="its path"), named)

    def attach(self, path: str) -> None:
        """Attach the file of this path."""
        beside(self, lambda: self._attached(Path(path)), self._put, group="attach")

    def _attached(self, path: Path) -> Attachment:
        """Read what is to be attached.

        Raises:
            BadUsage: it is neither text nor an image.
            CannotRun: it is an image, and the model does not see.
        """
        try:
            return attached(path)
        except BadUsage:
            if not image.is_one(path):
                raise
        model = self.conversation.model
        if model and image.projector(self.herd.installed(model)) is None:
            raise CannotRun(f"{model} sees no images.", "ctrl+o lets one answer that does.")
        return Image(image.absolute(path))

    def _put(self, attachment: Attachment) -> None:
        if isinstance(attachment, Image):
            self.show_images((*self.images, attachment.name))
        else:
            self._insert(attachment)

    def show_images(self, images: tuple[str, ...]) -> None:
        """Show these with the next question."""
        self.images = images
        self.changed()

    def action_prompt(self) -> None:
        """Begin with a prompt of the library."""
        folder = self.herd.places.prompts
        prompts = {prompt.name: prompt for prompt in library(folder)}

        def chosen(name: str | None) -> None:
            if name:
                self._fill(prompts[name], {})

        items = choices.prompts(prompts.values())
        self.app.push_screen(Pick("Prompts", items, f"your own: files in {folder}"), chosen)

    def keep(self, conversation: Conversation) -> None:
        """Go on with a changed conversation; it is saved if something was said in it."""
        self.conversation = conversation
        self.changed()
        if any(turn.role is Role.USER for turn in conversation.turns):
            beside(self, lambda: self.herd.history.save(conversation), self._kept, group="save")

    def _kept(self, _: None) -> None:
        self.changed()

    def _fill(self, prompt: Prompt, values: dict[str, str]) -> None:
        """Ask for the next place that is not filled; the last one is left to the prompt."""
        open_places = [place for place in prompt.places if place not in values and place != "text"]
        if not open_places:
            self._insert(prompt.filled(values | {"text": ""}))
            return
        place = open_places[0]

        def filled(text: str | None) -> None:
            if text is not None:
                self._fill(prompt, values | {place: text})

        self.app.push_screen(Ask(f"{prompt.name}: {place}"), filled)

    def _insert(self, text: str) -> None:
        field = self.query_one(PromptField)
        field.insert(text)
        field.focus()

    def _copy(self, text: str, said: str) -> None:
        self.app.copy_to_clipboard(text)
        self.notify(said, markup=False)

    def _say(self, text: str) -> None:
        self.notify(text, markup=False)


def _last_code(text: str) -> str | None:
    """The last fenced block of code (CommonMark 4.5), None if there is none."""
    blocks = _FENCE.findall(text)
    return blocks[-1][1] if blocks else None
