"""What a person should know before an install begins that they may not want after all."""

from __future__ import annotations

from typing import TYPE_CHECKING

from herd.describe import FITS, origin, steps
from herd.errors import HerdError
from herd.model import MagnetSource, PathSource, TorrentSource
from herd.plan import Fit
from herd.words import one_line

if TYPE_CHECKING:
    from herd.core import Herd
    from herd.plan import Plan

SWARM = (
    "Its swarm learns what you fetch: trackers, the DHT and other people's machines see your "
    "address."
)


def doubts(herd: Herd, plan: Plan) -> str | None:
    """The lines of a question, None where there is nothing to ask; called in a thread.

    It is asked where no registry vouches for the bytes, and where the model is too big here.
    """
    variant = plan.choice.variant
    lines = [one_line(remark) for remark in plan.choice.remarks]
    if plan.fit is Fit.TOO_BIG:
        lines.append(f"{FITS[plan.fit].capitalize()}{_foreseen(herd, plan)}.")
    sources = [source for file in variant.files for source in file.sources]
    is_elsewhere = any(not isinstance(source, PathSource) for source in sources)
    if plan.choice.model.registry is None and is_elsewhere:
        lines += [one_line(origin(source)) for file in variant.files for source in file.sources[:1]]
        if any(file.sha256 is None for file in variant.files):
            lines.append("Nobody promised a digest: it will be called unverified.")
        if plan.fetches and any(isinstance(each, MagnetSource | TorrentSource) for each in sources):
            lines.append(SWARM)
    if not lines:
        return None
    return "\n".join([*lines, "", *(f"{label:<8} {text}" for label, text in steps(plan))])


def _foreseen(herd: Herd, plan: Plan) -> str:
    """What its header says of the memory that it takes; nothing where nobody tells."""
    try:
        said = herd.foresee(plan.choice)
    except HerdError:
        return ""
    return f"; {said}" if said else ""
