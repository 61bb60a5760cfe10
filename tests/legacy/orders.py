"""Orders of ggml files, as a registry or a person gives them, and a carrier that has the bytes."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

from herd.core import Herd
from herd.install import Order
from herd.model import Choice, File, Format, Licence, Model, UrlSource, Variant
from herd.progress import Gauge, Stage
from tests.tools.fakes import FakeCarrier, digest, herd_at

from .given import EPSILON, given

HOST = "https://models.example.org"


def names(name: str) -> list[str]:
    """The files of a given model, the first part first."""
    return [f"{name}.bin", f"{name}.bin.1"] if name.endswith("2part") else [f"{name}.bin"]


def file_of(name: str, content: bytes, *, is_promised: bool = True) -> File:
    url = UrlSource(f"{HOST}/{name}")
    return File(name, (url,), len(content), digest(content)) if is_promised else File(name, (url,))


def choice_of(*files: File, form: Format = Format.GGML, is_offered: bool = True) -> Choice:
    variant = Variant("q4_0", files, form)
    model = Model(
        "old",
        "Old",
        (variant,),
        "q4_0",
        Licence("MIT"),
        context=512,
        template="{{ messages[0].content }}",
        epsilon=EPSILON,
        registry="test" if is_offered else None,
    )
    return Choice(model, variant)


def contents_of(name: str) -> dict[str, bytes]:
    return {each: given(name, each.removeprefix(name)).read_bytes() for each in names(name)}


def offered(name: str) -> Choice:
    """A given model as a registry offers it."""
    return choice_of(*(file_of(each, content) for each, content in contents_of(name).items()))


def carrier_of(*given_names: str) -> FakeCarrier:
    contents = [contents_of(name) for name in given_names]
    return FakeCarrier({f"{HOST}/{n}": c for each in contents for n, c in each.items()})


def herd_with(home: Path, *given_names: str) -> tuple[Herd, FakeCarrier]:
    carrier = carrier_of(*given_names)
    return herd_at(home, carrier), carrier


class Stopping(Gauge):
    """Does something as soon as bytes are converted."""

    def __init__(self, then: Callable[[], None]) -> None:
        super().__init__()
        self.then = then

    def advance(self, count: int) -> None:
        super().advance(count)
        if self.read().stage is Stage.CONVERTING:
            self.then()


def stopped_while_converting(choice: Choice) -> Order:
    stop = threading.Event()
    return Order(choice, gauge=Stopping(stop.set), stop=stop)
