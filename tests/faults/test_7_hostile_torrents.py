"""Torrents made to do harm are refused before a byte of payload."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import libtorrent as lt
import pytest

from herd.errors import SourceFailed, SourceRefused
from herd.model import File, MagnetSource, TorrentSource
from herd.transfer.swarm_settings import settings
from herd.transfer.torrent import read
from tests.faults.person import Person
from tests.tools.http_server import FileServer
from tests.tools.swarm import PIECE, Torrent, describe
from tests.tools.swarm_peer import Peer
from tests.tools.swarm_tracker import HttpTracker
from tests.transfer.swarm_desk import BRISK, SIZE, SwarmDesk

Info = dict[bytes, Any]


@pytest.fixture
def swarm_desk(tmp_path: Path) -> SwarmDesk:
    return SwarmDesk(tmp_path)


def bencoded(value: Any) -> bytes:
    return bytes(lt.bencode(value))


def v1(**changes: Any) -> Info:
    """The info dictionary of a file of SIZE bytes; piece hashes are noise."""
    pieces = -(-SIZE // PIECE)
    info: Info = {
        b"name": b"model.gguf",
        b"piece length": PIECE,
        b"length": SIZE,
        b"pieces": bytes(20 * pieces),
    }
    return info | {key.replace("_", " ").encode(): value for key, value in changes.items()}


def folder(*files: Info, **changes: Any) -> Info:
    """The info dictionary of a folder of such files."""
    info = v1(files=list(files), **changes)
    del info[b"length"]
    total = sum(each[b"length"] for each in files)
    return info | {b"pieces": bytes(20 * -(-total // PIECE))}


def entry(*path: bytes, length: int = SIZE, **changes: Any) -> Info:
    """A file in a folder."""
    extra = {key.replace("_", " ").encode(): value for key, value in changes.items()}
    return {b"path": list(path), b"length": length} | extra


def v2(tree: Info) -> Info:
    """The info dictionary of a v2 torrent (BEP 52)."""
    return {b"name": b"m", b"piece length": PIECE, b"meta version": 2, b"file tree": tree}


def leaf(length: int = SIZE, **changes: Any) -> Info:
    """A file in a v2 tree."""
    extra = {key.replace("_", " ").encode(): value for key, value in changes.items()}
    return {b"": {b"length": length, b"pieces root": b"r" * 32} | extra}


TRAPS: dict[str, tuple[Info, str]] = {
    "a name that climbs": (v1(name=b"../../.bashrc"), r"names a file '\.\./\.\./\.bashrc'"),
    "a name that is a parent": (v1(name=b".."), "does not read"),
    "an absolute name": (v1(name=b"/etc/passwd"), "names a file '/etc/passwd'"),
    "a name of Windows": (v1(name=b"..\\evil.gguf"), r"names a file '\.\.\\evil\.gguf'"),
    "a name with a NUL": (v1(name=b"model.gguf\0.exe"), r"names a file 'model\.gguf\?\.exe'"),
    "a second name that climbs": (v1() | {b"name.utf-8": b"../x"}, r"names a file '\.\./x'"),
    "a path that climbs": (folder(entry(b"..", b"model.gguf")), r"names a file '\.\.'"),
    "a part with a slash": (folder(entry(b"a/../../b")), r"names a file 'a/\.\./\.\./b'"),
    "an empty part": (folder(entry(b"", b"model.gguf")), "names a file with no name"),
    "a symbolic link": (
        folder(entry(b"model.gguf"), entry(b"l", length=0, attr=b"l", symlink_path=[b"/etc"])),
        "has symbolic links",
    ),
    "padding that carries a payload": (
        folder(entry(b"model.gguf"), entry(b".pad", b"9", length=3 * PIECE, attr=b"p")),
        "has padding of more than a piece",
    ),
    "ten thousand files": (
        folder(entry(b"model.gguf"), *(entry(b"%d" % each, length=1) for each in range(10_000))),
        "has more than 1000 files",
    ),
    "another size": (v1(length=SIZE - 1), "has no file of"),
    "two files that fit": (folder(entry(b"a.gguf"), entry(b"b.gguf")), "has no file of"),
    "no file but padding": (
        folder(entry(b".pad", length=SIZE, attr=b"p")),
        "has padding of more than a piece",
    ),
    "pieces that fill the memory": (
        v1(piece_length=1 << 27, pieces=bytes(20)),
        r"has pieces of 134\.2 MB",
    ),
    "a v2 path that climbs": (v2({b"..": {b"model.gguf": leaf()}}), r"names a file '\.\.'|read"),
    "a v2 link": (v2({b"m.gguf": leaf(attr=b"l", symlink_path=[b"x"])}), "symbolic links|read"),
}


@pytest.mark.parametrize("trap", TRAPS)
def test_a_trap_is_refused_before_anybody_is_asked(person: Person, trap: str) -> None:
    info, words = TRAPS[trap]
    with HttpTracker() as tracker:
        raw = bencoded({b"announce": tracker.url.encode(), b"info": info})
        with FileServer(raw, "127.0.0.3") as server:
            person.is_offered(TorrentSource(server.url), content=bytes(SIZE))
            ran = person.types()

    assert (ran.code, person.has) == (4, None)
    assert tracker.announces == []
    assert len(server.requests) == 1
    assert re.search(words, ran.end), ran.end
    assert "herd: tiny.gguf did not come: torrent model.gguf: " in ran.end
    assert list(person.home.rglob("*.torrent.d")) == []


def test_beside_a_trap_a_mirror_delivers(person: Person, good: FileServer) -> None:
    raw = bencoded({b"info": v1(name=b"../../.bashrc")})
    good.content = b"GGUF" + bytes(SIZE - 4)
    with FileServer(raw, "127.0.0.3") as server:
        person.is_offered(TorrentSource(server.url), good, content=good.content)
        ran = person.types()

    assert (ran.code, person.has) == (0, good.content)
    assert SIZE <= good.bytes_sent <= 1.02 * SIZE
    assert "names a file '../../.bashrc'" in ran.end
    assert not (person.home / ".bashrc").exists()


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"<!doctype html><p>log in first",
        b"d" * 100_000,
        b"l" * 5_000 + b"e" * 5_000,
        b"d4:infod4:name1:xee",
        b"d4:info999999999999:e",
        b"i1e",
        b"x" * 10_000_001,
        bencoded({b"info": v1(piece_length=0)}),
        bencoded({b"info": v1(piece_length=-1)}),
        bencoded({b"info": v1(length=-5)}),
        bencoded({b"info": v1(length=1 << 62)}),
        bencoded({b"info": v1(pieces=b"")}),
        bencoded({b"info": v1(pieces=bytes(20))}),
        bencoded({b"info": []}),
        bencoded({b"info": v2({})}),
        bencoded({b"info": v1(), b"url-list": b"http://\xff.example/"}),
        bencoded({b"info": v2({b"model.gguf": leaf()}), b"piece layers": []}),
    ],
    ids=range(18),
)
def test_what_is_no_torrent_is_refused(swarm_desk: SwarmDesk, raw: bytes) -> None:
    path = swarm_desk.folder / "bad.torrent"
    path.write_bytes(raw)
    with pytest.raises(SourceRefused, match=r"^the \.torrent "):
        swarm_desk.fetch(TorrentSource(str(path)))


def padded(size: int) -> bytes:
    """A .torrent of so many bytes that is sound."""
    content = {b"info": v1(), b"x": b""}
    for _ in range(2):  # the length of the padding has a length, too
        content[b"x"] = bytes(size - len(bencoded(content)) + len(content[b"x"]))
    return bencoded(content)


def test_a_torrent_of_ten_megabytes_is_taken_and_one_byte_more_refused() -> None:
    most = padded(10_000_000)
    assert len(most) == 10_000_000
    assert read(most).entries[0].size == SIZE
    with pytest.raises(SourceRefused, match="larger than 10 MB"):
        read(padded(10_000_001))


def test_a_torrent_of_more_pieces_than_an_honest_one_is_refused() -> None:
    """A table of hashes is small where a v2 torrent only says how many pieces there are."""
    least, most = 16 * 1024, 0x40000
    for info in (
        v1(piece_length=least, length=least * (most + 1), pieces=bytes(20 * (most + 1))),
        v2({b"m.gguf": leaf(least * (most + 1))}) | {b"piece length": least},
    ):
        with pytest.raises(SourceRefused, match=r"does not read \(.*pieces"):
            read(bencoded({b"info": info}))
    assert settings()["max_piece_count"] == most, "of a magnet's metadata likewise"


def test_a_v2_torrent_whose_hashes_are_not_those_of_its_root_is_refused(
    swarm_desk: SwarmDesk,
) -> None:
    raw = swarm_desk.torrent(version=2).raw
    content: Any = lt.bdecode(raw)
    content[b"piece layers"] = {
        root: bytes(len(layer)) for root, layer in content[b"piece layers"].items()
    }
    with pytest.raises(SourceRefused, match="does not read"):
        read(bencoded(content))


def test_a_hybrid_torrent_whose_halves_disagree_about_sizes_is_refused(
    swarm_desk: SwarmDesk,
) -> None:
    content: Any = lt.bdecode(swarm_desk.torrent(version=12).raw)
    content[b"info"][b"length"] = SIZE - 1
    with pytest.raises(SourceRefused, match="does not read"):
        read(bencoded(content))


def test_a_hybrid_torrent_whose_halves_disagree_about_bytes_never_becomes_a_file(
    swarm_desk: SwarmDesk,
) -> None:
    content: Any = lt.bdecode(swarm_desk.torrent(version=12).raw)
    content[b"info"][b"pieces"] = bytes(len(content[b"info"][b"pieces"]))
    torrent = describe(bencoded(content))
    peer = Peer(torrent, swarm_desk.content)
    with peer, HttpTracker(peer.address) as tracker, pytest.raises(SourceFailed):
        swarm_desk.fetch(torrent.magnet(tracker.url), patience=BRISK)
    assert swarm_desk.part == b""


def test_a_magnet_of_another_file_is_refused_before_a_byte_of_payload(
    swarm_desk: SwarmDesk,
) -> None:
    torrent = swarm_desk.torrent()
    with swarm_desk.swarm(torrent) as swarm:
        source = torrent.magnet(swarm.tracker.url)
        with pytest.raises(SourceRefused, match=r"has no file of .* \(5 bytes\)"):
            swarm_desk.fetch(source, File("model.gguf", (source,), 5))
        assert swarm.uploaded == 0


@pytest.mark.parametrize("promised", [20_000_000, 1 << 31])
def test_metadata_that_is_too_large_is_not_taken(swarm_desk: SwarmDesk, promised: int) -> None:
    torrent = swarm_desk.torrent()
    peer = Peer(torrent, swarm_desk.content, promised_metadata=promised)
    with peer, HttpTracker(peer.address) as tracker, pytest.raises(SourceFailed, match="nobody"):
        swarm_desk.fetch(torrent.magnet(tracker.url), patience=BRISK)


def test_metadata_of_another_torrent_is_not_believed(swarm_desk: SwarmDesk) -> None:
    torrent = swarm_desk.torrent()
    other = bencoded(v1(name=b"other.gguf"))
    peer = Peer(torrent, swarm_desk.content, metadata=other)
    with peer, HttpTracker(peer.address) as tracker, pytest.raises(SourceFailed, match="nobody"):
        swarm_desk.fetch(torrent.magnet(tracker.url), patience=BRISK)


def test_saved_metadata_of_another_torrent_is_not_believed(swarm_desk: SwarmDesk) -> None:
    torrent = swarm_desk.torrent()
    swarm_desk.staged.part.parent.mkdir()
    swarm_desk.staged.beside(".torrent").write_bytes(bencoded({b"info": v1()}))
    with swarm_desk.swarm(torrent) as swarm:
        swarm_desk.fetch(torrent.magnet(swarm.tracker.url))
    assert swarm_desk.part == swarm_desk.content


def test_trackers_and_web_seeds_of_a_torrent_do_not_lead_into_this_machine(
    swarm_desk: SwarmDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A .torrent that a public server gave names addresses of this machine."""
    with HttpTracker() as tracker, FileServer(swarm_desk.content) as server:
        content: Any = lt.bdecode(swarm_desk.torrent(tracker.url).raw)
        content[b"url-list"] = [server.url.encode(), b"http://169.254.169.254/latest"]
        content[b"nodes"] = [[b"127.0.0.1", 1]]
        raw = bencoded(content)
        source = TorrentSource("https://public.example/model.torrent")
        monkeypatch.setattr("herd.transfer.swarm._get_small", _giving(raw))
        with pytest.raises(SourceFailed, match="nothing came"):
            swarm_desk.fetch(source, patience=BRISK)
        assert tracker.announces == []
        assert server.requests == []


def _giving(raw: bytes) -> Callable[..., bytes]:
    def give(*_: object) -> bytes:
        return raw

    return give


def test_a_torrent_says_the_same_to_herd_as_to_its_swarm(swarm_desk: SwarmDesk) -> None:
    torrent: Torrent = swarm_desk.torrent(version=12)
    metainfo = read(torrent.raw)
    assert metainfo.hashes == {torrent.v1, torrent.v2}
    info: Any = lt.bdecode(torrent.raw)
    assert hashlib.sha1(bencoded(info[b"info"])).hexdigest() == torrent.v1  # noqa: S324  # BEP 3
    assert metainfo.is_of(MagnetSource(v1=torrent.v1))
    assert not metainfo.is_of(MagnetSource())
