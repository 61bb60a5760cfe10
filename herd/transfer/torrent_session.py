"""One torrent in one session of libtorrent; `torrent.py` lends it and knows what to beware of."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any

from herd.model import MagnetSource
from herd.transfer.swarm_authorities import trust_authorities
from herd.transfer.swarm_folder import FILE, SwarmFolder
from herd.transfer.swarm_prefix import Prefix
from herd.transfer.swarm_reach import SwarmReach
from herd.transfer.swarm_session import Taking
from herd.transfer.swarm_settings import MOST_METADATA, held_to, rate_limit
from herd.transfer.swarm_watch import DiskTrouble, Look, Phase, Reports, plain
from herd.transfer.torrent import GRACE, everybody_limited, load, lt, refusal

_MOST_PEERS_KEPT = 50
_MOST_ASKED = 2 * MOST_METADATA
"""Bytes: some peers may give the same metadata."""
_HASH = 32
_REQUEST = 4 << 20
"""Bytes that a web seed is asked for at once."""
_KEPT_EVERY = 0.05
"""Seconds after which unfinished pieces are written, too, where less comes than"""
_KEPT_BELOW = 64 << 20
"""bytes per second: pieces are soon whole where more does."""
_SETTLE = 0.4
"""Seconds at most until what was asked for has come, and"""
_QUIET = 0.03
"""seconds without a byte that tell so."""


class NativeSession:
    """A libtorrent session with at most one torrent; used by one thread."""

    def __init__(self, chosen: dict[str, object], found: SwarmReach) -> None:
        trust_authorities()
        self.reports = Reports()
        self._trackers = list(found.trackers)
        self._seam = found.seam
        self._hashes: bytes | None = None
        self._is_settled = False
        self._unwritten = 0
        """Flushes that were not heard of yet."""
        self._flushed = (0.0, 0)
        """When the last one was asked for, and the bytes that had come."""
        self._enough = _MOST_ASKED
        """Bytes that may come before the metadata is there."""
        self._prefix: Prefix | None = None
        self._must_count = False
        """Whether all pieces must be looked at: alerts do not tell of those that were there."""
        category = lt.alert_category
        mask = category.error | category.status | category.storage | category.tracker
        mask |= category.peer | category.connect | category.piece_progress
        self._session: Any = lt.session(chosen | {"alert_mask": int(mask)})
        addresses = lt.ip_filter()
        for each in found.closed:
            addresses.add_rule(each.first, each.last, 1)
        if found.seam:
            addresses.add_rule(found.seam, found.seam, 0)
        self._session.set_ip_filter(addresses)
        self._session.set_peer_class_filter(everybody_limited())
        self._handle: Any = None

    def ask(self, magnet: MagnetSource, folder: SwarmFolder) -> None:
        """As Session.ask."""
        params = lt.add_torrent_params()
        # With both, v2 alone would do, but a v1 swarm knows only v1.
        params.info_hashes = _info_hash(magnet)
        params.peers = list(magnet.peers)
        params.flags = lt.torrent_flags.apply_ip_filter | lt.torrent_flags.default_dont_download
        self._add(params, folder)

    def take(self, taking: Taking) -> None:
        """As Session.take."""
        if self._handle is not None:
            self._session.remove_torrent(self._handle)
        self._is_settled, self._unwritten = False, 0
        params = load(taking.metainfo.raw)
        count = len(taking.metainfo.entries)
        params.file_priorities = [4 if each == taking.index else 0 for each in range(count)]
        params.renamed_files = {
            each: FILE if each == taking.index else f"unwanted-{each}"
            for each, entry in enumerate(taking.metainfo.entries)
            if not entry.is_pad
        }
        params.peers = sorted(taking.peers)[:_MOST_PEERS_KEPT]
        # Small requests, of a piece at least: nobody else brings what a web seed was asked for.
        wanted = min(_REQUEST, taking.metainfo.entries[taking.index].size // 16)
        wanted = max(wanted, taking.metainfo.piece_size)
        self._session.apply_settings({"urlseed_max_request_bytes": wanted})
        # Neither paused nor auto_managed: with one of them left it would wait for ever.
        params.flags = lt.torrent_flags.apply_ip_filter | lt.torrent_flags.sequential_download
        # Known already: libtorrent would read every hole of the file.
        params.have_pieces = list(taking.have)
        params.unfinished_pieces = dict(taking.begun)
        self._add(params, taking.folder, taking.web_seeds)
        entry = taking.metainfo.entries[taking.index]
        self._prefix, self._must_count = Prefix(entry, taking.metainfo.piece_size), True

    def look(self) -> Look:
        """As Session.look."""
        self._hear()
        # Everything else that a status may have is counted anew from all pieces each time.
        status = self._handle.status(lt.torrent_handle.query_accurate_download_counters)
        self._order(status)
        if status.errc.value():
            self._stopped(status.errc)
        phase = _phase(status)
        if phase is Phase.ASKING:
            self._bar_a_flood(status.total_download)
        if phase is Phase.FETCHING:
            self._keep(status.total_payload_download)
        return Look(
            phase,
            done=status.total_wanted_done,
            peers=status.num_peers,
            fetched=status.total_payload_download,
            wasted=status.total_failed_bytes + status.total_redundant_bytes,
            prefix=self._reached(phase),
            given=status.total_payload_upload,
        )

    def _order(self, status: Any) -> None:
        """Ask in order where somebody has all of it: that costs the swarm nothing then.

        What comes in order can be hashed while it comes, and a kill leaves fewer pieces begun.
        """
        sequential = lt.torrent_flags.sequential_download
        is_on = bool(status.flags & sequential)
        if status.num_seeds and not is_on:
            self._handle.set_flags(sequential)
        if not status.num_seeds and is_on and status.total_payload_download:
            self._handle.unset_flags(sequential)

    def _bar_a_flood(self, came: int) -> None:
        """Turn away who gives most while no metadata comes of it.

        A peer that says another size than the promised one is asked for the same piece again and
        again, as fast as it answers: 1.2 GB came in 3 seconds.
        """
        peers = self._handle.get_peer_info() if came > self._enough else ()
        if not peers:
            return
        self._enough = came + _MOST_ASKED
        host = str(max(peers, key=lambda peer: peer.down_speed).ip[0])
        addresses = self._session.get_ip_filter()
        addresses.add_rule(host, host, 1)
        self._session.set_ip_filter(addresses)
        self._ban(host)

    def pieces(self) -> list[bool]:
        """As Session.pieces."""
        return list(self._handle.status(lt.torrent_handle.query_pieces).pieces)

    def _reached(self, phase: Phase) -> int:
        if self._prefix is None:
            return 0
        if self._must_count and phase in (Phase.FETCHING, Phase.WHOLE):
            self._must_count = False
            self._prefix.add_all(self.pieces())
        return self._prefix.size

    def feed(self, url: str) -> None:
        """As Session.feed."""
        self._handle.add_url_seed(url)

    def wean(self, url: str) -> None:
        """As Session.wean."""
        for each in (url, url + "/"):
            self._handle.remove_url_seed(each)

    def fed(self) -> frozenset[str]:
        """As Session.fed.

        With a torrent of several files, padding among them, libtorrent ends each with a slash.
        """
        return frozenset(each.rstrip("/") for each in self._handle.url_seeds())

    def limit(self, rate: int | None) -> None:
        """As Session.limit."""
        self._session.apply_settings(held_to(rate))

    def limit_out(self, rate: int | None) -> None:
        """As Session.limit_out."""
        self._session.apply_settings({"upload_rate_limit": rate_limit(rate)})

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

    def await_news(self, seconds: float) -> None:
        """As Session.await_news."""
        self._session.wait_for_alert(round(seconds * 1000))

    def is_written(self) -> bool:
        """As Session.is_written."""
        self._flush()
        end = time.monotonic() + _SETTLE
        while self._unwritten and (left := end - time.monotonic()) > 0:
            self.await_news(left)
            self._hear()
        return not self._unwritten

    def _flush(self) -> None:
        self._unwritten += 1
        self._handle.flush_cache()

    def _keep(self, came: int) -> None:
        """Have the blocks of unfinished pieces written where little comes.

        libtorrent holds them in memory until the piece is whole: a kill would cost them all.
        """
        now, (then, had) = time.monotonic(), self._flushed
        if now - then >= _KEPT_EVERY:
            self._flushed = now, came
            if 0 < came - had < _KEPT_BELOW * (now - then):
                self._flush()

    def settle(self) -> None:
        """As Session.settle.

        libtorrent 2.1.1 frees a piece that one of its threads still hashes, and crashes, when a
        torrent of v1 is removed meanwhile.
        """
        if self._handle is None or self._is_settled:
            return
        self._is_settled, came, end = True, -1, time.monotonic() + _SETTLE
        for url in self.fed():
            self.wean(url)
        self._handle.set_flags(lt.torrent_flags.upload_mode)
        while time.monotonic() < end:
            status = self._handle.status(0)
            if status.is_finished or status.total_payload_download == came:
                return
            came = status.total_payload_download
            time.sleep(_QUIET)

    def close(self, *, is_hasty: bool = False) -> None:
        """As Session.close."""
        if self._session is None:
            return
        self.settle()
        # With 0 nothing is announced; otherwise the destructor may wait for it as long.
        self._session.apply_settings({"stop_tracker_timeout": 0 if is_hasty else 1})
        if self._handle is not None:
            self._session.remove_torrent(self._handle)
            if not is_hasty:
                # A request that is answered before the destructor runs costs no second there.
                time.sleep(GRACE)
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
                    self.reports.heard(alert.url, refusal(alert))
                case lt.tracker_reply_alert():
                    self.reports.heard(alert.url, f"{alert.num_peers} peers")
                case lt.peer_connect_alert():
                    self.reports.seen.add(tuple(alert.endpoint))
                case lt.peer_ban_alert():
                    self._ban(str(alert.endpoint[0]))
                case lt.piece_finished_alert():
                    if self._prefix is not None:
                        self._prefix.add(alert.piece_index)
                    self.reports.right += [alert.piece_index] if self._seam else []
                case lt.alerts_dropped_alert():
                    self._must_count = True
                case lt.hash_failed_alert():
                    self.reports.failed.append(alert.piece_index)
                    self.reports.is_spoilt = True
                case lt.file_error_alert():
                    self._disk(alert.error.value(), alert.error.message())
                case lt.cache_flushed_alert():
                    self._unwritten = max(0, self._unwritten - 1)
                case lt.save_resume_data_alert():
                    self._hashes = _torrent_of(alert.params)

    def _ban(self, host: str) -> None:
        # A mirror that is banned is told of under its own name.
        if host != self._seam:
            self.reports.banned.add(host)
            self.reports.liars.add(host)

    def _stopped(self, why: Any) -> None:
        if why.category().name() == "libtorrent":
            self.reports.flaw = plain(why.message())
        else:
            self._disk(why.value(), why.message())

    def _disk(self, errno: int, words: str) -> None:
        self.reports.disk = self.reports.disk or DiskTrouble(errno, words)


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
    """The .torrent with the piece hashes of the files of which all came; None: ask later.

    They come 512 at a time. For those that did not libtorrent writes zeros, which it does not read.
    """
    try:
        # write_torrent_file_buf cannot be called from Python in 2.1.1.
        written = lt.write_torrent_file(params, lt.write_flags.allow_missing_piece_layer)
    except RuntimeError:
        return None
    layers = written.get(b"piece layers", {})
    written[b"piece layers"] = {root: each for root, each in layers.items() if _is_full(each)}
    return bytes(lt.bencode(written))


def _is_full(layer: bytes) -> bool:
    return all(any(layer[at : at + _HASH]) for at in range(0, len(layer), _HASH))
