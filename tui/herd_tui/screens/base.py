"""What both main screens have: the top bar, the transfers pane, the footer."""

from __future__ import annotations

from inspect import isawaitable
from typing import TYPE_CHECKING, ClassVar, cast

from textual import events, on
from textual.screen import Screen

from herd_tui.commands import Scope, of_scope
from herd_tui.messages import WorkDone
from herd_tui.widgets.top_bar import TopBar
from herd_tui.widgets.transfers import TransfersPane

if TYPE_CHECKING:
    from herd.core import Herd
    from herd.job import Job
    from herd_tui.app import HerdApp


class HerdScreen(Screen[None]):
    """A screen over a herd."""

    SCOPE: ClassVar[Scope]
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (110, "-wide"), (150, "-huge")]

    @property
    def herd(self) -> Herd:
        """The core."""
        return self.host.herd

    @property
    def host(self) -> HerdApp:
        """The app, by its own type."""
        return cast("HerdApp", self.app)

    def glance(self, jobs: tuple[Job, ...]) -> None:
        """Show what changes by itself; called a few times a second while this screen is seen."""
        limits = self.herd.jobs.limits if jobs else (None, None)
        own = {job.name for job in jobs}
        others = [each for each in self.host.elsewhere if each.name not in own]
        self.query_one(TransfersPane).show((*jobs, *others), limits)
        self.query_one(TopBar).show(self.herd.states, self.host.memory)

    @property
    def warm(self) -> set[str]:
        """The names of the models that can answer at once."""
        return {state.reference for state in self.herd.states if state.ready}

    @on(WorkDone)
    async def _go_on(self, event: WorkDone) -> None:
        event.stop()
        outcome = event.then()
        if isawaitable(outcome):
            await outcome

    def on_key(self, event: events.Key) -> None:
        """Say why the key of a command does nothing now."""
        keys = self.herd.config.keys
        for command in of_scope(self.SCOPE):
            is_its = event.key in keys.get(command.id, command.key).split(",")
            if is_its and command.not_now and not self.check_action(command.call, ()):
                self.notify(command.not_now, markup=False)

    @on(TransfersPane.Left)
    def _return_focus(self) -> None:
        self.focus_main()

    def focus_main(self) -> None:
        """Put the focus where one types."""
        raise NotImplementedError
