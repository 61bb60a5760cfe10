"""What herd keeps of a registry that was read: the same models, and nothing that can harm."""

from __future__ import annotations

import gc
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from herd.errors import RegistryError
from herd.model import reference
from herd.places import places
from herd.registry import compiled, document, layers, load
from herd.registry.document import Section
from herd.registry.layer import Layer
from tests.registry.sample import SAMPLE, SHA, V1

CONTENT = SAMPLE.encode()


def kept(cache: Path) -> Path:
    (path,) = cache.iterdir()
    return path


def read(cache: Path | None) -> Layer:
    return layers.read(CONTENT, "sample.yaml", cache=cache)


def forge(cache: Path, change: Callable[[list[Any]], object]) -> None:
    """Change what is kept as somebody would who knows its form and its digest."""
    head, *lines = kept(cache).read_text().split("\n")
    parts = [json.loads(line) for line in lines]
    change(parts)
    body = "\n".join(json.dumps(part) for part in parts)
    about = json.loads(head)
    about |= {"digest": compiled.digest(about, body.encode())}
    kept(cache).write_text(f"{json.dumps(about)}\n{body}")


def test_what_is_kept_is_what_was_read(tmp_path: Path) -> None:
    first, again = read(tmp_path), read(tmp_path)

    assert list(again.models) == list(first.models)
    assert list(again.cards) == [tuple(_listed(each)) for each in first.cards]
    assert (again.name, again.updated, again.origin) == (first.name, first.updated, "sample.yaml")


def _listed(card: tuple[object, ...]) -> list[object]:
    return [list(each) if isinstance(each, tuple) else each for each in card]


def test_the_whole_shipped_registry_is_kept_without_loss(tmp_path: Path) -> None:
    strict = layers.shipped()
    layers.shipped(tmp_path)
    cached = layers.shipped(tmp_path)

    assert cached.lines == {}, "it was not read from the cache"
    assert list(cached.models) == list(strict.models)


def test_a_registry_that_is_kept_needs_no_yaml(tmp_path: Path) -> None:
    script = (
        "import sys; from herd.places import places; from herd.registry import load;"
        f"load(places({{'HERD_HOME': {str(tmp_path)!r}}})).search(['chat']);"
        "print('yaml' in sys.modules)"
    )
    says = [
        subprocess.run(
            [sys.executable, "-c", script], capture_output=True, text=True, check=True
        ).stdout.strip()
        for _ in range(2)
    ]

    assert says == ["True", "False"]


def test_another_document_is_another_file(tmp_path: Path) -> None:
    read(tmp_path)
    other = layers.read(CONTENT.replace(b"title: Tiny", b"title: Wee"), "x", cache=tmp_path)

    assert [model.title for model in (*other.models, *read(tmp_path).models)][::2] == [
        "Wee",
        "Tiny",
    ]
    assert len(list(tmp_path.iterdir())) == 2


def test_two_files_of_one_content_keep_their_own_names(tmp_path: Path) -> None:
    nameless = CONTENT.replace(b"registry: {name: sample, updated: 2026-11-24}\n", b"")
    for name in ("a", "b", "a"):
        layer = layers.read(nameless, f"{name}.yaml", fallback_name=name, cache=tmp_path)
        assert layer.name == layer.models[0].registry == name


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_a_damaged_file_is_read_anew(data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as folder:
        cache = Path(folder)
        expected = list(read(cache).models)
        whole = kept(cache).read_bytes()
        at = data.draw(st.integers(0, len(whole) - 1))
        patch = data.draw(st.binary(max_size=8))
        kept(cache).write_bytes(whole[:at] + patch + whole[at + len(patch) + 1 :])

        assert list(read(cache).models) == expected


def test_a_damaged_name_is_read_anew(tmp_path: Path) -> None:
    read(tmp_path)
    kept(tmp_path).write_bytes(kept(tmp_path).read_bytes().replace(b'"sample"', b'"simple"', 1))

    assert read(tmp_path).name == "sample"


@settings(max_examples=40, deadline=None)
@given(st.binary(max_size=300))
def test_nor_does_any_other_file_in_its_place_harm(content: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        cache = Path(folder)
        name = f"{compiled.key(CONTENT, 'sample.yaml')}.registry"
        (cache / name).write_bytes(content)

        assert read(cache).models[0].name == "tiny"


HOSTILE: dict[str, Callable[[Any], object]] = {
    "a file outside": lambda model: model[2][0][1][0].__setitem__(0, "../../evil.gguf"),
    "a variant outside": lambda model: model[2][0].__setitem__(0, "../evil"),
    "a digest that is a path": lambda model: model[2][0][1][0].__setitem__(3, "../" + SHA[3:]),
    "a file of the reader": lambda model: model[2][0][1][0][1].append(["path", "/etc/passwd"]),
    "a torrent of the reader": lambda model: model[2][0][1][0][1].append(["torrent", "/x"]),
    "another scheme": lambda model: model[2][0][1][0][1].append(["url", "file:///etc/passwd"]),
    "an option for pip": lambda model: model[2][0][1][0][1].append(["pypi", "-r x==1", "a"]),
    "a way out of a wheel": lambda model: model[2][0][1][0][1].append(["pypi", "a==1", "../a"]),
    "a moving revision": lambda model: model[2][0][1][0][1].append(["hf", "a/b", "main", "c"]),
    "no info hash": lambda model: model[2][0][1][0][1].append(
        ["magnet", None, None, [], None, "live", None]
    ),
    "an odd tracker": lambda model: model[2][0][1][0][1].append(
        ["magnet", V1, None, ["exec://x"], None, "live", None]
    ),
    "a negative size": lambda model: model[2][0][1][0].__setitem__(2, -1),
    "another shape": lambda model: model.pop(),
    "another name": lambda model: model.__setitem__(0, "older"),
}


@pytest.mark.parametrize("forgery", HOSTILE)
def test_a_forged_model_is_refused_by_the_rules_of_registries(forgery: str, tmp_path: Path) -> None:
    read(tmp_path)

    def change(parts: list[Any]) -> None:
        HOSTILE[forgery](parts[2])

    forge(tmp_path, change)

    with pytest.raises(RegistryError, match="was changed by somebody else"):
        read(tmp_path).models[0]


@pytest.mark.parametrize("name", [["evil"], [["x", 1]], {"a": 1}, [[], []], 7, None])
def test_forged_names_are_refused_or_read_anew(name: object, tmp_path: Path) -> None:
    read(tmp_path)
    forge(tmp_path, lambda parts: parts.__setitem__(0, name))

    try:
        models = list(read(tmp_path).models)
    except RegistryError:
        return
    assert [model.name for model in models] == ["tiny", "older"]


def test_forged_cards_are_refused(tmp_path: Path) -> None:
    read(tmp_path)
    forge(tmp_path, lambda parts: parts[1][0].__setitem__(0, "other"))

    with pytest.raises(RegistryError, match="was changed by somebody else"):
        layers.stack([read(tmp_path)]).search(["tiny"])


def test_a_cache_that_cannot_be_written_costs_only_time(tmp_path: Path) -> None:
    in_the_way = tmp_path / "file"
    in_the_way.write_text("")

    assert read(in_the_way / "cache").models[0].name == "tiny"


def test_old_files_leave_the_cache(tmp_path: Path) -> None:
    for at in range(compiled.MOST_FILES + 3):
        layers.read(CONTENT + b"# %d\n" % at, "sample.yaml", cache=tmp_path)

    assert len(list(tmp_path.iterdir())) == compiled.MOST_FILES


def test_a_herd_keeps_what_it_read_in_its_cache(tmp_path: Path) -> None:
    here = places({"HERD_HOME": str(tmp_path)})

    assert load(here).find(reference("smollm2")) == load(here).find(reference("smollm2"))
    assert list(here.compiled.iterdir())


def test_reading_pauses_the_collector_and_starts_it_again(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[bool] = []
    genuine = document.section

    def watched(text: str, origin: str) -> Section:
        seen.append(gc.isenabled())
        return genuine(text, origin)

    monkeypatch.setattr(document, "section", watched)
    read(None)

    assert set(seen) == {False}
    assert gc.isenabled()
