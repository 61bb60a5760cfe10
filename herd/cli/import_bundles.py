"""Bundles among the paths of `herd import`: proved, completed where they are torn, installed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from herd.cli.session import Session
from herd.errors import LicenceNotAccepted
from herd.words import count, size

if TYPE_CHECKING:
    from herd.bundle import Bundle
    from herd.cli.importing import Wishes
    from herd.unpack import Unpacked, Unpacking


def unbundle(session: Session, path: Path, wishes: Wishes) -> bool:
    """Install the bundles of a folder; False where there are none.

    One bundle's trouble does not keep the others from coming.

    Raises:
        HerdError: as `read` and `Unpacker.unpack`; the last of them, those before it are told.
    """
    from herd.bundle import find, read
    from herd.unpack import Unpacking

    folders = find(path)

    def install_one(folder: Path) -> None:
        bundle = read(folder)
        if wishes.dry_run:
            _show(session, bundle)
            return
        wanted = Unpacking(
            bundle,
            wishes.name,
            wishes.others,
            is_licence_accepted=wishes.accept_licence,
            is_offline=wishes.offline,
        )
        _report(session, _unpacked(session, wanted))

    session.for_each(folders, install_one)
    return bool(folders)


def _show(session: Session, bundle: Bundle) -> None:
    installed = bundle.installed
    session.answer(f"{installed.reference}  {size(installed.size)}  {bundle.folder}")


def _unpacked(session: Session, wanted: Unpacking) -> Unpacked:
    """Unpack, after asking for the licence where it must be accepted and somebody can."""
    try:
        return _run(session, wanted)
    except LicenceNotAccepted:
        licence = wanted.bundle.installed.licence
        if not session.can_ask:
            raise
        session.say("\n".join(line for line in (licence.note, licence.url) if line))
        if not session.confirm(f"Do you accept {licence.id}?", default=False):
            raise
    return _run(session, replace(wanted, is_licence_accepted=True))


def _run(session: Session, wanted: Unpacking) -> Unpacked:
    from herd.cli.task import done

    unpacker = session.herd.unpacker
    name = wanted.bundle.folder.name
    return done(session, name, wanted.gauge, wanted.stop, lambda: unpacker.unpack(wanted))


def _report(session: Session, unpacked: Unpacked) -> None:
    from herd.unpack import lacks

    installed = unpacked.installed
    if unpacked.was_there:
        session.say(f"{installed.reference} is installed already.")
        return
    for lack in unpacked.lacked:
        session.say(f"The bundle is torn: {lacks(lack)}.")
    for each in unpacked.completed:
        pieces = count(each.pieces, "piece")
        session.say(f"Completed {each.file.name}: {pieces} from {', '.join(each.givers)}.")
    proof = "verified" if installed.is_verified else "proved by its own digests; no registry has it"
    session.say(f"Imported {installed.reference} from a bundle: {size(installed.size)}, {proof}.")
    session.suggest(f"herd run {installed.name}")
