"""Variants, removing, verifying and the order of the library."""

from __future__ import annotations

from herd_tui.screens.pick import Pick
from herd_tui.screens.question import Question
from herd_tui.widgets.model_list import ModelList
from tests.tui.conftest import Opening
from tests.tui.shelf import Given
from tests.tui.test_library import names


async def test_a_chosen_variant_is_installed(opened: Opening, given: Given) -> None:
    async with opened() as hand:
        await hand.write("two-sizes")
        await hand.command("library.variants")
        await hand.until(lambda: hand.is_at(Pick))
        await hand.looks_like("variants")
        await hand.write("q8")
        await hand.press("enter")

        await hand.sees("two-sizes:q8_0 is installed")


async def test_a_model_is_removed_after_a_question_that_says_what_it_frees(
    opened: Opening, given: Given
) -> None:
    given.install("vicuna")
    async with opened() as hand:
        await hand.command("library.remove")
        await hand.until(lambda: hand.is_at(Question))
        assert "removing it frees" in hand.screen
        await hand.press("y")

        await hand.sees("are free again")
        assert given.herd.store.installed() == ()


async def test_a_sound_model_is_said_to_be_sound(opened: Opening, given: Given) -> None:
    given.install("vicuna")
    async with opened() as hand:
        await hand.command("library.verify")

        await hand.sees("vicuna:q4_0 is sound.")


async def test_what_is_wrong_with_a_model_is_said_and_mended(opened: Opening, given: Given) -> None:
    given.install("vicuna")
    path = given.herd.store.blob(given.herd.installed("vicuna").files[0].sha256)
    path.chmod(0o644)
    async with opened() as hand:
        await hand.command("library.verify")
        await hand.until(lambda: hand.is_at(Question))
        assert "can be written to" in hand.screen
        await hand.press("y")

        await hand.sees("It was mended.")
        assert path.stat().st_mode & 0o222 == 0


async def test_the_library_is_sorted_by_name_and_by_size(opened: Opening, given: Given) -> None:
    given.install("vicuna")
    async with opened() as hand:
        await hand.command("library.sort")
        assert names(hand)[0] == "vicuna"
        assert names(hand)[1:] == sorted(names(hand)[1:])
        await hand.command("library.sort")
        rows = hand.app.screen.query_one(ModelList).rows[1:]
        assert list(rows) == sorted(rows, key=lambda row: row.entry.size or 0)


async def test_who_has_no_model_is_told_what_to_begin_with(opened: Opening, given: Given) -> None:
    async with opened() as hand:
        assert "Nothing is installed yet" in hand.screen
        assert "is here in a minute" in hand.screen
        await hand.looks_like("library-first-run")
        await hand.write("vicuna")
        await hand.press("enter")
        await hand.sees("vicuna:q4_0 is installed")

        await hand.until(lambda: "Nothing is installed yet" not in hand.screen)
