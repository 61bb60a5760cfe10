"""A chat in the plain terminal: lines typed, answers streamed, the model switched in between.

Nothing of it is kept unless the person says so: the app's chats are, and this is the quick one.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from herd import image
from herd.chat import Conversation, Role, Turn
from herd.cli.answer_stream import Voice
from herd.cli.install import Wishes
from herd.cli.session import Session
from herd.cli.terminal import is_terminal
from herd.errors import HerdError

MARK = ">>> "
MORE = "... "
TAKES_WORDS = ("/model", "/system", "/image")
HELP = """\
/model NAME     another model answers from now on; alone: which are installed
/system TEXT    what the model is told before everything else; alone: nothing
/image FILE     an image, shown with the next question
/new            a new conversation
/save           keep this conversation from now on; the app shows it
/bye            leave; so does Ctrl-D
Ctrl-C stops an answer; tab completes; a line that ends in \\ goes on in the next one."""


class Talk:
    """The chat from its first line to its last."""

    def __init__(
        self,
        session: Session,
        voice: Voice,
        conversation: Conversation,
        images: tuple[str, ...] = (),
    ) -> None:
        self._session = session
        self._voice = voice
        self._conversation = conversation
        self._images = images
        """What is shown with the next question."""
        self._is_over = False
        self._commands: dict[str, Callable[[str], None]] = {
            "/model": self._switch,
            "/system": self._tell,
            "/image": self._show,
            "/new": self._renew,
            "/save": self._keep,
            "/help": self._help,
            "/bye": self._leave,
            "/exit": self._leave,
            "/quit": self._leave,
        }

    def go(self) -> None:
        """Talk until the person leaves."""
        _edit_lines(self._completions)
        self._session.say(f"{self._conversation.model} · /help shows what else there is")
        while not self._is_over:
            try:
                line = self._read()
            except KeyboardInterrupt:
                self._session.say("\nCtrl-D leaves.")
                continue
            except EOFError:
                self._session.say("")
                return
            if line:
                self._hear(line)

    def _completions(self, line: str) -> list[str]:
        """What the line may become: a command, or the model that is switched to."""
        if line.startswith("/model "):
            names = [str(each.reference) for each in self._session.herd.store.installed()]
            names += [model.name for model in self._session.herd.registry.models]
        else:
            names = [f"{name} " if name in TAKES_WORDS else name for name in self._commands]
        begun = line.rpartition(" ")[2]
        return [name for name in names if line.startswith("/") and name.startswith(begun)]

    def _read(self) -> str:
        """What the person says; more than one line where each but the last ends in a backslash."""
        lines = [_line(MARK)]
        while lines[-1].endswith("\\"):
            lines[-1] = lines[-1].removesuffix("\\")
            lines.append(_line(MORE))
        return "\n".join(lines).strip()

    def _hear(self, line: str) -> None:
        word, _, rest = line.partition(" ")
        try:
            if command := self._commands.get(word):
                command(rest.strip())
            elif word.startswith("/") and word.count("/") == 1 and "\n" not in line:
                self._session.say(f"There is no {word}; /help lists what there is.")
            else:
                self._ask(line)
        except HerdError as error:
            self._session.complain(error)
        except KeyboardInterrupt:
            self._session.say("\nStopped.")

    def _ask(self, line: str) -> None:
        """Ask; a question that got no word of an answer is as if it had not been asked."""
        asked = self._conversation.with_turn(Turn(Role.USER, line, images=self._images))
        answer = self._voice.answer(asked)
        self._images = ()
        if answer.stop.is_set():
            self._session.say("(Stopped.)")
        if answer.text:
            self._conversation = asked.with_turn(answer.turn)

    def _switch(self, name: str) -> None:
        from herd.cli.run import ready

        if not name:
            held = [str(each.reference) for each in self._session.herd.store.installed()]
            self._session.say(f"{self._conversation.model} answers; installed: {', '.join(held)}")
            return
        held_now = ready(self._session, name, Wishes(must_ask=True))
        self._conversation = self._conversation.with_model(str(held_now.reference))
        self._session.say(f"{held_now.reference} answers from now on.")

    def _tell(self, text: str) -> None:
        spoken = tuple(turn for turn in self._conversation.turns if turn.role is not Role.SYSTEM)
        told = (Turn(Role.SYSTEM, text),) if text else ()
        self._conversation = replace(self._conversation, turns=(*told, *spoken))
        self._session.say("It is told so from now on." if text else "It is told nothing.")

    def _show(self, path: str) -> None:
        self._images = (*self._images, image.absolute(Path(path))) if path else ()
        shown = ", ".join(image.named(each) for each in self._images)
        self._session.say(f"Shown with the next question: {shown or 'nothing'}.")

    def _renew(self, _: str) -> None:
        told = tuple(turn for turn in self._conversation.turns if turn.role is Role.SYSTEM)
        self._conversation = Conversation(told, model=self._conversation.model)
        self._session.say("A new conversation.")

    def _keep(self, _: str) -> None:
        self._voice.keeps = True
        if self._conversation.turns:
            self._session.herd.history.save(self._conversation)
        self._session.say("It is kept; `herd` shows it.")

    def _help(self, _: str) -> None:
        self._session.say(HELP)

    def _leave(self, _: str) -> None:
        self._is_over = True


def _edit_lines(completions: Callable[[str], list[str]]) -> None:
    """Have input() edit lines, remember them and complete them with tab, where it can."""
    try:
        import readline
    except ImportError:
        return

    def complete(_: str, at: int) -> str | None:
        try:
            found = completions(readline.get_line_buffer())
        except HerdError:
            return None
        return found[at] if at < len(found) else None

    readline.set_completer_delims(" ")
    readline.set_completer(complete)
    is_libedit = "libedit" in (readline.__doc__ or "")
    readline.parse_and_bind("bind ^I rl_complete" if is_libedit else "tab: complete")


def _line(mark: str) -> str:
    """A line of the person's; stdout gets the mark only where it is the terminal."""
    if is_terminal(sys.stdout):
        return input(mark)
    print(mark, end="", file=sys.stderr, flush=True)
    return input()
