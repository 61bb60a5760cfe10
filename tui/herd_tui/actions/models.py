"""What can be done with a model: choose a variant, remove, verify and repair."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from herd.words import size
from herd_tui.messages import LibraryChanged
from herd_tui.work import beside

if TYPE_CHECKING:
    from herd.model import Installed
    from herd.progress import Gauge
    from herd.repair import Repaired
    from herd.store.findings import Report
    from herd_tui.rows import Row
    from herd_tui.screens.base import HerdScreen

# Dialogs and what reads and mends stores are imported when they are asked for: the first
# frame comes before all of them.


class ModelActions:
    """Asks what must be asked, and does it."""

    def __init__(self, screen: HerdScreen) -> None:
        self._screen = screen

    def choose_variant(self, row: Row, order: Callable[[str], None]) -> None:
        """Choose the variant to install.

        Args:
            row: The model.
            order: Called with `name:variant`.
        """
        from herd_tui import choices
        from herd_tui.screens.pick import Pick

        if row.entry.model is None:
            return
        held = {each.variant for each in row.entry.installed}
        items = choices.variants(row.entry.model, held, self._screen.host.memory)
        self._screen.app.push_screen(
            Pick(f"Which variant of {row.name}?", items, "enter installs it"),
            lambda name: order(f"{row.name}:{name}") if name else None,
        )

    def remove(self, row: Row) -> None:
        """Ask, then take it out of the store."""
        self._of_installed(row, "Remove which one?", self._ask_to_remove)

    def verify(self, row: Row) -> None:
        """Prove it against its digests, and offer to mend it."""
        self._of_installed(row, "Verify which one?", self._verify)

    def _of_installed(self, row: Row, title: str, then: Callable[[Installed], None]) -> None:
        """The installed variant of the row; where there are several, the person says."""
        installed = row.entry.installed
        if len(installed) <= 1:
            for each in installed:
                then(each)
            return
        from herd_tui import choices
        from herd_tui.screens.pick import Pick

        by_name = {str(each.reference): each for each in installed}
        items = choices.models(
            installed, current="", loaded=(), recent=(), memory=self._screen.host.memory
        )
        self._screen.app.push_screen(
            Pick(title, items), lambda name: then(by_name[name]) if name else None
        )

    def _ask_to_remove(self, model: Installed) -> None:
        from herd.usage import frees, why_less
        from herd_tui.screens.question import Question

        herd = self._screen.herd
        held = herd.store.installed()
        freed, why = frees(model, held), why_less(model, held)
        text = f"{model.reference} takes {size(model.size)}; removing it frees {size(freed)}"
        text += f": {why}." if why else "."

        def answered(sure: bool | None) -> None:
            if sure:
                beside(self._screen, lambda: herd.remove(model), self._removed, group="store")

        self._screen.app.push_screen(Question("Remove this model?", text, "Remove"), answered)

    def _removed(self, freed: int) -> None:
        self._screen.notify(f"{size(freed)} are free again.", markup=False)
        self._screen.post_message(LibraryChanged())

    def _verify(self, model: Installed) -> None:
        from herd.store.proof import Work
        from herd.verify import verify
        from herd_tui.screens.progress_dialog import ProgressDialog

        store = self._screen.herd.store

        def work(gauge: Gauge, stop: threading.Event) -> Report:
            return verify(store, (model,), Work(gauge, stop))

        def done(report: Report | None) -> None:
            if report is None:
                return
            if report.is_sound:
                self._screen.notify(f"{model.reference} is sound.", markup=False)
            else:
                self._offer_repair(model, report)

        title = f"Verify {model.reference}, {size(model.size)}"
        self._screen.app.push_screen(ProgressDialog(title, work), done)

    def _offer_repair(self, model: Installed, report: Report) -> None:
        from herd.repair import Wanted
        from herd_tui.screens.progress_dialog import ProgressDialog
        from herd_tui.screens.question import Question

        herd, app = self._screen.herd, self._screen.app
        text = "\n".join(finding.text for finding in report.findings)

        def work(gauge: Gauge, stop: threading.Event) -> Repaired:
            return herd.repairer.repair(Wanted((model,), gauge=gauge, stop=stop))

        def answered(sure: bool | None) -> None:
            if sure:
                title = f"Repair {model.reference}: the damaged pieces alone"
                app.push_screen(ProgressDialog(title, work), self._repaired)

        app.push_screen(Question(f"{model.reference} is not sound", text, "Repair"), answered)

    def _repaired(self, repaired: Repaired | None) -> None:
        if repaired:
            left = " Some of it is left." if repaired.left else ""
            self._screen.notify(f"It was mended.{left}", markup=False)
