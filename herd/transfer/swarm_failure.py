"""Why a swarm did not deliver, in words; and with it why each of its mirrors did not."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from herd.errors import HerdError, SourceFailed
from herd.model import Source
from herd.transfer.carrier import EachFailed, Mismatch
from herd.transfer.mirrors import Standing
from herd.transfer.part import trouble
from herd.transfer.swarm_watch import Reports
from herd.words import duration


def silence(reports: Reports, waited: float, troubles: Iterable[str] = ()) -> SourceFailed:
    """Nobody gave the metadata of a magnet within so many seconds.

    Args:
        reports: What trackers said.
        waited: Seconds.
        troubles: Why its .torrent did not come from where the magnet says that it is.
    """
    why = "; ".join((reports.sentence, *troubles))
    return SourceFailed(
        f"nobody gave the metadata within {duration(waited)} ({why})",
        "The swarm may be dead; try again later or name another source.",
    )


def stall(reports: Reports, waited: float) -> SourceFailed:
    """No byte came for so many seconds."""
    return SourceFailed(
        f"nothing came for {duration(waited)} ({reports.sentence})",
        "Run the same command again to go on; what was fetched is kept.",
    )


def broken(reports: Reports, place: Path) -> HerdError | None:
    """Why libtorrent stopped, if it did: the disk, or the torrent itself.

    Args:
        reports: What it said.
        place: The folder that it writes to.
    """
    if reports.disk is not None:
        return trouble(place, OSError(reports.disk.errno, reports.disk.words))
    if reports.flaw:
        return SourceFailed(f"the torrent does not hold together ({reports.flaw})")
    return None


def together(
    swarm: Source,
    failure: HerdError,
    lost: HerdError | None,
    mirrors: Sequence[Source],
    out: Iterable[tuple[Source, HerdError]],
) -> HerdError:
    """The swarm's failure, and that of each mirror that took part.

    Args:
        swarm: The swarm.
        failure: Its own.
        lost: What the mirrors failed by together, where they fetched by themselves.
        mirrors: Those of the wish.
        out: Mirrors at the seam that are out, and why.
    """
    if not isinstance(failure, SourceFailed):
        return failure  # the disk: nobody else would do better
    each: list[tuple[Source, HerdError]] = [(swarm, failure)]
    if isinstance(lost, EachFailed | Mismatch) and lost.each:
        each += lost.each
    elif lost is not None:
        each += [(source, lost) for source in mirrors[:1]]
    else:
        each += out
    return failure if len(each) == 1 else EachFailed(tuple(each))


def failed(
    standings: Iterable[Standing], lost: HerdError | None, mirrors: Sequence[Source]
) -> list[tuple[Source, HerdError]]:
    """The mirrors that are out; those that only a whole fetch can use are not.

    Args:
        standings: Those at the seam.
        lost: What the mirrors failed by together, where they fetched by themselves.
        mirrors: Those of the wish. Who of several brought a wrong file may not be known.
    """
    each: list[tuple[Source, HerdError]] = []
    if isinstance(lost, EachFailed | Mismatch) and lost.each:
        each += lost.each
    elif lost is not None and len(mirrors) == 1:
        each.append((mirrors[0], lost))
    each += [(one.source, one.out) for one in standings if one.out and not one.is_single]
    return each
