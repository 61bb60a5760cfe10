"""Help: every verb and every option has some."""

from __future__ import annotations

import click
import pytest

from herd.cli.reference import commands
from herd.cli.tree import PANELS
from herd.cli.verbs import Verb
from tests.cli.calling import Caller

VERBS = [verb for verbs in PANELS.values() for verb in verbs]
COMMANDS = list(commands())


@pytest.mark.parametrize("verb", VERBS, ids=lambda verb: verb.name)
def test_a_verb_is_listed_with_the_first_sentence_of_its_own_help(verb: Verb) -> None:
    command = verb.load()

    assert command.name == verb.name
    assert (command.help or "").split("\n\n")[0].strip() == verb.help


@pytest.mark.parametrize(("words", "command"), COMMANDS, ids=[words for words, _ in COMMANDS])
def test_every_command_and_every_option_has_help(words: str, command: click.Command) -> None:
    silent = [
        parameter.name
        for parameter in command.params
        if isinstance(parameter, click.Option) and not parameter.help
    ]

    assert command.help, words
    assert silent == []


@pytest.mark.parametrize(("words", "command"), COMMANDS, ids=[words for words, _ in COMMANDS])
def test_every_command_is_quiet_and_shows_tracebacks_when_told(
    words: str, command: click.Command
) -> None:
    options = {name for parameter in command.params for name in parameter.opts}

    assert isinstance(command, click.Group) or {"--quiet", "--debug"} <= options


def test_names_and_aliases_are_each_given_once() -> None:
    names = [name for verb in VERBS for name in (verb.name, *verb.aliases)]

    assert sorted(names) == sorted(set(names))


def test_the_help_lists_every_verb_under_its_heading(herd: Caller) -> None:
    out = herd("--help").out

    assert out.startswith("Usage: herd ")
    at = 0
    for heading, verbs in PANELS.items():
        assert (at := out.find(f"\n{heading}\n", at)) > 0
        for verb in verbs:
            assert out.find(f"\n  {', '.join((verb.name, *verb.aliases))} ", at) > 0


@pytest.mark.parametrize("words", [(), ("-h",), ("--help",)])
def test_herd_alone_is_its_help_where_nobody_could_see_the_app(
    herd: Caller, words: tuple[str, ...]
) -> None:
    ran = herd(*words)

    assert (ran.code, ran.err) == (0, "")
    assert 'herd run smollm2 "Why do llamas hum?"' in ran.out


def test_the_help_of_run_has_sampling_under_a_heading_of_its_own(herd: Caller) -> None:
    out = herd("run", "--help").out

    assert out.find("\nSampling\n") < out.find("--temperature") < out.find("\nOptions\n")


def test_the_version_is_printed_alone(herd: Caller) -> None:
    from herd import __version__

    assert herd("--version").out == f"herd {__version__}\n"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("instal",), "There is no verb 'instal': did you mean install"),
        (("frobnicate",), "There is no verb 'frobnicate'.\n"),
        (("list", "--jsn"), "No such option"),
        (("install",), "Missing argument"),
    ],
)
def test_what_cannot_be_understood_is_said_with_where_help_is(
    herd: Caller, words: tuple[str, ...], said: str
) -> None:
    ran = herd(*words)

    assert (ran.code, ran.out) == (2, "")
    assert said in ran.err
    assert "--help` shows how it is used." in ran.err
