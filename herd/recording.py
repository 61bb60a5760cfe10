"""What a manifest says of a model that a registry describes, however its bytes came."""

from __future__ import annotations

from herd.chat import now
from herd.model import Installed, InstalledFile, Model, Variant


def described(
    model: Model, variant: Variant, files: tuple[InstalledFile, ...], source: str
) -> Installed:
    """The manifest of a variant, in the registry's words, of now.

    Args:
        model: As the registry has it.
        variant: Of that model.
        files: What lies in the store.
        source: Where the bytes came from, for people.
    """
    return Installed(
        name=model.name,
        variant=variant.name,
        title=model.title,
        format=variant.format,
        files=files,
        installed_at=now(),
        source=source,
        is_verified=all(file.sha256 is not None for file in variant.files),
        licence=model.licence,
        family=model.family,
        parameters=model.parameters,
        quantisation=variant.quantisation,
        role=model.role,
        summary=model.summary,
        context=model.context,
        template=model.template,
        stop=model.stop,
        sampling=model.sampling,
        registry=model.registry,
    )
