from __future__ import annotations

from pathlib import Path

import pytest

from herd.places import expanded, places


def test_herd_home_puts_everything_under_one_folder(tmp_path: Path) -> None:
    where = places({"HERD_HOME": str(tmp_path)})

    paths = [
        where.blobs,
        where.models,
        where.manifests,
        where.staging,
        where.locks,
        where.chats,
        where.config_file,
        where.user_registries,
        where.log_file,
        where.engine_log,
        where.cache,
    ]

    assert all(path.is_relative_to(tmp_path) for path in paths)


def test_asking_for_places_makes_no_folder(tmp_path: Path) -> None:
    places({"HERD_HOME": str(tmp_path / "new")})

    assert not (tmp_path / "new").exists()


def test_without_herd_home_the_platform_decides() -> None:
    assert places({}).store.name == "herd"


@pytest.mark.parametrize("text", ["~nobody-of-this-name/model.gguf", "model~", "a/~b"])
def test_a_path_that_begins_with_nobodys_home_stays_as_it_is(text: str) -> None:
    assert expanded(text) == Path(text)


def test_a_tilde_is_the_persons_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))

    assert expanded("~/model.gguf") == tmp_path / "model.gguf"
