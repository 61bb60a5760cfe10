"""The .torrent of a magnet from where the magnet says that it is (`xs`), while the swarm is asked.

It is a stranger's file like any other: small, and held to the magnet's info hash.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from typing import Self

from herd.errors import Interrupted, SourceFailed, SourceRefused

log = logging.getLogger(__name__)

GetSmall = Callable[[str, threading.Event], bytes]
"""A small file from an address; ends early when the event is set."""


class Exact:
    """Asks one address after the other in a thread; a context manager that ends it."""

    def __init__(
        self, addresses: Sequence[str], get: GetSmall, is_right: Callable[[bytes], bool]
    ) -> None:
        """Begins nothing.

        Args:
            addresses: Where to ask.
            get: Brings what is there.
            is_right: Whether it is the torrent that is meant; raises SourceRefused if it is none.
        """
        self.raw: bytes | None = None
        """The .torrent, once it is here."""
        self.troubles: tuple[str, ...] = ()
        """Why it did not come from the addresses that were asked, a clause for each."""
        self._addresses = addresses
        self._get = get
        self._is_right = is_right
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="herd-exact", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        for address in self._addresses:
            try:
                raw = self._get(address, self._stop)
                if self._is_right(raw):
                    self.raw = raw
                    return
                raise SourceRefused("it is another torrent than the magnet's")
            except Interrupted:
                return
            except SourceFailed as failure:
                log.warning("its .torrent did not come: %s", failure.message)
                self.troubles += (f"its .torrent did not come: {failure.message}",)
            except Exception:  # the top of a thread: nobody above would see it
                log.exception("asking for a .torrent")  # not where: an address may have a key in it
