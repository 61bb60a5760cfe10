"""The list of conversations beside the chat."""

from __future__ import annotations

from textual.widgets import OptionList

from herd_tui.widgets.conversation_list import ConversationList
from herd_tui.widgets.prompt import Prompt
from tests.tui.conftest import Opening
from tests.tui.shelf import Given
from tests.tui.test_chat import ask


async def test_what_is_typed_on_the_list_searches_and_escape_goes_back_to_the_question(
    opened: Opening, given: Given
) -> None:
    given.install("vicuna")
    async with opened(size=(140, 40), model="vicuna:q4_0") as hand:
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
