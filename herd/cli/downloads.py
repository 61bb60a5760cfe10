"""`herd downloads`: what was begun and is not done, by whichever herd of this person."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from herd.cli import options
from herd.cli.session import Session
from herd.cli.verbs import Command, Group
from herd.errors import BadUsage, NotInstalled
from herd.words import bytes_of, rate, size

if TYPE_CHECKING:
    from herd.downloads import Download
    from herd.errors import HerdError
    from herd.jobs import Job

NOTHING = "Nothing is being downloaded, and nothing was left unfinished."
HEADS = ("NAME", "STATE", "DONE", "OF", "RATE", "LIMIT", "NOTE")


@click.group(cls=Group, invoke_without_command=True)
@options.as_json
@click.pass_context
def downloads(context: click.Context, as_json: bool) -> None:
    """Show what was begun, pause it, limit it, go on.

    Downloads are listed until they are done, also when herd was quit meanwhile. What another
    herd runs (the app, another terminal) obeys within a second.
    """
    if context.invoked_subcommand is None:
        context.invoke(list_, as_json=as_json)
    elif as_json:
        raise BadUsage("--json goes with the list alone.", "`herd downloads --json` prints it.")


@downloads.command("list", cls=Command)
@options.as_json
@options.talk
@options.with_session
def list_(session: Session, as_json: bool = False) -> None:
    """List what was begun and is not done, in the order of its turn."""
    found = session.herd.downloads.all()
    if as_json:
        session.answer_json([_form(each) for each in found])
        return
    if not found:
        session.say(NOTHING)
        return
    session.answer_table(HEADS, [_row(each) for each in found], right=("DONE", "OF", "RATE"))


@downloads.command(cls=Command)
@click.argument("names", metavar="[NAME]...", nargs=-1)
@options.talk
@options.with_session
def pause(session: Session, names: tuple[str, ...]) -> None:
    """Let downloads rest: those named, or all; what was fetched is kept."""
    from herd.downloads import Wanted

    for each in _chosen(session, names):
        session.herd.downloads.want(each.name, Wanted.PAUSE)
        rests = f"{each.name} has failed, and rests" if _state(each) == "failed" else ""
        session.say(f"{rests or f'Paused {each.name}'}{_kept(each)}.")


@downloads.command(cls=Command)
@click.argument("names", metavar="[NAME]...", nargs=-1)
@options.talk
@options.with_session
def resume(session: Session, names: tuple[str, ...]) -> None:
    """Go on with downloads: those named, or all.

    What no other herd runs is fetched here and now; after Ctrl-C it is in the list as paused.
    """
    from herd.downloads import Wanted

    jobs: list[Job] = []
    for each in _chosen(session, names):
        session.herd.downloads.want(each.name, Wanted.RUN)
        if each.is_owned:
            session.say(f"{each.name} goes on in the herd that began it.")
        else:
            jobs += session.herd.restore(each.name)
    _follow(session, jobs)


@downloads.command(cls=Command)
@click.argument("names", metavar="[NAME]...", nargs=-1)
@click.option("--all", "is_all", is_flag=True, help="End all of them.")
@options.talk
@options.with_session
def cancel(session: Session, names: tuple[str, ...], is_all: bool) -> None:
    """End downloads, those named or --all, and throw away what was fetched of them."""
    from herd.downloads import Wanted

    if is_all == bool(names):
        raise BadUsage("Name the downloads to end, or --all.", "`herd downloads` lists them.")
    for each in _chosen(session, names):
        session.herd.downloads.want(each.name, Wanted.CANCEL)
        if not each.is_owned:
            for job in session.herd.restore(each.name):
                job.wait()
            session.herd.downloads.remove(each.name)
        session.say(f"Cancelled {each.name}.")


@downloads.command(cls=Command)
@click.argument("words", metavar="[NAME] RATE", nargs=-1, required=True)
@click.option("--upload", is_flag=True, help="Limit what goes out to its swarm instead.")
@options.talk
@options.with_session
def limit(session: Session, words: tuple[str, ...], upload: bool) -> None:
    """Limit one download, or all of them together: `500k`, `2MB`, `none`.

    A RATE is bytes per second. Without a NAME it holds for all downloads of every herd, in
    place of `download_limit` (with --upload: `upload_limit`) of the settings. A swarm gives as
    it is given: little that goes out may make little come.
    """
    *names, text = words
    bytes_per_second = None if text.lower() == "none" else bytes_of(text)
    if len(names) > 1 or (bytes_per_second is None and text.lower() != "none"):
        raise BadUsage(
            f"{' '.join(words)} is not [NAME] RATE.", "A RATE is like 500k, 2MB or none."
        )
    listed = session.herd.downloads
    shown = rate(bytes_per_second) if bytes_per_second else "as fast as it comes"
    if upload:
        shown = f"{rate(bytes_per_second)} out" if bytes_per_second else "as fast as it goes out"
    if not names:
        if upload:
            listed.upload_limit = bytes_per_second or 0
        else:
            listed.limit = bytes_per_second or 0
        session.say(f"All downloads together: {shown}.")
        return
    [found] = _chosen(session, tuple(names))
    change = listed.set_upload_limit if upload else listed.set_limit
    change(found.name, bytes_per_second or None)
    session.say(f"{found.name}: {shown}.")


@downloads.command(cls=Command)
@click.argument("name")
@click.option("--before", metavar="OTHER", help="Put it before OTHER instead.")
@options.talk
@options.with_session
def first(session: Session, name: str, before: str | None) -> None:
    """Put a download first in the list: it has its turn next."""
    [found] = _chosen(session, (name,))
    others = [each for each in session.herd.downloads.all() if each.name != found.name]
    target = _chosen(session, (before,))[0] if before else (others[0] if others else None)
    if target is not None:
        session.herd.downloads.move(found.name, target.name)
    session.say(f"{found.name} comes {f'before {target.name}' if target else 'first'}.")


def _chosen(session: Session, names: tuple[str, ...]) -> list[Download]:
    """The downloads of these names, by full name or model; all without names.

    Raises:
        NotInstalled: one is not in the list.
    """
    found = session.herd.downloads.all()
    if not names and not found:
        session.say(NOTHING)
    if not names:
        return list(found)
    chosen = []
    for name in names:
        wanted = name.lower().replace("@", ":")
        fits = [each for each in found if wanted in (each.name, each.name.partition(":")[0])]
        if not fits:
            raise NotInstalled(
                f"{name} is not being downloaded.", "`herd downloads` lists what is."
            )
        chosen += fits
    return chosen


def _follow(session: Session, jobs: list[Job]) -> None:
    """Show jobs until they are done.

    Raises:
        HerdError: the last one that failed.
    """
    from herd.cli.following import finish
    from herd.cli.install import report

    def ended(job: Job, _: HerdError | None) -> None:
        if job.outcome is not None:
            report(session, job.outcome)

    session.keep_log()
    session.fail_with(finish(session, jobs, ended))


def _row(each: Download) -> tuple[str, ...]:
    return (
        each.name,
        _wish(each) or _state(each),
        size(each.done),
        size(each.total),
        rate(each.rate) if each.rate and each.is_owned else "",
        _limits(each),
        each.note,
    )


def _wish(each: Download) -> str:
    """What its herd was asked and has not done yet."""
    from herd.downloads import Wanted

    if each.is_owned and each.wanted is Wanted.CANCEL:
        return "cancelling"
    is_asked = each.is_owned and each.wanted is Wanted.PAUSE
    return "pausing" if is_asked and each.stage not in ("paused", "failed") else ""


def _limits(each: Download) -> str:
    """`2.0 MB/s, 100.0 kB/s out`."""
    out = f"{rate(each.upload_limit)} out" if each.upload_limit else ""
    return ", ".join(filter(None, (rate(each.limit) if each.limit else "", out)))


def _state(each: Download) -> str:
    if each.is_owned:
        return each.stage
    return "failed" if each.stage == "failed" else "paused"


def _kept(each: Download) -> str:
    return f" at {size(each.done)} of {size(each.total)}" if each.done else ""


def _form(each: Download) -> dict[str, object]:
    return {
        "name": each.name,
        "state": _state(each),
        "wanted": str(each.wanted),
        "done": each.done,
        "total": each.total,
        "rate": round(each.rate),
        "limit": each.limit,
        "upload_limit": each.upload_limit,
        "note": each.note,
        "process": each.owner if each.is_owned else None,
    }
