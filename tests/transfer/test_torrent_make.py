"""Torrents that herd makes are the ones that libtorrent would make."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import libtorrent as lt
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from herd import magnet
from herd.errors import BadUsage
from herd.pieces import PIECE, TableMaker
from herd.transfer.torrent import read
from herd.transfer.torrent_make import Around, Made, V1Maker, bencode, from_table
from tests.tools.swarm import make_torrent, noise

SIZES = [1, 16 * 1024, 16 * 1024 + 1, PIECE - 1, PIECE, PIECE + 1, 3 * PIECE, 3 * PIECE + 5]
AROUND = Around(("http://t.example/announce", "udp://u.example:80"), ("https://m.example/a b",))


def made(content: bytes, version: int, around: Around = Around()) -> Made:  # noqa: B008  # frozen
    if version == 1:
        maker = V1Maker("model.gguf", len(content))
        for at in range(0, len(content), 100_000):
            maker.update(content[at : at + 100_000])
        return maker.made(around)
    table = TableMaker(len(content))
    table.update(content)
    return from_table("model.gguf", table.table(), around)


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("size", SIZES)
def test_they_are_those_of_libtorrent(tmp_path: Path, version: int, size: int) -> None:
    path = tmp_path / "model.gguf"
    path.write_bytes(noise(size))
    theirs = make_torrent(path, version=version, piece=PIECE)
    ours = made(path.read_bytes(), version)
    assert (ours.magnet.v1, ours.magnet.v2) == (theirs.v1, theirs.v2)
    left, right = _decoded(ours.raw), _decoded(theirs.raw)
    assert left[b"info"] == right[b"info"]
    assert left.get(b"piece layers", {}) == right.get(b"piece layers", {})


@pytest.mark.parametrize("version", [1, 2])
def test_trackers_and_web_seeds_are_beside_the_file(version: int) -> None:
    content = noise(PIECE + 1)
    plain, dressed = made(content, version), made(content, version, AROUND)
    metainfo = read(dressed.raw)
    assert metainfo.trackers == AROUND.trackers
    assert _decoded(dressed.raw)[b"url-list"] == [b"https://m.example/a b"]
    assert metainfo.hashes == read(plain.raw).hashes
    assert metainfo.is_of(dressed.magnet)


def test_the_magnet_reads_as_one() -> None:
    ours = made(noise(5), 1, AROUND).magnet
    text = magnet.render(ours, 5)
    back = magnet.parse(text)
    assert (back.source.v1, back.source.trackers, back.size) == (ours.v1, AROUND.trackers, 5)


@pytest.mark.parametrize("name", ["", "..", "a/b", "con", "x" * 300, "a\0b"])
def test_a_name_that_no_disk_should_see_is_refused(name: str) -> None:
    with pytest.raises(BadUsage, match="is no name"):
        V1Maker(name, 5)


def test_an_empty_file_is_refused() -> None:
    with pytest.raises(BadUsage, match="nothing to share"):
        from_table("model.gguf", TableMaker(0).table())


VALUES = st.recursive(
    st.integers() | st.binary(),
    lambda inner: st.lists(inner) | st.dictionaries(st.binary(), inner),
    max_leaves=8,
)


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(VALUES)
def test_what_is_written_reads_back_as_libtorrent_reads_it(value: Any) -> None:
    small = _bounded(value)
    assert lt.bdecode(bencode({b"x": small})) == {b"x": small}


def _bounded(value: Any) -> Any:
    """Integers that libtorrent can hold."""
    match value:
        case int():
            return max(-(1 << 62), min(1 << 62, value))
        case list():
            return [_bounded(each) for each in value]
        case dict():
            return {key: _bounded(each) for key, each in value.items()}
    return value


def _decoded(raw: bytes) -> dict[bytes, Any]:
    decoded: Any = lt.bdecode(raw)
    assert isinstance(decoded, dict)
    return decoded
