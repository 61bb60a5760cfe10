"""Whether a model fits this machine, and how it is best loaded: sums over its shape. Pure.

What is reckoned was measured against llama.cpp 0.3.36's child process (benchmarks/engine.py
has the table): weights, the keys and values of the context, what computing takes, and what
a process has around it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING

from herd.words import size

if TYPE_CHECKING:
    from herd.shape import Shape

CONTEXT = 4096
"""Tokens of a conversation where nobody says otherwise."""
SHORT_CONTEXT, LEAST_CONTEXT = 2048, 512
"""Tokens: shorter than the first only where it would not run otherwise; never than the second."""
BATCH, SMALL_BATCH = 512, 128
"""Tokens of a prompt that are read at once; the second where the first would not fit."""

BITS = {"f32": 32.0, "f16": 16.0, "bf16": 16.0, "q8_0": 8.5, "q5_1": 6.0, "q5_0": 5.5,
        "q4_1": 5.0, "q4_0": 4.5}  # fmt: skip
"""Types that keys and values may have, with bits for each number."""

PROCESS = 32 << 20
"""Bytes of a process that has llama.cpp and no model yet."""
PER_TOKEN = 340
"""Bytes of the vocabulary for each token, its text, its merges and their tables."""
ON_GPU = 400 << 20
"""Bytes that a GPU's own runtime takes as soon as something is computed on it: CUDA's 80 MB on an
H200, 220 MB without flash attention (benchmarks/offload.py), and elsewhere it may be more."""
BESIDE_GPU = 400 << 20
"""Bytes of the machine's own memory that a process with a GPU takes for its runtime (as above)."""
FLASH_OPEN = "flash attention where the device knows it"
"""The reason of a choice that is left to llama.cpp, which has seen the device."""
SHARE = 0.95
"""Of the free memory of a GPU; the screen and other programs move while a model loads."""


class Verdict(StrEnum):
    """What a person is told."""

    FITS = "fits"
    SHORTENED = "fits with a shorter context"
    PARTLY = "partly on the GPU"
    TOO_BIG = "does not fit"


@dataclass(frozen=True)
class Device:
    """Something that computes."""

    name: str
    is_gpu: bool
    free: int
    """Bytes of its memory that are free; for a CPU, of the machine's."""
    total: int
    description: str = ""


@dataclass(frozen=True)
class Wishes:
    """What the person fixed; None leaves it to herd."""

    context: int | None = None
    """At most so many tokens."""
    gpu_layers: int | None = None
    cache: str = "f16"
    """Type of keys and values."""
    is_exact: bool = False
    """Whether the context must be what was asked for, even if it does not fit."""
    batch: int | None = None
    """Tokens of a prompt that are read at once."""
    flash: bool | None = None
    """Whether to use flash attention."""
    is_mapped: bool | None = None
    """Whether the file is mapped into memory, or read into it."""


@dataclass(frozen=True)
class Needs:
    """Bytes that a model takes, and for what."""

    weights: int
    cache: int
    """Keys, values, states."""
    compute: int
    around: int
    """The process, the vocabulary."""
    projector: int = 0
    """What it sees images with."""

    @property
    def total(self) -> int:
        """Bytes."""
        return self.weights + self.cache + self.compute + self.around + self.projector


@dataclass(frozen=True)
class Placement:
    """How a model is loaded, and why so."""

    verdict: Verdict
    context: int
    gpu_layers: int
    layers: int
    cache: str
    has_whole_windows: bool
    """Whether layers that look at a window keep all tokens: then any beginning can be reused."""
    is_mapped: bool
    device: str
    needs: Needs
    why: tuple[str, ...] = ()
    batch: int = BATCH
    """Tokens of a prompt that are read at once."""
    flash: bool | None = None
    """Whether flash attention is used; None: where the device knows it."""
    threads: int = 0
    """0: nobody has chosen yet."""
    is_read_on_gpu: bool = False
    """Whether a GPU without a layer reads prompts, with weights that are copied there for it."""

    @property
    def on_machine(self) -> int:
        """Bytes of the machine's own memory, without what lies on GPUs."""
        needs = self.needs
        if not self.gpu_layers or self.gpu_layers > self.layers:
            return needs.total
        here = (needs.weights + needs.cache) * (self.layers - self.gpu_layers) // self.layers
        return here + needs.compute + needs.around + BESIDE_GPU


@dataclass(frozen=True)
class _Plan:
    """One way to keep a context."""

    shape: Shape
    context: int
    has_whole_windows: bool = True
    batch: int = BATCH
    wishes: Wishes = field(default_factory=lambda: Wishes())

    @property
    def cache(self) -> str:
        return self.wishes.cache

    @property
    def flash(self) -> bool | None:
        """A quantised cache cannot do without."""
        return True if self.wishes.flash is None and self.is_small else self.wishes.flash

    @property
    def is_small(self) -> bool:
        """Whether keys and values are quantised."""
        return BITS[self.cache] < 16

    @property
    def is_mapped(self) -> bool:
        wish = self.wishes.is_mapped
        return not self.shape.is_repacked if wish is None else wish

    def kept(self, layers: int | None = None) -> int:
        """Bytes of keys, values and states of so many layers, counted from the last."""
        cells = padded(self.context)
        numbers = 0
        first = 0 if layers is None else max(0, len(self.shape.layers) - layers)
        for layer in self.shape.layers[first:]:
            within = cells
            if layer.window and not self.has_whole_windows:
                within = min(cells, padded(layer.window + self.batch))
            numbers += (layer.key + layer.value) * within
        return int(numbers * BITS[self.cache] / 8) + self.shape.state

    @property
    def needs(self) -> Needs:
        shape = self.shape
        mask = self.context * self.batch * 2
        if self.flash is False:
            mask += padded(self.context) * self.batch * shape.heads * 4
        between = self.batch * 4 * (2 * shape.inner + 6 * shape.width)
        twice = 2 if self.is_mapped and shape.is_repacked else 1
        return Needs(
            weights=shape.weights * twice,
            cache=self.kept(),
            compute=mask + between + shape.vocabulary * 4,
            around=PROCESS + shape.vocabulary * PER_TOKEN,
            projector=shape.projector,
        )

    def on_gpu(self, layers: int) -> int:
        """Bytes on GPUs with so many layers there, the last ones; the output goes with them."""
        weights = layers * self.shape.per_layer + self.shape.around
        if layers >= len(self.shape.layers):
            weights = self.shape.weights + self.shape.projector
        return weights + self.kept(layers) + self.needs.compute


def padded(cells: int) -> int:
    """llama.cpp keeps cells in multiples of 256."""
    return -(-cells // 256) * 256


def needs(shape: Shape, context: int, cache: str = "f16") -> Needs:
    """What a model takes with everything in one memory."""
    return _Plan(shape, context, wishes=Wishes(cache=cache)).needs


def choose(shape: Shape, devices: Sequence[Device], wishes: Wishes) -> Placement:
    """The best way to load a model on these devices.

    The GPU with the wanted context, with one that is somewhat shorter, with some of the
    layers; then the CPU with the wanted context, with a shorter one, for which a GPU still reads
    prompts if it has room for that. A context is never shortened that the person insists on.
    """
    wanted = min(wishes.context or CONTEXT, shape.trained or wishes.context or CONTEXT)
    plans = list(_plans(shape, wanted, wishes))
    gpus = [each for each in devices if each.is_gpu]
    if gpus and wishes.gpu_layers != 0 and (found := _on_gpus(plans, gpus, wanted, wishes)):
        return found
    placement = _on_cpu(plans, [each for each in devices if not each.is_gpu], wanted)
    if gpus and wishes.gpu_layers is None and placement.needs.compute * 2 <= _room(gpus):
        why = (*placement.why, f"{gpus[0].name} reads prompts: it has no room for a layer")
        return replace(placement, is_read_on_gpu=True, why=why)
    return placement


def _plans(shape: Shape, wanted: int, wishes: Wishes) -> Iterator[_Plan]:
    """The ways to keep a context, the best first."""
    context = wanted
    has_windows = any(each.window for each in shape.layers)
    while True:
        for batch in (wishes.batch,) if wishes.batch else (BATCH, SMALL_BATCH):
            at_once = min(batch, context)
            yield _Plan(shape, context, batch=at_once, wishes=wishes)
            if has_windows:
                yield _Plan(shape, context, False, at_once, wishes)
        if wishes.is_exact or context <= LEAST_CONTEXT:
            return
        context = max(LEAST_CONTEXT, context // 2)


def _on_gpus(
    plans: Sequence[_Plan], gpus: Sequence[Device], wanted: int, wishes: Wishes
) -> Placement | None:
    most = len(plans[0].shape.layers)
    room = _room(gpus)
    plan, layers = plans[0], wishes.gpu_layers
    if layers is None or layers < 0:
        whole = [
            each
            for each in plans
            if each.context >= min(wanted, SHORT_CONTEXT) and each.on_gpu(most) <= room
        ]
        plan = whole[0] if whole else plan
        fitting = (at for at in range(most, 0, -1) if plan.on_gpu(at) <= room)
        layers = next(fitting, 0)
    if layers <= 0:
        return None
    layers = min(layers, most)
    names = " and ".join(each.name for each in gpus)
    taken = f"{size(plan.on_gpu(layers))} of {size(room)}"
    asked = ", as was asked" if wishes.gpu_layers is not None and wishes.gpu_layers >= 0 else ""
    return Placement(
        Verdict.PARTLY if layers < most else _verdict(plan, wanted),
        plan.context,
        layers,
        most,
        plan.cache,
        plan.has_whole_windows,
        plan.is_mapped or (layers == most and wishes.is_mapped is None),
        gpus[0].name,
        plan.needs,
        _why(plan, wanted, f"{layers} of {most} layers on {names}{asked}: {taken}"),
        plan.batch,
        plan.flash,
    )


def _room(gpus: Sequence[Device]) -> int:
    """Bytes that a model may take of GPUs."""
    return sum(int(each.free * SHARE) - ON_GPU for each in gpus)


def _on_cpu(plans: Sequence[_Plan], machine: Sequence[Device], wanted: int) -> Placement:
    free = max((each.free for each in machine), default=0)
    total = max((each.total for each in machine), default=0)
    fitting = [each for each in plans if not free or each.needs.total <= free]
    plan = fitting[0] if fitting else plans[0]
    verdict = _verdict(plan, wanted)
    # What is free changes from one moment to the next; what the machine has does not.
    if total and plan.needs.total > total:
        verdict = Verdict.TOO_BIG
    why = _why(plan, wanted, f"on the CPU: {size(plan.needs.total)} of {size(free)}")
    return Placement(
        verdict,
        plan.context,
        0,
        len(plan.shape.layers),
        plan.cache,
        plan.has_whole_windows,
        plan.is_mapped,
        "CPU",
        plan.needs,
        why,
        plan.batch,
        plan.flash,
    )


def _verdict(plan: _Plan, wanted: int) -> Verdict:
    return Verdict.SHORTENED if plan.context < wanted else Verdict.FITS


def _why(plan: _Plan, wanted: int, device: str) -> tuple[str, ...]:
    """What was chosen, and for which reason."""
    why = [f"context {plan.context:,}"]
    if plan.context < wanted:
        why[0] += f": {wanted:,} would not fit into memory"
    elif plan.wishes.is_exact:
        why[0] += ": as was asked"
    elif plan.shape.trained == plan.context:
        why[0] += ": all that it was trained on"
    if not plan.has_whole_windows:
        why.append("layers with a window keep no more than it: all tokens would not fit")
    if plan.shape.projector:
        why.append(f"it sees images: {size(plan.shape.projector)} for that")
    why.append(device)
    if plan.wishes.is_mapped is not None:
        why.append(f"{'mapped' if plan.is_mapped else 'not mapped'}: as was asked")
    elif plan.is_mapped:
        why.append("mapped: its pages are read as they are needed")
    elif device.startswith("on the CPU"):
        why.append("not mapped: this CPU gets the weights in another layout")
    return (*why, _why_batch(plan), _why_flash(plan))


def _why_batch(plan: _Plan) -> str:
    text = f"{plan.batch:,} tokens of a prompt are read at once"
    if plan.wishes.batch:
        return f"{text}: as was asked"
    if plan.batch == plan.context:
        return f"{text}: all that it holds"
    return text if plan.batch == BATCH else f"{text}: {BATCH} would not fit into memory"


def _why_flash(plan: _Plan) -> str:
    if plan.wishes.flash is not None:
        return f"flash attention {'on' if plan.flash else 'off'}: as was asked"
    if plan.flash:
        return f"flash attention on: keys and values in {plan.cache} need it"
    return FLASH_OPEN
