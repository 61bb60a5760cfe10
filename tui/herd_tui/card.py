"""The card of one model: what it is, what its licence allows, its variants and sources. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from herd.describe import FITS, origins, terms, whose_template
from herd.model import Format, Variant
from herd.plan import Fit, fit
from herd.words import one_line, size
from herd_tui.filtering import outside
from herd_tui.insight import Insight
from herd_tui.rows import Row

Part = tuple[str, str]
"""A text and its style."""

STYLES = {
    Fit.FITS: "$text-success",
    Fit.TIGHT: "$text-warning",
    Fit.TOO_BIG: "$text-error",
    Fit.UNKNOWN: "",
}

_FORMATS = {Format.GGML: "an old file, converted on install", Format.RAW: "cannot run"}


def card(row: Row, memory: int | None, insight: Insight, now: float) -> Iterator[Part]:
    """The card of a row, in parts.

    Args:
        row: The row.
        memory: Bytes of the machine.
        insight: What is known beside the row.
        now: Seconds since the epoch.
    """
    entry = row.entry
    yield one_line(entry.title), "bold"
    if row.fit is not Fit.UNKNOWN:
        yield f"  {FITS[row.fit]}", STYLES[row.fit]
    yield f"\n{one_line(entry.summary)}\n", "dim"
    facts = [size(entry.size)]
    if entry.parameters:
        facts.append(f"{one_line(entry.parameters)} parameters")
    model = entry.model
    context = model.context if model else entry.installed[0].context
    yield from _fact("size", ", ".join(facts))
    if context:
        yield from _fact("context", f"{context:,} tokens")
    template = model.template if model else entry.installed[0].template
    yield from _fact("template", whose_template(template))
    yield from _fact("licence", one_line(terms(entry.licence)))
    if entry.licence.note:
        yield f"{'':9}{one_line(entry.licence.note)}\n", "dim"
    if model and model.reason:
        yield from _fact(str(model.status), one_line(model.reason))
    for label, text in insight.install:
        yield from _fact(label, one_line(text))
    for name, text in insight.loaded:
        yield from _fact("loaded", one_line(f"{name}, {text}"))
    yield from _variants(row, memory)
    yield from _sources(row, insight, now)


def _fact(label: str, text: str) -> Iterator[Part]:
    yield f"{label:<9}", "dim"
    yield f"{text}\n", ""


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
        yield str(verdict), STYLES[verdict]
    yield "\n", ""


def _sources(row: Row, insight: Insight, now: float) -> Iterator[Part]:
    entry = row.entry
    for each in entry.installed:
        proof = "verified" if each.is_verified else "nobody promised a digest"
        yield "\ncame from\n", "bold"
        yield f"  {one_line(each.source)}, {each.installed_at[:10]}, {proof}\n", ""
    variant = entry.model.variant() if entry.model else None
    if variant and not entry.installed:
        yield "\nsources, in the order in which they are asked\n", "bold"
        for file in variant.files:
            if insight.ways and file is variant.files[0]:
                yield from _ways(insight, now)
            else:
                for at, text in enumerate(origins(file.sources), 1):
                    yield f"{at:>2} {one_line(text)}\n", ""
            yield f"   sha256 {(file.sha256 or 'unknown')[:16]}…\n", "dim"


def _ways(insight: Insight, now: float) -> Iterator[Part]:
    texts = origins([way.source for way in insight.ways])
    for at, (way, text) in enumerate(zip(insight.ways, texts, strict=True), 1):
        yield f"{at:>2} {one_line(text)}", "$text-warning" if way.is_bad else ""
        if health := way.health(now):
            style = "$text-warning" if way.is_bad else "$text-success"
            yield f"  {one_line(health)}", style
        yield "\n", ""


def nothing(text: str) -> str:
    """What is said where no row is left: what enter would do with what was typed."""
    if what := outside(text):
        is_here = what == "A path" and not text.strip().lower().endswith(".torrent")
        enter = (
            "enter installs the file that lies there: nothing is fetched."
            if is_here
            else "enter looks at it, says what it is, and asks before anything is fetched."
        )
        return f"{what} that is in no registry.\n\n{one_line(text)}\n\n{enter}"
    return (
        "Nothing matches.\n\nAn address (https://…), a magnet, hf:owner/repository and a path may "
        "be typed here as well: enter installs from there."
    )
