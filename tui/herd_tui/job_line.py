"""One install on one line. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from textual.content import Content

from herd.progress import Progress, Stage
from herd.words import duration, rate, size
from herd_tui.cells import bar, cell

_NAME, _BAR, _NUMBERS = 19, 12, 25
_STYLES = {
    Stage.FAILED: "$text-error",
    Stage.STOPPED: "$text-warning",
    Stage.PAUSED: "$text-warning",
    Stage.DONE: "$text-success",
}


@dataclass(frozen=True)
class Limits:
    """The limits of its own that an install has, in bytes per second; None: none."""

    down: int | None = None
    up: int | None = None
    """Of what goes out to its swarm."""

    def __str__(self) -> str:
        """`2.0 MB/s, 100.0 kB/s out`."""
        up = f"{rate(self.up)} out" if self.up else ""
        return ", ".join(filter(None, (rate(self.down) if self.down else "", up)))


def line(
    name: str,
    progress: Progress,
    width: int,
    limits: Limits = Limits(),
    *,
    here: bool,
) -> Content:
    """An install on one line: name, bar, how far, how fast, how long yet, what it does."""
    full, empty = bar(1.0 if progress.stage is Stage.DONE else progress.fraction, _BAR)
    left = width - (1 + _NAME + 1 + _BAR + 1 + _NUMBERS + 1)
    style = _STYLES.get(progress.stage, "")
    return Content.assemble(
        "▌" if here else " ",
        (cell(name, _NAME), "bold" if here else ""),
        " ",
        (full, style or "$primary"),
        (empty, "dim"),
        " ",
        cell(_numbers(progress), _NUMBERS),
        " ",
        (cell(_words(progress, limits, left), left), style or "dim"),
    )


def _numbers(progress: Progress) -> str:
    if progress.stage in (Stage.FAILED, Stage.STOPPED) or not (progress.done or _moves(progress)):
        return ""
    if not _moves(progress) or progress.total is None:
        return size(progress.done) + (f" of {size(progress.total)}" if progress.total else "")
    most = 100 if progress.done >= progress.total else 99
    share = min(most, round(100 * (progress.fraction or 0)))
    return f"{share} % {rate(progress.rate)} {duration(progress.seconds_left)}"


def _moves(progress: Progress) -> bool:
    return progress.stage in (Stage.FETCHING, Stage.COPYING)


def _words(progress: Progress, limits: Limits, room: int) -> str:
    """What it does, who gives the bytes, and the limit of its own; where it is narrow, less."""
    at_most = f", at most {limits}" if str(limits) else ""
    if progress.stage is Stage.FETCHING and progress.sources:
        whole, down = f"{progress.stage} from {progress.sources}", Limits(limits.down)
        said = [f"{whole}{at_most}", f"{progress.sources}{at_most}"]
        said += [f"{progress.sources}, at most {down}"] if limits.down else []
        return next((each for each in [*said, whole] if len(each) <= room), progress.sources)
    if progress.stage is Stage.PAUSED and not progress.note:
        return f"{progress.stage}{at_most}"
    return f"{progress.stage}: {progress.note}" if progress.note else str(progress.stage)


def title(rates: Sequence[float], always: int | None, chatting: int | None) -> str:
    """What is said above all installs: how fast they are together, and which limits hold.

    Args:
        rates: Bytes per second of each.
        always: Bytes per second that all of them may fetch; None: no limit.
        chatting: The same while a model answers.
    """
    words = ["Transfers"]
    if sum(rates) > 0:
        words.append(rate(sum(rates)))
    if always:
        words.append(f"at most {rate(always)}")
    if chatting:
        words.append(f"at most {rate(chatting)} while a model answers")
    return " · ".join(words)
