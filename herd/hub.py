"""The Hugging Face Hub: which models a repository holds, with their digests.

`hf:user/repo`, then any of `@revision`, `/path/of/a/file.gguf`, `:quantisation`. One
request lists the files; what stands in large-file storage has its sha256 there, and the
answer names the commit, to which the choice is pinned. HF_ENDPOINT and HF_TOKEN count
as they do for fetching.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import quote, urlsplit

from herd.errors import BadUsage, SourceFailed, SourceRefused, UnknownModel
from herd.licences import licence
from herd.model import (
    Choice,
    File,
    Format,
    HfSource,
    Model,
    Sha256,
    Variant,
    is_file_name,
    is_name,
    is_projector,
    is_sha256,
)
from herd.naming import Named, line, named, slug
from herd.plan import Fit, fit
from herd.words import nearest

ENDPOINT = "https://huggingface.co"
MOST = 32 * 1024 * 1024
"""Bytes of a listing."""
FIRST = ("Q4_K_M", "Q4_K_S", "Q5_K_M", "IQ4_XS", "Q4_0", "Q4_1", "Q6_K", "Q8_0", "MXFP4")
"""Quantisations in the order in which one is chosen for a person who named none."""

_REFERENCE = re.compile(
    r"hf:(?P<repo>[\w.-]+/[\w.-]+?)(?:@(?P<revision>[\w.-]+))?"
    r"(?:/(?P<path>[^:]+))?(?::(?P<quantisation>[\w.-]+))?",
    re.ASCII,
)
_COMMIT = re.compile(r"[0-9a-f]{40}")
_OLD = re.compile(r"gg(ml|mf|jt).*\.bin$", re.IGNORECASE)
"""How people called ggml files; a plain `.bin` is of another tool (`pytorch_model.bin`)."""


@dataclass(frozen=True)
class Reference:
    """What a person typed for a model on the Hub."""

    repo: str
    revision: str = "main"
    path: str | None = None
    quantisation: str | None = None


@dataclass(frozen=True)
class Listing:
    """A repository as the Hub tells of it."""

    repo: str
    commit: str
    files: tuple[File, ...]
    """Its GGUF and ggml files, those for pictures left out."""
    licence: str | None = None


def is_reference(text: str) -> bool:
    """Whether the text is meant for the Hub."""
    return text.startswith("hf:")


def reference(text: str) -> Reference:
    """Read a reference.

    Raises:
        BadUsage: it is none.
    """
    found = _REFERENCE.fullmatch(text.strip())
    if found is None:
        raise BadUsage(
            f"{text} is no reference to the Hub.",
            "Write hf:user/repo, and if you like @revision, /file.gguf or :Q4_K_M behind it.",
        )
    return Reference(
        found["repo"], found["revision"] or "main", found["path"], found["quantisation"]
    )


def choose(wanted: Reference, memory: int | None = None) -> Choice:
    """The model that a reference stands for, pinned to a commit.

    Args:
        wanted: What was typed.
        memory: Bytes of this machine; a variant that fits is chosen where none was named.

    Raises:
        UnknownModel: the Hub has no such repository, or that has no such file.
        SourceFailed, SourceRefused: the Hub did not answer, or not us.
    """
    listing = listed(wanted)
    variants = _variants(listing)
    if not variants:
        raise UnknownModel(
            f"{wanted.repo} holds no GGUF file and no ggml file.",
            "Look for a repository whose name ends in -GGUF: others hold weights for other tools.",
        )
    variant = _picked(wanted, variants, memory)
    return Choice(_model(listing, variants, variant), variant)


def listed(wanted: Reference, environ: Mapping[str, str] | None = None) -> Listing:
    """Ask the Hub what a repository holds.

    Raises:
        UnknownModel: it has no such repository or revision.
        SourceFailed: it did not answer.
        SourceRefused: it does not answer us.
    """
    from herd.transfer.ask import Question, ask  # requests come with it: 95 ms

    env = os.environ if environ is None else environ
    endpoint = (env.get("HF_ENDPOINT", "").strip() or ENDPOINT).rstrip("/")
    revision = quote(wanted.revision, safe="")
    url = f"{endpoint}/api/models/{quote(wanted.repo)}/revision/{revision}?blobs=true"
    try:
        reply = ask(Question(url, token=env.get("HF_TOKEN", "").strip() or None, most=MOST))
    except SourceFailed as error:
        told = f"What {wanted.repo} holds could not be asked: {error.message}."
        hint = error.hint or "Look after the network, and type the same again."
        raise type(error)(told, hint) from error
    where = urlsplit(endpoint).hostname or endpoint
    if reply.status in (401, 403):
        raise SourceRefused(
            f"{where} does not show {wanted.repo} to us ({reply.status}): it is gated, private or "
            "not there",
            "For a gated model accept its licence on its page and set HF_TOKEN.",
        )
    if reply.status == 404:
        at = "" if wanted.revision == "main" else f" at {wanted.revision}"
        raise UnknownModel(f"{where} has no repository {wanted.repo}{at}.", "Check its spelling.")
    if reply.status != 200 or reply.is_web_page:
        raise SourceFailed(f"{where} cannot tell what {wanted.repo} holds ({reply.status})")
    return _read(wanted.repo, reply.content, where)


def _read(repo: str, content: bytes, where: str) -> Listing:
    try:
        told = json.loads(content)
        commit, siblings = told["sha"], told["siblings"]
        if not _COMMIT.fullmatch(commit):
            raise ValueError(commit)
        files = [_file(repo, commit, each) for each in siblings]
        card = told.get("cardData") or {}
        told_licence = card.get("license") if isinstance(card, dict) else None
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise SourceFailed(f"{where} answered with something else than a listing") from error
    known = line(told_licence, 64) if isinstance(told_licence, str) else None
    return Listing(repo, commit, tuple([each for each in files if each]), known or None)


def _file(repo: str, commit: str, told: Mapping[str, Any]) -> File | None:
    """A model file; None for everything else, and for a path that leads out of the repository."""
    path = told["rfilename"]
    name = PurePosixPath(path).name
    is_model = name.lower().endswith(".gguf") and not is_projector(name)
    if not (is_model or _OLD.search(name)) or not all(
        is_file_name(part) for part in path.split("/")
    ):
        return None
    large = told.get("lfs") or {}
    digest, size = large.get("sha256") or large.get("oid"), large.get("size") or told.get("size")
    return File(
        name=name,
        sources=(HfSource(repo, commit, path),),
        size=size if type(size) is int and size > 0 else None,
        sha256=Sha256(digest) if isinstance(digest, str) and is_sha256(digest) else None,
    )


def _variants(listing: Listing) -> tuple[Variant, ...]:
    """One for each quantisation, with all of its shards; incomplete ones are left out."""
    groups: dict[tuple[object, ...], list[tuple[Named, File]]] = {}
    for file in sorted(listing.files, key=lambda each: (_is_old(each), _path(each))):
        it = named(file.name)
        group = (PurePosixPath(_path(file)).parent, it.stem, it.quantisation, it.shards)
        groups.setdefault(group, []).append((it, file))
    made: dict[str, Variant] = {}
    for members in groups.values():
        first, file = members[0]
        if [it.shard for it, _ in members] != list(range(1, first.shards + 1)):
            continue
        name = first.variant
        if name in made:
            name = slug(PurePosixPath(file.name).stem)
        if is_name(name) and name not in made:
            files = tuple([each for _, each in members])
            form = Format.GGML if _is_old(file) else Format.GGUF
            made[name] = Variant(name, files, form, first.quantisation)
    return tuple(made.values())


def _is_old(file: File) -> bool:
    return _OLD.search(file.name) is not None


def _path(file: File) -> str:
    source = file.sources[0]
    return source.path if isinstance(source, HfSource) else file.name


def _picked(wanted: Reference, variants: Sequence[Variant], memory: int | None) -> Variant:
    """The variant that was named, or the best that fits.

    Raises:
        UnknownModel: the repository has no such file or quantisation.
    """
    if wanted.path is not None:
        paths = {_path(file): each for each in variants for file in each.files}
        return paths.get(wanted.path) or _missing(wanted.repo, wanted.path, list(paths))
    if wanted.quantisation is not None:
        asked = wanted.quantisation.lower()
        names = {each.name: each for each in variants}
        names |= {each.quantisation.lower(): each for each in variants if each.quantisation}
        return names.get(asked) or _missing(wanted.repo, asked, [each.name for each in variants])
    return _best(variants, memory)


def _missing(repo: str, wanted: str, there: list[str]) -> Variant:
    near = nearest(wanted, there)
    hint = near[:1].upper() + near[1:] or f"It has {', '.join(there[:12])}."
    raise UnknownModel(f"{repo} has no {wanted}.", hint)


def _best(variants: Sequence[Variant], memory: int | None) -> Variant:
    current = [each for each in variants if each.format is Format.GGUF]
    variants = current or variants
    fitting = [each for each in variants if fit(each.size, memory) in (Fit.FITS, Fit.UNKNOWN)]
    for quantisation in FIRST:
        if found := next((each for each in fitting if each.quantisation == quantisation), None):
            return found
    if fitting:
        return max(fitting, key=lambda each: each.size or 0)
    return min(variants, key=lambda each: each.size or 0)


def _model(listing: Listing, variants: tuple[Variant, ...], variant: Variant) -> Model:
    title = listing.repo.partition("/")[2]
    stem = re.sub(r"[-_.](gguf|ggml)$", "", title, flags=re.IGNORECASE)
    return Model(
        name=slug(stem) or "model",
        title=stem,
        variants=variants,
        default=variant.name,
        licence=licence(listing.licence),
        summary=f"From {listing.repo} on the Hub.",
        registry=None,
    )
