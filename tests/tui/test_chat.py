"""A conversation on the screen: asking, answers as they come, stopping, asking again."""

from __future__ import annotations

import threading

import pytest
from textual.app import App
from textual.css.query import NoMatches
from textual.widgets import OptionList, Static

from herd.chat import Conversation, Role, Turn
from herd.errors import EngineCrashed
from herd_tui.screens.help import Help
from herd_tui.screens.library import LibraryScreen
from herd_tui.widgets.chat_status import ChatStatus
from herd_tui.widgets.conversation_list import ConversationList
from herd_tui.widgets.conversation_view import SHOWN, ConversationView
from herd_tui.widgets.prompt import Prompt
from herd_tui.widgets.slash_list import SlashList
from herd_tui.widgets.turn_view import TurnView
from tests.tui.chat_desk import MARKDOWN, answered, ask, turns
from tests.tui.conftest import Opening
from tests.tui.shelf import Given


async def test_an_answer_is_drawn_as_markdown_and_says_who_gave_it_and_how_fast(
    chatting: Opening, given: Given
) -> None:
    given.engine.reply = lambda *_: MARKDOWN
    async with chatting() as hand:
        await ask(hand, "Why do llamas hum?")

        assert turns(hand) == [("user", "Why do llamas hum?"), ("assistant", MARKDOWN.strip())]
        assert "vicuna:q4_0 · " in hand.screen
        assert "tokens/s" in hand.screen
        assert "[b]Not bold[/b]" in hand.screen
        await hand.looks_like("chat-answer")


async def test_a_conversation_looks_right_on_a_wide_light_screen(
    chatting: Opening, given: Given
) -> None:
    given.engine.reply = lambda *_: MARKDOWN
    async with chatting(size=(140, 40), model="vicuna:q4_0", theme="textual-light") as hand:
        await ask(hand, "ラクダ 🐫 و جمل؟")

        await hand.looks_like("chat-wide-light")


async def test_a_new_chat_says_what_to_do(chatting: Opening) -> None:
    async with chatting() as hand:
        assert "Ask something" in hand.screen
        await hand.looks_like("chat-new")


async def test_without_any_model_a_chat_says_where_to_get_one(opened: Opening) -> None:
    async with opened() as hand:
        await hand.command("app.show_chat")

        assert "No model is installed yet" in hand.screen
        await hand.sees("tokens of context")
        await hand.looks_like("chat-no-model")


async def test_what_could_not_be_shown_while_the_screen_came_is_shown_afterwards() -> None:
    status = ChatStatus(id="chat-status")
    with pytest.raises(NoMatches):
        status.show("vicuna", "", "4,096 tokens of context")  # its ends are not there yet
    app = App[None]()
    async with app.run_test() as pilot:
        await app.mount(status)
        status.show("vicuna", "", "4,096 tokens of context")
        await pilot.pause()
        ends = [str(each.visual) for each in status.query(Static)]

    assert ends == ["vicuna", "4,096 tokens of context"]


async def test_an_answer_grows_while_it_comes_and_escape_stops_it(
    chatting: Opening, given: Given
) -> None:
    given.engine.gate = threading.Event()
    given.engine.reply = lambda *_: "one two three"
    async with chatting() as hand:
        await hand.say("Count.")
        await hand.sees("writes")
        assert "one" in hand.screen
        assert "is being written" in hand.screen
        assert "not finished" not in hand.screen
        await hand.looks_like("chat-writing")
        await hand.command("chat.stop")
        await answered(hand)

        assert turns(hand)[-1] == ("assistant", "one")
        assert "not finished" in hand.screen
        kept = given.herd.history.find(hand.app.chat.conversation.id)
        assert kept
        assert not kept.turns[-1].is_complete


async def test_the_last_question_is_answered_again(chatting: Opening, given: Given) -> None:
    given.engine.reply = lambda *_: f"answer {len(given.engine.asked)}"
    async with chatting() as hand:
        await ask(hand, "Well?")
        await hand.command("chat.regenerate")
        await hand.until(lambda: turns(hand)[-1] == ("assistant", "answer 2"))

        assert len(turns(hand)) == 2
        assert "answer 1" not in hand.screen


async def test_the_crash_of_an_engine_is_one_sentence_and_the_conversation_lives_on(
    chatting: Opening, given: Given
) -> None:
    given.engine.failure = EngineCrashed("The engine died.", "Ask again: a new one starts.")
    async with chatting() as hand:
        await hand.say("Well?")
        await hand.sees("The engine died.")
        assert "Ask again: a new one starts." in hand.screen
        await hand.looks_like("chat-crash")

        given.engine.failure = None
        await hand.command("chat.regenerate")
        await answered(hand)
        assert "The engine died." not in hand.screen


async def test_a_conversation_is_opened_where_it_was_left(opened: Opening, given: Given) -> None:
    given.install("vicuna")
    async with opened(model="vicuna:q4_0") as hand:
        await ask(hand, "Remember me.")

    async with opened() as hand:
        await hand.command("app.show_chat")
        await hand.sees("Remember me.")
        assert len(turns(hand)) == 2


async def test_a_new_conversation_leaves_the_old_one_in_the_list(chatting: Opening) -> None:
    async with chatting(size=(120, 30)) as hand:
        await ask(hand, "The first.")
        await hand.command("chat.new")
        await ask(hand, "The second.")
        assert turns(hand)[0] == ("user", "The second.")
        await hand.looks_like("chat-two-conversations")

        await hand.command("chat.conversations")
        await hand.command("chat.conversations")
        assert hand.is_in(OptionList)
        await hand.press("down", "enter")
        await hand.until(lambda: turns(hand)[0] == ("user", "The first."))
        assert hand.is_in(Prompt)


async def test_on_a_narrow_screen_the_list_is_called_by_a_key(chatting: Opening) -> None:
    async with chatting() as hand:
        await ask(hand, "Well?")
        assert not hand.app.screen.query_one(ConversationList).display
        await hand.command("chat.conversations")
        assert hand.app.screen.query_one(ConversationList).display
        await hand.looks_like("chat-list-narrow")


async def test_a_conversation_is_deleted_after_a_question(chatting: Opening, given: Given) -> None:
    async with chatting() as hand:
        await ask(hand, "Forget me.")
        await hand.command("chat.delete")
        await hand.press("n")
        assert len(given.herd.history.all()) == 1
        await hand.command("chat.delete")
        await hand.press("y")

        await hand.until(lambda: given.herd.history.all() == ())
        assert turns(hand) == []


async def test_the_last_answer_is_copied(chatting: Opening, given: Given) -> None:
    given.engine.reply = lambda *_: "Take me."
    async with chatting() as hand:
        await ask(hand, "Well?")
        await hand.command("chat.copy")

        assert hand.app.clipboard == "Take me."


async def test_shift_enter_and_ctrl_j_break_the_line(chatting: Opening) -> None:
    async with chatting() as hand:
        await hand.write("one")
        await hand.press("ctrl+j")
        await hand.write("two")
        await hand.press("enter")
        await answered(hand)

        assert turns(hand)[0] == ("user", "one\ntwo")


async def test_a_slash_runs_a_command_and_an_unknown_one_says_so(chatting: Opening) -> None:
    async with chatting() as hand:
        await hand.say("/library")
        assert hand.is_at(LibraryScreen)
        await hand.command("app.show_chat")
        await hand.say("/sing of llamas")

        await hand.sees("There is no command /sing;")
        await hand.press("ctrl+u")
        await hand.say("/again please")
        await hand.sees("/again takes nothing behind it")
        assert turns(hand) == []


async def test_a_path_at_the_beginning_is_a_question_and_no_command(chatting: Opening) -> None:
    async with chatting() as hand:
        await ask(hand, "/etc/hosts is for what?")

        assert turns(hand)[0] == ("user", "/etc/hosts is for what?")
        await hand.say("/help")
        assert hand.is_at(Help)


async def test_a_slash_shows_the_commands_that_it_may_become(chatting: Opening) -> None:
    async with chatting() as hand:
        await hand.press("slash")
        await hand.sees("more; F1 lists them")
        assert "/again" in hand.screen
        assert hand.app.screen.query_one(SlashList).size.height == 9, "each is on one line"
        await hand.write("mo")
        await hand.sees("Let another model answer from now on")
        assert "/again" not in hand.screen
        await hand.press("tab")
        assert hand.app.screen.query_one(Prompt).text == "/model"
        await hand.press("ctrl+u", "slash", "l", "i", "enter")
        assert hand.is_at(LibraryScreen), "what begins only one command is that command"


async def test_the_view_follows_only_while_it_stands_at_the_bottom(
    chatting: Opening, given: Given
) -> None:
    given.engine.reply = lambda *_: "\n\n".join(f"line {at}" for at in range(60))
    async with chatting() as hand:
        await ask(hand, "Much?")
        view = hand.app.screen.query_one(ConversationView)
        await hand.until(lambda: view.max_scroll_y > 0 and view.scroll_y >= view.max_scroll_y)
        await hand.command("chat.page_up")
        there = view.scroll_y
        assert there < view.max_scroll_y
        hand.app.screen.query(TurnView).last().append("\n\n".join("ab"))
        await hand.settle()
        assert view.scroll_y == there
        await hand.command("chat.page_down")
        await hand.command("chat.page_down")
        await hand.until(lambda: view.scroll_y >= view.max_scroll_y)


async def test_a_long_conversation_shows_its_end_and_earlier_turns_on_the_way_up(
    opened: Opening, given: Given
) -> None:
    given.install("vicuna")
    said = tuple(
        Turn(Role.USER if at % 2 == 0 else Role.ASSISTANT, f"turn {at}", model="vicuna:q4_0")
        for at in range(60)
    )
    given.herd.history.save(Conversation(said, model="vicuna:q4_0", title="long"))
    async with opened() as hand:
        await hand.command("app.show_chat")
        await hand.sees("turn 59")
        assert len(hand.app.screen.query(TurnView)) == SHOWN
        view = hand.app.screen.query_one(ConversationView)
        while len(hand.app.screen.query(TurnView)) < 60:
            await hand.command("chat.page_up")
        view.scroll_home(animate=False)
        await hand.sees("turn 0")


async def test_turns_that_no_longer_fit_are_shown_as_left_out(
    chatting: Opening, given: Given
) -> None:
    given.engine.left_out = 2
    async with chatting() as hand:
        await ask(hand, "First?")
        await ask(hand, "Second?", times=2)

        assert "2 turns above do not fit the context any more" in hand.screen
        await hand.looks_like("chat-left-out")


async def test_the_meter_says_how_full_the_context_is(chatting: Opening) -> None:
    async with chatting() as hand:
        assert "4,096 tokens of context" in hand.screen
        await ask(hand, "Well?")

        assert "of 4,096 tokens" in hand.screen
        assert hand.app.screen.query_one(ChatStatus).display


async def test_an_answer_goes_on_while_one_looks_at_another_conversation(
    chatting: Opening, given: Given
) -> None:
    given.engine.gate = threading.Event()
    given.engine.reply = lambda *_: "slow but sure"
    async with chatting() as hand:
        await hand.say("Slow?")
        await hand.sees("slow")
        await hand.command("chat.new")
        given.engine.gate.set()

        await hand.sees("was answered")
        kept = given.herd.history.all()[0]
        found = given.herd.history.find(kept.id)
        assert found
        assert found.turns[-1].text == "slow but sure"
