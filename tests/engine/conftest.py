"""Engines that are closed afterwards, and tiny models that are made once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from herd.engine import Engine, Loadable
from tests.tools import tiny_gguf
from tests.tools.tiny_gguf import Tiny

MakeEngine = Callable[..., Engine]
MakeModel = Callable[..., Loadable]


@pytest.fixture
def make_engine(tmp_path: Path) -> Iterator[MakeEngine]:
    made: list[Engine] = []

    def make(command: Sequence[str] | None = None, *, patience: float = 60.0) -> Engine:
        engine = Engine(tmp_path / "logs" / "engine.log", command, patience=patience)
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
