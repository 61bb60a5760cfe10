"""What a manifest says of a model: in its registry's words, else in those of its header.

A header comes from anywhere: its texts are cut short and made fit to be shown.
"""

from __future__ import annotations

from dataclasses import replace

from herd.chat import now
from herd.gguf_header import Header
from herd.licences import UNKNOWN, licence
from herd.model import Installed, InstalledFile, Model, Variant
from herd.naming import line

LONGEST = 200
"""Characters of a title, a licence, a family; a header may have millions."""


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


def with_header(installed: Installed, header: Header) -> Installed:
    """The manifest with what its header says, where nobody else said it.

    Args:
        installed: What is known without the header: its licence may be "unknown".
        header: Of its first file.
    """
    named = installed.licence.id != UNKNOWN
    return replace(
        installed,
        title=line(header.name, LONGEST) or installed.title,
        licence=installed.licence if named else licence(_said(header, "general.license")),
        family=installed.family or _said(header, "general.architecture"),
        parameters=installed.parameters or _said(header, "general.size_label"),
        quantisation=installed.quantisation or header.quantisation,
        role=_role(header, is_taught=installed.template is not None),
        context=installed.context or header.context,
    )


def _said(header: Header, key: str) -> str | None:
    return line(header.text(key), LONGEST) or None


def _role(header: Header, *, is_taught: bool) -> str:
    if header.kind == "adapter":
        return "adapter"
    return "chat" if header.template or is_taught else "base"
