"""Several registries as one: who has a name, and what is hidden."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from herd.errors import RegistryError
from herd.model import Reference
from herd.places import Places, places
from herd.registry import Registry, layers, load, schema
from herd.registry.catalogue import Hidden
from tests.tools.fakes import registry_text


@pytest.fixture
def here(tmp_path: Path) -> Places:
    return places({"HERD_HOME": str(tmp_path)})


def add(here: Places, file: str, text: str) -> Path:
    path = here.user_registries / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def other(name: str, registry: str, alias: str = "") -> str:
    text = registry_text("https://a.example/x.gguf", name=name).replace("test}", f"{registry}}}")
    return text.replace("    role:", f"    aliases: [{alias}]\n    role:") if alias else text


def owner(registry: Registry, name: str) -> str | None:
    return registry.find(Reference(name)).model.registry


def test_what_is_shipped_comes_first_and_files_of_the_person_after_it(here: Places) -> None:
    add(here, "b.yaml", other("beta", "b"))
    add(here, "a.yaml", other("alpha", "a"))

    registry = load(here)

    assert [origin.name for origin in registry.origins] == ["herd", "a", "b"]
    assert [owner(registry, name) for name in ("smollm2", "alpha", "beta")] == ["herd", "a", "b"]
    assert registry.hidden == ()


def test_a_model_of_a_taken_name_is_set_aside_and_told(here: Places) -> None:
    add(here, "a.yaml", other("smollm2-135m", "a"))

    registry = load(here)

    assert owner(registry, "smollm2-135m") == "herd"
    assert registry.hidden == (Hidden("smollm2-135m", "a", "herd"),)
    assert registry.origins[1].models == 1


def test_an_alias_that_is_taken_is_lost_and_the_model_stays(here: Places) -> None:
    add(here, "a.yaml", other("mine", "a", alias="smollm2"))

    registry = load(here)

    assert (owner(registry, "mine"), owner(registry, "smollm2")) == ("a", "herd")
    assert registry.find(Reference("mine")).model.aliases == ()
    assert registry.hidden == (Hidden("smollm2", "a", "herd"),)


def test_the_second_of_two_registries_of_one_name_is_passed_over_and_told(here: Places) -> None:
    first = add(here, "a.yaml", other("alpha", "same"))
    second = add(here, "b.yaml", other("beta", "same"))
    registry = load(here)

    said = f"{second}:1: registry.name: {first} is named same already."
    assert registry.troubles == (f"{said} It is passed over.",)
    assert registry.offers("alpha")
    assert not registry.offers("beta")
    with pytest.raises(RegistryError) as caught:
        layers.stack(layers.each_of(here))
    assert caught.value.message == said


def test_a_registry_that_does_not_read_is_passed_over_and_told_with_its_line(here: Places) -> None:
    path = add(here, "a.yaml", "schema: 1\nmodels:\n  x: {}\n")
    add(here, "b.yaml", other("beta", "b"))
    registry = load(here)

    assert [each.name for each in registry.origins] == ["herd", "b"]
    (said,) = registry.troubles
    assert said.startswith(f"{path}:3: models.x: ")
    assert said.endswith("It is passed over.")
    with pytest.raises(RegistryError, match=f"^{path}:3: models.x: "):
        layers.each_of(here)


def test_of_a_registry_that_is_damaged_what_was_last_read_stays(here: Places) -> None:
    path = add(here, "mine.yaml", other("alpha", "mine"))
    assert load(here).troubles == ()
    path.write_text(path.read_text()[:-30])
    registry = load(here)

    assert owner(registry, "alpha") == "mine"
    (said,) = registry.troubles
    assert said.startswith(f"{path}:")
    assert said.endswith("What was last read of it is used.")


def test_a_pipe_in_the_place_of_a_registry_is_passed_over_and_not_waited_for(here: Places) -> None:
    here.user_registries.mkdir(parents=True)
    pipe = here.user_registries / "a.yaml"
    os.mkfifo(pipe)

    assert load(here).troubles == (
        f"{pipe}:1: cannot be read: it is no ordinary file. It is passed over.",
    )


def test_a_registry_without_a_name_is_called_after_its_file(here: Places) -> None:
    add(here, "mine.yaml", other("alpha", "a").replace("registry: {name: a}\n", ""))

    assert load(here).origins[1].name == "mine"


def test_files_that_are_no_registries_are_left_alone(here: Places) -> None:
    add(here, "notes.txt", "nothing")

    assert len(load(here).origins) == 1


def test_layers_stack_in_the_order_in_which_they_are_given() -> None:
    one, two = (
        schema.read(other("same", name).encode(), f"{name}.yaml") for name in ("one", "two")
    )

    assert owner(layers.stack([one, two]), "same") == "one"
    assert owner(layers.stack([two, one]), "same") == "two"
