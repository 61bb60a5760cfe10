"""A hand on the keys of the app, an eye on its screen."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from textual.events import Paste
from textual.message import Message
from textual.pilot import Pilot
from textual.widgets import Input, TextArea

from herd_tui.app import HerdApp
from herd_tui.commands import COMMANDS

PICTURES = Path(__file__).parent / "pictures"
PATIENCE = 20.0

SomeMessage = TypeVar("SomeMessage", bound=Message)


class Hand:
    """Presses, waits and looks."""

    pilot: Pilot[None]

    def __init__(self, app: HerdApp, scratch: Path) -> None:
        self.app = app
        self.messages: list[Message] = []
        self._scratch = scratch

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)
        await self.settle()

    async def write(self, text: str) -> None:
        """Hand the text to what has the focus, as a terminal hands over what is pasted."""
        self.app.post_message(Paste(text))
        await self.settle()

    async def command(self, command_id: str) -> None:
        """Press the key of a command."""
        key = next(each.key for each in COMMANDS if each.id == command_id)
        await self.press(key.split(",")[0])

    async def say(self, text: str) -> None:
        """Type into the prompt and send."""
        await self.write(text)
        await self.press("enter")

    async def settle(self) -> None:
        """Until no worker runs and every message was dealt with."""
        await self.app.workers.wait_for_complete()
        await self.pilot.pause()
        await self.app.workers.wait_for_complete()
        await self.pilot.pause()

    async def until(self, holds: Callable[[], bool]) -> None:
        """Wait for the thing itself."""
        end = time.monotonic() + PATIENCE
        while not holds():
            assert time.monotonic() < end, f"it did not come true; the screen:\n{self.screen}"
            await self.pilot.pause(0.02)
        await self.settle()

    async def sees(self, text: str) -> None:
        """Wait until the text is on the screen."""
        await self.until(lambda: text in self.screen)

    def is_at(self, kind: type[object]) -> bool:
        """Whether the screen is of this kind."""
        return isinstance(self.app.screen, kind)

    def is_in(self, kind: type[object]) -> bool:
        """Whether what has the focus is of this kind."""
        return isinstance(self.app.screen.focused, kind)

    @property
    def screen(self) -> str:
        """What is on the screen, as text."""
        strips = self.app.screen._compositor.render_strips()
        top = "\n".join(strip.text for strip in strips)
        toasts = "\n".join(note.message for note in self.app._notifications)
        return f"{top}\n{toasts}"

    def got(self, kind: type[SomeMessage]) -> list[SomeMessage]:
        """The messages of a kind, each once however many nodes saw it."""
        seen = {id(message): message for message in self.messages if isinstance(message, kind)}
        return list(seen.values())

    async def looks_like(self, name: str) -> None:
        """Compare the screen with its picture; HERD_PICTURES=write makes the picture anew."""
        await self.settle()
        self.app.glance()
        if self.app.library.is_mounted:
            self.app.library.look_closer()  # it would by itself, a moment later
        await self.settle()
        for screen in self.app.screen_stack:  # those below a dialog shine through
            for field in (*screen.query(Input), *screen.query(TextArea)):
                field.cursor_blink = False
        await self.pilot.pause()
        now = _bare(self.app.export_screenshot(title="herd"))
        path = PICTURES / f"{name}.svg"
        if os.environ.get("HERD_PICTURES") == "write":
            path.write_text(now)
        assert path.exists(), f"there is no picture {name}: HERD_PICTURES=write makes it"
        if path.read_text() != now:
            other = self._scratch / f"{name}.svg"
            other.write_text(now)
            raise AssertionError(
                f"the screen is not {path}; it is {other}\n{self.screen}\n"
                "If that is meant: HERD_PICTURES=write, and look at the picture."
            )


def _bare(svg: str) -> str:
    """Without fonts to fetch, and without the number that Rich makes of the whole content."""
    return re.sub(
        r"terminal-\d+", "terminal", re.sub(r"\s*@font-face {.*?}", "", svg, flags=re.DOTALL)
    )
