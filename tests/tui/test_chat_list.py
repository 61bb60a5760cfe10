"""The list of conversations beside the chat."""

from __future__ import annotations

from textual.widgets import OptionList

from herd.chat import Conversation, Role, Turn
from herd_tui.widgets.conversation_list import ConversationList
from herd_tui.widgets.prompt import Prompt
from herd_tui.widgets.turn_view import TurnView
from tests.tui.chat_desk import ask
from tests.tui.conftest import Opening
from tests.tui.shelf import Given


async def test_a_search_shows_where_the_words_stand_and_goes_there(
    chatting: Opening, given: Given
) -> None:
    said = [f"Number {number}, and nothing else." for number in range(30)]
    said[2] = "The meadow behind the old barn is where the llamas sleep."
    turns = [Turn(Role.USER, each) for each in said]
    talks = (Conversation(model="vicuna:q4_0", turns=tuple(turns)), Conversation(turns=(turns[0],)))
    for each in talks:
        given.herd.history.save(each)
    async with chatting(size=(140, 40)) as hand:
        box = hand.app.screen.query_one(ConversationList)
        box.focus_list()
        await hand.until(lambda: box.query_one(OptionList).option_count == 2)
        await hand.press(*"barn")
        await hand.until(lambda: box.query_one(OptionList).option_count == 1)
        await hand.sees("…the old barn is where the")
        await hand.press("down", "enter")

        await hand.until(lambda: hand.app.chat.conversation.id == talks[0].id)
        await hand.sees("The meadow behind the old barn")
        await hand.looks_like("chat-found")
        assert len(hand.app.screen.query(TurnView)) == 28
        assert hand.is_in(Prompt)


async def test_what_is_typed_on_the_list_searches_and_escape_goes_back_to_the_question(
    chatting: Opening,
) -> None:
    async with chatting(size=(140, 40)) as hand:
        for text in ("Goats?", "Llamas?"):
            await hand.command("chat.new")
            await ask(hand, text)
        box = hand.app.screen.query_one(ConversationList)
        box.focus_list()
        await hand.until(lambda: hand.is_in(OptionList))
        await hand.press(*"goats")
        await hand.until(lambda: box.query_one(OptionList).option_count == 1)

        await hand.press("escape")

        assert hand.is_in(Prompt)
        await hand.until(lambda: box.query_one(OptionList).option_count == 2)
