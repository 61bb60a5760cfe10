"""The model in a .torrent that lies on this machine: its name and size, before anything moves."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from herd import disk
from herd.errors import BadUsage, SourceRefused
from herd.model import File, Source, TorrentSource

if TYPE_CHECKING:
    from herd.transfer.torrent_contents import Entry


def model_in(source: Source) -> Entry | None:
    """What the .torrent says; None where it lies elsewhere, or libtorrent is not there.

    Raises:
        SourceRefused: there is no telling which file is the model, or the .torrent is a trap.
        BadUsage: it cannot be read.
    """
    if not isinstance(source, TorrentSource) or "://" in source.location:
        return None
    from herd.transfer import torrent

    if torrent.lt is None:
        return None  # whoever is to fetch it says what is missing
    path = Path(source.location)
    try:
        with disk.ordinary(path) as stream:
            found = torrent.read(stream.read(torrent.MOST_BYTES + 1))
        return found.entries[found.entry_of(File(path.name, (source,)))]
    except OSError as error:
        raise BadUsage(f"{path} does not read: {error.strerror}.") from error
    except SourceRefused as error:
        raise SourceRefused(f"{path.name} was refused: {error.message}.", error.hint) from error
