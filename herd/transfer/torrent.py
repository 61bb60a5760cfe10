"""libtorrent (2.1), which nobody else imports, and what it reads in a .torrent.

`torrent_session.py` fetches by it, `torrent_share.py` gives away.

What libtorrent does not tell and what it gets wrong is known here: torrents begin
paused, alerts are raw pointers that die with the next call, resume data is believed
without a look at the file (so none is given to it), a dead magnet raises nothing.
"""

from __future__ import annotations

from typing import Any

from herd.errors import SourceRefused
from herd.pieces import Table, coarser
from herd.transfer.swarm_settings import MOST_PIECES
from herd.transfer.torrent_contents import Entry, Metainfo

lt: Any
_why_missing = ""
try:
    import libtorrent

    lt = libtorrent
except ImportError as error:
    lt, _why_missing = None, str(error)

MOST_BYTES = 10 * 1000 * 1000
"""Of a .torrent."""
GRACE = 0.1
"""Seconds in which trackers hear that herd leaves."""
LAST = "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"
_LIMITED = 1
"""The class of peers that the session's limits hold for, as a mask."""


def require() -> None:
    """Refuse to go on without libtorrent.

    Raises:
        SourceRefused: it is not installed.
    """
    if lt is None:
        raise SourceRefused(
            f"libtorrent is not there ({_why_missing})",
            "`pip install libtorrent` brings it; everything but torrents works without it.",
        )


def everybody_limited() -> Any:
    """No peer is exempt from limits: by default those that are near are, the seam among them."""
    everybody = lt.ip_filter()
    everybody.add_rule("0.0.0.0", "255.255.255.255", _LIMITED)  # noqa: S104  # a range
    everybody.add_rule("::", LAST, _LIMITED)
    return everybody


def read(raw: bytes) -> Metainfo:
    """What a .torrent says.

    Raises:
        SourceRefused: it is none, or too large to be an honest one.
    """
    params = load(raw)
    files, hashes = params.ti.layout(), params.ti.info_hashes()
    content = lt.bdecode(raw)
    known = content.get(b"piece layers", {}) if hashes.has_v2() else None
    if not isinstance(known, dict | None):
        raise SourceRefused("the .torrent does not read (its piece layers are none)")
    try:
        trackers, web_seeds = tuple(params.trackers), tuple(params.url_seeds)
    except UnicodeDecodeError as error:
        raise SourceRefused("the .torrent does not read (an address is no text)") from error
    numbers = range(files.num_files())
    return Metainfo(
        raw=raw,
        hashes=frozenset(
            ([str(hashes.v1)] if hashes.has_v1() else [])
            + ([str(hashes.v2)] if hashes.has_v2() else [])
        ),
        entries=tuple(_entry(files, index, known) for index in numbers),
        trackers=trackers,
        info=content[b"info"],
        piece_size=files.piece_length(),
        web_seeds=web_seeds,
        layers={each: layer for each in numbers if (layer := _layer(files, each, known))},
    )


def load(raw: bytes) -> Any:
    """A .torrent as libtorrent has it; paused and auto_managed as all of them begin.

    Raises:
        SourceRefused: it is none, or too large to be an honest one.
    """
    if len(raw) > MOST_BYTES:
        raise SourceRefused(f"the .torrent is larger than {MOST_BYTES // 1_000_000} MB")
    try:
        return lt.load_torrent_buffer(raw, {"max_pieces": MOST_PIECES})
    except RuntimeError as error:
        raise SourceRefused(f"the .torrent does not read ({error})") from error


def refusal(alert: Any) -> str:
    """What a tracker said when it refused, in whatever bytes a stranger chose."""
    try:
        return str(alert.failure_reason() or alert.error.message())
    except UnicodeDecodeError:
        return "something that is no text"


def completed(metainfo: Metainfo, index: int, table: Table | None) -> Metainfo:
    """The same torrent, with the piece hashes that a v2 magnet leaves out, if a table has them.

    Args:
        metainfo: The torrent.
        index: Of the entry that the table is said to be of; its root decides.
        table: Somebody's word.
    """
    entry = metainfo.entries[index]
    if table is None or entry.has_hashes or table.size != entry.size:
        return metainfo
    root: bytes = load(metainfo.raw).ti.layout().root(index).to_bytes()
    if table.root != root or table.piece_size > metainfo.piece_size:
        return metainfo
    if table.piece_size < metainfo.piece_size:
        table = coarser(table, metainfo.piece_size)
    content = lt.bdecode(metainfo.raw)
    content[b"piece layers"] = {**content.get(b"piece layers", {}), root: table.hashes}
    return read(bytes(lt.bencode(content)))


def _entry(files: Any, index: int, layers: dict[bytes, bytes] | None) -> Entry:
    """An entry; `layers` are the known piece hashes of v2, None where v1 has them all."""
    size, flags = files.file_size(index), files.file_flags(index)
    return Entry(
        path=files.file_path(index),
        size=size,
        is_pad=bool(flags & files.flag_pad_file),
        is_link=bool(flags & files.flag_symlink),
        has_hashes=layers is None or not size or bool(_layer(files, index, layers)),
        offset=files.file_offset(index),
    )


def _layer(files: Any, index: int, layers: dict[bytes, bytes] | None) -> bytes:
    """The SHA-256 of each piece of an entry; empty where they are not all known."""
    if layers is None or not files.file_size(index):
        return b""
    root: bytes = files.root(index).to_bytes()
    pieces = -(-files.file_size(index) // files.piece_length())
    layer = root if pieces == 1 else layers.get(root, b"")
    return layer if len(layer) == 32 * pieces else b""
