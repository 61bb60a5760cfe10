"""What can be done with installed models: choose a variant, remove, verify and repair."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from herd.words import count, size
from herd_tui.messages import LibraryChanged
from herd_tui.screens.base import HerdScreen
from herd_tui.work import beside

if TYPE_CHECKING:
    from herd.adopt import Adopted, Asked
    from herd.errors import HerdError
    from herd.foreign import Found
    from herd.model import Installed
    from herd.progress import Gauge
    from herd.repair import Repaired
    from herd.store.findings import Report
    from herd_tui.rows import Row

    Came = tuple[Asked, Adopted | HerdError]
    """A model that was to be taken over, and what came of it."""

# Dialogs and what reads and mends stores are imported when they are asked for: the first
# frame comes before all of them.


class ModelActions(HerdScreen):
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
        from herd.usage import frees, why_less
        from herd_tui.screens.question import Question

        held = self.herd.store.installed()
        freed, why = frees(model, held), why_less(model, held)
        text = f"{model.reference} takes {size(model.size)}; removing it frees {size(freed)}"
        text += f": {why}." if why else "."

        def answered(sure: bool | None) -> None:
            if sure:
                beside(self, lambda: self.herd.remove(model), self._removed, group="store")

        self.app.push_screen(Question("Remove this model?", text, "Remove"), answered)

    def _removed(self, freed: int) -> None:
        self.notify(f"{size(freed)} are free again.", markup=False)
        self.post_message(LibraryChanged())

    def _verify(self, model: Installed) -> None:
        from herd.store.proof import Work
        from herd.verify import verify
        from herd_tui.screens.progress_dialog import ProgressDialog

        def work(gauge: Gauge, stop: threading.Event) -> Report:
            return verify(self.herd.store, (model,), Work(gauge, stop))

        def done(report: Report | None) -> None:
            if report is None:
                return
            if report.is_sound:
                self.notify(f"{model.reference} is sound.", markup=False)
            else:
                self._offer_repair(model, report)

        title = f"Verify {model.reference}, {size(model.size)}"
        self.app.push_screen(ProgressDialog(title, work), done)

    def _offer_repair(self, model: Installed, report: Report) -> None:
        from herd.repair import Wanted
        from herd_tui.screens.progress_dialog import ProgressDialog
        from herd_tui.screens.question import Question

        text = "\n".join(finding.text for finding in report.findings)

        def work(gauge: Gauge, stop: threading.Event) -> Repaired:
            return self.herd.repairer.repair(Wanted((model,), gauge=gauge, stop=stop))

        def answered(sure: bool | None) -> None:
            if sure:
                title = f"Repair {model.reference}: the damaged pieces alone"
                self.app.push_screen(ProgressDialog(title, work), self._repaired)

        self.app.push_screen(Question(f"{model.reference} is not sound", text, "Repair"), answered)

    def _repaired(self, repaired: Repaired | None) -> None:
        if repaired:
            left = " Some of it is left." if repaired.left else ""
            self.notify(f"It was mended.{left}", markup=False)

    def action_import_found(self) -> None:
        """Look for models of other tools, and take over those that the person ticks."""
        from herd_tui.screens.progress_dialog import ProgressDialog

        def look(gauge: Gauge, _: threading.Event) -> tuple[list[Found], dict[int, str]]:
            from herd.adopt import same_bytes
            from herd.foreign import TOOLS, scan
            from herd.progress import Stage

            gauge.begin(Stage.WAITING, note=", ".join(TOOLS))
            found = scan()
            return found, same_bytes(found, self.herd.store)

        self.app.push_screen(ProgressDialog("Looking for models of other tools", look), self._found)

    def _found(self, seen: tuple[list[Found], dict[int, str]] | None) -> None:
        from herd_tui.screens.import_models import ImportModels

        if seen is None:
            return
        if not seen[0]:
            self.notify(
                "No models of Ollama, LM Studio, the Hugging Face cache, llama.cpp or GPT4All "
                "are here. A path may be typed into the filter.",
                markup=False,
            )
            return
        self.app.push_screen(ImportModels(*seen), self._take_over)

    def _take_over(self, wanted: tuple[Found, ...] | None) -> None:
        from herd_tui.screens.progress_dialog import ProgressDialog

        if not wanted:
            return

        def work(gauge: Gauge, stop: threading.Event) -> list[Came]:
            from herd.adopt import Asked

            return list(self.herd.adopter.adopt_each(list(map(Asked, wanted)), gauge, stop))

        title = f"Import {count(len(wanted), 'model')}: read, proved, linked"
        self.app.push_screen(ProgressDialog(title, work), self._taken_over)

    def _taken_over(self, came: list[Came] | None) -> None:
        from herd.adopt_report import said
        from herd.errors import HerdError
        from herd_tui.screens.text_dialog import TextDialog

        self.post_message(LibraryChanged())
        if came is None:
            return
        lines: list[str] = []
        for asked, result in came:
            if isinstance(result, HerdError):
                lines += [result.message, *([f"  {result.hint}"] if result.hint else [])]
            else:
                lines += said(asked.found, result)
        self.app.push_screen(TextDialog("Imported", "\n".join(lines)))
