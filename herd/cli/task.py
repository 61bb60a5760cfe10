"""One piece of work beside its gauge: shown while it runs, stopped by Ctrl-C."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

from herd.cli.bar import TICK, shown
from herd.cli.session import Session
from herd.progress import Gauge

Result = TypeVar("Result")


def done(
    session: Session,
    name: str,
    gauge: Gauge,
    stop: threading.Event,
    work: Callable[[], Result],
    *,
    is_shown: bool = True,
) -> Result:
    """Do it in a thread of its own, show how far it is, and give what it gave.

    Args:
        session: Who is told.
        name: What is being done, in a word.
        gauge: What the work moves.
        stop: Set at Ctrl-C; the work then ends by raising Interrupted.
        work: The work.
        is_shown: Whether anybody is to see how far it is.

    Raises:
        HerdError: what the work raised.
    """
    ended: Future[Result] = Future()

    def run() -> None:
        try:
            ended.set_result(work())
        except BaseException as error:  # noqa: BLE001  # it is raised where it is waited for
            ended.set_exception(error)

    thread = threading.Thread(target=run, name=name, daemon=True)
    thread.start()
    try:
        with shown(session, name) as show:
            while thread.is_alive():
                thread.join(TICK)
                if is_shown:
                    show(gauge.read())
    except KeyboardInterrupt:
        stop.set()
        thread.join()
    return ended.result()
