"""`herd serve`: the installed models for programs that speak to OpenAI or to Ollama."""

from __future__ import annotations

import logging
import os
import secrets
import sys
from typing import TYPE_CHECKING

import click

from herd.cli import completion, options
from herd.cli.log_file import Scrubbing
from herd.cli.session import Session
from herd.cli.verbs import Command
from herd.errors import BadUsage

if TYPE_CHECKING:
    import socket

    from herd.serve.gate import Rules

PORT = 11434
"""Where clients of Ollama look first."""
TOKEN = "HERD_SERVE_TOKEN"  # noqa: S105  # the name of a variable


@click.command(cls=Command)
@click.option("--host", default="127.0.0.1", metavar="HOST", help="Listen there; 127.0.0.1.")
@click.option("--port", type=click.IntRange(0, 65535), default=PORT, help=f"The port; {PORT}.")
@click.option(
    "--model",
    metavar="NAME",
    shell_complete=completion.installed,
    help="Load this installed model at once; others load when they are asked for.",
)
@click.option("--token", metavar="TOKEN", help=f"What clients must send; or set {TOKEN}.")
@click.option(
    "--cors", "origins", metavar="ORIGIN", multiple=True, help="Let web pages of ORIGIN ask."
)
@options.talk
@options.with_session
def serve(
    session: Session,
    host: str,
    port: int,
    model: str | None,
    token: str | None,
    origins: tuple[str, ...],
) -> None:
    """Serve the installed models to other programs.

    Programs that were written for OpenAI find them under /v1, those for Ollama under /api.
    Beyond this machine (--host) clients must send a token as `Authorization: Bearer TOKEN`;
    one is made and shown if none is given. Ctrl-C ends it.
    """
    _require_extra()
    if model is not None:
        model = str(session.herd.installed(model).reference)
    from herd.serve.gate import is_loopback
    from herd.serve.listen import bound

    token = token or os.environ.get(TOKEN) or None
    if token is None and not is_loopback(host):
        token = secrets.token_urlsafe(32)
        session.say(f"The token, shown this once: {token}")
    session.keep_log()
    _show_requests(session)
    listening = bound(host, port)
    _tell(session, listening)
    _run(session, listening, _rules(host, token, origins), model)
    session.say("Stopped.")


def _rules(host: str, token: str | None, origins: tuple[str, ...]) -> Rules:
    from herd.serve.gate import Rules, is_loopback

    if not is_loopback(host):
        return Rules(hosts=frozenset(), origins=frozenset(origins), token=token)
    return Rules(hosts=Rules().hosts | {host}, origins=frozenset(origins), token=token)


def _run(session: Session, listening: socket.socket, rules: Rules, model: str | None) -> None:
    import asyncio

    from herd.serve.app import application
    from herd.serve.listen import Server

    herd = session.herd
    if model is not None:
        ready = herd.engine.ensure(herd.loadable(herd.installed(model)))
        session.say(f"Loaded {ready.reference} on {ready.device}.")
    server = Server(application(herd, rules))
    try:
        asyncio.run(server.serve(sockets=[listening]))
    except KeyboardInterrupt:  # uvicorn has ended in order and raises it once more
        return


def _tell(session: Session, listening: socket.socket) -> None:
    host, port = listening.getsockname()[:2]
    shown = f"[{host}]" if ":" in host else host
    session.say(f"Serving on http://{shown}:{port}   OpenAI: /v1   Ollama: /api   Ctrl-C ends it.")


def _show_requests(session: Session) -> None:
    """The access log, on stderr: never a prompt, never a token."""
    if session.is_quiet:
        return
    stream = logging.StreamHandler(sys.stderr)
    stream.setFormatter(Scrubbing("%(asctime)s %(message)s", "%H:%M:%S"))
    access = logging.getLogger("herd.serve.access")
    access.setLevel(logging.INFO)
    access.addHandler(stream)
    access.propagate = False


def _require_extra() -> None:
    """The server's libraries are an extra.

    Raises:
        BadUsage: they are not installed.
    """
    from importlib.util import find_spec

    missing = [name for name in ("starlette", "uvicorn") if find_spec(name) is None]
    if missing:
        raise BadUsage(
            f"`herd serve` needs {' and '.join(missing)}, which are not installed.",
            "`pip install '.[serve]'` in herd's checkout brings them.",
        )
