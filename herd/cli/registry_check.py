"""`herd registry check`: what should be better in a registry, and whether its sources hold."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from herd.cli import options
from herd.cli.session import Session
from herd.cli.verbs import Command
from herd.errors import NoSourceDelivered, UnknownModel
from herd.model import UrlSource
from herd.words import count, nearest

if TYPE_CHECKING:
    from herd.registries.check import Verdict
    from herd.registry.layer import Layer
    from herd.registry.lint import Remark


@click.command(cls=Command)
@click.argument("name", required=False)
@click.option("--online", is_flag=True, help="Ask every source for a few bytes.")
@options.as_json
@options.talk
@options.with_session
def check(session: Session, name: str | None, online: bool, as_json: bool) -> None:
    """Read registries strictly, and say what should be better.

    NAME is a registry, a model or the path of a registry; without it all are checked, and
    remarks on herd's own are counted only (`herd registry check herd` lists them). With
    --online each source is asked for a few bytes: whether it is there, moved, gated, of another
    size or another digest, or has no peers. What fails goes behind the others on this machine;
    no registry is changed. Exit codes: 2 it does not read, 4 a source does not hold.
    """
    from herd.registry.lint import lint

    layers = _layers(session, name)
    found = [lint(layer) for layer in layers]
    remarks = [remark for each in found for remark in each]
    # Who checks all of them can mend their own alone: herd's is not in their hands.
    passed = 0 if name else len(found[0])
    if not as_json:
        for remark in remarks[passed:]:
            session.answer(str(remark))
    verdicts = _asked(session, layers, is_quiet=as_json) if online else []
    if as_json:
        session.answer_json({"remarks": _remark_forms(remarks), "sources": _forms(verdicts)})
    else:
        models = sum(len(layer.models) for layer in layers)
        session.say(f"{count(models, 'model')} read, {count(len(remarks) - passed, 'remark')}.")
        if passed:
            words = f"`herd registry check {layers[0].name}`"
            session.say(
                f"{words} has {count(passed, 'remark')} more, for the makers of herd's own."
            )
    bad = [each for each in verdicts if each.state.is_bad]
    if bad:
        holds = "does" if len(bad) == 1 else "do"
        raise NoSourceDelivered(
            f"{len(bad)} of {count(len(verdicts), 'source')} {holds} not hold.",
            "They are asked last on this machine from now on; the registry is as it was.",
        )


def _layers(session: Session, name: str | None) -> list[Layer]:
    """The registries to check, read from their documents.

    Raises:
        UnknownModel: there is no such registry, model or file.
        RegistryError: one does not read.
    """
    from herd.registry import layers

    if name is not None and Path(name).suffix == ".yaml" and Path(name).is_file():
        return [layers.from_file(Path(name))]
    every = layers.each_of(session.herd.places)
    if name is None:
        return every
    if found := [layer for layer in every if layer.name == name]:
        return found
    for layer in every:
        if models := [each for each in layer.models if name in (each.name, *each.aliases)]:
            return [replace(layer, models=models)]
    known = [layer.name for layer in every]
    known += [each for layer in every for names in layer.names for each in names]
    near = nearest(name, known)
    raise UnknownModel(
        f"{name} is no registry, no model and no file.",
        near[:1].upper() + near[1:] or "`herd registry list` shows the registries.",
    )


def _asked(session: Session, layers: Sequence[Layer], *, is_quiet: bool) -> list[Verdict]:
    from herd.registries.check import Ways, ask_all, askings

    ways = Ways(dht=session.herd.config.dht)
    verdicts: list[Verdict] = []
    for each in ask_all([asking for layer in layers for asking in askings(layer)], ways):
        verdicts.append(each)
        if not is_quiet:
            session.answer(_line(each))
    _remember(session, verdicts)
    if not is_quiet:
        states = Counter(str(each.state) for each in verdicts)
        session.say(", ".join(f"{number} {state}" for state, number in states.most_common()) + ".")
    return verdicts


def _remember(session: Session, verdicts: Sequence[Verdict]) -> None:
    from herd.registries.check import State

    bad = [
        (each.asking.source, f"{each.state}: {each.why}") for each in verdicts if each.state.is_bad
    ]
    good = [each.asking.source for each in verdicts if each.state in (State.OK, State.MOVED)]
    session.herd.ranks.note(bad, good)


def _line(it: Verdict) -> str:
    from herd.transfer import describe

    asking = it.asking
    took = "" if it.seconds is None else f" in {it.seconds * 1000:.0f} ms"
    why = f" ({it.why})" if it.why else ""
    where = f"{asking.origin}:{asking.line}: {asking.model.name}:{asking.variant.name}"
    source = asking.source
    name = source.url if isinstance(source, UrlSource) else describe(source)
    return f"{where}: {name}: {it.state}{why}{took}"


def _remark_forms(remarks: Sequence[Remark]) -> list[dict[str, object]]:
    return [
        {"registry": each.origin, "line": each.line, "path": each.path, "text": each.text}
        for each in remarks
    ]


def _forms(verdicts: Sequence[Verdict]) -> list[dict[str, object]]:
    from herd.describe import origin

    return [
        {
            "registry": each.asking.origin,
            "line": each.asking.line,
            "model": each.asking.model.name,
            "variant": each.asking.variant.name,
            "file": each.asking.file.name,
            "source": origin(each.asking.source),
            "state": str(each.state),
            "bad": each.state.is_bad,
            "why": each.why or None,
            "seconds": each.seconds,
        }
        for each in verdicts
    ]
