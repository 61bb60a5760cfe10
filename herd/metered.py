"""Whether the connection costs by the byte: as the person says, else as NetworkManager thinks."""

from __future__ import annotations

import os
import shutil
import subprocess
import threading
import time
from collections.abc import Mapping

VARIABLE = "HERD_METERED"
_QUESTION = (
    *("get-property", "org.freedesktop.NetworkManager", "/org/freedesktop/NetworkManager"),
    *("org.freedesktop.NetworkManager", "Metered"),
)
_PATIENCE = 1.0
_EVERY = 30.0
"""Seconds between two questions."""
_YES = ("u 1", "u 3")
"""NM_METERED_YES and NM_METERED_GUESS_YES."""


def is_metered(environ: Mapping[str, str] | None = None) -> bool:
    """Whether it is; where nobody knows, it is not."""
    said = (os.environ if environ is None else environ).get(VARIABLE, "").strip().lower()
    if said:
        return said not in ("0", "no", "false")
    command = shutil.which("busctl")
    if command is None:
        return False
    try:
        found = subprocess.run(
            [command, *_QUESTION], capture_output=True, text=True, timeout=_PATIENCE, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return found.stdout.strip() in _YES


class Metered:
    """What was last heard of it: the question may take a second, reading it takes none."""

    def __init__(self) -> None:
        self._asked = float("-inf")
        self._was = False
        self._lock = threading.Lock()

    @property
    def was(self) -> bool:
        """Whether it was, when that was asked last."""
        return self._was

    def ask(self) -> None:
        """Ask anew where that was not done for long; never under a lock that others wait for."""
        with self._lock:
            if time.monotonic() - self._asked > _EVERY:
                self._was = is_metered()
                self._asked = time.monotonic()
