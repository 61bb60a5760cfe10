"""Models for the tests of the app: two that the carrier can bring, others to look at."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from pathlib import Path

from herd.core import Herd
from herd.install import Order
from herd.model import (
    Commercial,
    File,
    Format,
    Licence,
    Model,
    Sha256,
    UrlSource,
    Variant,
)
from herd.registry import Registry
from tests.tools.fakes import GGUF, FakeCarrier, FakeEngine, digest, herd_at

MEMORY = 16_000_000_000
"""Bytes of the machine in the pictures."""

OPEN = Licence("Apache-2.0", "https://www.apache.org/licenses/LICENSE-2.0", Commercial.OPEN)
ASKING = Licence(
    "research-only",
    "https://licences.example.org/research",
    Commercial.PROHIBITED,
    must_be_accepted=True,
    note="For research alone; [bold]nobody[/bold] may sell what it says.",
)


def url(name: str) -> str:
    return f"https://models.example.org/{name}.gguf"


def model(
    name: str,
    size: int | None = None,
    *,
    licence: Licence = OPEN,
    parameters: str | None = None,
    summary: str = "A model for tests.",
    variants: tuple[str, ...] = ("q4_0",),
    format: Format = Format.GGUF,  # noqa: A002
) -> Model:
    """Without a size its bytes are those that the carrier brings."""
    content = GGUF + name.encode()
    sha256 = digest(content) if size is None else Sha256("0" * 64)

    def made_of(each: str, at: int) -> File:
        length = len(content) if size is None else size + at
        return File(f"{name}-{each}.gguf", (UrlSource(url(name)),), length, sha256)

    made = tuple(
        Variant(each, (made_of(each, at),), format, each.upper())
        for at, each in enumerate(variants)
    )
    return Model(
        name,
        name.title(),
        made,
        variants[0],
        licence,
        parameters=parameters,
        summary=summary,
        context=4096,
        family=name.partition("-")[0],
    )


MODELS = (
    model("llama-small", parameters="135M", summary="Small and quick; it hums."),
    model("llama-large", 9_000_000_000, parameters="14B", variants=("q4_k_m", "q8_0")),
    model("alpaca", licence=ASKING, parameters="7B", summary="History, from March 2023."),
    model("vicuna", parameters="7B", summary="The cousin that answers [b]politely[/b]."),
    model("guanaco", 14_000_000_000, parameters="33B", summary="More than this machine has."),
    model("camel", 20_000_000_000, parameters="65B", summary="大きなラクダ 🐫 for deserts."),
    model("two-sizes", variants=("q4_0", "q8_0")),
    model("old-llama", 4_000_000_000, parameters="7B", format=Format.RAW),
)


@dataclass
class Given:
    """A herd and what is behind it."""

    herd: Herd
    engine: FakeEngine
    carrier: FakeCarrier
    gates: dict[str, threading.Event] = field(default_factory=dict)

    def hold(self, name: str) -> threading.Event:
        """Hold the second half of this model back until the event is set."""
        return self.carrier.gates.setdefault(url(name), threading.Event())

    def renew(self) -> None:
        """The herd of the next process."""
        self.herd = _herd(self.herd.places.store, self.carrier, self.engine)

    def install(self, *names: str) -> None:
        for name in names:
            self.herd.installer.install(Order(self.herd.choose(name), is_licence_accepted=True))


def given_at(home: Path) -> Given:
    contents = {url(each.name): GGUF + each.name.encode() for each in MODELS}
    carrier, engine = FakeCarrier(contents), FakeEngine()
    return Given(_herd(home, carrier, engine), engine, carrier)


def _herd(home: Path, carrier: FakeCarrier, engine: FakeEngine) -> Herd:
    herd = herd_at(home, carrier, engine)
    vars(herd)["registry"] = Registry(MODELS)
    return herd
