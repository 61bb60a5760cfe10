"""The card of one model: what it is, what its licence allows, its variants and sources. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from herd.model import (
    Commercial,
    Format,
    Licence,
    MagnetSource,
    PypiSource,
    Source,
    SwarmState,
    Variant,
)
from herd.plan import Fit, fit
from herd.transfer import describe
from herd.words import one_line, size
from herd_tui.rows import Row

Part = tuple[str, str]
"""A text and its style."""

ALLOWS = {
    Commercial.OPEN: "commercial use is open",
    Commercial.CONDITIONAL: "commercial use has conditions",
    Commercial.PROHIBITED: "no commercial use",
    Commercial.UNKNOWN: "what it allows is not recorded",
}
BADGES = {
    Fit.FITS: ("fits this machine", "$text-success"),
    Fit.TIGHT: ("tight: it fills most of the memory", "$text-warning"),
    Fit.TOO_BIG: ("too big for this machine's memory", "$text-error"),
    Fit.UNKNOWN: ("", ""),
}

_FORMATS = {Format.GGML: "an old file, converted on install", Format.RAW: "cannot run"}


def card(row: Row, memory: int | None) -> Iterator[Part]:
    """The card of a row, in parts."""
    entry = row.entry
    words, style = BADGES[row.fit]
    yield one_line(entry.title), "bold"
    yield (f"  {words}" if words else ""), style
    yield f"\n{one_line(entry.summary)}\n", "dim"
    facts = [size(entry.size)]
    if entry.parameters:
        facts.append(f"{one_line(entry.parameters)} parameters")
    model = entry.model
    context = model.context if model else entry.installed[0].context
    yield from _fact("size", ", ".join(facts))
    if context:
        yield from _fact("context", f"{context:,} tokens")
    yield from _fact("licence", _terms(entry.licence))
    if entry.licence.note:
        yield f"{'':9}{one_line(entry.licence.note)}\n", "dim"
    if model and model.reason:
        yield from _fact(str(model.status), one_line(model.reason))
    yield from _variants(row, memory)
    yield from _sources(row)


def _fact(label: str, text: str) -> Iterator[Part]:
    yield f"{label:<9}", "dim"
    yield f"{text}\n", ""


def _terms(licence: Licence) -> str:
    asks = ", must be accepted" if licence.must_be_accepted else ""
    return f"{one_line(licence.id)}: {ALLOWS[licence.commercial]}{asks}"


def _variants(row: Row, memory: int | None) -> Iterator[Part]:
    held = {each.variant: each for each in row.entry.installed}
    model = row.entry.model
    offered = model.variants if model else ()
    yield "\nvariants\n", "bold"
    for variant in offered:
        yield from _variant(variant, memory, is_here=variant.name in held)
    for name, each in held.items():
        if name not in {variant.name for variant in offered}:
            yield "● ", "$text-success"
            yield f"{name:<10} {size(each.size):>9}  installed\n", ""


def _variant(variant: Variant, memory: int | None, *, is_here: bool) -> Iterator[Part]:
    verdict = fit(variant.size, memory)
    yield ("● " if is_here else "○ "), "$text-success" if is_here else "dim"
    yield f"{variant.name:<10} {size(variant.size):>9}  ", ""
    if is_here:
        yield "installed", "$text-success"
    elif not variant.format.is_runnable:
        yield _FORMATS[variant.format], "dim"
    elif verdict is not Fit.UNKNOWN:
        yield str(verdict), BADGES[verdict][1]
    yield "\n", ""


def _sources(row: Row) -> Iterator[Part]:
    entry = row.entry
    for each in entry.installed:
        proof = "verified" if each.is_verified else "nobody promised a digest"
        yield "\ncame from\n", "bold"
        yield f"  {one_line(each.source)}, {each.installed_at[:10]}, {proof}\n", ""
    variant = entry.model.variant() if entry.model else None
    if variant and not entry.installed:
        yield "\nsources\n", "bold"
        for file in variant.files:
            for at, source in enumerate(file.sources, 1):
                yield f"{at:>2} {one_line(origin(source))}\n", ""
            yield f"   sha256 {(file.sha256 or 'unknown')[:16]}…\n", "dim"


def origin(source: Source) -> str:
    """A source, and what is known against it."""
    match source:
        case MagnetSource(state=SwarmState.REVOKED):
            return f"{describe(source)} (withdrawn: never asked)"
        case MagnetSource(state=SwarmState.DEAD):
            return f"{describe(source)} (no peers were seen)"
        case PypiSource(requirement):
            return f"package index, {requirement}"
    return describe(source)
