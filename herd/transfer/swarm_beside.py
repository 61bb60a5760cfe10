"""HTTP at work beside a swarm, while nobody has given a magnet's metadata yet, or in its place."""

from __future__ import annotations

import logging
import threading
from dataclasses import replace
from typing import Self

from herd.errors import DigestMismatch, HerdError, Interrupted, SourceFailed
from herd.transfer.carrier import Carrier, Delivery, Wish

log = logging.getLogger(__name__)

HEAD_START = 0.25
"""Seconds that a swarm has to give the metadata before a mirror is asked."""

WORTH = 16 * 1024 * 1024
"""Bytes that mirrors brought before anybody knew the hashes of the pieces for which a session is
begun anew: the next one checks them."""


class CameOtherwise(Exception):  # no error: it ends the swarm's part
    """Mirrors delivered the whole file without the swarm, or what it had left."""

    def __init__(self, delivery: Delivery) -> None:
        super().__init__()
        self.delivery = delivery


class Beside:
    """A fetch from the mirrors of a wish, in a thread; a context manager that ends it."""

    def __init__(self, wish: Wish, http: Carrier, head_start: float = HEAD_START) -> None:
        """Begins nothing.

        Args:
            wish: Its other sources are the mirrors.
            http: Brings files from mirrors.
            head_start: Seconds that it waits before a mirror is asked.
        """
        self._stop = threading.Event()
        self._wish = replace(wish, source=wish.others[0], others=wish.others[1:], stop=self._stop)
        self._http = http
        self._head_start = head_start
        self._thread = threading.Thread(target=self._run, name="herd-beside", daemon=True)
        self._fatal: HerdError | None = None
        self.delivery: Delivery | None = None
        """The whole file, if the mirrors were quicker than the swarm."""
        self.failure: SourceFailed | DigestMismatch | None = None
        """Why the mirrors do not deliver."""

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    @property
    def is_running(self) -> bool:
        """Whether the mirrors may still deliver."""
        return self._thread.is_alive()

    def await_end(self, seconds: float) -> None:
        """Wait until the mirrors delivered or never will, at most so long."""
        self._thread.join(seconds)

    def check(self) -> None:
        """Raise what no other source could mend: the disk, or a slip of herd's own.

        Raises:
            NoRoom, CannotWrite: the disk.
        """
        if self._fatal is not None:
            raise self._fatal

    def _run(self) -> None:
        # A swarm that is near answers before a server would have.
        if self._stop.wait(self._head_start):
            return
        try:
            self.delivery = self._http.fetch(self._wish)
        except Interrupted:
            pass  # the metadata is here, or the person wants it to end
        except (SourceFailed, DigestMismatch) as failure:
            self.failure = failure
        except HerdError as error:
            self._fatal = error
        except Exception as error:  # the top of a thread: nobody above would see it
            log.exception("fetching %s beside a magnet", self._wish.file.name)
            self._fatal = HerdError(f"Fetching failed: {error}.", "herd.log has the details.")
