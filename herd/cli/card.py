"""`herd info`: all that is known of one model, offered or installed or both."""

from __future__ import annotations

import click

from herd.cli import completion, options
from herd.cli.forms import Form, installed_form, model_form
from herd.cli.outline import FITS, from_where, pairs, terms
from herd.cli.session import Session
from herd.cli.verbs import Command
from herd.core import memory
from herd.errors import UnknownModel
from herd.model import Installed, Licence, Model, Reference, Status, Variant, reference
from herd.plan import fit
from herd.words import size


@click.command(cls=Command)
@click.argument("name", shell_complete=completion.known)
@options.as_json
@options.talk
@options.with_session
def info(session: Session, name: str, as_json: bool) -> None:
    """Show all that is known of a model.

    What it is, what its licence allows, which variants fit this machine, where the bytes would
    come from and in which order, and what of it is installed. NAME:VARIANT shows the sources of
    that variant.
    """
    wanted = reference(name)
    model, variant = _offered(session, wanted)
    named = model.name if model else wanted.name
    held = [each for each in session.herd.store.installed() if each.name == named]
    if as_json:
        session.answer_json(_form(session, model, held))
        return
    blocks = _of_model(model, variant, held) if model and variant else []
    blocks += [_of_installed(session, each) for each in held]
    session.answer("\n\n".join("\n".join(block) for block in blocks))
    session.suggest(f"herd run {named}" if held else f"herd install {name}")


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
        "installed": [installed_form(session.herd, each) for each in held],
    }


def _of_model(model: Model, variant: Variant, held: list[Installed]) -> list[list[str]]:
    about = [f"{model.name}  {model.title}", *_about(model), *_licence(model.licence)]
    variants = ["Variants", *(_variant(each, model, held) for each in model.variants)]
    sources = [f"Sources of {variant.name}, in the order in which they are asked"]
    return [about, variants, [*sources, *pairs(*from_where(variant))]]


def _about(model: Model) -> list[str]:
    known = [model.family, model.parameters, model.role]
    return pairs(
        ("", model.summary),
        ("status", _status(model)),
        ("kind", ", ".join(word for word in known if word)),
        ("aliases", ", ".join(model.aliases)),
        ("context", f"{model.context:,} tokens" if model.context else ""),
        ("template", "the registry's" if model.template else "the model's own"),
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
        "" if variant.format.is_runnable else f"{variant.format}: cannot run",
    ]
    words = [FITS[fit(variant.size, memory())], *(note for note in notes if note)]
    return f"  {variant.name:<10} {size(variant.size):>9}  {', '.join(words)}"


def _of_installed(session: Session, model: Installed) -> list[str]:
    proof = "verified" if model.is_verified else "unverified: nobody promised a digest"
    return [
        f"Installed: {model.reference}",
        *pairs(
            ("size", size(model.size)),
            ("proof", proof),
            ("came", f"{model.installed_at} from {model.source}"),
            ("licence", terms(model.licence)),
            ("path", str(session.herd.store.path_of(model))),
            *(("sha256", f"{file.sha256}  {file.name}") for file in model.files),
        ),
    ]
