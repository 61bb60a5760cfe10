"""`herd info`: all that is known of one model, offered or installed or both."""

from __future__ import annotations

import shlex
import time
from collections.abc import Iterator
from pathlib import Path

import click

from herd import describe
from herd.cli import completion, options
from herd.cli.json_forms import Form, installed_form, model_form
from herd.cli.plan_text import pairs
from herd.cli.session import Session
from herd.cli.verbs import Command
from herd.core import memory
from herd.describe import FITS, origins, terms, ways
from herd.errors import CannotRun, UnknownModel
from herd.image import projector
from herd.loadable import whose_template
from herd.model import (
    Format,
    Installed,
    Licence,
    Model,
    Original,
    Reference,
    Status,
    Variant,
    reference,
)
from herd.places import expanded
from herd.plan import Convert, fit
from herd.registry import Registry
from herd.registry.catalogue import Trust
from herd.words import duration, size

FORMATS = {
    Format.GGUF: "",
    Format.GGML: "ggml: converted to GGUF by install",
    Format.RAW: "raw: cannot run",
}

_ADDRESSES = ("hf:", "magnet:", "http://", "https://")


@click.command(cls=Command)
@click.argument("name", shell_complete=completion.known)
@options.as_json
@options.talk
@options.with_session
def info(session: Session, name: str, as_json: bool) -> None:
    """Show all that is known of a model.

    What it is, what its licence allows, which variants fit this machine, where the bytes would
    come from and in which order, and what of it is installed. NAME:VARIANT shows the sources of
    that variant. Of a .gguf file by its path, what its header says.
    """
    wanted = reference(name)
    if name.lower().endswith(".gguf") and expanded(name).is_file():
        _of_file(session, expanded(name), as_json=as_json)
        return
    if name.lower().startswith(_ADDRESSES) or ("/" in name and expanded(name).is_file()):
        raise UnknownModel(
            "`herd info` knows the models of registries, those installed, and .gguf files.",
            f"`herd install --dry-run {shlex.quote(name)}` says what would come from there.",
        )
    if "/" in name:  # as no name of a model has
        raise UnknownModel(f"There is no .gguf file {name}.", "`herd search` lists the models.")
    model, variant = _offered(session, wanted)
    named = model.name if model else wanted.name
    held = [each for each in session.herd.store.installed() if each.name == named]
    if as_json:
        session.answer_json(_form(session, model, held))
        return
    blocks = _of_model(session, model, variant, held) if model and variant else []
    blocks += [_of_installed(session, each) for each in held]
    session.answer("\n\n".join("\n".join(block) for block in blocks))
    session.suggest(f"herd run {named}" if held else f"herd install {name}")


def _of_file(session: Session, path: Path, *, as_json: bool) -> None:
    """What a GGUF file says of itself; its weights are not read.

    Raises:
        CannotRun: it is none.
    """
    from herd import gguf_header

    try:
        header = gguf_header.read_file(path)
    except (gguf_header.BadHeader, OSError) as error:
        raise CannotRun(f"{path} is no GGUF model: {error}.") from error
    bytes_of_it = path.stat().st_size
    named = (header.architecture, header.text("general.size_label"), header.quantisation)
    said: dict[str, str | int | None] = {
        "title": header.name,
        "kind": " ".join([each for each in named if each]),
        "context": header.context,
        "licence": header.text("general.license"),
        "template": "the model's own" if header.template else None,
    }
    if as_json:
        session.answer_json({"file": {**said, "size": bytes_of_it}})
        return
    rows = [(label, str(text)) for label, text in said.items() if text]
    session.answer("\n".join([str(path), *pairs(*rows, ("size", size(bytes_of_it)))]))
    session.suggest(f"herd install {path}")


def _offered(session: Session, wanted: Reference) -> tuple[Model, Variant] | tuple[None, None]:
    """What a registry offers under this name.

    Raises:
        UnknownModel: neither a registry nor the store has the name.
    """
    try:
        choice = session.herd.registry.find(wanted)
    except UnknownModel:
        if not any(each.name == wanted.name for each in session.herd.store.installed()):
            raise
        session.herd.store.find(wanted)
        return None, None
    return choice.model, choice.variant


def _form(session: Session, model: Model | None, held: list[Installed]) -> Form:
    return {
        "offered": model_form(model, held) if model else None,
        "installed": [
            installed_form(session.herd, each) | _loading_form(session, each) for each in held
        ],
    }


def _loading_form(session: Session, model: Installed) -> Form:
    """How it would be loaded now, and why so."""
    if not model.format.is_runnable:
        return {}
    placement = session.herd.placement(model)
    return {
        "template": whose_template(session.herd.loadable(model)),
        "sees_images": projector(model) is not None,
        "verdict": str(placement.verdict),
        "why": list(placement.why),
        "memory": placement.needs.total,
    }


def _of_model(
    session: Session, model: Model, variant: Variant, held: list[Installed]
) -> list[list[str]]:
    origin = pairs(*_origin(session.herd.registry, model))
    about = [f"{model.name}  {model.title}", *_about(model), *_licence(model.licence), *origin]
    variants = ["Variants", *(_variant(each, model, held) for each in model.variants)]
    sources = [f"Sources of {variant.name}, in the order in which they are asked"]
    came = pairs(*_ways(session, variant), ("convert", _converted(variant)))
    return [about, variants, [*sources, *came]]


def _ways(session: Session, variant: Variant) -> list[tuple[str, str]]:
    """The sources of the first file in the order in which they are asked now, and their health."""
    sources = variant.files[0].sources if variant.files else ()
    now = time.time()
    rows = []
    found = ways(sources, session.herd.ranks)
    for at, (way, said) in enumerate(
        zip(found, origins([each.source for each in found]), strict=True)
    ):
        health = way.health(now)
        said = f"{said} ({health})" if health else said
        rows.append(("then" if at else "from", said))
    return rows


def _origin(registry: Registry, model: Model) -> list[tuple[str, str]]:
    """The registry that it comes from, and those whose word under this name does not count."""
    it = registry.origin(model)
    where = f" from {it.location}" if it and it.trust not in (Trust.SHIPPED, Trust.OWN) else ""
    rows = [("registry", f"{it.name}, {it.trust}{where}")] if it else []
    names = (model.name, *model.aliases)
    hidden = [each for each in registry.hidden if each.name in names]
    return rows + [("", f"{each.registry} offers {each.name} too: hidden") for each in hidden]


def _about(model: Model) -> list[str]:
    known = [model.family, model.parameters, model.role]
    return pairs(
        ("", model.summary),
        ("status", _status(model)),
        ("kind", ", ".join(word for word in known if word)),
        ("aliases", ", ".join(model.aliases)),
        ("context", f"{model.context:,} tokens" if model.context else ""),
        ("template", describe.whose_template(model.template)),
    )


def _status(model: Model) -> str:
    if model.status is Status.ACTIVE:
        return ""
    word = "withdrawn" if model.status is Status.REVOKED else str(model.status)
    after = f"; {model.replaced_by} replaces it" if model.replaced_by else ""
    return f"{word}: {model.reason or 'no reason is given'}{after}"


def _licence(licence: Licence) -> list[str]:
    passed_on = "" if licence.is_redistributable else "the bytes may not be passed on"
    return pairs(
        ("licence", terms(licence)),
        ("", passed_on),
        ("", licence.note or ""),
        ("", licence.url or ""),
    )


def _variant(variant: Variant, model: Model, held: list[Installed]) -> str:
    notes = [
        "the default" if variant.name == model.default else "",
        "installed" if any(each.variant == variant.name for each in held) else "",
        FORMATS[variant.format],
    ]
    words = [FITS[fit(variant.size, memory())], *(note for note in notes if note)]
    return f"  {variant.name:<10} {size(variant.size):>9}  {', '.join(words)}"


def _converted(variant: Variant) -> str:
    """What an install makes of old files, and what that takes."""
    if variant.format is not Format.GGML:
        return ""
    step = Convert(variant.size, variant.quantisation)
    what = variant.files[0].name if len(variant.files) == 1 else f"{len(variant.files)} files"
    time = "" if step.seconds is None else f" in about {duration(step.seconds)}"
    return f"an install makes a GGUF of {what}{time}; --keep-original keeps both"


def _original(original: Original | None) -> Iterator[tuple[str, str]]:
    """What an installed model was converted from."""
    if original is None:
        return
    by = f"{original.container}, converter {original.converter}"
    for at, file in enumerate(original.files):
        text = f"{file.sha256} {file.name}, {size(file.size)}"
        yield ("made of" if at == 0 else "", f"{text} ({by})")


def _loaded(session: Session, model: Installed) -> str:
    """How it would be loaded now, and why so."""
    placement = session.herd.placement(model)
    return f"{placement.verdict}: {'; '.join(placement.why)}"


def _sees_with(model: Installed) -> str:
    file = projector(model)
    return f"it sees them, with {file.name}" if file else ""


def _of_installed(session: Session, model: Installed) -> list[str]:
    able = model.format.is_runnable
    proof = "verified" if model.is_verified else "unverified: nobody promised a digest"
    return [
        f"Installed: {model.reference}",
        *pairs(
            ("size", size(model.size)),
            ("proof", proof),
            ("came", f"{model.installed_at} from {model.source}"),
            ("licence", terms(model.licence)),
            ("path", str(session.herd.store.path_of(model))),
            ("template", whose_template(session.herd.loadable(model)) if able else ""),
            ("images", _sees_with(model)),
            ("loaded", _loaded(session, model) if able else ""),
            *(("sha256", f"{file.sha256}  {file.name}") for file in model.files),
            *_original(model.original),
        ),
    ]
