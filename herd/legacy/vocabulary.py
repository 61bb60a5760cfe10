"""The vocabulary of an old file: one text after the other, with scores in later kinds.

The texts are not the pieces of SentencePiece: its U+2581 stands as a blank, and the tokens
for single bytes are these bytes. `herd.legacy.tokens` makes modern tokens of them.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from .header import Header
from .reader import Reader

LONGEST_TEXT = 4096
MOST_BYTES = 64 << 20
"""Of the whole vocabulary; LLaMA's takes 0.3 MB."""

_WINDOW = 1 << 18
_FIRST_TENSOR = b"tok_embeddings.weight"
_BEFORE_NAME = 20
"""Bytes of a tensor record before its name: two counts, a type, two dimensions."""

Piece = tuple[bytes, float]
"""A text and its score, 0.0 where the file has none."""


def read_pieces(reader: Reader, header: Header) -> Iterator[Piece]:
    """Read the pieces in order of their ids; the reader then stands after the last of them.

    GPT4All wrote headers that count a token more than the list has. So a tensor where the
    last token should be ends the list.

    Raises:
        LegacyDamaged: the file ends before, or a length cannot be true.
    """
    window = _Window(reader)
    extra = 4 if header.has_scores else 0
    for number in range(header.vocabulary):
        window.hold(4 + LONGEST_TEXT + extra)
        if number == header.vocabulary - 1 and window.peek(_BEFORE_NAME, 21) == _FIRST_TENSOR:
            break
        (length,) = struct.unpack("<I", window.take(4))
        if length > LONGEST_TEXT:
            raise reader.damaged(f"token {number} claims {length:,} bytes")
        text = window.take(length)
        yield text, (struct.unpack("<f", window.take(4))[0] if extra else 0.0)
    window.give_back()


class _Window:
    """The next stretch of the file in memory: a million short reads would take seconds."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._start = reader.position
        self._content = b""
        self._begin = reader.position
        self._at = 0

    def hold(self, count: int) -> None:
        """Have the next `count` bytes at hand, fewer at the end of the file."""
        if len(self._content) - self._at >= count:
            return
        self._begin += self._at
        if self._begin - self._start > MOST_BYTES:
            raise self._reader.damaged("its vocabulary has no end")
        self._content = self._content[self._at :] + self._reader.some(_WINDOW)
        self._at = 0

    def peek(self, skip: int, count: int) -> bytes:
        """`count` bytes after the next `skip`, without moving."""
        return self._content[self._at + skip : self._at + skip + count]

    def take(self, count: int) -> bytes:
        """The next `count` bytes."""
        taken = self._content[self._at : self._at + count]
        if len(taken) < count:
            raise self._reader.ends_in("its vocabulary")
        self._at += count
        return taken

    def give_back(self) -> None:
        """Put the reader where this window stopped."""
        self._reader.go(self._begin + self._at)
