"""Answers of a real, tiny model through the real child process."""

from __future__ import annotations

import threading
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from herd.chat import Role, Turn
from herd.engine import Engine, Finished, Loadable, Text
from herd.engine.values import NO_TEMPLATE, OWN_TEMPLATE, REGISTRY_TEMPLATE
from herd.errors import EngineFailed
from herd.model import Sampling
from tests.engine.asking import LONG, model_said, said, user
from tests.engine.conftest import MakeModel
from tests.tools.tiny_gguf import Tiny, token_of


def test_an_answer_streams_and_says_how_it_went(engine: Engine, tiny: Loadable) -> None:
    answer = said(engine, tiny)

    assert answer.pieces in range(1, 25)
    assert answer.text == answer.text.strip()
    assert answer.began.left_out == 0
    assert (answer.finished.reason, answer.finished.tokens) == ("length", 24)
    assert answer.finished.seconds > 0
    assert answer.finished.first_token_seconds > 0


def test_a_loaded_model_says_what_it_is(engine: Engine, tiny: Loadable) -> None:
    ready = engine.ensure(tiny)

    assert engine.loaded == ready
    assert (ready.reference, ready.layers, ready.trained_context) == (tiny.reference, 2, 4096)
    assert ready.context == 4096
    assert ready.template == OWN_TEMPLATE
    assert engine.ensure(tiny) is ready


def test_the_coolest_answer_is_always_the_same(engine: Engine, tiny: Loadable) -> None:
    assert said(engine, tiny).text == said(engine, tiny).text


def test_the_same_seed_says_the_same_and_another_one_something_else(
    engine: Engine, tiny: Loadable
) -> None:
    warm = Sampling(temperature=1.5, top_k=40, top_p=0.95, min_p=0.01, max_tokens=24)
    first, again, other = (
        said(engine, tiny, sampling=replace(warm, seed=seed)).text for seed in (7, 7, 8)
    )

    assert first == again
    assert first != other


def test_a_penalty_on_repetition_is_applied(engine: Engine, tiny: Loadable) -> None:
    most = Sampling(temperature=0.0, max_tokens=30, repeat_penalty=50.0, repeat_last_n=-1)
    words = said(engine, tiny, sampling=most).text.split()

    assert len(set(words)) == len(words)
    assert (
        len(set(said(engine, tiny, sampling=replace(most, repeat_penalty=1.0)).text.split())) < 30
    )


def test_an_answer_that_is_not_complete_goes_on(engine: Engine, tiny: Loadable) -> None:
    question, half = user("hum?"), replace(model_said("herd take valley"), is_complete=False)

    rest = said(engine, tiny, [question, half])
    further = said(engine, tiny, [question, replace(half, text=f"{half.text}{rest.text}")])

    assert rest.text.startswith(" "), "it goes on with the next word"
    assert further.began.reused_tokens >= rest.began.prompt_tokens, "nothing closed the answer"


def test_a_template_that_leaves_answers_out_is_no_hindrance_to_going_on(
    engine: Engine, tiny: Loadable
) -> None:
    forgetful = replace(tiny, template="{{ messages[0].content }}:")
    turns = [user("hum?"), replace(model_said("herd take"), is_complete=False)]

    assert (
        said(engine, forgetful, turns).began.prompt_tokens
        > said(engine, forgetful, turns[:1]).began.prompt_tokens
    )


def test_a_complete_answer_at_the_end_is_not_gone_on_with(engine: Engine, tiny: Loadable) -> None:
    turns = [user("hum?"), model_said("Because.")]

    begun = said(engine, tiny, [turns[0], replace(turns[1], is_complete=False)])

    assert said(engine, tiny, turns).began.prompt_tokens > begun.began.prompt_tokens


def test_a_token_that_ends_the_answer_ends_it(
    engine: Engine, tiny: Loadable, models: MakeModel
) -> None:
    words = said(engine, tiny).text.split()
    last = next(word for at, word in enumerate(words) if at > 2 and word not in words[:at])

    answer = said(engine, models(Tiny(eos=token_of(last))))

    assert answer.text.split() == words[: words.index(last)]
    assert answer.finished.reason == "stop"


def test_a_stop_sequence_ends_the_answer_and_is_not_part_of_it(
    engine: Engine, tiny: Loadable
) -> None:
    whole = said(engine, tiny).text
    words = whole.split()
    pairs = (f"{one} {two}" for one, two in pairwise(words))
    until = next(pair for pair in pairs if whole.index(pair) > 10)

    answer = said(engine, replace(tiny, stop=("never said", until)))

    assert answer.text == whole[: whole.index(until)]
    assert answer.finished.reason == "stop"


def test_a_second_turn_reads_only_what_is_new(engine: Engine, tiny: Loadable) -> None:
    first = said(engine, tiny)
    turns = [user("hum?"), model_said(first.text), user("and now?")]

    second = said(engine, tiny, turns)

    assert second.began.reused_tokens >= first.began.prompt_tokens - 1
    assert second.began.reused_tokens < second.began.prompt_tokens
    engine.close()
    assert said(engine, tiny, turns).text == second.text


def test_an_answer_does_not_depend_on_what_was_asked_before(engine: Engine, tiny: Loadable) -> None:
    fresh = said(engine, tiny, "grass?").text
    said(engine, tiny, "grazing on the hill?")
    said(engine, tiny, [user("hum?"), model_said("wool"), user("grass?")])

    assert said(engine, tiny, "grass?").text == fresh


def test_a_full_context_ends_the_answer(engine: Engine, tiny: Loadable) -> None:
    answer = said(engine, replace(tiny, context=256), sampling=LONG)

    assert answer.finished.reason == "context"
    assert answer.began.prompt_tokens + answer.finished.tokens == pytest.approx(256, abs=1)


def test_turns_that_no_longer_fit_leave_and_it_is_said(engine: Engine, tiny: Loadable) -> None:
    turns = [Turn(Role.SYSTEM, "be brief")]
    for _ in range(8):
        turns += [user("llama " * 5), model_said("hum " * 5)]
    turns.append(user("and?"))

    answer = said(engine, replace(tiny, context=512), turns)

    assert answer.began.left_out in range(2, 16, 2)
    assert answer.began.prompt_tokens <= 512 - 24


def test_a_question_that_is_too_long_is_refused_with_both_numbers(
    engine: Engine, tiny: Loadable
) -> None:
    small = replace(tiny, context=256)
    with pytest.raises(EngineFailed, match=r"is [\d,]+ tokens long, and tiny0 holds 256 tokens"):
        said(engine, small, "llama " * 400)

    assert said(engine, small).text


def test_a_question_beyond_all_measure_is_not_even_counted(engine: Engine, tiny: Loadable) -> None:
    with pytest.raises(EngineFailed, match=r"is 30,000,000 characters long"):
        said(engine, replace(tiny, context=256), "llama" * 6_000_000)


def test_the_context_is_never_more_than_what_the_model_was_trained_on(
    engine: Engine, models: MakeModel
) -> None:
    assert engine.ensure(models(Tiny(trained_context=512), context=100_000)).context == 512


def test_a_model_without_a_template_goes_on_with_the_text(
    engine: Engine, models: MakeModel
) -> None:
    base = models(Tiny(template=None))

    answer = said(engine, base, "llama wool")

    assert engine.ensure(base).template == NO_TEMPLATE
    assert answer.text.startswith(" ")
    assert answer.began.prompt_tokens < said(engine, models(), "llama wool").began.prompt_tokens


def test_a_model_to_talk_with_that_brings_no_template_gets_one_by_its_name_and_words(
    engine: Engine, models: MakeModel
) -> None:
    tiny = models(Tiny(template=None))
    model = replace(tiny, names="Tiny Instruct")

    assert engine.ensure(model).template == "chatml, guessed by its vocabulary"

    told = said(engine, model)
    usual = said(engine, models(Tiny()))
    assert (told.text, told.began.prompt_tokens) == (usual.text, usual.began.prompt_tokens)


def test_the_registry_s_template_goes_before_the_model_s_own(
    engine: Engine, tiny: Loadable
) -> None:
    override = replace(tiny, template="{{ messages[-1].content }} Answer:")

    assert engine.ensure(override).template == REGISTRY_TEMPLATE
    assert said(engine, override).began.prompt_tokens < said(engine, tiny).began.prompt_tokens


@pytest.mark.parametrize("broken", ["{% for %}", "{% raise %}", "{{ messages[7].content }}"])
def test_a_broken_template_of_the_registry_is_said_and_the_engine_lives(
    engine: Engine, tiny: Loadable, broken: str
) -> None:
    with pytest.raises(EngineFailed, match="registry's chat template for tiny0 does not work"):
        engine.ensure(replace(tiny, template=broken))

    assert engine.loaded is None
    assert said(engine, tiny).text


def test_a_broken_template_of_the_model_leaves_plain_text_and_says_so(
    engine: Engine, models: MakeModel
) -> None:
    model = models(Tiny(template="{% for %}"))

    assert engine.ensure(model).template.startswith(f"{NO_TEMPLATE} (its own does not work: ")
    assert said(engine, model).text


def test_a_conversation_that_a_template_refuses_is_said(engine: Engine, tiny: Loadable) -> None:
    strict = "{% if messages|length > 1 %}{{ raise_exception('One at a time') }}{% endif %}"
    model = replace(tiny, template=strict + "{{ messages[0].content }}")

    with pytest.raises(EngineFailed, match="refuses this conversation: One at a time"):
        said(engine, model, [user("a"), model_said("b"), user("c")])


def test_what_is_asked_never_reaches_the_log(
    engine: Engine, tiny: Loadable, tmp_path: Path
) -> None:
    said(engine, tiny, "a secret about alpacas")

    log = (tmp_path / "logs" / "engine.log").read_text()
    assert "llama_model_loader" in log
    assert "secret" not in log


def test_setting_stop_ends_an_answer_with_what_was_said(engine: Engine, tiny: Loadable) -> None:
    stop = threading.Event()
    pieces = []
    for piece in engine.answer(tiny, [user("hum?")], LONG, stop):
        pieces.append(piece)
        if len(pieces) == 5:
            stop.set()

    assert isinstance(pieces[-1], Finished)
    assert pieces[-1].reason == "stopped"
    assert all(isinstance(piece, Text) for piece in pieces[1:-1])
    assert said(engine, tiny).finished.reason == "length"


def test_a_question_that_names_control_tokens_ends_no_turn(engine: Engine, tiny: Loadable) -> None:
    plain = said(engine, tiny, "hum hum <b> [x]").began.prompt_tokens
    named = said(engine, tiny, "hum <|im_end|> hum").began.prompt_tokens
    long = said(engine, tiny, "hum " + "<|im_end|>" * 50).began.prompt_tokens

    assert plain < 60
    assert named > plain  # its letters, not the one token
    assert long > 500


def test_how_it_computes_is_chosen_or_as_was_asked(engine: Engine, tiny: Loadable) -> None:
    chosen = engine.ensure(tiny)
    asked = replace(tiny, batch=64, flash=False, is_mapped=False, threads=1)
    ready = engine.ensure(asked)

    assert (chosen.batch, chosen.is_flash, chosen.is_mapped) == (512, True, True)
    assert "flash attention on: the device knows it" in chosen.why
    assert (ready.batch, ready.is_flash, ready.is_mapped, ready.threads) == (64, False, False, 1)
    assert sum(each.endswith(": as was asked") for each in ready.why) == 4
    assert said(engine, asked).text == said(engine, tiny).text


def test_a_quantised_cache_without_flash_attention_is_refused(
    engine: Engine, tiny: Loadable
) -> None:
    with pytest.raises(EngineFailed, match="q8_0 need flash attention"):
        engine.ensure(replace(tiny, cache="q8_0", flash=False))
