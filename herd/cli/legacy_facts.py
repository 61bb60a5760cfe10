"""What a ggml file does not say and a person may know: its name and its prompt."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from herd.cli.session import Session
from herd.model import Choice, File, Format, PathSource, Sha256, is_name

if TYPE_CHECKING:
    from herd.resolve import Promise

UNKNOWN = "plain"
"""The prompt that is offered first where the name of the file gives none away."""


def chosen(session: Session, text: str, promise: Promise) -> Choice:
    """What the text stands for; of a ggml file all that can be found out or asked.

    Raises:
        HerdError: as `Herd.choose`.
        Interrupted: the person does not answer.
    """
    choice = session.herd.choose(text, promise)
    if not _is_own(choice):
        return choice
    if promise.name is None and promise.template is None:
        offered = _recognised(session, choice)
        if offered is not None:
            return offered
    return session.herd.choose(text, _completed(session, choice, promise))


def _is_own(choice: Choice) -> bool:
    """Whether the choice is a ggml file that no registry vouches for."""
    return choice.variant.format is Format.GGML and choice.model.registry is None


def _recognised(session: Session, choice: Choice) -> Choice | None:
    """The registry's model that the file is, digest for digest."""
    candidates = session.herd.alike(choice)
    if not candidates:
        return None
    from herd.resolve import at_home

    digests = [_digest(session, file) for file in choice.variant.files]
    for each in candidates:
        if [file.sha256 for file in each.variant.files] == digests:
            return at_home(each, choice)
    return None


def _digest(session: Session, file: File) -> Sha256 | None:
    """What the source promises, or what a file on this machine has."""
    (source,) = file.sources
    if file.sha256 is not None or not isinstance(source, PathSource):
        return file.sha256
    from herd.cli.task import done
    from herd.convert import digest_of
    from herd.progress import Gauge

    path, gauge, stop = Path(source.path), Gauge(), threading.Event()
    return done(session, file.name, gauge, stop, lambda: digest_of(path, gauge, stop))


def _completed(session: Session, choice: Choice, promise: Promise) -> Promise:
    """The promise with what the person says to the questions that are open."""
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
