"""Images: which files are some, and which of them are not let near a decoder."""

from __future__ import annotations

import base64
import os
import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from herd import image
from herd.errors import BadUsage
from tests.tools import pictures

SIDES = {
    "png": pictures.of_chunks(30, 20, b""),
    "gif": b"GIF89a" + struct.pack("<HH", 30, 20) + bytes(3),
    "bmp": b"BM" + bytes(12) + struct.pack("<Iii", 40, 30, -20) + bytes(24),
    "old bmp": b"BM" + bytes(12) + struct.pack("<IHH", 12, 30, 20),
    "jpeg": b"\xff\xd8\xff\xe0\x00\x04ab\xff\xff\xc2\x00\x11\x08" + struct.pack(">HH", 20, 30),
    "webp": b"RIFF....WEBPVP8 ....\0\0\0\x9d\x01\x2a" + struct.pack("<HH", 30, 20),
    "lossless webp": b"RIFF....WEBPVP8L....\x2f" + struct.pack("<I", 29 | 19 << 14),
    "animated webp": b"RIFF....WEBPVP8X....\0\0\0\0\x1d\0\0\x13\0\0",
}


def written(folder: Path, content: bytes) -> str:
    path = folder / "image"
    path.write_bytes(content)
    return str(path)


@pytest.mark.parametrize("kind", SIDES)
def test_a_file_of_a_known_kind_is_an_image(kind: str, tmp_path: Path) -> None:
    assert image.read(written(tmp_path, SIDES[kind])) == SIDES[kind]


@pytest.mark.parametrize("kind", SIDES)
def test_the_sides_of_each_kind_are_known_before_it_is_unfolded(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(image, "MOST_PIXELS", 30 * 20 - 1)

    with pytest.raises(BadUsage, match="30 x 20 pixels"):
        image.read(written(tmp_path, SIDES[kind]))


def test_a_path_is_taken_for_an_image_by_its_first_bytes(tmp_path: Path) -> None:
    picture, text = tmp_path / "notes.txt", tmp_path / "llama.png"
    picture.write_bytes(SIDES["webp"])
    text.write_text("no picture")

    assert image.is_one(picture)
    assert not image.is_one(text)
    assert not image.is_one(tmp_path / "none.png")


@pytest.mark.parametrize("kind", SIDES)
def test_what_is_cut_off_in_its_header_is_none(kind: str, tmp_path: Path) -> None:
    for length in range(0, 12, 3):
        with pytest.raises(BadUsage, match="is no image"):
            image.read(written(tmp_path, SIDES[kind][:length]))


@given(st.sampled_from(sorted(SIDES)), st.binary(max_size=64))
def test_whatever_follows_a_magic_is_an_image_or_one_sentence(kind: str, rest: bytes) -> None:
    content = SIDES[kind][:12] + rest
    uri = "data:image/png;base64," + base64.b64encode(content).decode()
    try:
        image.read(uri)
    except BadUsage as error:
        assert "\n" not in error.message  # noqa: PT017  # any sentence will do


def test_padding_before_a_marker_is_passed_over(tmp_path: Path) -> None:
    content = b"\xff\xd8" + b"\xff" * 1_000_000 + SIDES["jpeg"][2:]

    assert image.read(written(tmp_path, content)) == content


def test_a_jpeg_of_nothing_but_empty_segments_is_none(tmp_path: Path) -> None:
    content = b"\xff\xd8" + b"\xff\xe0\x00\x02" * 100_000 + SIDES["jpeg"][2:]

    with pytest.raises(BadUsage, match="is no image"):
        image.read(written(tmp_path, content))


def test_an_image_that_unfolds_to_gigabytes_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadUsage, match="60,000 x 60,000 pixels"):
        image.read(written(tmp_path, pictures.of_chunks(60_000, 60_000, b"")))


def test_a_file_that_is_too_large_is_refused_before_it_is_read_whole(tmp_path: Path) -> None:
    path = tmp_path / "large.png"
    path.write_bytes(SIDES["png"])
    os.truncate(path, image.LARGEST + 1)

    with pytest.raises(BadUsage, match=r"large.png is larger than"):
        image.read(str(path))


def test_a_pipe_and_a_folder_are_no_files(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for name in ("pipe", "."):
        with pytest.raises(BadUsage, match=r"no file|cannot be read"):
            image.read(str(tmp_path / name))


def test_a_data_uri_says_what_is_wrong_with_it() -> None:
    for uri in ("data:image/png;base64,%%%", "data:image/png,abc", "data:"):
        with pytest.raises(BadUsage, match="base64"):
            image.read(uri)


def test_too_many_images_are_refused() -> None:
    with pytest.raises(BadUsage, match="17 images"):
        image.refuse_many(["a.png"] * 17)
