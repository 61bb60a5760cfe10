"""What an install does, as lines of JSON on stdout, for whoever starts herd from a program.

Every line is an object with `event` and `reference`: first `plan`, then `progress` about
once a second, and `installed` or `failed` at the end. What fails is said on stderr, too.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from herd.cli.json_forms import installed_form, licence_form
from herd.cli.session import Session
from herd.describe import origins
from herd.errors import HerdError
from herd.install import Outcome
from herd.model import Choice
from herd.plan import Plan
from herd.progress import Progress
from herd.transfer import describe

EVERY = 1.0
"""Seconds between two lines of progress."""


def planned(session: Session, plan: Plan) -> None:
    """What it would take, and what would be in the way."""
    choice = plan.choice
    trouble = plan.trouble(is_licence_accepted=True)
    session.answer_event(
        "plan",
        str(choice.reference),
        title=choice.model.title,
        size=choice.variant.size,
        bytes_to_fetch=plan.bytes_to_fetch,
        bytes_of_disk=plan.room,
        bytes_free=plan.ground.free,
        seconds_to_convert=plan.convert and plan.convert.seconds,
        fit=str(plan.fit),
        licence=licence_form(choice.model.licence),
        files=[
            {
                "name": file.name,
                "size": file.size,
                "sha256": file.sha256,
                "sources": list(origins(file.sources)),
            }
            for file in choice.variant.files
        ],
        trouble=trouble and {"message": trouble.message, "exit_code": trouble.exit_code},
    )


def moving(session: Session, name: str) -> Callable[[Progress], None]:
    """Tells of a gauge about once a second."""
    next_at = time.monotonic()

    def show(now: Progress) -> None:
        nonlocal next_at
        if time.monotonic() >= next_at:
            next_at = time.monotonic() + EVERY
            session.answer_event(
                "progress",
                name,
                stage=str(now.stage),
                done=now.done,
                total=now.total,
                rate=round(now.rate),
                seconds_left=now.seconds_left and round(now.seconds_left, 1),
                sources=now.sources,
                note=now.note,
            )

    return show


def installed(session: Session, outcome: Outcome) -> None:
    """What is there now, and how it came."""
    moved: dict[str, int] = {}
    for share in (share for each in outcome.fetched for share in each.shares):
        name = describe(share.source)
        moved[name] = moved.get(name, 0) + share.size
    session.answer_event(
        "installed",
        str(outcome.installed.reference),
        fetched=sum(each.delivery.size for each in outcome.fetched),
        wasted=sum(each.delivery.wasted for each in outcome.fetched),
        shares=moved,
        seconds=round(outcome.seconds, 3),
        model=installed_form(session.herd, outcome.installed),
    )


def failed(session: Session, choice: Choice, error: HerdError) -> None:
    """It did not come, or was stopped; what the person is told, and the exit code."""
    session.answer_event(
        "failed",
        str(choice.reference),
        message=error.message,
        hint=error.hint,
        exit_code=error.exit_code,
    )


def there(session: Session, choice: Choice) -> None:
    """It was installed already."""
    held = session.herd.store.find(choice.reference)
    installed(session, Outcome(held, was_there=True))
