"""The real command line over a herd whose carrier and engine are fakes, as a process of its own.

FAKE_CARRIER_GATE and FAKE_ENGINE_GATE name files: until they exist, the second half of a
fetch and everything after the first word of an answer are held back.
"""

from __future__ import annotations

import os
import sys
import threading
from pathlib import Path

from herd import cli
from herd.core import Herd
from tests.cli.calling import URL
from tests.tools.fakes import GGUF, FakeCarrier, FakeEngine, herd_at

COMMAND = (sys.executable, "-m", "tests.cli.fake_herd")


class FileGate(threading.Event):
    """Is set once its file exists."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = path

    def wait(self, timeout: float | None = None) -> bool:
        if self._path.exists():
            self.set()
        return super().wait(timeout)


def make() -> Herd:
    carrier, engine = FakeCarrier({URL: GGUF}), FakeEngine()
    if path := os.environ.get("FAKE_CARRIER_GATE"):
        carrier.gates[URL] = FileGate(Path(path))
    if path := os.environ.get("FAKE_ENGINE_GATE"):
        engine.gate = FileGate(Path(path))
    return herd_at(Path(os.environ["HERD_HOME"]), carrier, engine)


if __name__ == "__main__":
    sys.exit(cli.main(make=make))
