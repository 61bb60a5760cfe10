"""What is typed into the library's filter and is no name: an address, a magnet, a path."""

from __future__ import annotations

from pathlib import Path

from herd.core import Herd
from herd_tui.app import HerdApp
from herd_tui.messages import Install, OpenChat
from herd_tui.screens.question import Question
from herd_tui.widgets.filter import Filter
from tests.foreign.layouts import gguf, write
from tests.tools.fakes import GGUF
from tests.tui.conftest import Opening
from tests.tui.hand import Hand
from tests.tui.shelf import MEMORY, Given, url
from tests.tui.test_library import card, names, under_cursor


async def test_an_address_that_is_typed_offers_to_be_installed(opened: Opening) -> None:
    async with opened() as hand:
        for typed, said in (
            ("magnet:?xt=urn:btih:" + "a" * 40, "A magnet that is in no registry"),
            ("https://models.example.org/new.gguf", "An address that is in no registry"),
            ("hf:someone/something", "A repository of the Hugging Face Hub"),
            ("~/llama.gguf", "A path that is in no registry"),
        ):
            await hand.write(typed)
            assert said in card(hand)
            assert "Nothing matches" not in card(hand)
            await hand.command("library.clear")
        await hand.write("https://models.example.org/new.gguf")
        await hand.looks_like("library-address")


async def test_what_no_registry_vouches_for_is_asked_first(opened: Opening, given: Given) -> None:
    address = "https://models.example.org/stranger.gguf"
    given.carrier.contents[address] = GGUF + b"stranger"
    async with opened() as hand:
        await hand.write(address)
        await hand.press("enter")
        await hand.until(lambda: hand.is_at(Question))
        await hand.sees("Nobody promised a digest: it will be called unverified.")
        assert "models.example.org" in hand.screen
        assert given.carrier.asked == []
        await hand.press("y")

        await hand.sees("stranger:file is installed")
        await hand.until(lambda: under_cursor(hand) == "stranger")
        assert not given.herd.installed("stranger").is_verified


async def test_a_path_that_is_typed_is_installed_like_a_name(opened: Opening, given: Given) -> None:
    gguf = given.herd.places.store / "mine.gguf"
    gguf.parent.mkdir(parents=True, exist_ok=True)
    gguf.write_bytes(b"nothing of the kind")
    async with opened() as hand:
        hand.app.screen.query_one(Filter).value = str(gguf)
        await hand.settle()
        await hand.press("enter")

        # The test's only carrier brings addresses, so this is as far as it goes here.
        await hand.sees("mine")
        assert len(hand.got(Install)) == 1
        assert url("mine") not in given.carrier.asked


async def test_what_was_typed_as_a_path_is_under_the_cursor_once_it_is_here(
    given: Given, tmp_path: Path
) -> None:
    given.install("vicuna")
    path = write(tmp_path / "mine-Q4_0.gguf", gguf())
    hand = Hand(HerdApp(Herd(given.herd.places), memory=MEMORY), tmp_path)
    async with hand.app.run_test(notifications=True, message_hook=hand.messages.append) as pilot:
        hand.pilot = pilot
        await hand.settle()
        await hand.write(str(path))
        assert "nothing is fetched" in card(hand)
        assert "asks before" not in card(hand)
        await hand.press("enter")
        await hand.sees("mine:q4_0 is installed")

        await hand.until(lambda: under_cursor(hand) == "mine")
        assert hand.app.screen.query_one(Filter).value == ""
        assert "vicuna" in names(hand)
        await hand.press("enter")
        assert [message.reference for message in hand.got(OpenChat)] == ["mine:q4_0"]
        assert len(hand.got(Install)) == 1
