"""The last line: what can be done now, as one widget.

Textual's Footer makes a widget for each key anew whenever a command comes or goes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.cells import cell_len
from textual import events
from textual.content import Content
from textual.widget import Widget

if TYPE_CHECKING:
    from textual.screen import Screen

_KEY = "bold $footer-key-foreground on $footer-key-background"
_NAME = "$footer-description-foreground on $footer-description-background"


HELP = "show_help"
"""The action that shows every key."""


@dataclass(frozen=True)
class _Key:
    key: str
    shown: str
    """The key as it is written for people."""
    name: str
    help: str
    action: str
    is_enabled: bool

    @property
    def texts(self) -> tuple[str, str]:
        """What stands on the line: the key, and what it does."""
        return f" {self.shown} ", f"{self.name} "

    @property
    def width(self) -> int:
        """Cells."""
        return sum(cell_len(text) for text in self.texts)


class KeyLine(Widget, can_focus=False):
    """Keys and what they do; a click is as good as the key."""

    ALLOW_SELECT = False

    def __init__(self) -> None:
        super().__init__()
        self._keys: tuple[_Key, ...] | None = None

    def on_mount(self) -> None:
        """Be told what changes."""
        self.screen.bindings_updated_signal.subscribe(self, self._update)

    def render(self) -> Content:
        """The keys in a line."""
        if self._keys is None:
            self._keys = self._active()
        parts = []
        for each in self._fitting():
            dim = "" if each.is_enabled else "dim "
            key, name = each.texts
            parts += [(key, dim + _KEY), (name, dim + _NAME)]
        return Content.assemble(*parts)

    def on_mouse_down(self, event: events.MouseDown) -> None:
        """Press the key under the mouse."""
        event.stop()
        if (key := self._at(event.x)) is None:
            return
        if key.is_enabled:
            self.app.simulate_key(key.key)
        else:
            self.app.bell()

    def on_mouse_move(self, event: events.MouseMove) -> None:
        """Say what the key under the mouse does."""
        key = self._at(event.x)
        self.tooltip = key.help if key else None

    def _update(self, screen: Screen[object]) -> None:
        if not (screen.app.app_focus and self.is_attached and screen is self.screen):
            return
        keys = self._active()
        if keys != self._keys:
            self._keys = keys
            self.refresh()

    def _active(self) -> tuple[_Key, ...]:
        """The first key of every action that can be shown."""
        by_action: dict[str, _Key] = {}
        for active in self.screen.active_bindings.values():
            binding = active.binding
            if binding.show and binding.action not in by_action:
                shown = self.app.get_key_display(binding)
                help_ = active.tooltip or binding.description
                said = (binding.description, help_, binding.action)
                by_action[binding.action] = _Key(binding.key, shown, *said, active.enabled)
        return tuple(by_action.values())

    def _fitting(self) -> tuple[_Key, ...]:
        """Those that the line has room for: the last ones are left out, help last of all."""
        keys = list(self._keys or ())
        while len(keys) > 1 and sum(each.width for each in keys) > self.size.width:
            del keys[-2 if keys[-1].action == HELP else -1]
        return tuple(keys)

    def _at(self, x: int) -> _Key | None:
        for each in self._fitting():
            x -= each.width
            if x < 0:
                return each
        return None
