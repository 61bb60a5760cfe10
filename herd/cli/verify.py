"""`herd verify`: prove what is installed, and say byte by byte what is not as it should be."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import click

from herd.cli import completion, options
from herd.cli.session import Session
from herd.cli.verbs import Command
from herd.errors import BadUsage
from herd.words import count, rate, size, took

if TYPE_CHECKING:
    from herd.model import Installed
    from herd.store.findings import Finding, Report


@click.command(cls=Command)
@click.argument("names", metavar="[NAME]...", nargs=-1, shell_complete=completion.installed)
@click.option("--all", "is_all", is_flag=True, help="Prove every model, and what lies around.")
@click.option("--offline", is_flag=True, help="Ask no network; verify never does.")
@options.as_json
@options.talk
@options.with_session
def verify(
    session: Session, names: tuple[str, ...], is_all: bool, offline: bool, as_json: bool
) -> None:
    """Prove installed models against their digests.

    Reads every byte. Says which bytes are damaged, missing or too many, which names lead
    nowhere, and which permissions are wrong. Without a NAME the whole store is proved. Exit
    code 5 if anything is wrong.
    """
    del offline  # a promise that needs no keeping
    if is_all and names:
        raise BadUsage("--all goes without names.", "Leave one of the two out.")
    models = tuple(session.herd.installed(name) for name in names) or None
    report = proved(session, models)
    if as_json:
        session.answer_json(report_form(report))
    else:
        _tell(session, report)
    if trouble := report.trouble():
        raise trouble


def proved(session: Session, models: tuple[Installed, ...] | None) -> Report:
    """Prove models, or all of the store, and show how far it is.

    Raises:
        Interrupted: the person wants it to end.
    """
    from herd.cli.task import done
    from herd.progress import Gauge
    from herd.store.proof import Work
    from herd.verify import verify as prove

    work = Work(Gauge(), threading.Event())
    store = session.herd.store
    return done(session, "verify", work.gauge, work.stop, lambda: prove(store, models, work))


def finding_lines(finding: Finding) -> list[str]:
    """A finding for a person: who has it, what it is, where it is."""
    who = ", ".join(str(each) for each in finding.models) or "the store"
    return [f"{who}: {finding.text}", f"  {finding.path}"]


def report_form(report: Report) -> dict[str, object]:
    """A report as JSON; sizes and offsets are bytes."""
    return {
        "sound": report.is_sound,
        "models": [str(each) for each in report.models],
        "blobs": report.blobs,
        "size": report.size,
        "seconds": round(report.seconds, 3),
        "findings": [
            {
                "flaw": str(each.flaw),
                "path": str(each.path),
                "sha256": each.sha256,
                "models": [str(model) for model in each.models],
                "damaged": [[span.start, span.stop] for span in each.spans],
                "missing": each.missing,
                "extra": each.extra,
                "text": each.text,
            }
            for each in report.findings
        ],
    }


def _tell(session: Session, report: Report) -> None:
    for finding in report.findings:
        for line in finding_lines(finding):
            session.answer(line)
    pace = f" ({rate(report.size / report.seconds)})" if report.seconds >= 1 else ""
    what = f"{count(len(report.models), 'model')}, {count(report.blobs, 'blob')}"
    session.say(f"Read {what}, {size(report.size)} in {took(report.seconds)}{pace}.")
    if report.is_sound:
        session.say("Every byte is as it was promised." if report.blobs else "Nothing to prove.")
