"""The only module that speaks to libtorrent (2.1).

What libtorrent does not tell and what it gets wrong is known here: torrents begin
paused, alerts are raw pointers that die with the next call, resume data is believed
without a look at the file (so none is given to it), a dead magnet raises nothing.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from herd.errors import SourceRefused
from herd.model import MagnetSource
from herd.transfer.swarm_folder import FILE, SwarmFolder
from herd.transfer.swarm_reach import SwarmReach, near
from herd.transfer.swarm_session import Taking
from herd.transfer.swarm_settings import MOST_PIECES, Sharing, sharing
from herd.transfer.swarm_watch import DiskTrouble, Given, Look, Phase, Reports
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
_MOST_PEERS_KEPT = 50
_GRACE = 0.1
"""Seconds in which trackers hear that herd leaves."""
_LAST = "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"
_LIMITED = 1
"""The class of peers that the session's limits hold for, as a mask."""
_BUNDLES = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/cert.pem",
)
"""Where the OpenSSL inside libtorrent's wheels looks for authorities."""


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


class NativeSession:
    """A libtorrent session with at most one torrent; used by one thread."""

    def __init__(self, chosen: dict[str, object], found: SwarmReach) -> None:
        _trust_authorities()
        self.reports = Reports()
        self._trackers = list(found.trackers)
        self._seam = found.seam
        self._hashes: bytes | None = None
        self._taking: Taking | None = None
        category = lt.alert_category
        mask = category.error | category.status | category.storage | category.tracker
        mask |= category.peer | category.connect
        self._session: Any = lt.session(chosen | {"alert_mask": int(mask)})
        addresses = lt.ip_filter()
        for each in found.closed:
            addresses.add_rule(each.first, each.last, 1)
        if found.seam:
            addresses.add_rule(found.seam, found.seam, 0)
        self._session.set_ip_filter(addresses)
        self._session.set_peer_class_filter(_everybody_limited())
        self._handle: Any = None

    def ask(self, magnet: MagnetSource, folder: SwarmFolder) -> None:
        """As Session.ask."""
        params = lt.add_torrent_params()
        # With both, v2 alone would do, but a v1 swarm knows only v1.
        params.info_hashes = _info_hash(magnet)
        params.flags = lt.torrent_flags.apply_ip_filter | lt.torrent_flags.default_dont_download
        self._add(params, folder)

    def take(self, taking: Taking) -> None:
        """As Session.take."""
        if self._handle is not None:
            self._session.remove_torrent(self._handle)
        params = _load(taking.metainfo.raw)
        count = len(taking.metainfo.entries)
        params.file_priorities = [4 if each == taking.index else 0 for each in range(count)]
        params.renamed_files = {
            each: FILE if each == taking.index else f"unwanted-{each}"
            for each, entry in enumerate(taking.metainfo.entries)
            if not entry.is_pad
        }
        params.peers = sorted(taking.peers)[:_MOST_PEERS_KEPT]
        # Small files in small requests: else one web seed asks for all of it at once.
        wanted = max(taking.metainfo.piece_size, taking.metainfo.entries[taking.index].size // 16)
        self._session.apply_settings({"urlseed_max_request_bytes": min(16 << 20, wanted)})
        # Neither paused nor auto_managed: with one of them left it would wait for ever.
        params.flags = lt.torrent_flags.apply_ip_filter
        self._add(params, taking.folder, taking.web_seeds)
        self._taking = taking

    def look(self) -> Look:
        """As Session.look."""
        self._hear()
        status = self._handle.status()
        if status.num_seeds and not status.flags & lt.torrent_flags.sequential_download:
            # Where somebody has all of it, order costs the swarm nothing, and what comes in
            # order can be hashed while it comes.
            self._handle.set_flags(lt.torrent_flags.sequential_download)
        if status.errc.value():
            self._disk(status.errc.value(), status.errc.message())
        return Look(
            _phase(status),
            done=status.total_wanted_done,
            peers=status.num_peers,
            fetched=status.total_payload_download,
            wasted=status.total_failed_bytes + status.total_redundant_bytes,
            prefix=self._prefix(status),
        )

    def pieces(self) -> list[bool]:
        """As Session.pieces."""
        return list(self._handle.status().pieces)

    def _prefix(self, status: Any) -> int:
        taking = self._taking
        if taking is None:
            return 0
        entry, piece = taking.metainfo.entries[taking.index], taking.metainfo.piece_size
        at = entry.offset // piece
        while at < len(status.pieces) and status.pieces[at]:
            at += 1
        return max(0, min(entry.size, at * piece - entry.offset))

    def feed(self, url: str) -> None:
        """As Session.feed."""
        self._handle.add_url_seed(url)

    def wean(self, url: str) -> None:
        """As Session.wean."""
        self._handle.remove_url_seed(url)

    def fed(self) -> frozenset[str]:
        """As Session.fed."""
        return frozenset(self._handle.url_seeds())

    def limit(self, rate: int | None) -> None:
        """As Session.limit."""
        self._session.apply_settings({"download_rate_limit": rate or 0})

    def metadata(self) -> bytes | None:
        """As Session.metadata."""
        known = self._handle.torrent_file()
        return None if known is None else b"d4:info" + bytes(known.info_section()) + b"e"

    def want_hashes(self) -> None:
        """As Session.want_hashes."""
        self._handle.save_resume_data(lt.save_resume_flags_t.save_info_dict)

    def hashes(self) -> bytes | None:
        """As Session.hashes."""
        raw, self._hashes = self._hashes, None
        return raw

    def close(self, *, is_hasty: bool = False) -> None:
        """As Session.close."""
        if self._session is None:
            return
        # With 0 nothing is announced; otherwise the destructor may wait for it as long.
        self._session.apply_settings({"stop_tracker_timeout": 0 if is_hasty else 1})
        if self._handle is not None:
            self._session.remove_torrent(self._handle)
            if not is_hasty:
                # A request that is answered before the destructor runs costs no second there.
                time.sleep(_GRACE)
        # The destructor returns when every block is written and every thread has ended.
        self._handle = self._session = None

    def _add(self, params: Any, folder: SwarmFolder, web_seeds: Iterable[str] = ()) -> None:
        params.save_path = str(folder.path)
        params.trackers = self._trackers
        params.tracker_tiers = [0] * len(self._trackers)
        # Mirrors never go to libtorrent, only the seam that they are behind.
        params.url_seeds, params.http_seeds, params.dht_nodes = list(web_seeds), [], []
        self._handle = self._session.add_torrent(params)

    def _hear(self) -> None:
        """Copy what alerts say; they are dead after the next pop_alerts."""
        for alert in self._session.pop_alerts():
            match alert:
                case lt.tracker_error_alert():
                    words = alert.failure_reason() or alert.error.message()
                    self.reports.heard(alert.url, words)
                case lt.tracker_reply_alert():
                    self.reports.heard(alert.url, f"{alert.num_peers} peers")
                case lt.peer_connect_alert():
                    self.reports.seen.add(tuple(alert.endpoint))
                case lt.peer_ban_alert():
                    self._ban(str(alert.endpoint[0]))
                case lt.hash_failed_alert():
                    self.reports.failed.append(alert.piece_index)
                case lt.file_error_alert():
                    self._disk(alert.error.value(), alert.error.message())
                case lt.save_resume_data_alert():
                    self._hashes = _torrent_of(alert.params)

    def _ban(self, host: str) -> None:
        # A mirror that is banned is told of under its own name.
        if host != self._seam:
            self.reports.banned.add(host)
            self.reports.liars.add(host)

    def _disk(self, errno: int, words: str) -> None:
        self.reports.disk = self.reports.disk or DiskTrouble(errno, words)


class SharingSession:
    """A libtorrent session that gives files of the store away; used by one thread."""

    def __init__(self, how: Sharing) -> None:
        """Listen.

        Raises:
            SourceRefused: libtorrent is not there.
        """
        require()
        _trust_authorities()
        mask = lt.alert_category.error | lt.alert_category.status | lt.alert_category.tracker
        self._session: Any = lt.session(sharing(how) | {"alert_mask": int(mask)})
        if how.is_lan_only:
            addresses = lt.ip_filter()
            for first, last in (("0.0.0.0", "255.255.255.255"), ("::", _LAST)):  # noqa: S104
                addresses.add_rule(first, last, 1)
            for each in near():
                addresses.add_rule(each.first, each.last, 0)
            self._session.set_ip_filter(addresses)
        self._session.set_peer_class_filter(_everybody_limited())
        self._handles: list[Any] = []
        self._bases: dict[int, int] = {}
        self.trackers: dict[str, str] = {}
        """The last word of each tracker, by its address."""

    @property
    def port(self) -> int:
        """Where peers come in; 0 before it is known."""
        return int(self._session.listen_port())

    def add(self, torrent: bytes, blob: Path, trackers: Iterable[str]) -> int:
        """Give a file away; its number in this session. The blob is only ever read."""
        params = _load(torrent)
        params.save_path, params.renamed_files = str(blob.parent), {0: blob.name}
        params.trackers = list(trackers)
        params.tracker_tiers = [0] * len(params.trackers)
        params.url_seeds, params.http_seeds, params.dht_nodes = [], [], []
        flags = lt.torrent_flags
        # Pieces are proved before the first time each goes out, and none is ever written.
        params.flags = flags.seed_mode | flags.upload_mode | flags.apply_ip_filter
        self._handles.append(self._session.add_torrent(params))
        return len(self._handles) - 1

    def stop(self, number: int) -> None:
        """Give a file away no longer; the others go on."""
        handle, self._handles[number] = self._handles[number], None
        if handle is not None:
            self._bases[number] = int(handle.status().total_payload_upload)
            self._session.remove_torrent(handle)

    def look(self) -> tuple[Given, ...]:
        """What became of each file, by number."""
        for alert in self._session.pop_alerts():
            match alert:
                case lt.tracker_error_alert():
                    self.trackers[alert.url] = alert.failure_reason() or alert.error.message()
                case lt.tracker_reply_alert():
                    self.trackers[alert.url] = f"{alert.num_peers} peers"
        return tuple(self._given(number) for number in range(len(self._handles)))

    def close(self) -> None:
        """Let go of the network; trackers hear of it."""
        for number in range(len(self._handles)):
            self.stop(number)
        time.sleep(_GRACE)
        self._session = None

    def _given(self, number: int) -> Given:
        handle = self._handles[number]
        if handle is None:
            return Given(self._bases[number], 0, is_over=True)
        status = handle.status()
        is_damaged = not (status.is_seeding or status.is_finished)
        return Given(int(status.total_payload_upload), status.num_peers, is_damaged=is_damaged)


def _everybody_limited() -> Any:
    """No peer is exempt from limits: by default those that are near are, the seam among them."""
    everybody = lt.ip_filter()
    everybody.add_rule("0.0.0.0", "255.255.255.255", _LIMITED)  # noqa: S104  # a range
    everybody.add_rule("::", _LAST, _LIMITED)
    return everybody


def read(raw: bytes) -> Metainfo:
    """What a .torrent says.

    Raises:
        SourceRefused: it is none, or too large to be an honest one.
    """
    params = _load(raw)
    files, hashes = params.ti.layout(), params.ti.info_hashes()
    content = lt.bdecode(raw)
    known = content.get(b"piece layers", {}) if hashes.has_v2() else None
    return Metainfo(
        raw=raw,
        hashes=frozenset(
            ([str(hashes.v1)] if hashes.has_v1() else [])
            + ([str(hashes.v2)] if hashes.has_v2() else [])
        ),
        entries=tuple(_entry(files, index, known) for index in range(files.num_files())),
        trackers=tuple(params.trackers),
        info=content[b"info"],
        piece_size=files.piece_length(),
        web_seeds=tuple(params.url_seeds),
    )


def _load(raw: bytes) -> Any:
    if len(raw) > MOST_BYTES:
        raise SourceRefused(f"the .torrent is larger than {MOST_BYTES // 1_000_000} MB")
    try:
        return lt.load_torrent_buffer(raw, {"max_pieces": MOST_PIECES})
    except RuntimeError as error:
        raise SourceRefused(f"the .torrent does not read ({error})") from error


def _entry(files: Any, index: int, layers: dict[bytes, bytes] | None) -> Entry:
    """An entry; `layers` are the known piece hashes of v2, None where v1 has them all."""
    size, flags = files.file_size(index), files.file_flags(index)
    pieces = -(-size // files.piece_length())
    has_hashes = layers is None or pieces <= 1
    if not has_hashes and layers is not None:
        has_hashes = len(layers.get(files.root(index).to_bytes(), b"")) == 32 * pieces
    return Entry(
        path=files.file_path(index),
        size=size,
        is_pad=bool(flags & files.flag_pad_file),
        is_link=bool(flags & files.flag_symlink),
        has_hashes=has_hashes,
        offset=files.file_offset(index),
    )


def _phase(status: Any) -> Phase:
    match status.state:
        case lt.torrent_status.downloading_metadata:
            return Phase.ASKING
        case lt.torrent_status.finished | lt.torrent_status.seeding:
            return Phase.WHOLE
        case lt.torrent_status.downloading:
            return Phase.FETCHING
    return Phase.CHECKING


def _info_hash(magnet: MagnetSource) -> Any:
    v1 = lt.sha1_hash(bytes.fromhex(magnet.v1)) if magnet.v1 else None
    v2 = lt.sha256_hash(bytes.fromhex(magnet.v2)) if magnet.v2 else None
    return lt.info_hash_t(*(each for each in (v1, v2) if each is not None))


def _torrent_of(params: Any) -> bytes | None:
    """The .torrent with its piece hashes; None while some of them are still to come."""
    try:
        # write_torrent_file_buf cannot be called from Python in 2.1.1.
        written = lt.write_torrent_file(params, lt.write_flags.allow_missing_piece_layer)
    except RuntimeError:
        return None
    return bytes(lt.bencode(written))


def _trust_authorities() -> None:
    """Let https trackers be verified where libtorrent's OpenSSL finds no authorities."""
    if "SSL_CERT_FILE" not in os.environ and not any(Path(each).exists() for each in _BUNDLES):
        import certifi

        os.environ["SSL_CERT_FILE"] = certifi.where()
