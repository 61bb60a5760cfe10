"""Conversations, and which turns stay when the context is full."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from herd.chat import TITLE_LENGTH, Conversation, Role, Turn, fit, shorten

SYSTEM = Turn(Role.SYSTEM, "Be brief.")
SPOKEN = st.lists(
    st.builds(
        Turn, st.sampled_from([Role.USER, Role.ASSISTANT]), st.text("ab ", min_size=1, max_size=9)
    ),
    max_size=12,
).map(lambda turns: [Turn(Role.USER, "first"), *turns, Turn(Role.USER, "last")])


def tokens(turns: Sequence[Turn]) -> int:
    return sum(len(turn.text) for turn in turns)


def user(text: str) -> Turn:
    return Turn(Role.USER, text)


def model(text: str) -> Turn:
    return Turn(Role.ASSISTANT, text)


def test_the_first_question_is_the_title_and_a_later_one_is_not() -> None:
    conversation = Conversation().with_turn(SYSTEM).with_turn(user("Why\n do llamas hum?"))

    assert conversation.title == "Why do llamas hum?"
    assert conversation.with_turn(user("And alpacas?")).title == "Why do llamas hum?"


def test_a_turn_makes_another_conversation_with_the_same_id() -> None:
    before = Conversation(model="one")
    after = before.with_turn(user("hum"))

    assert (before.turns, after.turns) == ((), (user("hum"),))
    assert after.id == before.id
    assert after.with_model("two").turns == after.turns


def test_a_long_title_is_cut_with_an_ellipsis() -> None:
    title = shorten("llama " * 40)

    assert len(title) <= TITLE_LENGTH
    assert title.endswith("llama…")


def test_everything_stays_when_there_is_room() -> None:
    turns = [SYSTEM, user("a"), model("b"), user("c")]

    fitted = fit(turns, tokens, room=1000)

    assert fitted.turns == tuple(turns)
    assert (fitted.left_out, fitted.tokens) == (0, tokens(turns))


def test_the_oldest_question_leaves_together_with_its_answer() -> None:
    turns = [SYSTEM, user("aaaa"), model("bbbb"), user("cc"), model("dd"), user("e")]

    fitted = fit(turns, tokens, room=tokens(turns) - 1)

    assert fitted.turns == (SYSTEM, user("cc"), model("dd"), user("e"))
    assert fitted.left_out == 2


def test_the_last_question_stays_even_when_it_is_too_long() -> None:
    fitted = fit([user("a"), model("b"), user("c" * 99)], tokens, room=10)

    assert fitted.turns == (user("c" * 99),)
    assert fitted.tokens == 99


@given(turns=SPOKEN, room=st.integers(1, 120))
def test_what_stays_is_the_longest_end_that_fits_and_begins_with_a_question(
    turns: list[Turn], room: int
) -> None:
    fitted = fit([SYSTEM, *turns], tokens, room)

    assert fitted.turns == (SYSTEM, *turns[fitted.left_out :])
    assert fitted.turns[1].role is Role.USER
    starts = [at for at, turn in enumerate(turns) if turn.role is Role.USER]
    fits = [at for at in starts if tokens([SYSTEM, *turns[at:]]) <= room]
    assert fitted.left_out == (fits[0] if fits else starts[-1])


def test_a_branch_is_a_conversation_of_its_own_and_the_old_one_stays() -> None:
    old = Conversation(model="tiny").with_turn(Turn(Role.USER, "One?"))
    old = old.with_turn(Turn(Role.ASSISTANT, "1")).with_turn(Turn(Role.USER, "Two?"))

    new = old.branch(2, "Three?")

    assert [turn.text for turn in new.turns] == ["One?", "1", "Three?"]
    assert new.parent == old.id != new.id
    assert len(old.turns) == 3


def test_a_system_prompt_stands_first_and_an_empty_one_is_none() -> None:
    conversation = Conversation().with_turn(Turn(Role.USER, "One?")).with_system("Be brief.")

    assert [turn.text for turn in conversation.turns] == ["Be brief.", "One?"]
    assert conversation.with_system("Be long.").system == "Be long."
    assert [turn.text for turn in conversation.with_system(" ").turns] == ["One?"]
