"""What works on every screen, and how one leaves."""

from __future__ import annotations

import asyncio
import threading

import pytest
from textual.command import CommandPalette

from herd.errors import HistoryUnreadable, Interrupted
from herd.store.proof import Work
from herd_tui.screens.chat import ChatScreen
from herd_tui.screens.help import Help
from herd_tui.screens.library import LibraryScreen
from herd_tui.screens.logs import Logs
from herd_tui.screens.quit_dialog import QuitDialog
from herd_tui.widgets.key_line import KeyLine
from herd_tui.widgets.top_bar import TopBar
from tests.tui.conftest import Opening
from tests.tui.shelf import Given


async def test_library_and_chat_are_one_key_apart(opened: Opening) -> None:
    async with opened() as hand:
        await hand.command("app.show_chat")
        assert hand.is_at(ChatScreen)
        await hand.command("app.show_library")
        assert hand.is_at(LibraryScreen)


async def test_a_click_on_a_tab_goes_there(opened: Opening) -> None:
    async with opened() as hand:
        await hand.pilot.click(TopBar, offset=(hand.screen.index("F3 Chat"), 0))
        await hand.settle()

        assert hand.is_at(ChatScreen)


async def test_a_click_on_a_key_of_the_last_line_is_as_good_as_the_key(opened: Opening) -> None:
    async with opened() as hand:
        last = hand.app.screen.query_one(KeyLine)
        await hand.pilot.click(KeyLine, offset=(last.render().plain.index("Help"), 0))
        await hand.settle()

        assert hand.is_at(Help)


async def test_help_opens_and_closes(opened: Opening) -> None:
    async with opened() as hand:
        await hand.command("app.show_help")
        assert hand.is_at(Help)
        await hand.looks_like("help")
        await hand.press("escape")
        assert hand.is_at(LibraryScreen)


async def test_the_logs_are_shown_as_text(opened: Opening, given: Given) -> None:
    log = given.herd.places.log_file
    log.parent.mkdir(parents=True)
    log.write_text("a [red]line[/red] of \x1b[31mherd\n")
    async with opened() as hand:
        await hand.command("app.show_logs")
        assert hand.is_at(Logs)

        assert "a [red]line[/red] of [31mherd" in hand.screen
        assert "nothing was written yet" in hand.screen


async def test_the_colours_can_be_chosen(opened: Opening) -> None:
    async with opened() as hand:
        await hand.command("app.change_theme")
        await hand.until(lambda: hand.is_at(CommandPalette))


async def test_one_leaves_at_once_when_nothing_is_under_way(opened: Opening) -> None:
    async with opened() as hand:
        await hand.command("app.leave")

        assert hand.app.return_code == 0
        assert not hand.app.is_running or hand.app._exit


async def test_one_is_asked_once_when_an_install_is_under_way(
    opened: Opening, given: Given
) -> None:
    given.hold("vicuna")
    async with opened() as hand:
        await hand.write("vicuna")
        await hand.press("enter")
        await hand.sees("50 %")
        await hand.command("app.leave")
        assert hand.is_at(QuitDialog)
        await hand.looks_like("leaving")
        await hand.press("n")
        assert hand.is_at(LibraryScreen)
        await hand.command("app.leave")
        await hand.command("app.leave")

        assert hand.app._exit


async def test_who_leaves_does_not_wait_for_pieces_that_are_hashed(
    opened: Opening, given: Given, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, ended = threading.Event(), threading.Event()

    def slow(work: Work, count: int) -> None:
        begun.set()
        work.stop.wait(30)
        ended.set()
        raise Interrupted("Verifying was stopped.")

    monkeypatch.setattr(Work, "took", slow)
    async with opened() as hand:
        await hand.write("vicuna")
        await hand.press("enter")
        await hand.until(begun.is_set)
    await asyncio.get_running_loop().shutdown_default_executor()  # as asyncio does at the end
    assert not ended.is_set()
    given.herd.close()
    assert ended.wait(30)


async def test_ctrl_c_says_how_one_leaves(opened: Opening) -> None:
    async with opened() as hand:
        await hand.command("app.show_chat")
        await hand.press("ctrl+c")

        await hand.sees("ctrl+q leaves herd.")


async def test_trouble_with_the_conversations_is_one_sentence(
    opened: Opening, given: Given
) -> None:
    given.herd.places.chats.parent.mkdir(parents=True, exist_ok=True)
    given.herd.places.chats.write_bytes(b"this is no database, not at all, not even nearly" * 99)
    async with opened() as hand:
        await hand.command("app.show_chat")

        await hand.sees("is damaged")
        assert "Traceback" not in hand.screen
        assert HistoryUnreadable.__name__ not in hand.screen
