"""Models of other tools that were found on this machine, to be ticked and taken over."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widgets import Button, OptionList, Static
from textual.widgets.option_list import Option

from herd.foreign import Found
from herd.words import count, size
from herd_tui.cells import cell
from herd_tui.screens.dialog import Dialog


class Ticks(OptionList, inherit_bindings=False):
    """A list to tick in; enter is left to the dialog."""

    BINDINGS = [
        *(
            binding
            for binding in OptionList.BINDINGS
            if isinstance(binding, Binding) and binding.key != "enter"
        ),
        Binding("space", "select", "Tick", show=False),
    ]


class ImportModels(Dialog[tuple[Found, ...]]):
    """Gives back what is to be taken over."""

    BINDINGS = [
        Binding("escape", "dismiss(())", "Close", show=False),
        Binding("enter", "take", "Import", show=False),
        Binding("a", "all", "All", show=False),
    ]

    def __init__(self, found: Sequence[Found], same: Mapping[int, str]) -> None:
        """Show them.

        Args:
            found: The models.
            same: For some of them, by their place, whose bytes they have.
        """
        super().__init__()
        self._found, self._same = found, same
        self._ticked: set[int] = set()

    def compose(self) -> ComposeResult:
        """The list, and what the keys do."""
        able = sum(each.trouble is None for each in self._found)
        title = f"{count(len(self._found), 'model')} of other tools here, {able} can be imported"
        with Vertical(classes="dialog -wide"):
            yield Static(Content(title), classes="dialog-title", markup=False)
            yield Ticks(*map(self._option, range(len(self._found))), id="finds", markup=False)
            with Horizontal(classes="buttons"):
                yield Button("Import (enter)", id="take", variant="primary", compact=True)
                yield Button("All (a)", id="all", compact=True)
                yield Button("Close (esc)", id="close", compact=True)
            foot = "space ticks; no byte is copied where a link will do"
            yield Static(Content(foot), classes="dialog-foot", markup=False)

    def on_mount(self) -> None:
        """One ticks at once."""
        self.query_one(Ticks).focus()

    def action_all(self) -> None:
        """Tick all that can be imported, or none."""
        able = {at for at, each in enumerate(self._found) if each.trouble is None}
        self._tick(able - self._ticked or able)

    def action_take(self) -> None:
        """Go with what is ticked; with nothing ticked, with what the cursor is on."""
        here = self.query_one(Ticks).highlighted
        ticked = self._ticked or ({here} if here is not None else set())
        able = (self._found[at] for at in sorted(ticked))
        self.dismiss(tuple(each for each in able if each.trouble is None))

    @on(Button.Pressed)
    def _press(self, event: Button.Pressed) -> None:
        event.stop()
        match event.button.id:
            case "take":
                self.action_take()
            case "all":
                self.action_all()
            case _:
                self.dismiss(())

    @on(OptionList.OptionSelected)
    def _toggle(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        self._tick({event.option_index})

    def _tick(self, places: set[int]) -> None:
        """Tick these, or take the ticks away where they are."""
        self._ticked ^= places
        box = self.query_one(Ticks)
        for at in places:
            box.replace_option_prompt_at_index(at, self._line(at))

    def _option(self, at: int) -> Option:
        return Option(self._line(at), disabled=self._found[at].trouble is not None)

    def _line(self, at: int) -> Content:
        found = self._found[at]
        note = found.trouble or (f"same bytes as {self._same[at]}" if at in self._same else "")
        return Content.assemble(
            "[x] " if at in self._ticked else "    " if found.trouble else "[ ] ",
            cell(found.name, 32),
            cell(size(found.size), 10, right=True),
            "  " + cell(found.tool, 12),
            (cell(note, 29), "$text-warning" if found.trouble else "dim"),
        )
