"""A swarm goes through the person's proxy, or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from herd.errors import SourceRefused
from herd.transfer.swarm_proxy import through
from tests.tools.proxy import Proxy
from tests.transfer.swarm_desk import SwarmDesk

TRACKER = "udp://tracker.example.org:1337/announce"


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize("kind", ["socks5h", "http"])
def test_trackers_and_peers_are_reached_through_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    desk = SwarmDesk(tmp_path)
    torrent = desk.torrent()
    with Proxy() as proxy, desk.swarm(torrent) as swarm:
        monkeypatch.setenv("ALL_PROXY", f"{kind}://{proxy.address}")
        desk.fetch(torrent.magnet(swarm.tracker.url))
        seed = ":".join(map(str, swarm.seeds[0].address))
        assert seed in proxy.targets
        assert any(swarm.tracker.url.split("/")[2] in each for each in proxy.targets)
    assert desk.part == desk.content


def test_without_one_nothing_is_set() -> None:
    assert through([TRACKER]) == {}


def test_all_goes_before_https_and_https_before_http(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://one.example:3128")
    assert through([TRACKER])["proxy_hostname"] == "one.example"
    monkeypatch.setenv("HTTPS_PROXY", "http://two.example:3128")
    assert through([TRACKER])["proxy_hostname"] == "two.example"
    monkeypatch.setenv("ALL_PROXY", "socks5h://me:s%20cret@three.example")
    found = through([TRACKER])
    assert (found["proxy_type"], found["proxy_port"]) == (3, 1080)
    assert (found["proxy_username"], found["proxy_password"]) == ("me", "s cret")
    assert "enable_dht" not in found


def test_the_table_is_not_asked_past_an_http_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALL_PROXY", "one.example:3128")
    assert through([TRACKER])["enable_dht"] is False


def test_a_swarm_that_needs_none_is_spoken_to_directly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALL_PROXY", "socks5h://one.example")
    monkeypatch.setenv("NO_PROXY", "example.org")
    assert through([TRACKER]) == {}
    assert through([TRACKER, "http://elsewhere.example/announce"])
    assert through([])


def test_a_proxy_that_swarms_cannot_use_is_said_and_nothing_goes_past_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ALL_PROXY", "https://one.example")
    with pytest.raises(SourceRefused, match="a proxy of the kind https") as told:
        through([TRACKER])
    assert "NO_PROXY" in (told.value.hint or "")
