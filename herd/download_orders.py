"""Between an order and its line in the list of downloads: how to ask for the same again."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

from herd.config import Config
from herd.downloads import Asked, Download, Downloads, Wanted
from herd.errors import HerdError
from herd.install import Order
from herd.job import Job, Rest
from herd.model import Choice
from herd.progress import Stage
from herd.resolve import Promise
from herd.rules import Rules, hours


def asked_for(order: Order, text: str, promise: Promise | None) -> Asked:
    """What the person asked for, so that it can be asked for again."""
    said = promise or Promise()
    return Asked(
        text,
        said.sha256,
        said.name,
        said.template,
        order.is_licence_accepted,
        order.keeps_original,
    )


def order_of(entry: Download, choose: Callable[[str, Promise], Choice]) -> Order:
    """The order of a download that was begun.

    Raises:
        HerdError: it cannot be asked for any more: its registry is gone, its path is.
    """
    asked = entry.asked
    return Order(
        choose(asked.text, Promise(asked.sha256, asked.saved_as, asked.template)),
        is_licence_accepted=asked.is_licence_accepted,
        keeps_original=asked.keeps_original,
    )


def restored(
    downloads: Downloads,
    name: str | None,
    choose: Callable[[str, Promise], Choice],
    start: Callable[[Order, Asked, Wanted, Rest], Job],
) -> tuple[Job, ...]:
    """Take over the downloads that no living process runs.

    Args:
        downloads: The list.
        name: Of the one that is meant; None: all.
        choose: What a text stands for. One that stands for nothing any more stays in the list.
        start: Makes a job of an order.
    """
    jobs = []
    for entry in downloads.all():
        if not entry.is_owned and name in (None, entry.name):
            with suppress(HerdError):
                order = order_of(entry, choose)
                order.gauge.begin(Stage.WAITING, entry.total, entry.done)
                jobs.append(start(order, entry.asked, entry.wanted, rest_of(entry)))
    return tuple(jobs)


def rest_of(entry: Download) -> Rest:
    """As what a download of an earlier process rests: paused where the person said so, or quit."""
    match entry.stage:
        case Stage.FAILED:
            return Rest(Stage.FAILED, entry.note)
        case Stage.PAUSED:
            return Rest(why=entry.note)
        case _:
            return Rest()


def rules_of(config: Config) -> Rules:
    """What the configuration says of downloads."""
    return Rules(
        at_once=config.downloads_at_once,
        limit=config.download_limit,
        upload_limit=config.upload_limit,
        chatting_limit=config.chatting_limit,
        hours=hours(config.download_hours),
        pauses_metered=config.pause_metered,
    )
