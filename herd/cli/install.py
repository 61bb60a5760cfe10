"""`herd install`: show the plan, ask what must be asked, fetch, say what to type next."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from herd.cli import completion, options
from herd.cli.session import Session
from herd.cli.verbs import Command
from herd.errors import BadUsage, HerdError, Interrupted, LicenceNotAccepted
from herd.words import rate, size, took

if TYPE_CHECKING:
    from collections.abc import Sequence

    from herd.install import Order, Outcome
    from herd.jobs import Job
    from herd.model import Choice, Original
    from herd.plan import Plan

_WORTH_TELLING = 1_000_000
"""Wasted bytes that a person should hear of."""
STRANGERS = (
    "A magnet or torrent is fetched from strangers: its trackers and peers{dht} learn your "
    "address and what you fetch."
)


@dataclass(frozen=True)
class Wishes:
    """What the person said beside the name."""

    is_licence_accepted: bool = False
    is_dry: bool = False
    keeps_original: bool = False
    """Whether a ggml file stays beside what is made of it."""
    must_ask: bool = False
    """Whether to ask once the plan is shown; `herd run` installs only then."""
    asks_nothing: bool = False
    """Whether the person wants no question; a licence is not accepted by that."""


@click.command(cls=Command)
@click.argument(
    "names", metavar="NAME...", nargs=-1, required=True, shell_complete=completion.offered
)
@click.option("--dry-run", is_flag=True, help="Show what it would take, and stop.")
@click.option("--as", "name", metavar="NAME", help="Install an address or a path as NAME.")
@click.option("--sha256", metavar="HEX", help="The digest that an address or a path must have.")
@options.old_files
@click.option("-y", "--yes", is_flag=True, help="Ask nothing, a licence neither.")
@options.accept_licence
@click.option("--json", "as_json", is_flag=True, help="Tell what happens in lines of JSON.")
@options.talk
@options.with_session
def install(
    session: Session,
    names: tuple[str, ...],
    dry_run: bool,
    name: str | None,
    sha256: str | None,
    template: str | None,
    keep_original: bool,
    yes: bool,
    accept_licence: bool,
    as_json: bool,
) -> None:
    """Fetch a model, prove it and keep it.

    NAME is a model of the registry (`smollm2`, `qwen3-0.6b:q8_0`), the address of a .gguf,
    `hf:user/repo[:Q4_K_M]`, a magnet, a .torrent, or a path. After Ctrl-C the same command
    goes on where it stopped. Several are queued in their order (`herd downloads` shows them).
    A ggml file (Alpaca and others of 2023) is converted to GGUF.
    Exit codes: 3 unknown name, 4 no source delivered, 5 other bytes than promised, 6 no room,
    7 licence not accepted.
    """
    from herd.cli.legacy_facts import chosen
    from herd.resolve import Promise

    session.tells_events = as_json
    if not (sha256 or yes or dry_run or as_json):
        sha256 = _told_digest(session, names)
    promise = Promise(sha256=sha256, name=name, template=template)
    if len(names) > 1 and promise != Promise():
        raise BadUsage(
            "--as, --sha256 and --template go with one name.", "Install them one by one."
        )
    wishes = Wishes(
        is_licence_accepted=accept_licence,
        is_dry=dry_run,
        keeps_original=keep_original,
        asks_nothing=yes or as_json,
    )
    choices = [chosen(session, each, promise) for each in names]

    bring(session, choices, wishes, suggests=True)


def bring(
    session: Session, choices: Sequence[Choice], wishes: Wishes, *, suggests: bool = False
) -> None:
    """Install choices, and say so: what must be asked first, then all are queued in this order.

    A model that is there already is no trouble, and what fails keeps no other from coming.

    Args:
        session: Where it is said.
        choices: What to install.
        wishes: What the person said of all of them.
        suggests: Whether to say what to type next.

    Raises:
        Interrupted: the person ended it, or was asked and does not want it.
        HerdError: the last failure, as `Installer.install` has them; each was said at once.
    """
    failures: list[HerdError] = []
    orders: list[Order] = []

    def told(choice: Choice, error: HerdError | None) -> None:
        if error is None and suggests and not wishes.is_dry:
            session.suggest(f"herd run {choice.model.name}")
        elif error is not None and session.tells_events:
            from herd.cli import events

            events.failed(session, choice, error)

    for choice in choices:
        try:
            order = _ordered(session, choice, wishes)
        except HerdError as error:
            told(choice, error)
            if isinstance(error, Interrupted):
                raise
            session.complain(error)
            failures.append(error)
        else:
            orders += [order] if order else []
            if order is None:
                told(choice, None)
    if orders:
        from herd.cli.following import finish

        session.keep_log()

        def ended(job: Job, error: HerdError | None) -> None:
            if job.outcome is not None:
                report(session, job.outcome)
            told(job.order.choice, error)

        failures += finish(session, [session.herd.start(order) for order in orders], ended)
    session.fail_with(failures)


def _told_digest(session: Session, names: tuple[str, ...]) -> str | None:
    """The digest of an address that no registry vouches for, if the person knows it."""
    is_address = len(names) == 1 and names[0].lower().startswith(("http://", "https://"))
    if not is_address or not session.can_ask:
        return None
    from herd.model import is_sha256

    session.say("No registry vouches for this address. Does its page tell a sha256?")
    told = session.ask(
        "64 hex digits:", default="none", is_right=lambda it: it == "none" or is_sha256(it.lower())
    )
    return None if told == "none" else told


def _ordered(session: Session, choice: Choice, wishes: Wishes) -> Order | None:
    """Show what it takes and ask what must be asked; None where there is nothing to do.

    Raises:
        Interrupted: the person was asked and does not want it.
        HerdError: it cannot be installed; nothing was begun.
    """
    plan = session.herd.plan(choice, keeps_original=wishes.keeps_original)
    if plan.ground.is_installed:
        _say_there(session, choice)
        return None
    _show(session, plan, wishes)
    accepted = wishes.is_licence_accepted or _accepted(session, plan, wishes)
    if trouble := plan.trouble(is_licence_accepted=accepted):
        raise trouble
    if wishes.must_ask and not session.confirm(f"Install {choice.reference}?", default=True):
        raise Interrupted(f"{choice.reference} was not installed.")
    if wishes.is_dry:
        return None
    from herd.install import Order

    return Order(choice, accepted, wishes.keeps_original)


def _say_there(session: Session, choice: Choice) -> None:
    held = session.herd.store.find(choice.reference)
    session.say(f"{choice.reference} is installed already ({size(held.size)}).")
    if session.tells_events:
        from herd.cli import events

        events.there(session, choice)


def _show(session: Session, plan: Plan, wishes: Wishes) -> None:
    from herd.cli.plan_text import is_of_strangers, outline
    from herd.plan import Fit

    for remark in plan.choice.remarks:
        session.say(remark)
    if session.tells_events:
        from herd.cli import events

        events.planned(session, plan)
        return
    tell = session.answer if wishes.is_dry else session.say
    tell(outline(plan))
    # The header lies at the source: nobody is asked for what will not be fetched anyway.
    is_close = plan.fit in (Fit.TIGHT, Fit.TOO_BIG) and not plan.trouble(is_licence_accepted=True)
    if is_close and (words := session.herd.foresee(plan.choice)):
        tell(f"  loaded   {words}")
    if plan.fetches and is_of_strangers(plan.choice):
        _say_once(session)


def _say_once(session: Session) -> None:
    """What a swarm learns is said at the first one; the README says it, too."""
    said = session.herd.places.cache / "swarm-said"
    if not said.exists():
        session.say(STRANGERS.format(dht=", and the DHT," if session.herd.config.dht else ""))
        with contextlib.suppress(OSError):
            said.parent.mkdir(parents=True, exist_ok=True)
            said.touch()


def _accepted(session: Session, plan: Plan, wishes: Wishes) -> bool:
    """Ask for the licence, where one must be accepted and nothing else is in the way."""
    if not plan.needs_acceptance or plan.trouble(is_licence_accepted=True):
        return False
    if wishes.is_dry or wishes.asks_nothing or not session.can_ask:
        return False
    licence = plan.choice.model.licence
    session.say("\n".join(line for line in ("", licence.note, licence.url) if line is not None))
    if session.confirm(f"Do you accept {licence.id}?", default=False):
        return True
    raise LicenceNotAccepted(
        f"The licence of {plan.choice.model.name} was not accepted.", "Nothing was fetched."
    )


def report(session: Session, outcome: Outcome) -> None:
    """Say what an install did: bytes from where, wasted bytes, time, verified."""
    from herd.transfer import describe

    installed = outcome.installed
    for source, why in (trouble for each in outcome.fetched for trouble in each.troubles):
        last = "; it is asked last from now on" if session.herd.ranks.against(source) else ""
        who = describe(source)
        session.say(f"{why if why.startswith(who) else f'{who}: {why}'}{last}.")
    moved = outcome.moved
    pace = f" ({rate(moved / outcome.seconds)})" if moved and outcome.seconds >= 1 else ""
    proof = "verified" if installed.is_verified else "unverified"
    if outcome.was_there:
        whole = size(installed.size)
        session.say(f"{installed.reference} came by another herd meanwhile: {whole}, {proof}.")
    else:
        time = f"in {took(outcome.seconds)}{pace}"
        session.say(f"Installed {installed.reference}: {_from_where(outcome)} {time}, {proof}.")
    if installed.original:
        _report_conversion(session, outcome, installed.original)
    for warning in outcome.warnings:
        session.say(warning)
    if not installed.is_verified:
        for file in installed.came:
            session.say(f"Nobody promised a digest for {file.name}; it has sha256 {file.sha256}")
    if session.tells_events:
        from herd.cli import events

        events.installed(session, outcome)


def _from_where(outcome: Outcome) -> str:
    """`1.20 GB from a.example + 0.80 GB from b.example, 3.0 MB wasted`."""
    from herd.transfer import describe

    moved: dict[str, int] = {}
    for share in (share for each in outcome.fetched for share in each.shares):
        name = describe(share.source)
        moved[name] = moved.get(name, 0) + share.size
    if len(moved) < 2:
        words = f"{size(outcome.installed.size)} from {outcome.installed.source}"
    else:
        words = " + ".join(f"{size(number)} from {name}" for name, number in moved.items())
    wasted = sum(each.delivery.wasted for each in outcome.fetched)
    return f"{words}, {size(wasted)} wasted," if wasted >= _WORTH_TELLING else words


def _report_conversion(session: Session, outcome: Outcome, original: Original) -> None:
    first = original.files[0]
    came = sum(file.size for file in original.files)
    where = "kept beside it" if first in outcome.installed.files else "not kept in the store"
    session.say(f"Converted from {first.name} ({original.container}, {size(came)}), {where}.")
