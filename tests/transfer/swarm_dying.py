"""A process that fetches from a swarm, says how far it is, and is killed by a test.

python -m tests.transfer.swarm_dying PART SIZE SHA256 INFO_HASH TRACKER HOST [MIRROR]

A mirror stays ahead of the swarm however small the file and however slow it is.
"""

from __future__ import annotations

import sys
import threading
from pathlib import Path

from herd.model import File, InfoHash, MagnetSource, Sha256, UrlSource
from herd.progress import Gauge, Stage
from herd.transfer import Staged, Wish, swarm_lead
from herd.transfer.swarm import TorrentCarrier


def main() -> None:
    part, size, sha256, v1, tracker, host, *mirrors = sys.argv[1:]
    swarm_lead.WORTH = swarm_lead.FAST = swarm_lead.BUSY = 0
    swarm_lead.PROOF = 60.0
    others = tuple(UrlSource(each) for each in mirrors)
    magnet = MagnetSource(v1=InfoHash(v1), trackers=(tracker,))
    file = File("model.gguf", (magnet,), int(size), Sha256(sha256))
    gauge = Gauge()
    wish = Wish(file, magnet, Staged(Path(part)), gauge, others=others)
    threading.Thread(target=TorrentCarrier(interface=host).fetch, args=(wish,), daemon=True).start()
    while True:
        shown = gauge.read()
        sys.stdout.write(f"{shown.done if shown.stage is Stage.FETCHING else 0}\n")
        sys.stdout.flush()
        threading.Event().wait(0.02)


main()
