"""A plan in people's words, before anything moves."""

from __future__ import annotations

import sys
import textwrap

from herd.cli.terminal import is_terminal, one_line, width
from herd.describe import FITS, origins, steps, terms
from herd.model import (
    Choice,
    MagnetSource,
    SwarmState,
    TorrentSource,
    Variant,
)
from herd.plan import Plan


def outline(plan: Plan) -> str:
    """The plan as a few lines: what, how much, whether it runs, which terms, where from."""
    choice = plan.choice
    lines = [
        f"{choice.reference}  {choice.model.title}",
        *pairs(
            *steps(plan),
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
    return [
        line for label, text in rows if text for line in hanging(f"  {label:<8} ", one_line(text))
    ]


def hanging(head: str, text: str) -> list[str]:
    """The text behind its head; on a terminal it goes on under itself."""
    if not is_terminal(sys.stdout) or len(head) + len(text) <= width():
        return [head + text]
    room = max(20, width() - len(head))
    first, *rest = textwrap.wrap(text, room, break_long_words=False, break_on_hyphens=False)
    return [head + first, *(" " * len(head) + line for line in rest)]


def promised(variant: Variant) -> str:
    """What proves the bytes when they are here."""
    digests = [file.sha256 for file in variant.files]
    if None in digests:
        return "none: nobody promised a digest (--sha256 HEX does)"
    first = f"sha256 {digests[0][:16]}…" if digests and digests[0] else ""
    return first if len(digests) == 1 else f"{first} and {len(digests) - 1} more"


def from_where(variant: Variant) -> list[tuple[str, str]]:
    """The sources of the first file in the order in which they are asked."""
    texts = origins(variant.files[0].sources) if variant.files else ()
    return [("from" if at == 0 else "then", text) for at, text in enumerate(texts)]


def is_of_strangers(choice: Choice) -> bool:
    """Whether a swarm would learn of the person."""
    return any(
        isinstance(source, TorrentSource)
        or (isinstance(source, MagnetSource) and source.state is not SwarmState.REVOKED)
        for file in choice.variant.files
        for source in file.sources
    )
