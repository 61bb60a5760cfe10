"""herd and other people's clients understand each other: aria2c and transmission."""

from __future__ import annotations

import json
import os
import socket
import sys
from pathlib import Path

import pytest

from herd.install import Order
from herd.model import File
from herd.share import Making, Share, Terms
from herd.transfer.swarm import TorrentCarrier
from herd.transfer.swarm_settings import Sharing
from tests.tools.fakes import FakeCarrier, herd_at, registry_text
from tests.tools.foreign import need, pair, running
from tests.tools.swarm import noise, own_host
from tests.tools.swarm_tracker import HttpTracker
from tests.tools.wait import until
from tests.transfer.swarm_desk import CALM, SwarmDesk

ALONE = ("--enable-dht=false", "--enable-dht6=false", "--bt-enable-lpd=false", "--no-conf=true")
URL = "https://models.example.org/tiny.gguf"


@pytest.fixture
def swarm_desk(tmp_path: Path) -> SwarmDesk:
    return SwarmDesk(tmp_path)


def test_a_file_comes_from_aria2c(swarm_desk: SwarmDesk, tmp_path: Path) -> None:
    need("aria2c")
    torrent = swarm_desk.torrent()
    (tmp_path / "some.torrent").write_bytes(torrent.raw)
    port = _free_port()
    seeding = [
        *("aria2c", *ALONE, "--check-integrity=true", "--seed-ratio=0"),
        *(f"--listen-port={port}", f"--dir={swarm_desk.shelf}", str(tmp_path / "some.torrent")),
    ]
    with running(seeding, tmp_path / "aria2.log"), HttpTracker(("127.0.0.1", port)) as tracker:
        until(lambda: _listens("127.0.0.1", port), 30)
        swarm_desk.fetch(torrent.magnet(tracker.url))
    assert swarm_desk.part == swarm_desk.content


def test_a_file_comes_from_transmission(swarm_desk: SwarmDesk, tmp_path: Path) -> None:
    need("transmission-cli")
    torrent = swarm_desk.torrent()
    (tmp_path / "some.torrent").write_bytes(torrent.raw)
    settings = tmp_path / "transmission"
    settings.mkdir()
    private = {"dht-enabled": False, "lpd-enabled": False, "utp-enabled": False}
    (settings / "settings.json").write_text(json.dumps(private))
    with pair() as network:
        seeding = network.inside(
            *("transmission-cli", "--no-portmap", "--verify", "--port", "51413"),
            *("--config-dir", str(settings), "--download-dir", str(swarm_desk.shelf)),
            str(tmp_path / "some.torrent"),
        )
        with (
            running(seeding, tmp_path / "transmission.log"),
            HttpTracker((network.there, 51413), host=network.here) as tracker,
        ):
            until(lambda: _listens(network.there, 51413), 30)
            magnet = torrent.magnet(tracker.url)
            TorrentCarrier(CALM, interface=network.here).fetch(swarm_desk.wish(magnet))
    assert swarm_desk.part == swarm_desk.content


def test_aria2c_gets_what_herd_shares_by_the_magnet_that_it_prints(tmp_path: Path) -> None:
    need("aria2c")
    content = b"GGUF" + noise(3_000_000)
    (tmp_path / "registries").mkdir()
    (tmp_path / "registries" / "test.yaml").write_text(registry_text(URL, content))
    herd = herd_at(tmp_path, FakeCarrier({URL: content}))
    tiny = herd.installer.install(Order(herd.choose("tiny"))).installed
    theirs = tmp_path / "theirs"
    with HttpTracker() as tracker:
        (offer,) = herd.sharer.offers(tiny, Making((tracker.url,)))
        host = own_host()
        with Share((offer,), herd.sharer.blob, Sharing(host), Terms()) as sharing:
            until(lambda: sharing.port > 0)
            tracker.peers.append((host, sharing.port))
            fetching = ["aria2c", *ALONE, "--seed-time=0", f"--dir={theirs}", offer.magnet]
            with running(fetching, tmp_path / "aria2.log") as process:
                until(lambda: process.poll() is not None, 60)
            assert process.returncode == 0
            assert sharing.look()[0].uploaded >= len(content)
    assert (theirs / "tiny.gguf").read_bytes() == content


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def _listens(host: str, port: int) -> bool:
    try:
        socket.create_connection((host, port), 0.5).close()
    except OSError:
        return False
    return True


def test_what_another_machine_shares_on_the_network_is_found_without_a_tracker(
    tmp_path: Path,
) -> None:
    content = b"GGUF" + noise(3_000_000)
    (tmp_path / "registries").mkdir()
    (tmp_path / "registries" / "test.yaml").write_text(registry_text(URL, content))
    herd = herd_at(tmp_path, FakeCarrier({URL: content}))
    tiny = herd.installer.install(Order(herd.choose("tiny"))).installed
    (offer,) = herd.sharer.offers(tiny, Making())
    desk_at = tmp_path / "desk"
    desk_at.mkdir()
    desk = SwarmDesk(desk_at)
    with pair() as network:
        environ = ["env", f"HERD_HOME={tmp_path}", f"PYTHONPATH={os.pathsep.join(sys.path)}"]
        sharing = network.inside(
            *environ, sys.executable, "-m", "herd", "share", "tiny", "--lan-only"
        )
        with running(sharing, tmp_path / "share.log"):
            until(lambda: "Sharing 1 file" in (tmp_path / "share.log").read_text(), 30)
            source = offer.made.magnet
            file = File("tiny.gguf", (source,), len(content))
            TorrentCarrier(CALM, lan=True, dht=False, interface=network.here).fetch(
                desk.wish(source, file)
            )
    assert desk.part == content
