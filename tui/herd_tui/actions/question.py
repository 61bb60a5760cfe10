"""The next question: its text, the images that it shows, and the earlier one that it replaces."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from herd import image
from herd.attachment import attached
from herd.chat import Conversation, Role, Turn
from herd.errors import BadUsage, CannotRun
from herd.prompts import Prompt, library
from herd_tui import captions, choices
from herd_tui.open_conversation import OpenConversation
from herd_tui.screens.ask import Ask
from herd_tui.screens.base import HerdScreen
from herd_tui.screens.pick import Pick
from herd_tui.widgets.prompt import Prompt as PromptField
from herd_tui.work import beside


@dataclass(frozen=True)
class Image:
    """An image that the next question is asked with."""

    name: str
    """As a turn keeps it."""


Attachment = str | Image


class NextQuestion:
    """What is put together in the screen's prompt."""

    def __init__(
        self, screen: HerdScreen, opened: OpenConversation, *, moved: Callable[[], None]
    ) -> None:
        """Begin with an empty prompt.

        Args:
            screen: It has a Prompt.
            opened: The conversation that is asked.
            moved: Called when the question is put together otherwise.
        """
        self.images: tuple[str, ...] = ()
        """What is shown to the model with it."""
        self.replaces: int | None = None
        """The place of the question that is asked otherwise, in a branch; None: it is a new one."""
        self._screen = screen
        self._opened = opened
        self._moved = moved
        self._of = ""
        """The conversation that it was begun in."""

    def follow(self) -> None:
        """Where another conversation is open by now, no question of this one is replaced."""
        if self._of != self._opened.now.id:
            self._of, self.replaces = self._opened.now.id, None

    def asked(self, text: str) -> Conversation:
        """The conversation with this question at its end."""
        if self.replaces is not None:
            return self._opened.now.branch(self.replaces, text)
        return self._opened.now.with_turn(Turn(Role.USER, text, images=self.images))

    def sent(self) -> None:
        """It was asked: the next one begins empty."""
        self.replaces, self.images = None, ()
        self._field.clear()

    def caption(self) -> str:
        """What is said of it under the conversation; empty where there is nothing to say."""
        if self.images:
            return captions.shown_with(self.images)
        return "" if self.replaces is None else "edit: enter branches off"

    def edit(self) -> None:
        """Take the last question into the prompt again; once more: the one before it."""
        turns = self._opened.now.turns
        end = len(turns) if self.replaces is None else self.replaces
        asked = [at for at in range(end) if turns[at].role is Role.USER]
        if not asked:
            return
        self.replaces = asked[-1]
        self._field.text = turns[asked[-1]].text
        self._field.focus()
        self._moved()

    def leave(self) -> None:
        """Replace no question any more; else show no images with it."""
        if self.replaces is not None:
            self.replaces = None
            self._field.clear()
        else:
            self.images = ()
        self._moved()

    def ask_what_to_attach(self) -> None:
        """Put a text file into the question, or show an image with it."""

        def named(text: str | None) -> None:
            if text:
                self.attach(text)

        title = "Attach a text file, or an image if the model sees"
        self._screen.app.push_screen(Ask(title, hint="its path"), named)

    def attach(self, path: str) -> None:
        """Attach the file of this path."""
        beside(self._screen, lambda: self._attached(Path(path)), self._put, group="attach")

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
        model = self._opened.now.model
        if model and image.projector(self._screen.herd.installed(model)) is None:
            raise CannotRun(f"{model} sees no images.", "ctrl+o lets one answer that does.")
        return Image(image.absolute(path))

    def _put(self, attachment: Attachment) -> None:
        if isinstance(attachment, Image):
            self.images = (*self.images, attachment.name)
            self._moved()
        else:
            self._insert(attachment)

    def choose_prompt(self) -> None:
        """Begin with a prompt of the library."""
        folder = self._screen.herd.places.prompts
        prompts = {prompt.name: prompt for prompt in library(folder)}

        def chosen(name: str | None) -> None:
            if name:
                self._fill(prompts[name], {})

        items = choices.prompts(prompts.values())
        self._screen.app.push_screen(Pick("Prompts", items, f"your own: files in {folder}"), chosen)

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

        self._screen.app.push_screen(Ask(f"{prompt.name}: {place}"), filled)

    def _insert(self, text: str) -> None:
        self._field.insert(text)
        self._field.focus()

    @property
    def _field(self) -> PromptField:
        return self._screen.query_one(PromptField)
