"""One herd: what it offers, what it has, and the conversation that goes on with another model."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path

import pytest

from herd.answer import Answer
from herd.chat import Conversation
from herd.core import Herd, memory
from herd.errors import (
    BadUsage,
    CannotRun,
    DigestMismatch,
    EngineCrashed,
    NotInstalled,
    UnknownModel,
)
from herd.install import Order
from herd.model import Choice, InstalledFile, Sampling
from tests.tools import pictures
from tests.tools.fakes import GGUF, FakeCarrier, FakeEngine, herd_at, question, registry_text

URL = "https://models.example.org/tiny.gguf"


@pytest.fixture
def engine() -> FakeEngine:
    return FakeEngine()


@pytest.fixture
def herd(tmp_path: Path, engine: FakeEngine) -> Herd:
    registries = tmp_path / "registries"
    registries.mkdir()
    (registries / "test.yaml").write_text(registry_text(URL))
    herd = herd_at(tmp_path, FakeCarrier({URL: GGUF}), engine)
    tiny = herd.choose("tiny")
    for name in ("one", "two"):
        herd.installer.install(Order(Choice(replace(tiny.model, name=name), tiny.variant)))
    return herd


def answered(herd: Herd, conversation: Conversation) -> tuple[Conversation, Answer]:
    answer = herd.ask(conversation)
    for _ in answer:
        pass
    return conversation.with_turn(answer.turn), answer


def test_the_shelf_shows_what_is_installed_first_and_then_what_is_offered(herd: Herd) -> None:
    shelf = herd.shelf()

    assert [entry.name for entry in shelf[:2]] == ["one", "two"]
    assert all(entry.is_installed for entry in shelf[:2])
    assert not shelf[2].is_installed


def test_a_shelf_is_searched_by_words(herd: Herd) -> None:
    found = [entry.name for entry in herd.shelf() if entry.matches(["alpaca", "13B"])]

    assert found == ["alpaca-13b"]


def test_an_answer_says_which_model_gave_it(herd: Herd) -> None:
    conversation = Conversation(model="one").with_turn(question("hum?"))

    conversation, answer = answered(herd, conversation)

    assert answer.text == "one:q4_0 says: hum?"
    assert conversation.turns[-1].model == "one:q4_0"
    assert conversation.turns[-1].is_complete


def test_a_conversation_goes_on_with_another_model(herd: Herd, engine: FakeEngine) -> None:
    conversation = Conversation(model="one").with_turn(question("hum?"))
    conversation, _ = answered(herd, conversation)
    conversation = conversation.with_model("two").with_turn(question("and you?"))

    conversation, _ = answered(herd, conversation)

    assert [turn.model for turn in conversation.turns] == [None, "one:q4_0", None, "two:q4_0"]
    assert [len(turns) for _, turns in engine.asked] == [1, 3]


def test_a_crash_keeps_what_was_said(herd: Herd, engine: FakeEngine) -> None:
    def reply(*_: object) -> str:
        engine.failure = EngineCrashed("The engine died.")
        return "some words"

    engine.reply = reply
    answer = herd.ask(Conversation(model="one").with_turn(question("hum?")))

    said = list(answer)

    assert said == ["some", " words"]
    with pytest.raises(EngineCrashed):
        list(herd.ask(Conversation(model="one").with_turn(question("again"))))


def test_a_stopped_answer_is_kept_as_incomplete(herd: Herd, engine: FakeEngine) -> None:
    engine.gate = threading.Event()
    answer = herd.ask(Conversation(model="one").with_turn(question("one two three")))
    words = iter(answer)
    next(words)
    answer.stop.set()

    assert list(words) == []
    assert answer.turn.text == "one:q4_0"
    assert not answer.turn.is_complete


def test_what_the_person_sets_goes_before_the_registry_and_that_before_herd(herd: Herd) -> None:
    installed = replace(herd.installed("one"), sampling=Sampling(temperature=0.1, top_k=7))

    loadable = herd.loadable(installed, Sampling(temperature=0.9))

    assert loadable.sampling.temperature == 0.9
    assert loadable.sampling.top_k == 7


def test_a_model_that_is_known_but_not_here_says_how_to_get_it(herd: Herd) -> None:
    with pytest.raises(NotInstalled) as caught:
        herd.installed("smollm2")

    assert caught.value.hint == "`herd install smollm2-135m` fetches it."


def test_a_model_that_nobody_knows_is_an_error_and_never_a_default(herd: Herd) -> None:
    with pytest.raises(UnknownModel):
        herd.ask(Conversation(model="nobody").with_turn(question("hum?")))


def test_removing_one_of_two_names_frees_nothing_and_the_last_one_frees_the_bytes(
    herd: Herd,
) -> None:
    assert herd.remove(herd.installed("one")) == 0
    assert herd.remove(herd.installed("two")) == len(GGUF)
    assert not any(entry.is_installed for entry in herd.shelf())


def test_looking_changes_nothing_on_the_disk_but_the_cache(tmp_path: Path) -> None:
    herd = herd_at(tmp_path / "home")

    herd.shelf()
    herd.plan(herd.choose("smollm2"))
    herd.close()

    assert [path.name for path in (tmp_path / "home").iterdir()] == ["cache"]


def test_this_machine_has_memory() -> None:
    found = memory()

    assert found is not None
    assert found > 2**28


def test_a_model_without_a_vision_encoder_is_shown_nothing(herd: Herd, tmp_path: Path) -> None:
    asked = replace(question("what?"), images=(str(pictures.png(tmp_path / "red.png")),))

    with pytest.raises(CannotRun, match="one:q4_0 sees no images"):
        herd.ask(Conversation(model="one").with_turn(asked))


def test_a_model_sees_with_the_file_that_came_with_it(herd: Herd) -> None:
    one = herd.installed("one")
    two = InstalledFile("mmproj-F16.gguf", len(GGUF), one.files[0].sha256)
    both = replace(one, name="seer", files=(*one.files, two))
    herd.store.record(both)

    assert herd.loadable(both, sees=True).projector == herd.store.blob(two.sha256)
    assert herd.loadable(both).projector is None


def test_an_image_that_is_gone_is_an_error_in_a_question_and_a_remark_before_it(
    herd: Herd, engine: FakeEngine, tmp_path: Path
) -> None:
    herd.projector = tmp_path / "mmproj.gguf"
    gone = replace(question("what?"), images=(str(tmp_path / "gone.png"),))
    conversation = Conversation(model="one").with_turn(gone)

    with pytest.raises(BadUsage, match=r"gone\.png cannot be read"):
        herd.ask(conversation)
    answered(herd, conversation.with_turn(question("and?")))

    assert engine.asked[-1][1][0].text == "(gone.png, which is gone)\nwhat?"


def test_what_is_said_now_goes_before_the_settings_and_they_before_the_registry(herd: Herd) -> None:
    one = replace(herd.installed("one"), sampling=Sampling(temperature=0.1, top_k=1, seed=1))
    herd.places.config_file.write_text(
        '[models.one]\ntop_k = 2\nseed = 2\nmin_p = 0.5\n[models."one:q4_0"]\nmin_p = 0.25\n'
        'template = "alpaca"\n'
    )
    del herd.config  # read again

    model = herd.loadable(one, Sampling(seed=3))

    assert model.sampling == Sampling(temperature=0.1, top_k=2, seed=3, min_p=0.25)
    assert (model.whose, model.stop) == ("alpaca, as was asked", ("### Instruction:",))


def test_pieces_that_an_install_left_are_hashed_when_it_is_done(herd: Herd) -> None:
    one = herd.installed("one")
    sha256, size = one.files[0].sha256, one.files[0].size
    assert herd.store.table(sha256, size) is None

    herd.hash_pieces([one])
    table = herd.store.table(sha256, size)
    assert table is not None
    assert table.is_whole(0, herd.store.blob(sha256).read_bytes())


def test_pieces_are_not_hashed_any_more_when_herd_is_closed(herd: Herd) -> None:
    one = herd.installed("one")
    herd.close()
    herd.hash_pieces([one])
    assert herd.store.table(one.files[0].sha256, one.files[0].size) is None


def test_a_file_that_the_disk_lost_meanwhile_gets_no_table_of_its_wrong_bytes(herd: Herd) -> None:
    one = herd.installed("one")
    blob = herd.store.blob(one.files[0].sha256)
    blob.chmod(0o644)
    blob.write_bytes(bytes(one.files[0].size))
    with pytest.raises(DigestMismatch, match="wrong in the store"):
        herd.hash_pieces([one])
    assert herd.store.table(one.files[0].sha256, one.files[0].size) is None


def test_what_is_removed_before_its_pieces_are_hashed_is_not_said_to_be_lost(herd: Herd) -> None:
    one = herd.installed("one")
    herd.remove(one)
    herd.hash_pieces([one])
