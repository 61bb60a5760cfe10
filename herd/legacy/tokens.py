"""Modern tokens from an old vocabulary: texts, scores and types as GGUF wants them.

llama.cpp ends the whole process when two texts are equal or a byte token is missing, so
neither leaves this module.
"""

from __future__ import annotations

import hashlib
import re
import struct
from array import array
from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum
from math import isfinite

from herd.errors import LegacyDamaged

from .header import BYTE_TOKENS, Header
from .reader import AGAIN
from .vocabulary import Piece

BLANK = "▁".encode()
UNKNOWN_TEXT = " \u2047 ".encode()

STANDARD = "ff81270db77291c483cbe2b6d454951c8fc2c915f68d3f5202ae757ccffbddc6"
"""sha256 over length and text of LLaMA's 32,000 pieces, for which rebuilt scores are exact."""
STANDARD_COUNT = 32_000

_ONLY_BLANKS_SCORE = -1e9
_ADDED_SCORES = (0.0, -1000.0)
_LOOKS_ADDED = re.compile(rb"\[.*\]|<.*>", re.DOTALL)
_PAD = b"<pad>"
"""What the converter for GPT4All called the token that those files count and lack."""


class TokenType(IntEnum):
    """GGUF: `tokenizer.ggml.token_type`."""

    NORMAL = 1
    UNKNOWN = 2
    CONTROL = 3
    USER_DEFINED = 4
    UNUSED = 5
    BYTE = 6


@dataclass(frozen=True)
class Tokens:
    """A vocabulary as GGUF wants it."""

    texts: list[bytes]
    """UTF-8, no two alike."""
    scores: array[float]
    types: array[int]
    warnings: tuple[str, ...] = ()
    """Sentences about what was guessed."""


def make_tokens(pieces: Iterable[Piece], header: Header, called: str) -> Tokens:
    """Make the tokens of a file that the person calls `called`.

    Raises:
        LegacyDamaged: texts or scores that no LLaMA vocabulary has.
    """
    making = _Making(header, called)
    for text, score in pieces:
        making.add(text, score)
    return making.finish()


class _Making:
    """The tokens so far."""

    def __init__(self, header: Header, called: str) -> None:
        self._header = header
        self._called = called
        self._texts: list[bytes] = []
        self._taken: set[bytes] = set()
        self._scores = array("f")
        self._types = array("i")
        self._standard = hashlib.sha256()
        self._renamed = 0
        self._is_early = False

    def add(self, text: bytes, score: float) -> None:
        number = len(self._texts)
        if number < STANDARD_COUNT:
            self._standard.update(struct.pack("<I", len(text)) + text)
        if not isfinite(score):
            raise self._damaged(f"token {number} has no score that is a number")
        if number < BYTE_TOKENS.stop:
            self._check_place(number, text)
            self._put(*_special(number), score)
        else:
            self._add_text(number, text, score)

    def _add_text(self, number: int, text: bytes, score: float) -> None:
        if not _is_utf8(text):
            raise self._damaged(f"token {number} is not text")
        kind = TokenType.NORMAL
        if number >= STANDARD_COUNT and (
            score in _ADDED_SCORES if self._header.has_scores else _LOOKS_ADDED.fullmatch(text)
        ):
            looks_added = _LOOKS_ADDED.fullmatch(text)
            kind = TokenType.CONTROL if looks_added else TokenType.USER_DEFINED
        rebuilt = score if self._header.has_scores else _rebuilt(number, text)
        self._put(text.replace(b" ", BLANK), kind, rebuilt)

    def _put(self, text: bytes, kind: TokenType, score: float) -> None:
        if not text or text in self._taken:
            text, kind = self._free_name(), TokenType.UNUSED
            self._renamed += 1
        self._texts.append(text)
        self._taken.add(text)
        self._types.append(kind)
        self._scores.append(score)

    def _free_name(self) -> bytes:
        name = f"[UNUSED_{len(self._texts)}]".encode()
        while name in self._taken:
            name += b"_"
        return name

    def _check_place(self, number: int, text: bytes) -> None:
        """Files of the first three days wrote bytes above 0x7F as U+FFFD: the place says which."""
        if text == _first_text(number):
            return
        if self._header.has_scores:
            raise self._damaged(f"token {number} is not the one that LLaMA has there")
        self._is_early = True

    def finish(self) -> Tokens:
        if len(self._texts) == self._header.vocabulary - 1:
            self._put(_PAD, TokenType.CONTROL, 0.0)
        warnings = tuple(self._warnings())
        return Tokens(self._texts, self._scores, self._types, warnings)

    def _warnings(self) -> Iterable[str]:
        is_standard = self._standard.hexdigest() == STANDARD
        if not self._header.has_scores and not is_standard:
            yield "The vocabulary is not LLaMA's own: the scores of its tokens are a guess."
        if self._is_early:
            yield "The tokens of single bytes were taken by their places, not by their texts."
        if self._renamed:
            yield f"{self._renamed} tokens without a text of their own were marked as unused."

    def _damaged(self, what: str) -> LegacyDamaged:
        return LegacyDamaged(f"{self._called} is damaged: {what}.", AGAIN)


def _special(number: int) -> tuple[bytes, TokenType]:
    if number in BYTE_TOKENS:
        return b"<0x%02X>" % (number - BYTE_TOKENS.start), TokenType.BYTE
    text = (b"<unk>", b"<s>", b"</s>")[number]
    return text, TokenType.CONTROL if number else TokenType.UNKNOWN


def _first_text(number: int) -> bytes:
    if number in BYTE_TOKENS:
        return bytes([number - BYTE_TOKENS.start])
    return b"" if number else UNKNOWN_TEXT


def _rebuilt(number: int, text: bytes) -> float:
    """The score that SentencePiece gave LLaMA's piece: exact for all 32,000."""
    return float(BYTE_TOKENS.stop - number) if text.strip(b" ") else _ONLY_BLANKS_SCORE


def _is_utf8(text: bytes) -> bool:
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return True
