"""`herd run`: a question and its answer on stdout, or a chat in the plain terminal."""

from __future__ import annotations

import contextlib
import json
import sys
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from herd import image
from herd.chat import Conversation, Role, Turn
from herd.cli import completion, options
from herd.cli.answer_stream import Voice
from herd.cli.install import Wishes, bring
from herd.cli.session import Session
from herd.cli.terminal import is_terminal
from herd.cli.verbs import Command
from herd.config import Loading
from herd.engine import Adapter, Extras
from herd.errors import BadUsage, Interrupted, UnknownModel
from herd.model import Installed, Sampling

if TYPE_CHECKING:
    from herd.answer import Answer

MOST_PIPED = 1 << 24
"""Bytes; no context holds more."""


@click.command(cls=Command)
@click.argument("model", required=False, shell_complete=completion.known)
@click.argument("prompt", nargs=-1)
@click.option("--system", metavar="TEXT", help="What the model is told before everything else.")
@options.yes
@options.accept_licence
@click.option(
    "--json-schema",
    "schema",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Answer in JSON of this schema.",
)
@click.option(
    "--lora",
    "loras",
    multiple=True,
    metavar="FILE|NAME[:SCALE]",
    help="Change the model by an adapter (GGUF); several add up.",
)
@click.option(
    "--image",
    "images",
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Show the model an image; several are shown in this order.",
)
@click.option(
    "--mmproj",
    "projector",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="See images with this vision encoder, in place of the model's own.",
)
@click.option("--think/--no-think", "thinks", default=None, help="Have it think first, or not.")
@options.sampling
@options.loading
@click.option("--save", "keeps", is_flag=True, help="Keep the conversation; the app shows it.")
@click.option("--json", "as_json", is_flag=True, help="Print the whole answer as JSON.")
@options.talk
@options.with_session
def run(
    session: Session,
    /,
    model: str | None,
    prompt: tuple[str, ...],
    system: str | None,
    yes: bool,
    accept_licence: bool,
    keeps: bool,
    as_json: bool,
    schema: Path | None,
    thinks: bool | None,
    loras: tuple[str, ...],
    images: tuple[Path, ...],
    projector: Path | None,
    **given: Any,
) -> None:
    """Answer a prompt, or chat in the plain terminal.

    MODEL is a name, an address or a path; one that is not installed is installed first, after
    asking. What is piped in follows the PROMPT. Without either this is a chat: Ctrl-C stops an
    answer, Ctrl-D leaves, /help lists what else there is. stdout gets the answer alone.
    """
    question = _question(prompt)
    if as_json and question is None:
        raise BadUsage("--json needs a prompt.", 'Write `herd run MODEL "a question" --json`.')
    extras = None
    if schema or thinks is not None:
        extras = Extras(schema=read_schema(schema) if schema else None, thinks=thinks)
    session.herd.adapters = tuple(adapter(session, each) for each in loras)
    session.herd.projector = projector.absolute() if projector else None
    shown = tuple(image.absolute(each) for each in images)
    session.herd.loading = Loading(**{each.name: given.pop(each.name) for each in fields(Loading)})
    session.herd.engine.prepare()  # it starts while the store is asked
    sampling = Sampling(**given)
    wishes = Wishes(is_licence_accepted=accept_licence, must_ask=not yes, asks_nothing=yes)
    held = ready(session, model or session.herd.config.model, wishes)
    session.keep_log()
    voice = Voice(session, sampling, extras)
    voice.keeps = keeps
    conversation = begun(held, system)
    if question is None:
        from herd.cli.plain_chat import Talk

        Talk(session, voice, conversation, shown).go()
        return
    asked = conversation.with_turn(Turn(Role.USER, question, images=shown))
    answer = voice.answer(asked, is_silent=as_json)
    if as_json:
        session.answer_json(_form(answer))
    if answer.stop.is_set():
        raise Interrupted("Stopped.")


def ready(session: Session, text: str, wishes: Wishes) -> Installed:
    """The installed model of this name; it is installed first where it must be.

    Raises:
        UnknownModel: nobody knows the name, or it is not installed and nobody can be asked.
        Interrupted: the person does not want it.
        HerdError: as installing.
    """
    try:
        return session.herd.installed(text)
    except UnknownModel as missing:
        if session.herd.store.is_away:
            raise  # it may be there, on a drive that was unplugged
        choice = session.herd.choose(text)
        for each in session.herd.store.installed():
            if each.reference == choice.reference:
                return each
        if wishes.must_ask and not session.can_ask:
            raise UnknownModel(
                f"{choice.reference} is not installed.",
                f"`herd install {text}` fetches it, and so does -y.",
            ) from missing
    bring(session, [choice], wishes)
    return session.herd.store.find(choice.reference)


def adapter(session: Session, text: str) -> Adapter:
    """A file, or the name of an installed adapter; a number behind the last colon is its scale.

    Raises:
        UnknownModel: there is no such file and no such name.
    """
    name, scale = text, 1.0
    before, colon, after = text.rpartition(":")
    with contextlib.suppress(ValueError):
        scale = float(after) if colon else 1.0
        name = before if colon else text
    if Path(name).is_file():
        return Adapter(Path(name).absolute(), scale)
    return Adapter(session.herd.store.path_of(session.herd.installed(name)), scale)


def read_schema(path: Path) -> dict[str, Any]:
    """A JSON Schema.

    Raises:
        BadUsage: the file does not hold one.
    """
    try:
        schema = json.loads(path.read_bytes())
    except RecursionError as error:
        raise BadUsage(f"{path} is nested too deep.", "Write it more simply.") from error
    except (OSError, ValueError) as error:
        raise BadUsage(f"{path} does not read as JSON: {error}.", "Mend the file.") from error
    if not isinstance(schema, dict):
        raise BadUsage(f"{path} is no JSON Schema: that is an object.", "Mend the file.")
    return schema


def begun(held: Installed, system: str | None) -> Conversation:
    """A conversation in which nobody has asked anything yet."""
    turns = (Turn(Role.SYSTEM, system),) if system else ()
    return Conversation(turns, model=str(held.reference))


def _question(prompt: tuple[str, ...]) -> str | None:
    """What is asked: the words, then what is piped in; None: there will be a chat.

    Raises:
        BadUsage: there is neither a question nor a person.
    """
    asked = " ".join(prompt).strip()
    if is_terminal(sys.stdin):
        return asked or None
    question = "\n\n".join(text for text in (asked, _piped()) if text)
    if not question:
        raise BadUsage("There is no prompt.", 'Write `herd run MODEL "a question"`.')
    return question


def _piped() -> str:
    try:
        content = sys.stdin.buffer.read(MOST_PIPED + 1)
    except (OSError, ValueError, AttributeError):  # closed: nobody pipes anything
        return ""
    if len(content) > MOST_PIPED:
        raise BadUsage("More than 16 MB were piped in.", "No model reads that much at once.")
    return content.decode(errors="replace").strip()


def _form(answer: Answer) -> dict[str, object]:
    began, finished = answer.began, answer.finished
    return {
        "model": answer.turn.model,
        "text": answer.text,
        "thought": answer.thought,
        "reason": finished.reason if finished else None,
        "tokens": finished.tokens if finished else None,
        "seconds": finished.seconds if finished else None,
        "first_token_seconds": finished.first_token_seconds if finished else None,
        "prompt_tokens": began.prompt_tokens if began else None,
        "left_out": began.left_out if began else None,
    }
