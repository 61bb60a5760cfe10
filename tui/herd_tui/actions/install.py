"""An install: planned, asked about where something must be asked, and begun."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from herd_tui.messages import Install
from herd_tui.work import beside

if TYPE_CHECKING:
    from herd.model import Choice
    from herd.plan import Plan
    from herd_tui.screens.base import HerdScreen


class Installing:
    """From what stands for a model to its install."""

    def __init__(self, screen: HerdScreen, *, chosen: Callable[[Choice], None]) -> None:
        """Hear of nothing yet.

        Args:
            screen: It gets the `Install` message.
            chosen: Called with a model that can be installed, before its licence is asked about.
        """
        self._screen = screen
        self._chosen = chosen

    def order(self, text: str) -> None:
        """Plan an install, ask what must be asked, and begin it.

        Args:
            text: A name, an address, a magnet or a path.
        """
        herd = self._screen.herd

        def planned() -> tuple[Plan, str | None]:
            from herd_tui.install_warnings import doubts

            plan = herd.plan(herd.choose(text))
            return plan, doubts(herd, plan)

        beside(self._screen, planned, lambda made: self._ask(*made), group="plan")

    def _ask(self, plan: Plan, doubts: str | None) -> None:
        if trouble := plan.trouble(is_licence_accepted=True):
            self._screen.host.complain(trouble)
        elif doubts:
            from herd_tui.screens.question import Question

            self._screen.app.push_screen(
                Question(f"Install {plan.choice.reference}?", doubts, "Install"),
                lambda sure: self._ask_licence(plan) if sure else None,
            )
        else:
            self._ask_licence(plan)

    def _ask_licence(self, plan: Plan) -> None:
        from herd_tui.screens.licence import LicenceQuestion

        self._chosen(plan.choice)
        if plan.needs_acceptance:
            self._screen.app.push_screen(
                LicenceQuestion(plan), lambda accepted: self._begin(plan.choice, bool(accepted))
            )
        else:
            self._screen.post_message(Install(plan.choice, is_licence_accepted=False))

    def _begin(self, choice: Choice, accepted: bool) -> None:
        if accepted:
            self._screen.post_message(Install(choice, is_licence_accepted=True))
        else:
            self._screen.notify(f"{choice.model.name} was not installed.", markup=False)
