"""Which file of a torrent is the one that is wanted, and what makes a torrent suspect. Pure.

Nothing that a torrent calls its files becomes a path of herd's: the wanted file lies
under a constant name. Names that try to be paths are refused all the same, because
whoever wrote them was after something.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from herd import words
from herd.errors import SourceRefused
from herd.model import File, InfoHash, MagnetSource
from herd.pieces import LARGEST_FLAT, LEAF, MOST_PIECES, Table, coarser, piece_size_of

MOST_FILES = 1000
LARGEST_PIECE = 64 * 1024 * 1024
"""Bytes: a piece lies in memory while it is proved, and honest ones have 16 MiB at most."""
_V1, _V2 = 40, 64
"""Digits of an info hash."""
_SHA1 = 20
"""Bytes."""
_MODELS = (".gguf", ".bin")
_MOST_LISTED = 5


@dataclass(frozen=True)
class Entry:
    """A file of a torrent, in the order of its pieces."""

    path: str
    """For people."""
    size: int
    """Bytes."""
    is_pad: bool = False
    is_link: bool = False
    has_hashes: bool = True
    """Whether the hashes of its pieces are known (BEP 52 keeps them outside the metadata)."""
    offset: int = 0
    """Where it begins among the bytes of all files."""

    @property
    def name(self) -> str:
        """The last part of the path."""
        return self.path.replace("\\", "/").rpartition("/")[2]


@dataclass(frozen=True)
class Metainfo:
    """What a .torrent says."""

    raw: bytes
    """The .torrent itself."""
    hashes: frozenset[str]
    """Its info hashes, v1 and v2, in hex."""
    entries: tuple[Entry, ...]
    trackers: tuple[str, ...] = ()
    info: Mapping[bytes, object] = field(default_factory=dict)
    """The info dictionary as it was written, before anybody made its names harmless."""
    piece_size: int = 1
    """Bytes of a piece."""
    web_seeds: tuple[str, ...] = ()
    """Addresses that it names (BEP 19), as written."""
    layers: Mapping[int, bytes] = field(default_factory=dict)
    """By the index of an entry: the SHA-256 of each of its pieces (BEP 52), where known."""

    @property
    def size(self) -> int:
        """Bytes of all files together."""
        return max((entry.offset + entry.size for entry in self.entries), default=0)

    @property
    def piece_count(self) -> int:
        """Pieces of all files together."""
        return -(-self.size // self.piece_size)

    def is_of(self, magnet: MagnetSource) -> bool:
        """Whether it is the torrent that the magnet names."""
        named = {each for each in (magnet.v1, magnet.v2) if each}
        return bool(named) and named <= self.hashes

    @property
    def magnet(self) -> MagnetSource:
        """The torrent by its info hashes alone."""
        each = {len(named): InfoHash(named) for named in self.hashes}
        return MagnetSource(v1=each.get(_V1), v2=each.get(_V2))

    @property
    def is_folder(self) -> bool:
        """Whether there are several files: web seeds then have a path for each.

        libtorrent fills the last piece of a v2 torrent with a file that is none.
        """
        real = [entry for entry in self.entries if not entry.is_pad]
        return len(real) > 1 or b"files" in self.info

    def is_alone(self, index: int) -> bool:
        """Whether no piece of this file has bytes of another one."""
        return not self.shared_pieces(index)

    def size_of(self, index: int, pieces: Sequence[bool]) -> int:
        """Bytes of a file in these pieces, which must be its own."""
        entry = self.entries[index]
        missing = -(entry.offset + entry.size) % self.piece_size
        last = self._pieces(entry)[-1:]
        is_last = any(pieces[each] for each in last)
        return sum(pieces) * self.piece_size - (missing if is_last else 0)

    def table(self, index: int) -> Table | None:
        """The pieces of an entry, where the torrent says enough of them.

        From the hashes of v2 as herd counts pieces, else from those of v1 as the torrent does.
        """
        size, layer = self.entries[index].size, self.layers.get(index)
        own = piece_size_of(size)
        if layer is not None and size > own >= self.piece_size:
            table = Table(size, self.piece_size, layer)
            return table if self.piece_size == own else coarser(table, own)
        return self._flat(index)

    def _flat(self, index: int) -> Table | None:
        """The SHA-1 of each piece of an entry (BEP 3), if none has bytes of another or padding."""
        entry, piece, hashes = self.entries[index], self.piece_size, self.info.get(b"pieces")
        first, count = entry.offset // piece, -(-entry.size // piece)
        is_last = entry.offset + entry.size == self.size
        if not isinstance(hashes, bytes) or entry.offset % piece or not 1 < count <= MOST_PIECES:
            return None
        if not LEAF <= piece <= LARGEST_FLAT or piece & (piece - 1):
            return None
        if entry.size % piece and not is_last:
            return None
        found = hashes[first * _SHA1 : (first + count) * _SHA1]
        return (
            Table(entry.size, piece, found, is_flat=True) if len(found) == count * _SHA1 else None
        )

    def shared_pieces(self, index: int) -> frozenset[int]:
        """The pieces of a file that have bytes of another one: its first and its last at most."""
        pieces = self._pieces(self.entries[index])
        shared = set[int]()
        for at, each in enumerate(self.entries):
            if at != index and not each.is_pad:
                theirs = self._pieces(each)
                shared.update(one for one in (*pieces[:1], *pieces[-1:]) if one in theirs)
        return frozenset(shared)

    def _pieces(self, entry: Entry) -> range:
        if not entry.size:
            return range(0)
        last = (entry.offset + entry.size - 1) // self.piece_size
        return range(entry.offset // self.piece_size, last + 1)

    def entry_of(self, file: File) -> int:
        """The index of the file that is wanted, after a look for traps.

        Raises:
            SourceRefused: it is not in there, or the torrent is a trap.
        """
        if self.piece_size > LARGEST_PIECE:
            raise _suspect(file, f"has pieces of {words.size(self.piece_size)}")
        check_names(self.info, file)
        return choose(self.entries, file)


def choose(entries: Sequence[Entry], file: File) -> int:
    """The index of the one entry that can be the file.

    Raises:
        SourceRefused: there is none, or no telling which.
    """
    real = {index: each for index, each in enumerate(entries) if not each.is_pad}
    if any(each.is_link for each in real.values()):
        raise _suspect(file, "has symbolic links")
    if len(real) > MOST_FILES:
        raise _suspect(file, f"has more than {MOST_FILES} files")
    if file.size is None:
        return _only_model(real)
    fitting = [index for index, each in real.items() if each.size == file.size and each.size]
    if len(fitting) > 1:
        fitting = [index for index in fitting if real[index].name == file.name]
    if len(fitting) != 1:
        raise SourceRefused(
            f"the torrent has no file of {words.size(file.size)} ({file.size} bytes), "
            f"only {_listing(real)}",
            "It is another torrent than the registry means; nothing was fetched from it.",
        )
    return fitting[0]


def check_names(info: Mapping[bytes, object], file: File) -> None:
    """Refuse the info dictionary of a torrent (BEP 3, BEP 52) whose names are after something.

    Raises:
        SourceRefused: a name is a path, a file is a link, or padding is more than padding.
    """
    piece = info.get(b"piece length")
    for part, attributes in _named(info):
        if part is not None and _is_hostile(part):
            raise _suspect(file, f"names a file {_shown(part)}")
        kind = attributes.get(b"attr", b"")
        if b"symlink path" in attributes or (isinstance(kind, bytes) and b"l" in kind):
            raise _suspect(file, "has symbolic links")
        size = attributes.get(b"length")
        is_pad = isinstance(kind, bytes) and b"p" in kind
        if is_pad and isinstance(size, int) and isinstance(piece, int) and size > piece:
            raise _suspect(file, "has padding of more than a piece")


_Named = tuple[bytes | None, Mapping[bytes, object]]


def _named(info: Mapping[bytes, object]) -> Iterator[_Named]:
    """Every name in the dictionary, and what is said of what it names."""
    nothing: Mapping[bytes, object] = {}
    for key in (b"name", b"name.utf-8"):
        if key in info:
            yield _bytes(info[key]), nothing
    listed = info.get(b"files")
    for each in listed if isinstance(listed, list) else []:
        if not isinstance(each, dict):
            continue
        yield None, each
        for key in (b"path", b"path.utf-8"):
            parts = each.get(key, [])
            for part in parts if isinstance(parts, list) else []:
                yield _bytes(part), nothing
    yield from _branches(info.get(b"file tree"))


def _branches(root: object) -> Iterator[_Named]:
    # By hand instead of by recursion: the depth is a stranger's choice.
    waiting = [root]
    while waiting:
        tree = waiting.pop()
        for name, below in tree.items() if isinstance(tree, dict) else ():
            if name == b"":
                yield None, below if isinstance(below, dict) else {}
            else:
                yield _bytes(name), {}
                waiting.append(below)


def _is_hostile(part: bytes) -> bool:
    return part in (b"", b".", b"..") or any(each in part for each in (b"/", b"\\", b"\0"))


def _bytes(part: object) -> bytes:
    return part if isinstance(part, bytes) else b""


def _only_model(real: Mapping[int, Entry]) -> int:
    models = [
        index for index, each in real.items() if each.name.lower().endswith(_MODELS) and each.size
    ]
    if len(models) == 1:
        return models[0]
    raise SourceRefused(
        f"the torrent has {words.count(len(models), 'file')} that may be a model: {_listing(real)}",
        "Name the size of the one that is meant (`xl=` in the magnet).",
    )


def _listing(real: Mapping[int, Entry]) -> str:
    named = [f"{_shown(each.name.encode())} ({words.size(each.size)})" for each in real.values()]
    more = len(named) - _MOST_LISTED
    return ", ".join(named[:_MOST_LISTED]) + (f" and {more} more" if more > 0 else "")


def _shown(part: bytes) -> str:
    text = part[:80].decode(errors="replace")
    shown = "".join(each if each.isprintable() else "?" for each in text)
    return f"'{shown}'" if shown else "with no name"


def _suspect(file: File, why: str) -> SourceRefused:
    return SourceRefused(
        f"the torrent of {file.name} {why}",
        "No honest torrent of a model does; nothing was fetched from it.",
    )
