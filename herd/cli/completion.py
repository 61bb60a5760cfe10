"""Names of models for shells that complete. A completion never fails: it has nothing to say."""

from __future__ import annotations

from typing import TYPE_CHECKING

from click.shell_completion import CompletionItem

from herd.cli.session import Session
from herd.errors import HerdError

if TYPE_CHECKING:
    import click


def installed(context: click.Context, _: click.Parameter, begun: str) -> list[CompletionItem]:
    """Installed models; a variant once a colon is typed."""
    try:
        held = _session(context).herd.store.installed()
    except (HerdError, OSError):
        return []
    pairs = [(str(each.reference) if ":" in begun else each.name, each.title) for each in held]
    return _items(pairs, begun)


def offered(context: click.Context, _: click.Parameter, begun: str) -> list[CompletionItem]:
    """Models of the registry, or files where a path was begun."""
    if begun.startswith((".", "/", "~")):
        return [CompletionItem(begun, type="file")]
    try:
        models = _session(context).herd.registry.models
    except (HerdError, OSError):
        return []
    if ":" in begun:
        pairs = [
            (f"{model.name}:{variant.name}", model.title)
            for model in models
            for variant in model.variants
        ]
    else:
        pairs = [(name, model.title) for model in models for name in (model.name, *model.aliases)]
    return _items(pairs, begun)


def known(context: click.Context, parameter: click.Parameter, begun: str) -> list[CompletionItem]:
    """Models that are installed or offered."""
    both = [*installed(context, parameter, begun), *offered(context, parameter, begun)]
    return list({item.value: item for item in both}.values())


def _session(context: click.Context) -> Session:
    session = context.find_object(Session) or Session()
    session.is_quiet = True
    return session


def _items(pairs: list[tuple[str, str]], begun: str) -> list[CompletionItem]:
    named = {name: title for name, title in sorted(pairs) if name.startswith(begun.lower())}
    return [CompletionItem(name, help=title) for name, title in named.items()]
