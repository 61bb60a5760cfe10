"""The vocabulary: what old files left out, wrote oddly or counted wrongly."""

from __future__ import annotations

import struct
from dataclasses import replace
from pathlib import Path

import pytest

from herd.errors import LegacyDamaged
from herd.legacy import inspect

from . import old_file as old
from .gguf_reader import read_gguf
from .old_file import OldFile, Piece
from .work import FACTS, converted

NORMAL, UNKNOWN, CONTROL, USER, UNUSED, BYTE = range(1, 7)
BLANK = "▁".encode()


def tokens_of(file: OldFile, folder: Path) -> list[tuple[bytes, float, int]]:
    keys = read_gguf(converted(file.write(folder), folder).path).keys
    names = ("tokens", "scores", "token_type")
    return list(zip(*(keys[f"tokenizer.ggml.{name}"] for name in names), strict=True))


def scored(*more: Piece, at: int = 290) -> OldFile:
    """A ggmf file whose pieces from `at` on are these."""
    file = old.old_file("ggmf", 1)
    return replace(file, pieces=[*file.pieces[:at], *more, *file.pieces[at + len(more) :]])


def test_the_first_tokens_have_their_types(tmp_path: Path) -> None:
    tokens = tokens_of(scored(), tmp_path)

    assert [text for text, _, _ in tokens[:4]] == [b"<unk>", b"<s>", b"</s>", b"<0x00>"]
    assert [kind for _, _, kind in tokens[:4]] == [UNKNOWN, CONTROL, CONTROL, BYTE]
    assert tokens[258] == (b"<0xFF>", 0.0, BYTE)


def test_blanks_become_the_mark_of_sentencepiece_and_scores_are_kept(tmp_path: Path) -> None:
    tokens = tokens_of(scored((b" a b", -12.5)), tmp_path)

    assert tokens[290] == (BLANK + b"a" + BLANK + b"b", -12.5, NORMAL)


def test_missing_scores_are_rebuilt(tmp_path: Path) -> None:
    file = old.old_file()
    file = replace(file, pieces=[*file.pieces[:-1], (b"  ", 0.0)])

    tokens = tokens_of(file, tmp_path)

    assert [tokens[at][1] for at in (0, 258, 259, 298, 299)] == [0, 0, 0, -39, -1e9]


def test_a_guess_about_scores_is_said(tmp_path: Path) -> None:
    assert "guess" in inspect(old.old_file().write(tmp_path), FACTS).warnings[0]
    assert inspect(old.old_file("ggmf", 1).write(tmp_path), FACTS).warnings == ()


def test_equal_texts_are_told_apart(tmp_path: Path) -> None:
    twins = [(b"</s>", 0.0), (b" twin", 0.0), (b" twin", 0.0), (b"", 0.0), (b"[UNUSED_295]", 0.0)]
    file = scored(*twins, (b"<0x41>", 0.0))

    tokens = tokens_of(file, tmp_path)

    assert [text for text, _, _ in tokens[290:296]] == [
        b"[UNUSED_290]", BLANK + b"twin", b"[UNUSED_292]", b"[UNUSED_293]", b"[UNUSED_295]",
        b"[UNUSED_295]_",
    ]  # fmt: skip
    assert [kind for _, _, kind in tokens[290:296]] == [5, 1, 5, 5, 1, 5]
    assert len({text for text, _, _ in tokens}) == len(tokens)


def test_early_files_say_their_byte_tokens_by_place(tmp_path: Path) -> None:
    file = old.old_file()
    early = [(b"\xef\xbf\xbd", 0.0) if at >= 131 else each for at, each in enumerate(file.pieces)]
    file = replace(file, pieces=[*early[:259], *file.pieces[259:]])

    tokens = tokens_of(file, tmp_path)

    assert [text for text, _, _ in tokens[3:259]] == [b"<0x%02X>" % at for at in range(256)]


def test_files_with_scores_must_have_them_right(tmp_path: Path) -> None:
    path = scored((b"\xef\xbf\xbd", 0.0), at=200).write(tmp_path)

    with pytest.raises(LegacyDamaged, match="token 200"):
        inspect(path, FACTS)


def many(count: int, *added: Piece, magic: str = "ggmf", version: int = 1) -> OldFile:
    """A file with a vocabulary as large as LLaMA's and some more."""
    file = old.old_file(magic, version, tokens=count)
    return replace(file, pieces=[*file.pieces[: count - len(added)], *added])


def test_added_tokens_are_control_or_user_defined(tmp_path: Path) -> None:
    added = [(b"[PAD]", -1000.0), (b"<|im_end|>", 0.0), (b"hm", -1000.0), (b" piece", -3.0)]

    tokens = tokens_of(many(32_004, *added), tmp_path)

    assert [kind for _, _, kind in tokens[-4:]] == [CONTROL, CONTROL, USER, NORMAL]


def test_gpt4all_counts_a_token_that_is_not_there(tmp_path: Path) -> None:
    file = many(32_001, magic="ggml", version=0)
    file = replace(file, pieces=file.pieces[:32_000])

    tokens = tokens_of(file, tmp_path)

    assert len(tokens) == 32_001
    assert tokens[-1] == (b"<pad>", 0.0, CONTROL)


def test_a_padding_token_without_score_is_control(tmp_path: Path) -> None:
    tokens = tokens_of(many(32_001, (b"[PAD]", 0.0), magic="ggml", version=0), tmp_path)

    assert tokens[-1][::2] == (b"[PAD]", CONTROL)


@pytest.mark.parametrize("score", [float("nan"), float("inf")])
def test_a_score_must_be_a_number(score: float, tmp_path: Path) -> None:
    with pytest.raises(LegacyDamaged, match="token 290"):
        inspect(scored((b" x", score)).write(tmp_path), FACTS)


def test_a_text_must_be_text(tmp_path: Path) -> None:
    with pytest.raises(LegacyDamaged, match="token 290"):
        inspect(scored((b"\xff\xfe", 0.0)).write(tmp_path), FACTS)


def test_a_vocabulary_without_all_bytes_is_none(tmp_path: Path) -> None:
    file = replace(old.old_file(), tokens=258)

    with pytest.raises(LegacyDamaged, match="258 tokens"):
        inspect(file.write(tmp_path), FACTS)


def test_a_vocabulary_of_the_longest_texts_ends_in_time(tmp_path: Path) -> None:
    text = struct.pack("<I", 4096) + bytes(4096)
    header = struct.pack("<7i", 1 << 20, 32, 32, 2, 1, 16, 2)
    path = tmp_path / "long.bin"
    with path.open("wb") as file:
        file.write(b"lmgg" + header)
        for _ in range(17_000):
            file.write(text)

    with pytest.raises(LegacyDamaged, match="no end"):
        inspect(path, FACTS)
