"""Changing the model in the middle of a conversation."""

from __future__ import annotations

from herd.engine import Phase, State
from herd_tui.screens.pick import Pick
from tests.tui.chat_desk import ask, turns
from tests.tui.conftest import Opening
from tests.tui.hand import Hand
from tests.tui.shelf import Given


async def test_another_model_answers_and_the_conversation_stays(
    opened: Opening, given: Given
) -> None:
    given.install("vicuna", "llama-small")
    async with opened(model="vicuna:q4_0") as hand:
        await ask(hand, "Who is there?")
        await hand.command("chat.switch")
        assert hand.is_at(Pick)
        await hand.looks_like("switcher")
        await hand.write("small")
        await hand.press("enter")
        await ask(hand, "And now?", times=2)

        models = [turn.model for turn in hand.app.chat.conversation.turns if turn.model]
        assert models == ["vicuna:q4_0", "llama-small:q4_0"]
        name, seen = given.engine.asked[-1]
        assert name == "llama-small:q4_0"
        assert seen[0].text == "Who is there?"
        assert len(seen) == 3
        await hand.looks_like("chat-switched")


async def test_models_that_are_loaded_come_first_and_are_called_warm(
    opened: Opening, given: Given
) -> None:
    given.install("vicuna", "llama-small", "two-sizes")
    warm = given.engine.ensure(given.herd.loadable(given.herd.installed("llama-small")))
    given.engine.others = (State(warm.reference, Phase.READY, ready=warm),)
    async with opened(size=(100, 24), model="vicuna:q4_0") as hand:
        await ask(hand, "Who is there?")
        await hand.command("chat.switch")

        lines = [line for line in hand.screen.splitlines() if "fits" in line]
        assert ["warm" in line for line in lines] == [True, True, False]
        assert "vicuna:q4_0 on CPU · 1 more loaded" in hand.screen


async def test_the_state_of_the_model_is_said_before_anything_is_asked(
    chatting: Opening, given: Given
) -> None:
    async with chatting() as hand:
        name = "vicuna:q4_0"
        given.engine.others = (State(name, Phase.LOADING, 0.42),)
        await hand.sees("is loaded… 42 %")
        given.engine.others = (State(name, Phase.BROKEN, reason="It takes 20 GB."),)
        await hand.sees("broken: It takes 20 GB.")
        await hand.looks_like("chat-broken")


async def test_the_switcher_says_that_nothing_matches(opened: Opening, given: Given) -> None:
    given.install("vicuna", "llama-small")
    async with opened(model="vicuna:q4_0") as hand:
        await hand.command("chat.switch")
        assert "Nothing matches." not in hand.screen
        await hand.write("zebra")

        await hand.sees("Nothing matches.")
        await hand.press("enter")
        assert hand.is_at(Pick)


async def test_slash_model_opens_the_switcher_and_escape_changes_nothing(
    opened: Opening, given: Given
) -> None:
    given.install("vicuna", "llama-small")
    async with opened(model="vicuna:q4_0") as hand:
        await hand.say("/model")
        await hand.until(lambda: hand.is_at(Pick))
        await hand.press("escape")

        assert hand.app.chat.conversation.model == "vicuna:q4_0"


async def test_the_switch_is_kept_with_the_conversation(opened: Opening, given: Given) -> None:
    given.install("vicuna", "llama-small")
    async with opened(model="vicuna:q4_0") as hand:
        await ask(hand, "Hello?")
        await hand.command("chat.switch")
        await hand.write("llama")
        await hand.press("enter")

        await hand.until(lambda: given.herd.history.all()[0].model == "llama-small:q4_0")
        assert turns(hand)[0] == ("user", "Hello?")


async def compared(hand: Hand) -> None:
    await ask(hand, "Who is there?")
    await hand.say("/compare")
    await hand.until(lambda: hand.is_at(Pick))
    await hand.write("small")
    await hand.press("enter")
    await hand.sees("2 keeps the right one")


async def test_two_models_answer_side_by_side_and_the_better_one_is_kept(
    opened: Opening, given: Given
) -> None:
    """The command is "chat.compare"; it has no key."""
    given.install("vicuna", "llama-small")
    async with opened(size=(120, 30), model="vicuna:q4_0") as hand:
        await compared(hand)
        assert "vicuna:q4_0 says" in hand.screen
        assert "llama-small:q4_0 says" in hand.screen
        await hand.looks_like("compare")
        await hand.press("2")

        await hand.until(lambda: turns(hand)[-1][1].startswith("llama-small"))
        assert len(turns(hand)) == 2
        await hand.until(lambda: kept_answer(given).startswith("llama-small"))


async def test_with_one_model_alone_nothing_is_compared(chatting: Opening) -> None:
    async with chatting() as hand:
        await ask(hand, "Who is there?")
        await hand.say("/compare")

        await hand.sees("No other model is installed")
        assert not hand.is_at(Pick)


async def test_the_answer_that_was_there_stays_when_it_is_the_better_one(
    opened: Opening, given: Given
) -> None:
    given.install("vicuna", "llama-small")
    async with opened(size=(120, 30), model="vicuna:q4_0") as hand:
        await compared(hand)
        await hand.press("1")

        assert turns(hand)[-1][1].startswith("vicuna")
        assert kept_answer(given).startswith("vicuna")
        assert hand.app.chat.conversation.model == "vicuna:q4_0"


def kept_answer(given: Given) -> str:
    found = given.herd.history.find(given.herd.history.all()[0].id)
    assert found
    return found.turns[-1].text
