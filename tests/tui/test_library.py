"""The library: find a model, see what it is, get it, talk to it."""

from __future__ import annotations

import pytest
from textual.widgets import Static

from herd.errors import HerdError, NoSourceDelivered
from herd.library import Entry
from herd_tui.filtering import Order, Sieve
from herd_tui.messages import Install, LibraryChanged, OpenChat
from herd_tui.rows import rows
from herd_tui.screens.chat import ChatScreen
from herd_tui.screens.licence import LicenceQuestion
from herd_tui.screens.question import Question
from herd_tui.widgets.details import Details
from herd_tui.widgets.filter import Filter
from herd_tui.widgets.model_list import ModelList
from tests.tui.conftest import Opening
from tests.tui.hand import Hand
from tests.tui.shelf import MEMORY, MODELS, Given, model


def names(hand: Hand) -> list[str]:
    return [row.name for row in hand.app.screen.query_one(ModelList).rows]


def under_cursor(hand: Hand) -> str | None:
    row = hand.app.screen.query_one(ModelList).current
    return row.name if row else None


def card(hand: Hand) -> str:
    return str(hand.app.screen.query_one(Details).query_one(Static).content)


async def test_what_is_installed_comes_first_and_then_what_is_offered(
    opened: Opening, given: Given
) -> None:
    given.install("vicuna")
    async with opened() as hand:
        assert names(hand)[0] == "vicuna"
        assert set(names(hand)) == {model.name for model in MODELS}
        await hand.looks_like("library")


async def test_typing_sifts_the_list_by_name_size_licence_and_fit(opened: Opening) -> None:
    async with opened() as hand:
        await hand.press(*"7b", "space", *"research")

        assert names(hand) == ["alpaca"]
        await hand.command("library.clear")
        assert len(names(hand)) == len(MODELS)
        await hand.write("fits llama")
        assert set(names(hand)) == {"llama-small", "llama-large", "old-llama"}


def test_a_whole_name_comes_before_what_begins_with_it() -> None:
    longer, whole = model("llama-small-2"), model("llama-small")
    shelf = rows([Entry(longer.name, longer), Entry(whole.name, whole)], None)
    found = Sieve(shelf).sift("llama-small")

    assert [row.name for row in found] == ["llama-small", "llama-small-2"]


@pytest.mark.parametrize("order", Order)
def test_a_list_that_was_sifted_before_finds_the_same(order: Order) -> None:
    shelf = rows([Entry(each.name, each) for each in MODELS], MEMORY)
    sieve = Sieve(shelf, order)

    for text in ("l", "ll", "lla", "llama 7", "llama 7b", "7b", "a", "", "b a", "ba", "apache o"):
        assert sieve.sift(text) == Sieve(shelf, order).sift(text)


async def test_the_model_under_the_cursor_stays_in_sight_when_the_filter_goes(
    opened: Opening,
) -> None:
    async with opened() as hand:
        last = names(hand)[-1]
        await hand.pilot.resize_terminal(80, 14)
        await hand.write(last)
        assert under_cursor(hand) == last
        await hand.command("library.clear")

        models = hand.app.screen.query_one(ModelList)
        assert under_cursor(hand) == last
        assert models.size.height < len(MODELS), "the list is longer than the screen"
        await hand.until(lambda: models.cursor < models.scroll_offset.y + models.size.height)
        assert models.cursor >= models.scroll_offset.y


async def test_typing_puts_the_cursor_on_what_is_nearest_wherever_it_was_before(
    opened: Opening,
) -> None:
    async with opened() as hand:
        while under_cursor(hand) != "old-llama":
            await hand.command("library.down")

        await hand.write("llama")

        assert names(hand) == ["llama-small", "llama-large", "old-llama"]
        assert under_cursor(hand) == "llama-small"


async def test_a_filter_that_nothing_matches_says_so(opened: Opening) -> None:
    async with opened() as hand:
        await hand.write("zebra")

        assert names(hand) == []
        assert "Nothing matches" in card(hand)
        await hand.looks_like("library-nothing-matches")


async def test_the_cursor_moves_while_the_filter_keeps_the_focus(opened: Opening) -> None:
    async with opened() as hand:
        await hand.command("library.down")
        assert under_cursor(hand) == names(hand)[1]
        await hand.command("library.up")
        assert under_cursor(hand) == names(hand)[0]
        await hand.command("library.page_down")
        assert under_cursor(hand) == names(hand)[-1]
        await hand.command("library.page_up")
        assert under_cursor(hand) == names(hand)[0]
        assert hand.is_in(Filter)


async def test_the_card_says_what_a_model_is_and_what_its_licence_allows(opened: Opening) -> None:
    async with opened(size=(140, 40)) as hand:
        await hand.write("alpaca")

        for words in (
            "7B parameters",
            "no commercial use",
            "must be accepted",
            "variants",
            "sha256",
        ):
            assert words in card(hand)
        await hand.looks_like("library-card-wide")


async def test_the_card_says_where_the_bytes_will_come_from_and_what_is_held_against_sources(
    opened: Opening, given: Given
) -> None:
    [file] = given.herd.choose("vicuna").variant.files
    given.herd.ranks.note([(file.sources[0], "gone: it is not there (404)")])
    async with opened(size=(120, 30)) as hand:
        await hand.write("vicuna")
        await hand.until(lambda: "asked last: gone: it is not there (404), today" in card(hand))

        assert "fetch    4.1 kB" in card(hand)
        assert "100.00 GB are free" in card(hand)
        assert "template the model's own" in card(hand)
        assert "4,096 tokens" in card(hand)
        await hand.looks_like("library-card-sources")


async def test_the_card_of_an_installed_model_says_how_it_would_be_loaded(
    opened: Opening, given: Given
) -> None:
    given.install("vicuna")
    async with opened(size=(120, 30)) as hand:
        await hand.until(lambda: "loaded   q4_0, fits: context" in card(hand))

        assert "came from" in card(hand)


async def test_the_library_is_grouped_by_a_key_and_the_cursor_stands_on_models_alone(
    opened: Opening, given: Given
) -> None:
    given.install("vicuna")
    async with opened() as hand:
        first = under_cursor(hand)
        await hand.command("library.group")
        await hand.sees("─ vicuna (1) ─")
        await hand.sees("─ llama (2) ─")
        assert under_cursor(hand) == first
        await hand.looks_like("library-grouped")
        seen: list[str | None] = []
        for _ in range(3):
            await hand.command("library.page_up")
        for _ in names(hand):
            seen.append(under_cursor(hand))
            await hand.command("library.down")
        assert None not in seen
        assert set(seen) == set(names(hand))

        await hand.command("library.group")
        await hand.sees("─ chat (8) ─")
        await hand.command("library.group")
        await hand.sees("─ installed (1) ─")
        await hand.sees("─ not installed (7) ─")
        await hand.write("guanaco")
        assert under_cursor(hand) == "guanaco"
        await hand.command("library.group")
        await hand.until(lambda: "─ not" not in hand.screen)


async def test_a_click_on_the_name_of_a_group_chooses_nothing(opened: Opening) -> None:
    async with opened() as hand:
        await hand.command("library.group")
        first = under_cursor(hand)
        await hand.pilot.click(ModelList, offset=(5, 0), times=2)
        await hand.settle()

        assert under_cursor(hand) == first
        assert hand.got(Install) == []


async def test_what_a_registry_says_is_text_and_never_markup(opened: Opening) -> None:
    async with opened() as hand:
        await hand.write("vicuna")

        assert "[b]politely[/b]" in hand.screen


async def test_enter_installs_the_model_and_the_bar_is_seen_meanwhile(
    opened: Opening, given: Given
) -> None:
    gate = given.hold("vicuna")
    async with opened() as hand:
        await hand.write("vicuna")
        await hand.command("library.install")
        await hand.sees("50 %")

        await hand.looks_like("library-installing")
        gate.set()
        await hand.sees("vicuna:q4_0 is installed")
        assert [str(each.reference) for each in given.herd.store.installed()] == ["vicuna:q4_0"]
        assert len(hand.got(Install)) == 1
        assert len(hand.got(LibraryChanged)) == 1
        await hand.until(lambda: "installed" in card(hand))
        await hand.looks_like("library-installed")


async def test_enter_on_an_installed_model_opens_a_chat_with_it(
    opened: Opening, given: Given
) -> None:
    given.install("vicuna")
    async with opened() as hand:
        await hand.command("library.chat")

        assert hand.is_at(ChatScreen)
        assert hand.app.chat.conversation.model == "vicuna:q4_0"
        assert [message.reference for message in hand.got(OpenChat)] == ["vicuna:q4_0"]


async def test_a_double_click_does_the_same_as_enter(opened: Opening, given: Given) -> None:
    given.install("vicuna")
    async with opened() as hand:
        await hand.pilot.click(ModelList, offset=(5, 0), times=2)
        await hand.settle()

        assert hand.is_at(ChatScreen)


async def test_a_click_on_a_row_shows_its_card(opened: Opening) -> None:
    async with opened() as hand:
        await hand.pilot.click(ModelList, offset=(5, 2))
        await hand.settle()

        assert under_cursor(hand) == names(hand)[2]
        assert MODELS[2].title in card(hand)


async def test_a_licence_is_shown_and_must_be_accepted_first(opened: Opening, given: Given) -> None:
    async with opened() as hand:
        await hand.write("alpaca")
        await hand.press("enter")

        assert hand.is_at(LicenceQuestion)
        assert "[bold]nobody[/bold]" in hand.screen
        await hand.looks_like("licence")
        await hand.press("n")
        assert given.carrier.asked == []

        await hand.press("enter")
        await hand.press("y")
        await hand.sees("alpaca:q4_0 is installed")
        assert hand.got(Install)[0].is_licence_accepted


async def test_a_model_that_cannot_run_says_so_before_the_first_byte(
    opened: Opening, given: Given
) -> None:
    async with opened() as hand:
        await hand.write("old-llama")
        await hand.press("enter")

        await hand.sees("cannot run")
        assert given.carrier.asked == []


async def test_what_is_too_big_for_the_machine_is_asked_first(
    opened: Opening, given: Given, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = "does not fit: it takes 15.10 GB and this machine has 16.00 GB"
    monkeypatch.setattr(given.herd, "foresee", lambda _: said)
    monkeypatch.setattr(given.herd.installer, "_memory", lambda: MEMORY)
    async with opened() as hand:
        await hand.write("guanaco")
        await hand.press("enter")
        await hand.until(lambda: hand.is_at(Question))
        await hand.sees("Install guanaco:q4_0?")
        assert "Too big for the memory" in hand.screen
        assert "15.10 GB" in hand.screen
        await hand.looks_like("library-too-big")
        await hand.press("n")

        assert hand.got(Install) == []
        assert given.carrier.asked == []


async def test_a_failed_install_says_why_and_what_to_do_next(opened: Opening, given: Given) -> None:
    given.carrier.failure = NoSourceDelivered("The [b]line[/b] is dead.", "Try again tomorrow.")
    async with opened() as hand:
        await hand.write("vicuna")
        await hand.press("enter")

        await hand.sees("The [b]line[/b] is dead.")
        await hand.sees("Try again tomorrow.")
        assert given.herd.store.installed() == ()
        await hand.looks_like("install-failed")


async def test_what_is_said_of_the_order_replaces_what_was_said_before(opened: Opening) -> None:
    async with opened() as hand:
        await hand.command("library.group")
        await hand.sees("Grouped by family.")
        await hand.command("library.group")

        await hand.sees("Grouped by role.")
        assert "Grouped by family." not in hand.screen
        hand.app.complain(HerdError("Something else."))
        await hand.sees("Something else.")
        await hand.command("library.sort")
        await hand.sees("Sorted by")
        assert "Something else." in hand.screen


async def test_a_name_that_nobody_knows_offers_the_nearest(opened: Opening) -> None:
    async with opened() as hand:
        await hand.write("vicunia")
        await hand.press("enter")

        await hand.sees("Did you mean vicuna?")


async def test_on_a_wide_light_screen_nothing_is_cut(opened: Opening, given: Given) -> None:
    given.install("llama-small")
    async with opened(size=(140, 40), theme="textual-light") as hand:
        assert "大きなラクダ" in str(hand.app.screen.query_one(ModelList).rows)
        await hand.looks_like("library-wide-light")


async def test_what_another_herd_installs_and_removes_is_seen(
    opened: Opening, given: Given, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("herd_tui.app.WATCH", 0.02)
    async with opened() as hand:
        await hand.until(lambda: hand.app._sight is not None)
        assert names(hand)[0] != "vicuna"
        given.install("vicuna")
        await hand.until(lambda: names(hand)[0] == "vicuna")
        given.herd.remove(given.herd.installed("vicuna"))
        await hand.until(lambda: names(hand)[0] != "vicuna")


async def test_a_registry_that_is_added_elsewhere_is_seen(
    opened: Opening, given: Given, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("herd_tui.app.WATCH", 0.02)
    async with opened() as hand:
        await hand.until(lambda: hand.app._sight is not None)
        assert "smollm2-135m" not in names(hand)
        folder = given.herd.places.user_registries
        folder.mkdir(parents=True)
        (folder / "mine.yaml").write_text("schema: 1\nmodels: {}\n")
        await hand.until(lambda: "smollm2-135m" in names(hand))  # all are read anew
