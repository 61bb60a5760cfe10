"""Variants, removing, verifying and the order of the library."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from herd.errors import Interrupted
from herd.progress import Stage
from herd.store.findings import Report
from herd.store.proof import Work
from herd_tui.screens.import_models import ImportModels
from herd_tui.screens.pick import Pick
from herd_tui.screens.progress_dialog import ProgressDialog
from herd_tui.screens.question import Question
from herd_tui.screens.text_dialog import TextDialog
from herd_tui.widgets.model_list import ModelList
from tests.foreign.layouts import gguf, write
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


async def test_a_verification_shows_how_far_it_is_and_escape_stops_it(
    opened: Opening, given: Given, monkeypatch: pytest.MonkeyPatch
) -> None:
    given.install("vicuna")
    begun = threading.Event()

    def endless(_: object, __: object, work: Work) -> Report:
        work.gauge.begin(Stage.VERIFYING, 4_000_000_000, 1_000_000_000)
        begun.set()
        work.stop.wait(20)
        raise Interrupted("It was stopped.")

    monkeypatch.setattr("herd.verify.verify", endless)
    async with opened() as hand:
        hand.app.simulate_key("f6")
        await hand.pilot.pause()
        while "25 % of 4.00 GB" not in hand.screen:
            await hand.pilot.pause(0.02)
        assert "Stop (esc)" in hand.screen
        await hand.pilot.press("escape")

        await hand.until(lambda: not hand.is_at(ProgressDialog))
        assert "It was stopped." in hand.screen
        assert begun.is_set()


@pytest.fixture
def theirs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home with models of another tool, and none of herd's."""
    for name in ("HF_HOME", "HF_HUB_CACHE", "XDG_CACHE_HOME", "OLLAMA_MODELS", "LLAMA_CACHE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "person"))
    return tmp_path / "person" / ".lmstudio" / "models"


async def test_models_of_other_tools_are_found_ticked_and_taken_over(
    opened: Opening, given: Given, theirs: Path
) -> None:
    whole = write(theirs / "someone" / "Hummer-GGUF" / "hummer-Q4_0.gguf", gguf(1))
    write(theirs / "someone" / "Bleater-GGUF" / "bleater-Q8_0.gguf", gguf(2))
    write(theirs / "someone" / "Torn-GGUF" / "torn-Q4_0-00001-of-00002.gguf", gguf(3))
    async with opened(size=(110, 30)) as hand:
        await hand.command("library.import_found")
        await hand.until(lambda: hand.is_at(ImportModels))
        await hand.sees("3 models of other tools here, 2 can be imported")
        await hand.sees("2 is missing")
        await hand.press("space")
        await hand.sees("[x] someone/Bleater")
        await hand.looks_like("library-finds")
        await hand.press("space")
        assert "[x]" not in hand.screen
        await hand.press("a")
        await hand.press("enter")
        await hand.until(lambda: hand.is_at(TextDialog))

        await hand.sees("Imported hummer:q4_0 from lmstudio")
        assert "no byte copied" in hand.screen
        names = {str(each.reference) for each in given.herd.store.installed()}
        assert names == {"hummer:q4_0", "bleater:q8_0"}
        [hummer] = given.herd.installed("hummer").files
        assert given.herd.store.blob(hummer.sha256).samefile(whole)
        await hand.press("enter")
        await hand.sees("● hummer")


async def test_nothing_is_taken_over_unless_the_person_says_so(
    opened: Opening, given: Given, theirs: Path
) -> None:
    write(theirs / "someone" / "Hummer-GGUF" / "hummer-Q4_0.gguf", gguf(1))
    async with opened() as hand:
        await hand.command("library.import_found")
        await hand.until(lambda: hand.is_at(ImportModels))
        await hand.press("escape")

        assert given.herd.store.installed() == ()
        assert not hand.is_at(ImportModels)


async def test_where_no_other_tool_is_that_is_said(opened: Opening, theirs: Path) -> None:
    async with opened() as hand:
        await hand.command("library.import_found")

        await hand.sees("No models of Ollama")


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
