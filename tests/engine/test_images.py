"""Images: a model that sees answers to what it is shown; what it cannot be shown is told."""

from __future__ import annotations

import base64
import threading
import zlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from herd.chat import Role, Turn
from herd.engine import Engine, Finished, Loadable
from herd.errors import EngineCrashed, EngineFailed
from herd.model import Sampling
from tests.engine.asking import Said, model_said, said, user
from tests.engine.conftest import MakeEngine
from tests.tools import pictures, tiny_mmproj

LIKELIEST = Sampling(temperature=0.0, max_tokens=12)


@pytest.fixture(scope="session")
def projector(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_mmproj.write(tmp_path_factory.mktemp("eyes") / "mmproj-tiny.gguf")


@pytest.fixture
def seeing(tiny: Loadable, projector: Path) -> Loadable:
    return replace(tiny, projector=projector)


@pytest.fixture
def red(tmp_path: Path) -> str:
    return str(pictures.png(tmp_path / "red.png"))


@pytest.fixture
def blue(tmp_path: Path) -> str:
    return str(pictures.png(tmp_path / "blue.png", (20, 40, 220)))


def shown(*images: str, text: str = "hum?") -> Turn:
    return Turn(Role.USER, text, images=images)


def asked(engine: Engine, model: Loadable, *turns: Turn) -> Said:
    return said(engine, model, turns, LIKELIEST)


def test_the_tokens_of_an_image_are_part_of_the_prompt(
    engine: Engine, seeing: Loadable, red: str, blue: str
) -> None:
    none, one, two = (
        asked(engine, seeing, turn).began.prompt_tokens
        for turn in (user("hum?"), shown(red), shown(red, blue))
    )

    assert one >= none + tiny_mmproj.TOKENS
    assert two == one + tiny_mmproj.TOKENS


def test_another_image_gets_another_answer_and_the_same_the_same(
    engine: Engine, seeing: Loadable, red: str, blue: str
) -> None:
    first = asked(engine, seeing, shown(red)).text

    assert asked(engine, seeing, shown(blue)).text != first
    assert asked(engine, seeing, user("hum?")).text != first
    assert asked(engine, seeing, shown(red)).text == first


def test_the_same_answer_comes_from_a_fresh_engine_and_from_what_was_read_before(
    make_engine: MakeEngine, seeing: Loadable, red: str, blue: str
) -> None:
    fresh, used = make_engine(), make_engine()
    asked(used, seeing, shown(blue))
    asked(used, seeing, shown(blue, red))

    assert asked(used, seeing, shown(red)).text == asked(fresh, seeing, shown(red)).text


def test_a_second_question_reads_no_image_again(engine: Engine, seeing: Loadable, red: str) -> None:
    first = asked(engine, seeing, shown(red))
    turns = [shown(red), model_said(first.text), user("and?")]

    second = asked(engine, seeing, *turns)

    assert second.began.reused_tokens >= first.began.prompt_tokens
    assert second.text == asked(engine, replace(seeing, context=512), *turns).text


def test_a_data_uri_is_an_image_too(engine: Engine, seeing: Loadable, red: str) -> None:
    uri = "data:image/png;base64," + base64.b64encode(Path(red).read_bytes()).decode()

    assert asked(engine, seeing, shown(uri)).text == asked(engine, seeing, shown(red)).text


def test_a_model_that_sees_answers_those_who_show_nothing_as_well(
    engine: Engine, seeing: Loadable, tiny: Loadable, red: str
) -> None:
    asked(engine, seeing, shown(red))

    asked(engine, tiny, user("hum?"))

    (state,) = engine.states
    assert state.ready is not None
    assert state.ready.sees
    assert any("images" in each for each in state.ready.why)


def test_a_model_without_a_vision_encoder_says_so(engine: Engine, tiny: Loadable, red: str) -> None:
    with pytest.raises(EngineFailed, match="sees no images"):
        asked(engine, tiny, shown(red))
    assert asked(engine, tiny, user("hum?")).text


def test_an_image_of_no_words_is_no_question(engine: Engine, seeing: Loadable, red: str) -> None:
    bare = replace(seeing, template="{{ messages[-1].content }}")
    with pytest.raises(EngineFailed, match="nothing to answer"):
        asked(engine, bare, shown(red, text=""))


def damaged(folder: Path) -> Sequence[tuple[str, bytes]]:
    whole = pictures.png(folder / "whole.png").read_bytes()
    return [
        ("torn", whole[:60]),
        ("head alone", whole[:33]),
        ("noise", whole[:41] + bytes(range(256)) * 4),
        ("bomb", pictures.of_chunks(65_000, 65_000, zlib.compress(bytes(1000)))),
        ("flat", pictures.of_chunks(0, 9, b"")),
        ("page", b"<!DOCTYPE html>"),
        ("sound", b"RIFF\x24\0\0\0WAVEfmt " + bytes(64)),
        ("nothing", b""),
        (
            "jpeg",
            b"\xff\xd8\xff\xe0\x00\x10JFIF\0" + bytes(9) + b"\xff\xc0\x00\x11\x08\x10\x10\x10\x10",
        ),
        ("gif", b"GIF89a\x10\x00\x10\x00" + b"\xff" * 40),
        ("webp", b"RIFF\x24\0\0\0WEBPVP8 \x10\0\0\0\0\0\0\x9d\x01\x2a\x10\0\x10\0" + bytes(9)),
        ("bmp", b"BM" + bytes(12) + b"\x28\0\0\0\x10\0\0\0\x10\0\0\0\x01\0\x18\0" + bytes(24)),
    ]


def test_a_damaged_image_is_one_sentence_and_the_model_stays(
    engine: Engine, seeing: Loadable, tmp_path: Path
) -> None:
    for name, content in damaged(tmp_path):
        path = tmp_path / name
        path.write_bytes(content)
        with pytest.raises(EngineFailed, match=name) as caught:
            asked(engine, seeing, shown(str(path)))
        assert caught.value.hint, name
    (state,) = engine.states
    assert state.ready is not None


def test_a_damaged_vision_encoder_is_one_sentence(
    engine: Engine, seeing: Loadable, projector: Path, red: str, tmp_path: Path
) -> None:
    whole = projector.read_bytes()
    for name, content in (
        ("torn", whole[: len(whole) // 2]),
        ("head", whole[:900]),
        ("page", b"<!DOCTYPE html>"),
        ("model", seeing.path.read_bytes()),
        (
            "layers",
            whole.replace(
                b"clip.vision.block_count\x04\0\0\0\x02", b"clip.vision.block_count\x04\0\0\0\xff"
            ),
        ),
        ("other", tiny_mmproj.write(tmp_path / "w", into=96).read_bytes()),
    ):
        bad = tmp_path / f"mmproj-{name}.gguf"
        bad.write_bytes(content)
        with pytest.raises((EngineFailed, EngineCrashed)) as caught:
            asked(engine, replace(seeing, projector=bad), shown(red))
        assert caught.value.hint, name
    assert asked(engine, seeing, shown(red)).text


def test_a_stop_is_heard_while_images_are_read(
    engine: Engine, seeing: Loadable, red: str, blue: str
) -> None:
    stop = threading.Event()
    pieces = engine.answer(seeing, [shown(red, blue)], LIKELIEST, stop)
    next(pieces)
    stop.set()

    *_, last = pieces

    assert isinstance(last, Finished)
    assert last.reason == "stopped"
    assert asked(engine, seeing, shown(red)).text
