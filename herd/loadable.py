"""What the engine is told of an installed model: its files, and how the person wants it loaded."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from herd import gguf_header, image, templates
from herd.chat import Conversation, Turn
from herd.config import Config, Loading
from herd.engine import Loadable
from herd.engine.values import ASKED, NO_TEMPLATE, OWN_TEMPLATE, REGISTRY_TEMPLATE
from herd.errors import BadUsage, CannotRun
from herd.gguf_header import BadHeader
from herd.model import Installed, Sampling
from herd.store import Store


def wanted(config: Config, now: Loading | None, installed: Installed) -> Loading:
    """How the person wants it loaded: in this run, else by its full name, else by its name."""
    loading = now or Loading()
    for name in (str(installed.reference), installed.name):
        loading = loading.over(config.models.get(name, Loading()))
    return loading


def drawn(config: Config, installed: Installed) -> Sampling:
    """How the person wants it to draw, else the registry: what is said of its full name first."""
    sampling = Sampling()
    for name in (str(installed.reference), installed.name):
        sampling = sampling.over(config.sampling.get(name, Sampling()))
    return sampling.over(installed.sampling)


def of(store: Store, installed: Installed, loading: Loading, context: int) -> Loadable:
    """The model, to be loaded so; the context is that of the settings.

    Raises:
        CannotRun: it is of a format that herd does not run.
        BadUsage: nobody knows the template that it is to have.
    """
    if not installed.format.is_runnable:
        raise CannotRun(
            f"{installed.reference} is a {installed.format} file, which herd cannot run."
        )
    prompt = templates.named(loading.template) if loading.template else None
    whose = f"{prompt.name}, {ASKED}" if prompt else REGISTRY_TEMPLATE
    return Loadable(
        reference=str(installed.reference),
        path=store.path_of(installed),
        template=prompt.template if prompt else installed.template,
        whose=whose,
        names=f"{installed.title} {installed.family or ''}",
        stop=tuple(dict.fromkeys((*installed.stop, *(prompt.stop if prompt else ())))),
        context=loading.context or context,
        is_exact=loading.context is not None,
        gpu_layers=loading.gpu_layers,
        threads=loading.threads,
        cache=loading.cache or "f16",
        batch=loading.batch,
        flash=loading.flash_attn,
        is_mapped=loading.mmap,
    )


def seeing(model: Loadable, installed: Installed, store: Store, other: Path | None) -> Loadable:
    """The model with what it sees images with.

    Args:
        model: The model.
        installed: Its manifest.
        store: Where its files are.
        other: A vision encoder in place of its own.

    Raises:
        CannotRun: it has none.
    """
    if other is None and (own := image.projector(installed)):
        other = store.blob(own.sha256)
    if other is None:
        raise CannotRun(
            f"{installed.reference} sees no images: it has no vision encoder.",
            "Take a model that has one (`herd search vision`), or name its file with `--mmproj`.",
        )
    return replace(model, projector=other)


def whose_template(model: Loadable) -> str:
    """Whose chat template it will get, in words, as the engine will say it."""
    if model.template:
        return model.whose
    try:
        header = gguf_header.read_file(model.path)
        with model.path.open("rb") as file:
            raw = file.read(header.size)
    except (BadHeader, OSError):
        return "?"
    if header.template:
        return OWN_TEMPLATE
    said = (header.text(f"general.{each}") or "" for each in ("name", "basename", "finetune"))
    names = f"{model.reference} {model.names} {' '.join(said)}"
    guess = templates.guessed(names, lambda word: word.encode() in raw)
    return f"{guess.prompt.name}, {guess.why}" if guess else NO_TEMPLATE


def with_images(conversation: Conversation) -> Conversation:
    """The conversation with the images that are still there.

    Raises:
        BadUsage: an image of the last turn cannot be shown; of earlier ones it is left out.
    """
    if not any(turn.images for turn in conversation.turns):
        return conversation
    *earlier, last = conversation.turns
    image.refuse_many(last.images)
    for each in last.images:
        image.read(each)
    return replace(conversation, turns=(*(_still_there(turn) for turn in earlier), last))


def _still_there(turn: Turn) -> Turn:
    kept, text = [], turn.text
    for each in turn.images:
        try:
            image.read(each)
        except BadUsage:
            text = f"({image.named(each)}, which is gone)\n{text}"
        else:
            kept.append(each)
    return replace(turn, text=text, images=tuple(kept)) if turn.images else turn
