"""An answer that was stopped goes on."""

from __future__ import annotations

import threading

from herd.chat import Conversation, Role, Turn
from herd.errors import EngineCrashed
from tests.tui.chat_desk import answered, turns
from tests.tui.conftest import Opening
from tests.tui.shelf import Given


async def test_an_answer_that_was_stopped_goes_on_where_it_stopped(
    chatting: Opening, given: Given
) -> None:
    given.engine.gate = threading.Event()
    given.engine.reply = lambda *_: "one two"
    async with chatting() as hand:
        await hand.say("Count.")
        await hand.sees("writes")
        await hand.command("chat.stop")
        await answered(hand)
        assert "Go on" in hand.screen
        given.engine.gate.set()
        given.engine.reply = lambda _, turns: f"after {turns[-1].text}"
        await hand.command("chat.go_on")
        await hand.until(lambda: turns(hand)[-1] == ("assistant", "one after one"))

        assert hand.screen.count("one after one") == 1
        assert "not finished" not in hand.screen
        assert "Go on" not in hand.screen
        kept = given.herd.history.find(hand.app.chat.conversation.id)
        assert kept
        assert kept.turns[-1].is_complete
        assert kept.turns[-1].tokens == 1 + 2


async def test_an_answer_that_goes_on_is_not_being_written_while_its_model_reads(
    opened: Opening, given: Given
) -> None:
    given.install("vicuna")
    half = Turn(Role.ASSISTANT, "half of", "vicuna:q4_0", is_complete=False)
    begun = Conversation(model="vicuna:q4_0").with_turn(Turn(Role.USER, "Well?")).with_turn(half)
    given.herd.history.save(begun)
    has_read = threading.Event()

    def reply(*_: object) -> str:
        assert has_read.wait(20)
        return "it"

    given.engine.reply = reply
    async with opened() as hand:
        await hand.command("app.show_chat")
        await hand.sees("half of")
        await hand.command("chat.go_on")
        await hand.sees("reads…")
        assert "is being written" not in hand.screen
        assert "half of" in hand.screen
        has_read.set()

        await hand.until(lambda: turns(hand)[-1] == ("assistant", "half of it"))


async def test_an_answer_that_cannot_go_on_stays_as_it_was(opened: Opening, given: Given) -> None:
    given.install("vicuna")
    half = Turn(Role.ASSISTANT, "half of", "vicuna:q4_0", is_complete=False)
    begun = Conversation(model="vicuna:q4_0").with_turn(Turn(Role.USER, "Well?")).with_turn(half)
    given.herd.history.save(begun)
    given.engine.failure = EngineCrashed("The engine died.", "Ask again: a new one starts.")
    async with opened() as hand:
        await hand.command("app.show_chat")
        await hand.sees("half of")
        await hand.say("/continue")
        await hand.sees("The engine died.")

        assert turns(hand) == [("user", "Well?"), ("assistant", "half of")]
        assert hand.screen.count("half of") == 1


async def test_where_no_answer_can_go_on_its_key_and_its_slash_say_why(chatting: Opening) -> None:
    async with chatting() as hand:
        await hand.say("Well?")
        await answered(hand)
        await hand.command("chat.go_on")
        await hand.sees("Only an answer that was stopped, or cut off, goes on")
        hand.app.clear_notifications()
        await hand.say("/continue")

        await hand.sees("Only an answer that was stopped, or cut off, goes on")


async def test_before_a_question_its_keys_say_what_they_wait_for(chatting: Opening) -> None:
    async with chatting() as hand:
        await hand.command("chat.rename")

        await hand.sees("That is for a conversation that has begun")
