"""`herd share`: print the magnets, give the files away until it is enough."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from herd.cli import completion, options
from herd.cli.session import Session
from herd.cli.verbs import Command
from herd.errors import BadUsage
from herd.words import bytes_of, count, rate, size

if TYPE_CHECKING:
    from herd.model import Installed
    from herd.share import Making, Offer, Share, Terms
    from herd.transfer.swarm_settings import Sharing
    from herd.transfer.swarm_watch import Given

TICK = 0.5
SAY_EVERY = 5.0
"""Seconds between two lines about what went out, at least."""


@click.command(cls=Command)
@click.argument("names", metavar="[NAME]...", nargs=-1, shell_complete=completion.installed)
@click.option("--all", "is_all", is_flag=True, help="Share every model that may be passed on.")
@click.option("--lan-only", is_flag=True, help="Let only your own networks have it.")
@click.option("--limit", metavar="RATE", help="The most that goes out: 2MB/s.")
@click.option("--ratio", type=click.FloatRange(0), metavar="R", help="Until R times the file.")
@click.option("--hours", type=click.FloatRange(0), metavar="H", help="Until H hours are over.")
@click.option("--tracker", "trackers", metavar="URL", multiple=True, help="Tell this tracker.")
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="Listen on this port.")
@click.option("--v2", is_flag=True, help="A BitTorrent v2 torrent: at once, for new clients only.")
@click.option(
    "--torrent",
    "path",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Write the .torrent, with the mirrors as web seeds, and stop.",
)
@options.talk
@options.with_session
def share(
    session: Session,
    names: tuple[str, ...],
    is_all: bool,
    lan_only: bool,
    limit: str | None,
    ratio: float | None,
    hours: float | None,
    trackers: tuple[str, ...],
    port: int,
    v2: bool,
    path: Path | None,
) -> None:
    """Give installed models away by BitTorrent.

    Prints a magnet for each file and seeds it straight from the store, until Ctrl-C or until
    --ratio or --hours is reached. Peers and trackers learn your address and what you share,
    and so does the DHT (unless `dht = false`). A model whose licence does not allow it is
    refused.
    """
    from herd.share import Making, Terms
    from herd.transfer.swarm_settings import Sharing

    if is_all == bool(names):
        raise BadUsage("Name the models to share, or --all.", "`herd list` shows what there is.")
    herd = session.herd
    models = herd.sharer.sharable() if is_all else tuple(herd.installed(each) for each in names)
    making = Making(trackers, is_v2=v2, has_web_seeds=path is not None)
    offers = _offers(session, models, making)
    if path is not None:
        _write(session, offers, path)
        return
    how = Sharing(
        port=port,
        is_lan_only=lan_only,
        dht=herd.config.dht,
        limit=_rate(limit) if limit else herd.config.upload_limit or None,
    )
    terms = Terms(ratio, None if hours is None else hours * 3600)
    _give(session, offers, how, terms)


def _offers(session: Session, models: tuple[Installed, ...], making: Making) -> list[Offer]:
    from herd.cli.task import done

    session.keep_log()
    sharer = session.herd.sharer

    def make() -> list[Offer]:
        return [offer for model in models for offer in sharer.offers(model, making)]

    return done(session, "share", making.gauge, making.stop, make)


def _write(session: Session, offers: list[Offer], path: Path) -> None:
    from herd.disk import write, writing

    if len(offers) != 1:
        raise BadUsage(
            f"--torrent writes one file, and these are {count(len(offers), 'file')}.",
            "Name one model of one file.",
        )
    with writing(path, "Name a file in a folder that is there and that you may write to."):
        write(path, offers[0].made.raw)
    session.answer(offers[0].magnet)
    session.say(f"Wrote {path}: {offers[0].file.name}, {size(offers[0].file.size)}.")
    if not (offers[0].made.magnet.trackers or offers[0].web_seeds):
        session.say(
            "It names neither a tracker nor a mirror, so whoever opens it finds nobody but in the "
            "DHT, where `herd share` tells of it; --tracker URL writes one in."
        )


def _give(session: Session, offers: list[Offer], how: Sharing, terms: Terms) -> None:
    from herd.share import Share

    if not offers:
        session.say("Nothing is installed that may be passed on.")
        return
    with Share(tuple(offers), session.herd.sharer.blob, how, terms) as sharing:
        peers = () if _told(offers, how) else sharing.neighbours()
        for offer in offers:
            is_near = how.is_lan_only or bool(peers)
            session.answer(offer.near(peers) if is_near else offer.magnet)
        session.say(_greeting(offers, how, names_this=bool(peers)))
        try:
            given = _until_over(session, sharing)
        except KeyboardInterrupt:
            given = sharing.look()
    session.say(f"Shared {size(sum(each.uploaded for each in given))} in all.")


def _until_over(session: Session, sharing: Share) -> tuple[Given, ...]:
    said, at = "", time.monotonic() - SAY_EVERY
    damaged: set[int] = set()
    while True:
        given = sharing.look()
        if all(each.is_over for each in given):
            return given
        for number, each in enumerate(given):
            if each.is_damaged and number not in damaged:
                damaged.add(number)
                name = sharing.offers[number].installed.name
                session.say(f"{name} is damaged and is shared no longer: `herd repair {name}`.")
        words = _words(given)
        if words != said and time.monotonic() - at >= SAY_EVERY:
            session.say(words)
            said, at = words, time.monotonic()
        time.sleep(TICK)


def _told(offers: list[Offer], how: Sharing) -> list[str]:
    """Who beyond the own network is told of it."""
    if how.is_lan_only:
        return []
    has_trackers = any(offer.made.magnet.trackers for offer in offers)
    return (["trackers"] if has_trackers else []) + (["the DHT"] if how.dht else [])


def _greeting(offers: list[Offer], how: Sharing, *, names_this: bool) -> str:
    whom = "your own networks" if how.is_lan_only else "everybody who has the magnet"
    pace = f", at most {rate(how.limit)}" if how.limit else ""
    if told := _told(offers, how):
        ways = f"It is told to {' and '.join(told)} and to your own network."
    elif names_this:
        ways = (
            "Only your own network is told of it, and the magnet says where this machine is there; "
            "--tracker URL tells others."
        )
    else:
        ways = (
            "Only your own network is told of it; --tracker URL tells others. "
            "Another herd looks there after `herd config lan true`."
        )
    return f"Sharing {count(len(offers), 'file')} with {whom}{pace}; Ctrl-C ends it. {ways}"


def _words(given: tuple[Given, ...]) -> str:
    peers = sum(each.peers for each in given)
    uploaded = sum(each.uploaded for each in given)
    return f"{count(peers, 'peer')}, {size(uploaded)} went out."


def _rate(text: str) -> int:
    if found := bytes_of(text):
        return found
    raise BadUsage(f"{text} is no rate.", "Write 500kB/s or 2MB/s.")
