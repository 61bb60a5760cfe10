"""Asking what installs may move in a second: all together, while a model answers, or one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from herd.config_file import put
from herd.errors import HerdError
from herd.job import Job
from herd.words import bytes_of, rate
from herd_tui.screens.ask import Ask
from herd_tui.widgets.transfers import Limited
from herd_tui.work import beside

if TYPE_CHECKING:
    from herd_tui.app import HerdApp
    from herd_tui.elsewhere import Elsewhere


def ask(app: HerdApp, of: Limited, one: Job | Elsewhere | None) -> None:
    """Ask for a limit and set it.

    Args:
        app: Who asks.
        of: What is limited.
        one: Which install, where it is of one.
    """
    jobs = app.herd.jobs
    always, chatting = jobs.limits
    name = one.name if one else ""
    title, now = {
        Limited.ALL: ("All installs together may fetch", always),
        Limited.CHATTING: ("All installs together may fetch while a model answers", chatting),
        Limited.UPLOAD: ("All installs together may give to their swarms", jobs.upload_limit),
        Limited.ONE: (f"{name} may fetch", one.limit if one else None),
        Limited.UPLOAD_ONE: (f"{name} may give to its swarm", one.upload_limit if one else None),
    }[of]

    def answered(text: str | None) -> None:
        if text is not None:
            _set(app, text, of, one)

    question = Ask(
        title, rate(now) if now else "", "1.5 is 1.5 MB/s, 500k is 500 kB/s; 0: as fast as it goes"
    )
    app.push_screen(question, answered)


def _set(app: HerdApp, text: str, of: Limited, one: Job | Elsewhere | None) -> None:
    limit = bytes_of(f"{text}MB" if text[-1:].isdigit() else text)
    if limit is None:
        app.complain(HerdError(f"{text} is no rate.", "Write MB/s, as 1.5, or 500k."))
        return
    jobs = app.herd.jobs
    match of:
        case Limited.ALL:
            jobs.set_limit(limit or None)
        case Limited.UPLOAD:
            jobs.set_upload_limit(limit or None)
        case Limited.CHATTING:
            jobs.set_chatting_limit(limit)
            path = app.herd.places.config_file
            beside(app, lambda: put(path, "chatting_limit", limit), lambda _: None, group="config")
        case Limited.ONE | Limited.UPLOAD_ONE:
            _set_one(app, limit or None, one, goes_out=of is Limited.UPLOAD_ONE)
    app.glance()


def _set_one(
    app: HerdApp, limit: int | None, one: Job | Elsewhere | None, *, goes_out: bool
) -> None:
    if isinstance(one, Job):
        jobs = app.herd.jobs
        (jobs.set_upload_limit if goes_out else jobs.set_limit)(limit, one)
    elif one is not None:
        listed, name = app.herd.downloads, one.name  # whoever runs it reads that within a second
        change = listed.set_upload_limit if goes_out else listed.set_limit
        beside(app, lambda: change(name, limit), lambda _: None, group="limit")
