"""Commands are declared once; everything else follows from that."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from textual.widgets import Input

from herd_tui.commands import COMMANDS, Command, of_scope, slashed
from tests.tui.conftest import Opening
from tests.tui.shelf import Given

ALTERNATIVES = {"library.install", "library.chat"}
"""They share a key: only one of the two can be done at a time."""


def by_id(command: Command) -> str:
    return command.id


def test_every_command_has_a_name_of_its_own() -> None:
    twice = [name for name, times in Counter(each.id for each in COMMANDS).items() if times > 1]

    assert twice == []


def test_no_two_commands_of_a_place_share_a_key() -> None:
    for scope in {command.scope for command in COMMANDS}:
        keys = Counter(
            key
            for command in of_scope(scope)
            if command.id not in ALTERNATIVES
            for key in command.key.split(",")
            if key
        )
        assert [key for key, times in keys.items() if times > 1] == []


@pytest.mark.parametrize("command", COMMANDS, ids=by_id)
def test_a_command_says_what_it_does_in_a_sentence(command: Command) -> None:
    assert command.name
    assert command.help.endswith(".")


@pytest.mark.parametrize("command", COMMANDS, ids=by_id)
def test_a_command_is_driven_by_a_test(command: Command) -> None:
    tests = "".join(path.read_text() for path in Path(__file__).parent.glob("test_*.py"))

    assert f'"{command.id}"' in tests


@pytest.mark.parametrize("command", [each for each in COMMANDS if each.slash], ids=by_id)
def test_a_slash_stands_for_one_command(command: Command) -> None:
    assert slashed(command.slash) is command


async def test_the_help_screen_says_what_every_command_does(opened: Opening) -> None:
    async with opened(size=(140, 120)) as hand:
        await hand.command("app.show_help")

        assert [each.id for each in COMMANDS if each.help not in hand.screen] == []


async def test_the_help_names_commands_for_the_configuration_behind_what_they_do(
    opened: Opening,
) -> None:
    async with opened(size=(140, 200)) as hand:
        await hand.command("app.show_help")

        commands, _, names = hand.screen.partition("Other keys")
        assert [each.id for each in COMMANDS if each.id in commands] == []
        assert [each.id for each in COMMANDS if each.id not in names] == []


async def test_the_palette_finds_a_command_by_a_word_and_runs_it(
    opened: Opening, given: Given
) -> None:
    given.install("vicuna")
    async with opened() as hand:
        await hand.command("app.command_palette")
        await hand.until(lambda: bool(hand.app.screen.query(Input)))
        await hand.write("keys")
        await hand.sees("Help")
        await hand.press("enter")

        await hand.sees("Everywhere")


def configured(given: Given, text: str) -> None:
    path = given.herd.places.config_file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


async def test_the_keys_and_the_colours_of_the_configuration_hold(
    opened: Opening, given: Given
) -> None:
    configured(given, 'theme = "nord"\n[keys]\n"app.show_help" = "f12"\n')
    async with opened(size=(140, 60)) as hand:
        assert hand.app.theme == "nord"
        await hand.press("f1")
        assert "Everywhere" not in hand.screen
        await hand.press("f12")

        assert "Everywhere" in hand.screen
        assert "f12" in hand.screen


async def test_what_the_configuration_names_wrongly_is_said(opened: Opening, given: Given) -> None:
    configured(given, 'theme = "mud"\n[keys]\n"app.sing" = "f12"\n')
    async with opened() as hand:
        await hand.sees("app.sing is no command")
        await hand.sees("there is no theme mud")
