"""Asking what all installs together may fetch in a second, always or while a model answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from herd.config_file import put
from herd.errors import HerdError
from herd.words import bytes_of, rate
from herd_tui.screens.ask import Ask
from herd_tui.work import beside

if TYPE_CHECKING:
    from herd_tui.app import HerdApp


def ask(app: HerdApp, *, while_chatting: bool) -> None:
    """Ask for a limit and set it."""
    always, chatting = app.herd.jobs.limits
    now = chatting if while_chatting else always
    when = " while a model answers" if while_chatting else ""

    def answered(text: str | None) -> None:
        if text is not None:
            _set(app, text, while_chatting=while_chatting)

    question = Ask(
        f"All installs together may fetch{when}",
        rate(now) if now else "",
        "1.5 is 1.5 MB/s, 500k is 500 kB/s; 0: as fast as it goes",
    )
    app.push_screen(question, answered)


def _set(app: HerdApp, text: str, *, while_chatting: bool) -> None:
    limit = bytes_of(f"{text}MB" if text[-1:].isdigit() else text)
    if limit is None:
        app.complain(HerdError(f"{text} is no rate.", "Write MB/s, as 1.5, or 500k."))
    elif while_chatting:
        app.herd.jobs.set_chatting_limit(limit)
        path = app.herd.places.config_file
        beside(app, lambda: put(path, "chatting_limit", limit), lambda _: None, group="config")
    else:
        app.herd.jobs.set_limit(limit or None)
    app.glance()
