"""A process that fetches from a swarm, says how far it is, and is killed by a test.

python -m tests.transfer.swarm_dying PART SIZE SHA256 INFO_HASH TRACKER HOST
"""

from __future__ import annotations

import sys
import threading
from pathlib import Path

from herd.model import File, InfoHash, MagnetSource, Sha256
from herd.progress import Gauge, Stage
from herd.transfer import Staged, Wish
from herd.transfer.swarm import TorrentCarrier


def main() -> None:
    part, size, sha256, v1, tracker, host = sys.argv[1:]
    magnet = MagnetSource(v1=InfoHash(v1), trackers=(tracker,))
    file = File("model.gguf", (magnet,), int(size), Sha256(sha256))
    gauge = Gauge()
    wish = Wish(file, magnet, Staged(Path(part)), gauge)
    threading.Thread(target=TorrentCarrier(interface=host).fetch, args=(wish,), daemon=True).start()
    while True:
        shown = gauge.read()
        sys.stdout.write(f"{shown.done if shown.stage is Stage.FETCHING else 0}\n")
        sys.stdout.flush()
        threading.Event().wait(0.02)


main()
