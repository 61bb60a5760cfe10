"""One install on one line. Pure."""

from __future__ import annotations

from collections.abc import Sequence

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


def line(
    name: str, progress: Progress, width: int, limit: int | None = None, *, here: bool
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
        (cell(_words(progress, limit, left), left), style or "dim"),
    )


def _numbers(progress: Progress) -> str:
    if progress.stage in (Stage.FAILED, Stage.STOPPED, Stage.WAITING):
        return ""
    if progress.stage not in (Stage.FETCHING, Stage.COPYING) or progress.total is None:
        return size(progress.done) if progress.done else ""
    most = 100 if progress.done >= progress.total else 99
    share = min(most, round(100 * (progress.fraction or 0)))
    return f"{share} % {rate(progress.rate)} {duration(progress.seconds_left)}"


def _words(progress: Progress, limit: int | None, room: int) -> str:
    """What it does, who gives the bytes, and the limit of its own; where it is narrow, less."""
    if progress.stage is Stage.FETCHING and progress.sources:
        at_most = f", at most {rate(limit)}" if limit else ""
        whole = f"{progress.stage} from {progress.sources}"
        said = (f"{whole}{at_most}", f"{progress.sources}{at_most}", whole)
        return next((each for each in said if len(each) <= room), progress.sources)
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
