"""From a document to models. Every key that herd does not know is refused by name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from herd.model import Commercial, Licence, Model, Sampling, Status
from herd.registry import document, shape
from herd.registry.document import Field, Section, refuse_unknown
from herd.registry.layer import Layer
from herd.registry.rules import (
    between,
    key_name,
    line,
    listed,
    name,
    one_of,
    passage,
    real,
    web,
)
from herd.registry.shape import ModelRole
from herd.registry.sources import is_pinned
from herd.registry.variants import Digests, variants

SCHEMA = 1
"""The version of the format. A later one is refused, not guessed at."""


@dataclass(frozen=True)
class Context:
    """What holds for a whole document while its models are read."""

    registry: str
    templates: Mapping[str, str]
    digests: Digests
    lines: dict[str, int]
    """Where each name and alias stands."""
    updated: str | None = None


def read(content: bytes, origin: str, fallback_name: str | None = None) -> Layer:
    """What a registry offers.

    Args:
        content: The document.
        origin: The file, for messages.
        fallback_name: The name of the registry when it gives none.

    Raises:
        RegistryError: the document does not read; nothing of it is used.
    """
    top = document.read(content, origin)
    context = begin(top, origin, fallback_name)
    fields = top.must("models", Field.section).fields.values()
    return layer(origin, context, [model(each, context) for each in fields])


def begin(top: Section, origin: str, fallback_name: str | None) -> Context:
    """What a document says before its models.

    Raises:
        RegistryError: this part does not read, or there is a key that herd does not know.
    """
    top.must("schema", _schema)
    top.only(shape.TOP.keys())
    own = top.maybe("registry", _registry) or {}
    templates = top.maybe("templates", _templates) or {}
    name_of_it = own.get("name") or fallback_name or origin
    return Context(name_of_it, templates, Digests(), {}, own.get("updated"))


def layer(origin: str, context: Context, models: Sequence[Model]) -> Layer:
    """What was read, as one registry."""
    return Layer(
        origin=origin,
        name=context.registry,
        models=tuple(models),
        names=[(each.name, *each.aliases) for each in models],
        lines=context.lines,
        updated=context.updated,
    )


def _schema(field: Field) -> int:
    version = field.whole()
    if version != SCHEMA:
        raise field.wrong(
            f"is {version}, and this herd reads {SCHEMA}.",
            "A newer herd may read it." if version > SCHEMA else None,
        )
    return version


def _registry(field: Field) -> dict[str, str]:
    section = field.section()
    section.only(shape.REGISTRY.keys())
    given = {"name": section.must("name", name), "updated": section.maybe("updated", line)}
    return {key: value for key, value in given.items() if value}


def _templates(field: Field) -> dict[str, str]:
    return {key_name(each): passage(each) for each in field.section().fields.values()}


_role = one_of(ModelRole)
_status = one_of(Status)
_commercial = one_of(Commercial)
_names = listed(name)
_passages = listed(passage)
_tokens = between(1, 1 << 24)


def model(field: Field, context: Context) -> Model:
    """One model.

    Raises:
        RegistryError: it breaks a rule, or has what another model has.
    """
    section = field.section()
    section.only(shape.MODEL.keys())
    offered = section.must("variants", lambda each: variants(each, context.digests))
    found = Model(
        name=_claimed(field, key_name(field), context),
        title=section.must("title", line),
        variants=offered,
        default=section.must("default", name),
        licence=section.must("licence", licence),
        aliases=section.maybe("aliases", lambda each: _aliases(each, context)) or (),
        family=section.maybe("family", line),
        parameters=section.maybe("parameters", line),
        role=(section.maybe("role", _role) or ModelRole.CHAT).value,
        summary=section.maybe("summary", line) or "",
        context=section.maybe("context", _tokens),
        template=section.maybe("template", lambda each: _template(each, context.templates)),
        stop=section.maybe("stop", _passages) or (),
        sampling=section.maybe("sampling", _sampling) or Sampling(),
        epsilon=section.maybe("epsilon", real(1e-12, 1e-2)),
        status=section.maybe("status", _status) or Status.ACTIVE,
        replaced_by=section.maybe("replaced-by", name),
        reason=section.maybe("reason", line),
        registry=context.registry,
        is_recommended=section.maybe("recommended", Field.flag) or False,
    )
    _check(found, section)
    return found


def _check(model: Model, section: Section) -> None:
    """The rules that span several keys of a model."""
    known = [each.name for each in model.variants]
    if model.default not in known:
        refuse_unknown(section.fields["default"], "is not a variant", model.default, known)
    if model.status is not Status.ACTIVE and not model.reason:
        raise section.fields["status"].wrong(f"is {model.status} and the key reason is missing.")
    if model.replaced_by == model.name:
        raise section.fields["replaced-by"].wrong("is the model itself.")
    if model.is_recommended and (why := _not_recommendable(model)):
        raise section.fields["recommended"].wrong(f"cannot be: {why}.")
    if model.status is not Status.HISTORICAL and not _is_complete(model):
        raise _incomplete(section).wrong(
            "the key sha256 is missing.",
            "Only a model with status: historical may lack what nobody wrote down.",
        )


def _not_recommendable(model: Model) -> str | None:
    if model.status is not Status.ACTIVE:
        return f"the model is {model.status}"
    if model.licence.commercial is Commercial.UNKNOWN:
        return "nobody knows what its licence says of commercial use"
    variant = model.variant()
    files = variant.files if variant else ()
    if any(not is_pinned(file.sources[0]) for file in files):
        return "its first source is not pinned to a revision"
    return None


def _is_complete(model: Model) -> bool:
    files = (file for variant in model.variants for file in variant.files)
    return all(file.sha256 is not None for file in files)


def _incomplete(section: Section) -> Field:
    """The first file of a model that lacks its digest."""
    variants_of_it = section.fields["variants"].section().fields.values()
    files = (file for each in variants_of_it for file in each.section().fields["files"].items())
    return next(file for file in files if "sha256" not in file.section().fields)


def _claimed(field: Field, wanted: str, context: Context) -> str:
    """A name or an alias that nothing else in the document has."""
    if wanted in context.lines:
        raise field.wrong(f"{wanted} is taken already, in line {context.lines[wanted]}.")
    context.lines[wanted] = field.line
    return wanted


def _aliases(field: Field, context: Context) -> tuple[str, ...]:
    return tuple([_claimed(each, name(each), context) for each in field.items()])


def _template(field: Field, templates: Mapping[str, str]) -> str:
    """A Jinja template, or the name of one of the registry's `templates`."""
    text = passage(field)
    if "{" in text:
        return text
    if text not in templates:
        refuse_unknown(field, "is neither Jinja nor one of `templates`", text, list(templates))
    return templates[text]


def licence(field: Field) -> Licence:
    """Under which terms.

    Raises:
        RegistryError: it breaks a rule.
    """
    section = field.section()
    section.only(shape.LICENCE.keys())
    is_redistributable = section.maybe("redistributable", Field.flag)
    found = Licence(
        id=section.must("id", line),
        url=section.maybe("url", web),
        commercial=section.maybe("commercial", _commercial) or Commercial.UNKNOWN,
        must_be_accepted=section.maybe("must-be-accepted", Field.flag) or False,
        is_redistributable=is_redistributable is not False,
        note=section.maybe("note", line),
    )
    if found.must_be_accepted and not (found.url or found.note):
        raise field.wrong("must be accepted and says nowhere what it says: give url or note.")
    return found


_share = real(0, 1)


def _sampling(field: Field) -> Sampling:
    section = field.section()
    section.only(shape.SAMPLING.keys())
    return Sampling(
        temperature=section.maybe("temperature", real(0, 5)),
        top_k=section.maybe("top-k", between(0, 1 << 20)),
        top_p=section.maybe("top-p", _share),
        min_p=section.maybe("min-p", _share),
        repeat_penalty=section.maybe("repeat-penalty", real(0, 5)),
        repeat_last_n=section.maybe("repeat-last-n", between(0, 1 << 24)),
        seed=section.maybe("seed", between(0, (1 << 32) - 1)),
        max_tokens=section.maybe("max-tokens", _tokens),
    )
