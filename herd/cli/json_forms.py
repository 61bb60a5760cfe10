"""Models as JSON, for scripts: sizes are bytes, and a key is there even where it is null."""

from __future__ import annotations

from collections.abc import Sequence

from herd.core import Herd, memory
from herd.describe import origins
from herd.model import File, Installed, Licence, Model, Original, Variant
from herd.plan import fit

Form = dict[str, object]


def installed_form(herd: Herd, model: Installed) -> Form:
    """What is known of an installed model."""
    return {
        "reference": str(model.reference),
        "name": model.name,
        "variant": model.variant,
        "title": model.title,
        "role": model.role,
        "licence": licence_form(model.licence),
        "size": model.size,
        "fit": str(fit(model.size, memory())),
        "format": str(model.format),
        "quantisation": model.quantisation,
        "parameters": model.parameters,
        "context": model.context,
        "verified": model.is_verified,
        "registry": model.registry,
        "source": model.source,
        "installed_at": model.installed_at,
        "path": str(herd.store.path_of(model)),
        "original": _original_form(model.original),
        "files": [
            {
                "name": file.name,
                "size": file.size,
                "sha256": file.sha256,
                "blob": str(herd.store.blob(file.sha256)),
            }
            for file in model.files
        ],
    }


def model_form(model: Model, held: Sequence[Installed]) -> Form:
    """What a registry says of a model, and which of its variants are installed."""
    return {
        "name": model.name,
        "aliases": list(model.aliases),
        "title": model.title,
        "summary": model.summary,
        "family": model.family,
        "parameters": model.parameters,
        "role": model.role,
        "licence": licence_form(model.licence),
        "context": model.context,
        "status": str(model.status),
        "reason": model.reason,
        "replaced_by": model.replaced_by,
        "registry": model.registry,
        "default": model.default,
        "variants": [variant_form(each, held) for each in model.variants],
    }


def licence_form(licence: Licence) -> Form:
    """Under which terms."""
    return {
        "id": licence.id,
        "url": licence.url,
        "commercial": str(licence.commercial),
        "must_be_accepted": licence.must_be_accepted,
        "redistributable": licence.is_redistributable,
        "note": licence.note,
    }


def variant_form(variant: Variant, held: Sequence[Installed]) -> Form:
    """One quantisation."""
    return {
        "name": variant.name,
        "quantisation": variant.quantisation,
        "format": str(variant.format),
        "size": variant.size,
        "fit": str(fit(variant.size, memory())),
        "installed": any(each.variant == variant.name for each in held),
        "files": [_file_form(file) for file in variant.files],
    }


def _original_form(original: Original | None) -> Form | None:
    """What it was converted from; null where the bytes are those that came."""
    if original is None:
        return None
    return {
        "container": original.container,
        "converter": original.converter,
        "files": [
            {"name": file.name, "size": file.size, "sha256": file.sha256} for file in original.files
        ],
    }


def _file_form(file: File) -> Form:
    return {
        "name": file.name,
        "size": file.size,
        "sha256": file.sha256,
        "sources": list(origins(file.sources)),
    }
