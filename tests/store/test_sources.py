"""Sources are kept in a manifest as they were, and hostile ones do not read."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from herd.model import (
    HfSource,
    InfoHash,
    MagnetSource,
    PathSource,
    PypiSource,
    Source,
    TorrentSource,
    UrlSource,
)
from herd.store import manifest, sources
from tests.store.models import model

ALL: tuple[Source, ...] = (
    UrlSource("https://models.example.org/m.gguf"),
    HfSource("user/repo", "main", "m.gguf"),
    PypiSource("some-model==1", "some/m.gguf"),
    MagnetSource(v1=InfoHash("a" * 40), trackers=("udp://t.example:1",), is_from_user=True),
    MagnetSource(
        v1=InfoHash("b" * 40),
        web_seeds=("https://w.example/m.gguf",),
        torrents=("https://w.example/m.torrent",),
        peers=(("192.0.2.1", 6881), ("2001:db8::1", 6881)),
    ),
    TorrentSource("/home/person/m.torrent"),
    PathSource("/home/person/m.gguf"),
)


def test_a_manifest_keeps_where_each_file_came_from_and_whose_it_is() -> None:
    made = model("tiny:q4", {"m.gguf": b"bytes"})
    file = replace(made.files[0], sources=ALL, adopted="/home/person/.other/blobs/m")

    read = manifest.read(manifest.write(replace(made, files=(file,))))

    assert read.files[0].sources == ALL
    assert read.files[0].adopted == "/home/person/.other/blobs/m"


def test_a_source_that_would_not_read_is_left_out() -> None:
    rows = sources.write((UrlSource("https://x.example/" + "a" * 5000), *ALL * 20))

    assert sources.read(json.loads(json.dumps(rows))) == (ALL * 20)[: len(rows)]


@pytest.mark.parametrize(
    "row",
    [
        None,
        {},
        {"kind": "url"},
        {"kind": "url", "url": 7},
        {"kind": "url", "url": "\ud800"},
        {"kind": "url", "url": "h" * 5000},
        {"kind": "exec", "url": "https://x.example"},
        {"kind": "magnet", "trackers": "udp://t", "state": "live"},
        {"kind": "magnet", "trackers": [7], "state": "live"},
        {"kind": "magnet", "trackers": [], "state": "undead"},
    ],
)
def test_hostile_sources_are_refused(row: object) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  # any words will do
        sources.read([row])


def test_a_heap_of_sources_is_refused() -> None:
    with pytest.raises(ValueError):  # noqa: PT011
        sources.read([{"kind": "url", "url": "https://x.example"}] * 1000)
