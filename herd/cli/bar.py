"""Progress of one install on stderr: a bar for a person, a line now and then for a log.

The gauge is read on a clock, ten times a second; the transfer knows nothing of it.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from herd.cli.session import Session
from herd.cli.terminal import is_terminal, one_line
from herd.progress import Progress, Stage
from herd.words import duration, rate, size

TICK = 0.1
"""Seconds between two looks at the gauge."""
LINE_EVERY = 5.0
"""Seconds between two lines where nobody sees a bar."""

MOVING = (Stage.FETCHING, Stage.VERIFYING, Stage.CONVERTING, Stage.COPYING)
"""Stages in which bytes move, so that a rate says something."""

RESTING = (Stage.WAITING, Stage.PAUSED)
"""Stages in which nothing happens until something else did."""

OVER = (Stage.DONE, Stage.FAILED, Stage.STOPPED)
"""Stages that nothing follows."""

Show = Callable[[Progress], None]
ShowOne = Callable[[str, Progress], None]
"""Shows the gauge of one of several, by its name."""


@contextmanager
def shown(session: Session, name: str) -> Iterator[Show]:
    """Somewhere to show a gauge: a bar, lines, or nothing, as the person can see it."""
    with shown_together(session, [name]) as show:
        yield lambda now: show(name, now)


@contextmanager
def shown_together(session: Session, names: Sequence[str]) -> Iterator[ShowOne]:
    """As `shown`, for several that move at the same time; what is said meanwhile stands above."""
    if session.tells_events:
        from herd.cli import events

        told = {name: events.moving(session, name) for name in names}
        yield lambda name, now: told[name](now)
    elif session.is_quiet:
        yield lambda _name, _now: None
    elif is_terminal(sys.stderr):
        with _bars(names) as show:
            yield show
    else:
        said = {name: _lines(session, name) for name in names}
        yield lambda name, now: said[name](now)


@contextmanager
def _bars(names: Sequence[str]) -> Iterator[ShowOne]:
    from rich import progress as rich
    from rich.console import Console
    from rich.table import Column
    from rich.text import Text

    console = Console(stderr=True)
    # How fast and how long yet is what one looks for: a narrow terminal shortens all else.
    head = Column(max_width=max(12, console.width * 2 // 9), no_wrap=True, overflow="ellipsis")
    words = Column(ratio=1, no_wrap=True, overflow="ellipsis")
    bars = rich.Progress(
        rich.TextColumn("{task.description}", markup=False, table_column=head),
        rich.BarColumn(bar_width=min(24, console.width // 10)),
        rich.TextColumn("{task.fields[words]}", markup=False, table_column=words),
        console=console,
        auto_refresh=False,
        transient=True,
        expand=True,
    )
    with bars:
        tasks = {name: bars.add_task(name, total=None, words="", visible=False) for name in names}
        left = list(names)

        def show(name: str, now: Progress) -> None:
            if now.stage in OVER and len(names) > 1 and name in left:
                left.remove(name)
            bars.update(
                tasks[name],
                completed=now.done,
                total=now.total or None,
                words=Text(in_words(now, stage=now.stage is not Stage.FETCHING)).plain,
                visible=name in left[: console.height - 1],
                refresh=True,
            )

        yield show


def _lines(session: Session, name: str) -> Show:
    """A line now and then; why it rests is said at once, and not again while nothing moves."""
    next_at = time.monotonic() + LINE_EVERY
    said, rested = "", (Stage.WAITING, "")

    def show(now: Progress) -> None:
        nonlocal next_at, said, rested
        words, rests = in_words(now), now.stage in RESTING
        is_new = rests and rested != (now.stage, now.note)
        rested = (now.stage, now.note) if rests else (Stage.WAITING, "")
        if is_new or (time.monotonic() >= next_at and not (rests and words == said)):
            next_at = time.monotonic() + LINE_EVERY
            said = words
            session.say(f"{name}: {words}")

    return show


def in_words(now: Progress, *, stage: bool = True) -> str:
    """A snapshot on one line: stage, bytes, rate, time left, and what goes on beside them.

    Args:
        now: The snapshot.
        stage: Whether to begin with the stage.
    """
    words = [str(now.stage)] if stage else []
    waits = now.stage is Stage.WAITING
    if waits and now.note:
        words.append(one_line(now.note))
    if now.done or now.total:
        words.append(size(now.done) + (f" of {size(now.total)}" if now.total else ""))
    if now.stage in MOVING and now.rate > 0:
        words.append(rate(now.rate))
        if now.seconds_left is not None:
            words.append(f"{duration(now.seconds_left)} left")
    if now.sources:
        words.append(now.sources)
    if now.note and not waits:
        words.append(one_line(now.note))
    return " · ".join(words)
