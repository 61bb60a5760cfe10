"""What a ggml file does not say and a person may know: its name and its prompt."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from herd.cli.session import Session
from herd.model import Choice, Format, is_name

if TYPE_CHECKING:
    from herd.resolve import Promise

UNKNOWN = "plain"
"""The prompt that is offered first where the name of the file gives none away."""


def is_old(choice: Choice) -> bool:
    """Whether the choice is a ggml file that no registry knows."""
    return choice.variant.format is Format.GGML and choice.model.registry is None


def completed(session: Session, choice: Choice, promise: Promise) -> Promise:
    """The promise with what the person says to the questions that are open.

    Raises:
        Interrupted: the person does not answer.
    """
    from herd.legacy import PROMPTS, guessed

    file_name = choice.variant.files[0].name
    guess = guessed(file_name)
    if not session.can_ask:
        if promise.template is None:
            _say_guess(session, file_name, guess.name if guess else None)
        return promise
    session.say(f"{file_name} is a ggml file of 2023, which does not say these:")
    if promise.name is None:
        name = session.ask("Its name", default=choice.model.name, is_right=is_name)
        promise = replace(promise, name=name)
    if promise.template is None:
        question = f"The prompt that it was made for ({', '.join(PROMPTS)})"
        default = guess.name if guess else UNKNOWN
        answer = session.ask(question, default=default, is_right=PROMPTS.__contains__)
        promise = replace(promise, template=answer)
    return promise


def _say_guess(session: Session, file_name: str, guess: str | None) -> None:
    if guess:
        session.say(f"By its name, {file_name} was made for the prompt {guess} (or --template).")
    else:
        session.say(f"Nothing says which prompt {file_name} was made for; --template does.")
