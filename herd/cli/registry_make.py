"""`herd registry make` and `herd registry import`: registries out of files and catalogs."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING

import click

from herd.cli import options
from herd.cli.session import Session
from herd.cli.verbs import Command
from herd.errors import BadUsage
from herd.words import count

if TYPE_CHECKING:
    from herd.registries.make import Registry

FILE = "registry.yaml"


@click.command("make", cls=Command)
@click.argument("place", metavar="FOLDER|FILE", type=click.Path(path_type=Path))
@click.option("--url", required=True, metavar="BASE", help="The address of the folder.")
@click.option("--name", default="mine", metavar="NAME", help="The name of the registry.")
@click.option("--licence", metavar="ID", help="For models whose files do not say theirs.")
@click.option("--torrent", is_flag=True, help="Write a .torrent (BitTorrent v2) beside each file.")
@click.option("--hybrid", is_flag=True, help="For clients of BitTorrent v1 (aria2) as well.")
@click.option("--tracker", "trackers", multiple=True, metavar="URL", help="For the torrents.")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Where; - prints it.")
@options.talk
@options.with_session
def make(
    session: Session,
    place: Path,
    url: str,
    name: str,
    licence: str | None,
    torrent: bool,
    hybrid: bool,
    trackers: tuple[str, ...],
    output: Path | None,
) -> None:
    """Make a registry of a folder of models, to publish it.

    Every file is hashed, and what its header says goes into its entry. The address of a file is
    BASE and its name. With --torrent the files can come from a swarm as well, with BASE as its
    web seed. Put folder and registry.yaml at BASE; others then type `herd registry add`.
    """
    from herd.chat import now
    from herd.cli.task import done
    from herd.progress import Gauge
    from herd.registries.make import Brief, make

    torrent = torrent or hybrid
    if trackers and not torrent:
        raise BadUsage("--tracker goes with --torrent.")
    brief = Brief(url, name, licence, torrent, hybrid, trackers)
    gauge, stop = Gauge(), threading.Event()
    made = done(
        session, "hash", gauge, stop, lambda: make(place, brief, gauge, stop, lambda: now()[:10])
    )
    for sentence in made.skipped:
        session.say(sentence)
    folder = place if place.is_dir() else place.parent
    _write_torrents(session, made)
    if str(output) == "-":
        session.answer(made.text.rstrip("\n"))
        return
    path = output or folder / FILE
    _write(path, made.text.encode())
    session.say(f"Wrote {path}: {count(len(made.models), 'model')}.")
    for each in made.models:
        if each.licence.id == "unknown":
            session.say(f"Nothing says under which licence {each.name} comes: --licence does.")
    session.suggest(f"herd registry check {path}")


def _write_torrents(session: Session, made: Registry) -> None:
    for each in made.files:
        if each.torrent is not None:
            _write(each.path.with_name(f"{each.path.name}.torrent"), each.torrent)
        if each.magnet is not None:
            session.say(f"{each.path.name}: {each.magnet}")


def _write(path: Path, content: bytes) -> None:
    from herd.disk import write_whole, writing

    with writing(path, "Name a file in a folder that is there and that you may write to."):
        write_whole(path, content)


@click.command("import", cls=Command)
@click.argument("location", metavar="URL|PATH")
@click.option("--name", metavar="NAME", help="What to call the registry.")
@options.talk
@options.with_session
def import_(session: Session, location: str, name: str | None) -> None:
    """Make a registry of another program's catalog.

    Of LocalAI's gallery/index.yaml or of GPT4All's models3.json. Only GGUF files with a sha256
    are taken; the rest is counted. The same command again makes it anew.
    """
    from herd.cli.task import done
    from herd.progress import Gauge, Stage
    from herd.registries.convert import convert
    from herd.registries.location import stem

    wanted = name or stem(location).lower()
    gauge, stop = Gauge(), threading.Event()
    gauge.begin(Stage.FETCHING, note=location)
    here = session.herd.places
    made = done(session, "registry", gauge, stop, lambda: convert(here, location, wanted, stop))
    taken = made.taken
    session.say(f"Took {count(len(taken.models), 'model')} of a {taken.kind} into {made.path}.")
    for why, number in taken.left.items():
        session.say(f"Left out {number}: {why}.")
    session.suggest("herd search")
