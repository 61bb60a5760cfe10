"""`herd import`: models of other tools and bundles from a stick, taken over without a copy."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from herd.cli import options
from herd.cli.session import Session
from herd.cli.verbs import Command
from herd.disk import files_below, stretch
from herd.errors import BadUsage, CannotRun, HerdError, UnknownModel
from herd.places import expanded
from herd.words import count, size

if TYPE_CHECKING:
    from herd.adopt import Adopted
    from herd.foreign import Found


@dataclass(frozen=True)
class Wishes:
    """What the person said beside the paths."""

    name: str | None = None
    copies: bool = False
    others: tuple[Path, ...] = ()
    offline: bool = False
    dry_run: bool = False
    accept_licence: bool = False
    template: str | None = None
    keep_original: bool = False


_MOST_FILES = 1000
HEADS = ("NAME", "TOOL", "SIZE", "SAME BYTES AS")


@click.command("import", cls=Command)
@click.argument("paths", metavar="[PATH]...", nargs=-1, type=click.Path())
@click.option("--scan", is_flag=True, help="Find the models of other tools on this machine.")
@click.option(
    "--from",
    "tools",
    metavar="TOOL,...",
    help="Scan only ollama, lmstudio, huggingface, llama.cpp, gpt4all: one or several.",
)
@click.option("--as", "name", metavar="NAME", help="Install one model as NAME.")
@click.option("--copy", "copies", is_flag=True, help="Copy the bytes instead of linking to them.")
@options.places(
    "--with", "others", "Complete a torn bundle from another bundle, a store or a folder."
)
@click.option("--offline", is_flag=True, help="Ask no network for what a bundle lacks.")
@click.option("--dry-run", is_flag=True, help="Show what there is, and stop.")
@options.old_files
@options.accept_licence
@options.yes
@options.as_json
@options.talk
@options.with_session
def import_(
    session: Session,
    /,
    paths: tuple[str, ...],
    scan: bool,
    tools: str | None,
    yes: bool,
    as_json: bool,
    **how: Any,
) -> None:
    """Take over models that are on this machine.

    PATH is a .gguf file, a folder of them, the store of another tool, or a bundle that
    `herd export` made; a ggml file (Alpaca, GPT4All, Vicuna of 2023) is converted. Nothing of
    the other tool is changed and no byte is copied where a link will do: a hard link, else a
    reflink, else a symlink, else a copy. --scan looks where Ollama, LM Studio, the Hugging Face
    cache, llama.cpp and GPT4All keep models.
    """
    if bool(paths) == (scan or tools is not None):
        raise BadUsage("Name a PATH, or --scan.", "`herd import --scan` shows what there is.")
    wishes = Wishes(**how)
    rest = [path for path in paths if not _by_another_way(session, path, wishes)]
    if paths and not rest:
        return
    found = _looked(rest) if paths else _scanned(tools)
    if as_json:
        session.answer_json(_forms(session, found))
        return
    for text in rest:
        if old := _about_old_files(Path(text)):
            session.say(old)
    if not found:
        session.say("No models of other tools were found.")
        return
    wanted = [each for each in found if each.trouble is None]
    if wishes.name and len(wanted) > 1:
        raise BadUsage("--as goes with one model.", "Name the file.")
    is_asking = not yes and (scan or tools is not None or len(wanted) > 1)
    if wishes.dry_run or is_asking:
        _show(session, found)
    else:
        _tell_troubles(session, found)
    if wishes.dry_run or not wanted or (is_asking and not _confirmed(session, wanted)):
        return
    _take(session, wanted, wishes)


def _by_another_way(session: Session, text: str, wishes: Wishes) -> bool:
    """Take a bundle or an old ggml file over, which other parts of herd know; whether it is one."""
    path = expanded(text).absolute()
    if not path.exists():
        raise UnknownModel(f"There is nothing at {text}.", "`herd import --scan` looks around.")
    if path.is_file() and _is_old(path):
        from herd.cli import install
        from herd.cli.legacy_facts import chosen
        from herd.resolve import Promise

        choice = chosen(session, str(path), Promise(name=wishes.name, template=wishes.template))
        how = install.Wishes(wishes.accept_licence, wishes.dry_run, wishes.keep_original)
        install.bring(session, [choice], how)
        return True
    if path.is_dir():
        from herd.cli.import_bundles import unbundle

        return unbundle(session, path, wishes)
    return False


def _is_old(path: Path) -> bool:
    from herd.model import Format
    from herd.plan import is_of_format

    return is_of_format(stretch(path, range(4)) or b"") is Format.GGML


def _looked(paths: list[str]) -> list[Found]:
    from herd.foreign import look

    found = []
    for text in paths:
        models = look(expanded(text).absolute())
        if not models:
            raise UnknownModel(
                f"There is no .gguf file in {text}.", _about_old_files(Path(text)) or None
            )
        found += models
    return found


def _about_old_files(folder: Path) -> str:
    """Which ggml files a folder has, and what to do with them; empty where there are none.

    They are imported one by one, because each leaves questions open.
    """
    folder = expanded(folder).absolute()
    if not folder.is_dir():
        return ""
    below = files_below(folder, most=_MOST_FILES, deepest=1)
    old = sorted(path for path in below if path.suffix == ".bin" and _is_old(path))
    if not old:
        return ""
    names = ", ".join(path.name for path in old[:3]) + (", ..." if len(old) > 3 else "")
    what = "a ggml file" if len(old) == 1 else f"{len(old)} ggml files"
    which = "it" if len(old) == 1 else "the first"
    return f"It has {what} of before GGUF: {names}. `herd import {old[0]}` converts {which}."


def _scanned(tools: str | None) -> list[Found]:
    from herd.foreign import TOOLS, scan
    from herd.words import nearest

    wanted = [each.strip().lower() for each in tools.split(",")] if tools else list(TOOLS)
    for each in wanted:
        if each not in TOOLS:
            near = nearest(each, list(TOOLS)) or f"herd knows {', '.join(TOOLS)}."
            raise BadUsage(f"{each} is no tool that herd knows.", near.capitalize())
    return scan(wanted)


def _show(session: Session, found: list[Found]) -> None:
    from herd.adopt import same_bytes

    same = same_bytes(found, session.herd.store)
    rows = [
        [each.name, each.tool, size(each.size), each.trouble or same.get(at, "")]
        for at, each in enumerate(found)
    ]
    session.answer_table(HEADS, rows, right=("SIZE",))


def _tell_troubles(session: Session, found: list[Found]) -> None:
    """Name what cannot be taken over, where no table did.

    Raises:
        CannotRun: that is all there is.
    """
    told = [f"{each.name} cannot be imported: {each.trouble}." for each in found if each.trouble]
    if told and len(told) == len(found):
        raise CannotRun("\n".join(told))
    for text in told:
        session.say(text)


def _confirmed(session: Session, wanted: list[Found]) -> bool:
    if not session.can_ask:
        session.say("Nothing was imported: -y imports all of them, a PATH one.")
        return False
    return session.confirm(f"Import {count(len(wanted), 'model')}?", default=False)


def _take(session: Session, wanted: list[Found], wishes: Wishes) -> None:
    """One model's trouble must not keep the others from coming, Ctrl-C must."""
    from herd.adopt import Asked
    from herd.cli.task import done
    from herd.progress import Gauge

    gauge, stop, adopter = Gauge(), threading.Event(), session.herd.adopter
    asked = [Asked(each, wishes.name, wishes.copies) for each in wanted]
    came = done(
        session, "import", gauge, stop, lambda: list(adopter.adopt_each(asked, gauge, stop))
    )
    failures = []
    for each, result in came:
        if isinstance(result, HerdError):
            failures.append(result)
        else:
            _report(session, each.found, result)
    session.fail_with(failures)


def _report(session: Session, found: Found, adopted: Adopted) -> None:
    from herd.adopt_report import said

    for line in said(found, adopted):
        session.say(line)
    if not adopted.was_there:
        session.suggest(f"herd run {adopted.installed.name}")


def _forms(session: Session, found: list[Found]) -> list[dict[str, object]]:
    from herd.adopt import same_bytes

    same = same_bytes(found, session.herd.store)
    return [
        {
            "name": each.name,
            "tool": each.tool,
            "size": each.size,
            "trouble": each.trouble,
            "same_as": same.get(at),
            "files": [
                {"name": file.name, "path": str(file.path), "size": file.size}
                for file in each.files
            ],
        }
        for at, each in enumerate(found)
    ]
