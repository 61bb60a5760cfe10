"""Calls of the core that take longer than a frame: in a thread, the outcome as a message."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

from textual.dom import DOMNode

from herd.errors import HerdError
from herd_tui.messages import WorkDone, WorkFailed

log = logging.getLogger(__name__)

Outcome = TypeVar("Outcome")


def beside(
    node: DOMNode,
    call: Callable[[], Outcome],
    then: Callable[[Outcome], Any],
    *,
    group: str = "default",
) -> None:
    """Call in a thread, and hand the outcome on in the app's own thread.

    A HerdError becomes `WorkFailed`; the app shows it. A second call of the same group does
    not end the first: a thread cannot be ended.
    """
    node.run_worker(partial(_run, node, call, then), thread=True, group=group, exit_on_error=False)


def aside(node: DOMNode, call: Callable[[], object]) -> None:
    """As `beside`, for what nobody waits for: not even whoever leaves the app.

    Textual waits for the threads of its workers before it lets the terminal go.
    """
    target = partial(_run, node, call, lambda _: None)
    threading.Thread(target=target, name="herd-aside", daemon=True).start()


def _run(node: DOMNode, call: Callable[[], Outcome], then: Callable[[Outcome], Any]) -> None:
    try:
        outcome = call()
    except HerdError as error:
        node.post_message(WorkFailed(error))
    except Exception as error:  # the top of a thread: nobody above would see it
        log.exception("work beside the screen")
        node.post_message(WorkFailed(HerdError(f"Something unexpected: {error}.", "See ctrl+l.")))
    else:
        node.post_message(WorkDone(lambda: then(outcome)))
