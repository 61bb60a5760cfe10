"""How a model will be loaded here, told before it is fetched: from the header at its source."""

from __future__ import annotations

import io
import threading

from herd import gguf_header
from herd.errors import HerdError
from herd.fit import Device, Placement, Verdict, Wishes, choose, needs
from herd.gguf_header import BadHeader, Header, ShortHeader
from herd.model import Choice, Format, HfSource, UrlSource, Variant
from herd.shape import Shape, shape
from herd.transfer.first_bytes import read_beginning
from herd.words import size

_FIRST, _MOST = 1 << 16, 1 << 20
"""Bytes: what stands before the vocabulary, nearly always; and with a long template."""


def shape_of(choice: Choice, stop: threading.Event | None = None) -> Shape | None:
    """The shape of a model that is still elsewhere; None where no source tells its header."""
    variant = choice.variant
    if variant.format is not Format.GGUF or not variant.files or not variant.size:
        return None
    for source in variant.files[0].sources:
        if isinstance(source, UrlSource | HfSource):
            try:
                header = _header(source, stop or threading.Event())
            except (HerdError, BadHeader):
                continue
            return shape(header, variant.size)
    return None


def foreseen(shape: Shape, devices: tuple[Device, ...], context: int) -> Placement:
    """How a model of this shape would be loaded on these devices."""
    return choose(shape, devices, Wishes(context=context))


def told(
    choice: Choice, shape: Shape | None, devices: tuple[Device, ...], context: int
) -> str | None:
    """The verdict and why; of what does not fit, what it would take and what would fit."""
    if shape is None:
        return None
    placement = foreseen(shape, devices, context)
    if placement.verdict is not Verdict.TOO_BIG:
        return f"{placement.verdict}: {'; '.join(placement.why)}"
    other = instead(choice, shape, devices)
    better = f"; {choice.model.name}:{other.name} would fit" if other else ""
    return f"{placement.verdict}: {missing(shape, devices, context)}{better}"


def instead(choice: Choice, shape: Shape, devices: tuple[Device, ...]) -> Variant | None:
    """The largest variant of the same model that would fit where this one does not.

    Its shape is this one's, with weights of another size.
    """
    from dataclasses import replace

    smaller = [
        each
        for each in choice.model.variants
        if each.size and each.size < shape.weights and each.format.is_runnable
    ]
    for each in sorted(smaller, key=lambda one: one.size or 0, reverse=True):
        other = replace(shape, weights=each.size or 0)
        if choose(other, devices, Wishes()).verdict is not Verdict.TOO_BIG:
            return each
    return None


def missing(shape: Shape, devices: tuple[Device, ...], context: int) -> str:
    """How much memory there would have to be, and how much there is."""
    there = max((each.total for each in devices if not each.is_gpu), default=0)
    return f"it takes {size(needs(shape, context).total)} and this machine has {size(there)}"


def _header(source: UrlSource | HfSource, stop: threading.Event) -> Header:
    try:
        return gguf_header.read(io.BytesIO(read_beginning(source, _FIRST, stop)), is_brief=True)
    except ShortHeader:
        return gguf_header.read(io.BytesIO(read_beginning(source, _MOST, stop)), is_brief=True)
