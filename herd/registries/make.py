"""A registry of a folder of models, for whoever publishes one.

Every file is read once: its digest, its size, its piece table for the torrent. What the
header of a GGUF says of itself goes into the entry; what it does not say is left out.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from herd import gguf_header, magnet, proving
from herd.errors import BadUsage
from herd.gguf_header import BadHeader, Header
from herd.licences import licence
from herd.model import (
    File,
    MagnetSource,
    Model,
    Source,
    TorrentSource,
    UrlSource,
    Variant,
    is_file_name,
    is_name,
)
from herd.naming import Named, line, named
from herd.pieces import Proof, Table
from herd.progress import Gauge, Stage
from herd.registry import writing
from herd.transfer.part import check
from herd.transfer.torrent_make import Around, Made, V1Maker, from_table, hybrid

_STEP = 1 << 20


@dataclass(frozen=True)
class Brief:
    """What the publisher wants."""

    base: str
    """The address of the folder in which the files will lie."""
    name: str = "mine"
    """Of the registry."""
    licence: str | None = None
    """For models whose files do not say theirs."""
    has_torrents: bool = False
    is_hybrid: bool = False
    """Whether clients that know only BitTorrent v1 can use the torrents too; hashed once more."""
    trackers: tuple[str, ...] = ()


@dataclass(frozen=True)
class Published:
    """One file, ready to be put at its address."""

    path: Path
    file: File
    torrent: bytes | None
    """The content of its .torrent."""
    magnet: str | None
    """The magnet as a text, with its web seed."""


@dataclass(frozen=True)
class Registry:
    """What was made."""

    text: str
    models: tuple[Model, ...]
    files: tuple[Published, ...]
    skipped: tuple[str, ...] = ()
    """Sentences on files that are no models."""


def make(
    place: Path,
    brief: Brief,
    gauge: Gauge | None = None,
    stop: threading.Event | None = None,
    today: Callable[[], str] | None = None,
) -> Registry:
    """A registry of the models in a folder, or of one file.

    Raises:
        BadUsage: there is no model, or the address is none.
        Interrupted: it was stopped.
    """
    base = _base(brief.base)
    paths, skipped = _models(place)
    if not paths:
        raise BadUsage(f"{place} holds no GGUF file.", "Name a folder of models, or a .gguf file.")
    gauge, stop = gauge or Gauge(), stop or threading.Event()
    passes = 2 if brief.is_hybrid else 1
    gauge.begin(Stage.VERIFYING, passes * sum(path.stat().st_size for path, _ in paths))
    done = [(header, _published(path, base, brief, gauge, stop)) for path, header in paths]
    models = tuple(_grouped(done, brief))
    text = writing.document(brief.name, models, today() if today else None)
    return Registry(text, models, tuple([each for _, each in done]), tuple(skipped))


def _base(text: str) -> str:
    why = magnet.flaw(text, ("https", "http"))
    if why:
        raise BadUsage(f"{text} {why}.", "--url takes the address of the folder of the files.")
    return text.rstrip("/") + "/"


def _models(place: Path) -> tuple[list[tuple[Path, Header]], list[str]]:
    """Files that are models, in the order of their names, and why others are none."""
    if not place.exists():
        raise BadUsage(f"There is no {place}.")
    paths = [place] if place.is_file() else sorted(place.glob("*.gguf"))
    found: list[tuple[Path, Header]] = []
    skipped: list[str] = []
    for path in paths:
        try:
            header = gguf_header.read_file(path)
        except (BadHeader, OSError) as error:
            skipped.append(f"{path.name} is left out: {error}.")
            continue
        if is_file_name(path.name):
            found.append((path, header))
        else:
            skipped.append(f"{path.name} is left out: no safe name for a file everywhere.")
    return found, skipped


def _read(path: Path, gauge: Gauge, stop: threading.Event) -> Proof:
    """The digest and the pieces of a file.

    Raises:
        BadUsage: it cannot be read.
        Interrupted: it was stopped.
    """
    gauge.note(path.name)

    def took(count: int) -> None:
        check(stop)
        gauge.advance(count)

    try:
        return proving.prove(path, took)
    except OSError as error:
        raise BadUsage(f"{path} cannot be read: {error.strerror}.") from error


def _first_hashes(path: Path, gauge: Gauge, stop: threading.Event) -> bytes:
    """The hashes of BitTorrent v1, in a pass of their own: few need them.

    Raises:
        BadUsage: it cannot be read.
        Interrupted: it was stopped.
    """
    maker = V1Maker(path.name, path.stat().st_size)
    try:
        with path.open("rb") as stream:
            while content := stream.read(_STEP):
                check(stop)
                maker.update(content)
                gauge.advance(len(content))
    except OSError as error:
        raise BadUsage(f"{path} cannot be read: {error.strerror}.") from error
    return maker.hashes()


def _published(
    path: Path, base: str, brief: Brief, gauge: Gauge, stop: threading.Event
) -> Published:
    url = base + quote(path.name)
    proof = _read(path, gauge, stop)
    hashes = _first_hashes(path, gauge, stop) if brief.is_hybrid else None
    table = proof.table()
    sources: list[Source] = [UrlSource(url)]
    made = _torrent(path.name, table, hashes, url, brief) if brief.has_torrents else None
    if made is not None:
        sources += [made.magnet, TorrentSource(f"{url}.torrent")]
    file = File(path.name, tuple(sources), table.size, proof.sha256)
    text = None if made is None else _magnet(made.magnet, table.size, url)
    return Published(path, file, None if made is None else made.raw, text)


def _torrent(name: str, table: Table, hashes: bytes | None, url: str, brief: Brief) -> Made:
    around = Around(trackers=brief.trackers, web_seeds=(url,))
    return (
        from_table(name, table, around) if hashes is None else hybrid(name, table, hashes, around)
    )


def _magnet(source: MagnetSource, size: int, url: str) -> str:
    return f"{magnet.render(source, size)}&ws={quote(url, safe='')}"


def _grouped(done: Sequence[tuple[Header, Published]], brief: Brief) -> Iterable[Model]:
    """The models: files of one name are variants, shards are one variant."""
    groups: dict[str, dict[str, list[tuple[Named, Header, File]]]] = {}
    for header, each in done:
        it = named(each.file.name)
        variants = groups.setdefault(it.model or "model", {})
        variants.setdefault(_variant_name(it, header), []).append((it, header, each.file))
    for name, variants in groups.items():
        first = next(iter(variants.values()))[0][1]
        yield _model(name, first, variants, brief)


def _variant_name(it: Named, header: Header) -> str:
    told = (header.quantisation or "").lower()
    return it.variant if it.quantisation or not is_name(told) else told


def _model(
    name: str,
    header: Header,
    variants: dict[str, list[tuple[Named, Header, File]]],
    brief: Brief,
) -> Model:
    made = [
        Variant(
            name=variant,
            files=tuple([file for _, _, file in sorted(members, key=lambda each: each[0].shard)]),
            quantisation=members[0][0].quantisation or members[0][1].quantisation,
        )
        for variant, members in variants.items()
    ]
    return Model(
        name=name,
        title=line(header.name, 200) or name,
        variants=tuple(made),
        default=made[0].name,
        licence=licence(brief.licence or line(header.text("general.license"), 64)),
        family=line(header.architecture, 64) or None,
        parameters=line(header.text("general.size_label"), 64) or None,
        role="chat" if header.template else "base",
        context=header.context if (header.context or 0) > 0 else None,
    )
