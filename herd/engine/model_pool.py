"""Who lives in the engine: models that are warm, one that arrives, a process for the next.

A model has a process of its own, so that one that dies takes no other with it, and so that
its memory is really given back when it leaves. A process takes a tenth of a second to be
ready to load; so one is started beforehand when nothing else is going on.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from herd.engine.memory import available
from herd.engine.process import Process
from herd.engine.residents import Phase, Resident, State, leavers
from herd.errors import EngineFailed, HerdError, Interrupted

RESERVE = 256 << 20
"""Bytes that stay free for everybody else."""

_TICK = 0.5
_QUIET = 1.0
"""Seconds without anything to do after which a process is started for the next model."""


class ModelPool:
    """The residents of one engine."""

    def __init__(self, command: tuple[str, ...], log: Path, keep_alive: float | None) -> None:
        self._command = command
        self._log = log
        self._keep_alive = keep_alive
        self._lock = threading.RLock()
        self._residents: list[Resident] = []
        self._broken: dict[str, State] = {}
        self._spare: Process | None = None
        self._over = threading.Event()
        self._keeper: threading.Thread | None = None

    def warm(self) -> list[Resident]:
        """Those that can answer at once."""
        with self._lock:
            return [each for each in self._residents if each.is_warm]

    def on_gpus(self) -> list[Resident]:
        """Those of which layers lie on a GPU."""
        return [each for each in self.warm() if each.ready and each.ready.gpu_layers]

    def named(self, reference: str) -> list[Resident]:
        """Those of this name."""
        with self._lock:
            return [each for each in self._residents if each.reference == reference]

    def find(self, serves: Callable[[object], bool]) -> Resident | None:
        """The one whose key serves; those that died meanwhile are forgotten."""
        with self._lock:
            gone = [each for each in self._residents if not each.process.is_alive]
            for each in gone:
                self._residents.remove(each)
            return next((each for each in self.warm() if serves(each.key)), None)

    def states(self) -> tuple[State, ...]:
        """Everyone, the last used first, then what broke."""
        with self._lock:
            living = [each for each in self._residents if each.process.is_alive]
            living.sort(key=lambda each: each.used, reverse=True)
            broken = list(self._broken.values())
        return (*(each.state for each in living), *broken)

    @contextmanager
    def arriving(
        self, reference: str, key: object, needed: Callable[[], int]
    ) -> Iterator[Resident]:
        """A process for a model that is loaded in the block; it stays if that goes well.

        Others leave first if it needs their memory, and so does an older one of its name.

        Raises:
            EngineFailed: the system starts no process.
        """
        older = self.named(reference)
        self.dismiss(older)
        if others := self.warm():
            self.dismiss(leavers(others, needed() + RESERVE, available()))
        resident = Resident(reference, key, self._process(), self._keep_alive)
        with self._lock:
            self._broken.pop(reference, None)
            self._residents.append(resident)
        try:
            yield resident
        except HerdError as error:
            self.broke(resident, error)
            raise
        except BaseException:
            self.dismiss([resident])
            raise
        self.rest(resident)

    def broke(self, resident: Resident, error: HerdError) -> None:
        """It did not load, or died: it is remembered why, and a sound process is kept."""
        with self._lock:
            if resident in self._residents:
                self._residents.remove(resident)
            if not isinstance(error, Interrupted):
                self._broken[resident.reference] = State(
                    resident.reference, Phase.BROKEN, reason=error.message
                )
            if resident.process.is_alive and resident.ready is None and not self._spare:
                self._spare = resident.process
                return
        resident.process.close()

    def rest(self, resident: Resident) -> None:
        """It is done with what it did."""
        resident.rest()
        with self._lock:
            if resident in self._residents:
                self._keep()

    def dismiss(self, leaving: Sequence[Resident]) -> bool:
        """End their processes; whether there were any."""
        with self._lock:
            for each in leaving:
                if each in self._residents:
                    self._residents.remove(each)
        for each in leaving:
            each.process.close()
        return bool(leaving)

    def prepare(self) -> Process:
        """The process for the next model; it starts if none is at hand."""
        with self._lock:
            if not self._spare or not self._spare.is_alive:
                self._spare = Process(self._command, self._log)
            return self._spare

    def close(self) -> None:
        """End every process."""
        self._over.set()
        keeper = self._keeper
        if keeper:
            keeper.join()  # it may be about to start a process
        with self._lock:
            leaving, self._residents = self._residents, []
            spare, self._spare = self._spare, None
            self._broken.clear()
            self._keeper = None
        threads = [
            threading.Thread(target=process.close)
            for process in [*(each.process for each in leaving), *([spare] if spare else [])]
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def _process(self) -> Process:
        with self._lock:
            spare, self._spare = self._spare, None
        return spare if spare and spare.is_alive else Process(self._command, self._log)

    def _keep(self) -> None:
        """Have somebody look after the house from now on."""
        if self._keeper is None:
            self._over = threading.Event()
            self._keeper = threading.Thread(
                target=self._look_after, args=[self._over], name="keeper", daemon=True
            )
            self._keeper.start()

    def _look_after(self, over: threading.Event) -> None:
        while not over.wait(_TICK):
            now = time.monotonic()
            with self._lock:
                residents = list(self._residents)
            self.dismiss([each for each in residents if each.is_over(now)])
            is_quiet = all(not each.is_busy and now - each.used > _QUIET for each in residents)
            if residents and is_quiet and not over.is_set():
                try:
                    self.prepare()
                except EngineFailed:
                    continue  # the next question says what is wrong
