"""One run from what was typed to an exit code. Every way a command can end is here."""

from __future__ import annotations

import contextlib
import errno
import io
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from types import FrameType
from typing import TYPE_CHECKING

from herd.cli.session import Session
from herd.errors import BadUsage, CannotWrite, HerdError, Interrupted

if TYPE_CHECKING:
    from click.exceptions import UsageError

    from herd.core import Herd

TERMINATED = 128 + signal.SIGTERM
"""The exit code of a command that SIGTERM ended, as shells say it."""
COMPLETE = "_HERD_COMPLETE"
"""The variable by which a shell asks for completions; click's own."""


def run(arguments: Sequence[str] | None, make: Callable[[], Herd] | None) -> int:
    """Run one command and say how it ended.

    Args:
        arguments: What was typed after `herd`; None: what the process was given.
        make: Makes the herd; None: the real one.
    """
    _open_what_is_closed()
    _replace_what_cannot_be_encoded()
    session = Session(make)
    try:
        with _hearing_sigterm() as was_told:
            code = _ended(session, list(sys.argv[1:] if arguments is None else arguments))
            if was_told.is_set() and code == Interrupted.exit_code:
                code = TERMINATED
        sys.stdout.flush()
    except BrokenPipeError:
        _close_stdout()
        code = 0
    except OSError as error:  # stdout is a file on a full disk
        session.complain(CannotWrite(f"The output cannot be written: {error.strerror}."))
        _close_stdout()
        code = CannotWrite.exit_code
    return code


@contextlib.contextmanager
def _hearing_sigterm() -> Iterator[threading.Event]:
    """SIGTERM ends herd as Ctrl-C does: what is under way is kept. Set when it came."""
    was_told = threading.Event()

    def end(number: int, frame: FrameType | None) -> None:
        was_told.set()
        interrupt = signal.getsignal(signal.SIGINT)
        if not callable(interrupt):  # ignored, as in a shell's background job
            raise KeyboardInterrupt
        interrupt(number, frame)

    is_main = threading.current_thread() is threading.main_thread()
    if not is_main or signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
        yield was_told
        return
    signal.signal(signal.SIGTERM, end)
    try:
        yield was_told
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _ended(session: Session, arguments: Sequence[str]) -> int:
    """The exit code of the command; whatever it raised has been said."""
    try:
        with contextlib.closing(session):
            return _called(session, list(arguments))
    except HerdError as error:
        return _failed(session, error)
    except (KeyboardInterrupt, EOFError):
        return _failed(session, Interrupted("Interrupted."))
    except Exception as error:
        if isinstance(error, OSError) and error.errno in (errno.EPIPE, errno.ENOSPC):
            raise
        return _failed(session, _surprise(session, error))


def _called(session: Session, arguments: list[str]) -> int:
    if not arguments and COMPLETE not in os.environ:
        from herd.cli.launch import is_seen, open_app

        if is_seen():  # click and the tree of verbs would take 30 ms of the start
            open_app(session, None)
            return 0
    from click.exceptions import Exit, UsageError

    from herd.cli.tree import herd

    if instruction := os.environ.get(COMPLETE):
        from click.shell_completion import shell_complete

        return shell_complete(herd, {"obj": session}, "herd", COMPLETE, instruction)
    try:
        with herd.make_context("herd", arguments, obj=session) as context:
            herd.invoke(context)
    except Exit as end:
        return end.exit_code
    except UsageError as error:
        raise _usage(error) from error
    return 0


def _failed(session: Session, error: HerdError) -> int:
    if session.is_debug:
        import traceback

        traceback.print_exc()
    session.complain(error)
    return error.exit_code


def _usage(error: UsageError) -> BadUsage:
    path = error.ctx.command_path if error.ctx else "herd"
    said = " ".join(error.format_message().split())  # click lists choices line by line
    return BadUsage(said, f"`{path} --help` shows how it is used.")


def _surprise(session: Session, error: Exception) -> HerdError:
    """Log what nobody foresaw, and put it into one sentence."""
    import logging

    from herd.cli.log import keep

    path = session.places.log_file
    file = keep(path)
    logging.getLogger(__name__).error("unexpected", exc_info=error)
    logging.getLogger().removeHandler(file)
    file.close()
    where = f"{path} has the details." if not file.has_failed else "--debug shows the details."
    return HerdError(f"Something unexpected happened: {type(error).__name__}: {error}", where)


def _open_what_is_closed() -> None:
    """After `>&-` Python has no stream at all; what is written there is for nobody."""
    for name in ("stdin", "stdout", "stderr"):
        if getattr(sys, name) is None:
            mode = "r" if name == "stdin" else "w"
            setattr(sys, name, open(os.devnull, mode))  # noqa: PTH123, SIM115  # till the end


def _replace_what_cannot_be_encoded() -> None:
    """A terminal that is not UTF-8 gets question marks, not a crash in the middle of an answer."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


def _close_stdout() -> None:
    """Whoever read it has gone: what is still buffered must not fail once more at exit."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
