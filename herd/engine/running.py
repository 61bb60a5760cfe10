"""Loaded models show themselves: a small file for each process, which `herd ps` reads.

So a model is seen, and can be let go, whichever herd has it: the app, `herd run`, a server.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from herd.engine.memory import held_by
from herd.engine.values import Ready

_LARGEST = 1 << 16


@dataclass(frozen=True)
class Running:
    """A model that is loaded on this machine, by whichever herd."""

    reference: str
    pid: int
    """Of the process that has it."""
    owner: int
    """The process that started that one."""
    phase: str
    used_at: float
    """Seconds since the epoch."""
    ready: Ready
    memory: int = 0
    """Bytes."""


class Presence:
    """The file of this process."""

    def __init__(self, folder: Path, ready: Ready) -> None:
        self._path = folder / f"{os.getpid()}.json"
        self._ready = ready

    def show(self, phase: str) -> None:
        """Say what the model does now; where that cannot be written, nobody sees it."""
        said = Running(
            self._ready.reference, os.getpid(), os.getppid(), phase, time.time(), self._ready
        )
        new = self._path.with_suffix(".new")
        with contextlib.suppress(OSError):
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            new.write_text(json.dumps(asdict(said)))
            new.replace(self._path)

    def clear(self) -> None:
        """Be seen no longer."""
        with contextlib.suppress(OSError):
            self._path.unlink()


def running(folder: Path) -> tuple[Running, ...]:
    """Every model that is loaded; files of processes that are gone are removed."""
    found = []
    for path in sorted(folder.glob("*.json")):
        one = _read(path)
        if one and _is_engine(one.pid):
            found.append(one)
        else:
            with contextlib.suppress(OSError):
                path.unlink()
    return tuple(sorted(found, key=lambda one: one.used_at, reverse=True))


def let_go(one: Running) -> None:
    """Ask the process to end; what it is saying ends as stopped."""
    if _is_engine(one.pid):
        with contextlib.suppress(ProcessLookupError):
            os.kill(one.pid, signal.SIGTERM)


def _read(path: Path) -> Running | None:
    try:
        with path.open("rb") as file:
            said: dict[str, Any] = json.loads(file.read(_LARGEST))
        kept = {each.name: said["ready"][each.name] for each in fields(Ready)}
        ready = Ready(**kept | {"why": tuple(kept["why"])})
        one = Running(**said | {"ready": ready})
        return Running(**vars(one) | {"memory": held_by(one.pid).total})
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None


def _is_engine(pid: int) -> bool:
    """Whether the process is an engine's, and not another one that got the number since."""
    import psutil

    try:
        return "herd.engine.child" in psutil.Process(pid).cmdline()
    except (psutil.Error, ValueError):
        return False


def owners(found: tuple[Running, ...]) -> Iterator[str]:
    """What each of them was started by, as a person types it: `herd run`, `herd serve`, `herd`."""
    import psutil

    for one in found:
        try:
            words = psutil.Process(one.owner).cmdline()
        except psutil.Error:
            words = []
        yield typed(words)


def typed(words: Sequence[str]) -> str:
    """The command of these arguments, without what it was told: that may be a question."""
    names = [Path(word).name for word in words]
    if "herd" not in names:
        return " ".join(names[:2]) or "?"
    rest = words[names.index("herd") + 1 :]
    verb = next((word for word in rest if not word.startswith("-")), "")
    return f"herd {verb}".rstrip()
