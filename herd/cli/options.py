"""Options that several verbs share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from herd.cli.session import Session
from herd.cli.verbs import Option
from herd.places import expanded

Verb = TypeVar("Verb", bound=Callable[..., Any])

with_session = click.make_pass_decorator(Session)
"""Gives the session to a verb as its first argument."""


def _put(name: str) -> Callable[[click.Context, click.Parameter, bool], None]:
    def put(context: click.Context, _: click.Parameter, value: bool) -> None:
        session = context.find_object(Session)
        if value and session is not None:
            setattr(session, name, True)

    return put


def talk(verb: Verb) -> Verb:
    """`-q` and `--debug`, which every verb takes and herd itself too."""
    for add in (
        click.option(
            "--debug",
            is_flag=True,
            expose_value=False,
            callback=_put("is_debug"),
            help="Show the traceback of an error.",
        ),
        click.option(
            "-q",
            "--quiet",
            is_flag=True,
            expose_value=False,
            callback=_put("is_quiet"),
            help="Say nothing but answers and errors.",
        ),
    ):
        verb = add(verb)
    return verb


yes = click.option("-y", "--yes", is_flag=True, help="Do not ask; the answer is yes.")
accept_licence = click.option(
    "--accept-licence", is_flag=True, help="Accept the licence, where one must be accepted."
)


def old_files(verb: Verb) -> Verb:
    """What an install of ggml files can be told."""
    for add in (
        click.option(
            "--keep-original",
            is_flag=True,
            help="Keep a ggml file in the store beside the GGUF that is made of it.",
        ),
        click.option(
            "--template",
            metavar="NAME",
            help="The prompt that a ggml file was made for: alpaca, vicuna or plain.",
        ),
    ):
        verb = add(verb)
    return verb


def places(name: str, field: str, words: str) -> Callable[[Verb], Verb]:
    """Paths on this machine that may have bytes that are wanted; as often as there are any."""

    def absolute(_: click.Context, __: click.Parameter, value: tuple[str, ...]) -> tuple[Path, ...]:
        return tuple(expanded(each).absolute() for each in value)

    path = click.Path(exists=True)
    return click.option(
        name, field, metavar="PATH", multiple=True, type=path, callback=absolute, help=words
    )


as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON; sizes are bytes.")


def sampling(verb: Verb) -> Verb:
    """How answers are drawn; what is not given is the model's own, else herd's."""
    options = (
        ("--temperature", float, "T", "How freely words are drawn; 0 always takes the likeliest."),
        ("--top-k", click.IntRange(0), "N", "Draw from the N likeliest; 0: from all."),
        ("--top-p", click.FloatRange(0, 1), "P", "Draw from those that share the mass P."),
        ("--min-p", click.FloatRange(0, 1), "P", "Leave out those below P of the likeliest."),
        ("--repeat-penalty", click.FloatRange(0), "R", "Above 1, what was said is said less."),
        ("--seed", click.IntRange(0), "N", "The same seed, the same answer."),
        ("--max-tokens", click.IntRange(1), "N", "End the answer after N tokens."),
    )
    for name, kind, metavar, words in reversed(options):
        verb = click.option(
            name, type=kind, metavar=metavar, help=words, cls=Option, panel="Sampling"
        )(verb)
    return verb


def loading(verb: Verb) -> Verb:
    """How the model is loaded; what is not given is the configuration's, else chosen to fit."""
    from herd.config import CACHES
    from herd.templates import TEMPLATES

    options = (
        ("--ctx", "context", click.IntRange(64, 1 << 24), "N", "Hold N tokens of conversation."),
        ("--gpu-layers", "gpu_layers", click.IntRange(-1), "N", "Put N layers on the GPU."),
        ("--threads", "threads", click.IntRange(1, 1024), "N", "Compute with N threads."),
        (
            "--batch",
            "batch",
            click.IntRange(32, 1 << 16),
            "N",
            "Read N tokens of a prompt at once.",
        ),
        ("--template", "template", click.Choice(tuple(TEMPLATES)), None, "Its chat template."),
        ("--cache", "cache", click.Choice(CACHES), None, "Type of the context's keys and values."),
    )
    switches = (
        ("--flash-attn/--no-flash-attn", "flash_attn", "Use flash attention, or not."),
        ("--mmap/--no-mmap", "mmap", "Map the file into memory, or read it."),
    )
    for name, field, words in reversed(switches):
        verb = click.option(name, field, default=None, help=words, cls=Option, panel="Loading")(
            verb
        )
    for name, field, kind, metavar, words in reversed(options):
        verb = click.option(
            name, field, type=kind, metavar=metavar, help=words, cls=Option, panel="Loading"
        )(verb)
    return verb
