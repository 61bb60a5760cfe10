"""A plan in people's words, before anything moves."""

from __future__ import annotations

import sys
import textwrap

from herd.cli.terminal import is_terminal, one_line, width
from herd.model import (
    Choice,
    Commercial,
    Licence,
    MagnetSource,
    PathSource,
    Source,
    SwarmState,
    TorrentSource,
    Variant,
)
from herd.plan import Fit, Plan, Read
from herd.transfer import describe
from herd.words import duration, size

FITS = {
    Fit.FITS: "fits into memory",
    Fit.TIGHT: "tight: it fills most of the memory",
    Fit.TOO_BIG: "too big for the memory of this machine",
    Fit.UNKNOWN: "not known before it is here",
}
ALLOWS = {
    Commercial.OPEN: "commercial use is open",
    Commercial.CONDITIONAL: "commercial use has conditions",
    Commercial.PROHIBITED: "no commercial use",
    Commercial.UNKNOWN: "",
}


def outline(plan: Plan) -> str:
    """The plan as a few lines: what, how much, whether it runs, which terms, where from."""
    choice = plan.choice
    lines = [
        f"{choice.reference}  {choice.model.title}",
        *pairs(
            ("fetch", _fetch(plan)),
            ("convert", _convert(plan)),
            ("disk", _disk(plan)),
            ("memory", FITS[plan.fit]),
            ("licence", terms(choice.model.licence)),
            ("proof", promised(choice.variant)),
            *from_where(choice.variant),
        ),
    ]
    return "\n".join(lines)


def pairs(*rows: tuple[str, str]) -> list[str]:
    """Labels and texts, one under the other; rows without a text are left out.

    On a terminal a long text is broken at its edge and goes on under itself.
    """
    return [line for label, text in rows if text for line in _pair(label, one_line(text))]


def _pair(label: str, text: str) -> list[str]:
    head = f"  {label:<8} "
    if not is_terminal(sys.stdout) or len(head) + len(text) <= width():
        return [head + text]
    room = max(20, width() - len(head))
    first, *rest = textwrap.wrap(text, room, break_long_words=False, break_on_hyphens=False)
    return [head + first, *(" " * len(head) + line for line in rest)]


def terms(licence: Licence) -> str:
    """A licence on one line."""
    words = [licence.id, ALLOWS[licence.commercial]]
    if licence.must_be_accepted:
        words.append("must be accepted")
    return ", ".join(word for word in words if word)


def promised(variant: Variant) -> str:
    """What proves the bytes when they are here."""
    digests = [file.sha256 for file in variant.files]
    if None in digests:
        return "none: nobody promised a digest (--sha256 HEX does)"
    first = f"sha256 {digests[0][:16]}…" if digests and digests[0] else ""
    return first if len(digests) == 1 else f"{first} and {len(digests) - 1} more"


def from_where(variant: Variant) -> list[tuple[str, str]]:
    """The sources of the first file in the order in which they are asked."""
    texts = [origin(source) for source in variant.files[0].sources] if variant.files else []
    return [("from" if at == 0 else "then", text) for at, text in enumerate(texts)]


def origin(source: Source) -> str:
    """A source, and what is known against it."""
    if not isinstance(source, MagnetSource) or source.state is SwarmState.LIVE:
        return describe(source)
    never = ", never asked" if source.state is SwarmState.REVOKED else ""
    note = f": {source.note}" if source.note else ""
    return f"{describe(source)} ({source.state}{never}{note})"


def is_of_strangers(choice: Choice) -> bool:
    """Whether a swarm would learn of the person."""
    return any(
        isinstance(source, TorrentSource)
        or (isinstance(source, MagnetSource) and source.state is not SwarmState.REVOKED)
        for file in choice.variant.files
        for source in file.sources
    )


def _fetch(plan: Plan) -> str:
    begun = sum(fetch.offset for fetch in plan.fetches)
    if not plan.fetches:
        if any(isinstance(step, Read) for step in plan.steps):
            return "nothing: it is read where it lies"
        return "nothing: the store has the bytes"
    if plan.bytes_to_fetch is None:
        return "a size that only the source knows"
    there = f" ({size(begun)} of it are here)" if begun else ""
    return f"{size(plan.choice.variant.size)}{there}"


def _convert(plan: Plan) -> str:
    if plan.convert is None:
        return "to GGUF, should it be a ggml file" if _may_be_old(plan.choice) else ""
    parts = [file.name for file in plan.choice.variant.files]
    what = "to GGUF" if len(parts) == 1 else f"{len(parts)} parts to one GGUF"
    goes = "" if plan.keeps_original or not plan.fetches else ", and what came goes afterwards"
    return f"{what}, in {_about(plan.convert.seconds)}{goes}"


def _may_be_old(choice: Choice) -> bool:
    """Whether only the first bytes will tell: an address or a magnet that ends as ggml files do."""
    if choice.model.registry is not None:
        return False
    return any(
        file.name.lower().endswith(".bin") and not isinstance(file.sources[0], PathSource)
        for file in choice.variant.files
    )


def _about(seconds: float | None) -> str:
    return "a second" if seconds is not None and seconds < 1.5 else f"about {duration(seconds)}"


def _disk(plan: Plan) -> str:
    if plan.ground.free is None:
        return ""
    free = f"{size(plan.ground.free)} are free"
    if plan.convert is None or plan.room is None:
        return free
    return f"up to {size(plan.room)} until it is converted; {free}"
