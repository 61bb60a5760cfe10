"""Torrents made by herd: of one file, v1 (BEP 3), v2 (BEP 52) or, on request, both. Pure.

A torrent of both kinds has to be hashed twice by everybody who checks it. A v2 torrent
costs nothing where the file's piece table is known; a v1 torrent is what every client
understands, and so is a hybrid. The same file under the same name gives the same info hash on
every machine, so everybody who shares it is in one swarm.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from herd.errors import BadUsage
from herd.model import InfoHash, MagnetSource, is_file_name
from herd.pieces import LEAF, Table, piece_size_of

Bencodable = int | bytes | list["Bencodable"] | Mapping[bytes, "Bencodable"]


@dataclass(frozen=True)
class Made:
    """A .torrent and what a magnet of it says."""

    raw: bytes
    """The content of the .torrent."""
    magnet: MagnetSource


@dataclass(frozen=True)
class Around:
    """What a .torrent says beside the file itself; none of it is in the info hash."""

    trackers: tuple[str, ...] = ()
    web_seeds: tuple[str, ...] = ()
    """http(s) addresses of the file (BEP 19)."""


_NOTHING = Around()


def from_table(name: str, table: Table, around: Around = _NOTHING) -> Made:
    """A v2 torrent of a file whose piece table is known; no byte of the file is read.

    Args:
        name: What others will call the file.
        table: Its pieces.
        around: Trackers and web seeds.

    Raises:
        BadUsage: the name is not safe, or the file is empty.
    """
    return _made(name, table, {}, around)


def hybrid(name: str, table: Table, hashes: bytes, around: Around = _NOTHING) -> Made:
    """A torrent that old clients read as v1 and new ones as v2.

    One file needs no padding, so both see the same bytes in the same pieces.

    Args:
        name: What others will call the file.
        table: Its pieces.
        hashes: As `V1Maker.hashes` gave them.
        around: Trackers and web seeds.

    Raises:
        BadUsage: the name is not safe, the file is empty, or these are not the hashes of it.
    """
    _check(name, table.size)
    if table.piece_size != piece_size_of(table.size) or len(hashes) != 20 * len(table):
        raise BadUsage(f"The hashes of {name} are not those of {table.size} bytes.")
    return _made(name, table, {b"length": table.size, b"pieces": hashes}, around)


def _made(name: str, table: Table, first: Mapping[bytes, Bencodable], around: Around) -> Made:
    """A v2 torrent, and what makes it one of the first version as well."""
    _check(name, table.size)
    # BEP 52 has no layer for a file of one piece: its root says all.
    layers: dict[bytes, Bencodable] = {table.root: table.hashes} if len(table) > 1 else {}
    leaf: dict[bytes, Bencodable] = {b"length": table.size, b"pieces root": table.root}
    info: dict[bytes, Bencodable] = {
        b"file tree": {name.encode(): {b"": leaf}},
        b"meta version": 2,
        b"name": name.encode(),
        b"piece length": max(table.piece_size, LEAF),
        **first,
    }
    raw = bencode(info)
    v1 = InfoHash(_sha1(raw).hexdigest()) if first else None
    v2 = InfoHash(hashlib.sha256(raw).hexdigest())
    magnet = MagnetSource(v1=v1, v2=v2, trackers=around.trackers, display_name=name)
    return Made(_torrent(info, around, {b"piece layers": layers}), magnet)


def from_hashes(name: str, size: int, hashes: bytes, around: Around = _NOTHING) -> Made:
    """A v1 torrent of a file whose pieces were hashed before.

    Args:
        name: What others will call the file.
        size: Bytes of the file.
        hashes: As `V1Maker.hashes` gave them.
        around: Trackers and web seeds.

    Raises:
        BadUsage: the name is not safe, or these are not the hashes of so many bytes.
    """
    _check(name, size)
    piece_size = piece_size_of(size)
    if len(hashes) != 20 * -(-size // piece_size):
        raise BadUsage(f"The hashes of {name} are not those of {size} bytes.")
    info: dict[bytes, Bencodable] = {
        b"length": size,
        b"name": name.encode(),
        b"piece length": piece_size,
        b"pieces": hashes,
    }
    digest = InfoHash(_sha1(bencode(info)).hexdigest())
    magnet = MagnetSource(v1=digest, trackers=around.trackers, display_name=name)
    return Made(_torrent(info, around, {}), magnet)


class V1Maker:
    """Makes a v1 torrent of a file from its bytes as they come, in order."""

    def __init__(self, name: str, size: int) -> None:
        """Begin; `size` chooses the size of the pieces.

        Raises:
            BadUsage: the name is not safe, or the file is empty.
        """
        _check(name, size)
        self._name = name
        self._size = size
        self.piece_size = piece_size_of(size)
        """Bytes."""
        self._hashes = bytearray()
        self._piece = _sha1()
        self._missing = self.piece_size

    @property
    def hashes_size(self) -> int:
        """Bytes that `hashes` will have."""
        return 20 * -(-self._size // self.piece_size)

    def update(self, content: bytes | bytearray | memoryview) -> None:
        """Take the next bytes; any number of them."""
        left = memoryview(content)
        while left:
            taken, left = left[: self._missing], left[self._missing :]
            self._piece.update(taken)
            self._missing -= len(taken)
            if not self._missing:
                self._end_piece()

    def hashes(self) -> bytes:
        """The SHA-1 of each piece of all bytes taken, 20 bytes each; ends the work."""
        if self._missing < self.piece_size:
            self._end_piece()
        return bytes(self._hashes)

    def made(self, around: Around = _NOTHING) -> Made:
        """The torrent of all bytes taken; ends the work."""
        return from_hashes(self._name, self._size, self.hashes(), around)

    def _end_piece(self) -> None:
        self._hashes += self._piece.digest()
        self._piece, self._missing = _sha1(), self.piece_size


def bencode(value: Bencodable) -> bytes:
    """A value as BEP 3 writes it; keys in order, so that equal values give equal bytes."""
    match value:
        case int():
            return b"i%de" % value
        case bytes():
            return b"%d:" % len(value) + value
        case list():
            return b"l" + b"".join(map(bencode, value)) + b"e"
    pairs = (bencode(key) + bencode(value[key]) for key in sorted(value))
    return b"d" + b"".join(pairs) + b"e"


def _torrent(
    info: Mapping[bytes, Bencodable], around: Around, more: Mapping[bytes, Bencodable]
) -> bytes:
    torrent: dict[bytes, Bencodable] = {b"info": info, **more}
    trackers, seeds = list(_texts(around.trackers)), list(_texts(around.web_seeds))
    if trackers:
        tiers: list[Bencodable] = [[each] for each in trackers]
        torrent |= {b"announce": trackers[0], b"announce-list": tiers}
    if seeds:
        torrent[b"url-list"] = seeds
    return bencode(torrent)


def _texts(texts: Iterable[str]) -> Iterable[Bencodable]:
    return (text.encode() for text in texts)


def _sha1(content: bytes = b"") -> hashlib._Hash:
    # Not a choice of herd's: BEP 3 names files and pieces by SHA-1. sha256 proves the file.
    return hashlib.sha1(content, usedforsecurity=False)


def _check(name: str, size: int) -> None:
    if not is_file_name(name):
        raise BadUsage(f"{name!r} is no name that a torrent can give a file.")
    if size <= 0:
        raise BadUsage(f"{name} is empty: there is nothing to share.")
