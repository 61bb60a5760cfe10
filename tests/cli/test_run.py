"""`herd run`: a question, its answer on stdout, and nothing else there."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from herd.chat import Role, Turn
from herd.engine import Adapter, Began, Extras, Finished, Loadable, Piece, Text, Thinking
from herd.errors import EngineCrashed, EngineFailed
from herd.model import Sampling
from tests.cli.calling import Caller, Typed
from tests.tools import pictures
from tests.tools.fakes import FakeEngine


@pytest.fixture
def ready(herd: Caller) -> Caller:
    herd("install", "tiny")
    return herd


def piped(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setattr(sys, "stdin", Typed(text))


def test_the_answer_is_all_of_stdout(ready: Caller) -> None:
    ran = ready("run", "tiny", "Why", "do", "llamas", "hum?")

    assert (ran.code, ran.err) == (0, "")
    assert ran.out == "tiny:q4_0 says: Why do llamas hum?\n"


def test_what_is_piped_in_follows_the_prompt(
    ready: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    piped(monkeypatch, "The hay is in.\n")

    assert ready("run", "tiny", "summarise:").out == (
        "tiny:q4_0 says: summarise:\n\nThe hay is in.\n"
    )


def test_what_is_piped_in_alone_is_the_question(
    ready: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    piped(monkeypatch, "hum?\n")

    assert ready("run", "tiny").out == "tiny:q4_0 says: hum?\n"


def test_without_a_question_and_a_person_it_says_what_is_missing(
    ready: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    piped(monkeypatch, "")

    ran = ready("run", "tiny")

    assert ran.code == 2
    assert ran.err == 'herd: There is no prompt.\nWrite `herd run MODEL "a question"`.\n'


def test_more_than_any_context_holds_is_not_read(
    ready: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("herd.cli.run.MOST_PIPED", 10)
    piped(monkeypatch, "eleven byte")

    assert ready("run", "tiny").code == 2


def test_what_is_piped_in_need_not_be_utf8(ready: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", Typed(b"caf\xe9"))

    assert ready("run", "tiny").out == "tiny:q4_0 says: caf\N{REPLACEMENT CHARACTER}\n"


def test_the_system_prompt_goes_before_everything(ready: Caller) -> None:
    ready("run", "tiny", "hum?", "--system", "You are a llama.")

    ((_, turns),) = ready.engine.asked
    assert [turn.role for turn in turns] == [Role.SYSTEM, Role.USER]
    assert turns[0].text == "You are a llama."


def test_sampling_options_reach_the_engine(ready: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[Sampling] = []
    answer = ready.engine.answer

    def note(
        model: Loadable, turns: Sequence[Turn], sampling: Sampling, stop: threading.Event
    ) -> Iterator[Piece]:
        drawn.append(sampling)
        return answer(model, turns, sampling, stop)

    monkeypatch.setattr(ready.engine, "answer", note)
    words = "--temperature 0 --top-k 3 --top-p 0.5 --min-p 0.1 --seed 7 --max-tokens 9"
    words += " --repeat-penalty 1.2"

    ready("run", "tiny", "hum?", *words.split())

    (sampling,) = drawn
    assert (sampling.temperature, sampling.top_k, sampling.top_p) == (0.0, 3, 0.5)
    assert (sampling.min_p, sampling.seed, sampling.max_tokens) == (0.1, 7, 9)
    assert sampling.repeat_penalty == 1.2


def test_how_a_model_is_loaded_may_be_said(
    ready: Caller, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    loaded: list[Loadable] = []
    given: list[Extras | None] = []
    answer = ready.engine.answer

    def note(
        model: Loadable,
        turns: Sequence[Turn],
        sampling: Sampling,
        stop: threading.Event,
        extras: Extras | None = None,
    ) -> Iterator[Piece]:
        loaded.append(model)
        given.append(extras)
        return answer(model, turns, sampling, stop)

    monkeypatch.setattr(ready.engine, "answer", note)
    (ready.home / "config.toml").write_text('[models.tiny]\nthreads = 3\ncache = "q4_0"\n')
    schema = tmp_path / "schema.json"
    schema.write_text('{"type": "object"}')
    words = f"--ctx 1024 --gpu-layers 0 --cache q8_0 --no-think --json-schema {schema}"

    ready("run", "tiny", "hum?", *words.split())

    (model,), (extras,) = loaded, given
    assert (model.context, model.is_exact, model.gpu_layers) == (1024, True, 0)
    assert (model.threads, model.cache) == (3, "q8_0")
    assert extras == Extras(schema={"type": "object"}, thinks=False)


@pytest.mark.parametrize(("word", "scale"), [("a.gguf", 1.0), ("a.gguf:0.5", 0.5)])
def test_an_adapter_is_a_file_and_its_scale(
    ready: Caller, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, word: str, scale: float
) -> None:
    (tmp_path / "a.gguf").write_bytes(b"GGUF")
    monkeypatch.chdir(tmp_path)
    loaded: list[Loadable] = []
    answer = ready.engine.answer

    def note(model: Loadable, *rest: Any) -> Iterator[Piece]:
        loaded.append(model)
        return answer(model, *rest)

    monkeypatch.setattr(ready.engine, "answer", note)

    assert ready("run", "tiny", "hum?", "--lora", word).code == 0
    assert loaded[0].adapters == (Adapter(tmp_path / "a.gguf", scale),)
    assert ready("run", "tiny", "hum?", "--lora", "nothing.gguf").code == 3


@pytest.mark.parametrize("text", ["{", "[]"])
def test_a_schema_that_is_none_is_refused(ready: Caller, tmp_path: Path, text: str) -> None:
    (tmp_path / "schema.json").write_text(text)

    ran = ready("run", "tiny", "hum?", "--json-schema", str(tmp_path / "schema.json"))

    assert ran.code == 2
    assert "schema.json" in ran.err


def test_a_thought_is_no_part_of_the_answer(ready: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    def think(*_: object) -> Iterator[Piece]:
        yield from (Began(1, 0, 0), Thinking("Hm."), Text("Warm."), Finished("stop", 2, 1.0, 0.1))

    monkeypatch.setattr(ready.engine, "answer", think)

    assert ready("run", "tiny", "hum?").out == "Warm.\n"
    assert ready.json("run", "tiny", "hum?")["thought"] == "Hm."


@pytest.mark.parametrize("words", [("--top-p", "2"), ("--max-tokens", "0"), ("--seed", "-1")])
def test_sampling_that_makes_no_sense_is_refused(ready: Caller, words: tuple[str, str]) -> None:
    ran = ready("run", "tiny", "hum?", *words)

    assert ran.code == 2
    assert words[0] in ran.err


def test_as_json_the_answer_comes_with_its_measures(ready: Caller) -> None:
    said = ready.json("run", "tiny", "hum?")

    assert said["model"] == "tiny:q4_0"
    assert said["text"] == "tiny:q4_0 says: hum?"
    assert said["reason"] == "stop"
    assert said["tokens"] == 3
    assert said["prompt_tokens"] == 1


def test_a_model_that_is_not_installed_is_not_fetched_behind_a_script(herd: Caller) -> None:
    ran = herd("run", "tiny", "hum?")

    assert ran.code == 3
    assert ran.err == (
        "herd: tiny:q4_0 is not installed.\n`herd install tiny` fetches it, and so does -y.\n"
    )
    assert herd.carrier.asked == []


def test_y_installs_first_and_keeps_stdout_clean(herd: Caller) -> None:
    ran = herd("run", "-y", "tiny", "hum?")

    assert ran.code == 0
    assert ran.out == "tiny:q4_0 says: hum?\n"
    assert "Installed tiny:q4_0" in ran.err


@pytest.mark.parametrize(("typed", "code"), [("y\n", 0), ("\n", 0), ("n\n", 130)])
def test_a_person_is_asked_before_a_model_is_fetched(
    herd: Caller, monkeypatch: pytest.MonkeyPatch, typed: str, code: int
) -> None:
    monkeypatch.setattr("herd.cli.session.is_interactive", lambda: True)
    monkeypatch.setattr(sys, "stdin", Typed(typed, is_terminal=True))

    ran = herd("run", "tiny", "hum?")

    assert ran.code == code
    assert "Install tiny:q4_0? [Y/n]" in ran.err
    assert (ran.out == "tiny:q4_0 says: hum?\n") is (code == 0)


def test_an_address_is_installed_once_and_runs_by_its_address_again(herd: Caller) -> None:
    url = "https://example.org/mine.gguf"
    herd.carrier.contents[url] = herd.carrier.contents["https://models.example.org/tiny.gguf"]

    first = herd("run", "-y", url, "hum?")
    second = herd("run", url, "again?")

    assert first.out == "mine:file says: hum?\n"
    assert second.out == "mine:file says: again?\n"
    assert herd.carrier.asked == [url]


def test_an_unknown_model_is_never_another_one(ready: Caller) -> None:
    ran = ready("run", "-y", "nobody", "hum?")

    assert (ran.code, ran.out) == (3, "")


def test_an_engine_that_fails_is_one_sentence(ready: Caller) -> None:
    ready.engine.failure = EngineFailed("tiny:q4_0 is not a model.", "Take another.")

    ran = ready("run", "tiny", "hum?")

    assert (ran.code, ran.out) == (8, "")
    assert ran.err == "herd: tiny:q4_0 is not a model.\nTake another.\n"


def test_words_that_came_before_a_crash_stay_on_stdout(
    ready: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = ready.engine.answer

    def dies(
        model: Loadable, turns: Sequence[Turn], sampling: Sampling, stop: threading.Event
    ) -> Iterator[Piece]:
        pieces = answer(model, turns, sampling, stop)
        yield next(pieces)
        yield next(pieces)
        raise EngineCrashed("The engine died.")

    monkeypatch.setattr(ready.engine, "answer", dies)

    ran = ready("run", "tiny", "hum?")

    assert (ran.code, ran.out) == (8, "tiny:q4_0\n")


def test_an_image_of_a_model_that_sees_none_is_one_sentence(ready: Caller, tmp_path: Path) -> None:
    red = str(pictures.png(tmp_path / "red.png"))

    ran = ready("run", "tiny", "--image", red, "what?")

    assert (ran.code, ran.out) == (8, "")
    assert "tiny:q4_0 sees no images" in ran.err


def test_what_is_no_image_is_said_before_a_model_is_loaded(ready: Caller, tmp_path: Path) -> None:
    page = tmp_path / "page.png"
    page.write_text("<!DOCTYPE html>")

    ran = ready("run", "tiny", "--image", str(page), "what?")

    assert (ran.code, ran.out) == (2, "")
    assert "page.png is no image" in ran.err


def test_images_are_shown_in_their_order_by_the_encoder_that_is_named(
    ready: Caller, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = [str(pictures.png(tmp_path / f"{name}.png")) for name in ("one", "two")]
    (tmp_path / "mmproj.gguf").write_bytes(b"GGUF")
    seen: list[tuple[str, ...]] = []
    before = FakeEngine.answer

    def answer(self: FakeEngine, model: Loadable, turns: Sequence[Turn], *rest: Any) -> Any:
        assert model.projector == tmp_path / "mmproj.gguf"
        seen.append(turns[-1].images)
        return before(self, model, turns, *rest)

    monkeypatch.setattr(FakeEngine, "answer", answer)
    images = [part for path in paths for part in ("--image", path)]

    ran = ready("run", "tiny", *images, "--mmproj", str(tmp_path / "mmproj.gguf"), "what?")

    assert ran.code == 0
    assert seen == [tuple(paths)]
