"""The piece table of a file: a hash for each stretch, so that damage has a place.

The hashes are those of BitTorrent v2 (BEP 52): SHA-256 over leaves of 16 KiB, joined in
pairs up to one root. The layer whose hashes cover one piece each is the table; what
repairs a file can therefore seed it as well. A file that a v1 swarm brought has a flat table
instead: the SHA-1 of each piece that its torrent names (BEP 3), so that nothing is hashed twice.
Bytes in, hashes out: nothing is opened here.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from herd.model import Sha256

if TYPE_CHECKING:
    from concurrent.futures import Executor  # 12 ms, and most who import this have no threads

LEAF = 16 * 1024
"""Bytes that one leaf covers (BEP 52)."""
PIECE = 4 * 1024 * 1024
"""Bytes of a piece of every file that is not enormous."""
MOST_PIECES = 1 << 16
"""Beyond so many, pieces are larger: no table passes 2 MiB."""

LARGEST_FLAT = 64 << 20
"""Bytes of a piece of a flat table at most: a piece lies in memory while it is proved."""

_HASH = 32
_FLAT_HASH = 20
_LARGEST = 1 << 62
_NO_LEAF = bytes(_HASH)
_MAGIC = b"herd pieces 1\n"
_FLAT_MAGIC = b"herd pieces f\n"
_HEAD = struct.Struct("<14sQQ32s")


class BadTable(ValueError):
    """The bytes are not those of a sound table."""


@dataclass(frozen=True)
class Table:
    """The hashes of a file's pieces."""

    size: int
    """Bytes of the file."""
    piece_size: int
    """Bytes of each piece but the last: a power of two, at least a leaf."""
    hashes: bytes
    """32 bytes for each piece, in order; for two pieces and more the piece layer of BEP 52.

    In a flat table 20: the SHA-1 of the piece."""
    is_flat: bool = False
    """Whether it is `pieces` of BEP 3 and no layer of a tree: it finds damage, and no more."""

    def __len__(self) -> int:
        return -(-self.size // self.piece_size)

    @cached_property
    def root(self) -> bytes:
        """`pieces root` of BEP 52; 32 zeros for an empty file, which has none.

        A flat table has no tree: this is a digest of all that it says.
        """
        if self.is_flat:
            numbers = f"{self.size} {self.piece_size} ".encode()
            return hashlib.sha256(numbers + self.hashes).digest()
        layer = _split(self.hashes)
        return _joined(layer, _empty(self.piece_size)) if layer else _NO_LEAF

    def hash_of(self, piece: int) -> bytes:
        """The hash that a piece must have."""
        return self.hashes[piece * self._wide : (piece + 1) * self._wide]

    @property
    def _wide(self) -> int:
        return _FLAT_HASH if self.is_flat else _HASH

    def span(self, piece: int) -> range:
        """The offsets of the bytes of a piece."""
        start = piece * self.piece_size
        return range(start, min(start + self.piece_size, self.size))

    def is_whole(self, piece: int, content: bytes | memoryview) -> bool:
        """Whether these bytes are the piece."""
        if len(content) != len(self.span(piece)):
            return False
        if self.is_flat:
            found = hashlib.sha1(content, usedforsecurity=False).digest()
            return found == self.hash_of(piece)
        maker = TableMaker(self.size, self.piece_size)
        return maker.hash_piece(content) == self.hash_of(piece)


def piece_size_of(size: int) -> int:
    """The size of the pieces of a file of `size` bytes: the same for every herd."""
    piece = PIECE
    while size > piece * MOST_PIECES:
        piece *= 2
    return piece


class TableMaker:
    """Makes a table from a file's bytes as they come, in order."""

    def __init__(self, size: int | None = None, piece_size: int | None = None) -> None:
        """Begin.

        Args:
            size: Bytes of the file, where they are known: they choose the piece size.
            piece_size: Bytes of a piece; by default as `piece_size_of` says.
        """
        self._piece_size = piece_size or piece_size_of(size or 0)
        self._may_grow = piece_size is None
        self._most = self._piece_size // LEAF
        self._is_alone = size is not None and size <= self._piece_size
        self._layer: list[bytes] = []
        self._leaves: list[bytes] = []
        self._rest = b""
        self._size = 0

    def update(self, content: bytes | bytearray | memoryview) -> None:
        """Take the next bytes; any number of them."""
        view = memoryview(content)
        self._size += len(view)
        if self._rest:
            missing = LEAF - len(self._rest)
            self._rest += view[:missing]
            view = view[missing:]
            if len(self._rest) < LEAF:
                return
            self._leaf(self._rest)
        whole = len(view) - len(view) % LEAF
        for at in range(0, whole, LEAF):
            self._leaf(view[at : at + LEAF])
        self._rest = bytes(view[whole:])

    def table(self) -> Table:
        """The table of all bytes taken; ends the work."""
        if self._rest:
            self._leaf(self._rest)
            self._rest = b""
        if self._leaves:
            # A file of one piece has a tree that ends with its own leaves (BEP 52).
            wide = len(self._leaves) if not self._layer else self._most
            self._layer.append(_joined(self._leaves, _NO_LEAF, wide))
            self._leaves = []
        table = Table(self._size, self._piece_size, b"".join(self._layer))
        right = piece_size_of(self._size)
        is_right = not self._may_grow or right <= self._piece_size
        return table if is_right else coarser(table, right)

    def hash_piece(self, content: bytes | memoryview) -> bytes:
        """The hash of one piece by itself, as it stands in the table of its file."""
        leaves = [
            hashlib.sha256(content[at : at + LEAF]).digest() for at in range(0, len(content), LEAF)
        ]
        return _joined(leaves, _NO_LEAF, len(leaves) if self._is_alone else self._most)

    def _leaf(self, content: bytes | memoryview) -> None:
        self._leaves.append(hashlib.sha256(content).digest())
        if len(self._leaves) == self._most:
            self._layer.append(_joined(self._leaves, _NO_LEAF))
            self._leaves = []


class Proof:
    """The digest of a file and its table, from one pass over its bytes."""

    def __init__(self, size: int | None = None, beside: Executor | None = None) -> None:
        """Begin.

        Args:
            size: As in TableMaker.
            beside: Takes the digest while this thread makes the table: half the time.
        """
        self._beside = beside
        self._digest = hashlib.sha256()
        self._maker = TableMaker(size)

    def update(self, content: bytes | bytearray | memoryview) -> None:
        """Take the next bytes. Pieces of 16 KiB and its multiples are quickest."""
        if self._beside is None:
            self._digest.update(content)
            self._maker.update(content)
            return
        taking = self._beside.submit(self._digest.update, content)
        self._maker.update(content)
        taking.result()

    @property
    def sha256(self) -> Sha256:
        """The digest of all bytes taken so far."""
        from herd.model import Sha256  # whoever hashes pieces alone does without

        return Sha256(self._digest.hexdigest())

    def table(self) -> Table:
        """The table of all bytes taken; ends the work."""
        return self._maker.table()


class Proven(Protocol):
    """What one pass over a file found."""

    @property
    def sha256(self) -> Sha256:
        """The digest of its bytes."""

    def table(self) -> Table:
        """The table of its bytes."""


@dataclass(frozen=True)
class Proved:
    """What was found of a file elsewhere, as in another process."""

    sha256: Sha256
    pieces: Table

    def table(self) -> Table:
        """The table of its bytes."""
        return self.pieces


def write(table: Table) -> bytes:
    """The table as it lies on a disk."""
    magic = _FLAT_MAGIC if table.is_flat else _MAGIC
    head = _HEAD.pack(magic, table.size, table.piece_size, table.root)
    return head + table.hashes


def read(content: bytes, size: int | None = None) -> Table:
    """The table that was written, checked against its own root.

    Args:
        content: What `write` gave, or what somebody else claims it did.
        size: Bytes of the file that it must describe.

    Raises:
        BadTable: it is torn, damaged or contradicts itself.
    """
    if len(content) < _HEAD.size:
        raise BadTable("it is too short")
    magic, length, piece_size, root = _HEAD.unpack_from(content)
    if magic not in (_MAGIC, _FLAT_MAGIC):
        raise BadTable("it is no piece table")
    table = Table(length, piece_size, content[_HEAD.size :], is_flat=magic == _FLAT_MAGIC)
    check(table, size)
    if table.root != root:
        raise BadTable("its hashes do not lead to its root")
    return table


def check(table: Table, size: int | None = None) -> None:
    """Refuse a table whose numbers contradict each other, before anything follows them.

    Raises:
        BadTable: they do, or it describes a file of another size.
    """
    if not 0 <= table.size <= _LARGEST or size not in (None, table.size):
        raise BadTable(f"it describes a file of {table.size} bytes")
    piece = table.piece_size
    if not LEAF <= piece <= _LARGEST or piece & (piece - 1):
        raise BadTable(f"its pieces have {piece} bytes")
    if table.is_flat and (piece > LARGEST_FLAT or len(table) > MOST_PIECES):
        raise BadTable(f"its pieces have {piece} bytes")
    if len(table.hashes) != len(table) * (_FLAT_HASH if table.is_flat else _HASH):
        raise BadTable("it has another number of hashes than of pieces")


def longest(size: int) -> int:
    """Bytes that a table of a file of `size` bytes has on a disk at most."""
    flat = min(MOST_PIECES, -(-size // LEAF))
    return _HEAD.size + max(_HASH * -(-size // PIECE), _FLAT_HASH * flat)


def coarser(table: Table, piece_size: int) -> Table:
    """The same table with larger pieces: a higher layer of the same tree; of no flat one."""
    layer = _split(table.hashes)
    wide = piece_size // table.piece_size
    empty = _empty(table.piece_size)
    groups = [layer[at : at + wide] for at in range(0, len(layer), wide)]
    hashes = b"".join(_joined(group, empty, wide) for group in groups)
    return Table(table.size, piece_size, hashes)


def _joined(layer: Sequence[bytes], empty: bytes, wide: int = 0) -> bytes:
    """The root over a layer, filled up with `empty` to `wide` and to a power of two."""
    level, width = list(layer), max(len(layer), wide)
    sha256 = hashlib.sha256
    while width > 1:
        if len(level) % 2:
            level.append(empty)
        level = [
            sha256(left + right).digest()
            for left, right in zip(level[::2], level[1::2], strict=True)
        ]
        empty = sha256(empty + empty).digest()
        width = (width + 1) // 2
    return level[0]


def _empty(piece_size: int) -> bytes:
    """The hash of a piece that lies beyond the end of a file."""
    value, wide = _NO_LEAF, piece_size // LEAF
    while wide > 1:
        value = hashlib.sha256(value + value).digest()
        wide //= 2
    return value


def _split(hashes: bytes) -> list[bytes]:
    return [hashes[at : at + _HASH] for at in range(0, len(hashes), _HASH)]


def spans(table: Table, pieces: Sequence[int]) -> Iterator[range]:
    """The offsets of the bytes of these pieces; neighbours are joined."""
    begun: range | None = None
    for each in (table.span(piece) for piece in sorted(pieces)):
        if begun is not None and begun.stop == each.start:
            begun = range(begun.start, each.stop)
            continue
        if begun is not None:
            yield begun
        begun = each
    if begun is not None:
        yield begun
