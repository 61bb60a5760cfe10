"""`herd` with less patience, so that it runs out within a test; else as it is.

    python -m tests.faults.hasty_herd install NAME

Where HERD_FAULTS_PUBLIC names an address, that one counts as of the public internet. Where
HERD_FAULTS_ALERTS is a number, libtorrent keeps no more alerts than that and drops the others.
"""

from __future__ import annotations

import os
import sys

from herd.cli import main
from herd.config import Config
from herd.core import Herd
from herd.model import HfSource, MagnetSource, TorrentSource, UrlSource
from herd.transfer import Transfer, swarm_settings
from herd.transfer.download import HttpCarrier
from herd.transfer.patience import Patience
from herd.transfer.reach import Kind, Reach, kind_of
from herd.transfer.swarm import TorrentCarrier
from herd.transfer.swarm_watch import SwarmPatience

LITTLE = Patience(
    connect=5,
    first_byte=3,
    slow_for=1.5,
    first_wait=0.05,
    longest_wait=0.2,
    longest_asked=2,
    attempts=3,
    outage=0,
)
LITTLE_OF_SWARMS = SwarmPatience(metadata=3, stalled=4, banned=1)


def kind(address: str) -> Kind:
    """Where an address lies, to this run."""
    return Kind.PUBLIC if address == os.environ.get("HERD_FAULTS_PUBLIC") else kind_of(address)


def hasty(config: Config) -> Transfer:
    """The carriers of herd, with less patience."""
    http = HttpCarrier(LITTLE, lambda url: Reach(url, kind=kind), config.connections)
    swarm = TorrentCarrier(LITTLE_OF_SWARMS, dht=False, mirror_patience=LITTLE)
    return Transfer({UrlSource: http, HfSource: http, MagnetSource: swarm, TorrentSource: swarm})


if __name__ == "__main__":
    if number := os.environ.get("HERD_FAULTS_ALERTS"):
        swarm_settings._BOUNDS["alert_queue_size"] = int(number)
    sys.exit(main(make=lambda: Herd(transfer=hasty)))
