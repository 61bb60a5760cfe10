"""`herd repair`: bring the damaged pieces, prove the file, say what came from where."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from herd.cli import completion, options
from herd.cli.session import Session
from herd.cli.verbs import Command
from herd.cli.verify import finding_lines, proved
from herd.errors import BadUsage
from herd.words import count, size

if TYPE_CHECKING:
    from herd.model import Installed
    from herd.repair import Repaired, Wanted


@click.command(cls=Command)
@click.argument("names", metavar="[NAME]...", nargs=-1, shell_complete=completion.installed)
@click.option("--all", "is_all", is_flag=True, help="Mend every model.")
@options.places(
    "--from", "places", "Take pieces from another store, a bundle, a folder or a file first."
)
@click.option("--offline", is_flag=True, help="Ask no network.")
@click.option("--dry-run", is_flag=True, help="Say what is damaged, and stop.")
@options.talk
@options.with_session
def repair(
    session: Session,
    names: tuple[str, ...],
    is_all: bool,
    places: tuple[Path, ...],
    offline: bool,
    dry_run: bool,
) -> None:
    """Mend installed models, damaged piece by damaged piece.

    Reads every byte, brings the pieces (4 MiB each) that are not as they should be, and proves
    the whole file before it takes the place of the damaged one. Pieces come from --from PATH,
    then from where the model came from and where the registry says that it is. Sound models
    are left alone, and then no network is asked.
    """
    from herd.repair import Wanted

    if is_all == bool(names):
        raise BadUsage("Name the models to mend, or --all.", "`herd verify` says which need it.")
    models = tuple(session.herd.installed(name) for name in names) or None
    if dry_run:
        _foretell(session, models)
        return
    _report(session, _mended(session, Wanted(models, places, is_offline=offline)))


def _mended(session: Session, wanted: Wanted) -> Repaired:
    from herd.cli.task import done

    session.keep_log()
    repairer = session.herd.repairer
    return done(session, "repair", wanted.gauge, wanted.stop, lambda: repairer.repair(wanted))


def _foretell(session: Session, models: tuple[Installed, ...] | None) -> None:
    report = proved(session, models)
    for finding in report.findings:
        for line in finding_lines(finding):
            session.answer(line)
    if report.is_sound:
        session.say("Nothing is damaged.")


def _report(session: Session, repaired: Repaired) -> None:
    from herd.repair import summary

    for each in repaired.files:
        givers = ", ".join(each.givers) or "what an earlier try had brought"
        pieces = count(each.pieces, "piece")
        session.say(f"{each.file.name}: {pieces}, {size(each.size)}, from {givers}; proved.")
    for finding in repaired.set_right:
        session.say(f"{finding.path}: set right ({finding.text}).")
    for finding in repaired.left:
        for line in finding_lines(finding):
            session.say(line)
    session.say(summary(repaired))
    if repaired.left:
        session.suggest("herd prune")
