"""Weights keep their values: integers exactly, scales as near as f16 is."""

from __future__ import annotations

import random
import struct
from dataclasses import replace
from pathlib import Path

import pytest

from herd.errors import LegacyDamaged

from . import old_file as old
from .gguf_reader import read_gguf
from .old_file import OldFile, Weights
from .values import MODERN, values
from .work import converted

ALL = [
    *(("ggml", 0, kind) for kind in (old.F32, old.F16, old.Q4_0, old.Q4_1)),
    *(("ggmf", 1, kind) for kind in (old.Q4_0, old.Q4_1)),
    *(("ggjt", 1, kind) for kind in range(9)),
    *(("ggjt", 2, kind) for kind in (old.F16, old.Q4_0, old.Q4_1, old.Q5_0, old.Q5_1, old.Q8_0)),
    *(("ggjt", 3, kind) for kind in (old.F16, old.Q4_0, old.Q4_1, old.Q5_0, old.Q5_1, old.Q8_0)),
]
NAME, NOW = "layers.0.feed_forward.w2.weight", "blk.0.ffn_down.weight"


def before_and_after(file: OldFile, folder: Path) -> tuple[list[float], list[float]]:
    """All values of one tensor in the old and in the new file."""
    weights = read_gguf(converted(file.write(folder), folder).path).tensors[NOW]
    era = file.version if file.magic == "ggjt" else 1
    was = file.weight(NAME)
    return values(was.content, was.type, era), values(weights.content, MODERN[weights.type], 3)


@pytest.mark.parametrize(("magic", "version", "kind"), ALL)
def test_every_weight_keeps_its_value(magic: str, version: int, kind: int, tmp_path: Path) -> None:
    before, after = before_and_after(old.old_file(magic, version, kind), tmp_path)

    # Scales and minimums are below 1, so that no value of four bits passes 16; eight bits: 127.
    step = 1 / 254 * 16 if kind in (old.Q4_2, old.Q4_3) else 2**-11 * (127 if kind == 8 else 16)
    is_exact = kind in (old.F32, old.F16, old.Q5_0, old.Q5_1) or version == 3
    assert after == (before if is_exact else pytest.approx(before, abs=step * 1.01))
    assert len(set(after)) > 20


def test_q4_2_moves_no_weight_by_more_than_half_a_step_of_its_block(tmp_path: Path) -> None:
    before, after = before_and_after(old.old_file("ggjt", 1, old.Q4_2), tmp_path)

    for at in range(0, len(before), 32):
        pairs = list(zip(before[at : at + 32], after[at : at + 32], strict=True))
        largest = max(abs(each) for each, _ in pairs)
        assert max(abs(was - now) for was, now in pairs) <= largest / 254 * 1.01


def test_q4_2_with_the_smallest_scales_does_not_overflow(tmp_path: Path) -> None:
    file = old.old_file("ggjt", 1, old.Q4_2)
    was = file.weight(NAME)
    tiny = struct.pack("<e", 2**-24) + b"\x07\xf8" * 4
    file = file.with_weight(NAME, replace(was, content=tiny * (len(was.content) // 10)))

    before, after = before_and_after(file, tmp_path)

    assert all(was == now == 0 or was * now >= 0 for was, now in zip(before, after, strict=True))
    assert max(map(abs, after)) <= max(map(abs, before)) + 2**-24


def test_q8_0_of_25_april_2023_has_the_number_of_q5_0(tmp_path: Path) -> None:
    file = replace(old.old_file("ggjt", 1, old.Q8_0), ftype=7)
    before, _ = before_and_after(file, tmp_path)
    renumbered = [replace(each, type=6) if each.type == old.Q8_0 else each for each in file.weights]

    gguf = read_gguf(converted(replace(file, weights=renumbered).write(tmp_path), tmp_path).path)

    assert gguf.tensors[NOW].type == "Q8_0"
    assert values(gguf.tensors[NOW].content, old.Q8_0, 3) == pytest.approx(before, abs=0.07)


@pytest.mark.parametrize("kind", [old.Q4_0, old.Q4_1])
def test_planes_of_a_row_become_the_same_blocks(kind: int, tmp_path: Path) -> None:
    file = old.old_file(kind=kind, tokens=300)
    file = replace(file, weights=[_with_minimums_below_zero(each) for each in file.weights])
    planar = replace(file, weights=[_planar(each) for each in file.weights])
    (tmp_path / "planar").mkdir()

    straight = converted(file.write(tmp_path), tmp_path)
    mended = converted(planar.write(tmp_path, "planar.bin"), tmp_path / "planar")

    assert file.bytes != planar.bytes
    assert read_gguf(mended.path).tensors == read_gguf(straight.path).tensors


def _with_minimums_below_zero(each: Weights) -> Weights:
    if each.type != old.Q4_1:
        return each
    blocks = [each.content[at : at + 24] for at in range(0, len(each.content), 24)]
    turned = (block[:7] + bytes([block[7] | 0x80]) + block[8:] for block in blocks)
    return replace(each, content=b"".join(turned))


def _planar(each: Weights) -> Weights:
    if each.type not in (old.Q4_0, old.Q4_1):
        return each
    size = 20 if each.type == old.Q4_0 else 24
    row_size = each.ne[0] // 32 * size
    content = b""
    for start in range(0, len(each.content), row_size):
        row = each.content[start : start + row_size]
        blocks = [row[at : at + size] for at in range(0, row_size, size)]
        if each.type == old.Q4_1:
            content += b"".join(block[4:8] for block in blocks)
        content += b"".join(block[:4] for block in blocks)
        content += b"".join(block[-16:] for block in blocks)
    return replace(each, content=content)


@pytest.mark.parametrize("scale", [float("nan"), float("inf"), -float("inf"), 1e6])
@pytest.mark.parametrize(("magic", "version"), [("ggml", 0), ("ggjt", 1), ("ggjt", 2)])
def test_a_scale_that_f16_cannot_hold_is_damage(
    magic: str, version: int, scale: float, tmp_path: Path
) -> None:
    file = old.old_file(magic, version)
    was = file.weight(NAME)
    path = file.with_weight(
        NAME, replace(was, content=was.content[:-20] + struct.pack("<f", scale) + bytes(16))
    ).write(tmp_path)

    with pytest.raises(LegacyDamaged, match=r"tensor blk\.0\.ffn_down\.weight"):
        converted(path, tmp_path)

    assert list(tmp_path.iterdir()) == [path]


def test_scales_that_make_sense_in_no_order_are_damage(tmp_path: Path) -> None:
    file = old.old_file()
    first = file.weights[0]
    noise = random.Random(1).randbytes(len(first.content))

    with pytest.raises(LegacyDamaged, match="make no sense"):
        converted(
            file.with_weight(first.name, replace(first, content=noise)).write(tmp_path), tmp_path
        )


def test_a_norm_of_two_bytes_is_widened(tmp_path: Path) -> None:
    file = old.old_file()
    halves = struct.pack("<32e", *(at / 8 for at in range(32)))
    file = file.with_weight("norm.weight", Weights("norm.weight", (32,), old.F16, halves))

    norm = read_gguf(converted(file.write(tmp_path), tmp_path).path).tensors["output_norm.weight"]

    assert (norm.type, values(norm.content, old.F32, 3)) == ("F32", [at / 8 for at in range(32)])


def test_keys_may_have_fewer_heads(tmp_path: Path) -> None:
    done = converted(old.old_file("ggjt", 3, keys=16).write(tmp_path), tmp_path)

    assert done.legacy.heads_kv == 1
    assert read_gguf(done.path).keys["llama.attention.head_count_kv"] == 1


def test_tensors_keep_the_order_of_the_file_whatever_it_is(tmp_path: Path) -> None:
    file = old.old_file()
    turned = replace(file, weights=file.weights[::-1])

    tensors = read_gguf(converted(turned.write(tmp_path), tmp_path).path).tensors

    straight = read_gguf(converted(file.write(tmp_path), tmp_path).path).tensors
    assert tensors == straight
    assert list(tensors) == list(straight)[::-1]
