"""Whether the connection costs by the byte: as the person says, else as NetworkManager thinks."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping

VARIABLE = "HERD_METERED"
_QUESTION = (
    *("get-property", "org.freedesktop.NetworkManager", "/org/freedesktop/NetworkManager"),
    *("org.freedesktop.NetworkManager", "Metered"),
)
_PATIENCE = 1.0
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
