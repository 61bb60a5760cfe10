"""What can be done with a conversation as a whole."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from textual.widgets import Input, OptionList, TextArea

from herd.chat import Conversation, Role, Turn
from herd_tui.screens.pick import Pick
from herd_tui.screens.settings import Settings
from herd_tui.widgets.chat_status import ChatStatus
from herd_tui.widgets.prompt import Prompt
from herd_tui.widgets.turn_view import Thought
from tests.test_chatgpt import exported
from tests.tools.pictures import png
from tests.tui.chat_desk import MARKDOWN, answered, ask, fill, run, turns
from tests.tui.conftest import Opening
from tests.tui.hand import Hand
from tests.tui.shelf import Given


async def test_a_conversation_gets_another_title(chatting: Opening, given: Given) -> None:
    async with chatting() as hand:
        await ask(hand, "Well?")
        await hand.command("chat.rename")
        await fill(hand, "About [b]llamas[/b]")

        await hand.until(lambda: given.herd.history.all()[0].title == "About [b]llamas[/b]")


async def test_a_pinned_conversation_stands_first(chatting: Opening, given: Given) -> None:
    async with chatting(size=(120, 30)) as hand:
        await ask(hand, "Keep me.")
        await hand.command("chat.pin")
        await hand.until(lambda: given.herd.history.all()[0].is_pinned)
        await hand.command("chat.new")
        await ask(hand, "Newer.")

        await hand.sees("* Keep me.")
        assert [each.title for each in given.herd.history.all()] == ["Keep me.", "Newer."]


async def test_conversations_are_found_by_what_was_said(opened: Opening, given: Given) -> None:
    given.install("vicuna")
    for words in ("Why do llamas hum?", "What do camels drink?"):
        turns = (Turn(Role.USER, words), Turn(Role.ASSISTANT, "Who knows."))
        given.herd.history.save(Conversation(turns, model="vicuna:q4_0", title=words))
    async with opened(size=(120, 30)) as hand:
        await hand.command("app.show_chat")
        hand.app.screen.query_one("#conversations-filter", Input).value = "camels knows"
        await hand.until(lambda: hand.app.screen.query_one(OptionList).option_count == 1)

        assert "What do camels drink?" in hand.screen


async def test_an_earlier_question_is_asked_otherwise_in_a_branch(
    chatting: Opening, given: Given
) -> None:
    async with chatting(size=(120, 30)) as hand:
        await ask(hand, "One?")
        await ask(hand, "Two?", times=2)
        first = hand.app.chat.conversation.id
        await hand.command("chat.edit")
        await hand.command("chat.edit")
        assert hand.app.screen.query_one(Prompt).text == "One?"
        assert "branches off" in hand.screen
        hand.app.screen.query_one(Prompt).text = "Three?"
        await hand.press("enter")
        await answered(hand)

        assert turns(hand)[0] == ("user", "Three?")
        assert len(turns(hand)) == 2
        assert hand.app.chat.conversation.parent == first
        kept = given.herd.history.find(first)
        assert kept
        assert len(kept.turns) == 4


async def test_escape_leaves_a_question_that_is_edited(chatting: Opening) -> None:
    async with chatting() as hand:
        await ask(hand, "One?")
        await hand.command("chat.edit")
        await hand.press("escape")

        assert hand.app.screen.query_one(Prompt).text == ""
        await ask(hand, "Two?", times=2)


async def test_a_question_is_edited_no_more_once_another_conversation_was_open(
    chatting: Opening,
) -> None:
    async with chatting(size=(120, 30)) as hand:
        await ask(hand, "One?")
        await hand.command("chat.edit")
        await hand.sees("branches off")
        await hand.command("chat.new")
        hand.app.screen.query_one("#conversations", OptionList).focus()
        await hand.press("down", "enter")
        await hand.until(lambda: turns(hand)[:1] == [("user", "One?")])

        assert "branches off" not in hand.screen


async def test_system_prompt_and_sampling_hold_for_the_conversation(
    chatting: Opening, given: Given
) -> None:
    async with chatting() as hand:
        await hand.command("chat.settings")
        await hand.until(lambda: hand.is_at(Settings))
        hand.app.screen.query_one("#system", TextArea).text = "Be brief."
        hand.app.screen.query_one("#set-temperature", Input).value = "0.25"
        hand.app.screen.query_one("#set-seed", Input).value = "7"
        await hand.looks_like("chat-settings")
        await hand.press("ctrl+s")
        await ask(hand, "Well?")

        _, seen = given.engine.asked[-1]
        assert (seen[0].role, seen[0].text) == (Role.SYSTEM, "Be brief.")
        kept = given.herd.history.find(hand.app.chat.conversation.id)
        assert kept
        stamp = kept.turns[-1].stamp
        assert stamp
        assert (stamp.sampling.temperature, stamp.sampling.seed) == (0.25, 7)
        assert stamp.digest == given.herd.installed("vicuna").files[0].sha256
        assert kept.sampling.temperature == 0.25


async def test_a_thought_is_folded_and_unfolds(opened: Opening, given: Given) -> None:
    given.install("vicuna")
    said = (
        Turn(Role.USER, "Well?"),
        Turn(Role.ASSISTANT, "Yes.", model="vicuna:q4_0", thought="Let me [i]see[/i] now."),
    )
    given.herd.history.save(Conversation(said, model="vicuna:q4_0", title="Well?"))
    async with opened() as hand:
        await hand.command("app.show_chat")
        await hand.sees("thought, 4 words")
        assert "Let me" not in hand.screen
        await hand.looks_like("chat-thought")
        await hand.pilot.click(Thought, offset=(2, 0))

        await hand.sees("Let me [i]see[/i] now.")


async def test_the_last_code_is_copied(chatting: Opening, given: Given) -> None:
    given.engine.reply = lambda *_: MARKDOWN
    async with chatting() as hand:
        await ask(hand, "Code?")
        await run(hand, "chat.copy_code")

        assert hand.app.clipboard.startswith("def hum(")


async def test_a_conversation_is_written_to_a_file_and_never_over_another(
    chatting: Opening, tmp_path: Path
) -> None:
    target = tmp_path / "talk.md"
    async with chatting() as hand:
        await ask(hand, "Well?")
        await run(hand, "chat.export")
        await fill(hand, str(target))
        await hand.until(target.exists)
        assert "## You\n\nWell?" in target.read_text()
        await run(hand, "chat.export")
        await fill(hand, str(target))

        await hand.sees("is there already")


async def test_a_text_file_is_put_into_the_question(chatting: Opening, tmp_path: Path) -> None:
    notes = tmp_path / "notes.txt"
    notes.write_text("Llamas hum.")
    async with chatting() as hand:
        await run(hand, "chat.attach")
        await fill(hand, str(notes))

        await hand.until(lambda: "Llamas hum." in hand.app.screen.query_one(Prompt).text)
        await run_cleared(hand)
        await fill(hand, str(tmp_path))
        await hand.sees("cannot be read")


async def test_attach_takes_the_path_behind_it(chatting: Opening, tmp_path: Path) -> None:
    notes = tmp_path / "my notes.txt"
    notes.write_text("Llamas hum.")
    async with chatting() as hand:
        await hand.say(f"/attach {notes}")

        await hand.until(lambda: "Llamas hum." in hand.app.screen.query_one(Prompt).text)
        assert "/attach" not in hand.app.screen.query_one(Prompt).text


async def test_an_image_is_shown_to_a_model_that_sees(
    opened: Opening, given: Given, tmp_path: Path
) -> None:
    given.install("vicuna", "llama-small")
    blind = given.herd.installed("vicuna")
    eyes = replace(blind.files[0], name="mmproj-f16.gguf")
    given.herd.store.record(replace(blind, files=(*blind.files, eyes)))
    picture = png(tmp_path / "llama.png")
    async with opened(model="llama-small:q4_0") as hand:
        await run(hand, "chat.attach")
        await fill(hand, str(picture))
        await hand.sees("llama-small:q4_0 sees no images.")
        await hand.command("chat.switch")
        await hand.write("vicuna")
        await hand.press("enter")
        await run(hand, "chat.attach")
        await fill(hand, str(picture))
        await hand.sees("with llama.png; escape takes it away")
        await hand.press("escape")
        assert "with llama.png" not in hand.app.screen.query_one(ChatStatus).shown
        await run(hand, "chat.attach")
        await fill(hand, str(picture))
        await hand.sees("with llama.png")
        await ask(hand, "What is that?")

        _, seen = given.engine.asked[-1]
        assert seen[0].images == (str(picture),)
        assert "image: llama.png" in hand.screen
        assert hand.app.chat.question.images == ()
        hand.app.clear_notifications()
        await hand.looks_like("chat-image")


async def run_cleared(hand: Hand) -> None:
    hand.app.screen.query_one(Prompt).clear()
    await run(hand, "chat.attach")


async def test_a_prompt_of_the_library_is_filled_and_put_into_the_question(
    chatting: Opening, given: Given
) -> None:
    folder = given.herd.places.prompts
    folder.mkdir(parents=True)
    (folder / "mine.txt").write_text("As a {{who}}, {{text}}")
    async with chatting() as hand:
        await run(hand, "chat.prompt")
        await hand.until(lambda: hand.is_at(Pick))
        await hand.write("mine")
        await hand.press("enter")
        await fill(hand, "llama")

        await hand.until(lambda: hand.app.screen.query_one(Prompt).text == "As a llama, ")


@pytest.mark.parametrize("wrong", ["-", "."])
async def test_a_setting_that_is_no_number_is_not_taken(chatting: Opening, wrong: str) -> None:
    async with chatting() as hand:
        await hand.command("chat.settings")
        await hand.until(lambda: hand.is_at(Settings))
        hand.app.screen.query_one("#set-top_p", Input).value = wrong
        await hand.press("ctrl+s")

        assert hand.is_at(Settings)


async def test_an_export_of_chatgpt_is_taken_over_once(
    chatting: Opening, given: Given, tmp_path: Path
) -> None:
    export = tmp_path / "conversations.json"
    export.write_text(json.dumps([exported()]))
    async with chatting() as hand:
        await run(hand, "chat.import_chats")
        await fill(hand, str(export))
        await hand.sees("1 conversation was taken over")
        assert [each.title for each in given.herd.history.all()] == ["Llamas"]
        await run(hand, "chat.import_chats")
        await fill(hand, str(export))

        await hand.sees("0 conversations were taken over")
