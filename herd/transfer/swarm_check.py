"""Which pieces of a swarm's file lie on the disk and are right.

libtorrent would do it, but it reads the holes of a file as well: of a file of 100 GB that has
just begun that takes a minute. Here a check costs what was written, whatever the file's size.
"""

from __future__ import annotations

import errno
import hashlib
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path

from herd import disk
from herd.pieces import TableMaker
from herd.transfer.extents import Extents
from herd.transfer.part import check, writing
from herd.transfer.torrent_contents import Metainfo

_THREADS = min(2, os.cpu_count() or 1)
_AT_ONCE = 64
"""Pieces given to the threads together: each that waits takes memory, and a torrent has 260,000."""
BLOCK = 16 * 1024
"""Bytes that are asked of a peer at once (BEP 3)."""
There = tuple[list[bool], dict[int, list[bool]]]
"""For each piece whether it is there and right; of others, which blocks were written."""
_MOST_BEGUN = 3
_SHA1 = 20
_SHA256 = 32


def pieces_there(
    file: Path,
    metainfo: Metainfo,
    index: int,
    stop: threading.Event,
    advance: Callable[[int], None],
) -> list[bool]:
    """For each piece of the torrent, whether it is in the file.

    Pieces that have bytes of another file, too, count as missing; so does everything where
    the hashes are not known yet.

    Args:
        file: Where the wanted file lies, or a part of it.
        metainfo: Its torrent.
        index: Of the one entry that is wanted.
        stop: Set to end it.
        advance: Is told how many bytes were read.

    Raises:
        Interrupted: `stop` was set.
        CannotWrite: the file does not read.
    """
    entry = metainfo.entries[index]
    found = [False] * metainfo.piece_count
    if not file.exists() or not entry.has_hashes:
        return found
    with writing(file), file.open("rb", buffering=0) as stream:
        data = written(stream.fileno())

    def look(piece: int) -> None:
        check(stop)
        found[piece] = is_right(file, metainfo, index, piece)
        advance(len(_span(metainfo, index, piece)))

    candidates = _candidates(metainfo, index, data)
    with ThreadPoolExecutor(_THREADS) as pool:
        while some := list(islice(candidates, _AT_ONCE)):
            list(pool.map(look, some))
    return found


def blocks_there(
    file: Path,
    metainfo: Metainfo,
    index: int,
    have: Sequence[bool],
    came: Extents | None = None,
) -> dict[int, list[bool]]:
    """Of pieces that a kill left unfinished, which blocks were written; their hash judges them.

    A block without a hole was written to its end. Where the file system knows of no holes, a
    piece seems whole, and has been judged. Of a piece that proves wrong libtorrent suspects all
    who gave of it, and bans whom it suspects of four: so these are fewer.

    Args:
        file: Where the wanted file lies, or a part of it.
        metainfo: Its torrent.
        index: Of the one entry that is wanted.
        have: For each piece of the torrent, whether it is there and right.
        came: The bytes that were written, where somebody noted them: HTTP does not write whole
            blocks, and a hole ends with a page of the file system.

    Returns:
        For each block of each such piece, whether it was written.

    Raises:
        CannotWrite: the file does not read.
    """
    entry, size = metainfo.entries[index], metainfo.piece_size
    if not file.exists() or not entry.has_hashes:
        return {}
    with writing(file), file.open("rb", buffering=0) as stream:
        data = written(stream.fileno())
    if came is not None:
        data = Extents(each for span in data for each in came.within(*span))
    found: dict[int, list[bool]] = {}
    for span in data:
        for at in {(entry.offset + span[0]) // size, (entry.offset + span[1] - 1) // size}:
            where = _span(metainfo, index, at)
            if where.start >= 0 and len(where) == size and not have[at]:
                theirs = list(data.within(where.start, where.stop))
                blocks = range(where.start, where.stop, BLOCK)
                found[at] = [
                    any(a <= one and one + BLOCK <= b for a, b in theirs) for one in blocks
                ]
    begun = [each for each in found if any(found[each]) and not all(found[each])]
    begun.sort(key=lambda each: sum(found[each]), reverse=True)
    return {each: found[each] for each in begun[:_MOST_BEGUN]}


def is_right(file: Path, metainfo: Metainfo, index: int, piece: int) -> bool:
    """Whether a piece of the torrent, all of which lies in this file, is there and right."""
    content = disk.stretch(file, _span(metainfo, index, piece))
    return content is not None and _has_its_hash(content, metainfo, index, piece)


def _span(metainfo: Metainfo, index: int, piece: int) -> range:
    """The offsets of a piece of the torrent in the wanted file."""
    entry, size = metainfo.entries[index], metainfo.piece_size
    start = piece * size - entry.offset
    return range(start, min(start + size, entry.size))


def written(descriptor: int) -> Extents:
    """The bytes of an open file that are no holes."""
    size = os.fstat(descriptor).st_size
    found, at = Extents(), 0
    while at < size:
        try:
            start = os.lseek(descriptor, at, os.SEEK_DATA)
            at = os.lseek(descriptor, start, os.SEEK_HOLE)
        except AttributeError:  # Windows does not tell
            return Extents([(0, size)])
        except OSError as error:
            if error.errno == errno.ENXIO:
                break  # no more data
            return Extents([(0, size)])
        found.add(start, at)
    return found


def _candidates(metainfo: Metainfo, index: int, data: Extents) -> Iterator[int]:
    """The pieces that are this file's alone and lie there from their first byte to the last."""
    entry, size = metainfo.entries[index], metainfo.piece_size
    shared = metainfo.shared_pieces(index)
    for start, stop in data:
        reached = entry.offset + stop
        last = -(-reached // size) if stop >= entry.size else reached // size
        first = -(-(entry.offset + start) // size)
        yield from (piece for piece in range(first, last) if piece not in shared)


def _has_its_hash(content: bytes, metainfo: Metainfo, index: int, piece: int) -> bool:
    entry, size = metainfo.entries[index], metainfo.piece_size
    layer = metainfo.layers.get(index)
    if layer is not None:
        at = (piece - entry.offset // size) * _SHA256
        return TableMaker(entry.size, size).hash_piece(content) == layer[at : at + _SHA256]
    hashes = metainfo.info.get(b"pieces")
    if not isinstance(hashes, bytes):
        return False
    # What is left of the piece is padding (BEP 47), or the end of the torrent.
    padding = min((piece + 1) * size, metainfo.size) - piece * size - len(content)
    digest = hashlib.sha1(content, usedforsecurity=False)
    digest.update(bytes(padding))
    return digest.digest() == hashes[piece * _SHA1 : (piece + 1) * _SHA1]
