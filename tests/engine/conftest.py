"""Engines that are closed afterwards, and tiny models that are made once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from herd.engine import Engine, Loadable, model_pool
from herd.engine.residents import Resident
from tests.tools import tiny_gguf
from tests.tools.tiny_gguf import Tiny

MADE: list[Resident] = []
"""Every model that an engine took in, also those that are gone."""


class Remembered(Resident):
    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        MADE.append(self)


@pytest.fixture(autouse=True)
def remembered(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(model_pool, "Resident", Remembered)
    yield
    MADE.clear()


def last_pid() -> int:
    """The process of the model that came last."""
    return MADE[-1].process.pid


MakeEngine = Callable[..., Engine]
MakeModel = Callable[..., Loadable]


@pytest.fixture
def make_engine(tmp_path: Path) -> Iterator[MakeEngine]:
    made: list[Engine] = []

    def make(command: Sequence[str] | None = None, **given: Any) -> Engine:
        given = {"patience": 60.0} | given
        engine = Engine(tmp_path / "logs" / "engine.log", command, **given)
        made.append(engine)
        return engine

    yield make
    for engine in made:
        engine.close()


@pytest.fixture
def engine(make_engine: MakeEngine) -> Engine:
    return make_engine()


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> MakeModel:
    """Makes a model of the tiny kind, or gives the one that was made before."""
    folder = tmp_path_factory.mktemp("models")
    made: dict[Tiny, Path] = {}

    def make(tiny: Tiny | None = None, **fields: object) -> Loadable:
        tiny = tiny or Tiny()
        if tiny not in made:
            made[tiny] = tiny_gguf.write(folder / f"{len(made)}.gguf", tiny)
        return Loadable(f"tiny{list(made).index(tiny)}", made[tiny], **fields)  # type: ignore[arg-type]

    return make


@pytest.fixture
def tiny(models: MakeModel) -> Loadable:
    return models()
