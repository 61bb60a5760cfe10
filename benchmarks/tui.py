"""How quick the app is: start, keys while an answer streams, keys in a large library.

    python -m benchmarks.tui [--runs 7]

Start is the whole process in a pseudo-terminal until that has been handed the first frame,
beside an empty Textual app, interleaved; once the app alone, once the command. Streaming is
2,000 tokens at 200 tokens/s into a conversation of 200 turns, beside Textual's own
MarkdownStream alone in an otherwise empty app. Streaming and filtering are headless: the
terminal's own time is not in them. Prints medians and p95s.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import statistics
import tempfile
import threading
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from pathlib import Path

from textual import events
from textual.app import App, ComposeResult
from textual.containers import VerticalScroll
from textual.widgets import Markdown, TextArea

from benchmarks.first_frame import starts
from herd.chat import Conversation, Role, Turn
from herd.engine import Began, Extras, Finished, Loadable, Piece, Text
from herd.install import Order
from herd.model import Sampling
from herd.registry import Registry
from herd_tui.app import HerdApp
from herd_tui.widgets.filter import Filter
from herd_tui.widgets.model_list import ModelList
from herd_tui.widgets.prompt import Prompt
from tests.tools.fakes import GGUF, FakeCarrier, FakeEngine, herd_at
from tests.tui.shelf import model, url

TOKENS, PER_SECOND = 2000, 200
KEY_EVERY = 0.15
MODELS = 10_000
TYPED = ("l", "ll", "lla", "llam", "llama", "llama-1", "llama-12", "7b", "7b qw", "")


class Steady(FakeEngine):
    """Says words at a steady pace."""

    def answer(
        self,
        model: Loadable,
        turns: Sequence[Turn],
        sampling: Sampling,
        stop: threading.Event,
        extras: Extras | None = None,
    ) -> Iterator[Piece]:
        """Words at a steady pace, whatever was asked."""
        del turns, sampling, stop, extras
        self.ensure(model)
        yield Began(prompt_tokens=100, reused_tokens=0, left_out=0)
        begun = time.monotonic()
        for at in range(TOKENS):
            time.sleep(max(0.0, begun + at / PER_SECOND - time.monotonic()))
            yield Text(word(at))
        yield Finished("stop", TOKENS, time.monotonic() - begun, 0.0)


def word(at: int) -> str:
    """Prose with lists, code and paragraphs, as answers are."""
    if at % 200 == 150:
        return "\n\n```python\ndef hum(llama):\n    return 'mmm'\n```\n\n"
    return "\n\n" if at % 60 == 59 else "\n- " if at % 20 == 19 else f"**llama** {at} "


async def echo(app: App[None], change: Callable[[], object]) -> float:
    """Seconds from a key to the frame that shows what it did."""
    before, begun = change(), time.perf_counter()
    app.post_message(events.Key("a", "a"))
    while change() == before:
        await asyncio.sleep(0.001)
    drawn = asyncio.Event()
    app.screen.call_after_refresh(drawn.set)
    await drawn.wait()
    return time.perf_counter() - begun


async def keys_while(
    app: App[None], is_over: Callable[[], bool], change: Callable[[], object]
) -> tuple[list[float], float]:
    """Echo times of keys until it is over, and the share of a core that went by."""
    cpu, wall, times = time.process_time(), time.perf_counter(), []
    while not is_over():
        times.append(await echo(app, change))
        await asyncio.sleep(KEY_EVERY)
    return times, (time.process_time() - cpu) / (time.perf_counter() - wall)


async def stream_in_herd(folder: Path) -> tuple[list[float], float]:
    """A long answer in a long conversation."""
    carrier = FakeCarrier({url("vicuna"): GGUF + b"vicuna"})
    herd = herd_at(folder, carrier, Steady())
    vars(herd)["registry"] = Registry((model("vicuna"),))
    herd.installer.install(Order(herd.choose("vicuna")))
    said = tuple(
        Turn(Role.USER if at % 2 == 0 else Role.ASSISTANT, "".join(map(word, range(40))), "vicuna")
        for at in range(200)
    )
    herd.history.save(Conversation(said, model="vicuna:q4_0", title="long"))
    app = HerdApp(herd)
    async with app.run_test(size=(120, 40)) as pilot:
        app.action_show_chat()
        while len(app.chat.conversation.turns) < 200:
            await pilot.pause(0.05)
        prompt = app.chat.query_one(Prompt)
        prompt.insert("Say much.")
        await pilot.press("enter")
        while not (app.chat.talk and app.chat.talk.answer.text):
            await pilot.pause(0.01)
        outcome = await keys_while(app, lambda: app.chat.talk is None, lambda: len(prompt.text))
    herd.close()
    return outcome


class Alone(App[None]):
    """Textual's own stream of Markdown, and a text area."""

    def compose(self) -> ComposeResult:
        """Both."""
        with VerticalScroll():
            yield Markdown()
        yield TextArea()

    def on_mount(self) -> None:
        """Type into the text area."""
        self.query_one(TextArea).focus()
        self.query_one(VerticalScroll).anchor()


async def stream_alone() -> tuple[list[float], float]:
    """The same words in the smallest app that can show them."""
    app = Alone()
    async with app.run_test(size=(120, 40)):
        over = asyncio.Event()

        async def pour() -> None:
            stream = Markdown.get_stream(app.query_one(Markdown))
            begun = time.monotonic()
            for at in range(TOKENS):
                await asyncio.sleep(max(0.0, begun + at / PER_SECOND - time.monotonic()))
                await stream.write(word(at))
            await stream.stop()
            over.set()

        task = asyncio.create_task(pour())
        area = app.query_one(TextArea)
        outcome = await keys_while(app, over.is_set, lambda: len(area.text))
        await task
    return outcome


async def filter_many(folder: Path) -> list[float]:
    """Keys into the filter of a registry of ten thousand."""
    gc.disable()  # as `herd_tui.run` does until the library is shown
    herd = herd_at(folder)
    families = ("llama", "qwen", "gemma", "alpaca", "vicuna")
    vars(herd)["registry"] = Registry(
        tuple(
            model(f"{families[at % 5]}-{at}", 10**9 + at, parameters="7B") for at in range(MODELS)
        )
    )
    app, times = HerdApp(herd, memory=16 * 10**9), []
    async with app.run_test(size=(120, 40)) as pilot:
        box = app.library.query_one(ModelList)
        while len(box.rows) < MODELS:
            await pilot.pause(0.05)
        for text in 3 * TYPED:
            begun = time.perf_counter()
            field = app.library.query_one(Filter)
            field.value = text
            while app.library._sifted != text:  # noqa: SLF001  # what the list shows
                await asyncio.sleep(0)
            drawn = asyncio.Event()
            app.screen.call_after_refresh(drawn.set)
            await drawn.wait()
            times.append(time.perf_counter() - begun)
    herd.close()
    return times


def p95(times: list[float]) -> float:
    """The 95th percentile."""
    return sorted(times)[int(len(times) * 0.95)]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=7)
    runs = parser.parse_args().runs
    times = starts(runs)
    least = statistics.median(times["empty Textual app"])
    print(f"start until the terminal has the frame, median of {runs}")
    for name, taken in times.items():
        median = statistics.median(taken)
        print(f"  {name:<28}{1000 * median:7.0f} ms   {median / least:.2f} x")
    measure: dict[str, Callable[[Path], Awaitable[tuple[list[float], float]]]] = {
        "Textual's MarkdownStream": lambda _: stream_alone(),
        "herd, 200 turns before it": stream_in_herd,
    }
    print(f"keys while {TOKENS} tokens come at {PER_SECOND} tokens/s")
    for name, run in measure.items():
        with tempfile.TemporaryDirectory() as folder:
            echoes, share = asyncio.run(run(Path(folder)))  # type: ignore[arg-type]
        print(
            f"  {name:<28}{1000 * statistics.median(echoes):7.1f} ms   p95"
            f"{1000 * p95(echoes):7.1f} ms   {100 * share:.0f} % of a core   {len(echoes)} keys"
        )
    with tempfile.TemporaryDirectory() as folder:
        taken = asyncio.run(filter_many(Path(folder)))
    print(f"filter of {MODELS} models, key to frame")
    print(
        f"  {'herd':<28}{1000 * statistics.median(taken):7.1f} ms   p95{1000 * p95(taken):7.1f} ms"
    )


if __name__ == "__main__":
    main()
