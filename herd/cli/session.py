"""One run of the command: the herd that it calls, and how it talks to the person.

stdout is the answer, stderr is the talk. Errors are rendered here and nowhere else.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, TypeVar

from herd.cli.terminal import BOLD, DIM, RED, is_interactive, is_terminal, plain, styled, width
from herd.errors import HerdError, Interrupted
from herd.words import sentence

if TYPE_CHECKING:
    from herd.cli.log import LogFile
    from herd.core import Herd
    from herd.places import Places

Thing = TypeVar("Thing")


class Session:
    """What every verb is given."""

    def __init__(self, make: Callable[[], Herd] | None = None) -> None:
        self.is_quiet = False
        """Whether the person wants answers and errors alone."""
        self.is_debug = False
        """Whether the person wants tracebacks."""
        self.tells_events = False
        """Whether a program reads what happens, as lines of JSON."""
        self._make = make
        self._herd: Herd | None = None
        self._log: LogFile | None = None
        self._said: list[HerdError] = []
        """The errors that the person has read."""

    @property
    def herd(self) -> Herd:
        """The herd; made when a verb first needs it."""
        if self._herd is None:
            if self._make is None:
                from herd.core import Herd as Real

                self._make = Real
            self._herd = self._make()
        return self._herd

    @property
    def places(self) -> Places:
        """The places of the herd, or those it would have: it may be what does not work."""
        if self._herd is not None:
            return self._herd.places
        from herd.places import places

        return places()

    def keep_log(self) -> LogFile:
        """Write what goes wrong in this run to herd.log; for verbs that do more than look."""
        if self._log is None:
            from herd.cli.log import keep

            self._log = keep(self.herd.places.log_file)
        return self._log

    def close(self) -> None:
        """End what runs: transfers, the engine, the log."""
        if self._herd is not None:
            registry = vars(self._herd).get("registry")  # one that nobody read has no trouble
            for sentence in registry.troubles if registry else ():
                self.say(sentence)
            self._herd.close()
        if self._log is not None:
            from herd.cli.log import drop

            drop(self._log)

    def answer(self, text: str, *, styled: str = "") -> None:
        """A line of the answer, on stdout.

        Args:
            text: What is said; it may be a stranger's.
            styled: What stands before it, in styles of herd's own.
        """
        print(styled + (plain(text) if is_terminal(sys.stdout) else text))

    def answer_table(
        self, heads: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[str] = ()
    ) -> None:
        """A table as the answer; the arguments are those of `table`."""
        from herd.cli.table import table

        print(table(heads, rows, right))

    def answer_json(self, value: object) -> None:
        """The answer for a script, in ASCII: it reads the same in every locale."""
        import json

        print(json.dumps(value, indent=2))

    def answer_event(self, event: str, reference: str, **what: object) -> None:
        """A line of JSON on what happens to a model."""
        import json

        print(json.dumps({"event": event, "reference": reference, **what}), flush=True)

    def streaming(self) -> Callable[[str], None]:
        """What shows an answer piece by piece, each at once; on a terminal between its edges."""
        if not is_terminal(sys.stdout):
            return _write
        if os.environ.get("TERM") == "dumb":
            return lambda text: _write(plain(text))
        from herd.cli.wrapping import Wrapping

        wrapping = Wrapping()
        return lambda text: _write(wrapping.put(plain(text), width()))

    def say(self, text: str) -> None:
        """A line of the talk, on stderr."""
        if not self.is_quiet:
            _tell(plain(text))

    def suggest(self, text: str) -> None:
        """The next thing to type; only a person can type it."""
        if not self.is_quiet and is_terminal(sys.stderr):
            _tell(styled(plain(text), BOLD, sys.stderr))

    def complain(self, error: HerdError) -> None:
        """The error: what happened, and what to do next; not again where that was said."""
        if any(error is each for each in self._said):
            return
        self._said.append(error)
        _tell(styled("herd:", RED, sys.stderr) + f" {sentence(plain(error.message))}")
        if error.hint:
            _tell(styled(plain(error.hint), DIM, sys.stderr))

    def for_each(self, things: Iterable[Thing], do: Callable[[Thing], object]) -> None:
        """Do it for each of them: one's trouble does not keep the others, Ctrl-C does.

        Raises:
            HerdError: as `fail_with`.
        """
        failures: list[HerdError] = []
        for thing in things:
            try:
                do(thing)
            except Interrupted:
                raise
            except HerdError as error:
                failures.append(error)
        self.fail_with(failures)

    def fail_with(self, failures: Sequence[HerdError]) -> None:
        """Complain about all of them; the last one ends the run.

        Raises:
            HerdError: the last one; there is nothing to raise where nothing failed.
        """
        for failure in failures[:-1]:
            self.complain(failure)
        if failures:
            raise failures[-1]

    def confirm(self, question: str, *, default: bool) -> bool:
        """Ask the person, who must be there; an empty answer is the default.

        Raises:
            Interrupted: the input ended.
        """
        choices = "[Y/n]" if default else "[y/N]"
        while True:
            match self._asked(f"{question} {choices}").lower():
                case "":
                    return default
                case "y" | "yes":
                    return True
                case "n" | "no":
                    return False

    def ask(self, question: str, *, default: str, is_right: Callable[[str], bool]) -> str:
        """Ask the person for a word until it is right; an empty answer is the default.

        Raises:
            Interrupted: the input ended.
        """
        while True:
            answer = self._asked(f"{question} [{default}]") or default
            if is_right(answer):
                return answer
            self.say(f"{answer} is none that can be taken.")

    def _asked(self, question: str) -> str:
        """The line that the person typed.

        Raises:
            Interrupted: the input ended.
        """
        _tell(f"{plain(question)} ", end="")
        line = sys.stdin.readline()
        if not line:
            _tell("")
            raise Interrupted("The question was not answered.")
        return line.strip()

    @property
    def can_ask(self) -> bool:
        """Whether a person is there to be asked."""
        return is_interactive()


def _write(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()


def _tell(text: str, end: str = "\n") -> None:
    print(text, end=end, file=sys.stderr, flush=True)
