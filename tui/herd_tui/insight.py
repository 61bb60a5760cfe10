"""What is known of a model beside its row: it is looked at once the cursor rests there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from herd.errors import HerdError

if TYPE_CHECKING:
    from herd.core import Herd
    from herd.describe import Way
    from herd_tui.rows import Row


@dataclass(frozen=True)
class Insight:
    """What an install would take, where its bytes would come from, how a model would be loaded."""

    install: tuple[tuple[str, str], ...] = ()
    """Labels and texts."""
    ways: tuple[Way, ...] = ()
    """The sources of the first file in the order in which they would be asked now."""
    loaded: tuple[tuple[str, str], ...] = ()
    """For each installed variant that runs: its name, and how it would be loaded."""


def look(herd: Herd, row: Row) -> Insight:
    """Look at a model; called in a thread. What cannot be told is left out, or says why."""
    entry = row.entry
    loaded = []
    for each in entry.installed:
        if each.format.is_runnable:
            try:
                placement = herd.placement(each)
            except HerdError as error:
                loaded.append((each.variant, error.message))
            else:
                loaded.append((each.variant, f"{placement.verdict}: {'; '.join(placement.why)}"))
    if entry.model is None or entry.installed:
        return Insight(loaded=tuple(loaded))
    return _of_offered(herd, row.name)


def _of_offered(herd: Herd, name: str) -> Insight:
    from herd import describe

    try:
        plan = herd.plan(herd.choose(name))
    except HerdError as error:
        return Insight((("install", error.message),))
    files = plan.choice.variant.files
    return Insight(
        describe.steps(plan),
        describe.ways(files[0].sources, herd.ranks) if files else (),
    )
