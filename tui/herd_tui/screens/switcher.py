"""The quick switcher: which model answers from now on."""

from __future__ import annotations

from collections.abc import Sequence

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from herd.model import Installed
from herd.plan import Fit, fit
from herd.words import one_line, size
from herd_tui.cells import cell
from herd_tui.widgets.filter import Filter


class Switcher(ModalScreen[str | None]):
    """Gives back the full name of the chosen model, None if none was chosen."""

    BINDINGS = [
        Binding("escape", "dismiss", "Close", show=False),
        Binding("enter", "take", show=False),
        Binding("down", "move(1)", show=False),
        Binding("up", "move(-1)", show=False),
    ]

    def __init__(
        self,
        models: Sequence[Installed],
        current: str,
        memory: int | None,
        loaded: str | None = None,
        title: str = "Who answers from now on?",
    ) -> None:
        super().__init__()
        self._models, self._current, self._memory = models, current, memory
        self._loaded = loaded
        self._title = title
        self._shown = ""

    def compose(self) -> ComposeResult:
        """A filter and the models."""
        with Vertical(classes="dialog"):
            yield Static(Content(self._title), classes="dialog-title", markup=False)
            yield Filter("type to filter", id="switcher-filter")
            yield OptionList(id="switcher", markup=False)
            yield Static("the conversation stays", classes="dialog-foot", markup=False)

    def on_mount(self) -> None:
        """All of them at first."""
        self._show("")
        self.query_one(Filter).focus()

    def action_move(self, by: int) -> None:
        """Move the cursor while the filter keeps the focus."""
        box = self.query_one(OptionList)
        if by > 0:
            box.action_cursor_down()
        else:
            box.action_cursor_up()

    @on(Input.Changed)
    def _sift(self, event: Input.Changed) -> None:
        self._show(event.value)

    def action_take(self) -> None:
        """Take the model under the cursor."""
        text = self.query_one(Filter).value
        if text != self._shown:  # enter may come faster than the list follows the filter
            self._show(text)
        box = self.query_one(OptionList)
        if box.highlighted is not None:
            self.dismiss(box.get_option_at_index(box.highlighted).id)

    @on(OptionList.OptionSelected)
    def _choose(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(event.option.id)

    def _show(self, text: str) -> None:
        words = text.lower().split()
        box = self.query_one(OptionList)
        box.clear_options()
        for each in self._models:
            name = str(each.reference)
            if all(word in f"{name} {each.title}".lower() for word in words):
                box.add_option(Option(self._line(each, name), id=name))
        box.highlighted = 0 if box.option_count else None
        self._shown = text

    def _line(self, each: Installed, name: str) -> Content:
        verdict = fit(each.size, self._memory)
        notes = []
        if name == self._current:
            notes.append("now")
        if name == self._loaded:
            notes.append("loaded")
        return Content.assemble(
            cell(name, 28),
            cell(size(each.size), 9, right=True),
            "  " + cell("" if verdict is Fit.UNKNOWN else verdict, 8),
            (one_line(", ".join(notes)), "dim"),
        )
