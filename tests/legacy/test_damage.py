"""Whatever happens to a file: it is converted or refused with a sentence, and nothing is left."""

from __future__ import annotations

import tempfile
import tracemalloc
from functools import cache
from pathlib import Path

from hypothesis import example, given, settings
from hypothesis import strategies as st

from herd.errors import LegacyError
from herd.legacy import Facts, recognise

from .given import SMALL
from .given import given as given_file
from .work import converted

MOST_MEMORY = 256 << 20
ODD = [0, 1, 2, 3, 6, 31, 32, 64, 77, 255, 256, 4096, 4097, 1 << 20, (1 << 31) - 1, 1 << 31]
ODD += [(1 << 32) - 1, 0x7F800000, 0x7FC00000, 0xFF800000]

names = st.sampled_from(SMALL)
many = settings(max_examples=150, deadline=None)


@cache
def content_of(name: str) -> bytes:
    return given_file(name).read_bytes()


def is_refused_or_converted(content: bytes) -> None:
    """The one rule of this file."""
    with tempfile.TemporaryDirectory() as folder:
        path, target = Path(folder, "file.bin"), Path(folder, "out.gguf")
        path.write_bytes(content)
        tracemalloc.start()
        refusal = None
        try:
            recognise(path)
            converted(path, Path(folder), Facts("damaged"))
        except LegacyError as error:
            refusal = error.message
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert "\n" not in (refusal or "")
        assert target.exists() == (refusal is None)
        target.unlink(missing_ok=True)
        assert list(Path(folder).iterdir()) == [path]
        assert peak < MOST_MEMORY


@many
@given(name=names, share=st.floats(0, 1))
def test_a_file_that_was_cut_short(name: str, share: float) -> None:
    content = content_of(name)
    is_refused_or_converted(content[: int(len(content) * share)])


@many
@given(name=names, flips=st.lists(st.tuples(st.floats(0, 1), st.integers(0, 7)), max_size=8))
def test_bits_that_turned(name: str, flips: list[tuple[float, int]]) -> None:
    content = bytearray(content_of(name))
    for share, bit in flips:
        content[int(share * (len(content) - 1))] ^= 1 << bit
    is_refused_or_converted(bytes(content))


@many
@given(name=names, word=st.integers(0, 9), value=st.sampled_from(ODD) | st.integers(0, 2**32 - 1))
@example(name="ggjt3-q2_K", word=2, value=1 << 20)
def test_numbers_of_the_header_that_changed(name: str, word: int, value: int) -> None:
    content = bytearray(content_of(name))
    content[4 * word : 4 * word + 4] = value.to_bytes(4, "little")
    is_refused_or_converted(bytes(content))


@many
@given(name=names, data=st.data())
def test_numbers_of_records_that_changed(name: str, data: st.DataObject) -> None:
    content = bytearray(content_of(name))
    places = [at for at in range(len(content) - 8) if content.startswith(b".weight", at)]
    at = data.draw(st.sampled_from(places)) - 4 * data.draw(st.integers(1, 14))
    value = data.draw(st.sampled_from(ODD))
    content[at : at + 4] = value.to_bytes(4, "little")
    is_refused_or_converted(bytes(content))


@many
@given(name=names, noise=st.binary(max_size=300), share=st.floats(0, 1))
def test_bytes_that_came_in_between(name: str, noise: bytes, share: float) -> None:
    content = content_of(name)
    at = int(share * len(content))
    is_refused_or_converted(content[:at] + noise + content[at:])


@many
@given(noise=st.binary(max_size=200), magic=st.sampled_from([b"lmgg", b"fmgg", b"tjgg", b"algg"]))
def test_noise_under_an_old_magic(noise: bytes, magic: bytes) -> None:
    is_refused_or_converted(magic + noise)
