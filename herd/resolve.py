"""From what a person typed to what is to be installed: a name, an address, a magnet, a path."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urlsplit

from herd import gguf_header, hub, legacy, magnet, torrent_file
from herd.errors import BadUsage, CannotRun, SourceFailed, UnknownModel
from herd.gguf_header import BadHeader
from herd.licences import licence
from herd.magnet import Magnet
from herd.model import (
    Choice,
    File,
    Format,
    HfSource,
    Licence,
    MagnetSource,
    Model,
    PathSource,
    Sha256,
    Source,
    SwarmState,
    TorrentSource,
    UrlSource,
    Variant,
    is_file_name,
    is_name,
    is_sha256,
    reference,
)
from herd.naming import line, named
from herd.places import expanded
from herd.record import LONGEST
from herd.registry import Registry
from herd.registry.catalogue import Trust
from herd.shards import shards
from herd.words import nearest

_ENDINGS = (".gguf", ".bin", ".torrent")
_MOST_BESIDE = 1000
"""Files of a folder that a misspelt path is compared with."""


@dataclass(frozen=True)
class Promise:
    """What the person says beside the address."""

    sha256: str | None = None
    name: str | None = None
    """The name to install under (`--as`)."""
    template: str | None = None
    """The name of the prompt that an old file was made for (`--template`)."""


def resolve(
    text: str,
    registry: Registry,
    promise: Promise | None = None,
    memory: Callable[[], int | None] = lambda: None,
) -> Choice:
    """The model that the text stands for.

    Args:
        text: What was typed.
        registry: What registries offer.
        promise: What the person said beside it.
        memory: Bytes of memory, by which a variant is chosen where none was named.

    Raises:
        UnknownModel: neither a registry nor the Hub has this name.
        SourceFailed: the Hub was asked and did not answer.
        BadUsage: the text is an address that herd cannot use.
        LegacyError: it is the path of a ggml file that herd does not convert.
        CannotRun: it is the path of a GGUF file that is cut short.
        SourceRefused: it is the path of a .torrent without a model, or of a trap.
    """
    promise = promise or Promise()
    _check(promise)
    if magnet.is_magnet(text):
        return _of_magnet(magnet.parse(text), registry, promise)
    if hub.is_reference(text):
        return _own(_of_hub(text, promise, memory), registry)
    outside = _outside(text.strip())
    if outside is None:
        return _offered(text, registry, promise)
    inside = torrent_file.model_in(outside[0])
    choice = _choice(outside[0], inside.name if inside else outside[1], promise)
    if inside:
        choice = _sized(choice, inside.size)
    if choice.variant.format is Format.GGML and promise.name is None:
        choice = _beside(choice, registry)
    return _own(choice, registry)


def _beside(choice: Choice, registry: Registry) -> Choice:
    """Under another name where the registry has it: a ggml file is often called as its model."""
    name = choice.model.name
    if not registry.offers(name):
        return choice
    return replace(choice, model=replace(choice.model, name=f"own-{name}"[:64]))


def _own(choice: Choice, registry: Registry) -> Choice:
    """A choice of the person's own, under a name that the registry leaves free."""
    if registry.offers(choice.model.name):
        raise BadUsage(
            f"The registry has another model named {choice.model.name}.",
            "Add --as NAME to install this file under a name of its own.",
        )
    return choice


def alike(choice: Choice, registry: Registry) -> tuple[Choice, ...]:
    """The registry's ggml models whose files have the sizes of these: only a digest can tell."""
    sizes = [file.size for file in choice.variant.files]
    return tuple(
        Choice(model, variant)
        for model in registry.models
        for variant in model.variants
        if variant.format is Format.GGML
        and [file.size for file in variant.files] == sizes
        and all(file.sha256 for file in variant.files)
    )


def at_home(offered: Choice, own: Choice) -> Choice:
    """The registry's choice, whose files are had where the person's own choice has them."""
    files = tuple(
        replace(file, sources=tuple(dict.fromkeys((*mine.sources, *file.sources))))
        for file, mine in zip(offered.variant.files, own.variant.files, strict=True)
    )
    told = f"That is {offered.reference} of the registry, by its digest."
    variant = replace(offered.variant, files=files)
    return Choice(offered.model, variant, (*offered.remarks, told))


def _of_magnet(found: Magnet, registry: Registry, promise: Promise) -> Choice:
    """The registry's own choice where it knows this swarm: it knows the digest as well."""
    source = found.source
    known = registry.find_magnet(source) if promise == Promise() else None
    if known is None:
        name = source.display_name or f"{source.v1 or source.v2}"[:12]
        choice = _sized(_choice(source, name, promise), found.size)
        return _own(replace(choice, remarks=found.remarks), registry)
    choice, named = known
    if named.state is SwarmState.REVOKED:
        return replace(choice, remarks=(*found.remarks, *_withdrawn(choice, named)))
    told = f"That is {choice.reference} of the registry, which knows its digest."
    return replace(choice, remarks=(*found.remarks, told))


def _sized(choice: Choice, size: int | None) -> Choice:
    """The choice of one file, whose size somebody told."""
    sized = replace(choice.variant, files=(replace(choice.variant.files[0], size=size),))
    return Choice(replace(choice.model, variants=(sized,)), sized, choice.remarks)


def _of_hub(text: str, promise: Promise, memory: Callable[[], int | None]) -> Choice:
    """What the Hub lists; the file that was named, unpromised, where it lists nothing."""
    wanted = hub.reference(text)
    try:
        choice = hub.choose(wanted, memory())
    except SourceFailed as error:
        if wanted.path is None:
            raise
        source = HfSource(wanted.repo, wanted.revision, wanted.path)
        choice = _choice(source, PurePosixPath(wanted.path).name, promise)
        return replace(choice, remarks=(f"{error.message}; nobody promises its digest.",))
    files = choice.variant.files
    if promise.sha256 and [file.sha256 for file in files] != [promise.sha256.lower()]:
        raise BadUsage(
            f"The Hub gives {files[0].name} another digest: {files[0].sha256}.",
            "Leave --sha256 out, or name another file.",
        )
    model = _taught(choice.model, promise)
    return replace(choice, model=replace(model, name=promise.name or model.name))


def _withdrawn(choice: Choice, named: MagnetSource) -> tuple[str, ...]:
    """What became of a magnet that the registry lists as revoked."""
    why = (named.note or "nobody says why").rstrip(".")
    told = f"The registry lists that magnet as revoked: {why}."
    sources = [source for file in choice.variant.files for source in file.sources]
    live = [
        source
        for source in sources
        if isinstance(source, MagnetSource) and source.state is not SwarmState.REVOKED
    ]
    if not live:
        return told, f"The registry has the file as {choice.reference}."
    return told, f"{choice.reference} comes by its successor instead: {magnet.render(live[0])}"


def _offered(text: str, registry: Registry, promise: Promise) -> Choice:
    if promise.name or promise.template:
        raise _of_the_registry(text)
    if not text.strip() or any(mark in text for mark in "/\\?*"):
        raise UnknownModel(
            f"There is no file {text} and no model of that name.",
            _nearly(text) or "`herd search` lists the models; a path needs an existing file.",
        )
    choice = _marked(registry.find(reference(text)), registry)
    return choice if promise.sha256 is None else _vouched(text, choice, promise.sha256)


def _marked(choice: Choice, registry: Registry) -> Choice:
    """The choice, and a remark where nobody signed the registry that offers it."""
    origin = registry.origin(choice.model)
    if origin is None or origin.trust is not Trust.UNSIGNED:
        return choice
    told = f"{choice.model.name} is offered by {origin.name} ({origin.location}), unsigned."
    return replace(choice, remarks=(*choice.remarks, told))


def _vouched(text: str, choice: Choice, digest: str) -> Choice:
    """A model of old days whose digest nobody wrote down, with the person's word for it."""
    first, *others = choice.variant.files
    if others or first.sha256 is not None:
        raise _of_the_registry(text)
    file = replace(first, sha256=Sha256(digest.lower()))
    return replace(choice, variant=replace(choice.variant, files=(file,)))


def _of_the_registry(text: str) -> BadUsage:
    return BadUsage(
        f"{text} is a name of the registry, which knows its digest and its template.",
        "--sha256, --as and --template go with an address, a magnet or a path.",
    )


def _nearly(text: str) -> str | None:
    """The files near a path that is not there, as a question."""
    path = expanded(text)
    try:
        there = [each.name for each in path.parent.iterdir() if each.suffix in _ENDINGS]
    except (OSError, ValueError):
        return None
    near = nearest(path.name, there[:_MOST_BESIDE])
    return near[:1].upper() + near[1:] if near else None


def _check(promise: Promise) -> None:
    if promise.template is not None:
        legacy.named(promise.template)
    if promise.sha256 is not None and not is_sha256(promise.sha256.lower()):
        raise BadUsage("--sha256 takes 64 hex digits.", "`sha256sum FILE` prints them.")
    if promise.name is not None and not is_name(promise.name):
        raise BadUsage(
            f"{promise.name!r} cannot name a model.",
            "Use lower-case letters, digits, dots, dashes and underscores.",
        )


def _outside(text: str) -> tuple[Source, str] | None:
    """A source that is not a name of the registry, and what to call its file."""
    if text.lower().startswith(("http://", "https://")):
        return _address(text)
    if not text:
        raise BadUsage("The name is empty.", "`herd search` lists the models.")
    scheme, mark, _ = text.partition("://")
    if mark and scheme.isalpha():
        raise BadUsage(
            f"herd does not fetch by {scheme.lower()}.",
            "Write https:// or http://, or the path of a file alone.",
        )
    path = expanded(text)
    if path.is_dir():
        raise BadUsage(f"{text} is a folder.", "Name the .gguf file in it.")
    if not path.is_file():
        return None
    if path.suffix.lower() == ".torrent":
        return TorrentSource(str(path.absolute())), path.stem
    return PathSource(str(path.absolute())), path.name


def _address(text: str) -> tuple[Source, str]:
    try:
        parts = urlsplit(text)
        host = parts.hostname
    except ValueError as error:
        raise BadUsage(f"{text} is not an address: {error}.") from error
    if not host or parts.username or parts.password:
        raise BadUsage(f"{text} is not an address that herd uses.", "Write https://host/path.")
    name = PurePosixPath(unquote(parts.path)).name
    if name.lower().endswith(".torrent"):
        return TorrentSource(text), name.removesuffix(".torrent")
    return UrlSource(text), name or host


def _choice(source: Source, file_name: str, promise: Promise) -> Choice:
    found = named(file_name)
    name = promise.name or found.model
    if name is None:
        raise BadUsage(f"No name for a model can be made of {file_name!r}.", "Add --as NAME.")
    safe = file_name if is_file_name(file_name) else f"{name}.gguf"
    digest = Sha256(promise.sha256.lower()) if promise.sha256 else None
    files = [_file(each, called, digest) for each, called in shards(source, safe)]
    if len(files) > 1 and digest:
        raise _vouched_for_one(file_name, len(files))
    file = files[0]
    one = Variant(found.variant, tuple(files), Format.GGUF, found.quantisation)
    if isinstance(source, PathSource) and legacy.recognise(Path(source.path)):
        one = _old(Path(source.path), file)
    for each in one.files:
        _require_whole(each)
    model = Model(name, found.stem, (one,), one.name, _terms(source), summary="", registry=None)
    return Choice(_taught(model, promise), one)


def _terms(source: Source) -> Licence:
    """The licence that the header of a file on this machine names."""
    if isinstance(source, PathSource):
        with suppress(BadHeader, OSError), Path(source.path).open("rb") as stream:
            header = gguf_header.read(stream, is_brief=True)
            return licence(line(header.text("general.license"), LONGEST))
    return licence(None)


def _require_whole(file: File) -> None:
    """Refuse a file of this machine that is cut short, and that no digest was promised for."""
    source = file.sources[0]
    if isinstance(source, PathSource) and file.sha256 is None:
        with suppress(OSError):  # who reads it says so
            if lack := gguf_header.lack(Path(source.path)):
                raise CannotRun(
                    f"{source.path} is cut short: {lack}.", "Fetch it again, from where it came."
                )


def _file(source: Source, name: str, digest: Sha256 | None) -> File:
    length = Path(source.path).stat().st_size if isinstance(source, PathSource) else 0
    return File(name=name, sources=(source,), size=length or None, sha256=digest)


def _vouched_for_one(name: str, parts: int) -> BadUsage:
    return BadUsage(
        f"{name} has {parts} parts, and --sha256 can vouch for one file.", "Leave --sha256 out."
    )


def _old(path: Path, file: File) -> Variant:
    """A ggml file on this machine, and the parts that lie beside it.

    Raises:
        LegacyError: herd does not convert it.
        BadUsage: a digest was promised for one of several parts.
    """
    found = legacy.inspect(path, legacy.Facts(path.name, called=file.name))
    if len(found.parts) > 1 and file.sha256:
        raise _vouched_for_one(file.name, len(found.parts))
    files = [
        File(file.name + part.name.removeprefix(path.name), (PathSource(str(part)),), size)
        for part in found.parts
        if (size := part.stat().st_size)
    ]
    files[0] = replace(files[0], sha256=file.sha256)
    name = found.quantisation.lower()
    return Variant(name, tuple(files), Format.GGML, found.quantisation)


def _taught(model: Model, promise: Promise) -> Model:
    """The model with the prompt that the person named."""
    if promise.template is None:
        return model
    prompt = legacy.named(promise.template)
    return replace(model, template=prompt.template, stop=prompt.stop)
