"""The app: it knows the screens, the installs that end, and quitting. The core is given to it."""

from __future__ import annotations

import gc
import logging
import time
from collections.abc import Callable
from contextlib import suppress
from functools import cached_property, partial
from importlib import import_module
from typing import TYPE_CHECKING, Any, ClassVar

from textual import on
from textual.app import App
from textual.command import CommandPalette
from textual.css.query import NoMatches
from textual.notifications import SeverityLevel
from textual.screen import Screen

from herd import core
from herd.errors import HerdError, Interrupted
from herd.words import one_line, sentence
from herd_tui.commands import COMMANDS as ALL_COMMANDS
from herd_tui.commands import Scope, bindings
from herd_tui.messages import (
    Install,
    LibraryChanged,
    OpenChat,
    ShowScreen,
    TransferEnded,
    WorkDone,
    WorkFailed,
)
from herd_tui.palette import Commands
from herd_tui.screens.base import HerdScreen
from herd_tui.screens.library import LibraryScreen
from herd_tui.widgets.transfers import TransfersPane
from herd_tui.work import aside, beside

if TYPE_CHECKING:
    from herd.job import Job
    from herd_tui.elsewhere import Elsewhere
    from herd_tui.screens.chat import ChatScreen
    from herd_tui.watching import Sight

log = logging.getLogger(__name__)

GLANCE = 0.2
"""Seconds between two looks at the gauges."""
WATCH = 2.0
"""Seconds between two looks at what other herds changed."""
LOOK = 1.0
"""Seconds between two looks at what other herds download."""
ERROR_SHOWN = 12.0
"""Seconds that an error stays on the screen."""


class HerdApp(App[None]):
    """Library, transfers, chat over one herd."""

    CSS_PATH = "herd.tcss"
    TITLE = "herd"
    BINDINGS = bindings(Scope.EVERYWHERE)
    COMMANDS: ClassVar = {Commands}

    def __init__(
        self,
        herd: core.Herd,
        model: str | None = None,
        *,
        memory: int | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Show nothing yet.

        Args:
            herd: The core; whoever made it closes it.
            model: Open a chat with this model.
            memory: Bytes of memory of this machine; measured by default.
            clock: Seconds, for rates.
        """
        # Textual would show an empty screen first, and style everything twice.
        self.DEFAULT_MODE = "chat" if model else "library"  # type: ignore[misc]
        super().__init__()
        self.herd = herd
        self.memory = memory or core.memory()
        self.broke: HerdError | None = None
        """Why the app ended before the person wished it."""
        self.library = LibraryScreen()
        self._model = model
        self._clock = clock
        self._is_prepared = False
        self._sight: Sight | None = None
        """What was installed and offered at the last look."""
        self._notices_end = float("-inf")
        """When the last notice goes that says something else than how the list stands."""
        self.elsewhere: tuple[Elsewhere, ...] = ()
        """Downloads that this process does not run, as of the last look."""
        self._told: set[Job] = set()
        """Installs whose end was shown."""
        self.add_mode("chat", lambda: self.chat)
        if model:
            self.add_mode("library", lambda: self.library)
            self.chat.begin(model)

    def get_default_screen(self) -> Screen[Any]:
        """The library: it is no mode yet, for modes style everything anew."""
        return self.library

    @cached_property
    def chat(self) -> ChatScreen:
        """The chat; what it needs is imported when it is first seen, after the first frame."""
        from herd_tui.screens.chat import ChatScreen

        return ChatScreen()

    def on_mount(self) -> None:
        """Take what the person wishes; the first screen is there."""
        if not self._model:
            self.add_mode("library", lambda: self.library)
        self._take_wishes()
        self.set_interval(GLANCE, self.glance)
        if self._model:
            self.call_after_refresh(self.prepare)

    def _take_wishes(self) -> None:
        """Keys and colours as the configuration has them; what it names wrongly is said."""
        keys, theme = self.herd.config.keys, self.herd.config.theme
        known = {command.id for command in ALL_COMMANDS}
        self.set_keymap({name: key for name, key in keys.items() if name in known})
        wrong = [f"keys: {name} is no command" for name in keys if name not in known]
        if theme and theme in self.available_themes:
            self.theme = theme
        elif theme:
            wrong.append(f"there is no theme {theme}")
        for text in wrong:
            self.complain(HerdError(f"config.toml: {text}.", "F1 lists the commands, F9 themes."))

    def prepare(self) -> None:
        """Once what one came for is on the screen: go on with installs, have the chat ready."""
        if self._is_prepared:
            return
        self._is_prepared = True
        gc.freeze()  # what was imported stays: no collection need look at it, in mid-typing
        gc.enable()
        beside(self, self.herd.restore, lambda _: self.glance(), group="restore")
        beside(self, lambda: import_module("herd_tui.screens.chat"), lambda _: None, group="chat")
        self.set_interval(WATCH, self._watch)
        self._watch()
        self.set_interval(LOOK, self._look_elsewhere)

    def _watch(self) -> None:
        """Look, in a thread, whether another herd installed, removed or added something."""
        from herd_tui.watching import Sight

        def look() -> Sight:
            return Sight.of(self.herd.places, self.herd.store.root)

        if not any(worker.group == "watch" and worker.is_running for worker in self.workers):
            beside(self, look, self._saw, group="watch")

    def _saw(self, sight: Sight) -> None:
        before, self._sight = self._sight, sight
        if before is None or before == sight:
            return
        if before.offered != sight.offered:
            self.herd.reread()
        if self.library.is_mounted:
            self.library.post_message(LibraryChanged())

    def _look_elsewhere(self) -> None:
        """Look, in a thread, what other herds download."""
        from herd_tui import elsewhere

        def saw(found: tuple[Elsewhere, ...]) -> None:
            self.elsewhere = found

        if not any(worker.group == "look" and worker.is_running for worker in self.workers):
            beside(self, lambda: elsewhere.look(self.herd), saw, group="look")

    def complain(self, error: HerdError) -> None:
        """Show an error: what happened, and what to do next."""
        self.notify(
            sentence(one_line(error.message)) + (f"\n{one_line(error.hint)}" if error.hint else ""),
            severity="error",
            timeout=ERROR_SHOWN,
            markup=False,
        )

    def say_instead(self, text: str) -> None:
        """Say how the list stands now; what was said of it before goes, where that is all."""
        if self._clock() >= self._notices_end:
            self.clear_notifications()
        super().notify(text, markup=False)

    def notify(
        self,
        message: str,
        *,
        title: str = "",
        severity: SeverityLevel = "information",
        timeout: float | None = None,
        markup: bool = True,
    ) -> None:
        """Show a notice, for its whole time."""
        end = self._clock() + (self.NOTIFICATION_TIMEOUT if timeout is None else timeout)
        self._notices_end = max(self._notices_end, end)
        super().notify(message, title=title, severity=severity, timeout=timeout, markup=markup)

    def end_talks(self, timeout: float = 3.0) -> None:
        """Stop what models still say, so that all of it is kept; after the app was left."""
        talks = self.chat.talks() if "chat" in self.__dict__ else ()
        for talk in talks:
            talk.stop()
        for talk in talks:
            talk.wait(timeout)

    # What a person can ask for on every screen.

    def action_show_help(self) -> None:
        """Show the keys."""
        from herd_tui.screens.help import Help

        self.push_screen(Help())

    def action_show_library(self) -> None:
        """Go to the library."""
        self.switch_mode("library")

    def action_show_chat(self) -> None:
        """Go to the chat."""
        self.switch_mode("chat")

    def action_show_logs(self) -> None:
        """Read the logs."""
        from herd_tui.screens.logs import Logs

        self.push_screen(Logs(self.herd.places))

    def action_show_transfers(self) -> None:
        """Go to the installs, or back."""
        pane = self.screen.query_one(TransfersPane)
        if pane.has_focus:
            pane.action_back()
        elif pane.display:
            pane.focus()
        else:
            self.notify("No install is under way.", markup=False)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """While a question or a help screen is open, only leaving."""
        if action.startswith("show_") or action == "change_theme":
            stack = self.screen_stack
            return bool(stack) and isinstance(stack[-1], HerdScreen | CommandPalette)
        return True

    def action_help_quit(self) -> None:
        """Say how to leave; ctrl+c is pressed by habit."""
        self.notify("ctrl+q leaves herd.", markup=False)

    def action_leave(self) -> None:
        """Leave; ask once when something is under way."""
        from herd_tui.screens.quit_dialog import QuitDialog

        running = [job for job in self.herd.transfers() if not (job.is_over or job.is_paused)]
        if not running or isinstance(self.screen, QuitDialog):
            self.exit()
            return
        self.push_screen(QuitDialog(len(running)), lambda sure: self.exit() if sure else None)

    # What screens and widgets tell.

    @on(WorkDone)
    def _go_on(self, event: WorkDone) -> None:
        event.then()

    @on(WorkFailed)
    def _show_failure(self, event: WorkFailed) -> None:
        self.complain(event.error)
        self.prepare()  # a registry that does not read holds no install back

    @on(ShowScreen)
    def _go(self, event: ShowScreen) -> None:
        self.switch_mode(event.name)

    @on(OpenChat)
    def _open_chat(self, event: OpenChat) -> None:
        self.clear_notifications()  # they said what enter does, and would cover the prompt
        self.chat.begin(event.reference)
        self.switch_mode("chat")

    @on(Install)
    def _install(self, event: Install) -> None:
        from herd.install import Order
        from herd.progress import Gauge

        order = Order(event.choice, event.is_licence_accepted, gauge=Gauge(self._clock))
        self._told.discard(self.herd.start(order))
        self.glance()

    @on(TransfersPane.Pause)
    def _pause(self, event: TransfersPane.Pause) -> None:
        from herd_tui import elsewhere

        if isinstance(job := event.job, elsewhere.Elsewhere):
            beside(self, lambda: elsewhere.pause(self.herd, job), self._obeyed, group="elsewhere")
            return
        jobs = self.herd.jobs
        change = jobs.resume if job.is_paused else jobs.pause
        change(job)
        self.glance()

    def _obeyed(self, _: None) -> None:
        self._look_elsewhere()
        self.glance()

    @on(TransfersPane.Move)
    def _move(self, event: TransfersPane.Move) -> None:
        from herd_tui import elsewhere

        if isinstance(job := event.job, elsewhere.Elsewhere):
            herd, by = self.herd, event.by
            beside(self, lambda: elsewhere.move(herd, job, by), self._obeyed, group="elsewhere")
            return
        jobs = self.herd.jobs.all()
        if job not in jobs:
            return  # it ended a moment ago
        others = [each for each in jobs if each is not job]
        at = max(0, jobs.index(job) + event.by)
        self.herd.jobs.move(job, others[at] if at < len(others) else None)
        self.glance()

    @on(TransfersPane.Cancel)
    def _cancel(self, event: TransfersPane.Cancel) -> None:
        from herd_tui import elsewhere

        if isinstance(job := event.job, elsewhere.Elsewhere):
            beside(self, lambda: elsewhere.cancel(self.herd, job), self._obeyed, group="elsewhere")
        else:
            self.herd.jobs.cancel(job)

    @on(TransfersPane.Retry)
    def _retry(self, event: TransfersPane.Retry) -> None:
        self.herd.jobs.forget(event.job)
        order = event.job.order
        self.post_message(Install(order.choice, order.is_licence_accepted))

    @on(TransfersPane.Limit)
    def _limit(self, event: TransfersPane.Limit) -> None:
        from herd_tui.limits import ask

        ask(self, event.of, event.job)

    @on(TransfersPane.Dismiss)
    def _dismiss(self) -> None:
        for job in self.herd.transfers():
            if job.is_over or job.progress().stage == "failed":
                self._told.add(job)  # one that failed in an earlier process ends without a word
                self.herd.jobs.stop(job, 0)
                self.herd.jobs.forget(job)
                self.herd.downloads.remove(job.name)
        self.glance()

    @on(TransferEnded)
    def _transfer_ended(self, event: TransferEnded) -> None:
        job = event.job
        if job.outcome:
            self.herd.jobs.forget(job)
            self.notify(f"{job.name} is installed. enter opens a chat with it.", markup=False)
            self.library.post_message(LibraryChanged())
            aside(self, partial(self.herd.hash_pieces, [job.outcome.installed]))
        elif job.wanted == "cancel":
            self.herd.jobs.forget(job)
            self.notify(f"{job.name} was cancelled.", markup=False)
        elif job.error and not isinstance(job.error, Interrupted):
            self.complain(job.error)

    def glance(self) -> None:
        """Look at what moves by itself."""
        jobs = self.herd.transfers()
        for job in jobs:
            if job.is_over and job not in self._told:
                self._told.add(job)
                self.post_message(TransferEnded(job))
        base = self.screen_stack[0] if self.screen_stack else None  # none while screens change
        if isinstance(base, HerdScreen):
            with suppress(NoMatches):  # a screen that comes or goes has no widgets
                base.glance(jobs)

    def _handle_exception(self, error: Exception) -> None:
        """A fault of the app goes to the log, not over the screen as Textual would have it."""
        log.error("the app broke", exc_info=error)
        if self.is_headless:  # tests are to see it as it is
            super()._handle_exception(error)
            return
        self.broke = HerdError(f"The app broke: {error}.", "herd.log has the details.")
        self.exit(return_code=1)
