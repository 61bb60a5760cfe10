"""The header of a GGUF file (v2 and v3): its values and tensors, read with distrust.

What a program must know of a model before it is loaded: what it is, how it is quantised,
its template, and the numbers from which its memory follows. Weights are not read. The
header of a file that is still elsewhere can be read from its first bytes: `ShortHeader`
then says that there were too few of them.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import BinaryIO

from herd import words
from herd.gguf_kinds import FILE_TYPES, TENSOR_TYPES

MAGIC = b"GGUF"
LONGEST = 128 * 1024 * 1024
"""Bytes; the largest vocabularies of today make headers of 15 MB."""

_MOST_KEYS = 1 << 16
_MOST_TENSORS = 1 << 17
_MOST_DIMENSIONS = 8
_LONGEST_NAME = 1 << 16
_LONGEST_TEXT = 1 << 24
_MOST_KEPT = 1 << 10
"""Numbers of an array that is kept: one for each layer, not one for each token."""
_BLOCK = 1 << 20
_BRIEF_BLOCK = 1 << 15
"""Bytes; what stands before a vocabulary is rarely more."""
_STRING, _ARRAY = 8, 9
_NUMBERS = {
    0: "<B", 1: "<b", 2: "<H", 3: "<h", 4: "<I", 5: "<i", 6: "<f", 7: "<?",
    10: "<Q", 11: "<q", 12: "<d",
}  # fmt: skip
_SPLIT = "split.count"


class BadHeader(ValueError):
    """The bytes are not the header of a GGUF file."""


class ShortHeader(BadHeader):
    """The header goes on behind the bytes that were there."""


class _Enough(Exception):
    """The vocabulary begins; what stands before it is all that was asked for."""

    def __init__(self, array: Array) -> None:
        super().__init__()
        self.array = array


@dataclass(frozen=True)
class Array:
    """An array of a header: how many of which, and the elements of a short one of numbers."""

    count: int
    numbers: tuple[int | float, ...] | None = None


Value = int | float | bool | str | Array


@dataclass(frozen=True)
class Tensor:
    """What a header says of one tensor."""

    name: str
    shape: tuple[int, ...]
    """The fastest dimension first, as GGUF has it."""
    kind: int
    """ggml's number of its type."""
    offset: int
    """From the end of the header, alignment included."""

    @property
    def size(self) -> int | None:
        """Bytes; None for a type that this herd does not know."""
        if self.kind not in TENSOR_TYPES:
            return None
        kind = TENSOR_TYPES[self.kind]
        elements = 1
        for length in self.shape:
            elements *= length
        return elements // kind.block * kind.size


@dataclass(frozen=True)
class Header:
    """What stands before the weights."""

    version: int
    values: Mapping[str, Value]
    tensors: tuple[Tensor, ...]
    size: int
    """Bytes of the header; the weights begin at the next multiple of the alignment."""

    def text(self, key: str) -> str | None:
        """A value that is a text."""
        value = self.values.get(key)
        return value if isinstance(value, str) else None

    def whole(self, key: str) -> int | None:
        """A value that is a whole number; `{arch}` in the key is the architecture."""
        value = self.values.get(key.replace("{arch}", self.architecture or ""))
        return value if isinstance(value, int) and not isinstance(value, bool) else None

    def wholes(self, key: str) -> tuple[int, ...]:
        """A value that is one whole number, or one for each layer; empty when it is not there."""
        value = self.values.get(key.replace("{arch}", self.architecture or ""))
        if isinstance(value, Array) and value.numbers is not None:
            return tuple(int(each) for each in value.numbers if math.isfinite(each))
        one = self.whole(key)
        return () if one is None else (one,)

    @property
    def architecture(self) -> str | None:
        """What llama.cpp calls its kind: `llama`, `qwen3`."""
        return self.text("general.architecture")

    @property
    def name(self) -> str | None:
        """The name that its maker gave it."""
        return self.text("general.name")

    @property
    def kind(self) -> str:
        """`model`, `adapter` (LoRA), `mmproj`; a file that says nothing is a model."""
        if self.architecture == "clip":
            return "mmproj"
        return self.text("general.type") or "model"

    @property
    def quantisation(self) -> str | None:
        """`Q4_K_M`, …; None when the file does not say."""
        number = self.whole("general.file_type")
        return None if number is None else FILE_TYPES.get(number)

    @property
    def context(self) -> int | None:
        """Tokens it was trained on."""
        return self.whole("{arch}.context_length")

    @property
    def layers(self) -> int | None:
        """Blocks."""
        return self.whole("{arch}.block_count")

    @property
    def template(self) -> str | None:
        """The chat template (Jinja)."""
        return self.text("tokenizer.chat_template")

    @property
    def parts(self) -> int:
        """Files that the model is split into."""
        return max(1, self.whole(_SPLIT) or 1)

    @property
    def alignment(self) -> int:
        """Bytes to a multiple of which tensors are laid."""
        return self.whole("general.alignment") or 32

    @property
    def end(self) -> int | None:
        """Bytes that the whole file must have at least; None with a type nobody knows."""
        start = -(-self.size // self.alignment) * self.alignment
        ends = [(tensor.offset, tensor.size) for tensor in self.tensors]
        if any(size is None for _, size in ends):
            return None
        return max((start + offset + (size or 0) for offset, size in ends), default=self.size)

    def lack(self, there: int) -> str | None:
        """Why a file of `there` bytes is not all that this header promises; None: it may be."""
        if self.end is None or there >= self.end:
            return None
        missing = words.size(self.end - there)
        return f"it lacks {missing} of the {words.size(self.end)} that its header promises"


def oddity(path: Path) -> str | None:
    """Why the header of a GGUF file does not read; None: it reads, or it is another kind of file.

    Raises:
        OSError: it cannot be read.
    """
    try:
        read_file(path)
    except BadHeader as error:
        with path.open("rb") as stream:
            return str(error) if stream.read(len(MAGIC)) == MAGIC else None
    return None


def read_file(path: Path) -> Header:
    """The header of a file.

    Raises:
        BadHeader: it is no GGUF file, or a torn one.
        OSError: it cannot be read.
    """
    with path.open("rb", buffering=0) as stream:
        return read(stream)


def lack(path: Path) -> str | None:
    """Why a GGUF file is cut short; None: it is not, as far as it says, or is another file.

    Raises:
        OSError: it cannot be read.
    """
    there = path.stat().st_size
    try:
        return read_file(path).lack(there)
    except ShortHeader as error:
        return str(error) if there >= len(MAGIC) else f"it has {words.count(there, 'byte')}"
    except BadHeader:  # another kind of file; who loads it says what is wrong
        return None


def read(stream: BinaryIO, *, is_brief: bool = False) -> Header:
    """The header that a stream begins with.

    Args:
        stream: Read from where it stands.
        is_brief: Stop at the vocabulary, which takes a tenth of a second to pass over: its
            count is there, and what writers put before it, but no tensors.

    Raises:
        ShortHeader: the stream ends too early.
        BadHeader: it is no GGUF, of another version, or says what cannot be.
    """
    cursor = _Cursor(stream, _BRIEF_BLOCK if is_brief else _BLOCK)
    if cursor.take(4) != MAGIC:
        raise BadHeader("it does not begin as a GGUF file does")
    version = cursor.number("<I")
    if version not in (2, 3):
        raise BadHeader(_other(version))
    tensors, keys = cursor.number("<Q"), cursor.number("<Q")
    _limit(tensors, _MOST_TENSORS, "tensors")
    _limit(keys, _MOST_KEYS, "keys")
    values: dict[str, Value] = {}
    for _ in range(keys):
        key = cursor.text(_LONGEST_NAME)
        try:
            values[key] = _value(cursor, cursor.number("<I"), is_brief=is_brief)
        except _Enough as enough:
            values[key] = enough.array
            return Header(version, MappingProxyType(values), (), cursor.at)
    alignment = values.get("general.alignment", 32)
    if not isinstance(alignment, int) or not 0 < alignment <= _BLOCK:
        raise BadHeader(f"its alignment is {alignment}")
    found = tuple(_tensor(cursor) for _ in range(tensors))
    return Header(version, MappingProxyType(values), found, cursor.at)


def _other(version: int) -> str:
    """Why a version is none that is read."""
    if version and not version & 0xFFFF:
        return "it was written for big-endian machines"
    return f"it says that it is GGUF of version {version}, and there are 2 and 3"


def _value(cursor: _Cursor, kind: int, *, is_brief: bool) -> Value:
    if kind in _NUMBERS:
        value: int | float | bool = cursor.scalar(_NUMBERS[kind])
        return value
    if kind == _STRING:
        return cursor.text(_LONGEST_TEXT)
    if kind == _ARRAY:
        return _array(cursor, is_brief=is_brief)
    raise BadHeader(f"it has a value of kind {kind}")


def _array(cursor: _Cursor, *, is_brief: bool) -> Array:
    kind, count = cursor.number("<I"), cursor.number("<Q")
    _limit(count, LONGEST, "elements")
    if kind == _STRING:
        if is_brief and count > _MOST_KEPT:
            raise _Enough(Array(count))
        cursor.skip_texts(count)
        return Array(count)
    if kind not in _NUMBERS:
        raise BadHeader(f"it has an array of kind {kind}")
    width = struct.calcsize(_NUMBERS[kind])
    if count > _MOST_KEPT:
        cursor.skip(count * width)
        return Array(count)
    form = f"<{count}{_NUMBERS[kind][1]}"
    return Array(count, struct.unpack(form, cursor.take(count * width)))


def _tensor(cursor: _Cursor) -> Tensor:
    name = cursor.text(_LONGEST_NAME)
    dimensions = cursor.number("<I")
    _limit(dimensions, _MOST_DIMENSIONS, "dimensions")
    shape = struct.unpack(f"<{dimensions}Q", cursor.take(8 * dimensions))
    return Tensor(name, shape, cursor.number("<I"), cursor.number("<Q"))


def _limit(count: int, most: int, what: str) -> None:
    if count > most:
        raise BadHeader(f"it claims {count} {what}")


class _Cursor:
    """A stream read from its beginning, in blocks."""

    def __init__(self, stream: BinaryIO, least: int) -> None:
        self._stream = stream
        self._least = least
        """Bytes that are asked for at once."""
        self._block = b""
        self._start = 0
        """Where the block begins in the stream."""
        self._next = 0
        """The next byte, within the block."""

    @property
    def at(self) -> int:
        """Bytes taken."""
        return self._start + self._next

    def take(self, count: int) -> bytes:
        self._need(count)
        self._next += count
        return self._block[self._next - count : self._next]

    def number(self, form: str) -> int:
        return int(self.scalar(form))

    def scalar(self, form: str) -> int | float | bool:
        value: int | float | bool = struct.unpack(form, self.take(struct.calcsize(form)))[0]
        return value

    def text(self, longest: int) -> str:
        length = self.number("<Q")
        _limit(length, longest, "bytes of text")
        return self.take(length).decode("utf-8", "replace")

    def skip(self, count: int) -> None:
        while count:
            step = min(count, _BLOCK)
            self.take(step)
            count -= step

    def skip_texts(self, count: int) -> None:
        """Pass over texts; a vocabulary has 250,000 of them."""
        unpack = struct.Struct("<Q").unpack_from
        for _ in range(count):
            if len(self._block) - self._next < 8:
                self._need(8)
            (size,) = unpack(self._block, self._next)
            self._next += 8
            if len(self._block) - self._next < size:
                _limit(size, _LONGEST_TEXT, "bytes of text")
                self._need(size)
            self._next += size

    def _need(self, count: int) -> None:
        missing = count - (len(self._block) - self._next)
        if missing <= 0:
            return
        if self.at + count > LONGEST:
            raise BadHeader("its header is too long")
        pieces = [self._block[self._next :]]
        while missing > 0:
            piece = self._stream.read(max(missing, self._least))
            if not piece:
                raise ShortHeader("it ends within its header")
            pieces.append(piece)
            missing -= len(piece)
        self._start, self._next, self._block = self.at, 0, b"".join(pieces)
