"""The library: what the registry offers and what is installed, in one list."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.containers import Container
from textual.content import Content
from textual.widgets import Input, Static

from herd_tui.actions.found_models import FoundModels
from herd_tui.actions.install import Installing
from herd_tui.actions.models import ModelActions
from herd_tui.commands import Scope, bindings
from herd_tui.filtering import Grouping, Order, Sieve, grouped, outside
from herd_tui.messages import LibraryChanged, OpenChat
from herd_tui.screens.base import HerdScreen
from herd_tui.widgets.details import Details
from herd_tui.widgets.filter import Filter
from herd_tui.widgets.key_line import KeyLine
from herd_tui.widgets.model_list import ModelList
from herd_tui.widgets.top_bar import TopBar
from herd_tui.widgets.transfers import TransfersPane
from herd_tui.work import beside

if TYPE_CHECKING:
    from textual.timer import Timer

    from herd.model import Choice
    from herd_tui.insight import Insight
    from herd_tui.rows import Row

REST = 0.2
"""Seconds that the cursor rests on a row before it is looked at more closely."""


class LibraryScreen(HerdScreen):
    """Filter, list, details, transfers."""

    SCOPE: ClassVar[Scope] = Scope.LIBRARY
    BINDINGS = bindings(Scope.LIBRARY)

    def __init__(self) -> None:
        super().__init__()
        self._models = ModelActions(self)
        self._found_models = FoundModels(self)
        self._installing = Installing(self, chosen=self._await)
        self._rows: tuple[Row, ...] = ()
        self._sieve = Sieve()
        self._order = Order.REGISTRY
        self._grouping = Grouping.NONE
        self._sifted = ""
        """What the list was sifted by."""
        self._awaited = ""
        """What is being installed of what was typed as a path or address."""
        self._possible: tuple[bool | None, ...] = ()
        self._rest: Timer | None = None
        """Runs out once the cursor has rested on a row."""

    def compose(self) -> ComposeResult:
        """The parts."""
        yield TopBar("library")
        yield Filter("type to filter: a name, 7B, code, apache, fits, installed…", id="filter")
        yield Static(id="welcome", markup=False)
        with Container(id="shelves"):
            yield ModelList(id="models")
            yield Details(id="details")
        yield TransfersPane()
        yield KeyLine()

    def on_mount(self) -> None:
        """Read the library, once the first frame is on the screen."""
        self.focus_main()
        self.call_after_refresh(self.reload)

    def focus_main(self) -> None:
        """One types into the filter."""
        self.query_one(Filter).focus()

    def reload(self) -> None:
        """Read registry and store again."""

        def read() -> tuple[tuple[Row, ...], str]:
            from herd_tui.rows import recommended, rows

            read = rows(self.herd.shelf(), self.host.memory)
            is_new = not any(row.entry.is_installed for row in read)
            return read, recommended(read) if is_new else ""

        beside(self, read, self._show, group="shelf")

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Only what can be done with the model under the cursor."""
        if action in ("install", "chat"):
            if not self._has_focus:
                return False
            row = self.current
            can_chat = row is not None and row.runnable is not None
            return can_chat if action == "chat" else not can_chat
        if action in ("remove", "verify"):
            return bool(self.current and self.current.entry.is_installed)
        if action == "variants":
            model = self.current.entry.model if self.current else None
            return model is not None and len(model.variants) > 1
        return self._has_focus or action != "clear"

    def action_install(self) -> None:
        """Install the model under the cursor; with none, what was typed."""
        self._open()

    def action_chat(self) -> None:
        """Talk to the model under the cursor."""
        self._open()

    def _open(self) -> None:
        if self.query_one(Filter).value != self._sifted:  # enter may come faster than the list
            self._sift()
        row = self.current
        text = row.name if row else self.query_one(Filter).value.strip()
        if row and row.runnable:
            self.post_message(OpenChat(str(row.runnable.reference)))
        elif text:
            self._installing.order(text)

    def action_move(self, by: int) -> None:
        """Move the cursor of the list."""
        self.query_one(ModelList).move(by)

    def action_page(self, direction: int) -> None:
        """Move the cursor by a page."""
        self.query_one(ModelList).page(direction)

    def action_clear(self) -> None:
        """Show every model again."""
        self.query_one(Filter).value = ""

    def action_sort(self) -> None:
        """Sort by the next order."""
        orders = list(Order)
        self._order = orders[(orders.index(self._order) + 1) % len(orders)]
        self._sieve = Sieve(self._rows, self._order)
        self.host.say_instead(f"Sorted {self._order}.")
        self._sift()

    def action_group(self) -> None:
        """Divide the list by the next thing."""
        groupings = list(Grouping)
        self._grouping = groupings[(groupings.index(self._grouping) + 1) % len(groupings)]
        self.host.say_instead(f"Grouped {self._grouping}.")
        self._sift()

    def action_variants(self) -> None:
        """Choose the variant to install."""
        if self.current:
            self._models.choose_variant(self.current, self._installing.order)

    def action_remove(self) -> None:
        """Ask, then take the model under the cursor out of the store."""
        if self.current:
            self._models.remove(self.current)

    def action_verify(self) -> None:
        """Prove the model under the cursor against its digests, and offer to mend it."""
        if self.current:
            self._models.verify(self.current)

    def action_import_found(self) -> None:
        """Look for models of other tools, and take over those that the person ticks."""
        self._found_models.look()

    @property
    def current(self) -> Row | None:
        """The row under the cursor."""
        return self.query_one(ModelList).current

    @property
    def _has_focus(self) -> bool:
        return not isinstance(self.focused, TransfersPane)

    def _show(self, read: tuple[tuple[Row, ...], str]) -> None:
        self._rows, quick = read
        self._sieve = Sieve(self._rows, self._order)
        self._welcome(quick)
        self._sift(self._arrived())
        self.call_after_refresh(self.host.prepare)

    def _welcome(self, quick: str) -> None:
        """Say what to begin with, as long as nothing is installed."""
        welcome = self.query_one("#welcome", Static)
        welcome.display = not any(row.entry.is_installed for row in self._rows)
        if welcome.display and quick:
            welcome.update(Content(f"Nothing is installed yet. {quick}"))

    def _arrived(self) -> str | None:
        """The name of what was typed as a path or address, once: when it is here."""
        awaited = self._awaited
        if not any(row.name == awaited and row.entry.is_installed for row in self._rows):
            return None
        self._awaited, box = "", self.query_one(Filter)
        if box.value != awaited and not outside(box.value):
            return None  # the person types something else by now
        box.value = ""
        return awaited

    def _sift(self, under: str | None = None) -> None:
        """Show what the filter leaves, with the cursor on the row of this name or where it was."""
        box = self.query_one(ModelList)
        here = box.current
        self._sifted = self.query_one(Filter).value
        found = self._sieve.sift(self._sifted)
        box.show(grouped(found, self._grouping), under or (here.name if here else None))

    def _await(self, choice: Choice) -> None:
        """Show under its name what is installed of a path or address."""
        if self.current is None or outside(self.query_one(Filter).value):
            self.query_one(Filter).value = self._awaited = choice.model.name

    @on(Input.Changed, "#filter")
    def _filter(self) -> None:
        typed = self.query_one(Filter).value
        nearest = self._sieve.sift(typed)[:1] if typed.strip() else ()
        # What is typed is what is meant, whichever row the cursor was on before.
        self._sift(nearest[0].name if nearest else None)

    @on(ModelList.Moved)
    def _detail(self, event: ModelList.Moved) -> None:
        if not self._rows:
            return  # nothing was read yet
        typed = self.query_one(Filter).value
        self.query_one(Details).show(event.row, self.host.memory, typed=typed)
        if self._rest:
            self._rest.stop()
        self._rest = self.set_timer(REST, self.look_closer) if event.row else None
        actions = ("chat", "remove", "variants")
        possible = tuple(self.check_action(action, ()) for action in actions)
        if possible != self._possible:  # the footer is costly to make anew
            self._possible = possible
            self.refresh_bindings()

    def look_closer(self) -> None:
        """Show what is known beside the row, once the cursor rests on it."""
        row = self.current
        if row is None:
            return

        def seen() -> Insight:
            from herd_tui.insight import look

            return look(self.herd, row)

        def show(insight: Insight) -> None:
            if self.current is row:
                self.query_one(Details).show(row, self.host.memory, insight)

        beside(self, seen, show, group="insight")

    @on(ModelList.Chosen)
    def _choose(self) -> None:
        self._open()

    @on(LibraryChanged)
    def _changed(self) -> None:
        self.reload()
