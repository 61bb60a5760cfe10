"""A conversation that was left for another one is taken up where it was."""

from __future__ import annotations

from dataclasses import replace

from herd.engine import Engine, Loadable
from herd.engine.prefixes import shared
from tests.engine.asking import GREEDY, model_said, said, user

WOOL = "wool and hum and hill and grass and herd and path and stone " * 4
RAIN = "rain and sun and moon and valley and lamb and shepherd and bell " * 4


def test_two_conversations_with_one_model_are_each_read_once(
    engine: Engine, tiny: Loadable
) -> None:
    wool = [user(WOOL)]
    rain = [user(RAIN)]
    first = said(engine, tiny, wool)
    other = said(engine, tiny, rain)
    wool += [model_said(first.text), user("and?")]
    rain += [model_said(other.text), user("and?")]

    again, other_again = said(engine, tiny, wool), said(engine, tiny, rain)

    assert again.began.reused_tokens >= first.began.prompt_tokens - 1
    assert other_again.began.reused_tokens >= other.began.prompt_tokens - 1
    engine.close()
    assert said(engine, tiny, wool).text == again.text
    engine.close()
    assert said(engine, tiny, rain).text == other_again.text


def test_a_seed_reads_everything_anew(engine: Engine, tiny: Loadable) -> None:
    seeded = replace(GREEDY, temperature=1.0, seed=3)
    first = said(engine, tiny, WOOL, seeded)
    said(engine, tiny, RAIN)

    again = said(engine, tiny, WOOL, seeded)

    assert again.began.reused_tokens == 0
    assert again.text == first.text


def test_a_short_conversation_is_not_worth_a_copy(engine: Engine, tiny: Loadable) -> None:
    said(engine, tiny, "wool", replace(GREEDY, max_tokens=2))
    said(engine, tiny, RAIN)

    assert said(engine, tiny, "wool").began.reused_tokens < 64


def test_many_conversations_do_not_take_all_memory(engine: Engine, tiny: Loadable) -> None:
    for at in range(6):
        said(engine, tiny, f"{at} {WOOL}")
    before = engine.states[0].memory
    for at in range(6):
        assert said(engine, tiny, f"{at} {WOOL}").began.reused_tokens > 0

    assert engine.states[0].memory < before + (64 << 20)


def test_what_two_lists_share() -> None:
    assert shared([1, 2, 3], [1, 2, 4]) == 2
    assert shared([], [1]) == 0
    assert shared([1, 2], [1, 2, 3]) == 2
