"""A LoRA changes what a model says, as much as is asked for, and only the model it is for."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from herd.engine import Adapter, Engine, Loadable
from herd.errors import EngineFailed
from tests.engine.asking import said
from tests.engine.conftest import MakeModel
from tests.tools import tiny_gguf
from tests.tools.tiny_gguf import Tiny


@pytest.fixture
def lora(tmp_path: Path) -> Path:
    return tiny_gguf.write_adapter(tmp_path / "lora.gguf")


def test_an_adapter_changes_the_answer(engine: Engine, tiny: Loadable, lora: Path) -> None:
    plain = said(engine, tiny).text

    changed = said(engine, replace(tiny, adapters=(Adapter(lora),))).text

    assert changed != plain
    assert said(engine, tiny).text == plain


def test_its_scale_says_how_much(engine: Engine, tiny: Loadable, lora: Path) -> None:
    plain = said(engine, tiny).text

    assert said(engine, replace(tiny, adapters=(Adapter(lora, 0.0),))).text == plain
    assert said(engine, replace(tiny, adapters=(Adapter(lora, 3.0),))).text != plain


def test_what_is_no_adapter_for_the_model_is_said(
    engine: Engine, tiny: Loadable, models: MakeModel, lora: Path
) -> None:
    other = models(Tiny(width=128))

    with pytest.raises(EngineFailed, match=r"lora\.gguf is no adapter for tiny"):
        engine.ensure(replace(other, adapters=(Adapter(lora),)))
    with pytest.raises(EngineFailed, match=r"gguf is no adapter for tiny"):
        engine.ensure(replace(tiny, adapters=(Adapter(other.path),)))

    assert said(engine, tiny).text
