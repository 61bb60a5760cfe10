"""What can be done with installed models: choose a variant, remove, verify and repair."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from herd.words import size
from herd_tui.messages import LibraryChanged
from herd_tui.screens.base import HerdScreen
from herd_tui.work import beside

if TYPE_CHECKING:
    from herd.model import Installed
    from herd.repair import Repaired
    from herd.store.findings import Report
    from herd_tui.rows import Row

# Dialogs and what reads and mends stores are imported when they are asked for: the first
# frame comes before all of them.


class Tending(HerdScreen):
    """A screen with a model under its cursor."""

    @property
    def current(self) -> Row | None:
        """The row under the cursor."""
        raise NotImplementedError

    def order(self, text: str) -> None:
        """Install what the text stands for."""
        raise NotImplementedError

    def action_variants(self) -> None:
        """Choose the variant to install."""
        from herd_tui import choices
        from herd_tui.screens.pick import Pick

        row = self.current
        if row is None or row.entry.model is None:
            return
        held = {each.variant for each in row.entry.installed}
        items = choices.variants(row.entry.model, held, self.host.memory)
        self.app.push_screen(
            Pick(f"Which variant of {row.name}?", items, "enter installs it"),
            lambda name: self.order(f"{row.name}:{name}") if name else None,
        )

    def action_remove(self) -> None:
        """Ask, then take a model out of the store."""
        self._of_installed("Remove which one?", self._ask_to_remove)

    def action_verify(self) -> None:
        """Prove a model against its digests, and offer to mend it."""
        self._of_installed("Verify which one?", self._verify)

    def _of_installed(self, title: str, then: Callable[[Installed], None]) -> None:
        """The installed variant under the cursor; where there are several, the person says."""
        installed = self.current.entry.installed if self.current else ()
        if len(installed) <= 1:
            for each in installed:
                then(each)
            return
        from herd_tui import choices
        from herd_tui.screens.pick import Pick

        by_name = {str(each.reference): each for each in installed}
        items = choices.models(installed, current="", loaded=(), recent=(), memory=self.host.memory)
        self.app.push_screen(Pick(title, items), lambda name: then(by_name[name]) if name else None)

    def _ask_to_remove(self, model: Installed) -> None:
        from herd.usage import frees
        from herd_tui.screens.question import Question

        freed = frees(model, self.herd.store.installed())
        text = f"{model.reference} takes {size(model.size)}; removing it frees {size(freed)}."

        def answered(sure: bool | None) -> None:
            if sure:
                beside(self, lambda: self.herd.remove(model), self._removed, group="store")

        self.app.push_screen(Question("Remove this model?", text, "Remove"), answered)

    def _removed(self, freed: int) -> None:
        self.notify(f"{size(freed)} are free again.", markup=False)
        self.post_message(LibraryChanged())

    def _verify(self, model: Installed) -> None:
        from herd.progress import Gauge
        from herd.store.proof import Work
        from herd.verify import verify

        self.notify(f"Reading {size(model.size)} of {model.reference}…", markup=False)
        work = Work(Gauge(), threading.Event())

        def done(report: Report) -> None:
            if report.is_sound:
                self.notify(f"{model.reference} is sound.", markup=False)
            else:
                self._offer_repair(model, report)

        beside(self, lambda: verify(self.herd.store, (model,), work), done, group="store")

    def _offer_repair(self, model: Installed, report: Report) -> None:
        from herd.repair import Wanted
        from herd_tui.screens.question import Question

        text = "\n".join(finding.text for finding in report.findings)

        def answered(sure: bool | None) -> None:
            if sure:
                self.notify(f"Mending {model.reference}…", markup=False)
                wanted = Wanted(models=(model,))
                beside(self, lambda: self.herd.repairer.repair(wanted), self._repaired)

        self.app.push_screen(Question(f"{model.reference} is not sound", text, "Repair"), answered)

    def _repaired(self, repaired: Repaired) -> None:
        self.notify("It was mended." if not repaired.left else "Some of it is left.", markup=False)
