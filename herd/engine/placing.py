"""Where a model goes, from its file, the settings and the devices: before it is loaded."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from herd import gguf_header
from herd.engine.cores import usable_cores
from herd.engine.header import is_repacked
from herd.engine.protocol import Settings
from herd.engine.values import Loadable
from herd.fit import Device, Placement, Wishes, choose
from herd.gguf_header import BadHeader
from herd.shape import Shape, projector, shape
from herd.words import count as number_of

_PART = re.compile(r"-(\d{5})-of-(\d{5})\.gguf$")


def placed(model: Loadable, settings: Settings, devices: Sequence[Device]) -> Placement:
    """How this model is best loaded on these devices."""
    layers = asked_layers(model, settings)
    wishes = Wishes(
        context=model.context,
        gpu_layers=None if layers < 0 else layers,
        cache=model.cache,
        is_exact=model.is_exact,
        batch=model.batch,
        flash=model.flash,
        is_mapped=model.is_mapped,
    )
    if model.device:
        devices = [each for each in devices if not each.is_gpu or each.name == model.device]
    placement = choose(whole_shape(model), devices, wishes)
    threads = (settings.threads if model.threads is None else model.threads) or 0
    why = f"{threads} threads: as was asked"
    if not threads:
        threads = usable_cores()
        why = f"{number_of(threads, 'thread')}: one for each core that herd may use"
    return replace(placement, threads=threads, why=(*placement.why, why))


def asked_layers(model: Loadable, settings: Settings) -> int:
    """How many layers the person wants on GPUs; -1: as many as fit."""
    return settings.gpu_layers if model.gpu_layers is None else model.gpu_layers


def whole_shape(model: Loadable) -> Shape:
    """The shape of a model, with its adapters and what it sees with."""
    shape = shape_of(model.path)
    more = sum(_size(each.path) for each in model.adapters)
    eyes = _projector(model.projector) if model.projector else 0
    return replace(shape, weights=shape.weights + more, projector=eyes)


def shape_of(path: Path) -> Shape:
    """The shape of the model in a file; of one that does not read, its size alone.

    Whether a file is sound is for llama.cpp to say, which reads all of it.
    """
    try:
        with path.open("rb", buffering=0) as stream:
            header = gguf_header.read(stream, is_brief=True)
        # Quantisers of today write the type behind the vocabulary.
        known = None if header.quantisation else is_repacked(path)
        return shape(header, _size(path), is_repacked=known)
    except (BadHeader, OSError):
        return Shape(weights=_size(path), layers=())


def _projector(path: Path) -> int:
    """Bytes that a vision encoder takes; of a file that does not read, its size."""
    try:
        with path.open("rb", buffering=0) as stream:
            return projector(gguf_header.read(stream, is_brief=True), _size(path))
    except (BadHeader, OSError):
        return _size(path)


def _size(path: Path) -> int:
    """Bytes of the file, with those of its other parts."""
    try:
        parts = [path]
        if found := _PART.search(path.name):
            stem = path.name[: found.start()]
            parts = sorted(path.parent.glob(f"{stem}-*-of-{found[2]}.gguf"))
        return sum(part.stat().st_size for part in parts)
    except OSError:
        return 0
