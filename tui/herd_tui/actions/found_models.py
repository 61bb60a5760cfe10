"""Models of other tools: looked for, shown, and those taken over that the person ticks."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from herd.words import count
from herd_tui.messages import LibraryChanged

if TYPE_CHECKING:
    from herd.adopt import Adopted, Asked
    from herd.errors import HerdError
    from herd.foreign import Found
    from herd.progress import Gauge
    from herd_tui.screens.base import HerdScreen

    Came = tuple[Asked, Adopted | HerdError]
    """A model that was to be taken over, and what came of it."""


class FoundModels:
    """Imports what other tools keep on this machine."""

    def __init__(self, screen: HerdScreen) -> None:
        self._screen = screen

    def look(self) -> None:
        """Look for them."""
        from herd_tui.screens.progress_dialog import ProgressDialog

        store = self._screen.herd.store

        def look(gauge: Gauge, _: threading.Event) -> tuple[list[Found], dict[int, str]]:
            from herd.adopt import same_bytes
            from herd.foreign import TOOLS, scan
            from herd.progress import Stage

            gauge.begin(Stage.WAITING, note=", ".join(TOOLS))
            found = scan()
            return found, same_bytes(found, store)

        dialog = ProgressDialog("Looking for models of other tools", look)
        self._screen.app.push_screen(dialog, self._show)

    def _show(self, seen: tuple[list[Found], dict[int, str]] | None) -> None:
        from herd_tui.screens.import_models import ImportModels

        if seen is None:
            return
        if not seen[0]:
            self._screen.notify(
                "No models of Ollama, LM Studio, the Hugging Face cache, llama.cpp or GPT4All "
                "are here. A path may be typed into the filter.",
                markup=False,
            )
            return
        self._screen.app.push_screen(ImportModels(*seen), self._take_over)

    def _take_over(self, wanted: tuple[Found, ...] | None) -> None:
        from herd_tui.screens.progress_dialog import ProgressDialog

        if not wanted:
            return
        adopter = self._screen.herd.adopter

        def work(gauge: Gauge, stop: threading.Event) -> list[Came]:
            from herd.adopt import Asked

            return list(adopter.adopt_each(list(map(Asked, wanted)), gauge, stop))

        title = f"Import {count(len(wanted), 'model')}: read, proved, linked"
        self._screen.app.push_screen(ProgressDialog(title, work), self._taken_over)

    def _taken_over(self, came: list[Came] | None) -> None:
        from herd.adopt_report import said
        from herd.errors import HerdError
        from herd_tui.screens.text_dialog import TextDialog

        self._screen.post_message(LibraryChanged())
        if came is None:
            return
        lines: list[str] = []
        for asked, result in came:
            if isinstance(result, HerdError):
                lines += [result.message, *([f"  {result.hint}"] if result.hint else [])]
            else:
                lines += said(asked.found, result)
        self._screen.app.push_screen(TextDialog("Imported", "\n".join(lines)))
