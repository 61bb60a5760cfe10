"""herd and other people's clients understand each other: aria2c and transmission."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

from herd.install import Order
from herd.model import File
from herd.share import Making
from herd.transfer.swarm import TorrentCarrier
from tests.tools.fakes import FakeCarrier, herd_at, registry_text
from tests.tools.foreign import need, pair, running
from tests.tools.swarm import noise
from tests.tools.swarm_tracker import HttpTracker
from tests.tools.wait import until
from tests.transfer.swarm_desk import CALM, SwarmDesk

ALONE = ("--enable-dht=false", "--enable-dht6=false", "--bt-enable-lpd=false", "--no-conf=true")
URL = "https://models.example.org/tiny.gguf"


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
    herd.installer.install(Order(herd.choose("tiny")))
    theirs, port = tmp_path / "theirs", _free_port()
    with HttpTracker() as tracker:
        words = ["--tracker", tracker.url, "--port", str(port), "--ratio", "1"]
        sharing = [sys.executable, "-m", "herd", "share", "tiny", *words]
        environ = {**os.environ, "HERD_HOME": str(tmp_path)}
        with subprocess.Popen(sharing, env=environ, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            magnet = process.stdout.readline().strip()
            until(lambda: tracker.announces != [], 60)
            tracker.peers.append(("127.0.0.1", port))
            fetching = ["aria2c", *ALONE, "--seed-time=0", f"--dir={theirs}", magnet]
            with running(fetching, tmp_path / "aria2.log") as client:
                until(lambda: client.poll() is not None, 60)
            assert process.wait(30) == 0, "it gave the file once, as it was told"
    assert client.returncode == 0
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
