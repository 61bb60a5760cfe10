"""Models in several files: ggml and ggmf dealt columns and rows among them."""

from __future__ import annotations

import random
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from herd.errors import LegacyDamaged
from herd.legacy import inspect

from . import old_file as old
from .gguf_reader import read_gguf
from .given import given
from .old_file import OldFile, Weights
from .work import FACTS, converted

COLUMNS = ("tok_embeddings", "attention.wo", "feed_forward.w2")


def wide_file(kind: int = old.Q4_0) -> OldFile:
    """A model of 64 columns, so that its rows can be dealt."""
    file = old.old_file("ggmf", 1, kind)
    chance = random.Random(4)
    weights = [
        Weights(name, ne, old.F32 if len(ne) == 1 else kind, content)
        for name, ne in old.shapes(300, 64, 64, 128).items()
        for content in [old.random_weights(kind, ne, 1, chance)]
    ]
    return replace(file, embedding=64, rotary=32, weights=weights)


def dealt(file: OldFile, parts: int = 2) -> list[OldFile]:
    return [
        replace(file, weights=[_share(each, part, parts) for each in file.weights])
        for part in range(parts)
    ]


def _share(each: Weights, part: int, parts: int) -> Weights:
    if len(each.ne) == 1:
        return each
    columns, rows = each.ne
    size = len(each.content) // rows
    lines = [each.content[at : at + size] for at in range(0, len(each.content), size)]
    if any(word in each.name for word in COLUMNS):
        share = size // parts
        content = b"".join(line[part * share : (part + 1) * share] for line in lines)
        return replace(each, ne=(columns // parts, rows), content=content)
    count = rows // parts
    content = b"".join(lines[part * count : (part + 1) * count])
    return replace(each, ne=(columns, count), content=content)


def written(files: Sequence[OldFile], folder: Path) -> list[Path]:
    return [
        file.write(folder, "old.bin" if not at else f"old.bin.{at}")
        for at, file in enumerate(files)
    ]


@pytest.mark.parametrize("kind", [old.Q4_0, old.Q4_1, old.F32])
def test_parts_make_the_same_model_as_one_file(kind: int, tmp_path: Path) -> None:
    file = wide_file(kind)
    whole = read_gguf(converted(file.write(tmp_path, "one.bin"), tmp_path).path)

    first, *_ = written(dealt(file), tmp_path)

    assert read_gguf(converted(first, tmp_path).path) == whole


def test_parts_may_have_any_names_when_all_are_given(tmp_path: Path) -> None:
    first, second = written(dealt(wide_file()), tmp_path)
    expected = converted(first, tmp_path).sha256
    moved = second.rename(tmp_path / "digest")

    assert converted([first, moved], tmp_path).sha256 == expected


def test_a_part_may_have_its_tensors_in_another_order(tmp_path: Path) -> None:
    first, second = dealt(wide_file())
    paths = written([first, second], tmp_path)
    expected = converted(paths[0], tmp_path)
    paths = written([first, replace(second, weights=second.weights[::-1])], tmp_path)

    done = converted(paths[0], tmp_path)

    assert done.sha256 == expected.sha256
    assert done.sources[1] != expected.sources[1]


def test_a_missing_part_is_named(tmp_path: Path) -> None:
    shutil.copy(given("ggmf1-q4_0-2part"), tmp_path / "model.bin")

    with pytest.raises(LegacyDamaged, match=r"model\.bin\.1, part 1 of model\.bin, is missing"):
        converted(tmp_path / "model.bin", tmp_path)

    with pytest.raises(LegacyDamaged, match="consists of 2 parts, and 1 were given"):
        converted([tmp_path / "model.bin"], tmp_path)


def test_a_part_of_another_model_is_damage(tmp_path: Path) -> None:
    first, second = dealt(wide_file())
    other = replace(second, pieces=[*second.pieces[:-1], (b" else", 0.0)])

    for wrong in (other, replace(second, ftype=3), replace(second, multiple=64)):
        paths = written([first, wrong], tmp_path)
        with pytest.raises(LegacyDamaged, match=r"part 1 of old\.bin"):
            inspect(paths[0], FACTS)


def test_an_aligned_file_has_no_parts(tmp_path: Path) -> None:
    first, second = (replace(each, magic="ggjt") for each in dealt(wide_file()))
    paths = written([first, second], tmp_path)

    with pytest.raises(LegacyDamaged, match="columns"):
        inspect(paths[0], FACTS)
